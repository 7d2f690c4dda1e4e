"""The fixtures of this folder."""

from loopback import bench, closing, faulty

__all__ = ["bench", "closing", "faulty"]
