"""For tests of adapters, and of programs that use toolfan.

`AdapterConformance` is the suite that every adapter passes; `Sample` and `ErrorSample` are what it is given.
`scripted` makes a client whose answers are given, `replayed` one that answers from a recording.
Everything loads on first use: the plugin of pytest is imported at every start of it.

Knows: where the names are at home.  Must not know: pytest, pydantic; importing this imports neither.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .conformance import AdapterConformance
    from .lawbook import LawBroken, broken, law
    from .recording import Recording, RecordingAdapter
    from .replaying import replayed, replayed_async
    from .samples import ErrorSample, Sample
    from .scripting import ScriptedAdapter, scripted, scripted_async

_HOMES = {
    "AdapterConformance": "conformance",
    "ErrorSample": "samples",
    "LawBroken": "lawbook",
    "Recording": "recording",
    "RecordingAdapter": "recording",
    "Sample": "samples",
    "ScriptedAdapter": "scripting",
    "broken": "lawbook",
    "law": "lawbook",
    "replayed": "replaying",
    "replayed_async": "replaying",
    "scripted": "scripting",
    "scripted_async": "scripting",
}

__all__ = [
    "AdapterConformance",
    "ErrorSample",
    "LawBroken",
    "Recording",
    "RecordingAdapter",
    "Sample",
    "ScriptedAdapter",
    "broken",
    "law",
    "replayed",
    "replayed_async",
    "scripted",
    "scripted_async",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        module = _HOMES.get(name)
        if module is None:
            raise AttributeError(f"module 'toolfan.testing' has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(f"toolfan.testing.{module}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """With what is not loaded yet for whoever explores in an interpreter; code that walks modules loads none of it."""
    return sorted({*globals(), *(_HOMES if hasattr(sys, "ps1") else ())})
