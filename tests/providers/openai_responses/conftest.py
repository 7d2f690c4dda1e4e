"""The fixtures of this folder."""

from loopback import faulty

__all__ = ["faulty"]
