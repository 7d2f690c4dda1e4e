"""Reading an answer of the adapter `local` that comes as events.

What came is put together into the body of a whole answer, `body`, so that a stream and a whole answer say the same.

Knows: the shape of events.  Must not know: who answered, how events travel, validation of arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan.assembly.assembler import CallAssembler
from toolfan.errors import IncompleteStream

from .parsing import check_fields, parse_answer, piece_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolfan.adapter import JSON, RawCall, Turn


class AnswerParser:
    """One streamed answer; see `toolfan.adapter.StreamParser`."""

    def __init__(self, adapter: str) -> None:
        self._adapter = adapter
        self._assembler = CallAssembler()
        self._ended = False
        self.texts: list[str] = []
        self.body: JSON = {"calls": [], "text": None}
        """What came so far, as the body of a whole answer; its text only after `close`."""

    @property
    def text(self) -> str:
        """The text beside the calls so far."""
        return "".join(self.texts)

    def feed(self, event: Mapping[str, Any]) -> Sequence[RawCall]:
        """The calls in this event.  Raises BadResponse for another shape, or the ProviderError of an error in it."""
        check_fields(event, adapter=self._adapter)
        for key, value in event.items():
            if key == "calls":
                self.body["calls"] += value
                for call in value:
                    self._assembler.whole(*piece_of(call))
            elif key == "text":
                self.texts += [value] if value is not None else []
            elif key == "end":
                self._ended = bool(value)
            else:
                self.body[key] = value
        if self._ended:
            self._assembler.finish()
        return self._assembler.take()

    def close(self) -> Turn:
        """The whole turn.  Raises IncompleteStream, with `.turn`, if the event that ends it never came."""
        self.body["text"] = self.text if self.texts else None
        turn = parse_answer(self.body, adapter=self._adapter)
        if self._ended:
            return turn
        raise IncompleteStream.of(turn, begun=True, adapter=self._adapter)
