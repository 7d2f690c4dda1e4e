"""Where a fault is played: one request, the connection it came on, and the good answer to depart from.

Knows the dialects' forms and how bodies and events are framed; no fault.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolfan_local.bedrock_stream import CONTENT_TYPE
from toolfan_local.faults import anthropic_form, bedrock_form, cohere_form, google_form, openai_form, responses_form
from toolfan_local.faults.answers import good_calls, written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolfan_local.exchange import Failure
    from toolfan_local.faults.answers import SaidCall
    from toolfan_local.faults.asking import Asked
    from toolfan_local.faults.wire import Wire

JSON_TYPE = "application/json"
SSE_TYPE = "text/event-stream"
_TYPES = {"sse": SSE_TYPE, "array": JSON_TYPE, "frames": CONTENT_TYPE}
FORMS: dict[str, Any] = {
    "openai": openai_form,
    "responses": responses_form,
    "anthropic": anthropic_form,
    "google": google_form,
    "bedrock": bedrock_form,
    "cohere": cohere_form,
}


def lines(text: str) -> list[str]:
    """The lines of a server-sent event: its data, below its name where the data has a type."""
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    kind = said.get("type") if isinstance(said, dict) else None
    return [*([f"event: {kind}"] if kind else []), f"data: {text}"]


def framed(text: str, line_end: str) -> bytes:
    """A server-sent event."""
    return "".join(f"{line}{line_end}" for line in [*lines(text), ""]).encode()


@dataclass(frozen=True)
class Prepared:
    """An answer as bytes, not yet sent. `middle` is an offset inside its last call, `early` one before any call."""

    content_type: str
    pieces: tuple[bytes, ...]
    middle: int
    early: int = 1

    @property
    def whole(self) -> bytes:
        """All of it."""
        return b"".join(self.pieces)


@dataclass(frozen=True)
class Stage:
    """One request being answered. `pace` is the unit of every delay, in seconds."""

    asked: Asked
    wire: Wire
    pace: float

    @property
    def form(self) -> Any:
        """The module of the dialect's form."""
        return FORMS[self.asked.dialect]

    @property
    def calls(self) -> list[SaidCall]:
        """The good calls."""
        return good_calls(self.asked)

    def body(self) -> Any:
        """The body of the good answer."""
        return self.form.body(self.asked, self.calls)

    def good(self) -> None:
        """The good answer, in the framing that was asked for."""
        self.send(self.prepared(self.body()))

    def answer(self, body: Any) -> None:
        """This body, as it is or as the events that say the same."""
        self.send(self.prepared(body))

    def events(self, body: Any) -> list[Any]:
        """The events that say what a body says, without the sign of the end."""
        made: list[Any] = [written(body)] if isinstance(body, str) else self.form.events(self.asked, body)
        return made

    def prepared(self, body: Any) -> Prepared:
        """A body, framed as it was asked for."""
        if not self.asked.stream:
            data = written(body).encode()
            return Prepared(JSON_TYPE, (data,), len(data) // 2)
        return self.framed(self.events(body))

    def framed(self, events: Sequence[Any], *, done: bool = True) -> Prepared:
        """Events in the framing that was asked for, a str as it is; without `done` the sign of the end is missing."""
        texts = [event if isinstance(event, str) else written(event) for event in events]
        if self.asked.framing == "array":
            frame = [f"{',' if place else '['}{text}\r\n".encode() for place, text in enumerate(texts)]
            pieces = [*(frame or [b"["]), *([b"]"] if done else [])]
        elif self.asked.framing == "frames":
            pieces = [self.form.framed(event) for event in events]
        else:
            texts += [self.form.DONE] if done and self.form.DONE else []
            pieces = [framed(text, self.form.LINE_END) for text in texts]
            if not done and events and isinstance(events[-1], str):  # cut inside the event: nothing ends it
                pieces[-1] = f"data: {events[-1]}".encode()
        last = self.last_call(events)
        middle = sum(map(len, pieces[:last])) + len(pieces[last]) // 2 if pieces else 0
        return Prepared(_TYPES[self.asked.framing], tuple(pieces), middle)

    def last_call(self, events: Sequence[Any]) -> int:
        """The place of the last event with a piece of a call; of the last event when there is none."""
        carrying = [place for place, event in enumerate(events) if self.form.carries_call(event)]
        return carrying[-1] if carrying else max(0, len(events) - 1)

    def send(self, prepared: Prepared, content_type: str | None = None) -> None:
        """All of it, well framed."""
        kind = content_type or prepared.content_type
        if self.asked.stream:
            self.wire.stream(prepared.pieces, self.fields(kind))
        else:
            self.wire.respond(prepared.whole, fields=self.fields(kind))

    def fields(self, content_type: str = JSON_TYPE) -> dict[str, str]:
        """The header fields of an answer."""
        own = {self.form.REQUEST_ID: f"req_{self.asked.turn}"} if self.form.REQUEST_ID else {}
        return {"content-type": content_type, **own}

    def fail(self, failure: Failure) -> None:
        """An error answer in the dialect's shape."""
        body = self.form.failure(failure)
        body = [body] if self.asked.framing == "array" else body
        own = self.form.error_fields(failure) if hasattr(self.form, "error_fields") else {}
        self.wire.respond(written(body).encode(), failure.status, self.fields() | own | dict(failure.headers))
