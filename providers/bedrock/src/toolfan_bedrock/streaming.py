"""Reading an answer of ConverseStream.

What came is put together into the body of a whole answer, `body`, so that a stream and a whole answer say the same.

Knows: the shape of the events.  Must not know: bytes, the SDK, which call is whole (`assembly` does).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolfan.assembly.assembler import CallAssembler
from toolfan.errors import BadResponse, IncompleteStream
from toolfan.wire import decode_json, escaped, json_text, well_formed

from .failures import error_of
from .parsing import parse_converse, turn_of

if TYPE_CHECKING:
    from toolfan.adapter import JSON
    from toolfan.assembly.slots import Slot
    from toolfan.calls import RawCall, Turn

_NOTHING: Mapping[str, Any] = {}
_OF_A_WHOLE = frozenset({"output", "__type", "message", "error", "Output"})
"""Keys of an answer, or an error, that came whole where events were asked for."""

_NOT_KNOWN = "SDK_UNKNOWN_MEMBER"
"""What botocore calls the kind of a block that it does not know; it is not sent back."""


class _Block:
    """One content block while its pieces come."""

    def __init__(self, start: Any) -> None:
        self.start: Mapping[str, Any] = start if isinstance(start, Mapping) else _NOTHING
        self.begun = self.start is start  # by words of its own
        self.slot: Slot | None = None
        self.pieces: dict[str, list[Any]] = {}

    def add(self, kind: str, piece: Any) -> None:
        self.pieces.setdefault(kind, []).append(piece)

    def _text(self, kind: str) -> str:
        return well_formed("".join(map(_word, self.pieces.get(kind, ()))))

    def whole(self) -> JSON | None:
        """The block as a whole answer has it; None if there is nothing in it."""
        for kind in ("toolUse", "toolResult", "image"):
            start = self.start.get(kind)
            if start is not None or kind in self.pieces:
                return {kind: {**(start if isinstance(start, Mapping) else {}), **self._said(kind)}}
        if "redactedContent" in self.pieces:
            return {"reasoningContent": {"redactedContent": _joined(self.pieces["redactedContent"])}}
        if "thought" in self.pieces or "signature" in self.pieces:
            signed = {"signature": self._text("signature")} if "signature" in self.pieces else {}
            return {"reasoningContent": {"reasoningText": {"text": self._text("thought"), **signed}}}
        if "citation" in self.pieces:
            text = self._text("text")
            content: JSON = {"content": [{"text": text}]} if text else {}
            return {"citationsContent": {**content, "citations": self.pieces["citation"]}}
        if "text" in self.pieces:
            return {"text": self._text("text")}
        return self._unknown()

    def _unknown(self) -> JSON | None:
        """A block of a kind that is not known here, whose pieces cannot be put together; or a text without any."""
        for kind, said in (*_told(self.start), *self.pieces.items()):
            if kind != _NOT_KNOWN:
                return {_NOT_KNOWN: {"name": kind}}
            return {_NOT_KNOWN: said[0] if isinstance(said, list) else said}
        return {"text": ""} if self.begun else None

    def _said(self, kind: str) -> JSON:
        found = self.pieces.get(kind, [])
        if kind == "image":
            return _image(found)
        return {"content": found} if kind == "toolResult" else {"input": self._input()}

    def _input(self) -> Any:
        text = self.slot.arguments if self.slot is not None else self._text("toolUse")
        try:
            return decode_json(escaped(text), adapter="") if text.strip() else {}
        except BadResponse:
            return text  # it was cut


class ConverseStreamParser:
    """One streamed answer; see `toolfan.adapter.StreamParser`.  An event has one key, which names it.

    A piece without an index belongs to the only block that is open.  `needs_end` False is for servers that are known to
    send no `messageStop`: then the end of the stream is the end, too.
    """

    def __init__(self, adapter: str, *, needs_end: bool = True) -> None:
        self._adapter = adapter
        self._needs_end = needs_end
        self._calls = CallAssembler()
        self._texts: list[str] = []
        self._blocks: list[_Block] = []
        self._open: dict[Any, _Block] = {}
        self._role = "assistant"
        self._end: Mapping[str, Any] | None = None
        self._about: JSON = {}
        self._whole: Turn | None = None
        self.body: JSON = {}
        """After `close`: the answer as the body of a whole one."""

    @property
    def text(self) -> str:
        """The text beside the calls so far."""
        return "".join(self._texts)

    def feed(self, event: Mapping[str, Any]) -> Sequence[RawCall]:
        """The calls that this event sealed.  Raises the ProviderError of an error in it."""
        for kind, said in event.items():
            if said is None and len(event) > 1:
                continue  # some say of every event what it is not
            given = said if isinstance(said, Mapping) else _NOTHING
            if kind.endswith(("Exception", "Error")):
                raise error_of(kind, said, adapter=self._adapter)
            at = given.get("contentBlockIndex")
            at = at if isinstance(at, int) else None
            if kind == "messageStart":
                self._role = _word(given.get("role")) or self._role
            elif kind == "contentBlockStart":
                self._start(at, given.get("start"))
            elif kind == "contentBlockDelta":
                self._delta(self._key_of(at), given.get("delta"))
            elif kind == "contentBlockStop":
                self._stop(self._open.pop(self._key_of(at), None))
            elif kind == "messageStop":
                self._end = given
                self._calls.finish(all_said=False)
            elif kind == "metadata":
                self._about.update(given)
            elif kind in _OF_A_WHOLE and self._whole is None:
                self._read_whole(event)
        return self._calls.take()

    def _read_whole(self, body: Mapping[str, Any]) -> None:
        turn = self._whole = parse_converse(body, adapter=self._adapter)
        self.body = dict(body)
        self._texts.append(turn.text)
        for call in turn.calls:
            self._calls.whole(call.provider_id, call.name, call.arguments)

    def _start(self, at: int | None, start: Any) -> _Block:
        given = start if isinstance(start, Mapping) else _NOTHING
        known = self._open.get(at)
        if known is not None and known.start == given:
            return known  # it was said twice
        block = self._open[at] = _Block(start)
        self._blocks.append(block)
        use = given.get("toolUse")
        if isinstance(use, Mapping) and use.get("type") != "server_tool_use":
            block.slot = self._call(use.get("toolUseId"), use.get("name"))
        return block

    def _key_of(self, at: int | None) -> int | None:
        """The key of the block that an index means, which a piece or the start of its block may lack."""
        if at not in self._open and len(self._open) == 1:
            (only,) = self._open
            began = _told(self._open[only].start)  # only a call says that it begins
            return only if at is None or (only is None and began) else at
        return at

    def _call(self, call_id: Any, name: Any) -> Slot:
        return self._calls.delta(len(self._calls.slots), call_id, name, None, real=True)

    def _delta(self, at: int | None, delta: Any) -> None:
        block = self._open.get(at) or self._start(at, None)
        for kind, piece in _told(delta):
            if kind == "toolUse":
                self._input(block, piece.get("input") if isinstance(piece, Mapping) else piece)
            elif kind == "reasoningContent" and isinstance(piece, Mapping):
                for part, value in _told(piece):
                    block.add("thought" if part == "text" else part, value)
            elif kind == "toolResult" and isinstance(piece, list | tuple):
                block.pieces.setdefault(kind, []).extend(piece)
            elif kind == "image" and isinstance(piece, Mapping):
                block.add(kind, piece)
            else:
                block.add(kind, piece)
                if kind == "text":
                    self._texts.append(_word(piece))

    def _input(self, block: _Block, piece: Any) -> None:
        if block.slot is None and isinstance(block.start.get("toolUse"), Mapping):
            block.add("toolUse", piece)  # of a tool of the server's own
            return
        if block.slot is None:
            block.slot = self._call(None, None)
        block.pieces.setdefault("toolUse", [])
        if piece is not None:
            self._calls.delta(block.slot.index, None, None, piece)

    def _stop(self, block: _Block | None) -> None:
        if block is not None and block.slot is not None:
            self._calls.close(block.slot, block.slot.arguments)

    def close(self) -> Turn:
        """The whole turn.  Raises IncompleteStream, with `.turn`, if `messageStop` never came."""
        self._calls.finish()
        if self._whole is not None:
            calls = [slot.call for slot in self._calls.in_order() if slot.call is not None]
            return replace(self._whole, calls=tuple(calls))
        content = [whole for block in self._blocks if (whole := block.whole()) is not None]
        odd = len(self._blocks) - len(content)
        message: JSON = {"role": self._role, "content": content}
        self.body = {"output": {"message": message}, **self._about, **(self._end or {})}
        calls = [slot.call for slot in self._calls.in_order() if slot.call is not None]
        turn = turn_of(self.body, message, calls, odd=odd)
        warnings = [*turn.warnings, *self._calls.warnings()]
        if self._blocks and self._end is None and not self._needs_end:
            warnings.append("the stream ended without messageStop")
        elif "usage" not in self._about:  # it follows the end
            warnings.append("the stream ended without telling the tokens")
        turn = replace(turn, warnings=tuple(warnings))
        if (self._end is not None or not self._needs_end) and (self._blocks or self._end):
            return turn
        raise IncompleteStream.of(turn, begun=bool(self._blocks), adapter=self._adapter)


def _told(said: Any) -> list[tuple[str, Any]]:
    """What is in it; members that are null say nothing."""
    return [(key, value) for key, value in said.items() if value is not None] if isinstance(said, Mapping) else []


def _word(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json_text(value)


def _image(pieces: Sequence[Mapping[str, Any]]) -> JSON:
    """What the pieces of an image say together: each source has more of its bytes, or tells where it is."""
    said: JSON = {}
    for piece in pieces:
        said.update(piece)
    sources = [source for piece in pieces if isinstance(source := piece.get("source"), Mapping)]
    if data := [source["bytes"] for source in sources if "bytes" in source]:
        said["source"] = {"bytes": _joined(data)}
    return said


def _joined(pieces: Sequence[Any]) -> Any:
    """Pieces of bytes, each as base64."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        return base64.b64encode(b"".join(map(base64.b64decode, pieces))).decode()
    except (ValueError, TypeError):
        return "".join(map(_word, pieces))
