"""Reading a generateContent answer that comes in chunks, each of which has the form of a whole answer.

What came is put together into the body of a whole answer, `body`, and read as one, so that a stream and a whole answer
say the same.  Parts of all chunks follow each other in one content; none is merged with another by its place.

Knows: chunks, and calls whose arguments come in pieces.  Must not know: bytes and events, any Google package.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolfan.adapter import Turn
from toolfan.assembly.assembler import CallAssembler
from toolfan.translation.ended_streams import is_strange, unended
from toolfan.translation.statuses import error_from_body

from .fields import field
from .open_calls import OpenCalls, in_pieces
from .parsing import OBJECT, bad, call_piece, is_phantom, parse_response
from .reasons import block_reason, stop_reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolfan.adapter import JSON, RawCall

_RUN = frozenset({"text", "thought"})
_BESIDE = ("promptFeedback", "usageMetadata", "modelVersion", "responseId", "createTime", "[DONE]")
"""What a chunk without candidates may have."""


class ContentStreamParser:
    """One streamed answer; see `toolfan.adapter.StreamParser`.

    The end is a finish reason, a blocked prompt or, from senders whose streams have an end of their own, the event
    `{"[DONE]": ...}`.  `needs_end` False is for servers that are known to send none: then the end of the stream is the
    end, too.
    """

    def __init__(self, adapter: str, *, needs_end: bool = True) -> None:
        self._adapter = adapter
        self._needs_end = needs_end
        self._calls = CallAssembler()
        self.texts: list[str] = []
        self._about: dict[str, Any] = {}
        self._candidates: dict[int, _Candidate] = {}
        self._open = OpenCalls(self._calls)
        self._phantoms: list[Mapping[str, Any]] = []
        self._done = self._accepted = False
        self._turn: Turn | None = None
        self._strange: Mapping[str, Any] | None = None  # the first chunk, if it is none of this interface
        self.body: JSON = {}
        """After `close`: the answer as the body of a whole one."""

    @property
    def text(self) -> str:
        """The text beside the calls so far, thoughts left out."""
        return "".join(self.texts)

    def feed(self, event: Mapping[str, Any]) -> Sequence[RawCall]:
        """The calls that this chunk sealed.  Raises the ProviderError of an error in it, BadResponse for no chunk."""
        if event.get("error") is not None:
            raise error_from_body(event["error"], adapter=self._adapter)
        for key, value in event.items():
            if key == "[DONE]":
                self._done = True
            elif key != "candidates" and value is not None:
                self._about[key] = value
        candidates = event.get("candidates") or ()
        if "candidates" in event:
            self._strange = {}  # from now on nothing is
        elif self._strange is None and event and not any(field(event, key) is not None for key in _BESIDE):
            self._strange = event if is_strange(event) else None
        if not isinstance(candidates, list | tuple):
            raise bad("`candidates` is no list", self._adapter)
        for candidate in candidates:
            self._read_candidate(candidate)
        return self._calls.take()

    def _read_candidate(self, candidate: Any) -> None:
        if not isinstance(candidate, OBJECT):
            raise bad("a candidate is no object", self._adapter)
        index = candidate.get("index")
        index = index if isinstance(index, int) else 0
        first = not self._candidates or index == next(iter(self._candidates))
        known = self._candidates.setdefault(index, _Candidate())
        for at, part in enumerate(known.read(candidate, self._adapter)):
            call = field(part, "functionCall") if first and isinstance(part, OBJECT) else None
            if call is not None:
                self._read_call(known, part, call)
                continue
            known.add(part, joins=at == 0)
            if first and isinstance(part, OBJECT) and part.get("thought") is not True:
                text = part.get("text")
                if isinstance(text, str) and text:
                    self.texts.append(text)

    def _read_call(self, candidate: _Candidate, part: Mapping[str, Any], call: Any) -> None:
        if self._open.read(part, call):
            return
        self._open.give_way()
        at = candidate.add(part)
        if in_pieces(call):
            self._open.begin(part, call, candidate.parts, at)
        elif is_phantom(call):
            self._phantoms.append(call)
        else:
            self._calls.whole(*call_piece(call))

    def close(self) -> Turn:
        """The whole turn.  Raises IncompleteStream, with `.turn`, if the stream ended before the answer did."""
        if self._turn is None:
            stop, blocked = stop_reason(field(self._chosen.fields, "finishReason"), has_calls=True), self._blocked
            ended = stop.kind != "none" or blocked or (self._done and bool(self._candidates) and not self._open)
            self._accepted = accepted = ended or (not self._needs_end and bool(self._candidates))
            whole = stop.kind in ("end", "calls") or (stop.kind == "none" and accepted and not blocked)
            self._open.close_all(cut=not whole)
            self._turn = self._finished()
            if stop.kind == "none" and not blocked:
                self._turn = replace(
                    self._turn, warnings=(*self._turn.warnings, "the stream ended without a finish reason")
                )
        if self._accepted:
            return self._turn
        raise unended(self._turn, begun=bool(self._candidates), adapter=self._adapter, strange=self._strange or None)

    @property
    def _blocked(self) -> bool:
        return block_reason({**self._about, "candidates": self._candidates}) is not None

    @property
    def _chosen(self) -> _Candidate:
        return next(iter(self._candidates.values()), _NOTHING)

    def _finished(self) -> Turn:
        if not self._calls.slots and not self.text:
            for call in self._phantoms:
                self._calls.whole(*call_piece(call))
        self._calls.finish()
        self.body = {**self._about}
        if self._candidates:
            self.body = {"candidates": [one.whole() for one in self._candidates.values()], **self._about}
        elif not self._blocked:
            return Turn()
        turn = parse_response(self.body, adapter=self._adapter)
        # Equal to those of the turn, but for ids that a later call took: these were told already.
        calls = tuple(slot.call for slot in self._calls.in_order() if slot.call is not None)
        return replace(turn, calls=calls, warnings=(*turn.warnings, *self._open.warnings))


class _Candidate:
    """One candidate, as far as it has come."""

    __slots__ = ("_content", "_runs", "fields", "parts")

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.parts: list[Any] = []
        self._content: dict[str, Any] | None = None
        self._runs: dict[int, list[str]] = {}  # texts that may go on, by the places of their parts

    def read(self, candidate: Mapping[str, Any], adapter: str) -> Sequence[Any]:
        """The parts of this chunk; all else is kept."""
        for key, value in candidate.items():
            if key != "content" and value is not None:
                self.fields[key] = value
        content = candidate.get("content")
        if content is None:
            return ()
        parts = content.get("parts") if isinstance(content, OBJECT) else None
        if not isinstance(content, OBJECT) or not isinstance(parts, list | tuple | None):
            raise bad("the content of a chunk is none", adapter)
        self._content = {**content, **(self._content or {})}
        return parts or ()

    def add(self, part: Any, *, joins: bool = False) -> int:
        """Keeps a part, and tells its place; `joins`: as more of the text before it, if both are nothing else."""
        last = len(self.parts) - 1
        plain = isinstance(part, OBJECT) and part.keys() <= _RUN and isinstance(part.get("text"), str)
        if joins and plain and last >= 0:
            if not part["text"]:  # the service refuses to read it again
                return last
            if last in self._runs and part.get("thought") == self.parts[last].get("thought"):
                self._runs[last].append(part["text"])
                return last
        self.parts.append(part)
        if plain:
            self._runs[last + 1] = [part["text"]]
        return last + 1

    def whole(self) -> JSON:
        """The candidate of a whole answer."""
        for at, pieces in self._runs.items():
            if len(pieces) > 1:
                self.parts[at] = {**self.parts[at], "text": "".join(pieces)}
        if self._content is None:
            return self.fields
        parts = {"parts": self.parts} if self.parts or "parts" in self._content else {}
        return {"content": {**self._content, **parts}, **self.fields}


_NOTHING = _Candidate()
