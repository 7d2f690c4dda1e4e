"""For tests of adapters, and of programs that use toolfan.

`AdapterConformance` is the suite that every adapter passes; `Sample` and `ErrorSample` are what it is given.
Everything loads on first use: the plugin of pytest is imported at every start of it.

Knows: where the names are at home.  Must not know: pytest, pydantic; importing this imports neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .conformance import AdapterConformance
    from .lawbook import LawBroken, law
    from .samples import ErrorSample, Sample

_HOMES = {
    "AdapterConformance": "conformance",
    "ErrorSample": "samples",
    "LawBroken": "lawbook",
    "Sample": "samples",
    "law": "lawbook",
}

__all__ = ["AdapterConformance", "ErrorSample", "LawBroken", "Sample", "law"]


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
    return sorted({*globals(), *_HOMES})
