"""Reading a message that comes as events.

What came is put together into the body of a whole message, `body`, and read by the same code, so that a stream and a
whole answer say the same.  Arguments stay the text that came.

Knows: the events of the Messages API.  Must not know: bytes, the SDK, validation of arguments.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolfan.assembly.assembler import CallAssembler
from toolfan.errors import IncompleteStream
from toolfan.translation.ended_streams import is_strange, unended
from toolfan.translation.statuses import error_from_body
from toolfan.wire import well_formed

from .blocks import KINDS, Block, OpenBlocks, kind_of_piece
from .parsing import OBJECT, arguments_of, identified, is_call, is_phantom, left_out, named, parse_message, says_nothing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolfan.adapter import JSON
    from toolfan.assembly.slots import Slot
    from toolfan.calls import RawCall, Turn

_STRAY = object()
"""The key of the block of arguments that nothing says the call of."""
_BESIDE = ("context_management", "input_transformations")
"""What a `message_delta` tells of the message beside its `delta`."""
_BLOCKS = ("content", "usage")
"""What is not said of a message itself when it begins."""
_OF_BLOCKS = frozenset({"content_block_start", "content_block_delta", "content_block_stop"})


class MessageStreamParser:
    """One streamed message; see `toolfan.adapter.StreamParser`.  The end is `message_stop`, or `[DONE]` after a reason.

    Of two messages in one stream the second continues the first, if that was whole.  A piece without an index belongs
    to the only block that is open; one that belongs to none begins a block, so that a call without a name shows what
    came.  `needs_end` False is for servers that are known to send no end: then the end of the stream is the end, too.
    """

    def __init__(self, adapter: str, *, needs_end: bool = True) -> None:
        self._adapter = adapter
        self._needs_end = needs_end
        self._calls = CallAssembler()
        self._count = 0
        self._blocks: dict[Block, None] = {}  # in order
        self._open = OpenBlocks()
        self._closed: dict[Any, Block] = {}
        self._texts: list[str] = []
        self._about: JSON = {}
        self._usage: JSON = {}
        self._warnings: list[str] = []
        self._messages = 0
        self._odd = self._late = 0
        self._ended = False
        self._again = False  # whether the message that is open was said to begin once more
        self._strange: Mapping[str, Any] | None = None  # the first event that is none of this interface
        self.body: JSON = {}
        """After `close`: the answer as the body of a whole message."""

    @property
    def text(self) -> str:
        """The text beside the calls so far."""
        return "".join(self._texts)

    def feed(self, event: Mapping[str, Any]) -> Sequence[RawCall]:
        """The calls that this event sealed.  Raises the ProviderError of an error in it."""
        kind = event.get("type")
        if self._ended and kind in _OF_BLOCKS:
            self._late += 1
        elif kind == "content_block_delta":
            self._read_delta(event.get("index"), event.get("delta"))
        elif kind == "content_block_start":
            self._start(event.get("index"), event.get("content_block"))
        elif kind == "content_block_stop":
            self._end(event.get("index"))
        elif kind == "message_start":
            self._begin_once(event.get("message"))
        elif kind == "message_delta":
            beside = {key: event[key] for key in _BESIDE if event.get(key) is not None}
            self._tell(event.get("delta"), event.get("usage"))
            self._tell(beside, None)
        elif kind == "message_stop":
            self._ended = True
        elif kind == "message":  # a whole answer where a stream was asked
            if not isinstance(event.get("content"), list):
                parse_message(event, adapter=self._adapter)  # raises what is wrong with it
            self._begin(event)
            self._ended = True
        elif "[DONE]" in event:  # of compatible servers
            self._ended = self._ended or self._about.get("stop_reason") is not None
        elif event.get("error") and not self._ended:  # behind the end it concerns no answer
            raise error_from_body(event["error"], adapter=self._adapter)
        elif is_strange(event):
            self._strange = self._strange or event
        return self._calls.take()

    def _begin_once(self, message: Any) -> None:
        """A message begins; not if the one that is open is said to begin once more.

        Raises IncompleteStream for another one, while that is: where a connection breaks behind it, the service, or a
        gateway, puts a second answer behind the torn one.  Of the two no turn is made: their thoughts are refused.
        """
        known, new = self._about.get("id"), message.get("id") if isinstance(message, OBJECT) else None
        is_open = self._messages and not self._ended and self._about.get("stop_reason") is None
        if not is_open or known is None or new is None or (known != new and not self._blocks):
            self._begin(message)
        elif known != new:
            raise IncompleteStream(
                f"the stream began another message ({new}) before the end of the first ({known})", adapter=self._adapter
            )
        else:  # the second may say more: a gateway begins before the service tells the tokens
            self._again = True
            self._tell({key: value for key, value in message.items() if key not in _BLOCKS}, message.get("usage"))

    def _begin(self, message: Any) -> None:
        self._messages += 1
        self._ended = self._again = False
        self._open = OpenBlocks()
        self._closed.clear()
        if not isinstance(message, OBJECT):
            return
        about = {key: value for key, value in message.items() if key not in _BLOCKS}
        self._tell(about, message.get("usage"))
        content = message.get("content")
        for block in content if isinstance(content, list) else ():
            self._start(None, block)
            self._stop(self._open.end(None))

    def _tell(self, about: Any, usage: Any) -> None:
        """What is said of the message; numbers of tokens are sums so far."""
        for kept, said in ((self._about, about), (self._usage, usage)):
            for key, value in said.items() if isinstance(said, OBJECT) else ():
                if value is not None or key not in kept:
                    kept[key] = value

    def _start(self, index: Any, about: Any) -> None:
        if not isinstance(about, OBJECT):
            self._odd += 1
            return
        key, slot = _key(index), None
        if self._again and (key in self._open or key in self._closed):  # the second is no mere repetition
            raise IncompleteStream("the stream began the message anew before its end", adapter=self._adapter)
        known = self._open.get(key)
        if key is not None and known is not None and known.start == about:
            return  # it was said twice
        if is_call(about) and not is_phantom(about):
            slot = self._called(about)
        self._closed.pop(key, None)
        block = Block(about, slot)
        self._open.begin(key, block)
        self._blocks[block] = None
        if about.get("type") == "text" and isinstance(about.get("text"), str):
            self._texts.append(about["text"])

    def _called(self, about: Mapping[str, Any]) -> Slot:
        """A call begins, of which this is known."""
        call_id, name = identified(about.get("id")), named(about.get("name"))
        self._count += 1
        return self._calls.delta(self._count - 1, call_id, name, None, real=True)

    def _read_delta(self, index: Any, delta: Any) -> None:
        if not isinstance(delta, OBJECT):
            return
        key = self._key_of(index)
        block = self._open.get(key) or self._closed.get(key)
        if block is None:
            block = self._begun_by(key, delta)
        elif block.is_other(kind_of_piece(delta)):
            block = self._elsewhere(key, delta)
        if block is None:
            self._warnings.append(f"a piece came that belongs to no block: {delta.get('type')}")
            return
        kind = "tool_use" if block.is_call else block.about.get("type")
        for key, value in delta.items():
            if key == "type" or (not value and KINDS.get(key, kind) != kind):
                continue
            if key == "partial_json" and block.slot is not None:
                self._calls.delta(block.slot.index, None, None, value)
            elif key == "citation":
                block.about["citations"] = [*(block.about.get("citations") or ()), value]
            elif isinstance(value, str):
                block.add(key, value)
                if key == "partial_json" and block.is_call and value.strip():
                    self._name_nobody(block)
                if key == "text" and block.about.get("type") == "text":
                    self._texts.append(value)
            elif value is not None:
                block.about[key] = value

    def _name_nobody(self, block: Block, *, kept: bool = False) -> None:
        """A call without a name begins when it has arguments: else it may be a phantom."""
        text = "".join(block.pieces.get("partial_json", ()))
        if kept or not says_nothing(text):
            block.pieces.pop("partial_json", None)
            block.slot = self._called(block.about)
            self._calls.delta(block.slot.index, None, None, text)
            del self._blocks[block]  # behind those of the calls that began before: the turn goes back in their order
            self._blocks[block] = None

    def _key_of(self, index: Any) -> Any:
        """The key of the block that an index means, which a piece or the start of its block may lack."""
        key = _key(index)
        if key not in self._open and len(self._open) == 1:
            (only,) = self._open
            return only if key is None or only is None else key
        return _STRAY if key is None and key not in self._open else key

    def _begun_by(self, key: Any, delta: Mapping[str, Any]) -> Block | None:
        """The block of a piece whose start never came."""
        kind = kind_of_piece(delta)
        if kind is None:
            return None
        self._start(key, {"type": kind})
        if key is _STRAY:  # it is not the block that pieces without an index belong to
            self._open.end(key)
            self._closed[key] = next(reversed(self._blocks))
        return next(reversed(self._blocks))

    def _elsewhere(self, key: Any, delta: Mapping[str, Any]) -> Block | None:
        """The block of a piece that its index is not that of: the one that is open for it, or a new one."""
        kind = kind_of_piece(delta)
        found = self._open.only(kind) if kind is not None else None
        return self._begun_by(f"{kind} beside {key}", delta) if found is None else found

    def _end(self, index: Any) -> None:
        key = self._key_of(index)
        block = self._open.end(key)
        if block is not None and key is not None:
            self._closed[key] = block
        self._stop(block)

    def _stop(self, block: Block | None) -> None:
        """The end of a block.  Arguments that are no JSON wait for the end of the message: it tells if it was cut."""
        if block is None or block.slot is None or (block.slot.has_arguments and not block.slot.closed):
            return
        self._calls.close(block.slot, arguments_of(block.about.get("input")))

    def close(self) -> Turn:
        """The whole turn.  Raises IncompleteStream, with `.turn`, if the stream ended before the message did."""
        if not self.text and not any(block.slot for block in self._blocks):
            for block in [*self._blocks]:
                if block.is_call:  # there is nothing but phantoms: they fail, and show what came
                    self._name_nobody(block, kept=True)
        for block in self._blocks:  # those whose end never came may have said it all when they began
            self._stop(block)
        self._calls.finish()
        content = [block.whole(self._adapter) for block in self._blocks if block.slot or not block.is_call]
        self.body = {"type": "message", "role": "assistant", **self._about, "content": content, "usage": self._usage}
        turn = parse_message(self.body, adapter=self._adapter, phantoms=False)
        calls = tuple(slot.call for slot in self._calls.in_order() if slot.call is not None)
        warnings = [*turn.warnings, *self._calls.warnings(), *self._warnings]
        begun = bool(self._messages or self._blocks)
        if begun and not self._messages:
            warnings.append("the message came without its start")
        if begun and not self._ended and not self._needs_end:
            warnings.append("the stream ended without message_stop")
        if self._ended and self._late:
            warnings.append(f"{self._late} events behind the end of the message were left out")
        if self._ended and self._about.get("stop_reason") is None:
            warnings.append("the message ended without a stop reason")
        if self._odd:
            warnings.append(left_out(self._odd))
        if self._messages > 1:
            warnings.append(f"the stream held {self._messages} messages; they are read as one")
        turn = replace(turn, calls=calls, text=well_formed(self.text), warnings=tuple(warnings))
        if begun and (self._ended or not self._needs_end):
            return turn
        strange = None if self._about else self._strange
        raise unended(turn, begun=begun, adapter=self._adapter, strange=strange)


def _key(index: Any) -> Any:
    """What blocks are found by; an odd index is none."""
    return index if isinstance(index, int | str) or index is _STRAY else None
