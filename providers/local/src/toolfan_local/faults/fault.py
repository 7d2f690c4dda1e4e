"""What a fault is: its name, where it stands in the catalogue, what it does, and the function that plays it.

Knows no fault, no socket and no dialect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from toolfan_local.faults.stage import Stage

Dialect = Literal["openai", "responses", "anthropic", "google", "grpc"]
Play = Callable[["Stage"], None]

OPENAI: tuple[Dialect, ...] = ("openai",)
GOOGLE: tuple[Dialect, ...] = ("google",)
PIECES: tuple[Dialect, ...] = ("openai", "responses", "anthropic")
"""Those whose streams bring arguments as pieces of a text."""
HTTP: tuple[Dialect, ...] = (*PIECES, "google")
EVERY: tuple[Dialect, ...] = (*HTTP, "grpc")

SECTIONS = {
    "0": "no fault",
    "1": "transport",
    "2": "HTTP status",
    "3": "server-sent events",
    "4.1": "payload: arguments",
    "4.2": "payload: names, ids, types",
    "4.3": "payload: shape and finish",
    "6": "Google (Vertex, Gemini)",
}


@dataclass(frozen=True)
class Fault:
    """One fault of the catalogue.

    `name` is the name of the model that plays it; `section` is a key of `SECTIONS`; `dialects` are those it is played
    in ("grpc" by `GrpcFaultServer`); `expectation` is what toolfan makes of it, in a few words.
    """

    name: str
    section: str
    description: str
    dialects: tuple[Dialect, ...]
    expectation: str
    play: Play = field(repr=False, compare=False)
