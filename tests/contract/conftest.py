"""The fixtures of this folder."""

from fault_asking import ask, faults
from google_asking import google, grpc_faults
from loopback import bench, closing, faulty
from reask_stories import story
from stream_asking import stream

__all__ = ["ask", "bench", "closing", "faults", "faulty", "google", "grpc_faults", "story", "stream"]
