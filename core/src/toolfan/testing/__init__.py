"""For tests of adapters, and of programs that use toolfan.

`AdapterConformance` is the suite that every adapter passes; `Sample` and `ErrorSample` are what it is given.
`scripted` makes a client whose answers are given, `replayed` one that answers from a recording.
Everything loads on first use: the plugin of pytest is imported at every start of it.

Knows: where the names are at home.  Must not know: pytest, pydantic; importing this imports neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..moved import moved

if TYPE_CHECKING:
    from .conformance import AdapterConformance
    from .lawbook import LawBroken, broken, law
    from .recording import Recording, RecordingAdapter
    from .replaying import replayed, replayed_async
    from .samples import ErrorSample, Sample
    from .scripting import ScriptedAdapter, scripted, scripted_async

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
    __getattr__, __dir__ = moved(
        __name__,
        {
            "testing.conformance": "AdapterConformance",
            "testing.lawbook": "LawBroken broken law",
            "testing.recording": "Recording RecordingAdapter",
            "testing.replaying": "replayed replayed_async",
            "testing.samples": "ErrorSample Sample",
            "testing.scripting": "ScriptedAdapter scripted scripted_async",
        },
    )
