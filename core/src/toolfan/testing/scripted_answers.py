"""Reading the answers of a script, whole and as events.

Knows: their form, see `scripting`.  Must not know: who gives them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan.assembly.assembler import CallAssembler
from toolfan.calls import StopKind, StopReason, Turn
from toolfan.errors import BadResponse, IncompleteStream
from toolfan.translation.statuses import error_from_body
from toolfan.wire import escaped, json_text, well_formed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolfan.adapter import RawCall
    from toolfan.calls import JSON

STOPS: dict[str, StopKind] = {
    "calls": "calls",
    "end": "end",
    "length": "length",
    "filtered": "filtered",
    "refused": "refused",
}


def parse(body: Any, *, adapter: str) -> Turn:
    """The turn in an answer.  Raises BadResponse for another shape, or the error in the body."""
    if isinstance(body, dict) and body.get("error"):
        raise error_from_body(body["error"], adapter=adapter)
    if not isinstance(body, dict) or not isinstance(body.get("calls"), list):
        raise BadResponse("the answer is none of a script", adapter=adapter, hint="It has calls, text and stop.")
    assembler = CallAssembler()
    for call in body["calls"]:
        assembler.whole(*_piece(call))
    assembler.finish()
    text, stop = body.get("text"), body.get("stop")
    return Turn(
        calls=tuple(slot.call for slot in assembler.in_order() if slot.call is not None),
        text=well_formed(text) if isinstance(text, str) else "",
        stop=StopReason(STOPS.get(stop, "other"), stop) if isinstance(stop, str) else StopReason("none"),
        replay={"role": "scripted", "text": text, "calls": body["calls"]},
    )


def _piece(call: Any) -> tuple[str | None, str, str]:
    if not isinstance(call, dict):
        return None, "", json_text(call)
    call_id, name, arguments = call.get("id"), call.get("name"), call.get("arguments")
    text = escaped(arguments) if isinstance(arguments, str) else "" if arguments is None else json_text(arguments)
    named = well_formed(name) if isinstance(name, str) else ""
    return well_formed(call_id) if isinstance(call_id, str) else None, named, text


class ScriptParser:
    """One streamed answer; see `toolfan.adapter.StreamParser`."""

    def __init__(self, adapter: str) -> None:
        self._adapter = adapter
        self._assembler = CallAssembler()
        self._ended = False
        self.texts: list[str] = []
        self.body: JSON = {"calls": [], "text": "", "stop": None}
        """What came so far, as the body of a whole answer."""

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self.texts)

    def feed(self, event: Mapping[str, Any]) -> Sequence[RawCall]:
        """The calls in this event.  Raises the ProviderError of an error in it."""
        if event.get("error"):
            raise error_from_body(event["error"], adapter=self._adapter)
        if isinstance(event.get("text"), str):
            self.texts.append(event["text"])
        calls = event.get("calls")
        for call in calls if isinstance(calls, list) else ():
            self.body["calls"].append(call)
            self._assembler.whole(*_piece(call))
        self._ended = self._ended or bool(event.get("end"))
        self.body["stop"] = event.get("stop", self.body["stop"])
        return self._assembler.take()

    def close(self) -> Turn:
        """The whole turn.  Raises IncompleteStream, with `.turn`, if its last event never came."""
        self.body["text"] = self.text
        turn = parse(self.body, adapter=self._adapter)
        if not self._ended:
            raise IncompleteStream("the stream ended before its last event", adapter=self._adapter, turn=turn)
        return turn
