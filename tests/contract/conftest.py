"""The fixtures of this folder."""

from fault_asking import ask, faults
from loopback import bench, closing, faulty

__all__ = ["ask", "bench", "closing", "faults", "faulty"]
