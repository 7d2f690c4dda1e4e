"""Reading an answer of Cohere's v2 chat that comes as events.

What came is put together into the body of a whole answer, `body`, so that a stream and a whole answer say the same.

Knows: the shape of the events.  Must not know: bytes, the SDK, which call is whole (`assembly` does).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolfan.assembly.assembler import CallAssembler
from toolfan.translation.ended_streams import is_strange, unended
from toolfan.wire import json_text, well_formed

from .parsing import error_told, failure_of, parse_chat, turn_of

if TYPE_CHECKING:
    from toolfan.adapter import JSON
    from toolfan.assembly.slots import Slot
    from toolfan.calls import RawCall, Turn

_NOTHING: Mapping[str, Any] = {}
_KINDS = frozenset(
    {"message-start", "content-start", "content-delta", "content-end", "tool-plan-delta", "tool-call-start"}
    | {"tool-call-delta", "tool-call-end", "citation-start", "citation-end", "debug", "message-end"}
)


class CohereStreamParser:
    """One streamed answer; see `toolfan.adapter.StreamParser`.  The end is the event `message-end`.

    `[DONE]` without it is the end, too, where something was said.  A piece without an index belongs to the only call
    that is open.  `needs_end` False is for servers that are known to send no end: then the end of the stream is the
    end, too.
    """

    def __init__(self, adapter: str, *, needs_end: bool = True) -> None:
        self._adapter = adapter
        self._needs_end = needs_end
        self._calls = CallAssembler()
        self._open: dict[Any, Slot] = {}
        self._texts: list[str] = []
        self._plan: list[str] = []
        self._contents: dict[Any, dict[str, list[str]]] = {}  # of each part the pieces, by their kind
        self._citations: list[Any] = []
        self._message: JSON = {"role": "assistant"}
        self._id: Any = None
        self._end: Mapping[str, Any] | None = None
        self._begun = self._done = False
        self._strange: Mapping[str, Any] | None = None  # the first event that is none of this interface
        self._whole: Turn | None = None
        self.body: JSON = {}
        """After `close`: the answer as the body of a whole one."""

    @property
    def text(self) -> str:
        """The text beside the calls so far."""
        return "".join(self._texts)

    def feed(self, event: Mapping[str, Any]) -> Sequence[RawCall]:
        """The calls that this event sealed.  Raises the ProviderError of an error in it."""
        kind, delta, at = event.get("type"), _object(event.get("delta")), event.get("index")
        said, at = _object(delta.get("message")), at if isinstance(at, int) else None
        failed = delta.get("error") or event.get("error")
        if failed or (kind is None and isinstance(event.get("message"), str)):
            raise error_told(
                {"error": failed} if failed and not isinstance(failed, bool) else event, adapter=self._adapter
            )
        self._note(kind, event)
        if kind is None and event.get("message"):
            self._read_whole(event)
        elif kind == "message-start":
            self._id = event.get("id")
            if isinstance(said.get("role"), str):
                self._message["role"] = said["role"]
        elif kind == "tool-plan-delta":
            self._plan.append(_word(said.get("tool_plan")))
        elif kind in ("content-start", "content-delta"):
            self._read_content(at, said.get("content"))
        elif kind in ("tool-call-start", "tool-call-delta"):
            calls = said.get("tool_calls")  # an object; some servers send it in a list
            for call in calls if isinstance(calls, list) else [calls]:
                self._read_call(at if kind == "tool-call-start" else self._key_of(at), _object(call))
        elif kind == "tool-call-end":
            slot = self._open.pop(self._key_of(at), None)
            if slot is not None:
                self._calls.close(slot, slot.arguments)
        elif kind == "citation-start" and said.get("citations"):
            self._citations.append(said["citations"])
        elif kind == "message-end":
            self._end = delta
            self._calls.finish(all_said=False)
        return self._calls.take()

    def _note(self, kind: Any, event: Mapping[str, Any]) -> None:
        self._done = self._done or "[DONE]" in event
        self._begun = self._begun or (isinstance(kind, str) and kind in _KINDS)
        whole = kind is None and event.get("message")
        if not self._begun and not whole and "[DONE]" not in event and is_strange(event):
            self._strange = self._strange or event

    def _read_whole(self, body: Mapping[str, Any]) -> None:
        """An answer that came whole where events were asked for."""
        turn = self._whole = parse_chat(body, adapter=self._adapter)
        self.body = dict(body)
        self._texts.append(turn.text)
        for call in turn.calls:
            self._calls.whole(call.provider_id, call.name, call.arguments)

    def _read_content(self, at: int | None, content: Any) -> None:
        part = self._contents.setdefault(at, {})
        for kind in ("thinking", "text"):
            piece = _object(content).get(kind)
            if piece is not None:
                part.setdefault(kind, []).append(_word(piece))
                if kind == "text":
                    self._texts.append(_word(piece))

    def _read_call(self, at: int | None, said: Mapping[str, Any]) -> None:
        function = _object(said.get("function"))
        if at is None and len(self._open) > 1 and not said.get("id"):
            self._calls.stray(function.get("arguments"))
            return
        call_id, name, arguments = said.get("id"), function.get("name"), function.get("arguments")
        self._open[at] = self._calls.delta(at, call_id, name, arguments, real=True)

    def _key_of(self, at: int | None) -> int | None:
        """The key of the call that an index means, which a piece or the start of its call may lack."""
        if at not in self._open and len(self._open) == 1:
            (only,) = self._open
            return only if at is None or only is None else at
        return at

    def close(self) -> Turn:
        """The whole turn.

        Raises, with `.turn`, IncompleteStream if `message-end` never came, and Unavailable if it tells a failure.
        """
        self._calls.finish()
        slots = self._calls.in_order()
        calls = tuple(slot.call for slot in slots if slot.call is not None)
        if self._whole is not None:
            return replace(self._whole, calls=calls)
        message = {**self._message, **self._said(slots)}
        about = self._end if self._end is not None else _NOTHING
        self.body = {"id": self._id, "message": message}
        self.body |= {key: about[key] for key in ("finish_reason", "usage") if key in about}
        turn = turn_of(self.body, message, calls)
        warnings = [*turn.warnings, *self._calls.warnings()]
        ended = self._begun and (not self._needs_end or self._done)
        if ended and self._end is None:
            warnings.append("the stream ended without message-end")
        turn = replace(turn, warnings=tuple(warnings))
        if (failure := failure_of(turn, self._adapter)) is not None:
            raise failure
        if self._end is not None or (ended and (turn.calls or turn.text or not self._needs_end)):
            return turn
        raise unended(turn, begun=self._begun, adapter=self._adapter, strange=self._strange)

    def _said(self, slots: Sequence[Slot]) -> JSON:
        said: JSON = {}
        if plan := well_formed("".join(self._plan)):
            said["tool_plan"] = plan
        parts = [
            {"type": kind, kind: well_formed("".join(pieces))}
            for part in self._contents.values()
            for kind, pieces in part.items()
            if any(pieces)
        ]
        if parts:
            said["content"] = parts
        if slots:
            said["tool_calls"] = [_entry(slot) for slot in slots]
        if self._citations:
            said["citations"] = self._citations
        return said


def _entry(slot: Slot) -> JSON:
    assert slot.call is not None
    function = {"name": slot.call.name, "arguments": slot.call.arguments}
    return {"id": slot.call.provider_id, "type": "function", "function": function}


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else _NOTHING


def _word(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json_text(value)
