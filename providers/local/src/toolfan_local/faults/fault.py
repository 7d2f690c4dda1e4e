"""What a fault is: its name, where it stands in the catalogue, what it does, and the function that plays it.

Knows no fault, no socket and no dialect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from toolfan_local.faults.stage import Stage

Dialect = Literal["openai", "responses", "anthropic", "google", "bedrock", "cohere", "grpc"]
Play = Callable[["Stage"], None]

OPENAI: tuple[Dialect, ...] = ("openai",)
GOOGLE: tuple[Dialect, ...] = ("google",)
LABS: tuple[Dialect, ...] = ("openai", "responses", "anthropic")
"""OpenAI's and Anthropic's."""
CHAT: tuple[Dialect, ...] = ("openai", "cohere")
"""Those whose messages have `tool_calls`, and whose streams end with `[DONE]`."""
TYPED: tuple[Dialect, ...] = (*LABS, "cohere")
"""Those whose calls have a type, and whose server-sent events bring arguments as pieces of a text."""
FILTERED: tuple[Dialect, ...] = (*LABS, "bedrock")
"""Those with a word for a filter, or for a refusal."""
PIECES: tuple[Dialect, ...] = (*TYPED, "bedrock")
"""Those whose streams, of whatever framing, bring arguments as pieces of a text."""
EVENTS: tuple[Dialect, ...] = (*TYPED, "google")
"""Those that stream as server-sent events."""
HTTP: tuple[Dialect, ...] = (*PIECES, "google")
"""Those that an answer as JSON over HTTP is played in."""
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
