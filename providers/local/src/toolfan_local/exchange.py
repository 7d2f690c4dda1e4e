"""The neutral form of one exchange: what was asked (`Question`), what is answered (`Reply`, `Failure`, `Verbatim`).

Knows no wire dialect, no HTTP and no rule of the planner: the dialects read into and render from these values.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolfan_local.planner import PlannerTool

Choice = Literal["auto", "required", "none"]
Stop = Literal["calls", "end", "length", "filtered", "refused", "malformed", "none"]

TOKEN = 4
"""Characters of a token, in the estimate of tokens."""
_CORRECTIONS = ("Invalid arguments:\n", "Failed: ")  # so begins what toolfan tells the model of a failed call
_REFUSAL = "I'm sorry, but I cannot help with that."


@dataclass(frozen=True)
class ToolResult:
    """What the caller's tool returned for one call, as text or JSON value; `error`: that it failed stands beside it."""

    name: str
    content: Any
    error: bool = False

    @property
    def failed(self) -> bool:
        """Whether the call failed, also where only the text says so."""
        return self.error or str(self.content).startswith(_CORRECTIONS)


@dataclass(frozen=True)
class Question:
    """One request, free of any dialect.

    `text` is the last user message; `results` is not empty when the conversation ends with tool results;
    `allowed` restricts the tools to a subset; `limit` is the greatest number of calls, `most_tokens` that of tokens of
    the answer (None: no limit). `stream`: the answer is wanted as a stream, with its usage (`stream_usage`), with
    arguments in pieces (`partial_arguments`). `form`: the JSON Schema of the answer's text (None: any text).
    """

    model: str
    text: str
    tools: tuple[PlannerTool, ...] = ()
    results: tuple[ToolResult, ...] = ()
    choice: Choice = "auto"
    allowed: frozenset[str] | None = None
    limit: int | None = None
    most_tokens: int | None = None
    forced: bool = False
    copies: int = 1
    prompt_tokens: int = 0
    stream: bool = False
    stream_usage: bool = False
    partial_arguments: bool = False
    form: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class ReplyCall:
    """One tool call: `arguments` is an object, or raw text sent in its place; `id` None: the server makes one.

    `kept`: where they were cut, those of the arguments that are whole; None for a call that was not cut.
    """

    name: str
    arguments: Mapping[str, Any] | str
    id: str | None = None
    kept: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class TokenCount:
    """Tokens of one exchange."""

    prompt: int
    completion: int


@dataclass(frozen=True)
class Reply:
    """An answer of the model: calls, text, or both.  With the stop reason `refused` the text is the refusal's.

    `meant`: the whole answer, where this is what the request's limit of tokens left of it.
    """

    calls: tuple[ReplyCall, ...] = ()
    text: str | None = None
    stop: Stop | None = None
    tokens: TokenCount | None = None
    meant: Reply | None = None

    @property
    def stop_kind(self) -> Stop:
        """The stop reason: the given one, else `calls` when there are calls, else `end`."""
        return self.stop or ("calls" if self.calls else "end")

    @property
    def torn(self) -> bool:
        """Whether it ends inside what it says last, as far as that is known."""
        if self.meant is None:
            return self.stop_kind in ("length", "filtered")
        return self.calls[-1].kept is not None if self.calls else self.text != self.meant.text

    @property
    def refusal(self) -> str | None:
        """The words of a refusal; None for any other answer."""
        return (self.text or _REFUSAL) if self.stop == "refused" else None


@dataclass(frozen=True)
class Failure:
    """An error answer. `code` and `type`: the dialect's own words.

    Google's details: `retry_delay`, in seconds, of RetryInfo; `quota_id` of QuotaFailure.
    """

    status: int
    message: str
    code: str | None = None
    type: str | None = None
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_delay: float | None = None
    quota_id: str | None = None


@dataclass(frozen=True)
class Verbatim:
    """A body that is sent as it is."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


Outcome = Reply | Failure | Verbatim


class Refused(Exception):
    """Raised by a dialect's reader when the request is not one that the real service would take."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def estimate_tokens(value: Any) -> int:
    """A deterministic estimate: a token for every `TOKEN` characters of the text or of the JSON text, rounded up."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return math.ceil(len(text) / TOKEN)


def count_tokens(question: Question, reply: Reply) -> TokenCount:
    """The scripted token count where there is one, else the estimate of `estimate_tokens`."""
    if reply.tokens is not None:
        return reply.tokens
    completion = sum(estimate_tokens(call.name) + estimate_tokens(call.arguments) for call in reply.calls)
    return TokenCount(question.prompt_tokens, completion + estimate_tokens(reply.text or ""))
