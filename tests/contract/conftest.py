"""The fixtures of this folder."""

import sys
from importlib.util import find_spec
from pathlib import Path

from fault_asking import ask, faults
from google_asking import google, grpc_faults
from loopback import bench, closing, faulty
from other_asking import others
from reask_stories import story
from stream_asking import stream

__all__ = [
    "ask",
    "bench",
    "closing",
    "faults",
    "faulty",
    "google",
    "grpc_faults",
    "others",
    "story",
    "stream",
]

if find_spec("anthropic"):  # LiteLLM's environment has none
    from provider_asking import askers as askers

# The tables of one module are those of others, too.
sys.path.insert(0, str(Path(__file__).resolve().parent))
