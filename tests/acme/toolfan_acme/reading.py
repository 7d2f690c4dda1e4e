"""What Acme says: whole answers and streams.

An answer:

    {"id": "a1", "engine": "acme-1", "why": "acted", "cost": {"read": 1, "wrote": 2},
     "reply": {"who": "robot", "says": "...", "does": [{"ref": "r1", "does": "Weather", "with": "<JSON>"}]}}

and the same as a stream:

    {"open": {"id": "a1", "engine": "acme-1", "who": "robot"}}
    {"say": "..."}
    {"begin": {"ref": "r1", "does": "Weather"}}    {"more": "<a piece of JSON>"}    {"finish": true}
    {"close": {"why": "acted", "cost": {...}}}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan.assembly.assembler import CallAssembler
from toolfan.calls import StopKind, StopReason, Turn, Usage
from toolfan.errors import BadResponse, IncompleteStream
from toolfan.translation.statuses import error_from_body
from toolfan.wire import escaped, json_text, well_formed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolfan.adapter import RawCall
    from toolfan.assembly.slots import Slot

ABOUT = ("id", "engine")
STOPS: dict[str, StopKind] = {"acted": "calls", "done": "end", "limit": "length", "blocked": "filtered"}


def parse(body: Any, adapter: str) -> Turn:
    """The turn in an answer.  Raises BadResponse for another shape, or the error in the body."""
    if not isinstance(body, dict):
        raise BadResponse(f"the answer is a {type(body).__name__}", adapter=adapter)
    if body.get("error"):
        raise error_from_body(body["error"], adapter=adapter)
    reply = body.get("reply")
    if not isinstance(reply, dict):
        raise BadResponse("the answer has no reply", adapter=adapter)
    does = reply.get("does") or []
    if not isinstance(does, list):
        raise BadResponse("what the reply does is no list", adapter=adapter)
    assembler = CallAssembler()
    for entry in does:
        assembler.whole(*piece(entry))
    assembler.finish()
    why, says = body.get("why"), reply.get("says")
    return Turn(
        calls=tuple(slot.call for slot in assembler.in_order() if slot.call is not None),
        text=well_formed(says) if isinstance(says, str) else "",
        stop=StopReason(STOPS.get(why, "other"), why) if isinstance(why, str) else StopReason("none"),
        usage=_usage(body.get("cost")),
        replay=reply,
        model=engine if isinstance(engine := body.get("engine"), str) else None,
        response_id=given if isinstance(given := body.get("id"), str) else None,
    )


def piece(entry: Any) -> tuple[str | None, str, str]:
    """Id, name and arguments of a call."""
    if not isinstance(entry, dict):
        return None, "", json_text(entry)
    ref, name, given = entry.get("ref"), entry.get("does"), entry.get("with")
    text = escaped(given) if isinstance(given, str) else "" if given is None else json_text(given)
    called = well_formed(name) if isinstance(name, str) else ""
    return well_formed(ref) if isinstance(ref, str) else None, called, text


def _usage(cost: Any) -> Usage:
    counted = cost if isinstance(cost, dict) else {}
    read, wrote = (value if type(value := counted.get(key)) is int else 0 for key in ("read", "wrote"))
    return Usage(read, wrote, read + wrote)


class AcmeParser:
    """One stream of Acme's."""

    def __init__(self, adapter: str) -> None:
        self.adapter = adapter
        self.assembler = CallAssembler()
        self.says: list[str] = []
        self.pieces: list[str] = []
        self.slot: Slot | None = None
        self.does: list[dict[str, Any]] = []
        self.body: dict[str, Any] = {"reply": {}}
        self.closed = False

    @property
    def text(self) -> str:
        return "".join(self.says)

    def feed(self, event: Mapping[str, Any]) -> Sequence[RawCall]:
        if event.get("error"):
            raise error_from_body(event["error"], adapter=self.adapter)
        for key, value in event.items():
            take = getattr(self, f"take_{key}", None)
            if take is not None and isinstance(key, str):
                take(value)
        return self.assembler.take()

    def take_open(self, about: Any) -> None:
        if isinstance(about, dict):
            self.body |= {key: about[key] for key in ABOUT if key in about}
            self.body["reply"] = {key: value for key, value in about.items() if key not in ABOUT}

    def take_say(self, text: Any) -> None:
        if isinstance(text, str):
            self.says.append(text)

    def take_begin(self, entry: Any) -> None:
        self.take_finish(True)
        self.does.append(dict(entry) if isinstance(entry, dict) else {})
        call_id, name, _ = piece(self.does[-1])
        self.slot, self.pieces = self.assembler.open(call_id, name), []

    def take_more(self, text: Any) -> None:
        if isinstance(text, str) and self.slot is not None:
            self.pieces.append(text)

    def take_finish(self, _: Any) -> None:
        if self.slot is not None:
            self.does[-1]["with"] = "".join(self.pieces)
            self.assembler.close(self.slot, escaped("".join(self.pieces)))
            self.slot = None

    def take_close(self, said: Any) -> None:
        self.closed = True
        self.body |= said if isinstance(said, dict) else {}

    def close(self) -> Turn:
        if self.slot is not None and self.closed:
            self.take_finish(True)
        reply = self.body["reply"] if isinstance(self.body["reply"], dict) else {}
        if self.says or not self.does:
            reply = {**reply, "says": self.text}
        turn = parse({**self.body, "reply": {**reply, "does": self.does} if self.does else reply}, self.adapter)
        if not self.closed:
            raise IncompleteStream("the stream ended before the answer did", adapter=self.adapter, turn=turn)
        return turn
