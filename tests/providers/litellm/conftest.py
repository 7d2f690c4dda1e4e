"""Fixtures of these tests."""

from loopback import bench, closing, faulty

__all__ = ["bench", "closing", "faulty"]
