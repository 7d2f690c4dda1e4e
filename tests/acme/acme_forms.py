"""Right adapters for other wire formats than Acme's: no law may refuse them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from acme_mutants import suite_of
from acme_samples import AcmeSuite, events
from toolfan.adapter import Capabilities, Turn
from toolfan.errors import IncompleteStream, UsageError
from toolfan.wire import escaped, json_text, sendable
from toolfan_acme import AcmeAdapter
from toolfan_acme.codec import CAPABILITIES
from toolfan_acme.reading import AcmeParser, piece

if TYPE_CHECKING:
    from toolfan.assembly.slots import Slot

FORMS: dict[str, type[AcmeSuite]] = {}


def right(form: type[AcmeAdapter], **attributes: Any) -> type[AcmeAdapter]:
    """Its conformance class has these attributes."""
    FORMS[form.__name__] = suite_of(form, **attributes)
    return form


@right
class SchemasAsText(AcmeAdapter):
    def render(self, tools: Any, strict: bool | None) -> Any:
        return [{**one, "takes": json.dumps(one["takes"])} for one in super().render(tools, strict)]


def short(ref: str) -> str:
    return hashlib.sha256(ref.encode()).hexdigest()[:9]


@right
class IdsOfNineLetters(AcmeAdapter):
    """Ids of chat-style messages are made legal, the same on both sides."""

    def turns(self, messages: Any, tools: Any) -> Any:
        return [self._legal(turn) if turn not in messages else turn for turn in super().turns(messages, tools)]

    def _legal(self, turn: Any) -> Any:
        if "ref" in turn:
            return {**turn, "ref": short(turn["ref"])}
        if "does" in turn:
            return {**turn, "does": [{**call, "ref": short(call["ref"])} for call in turn["does"]]}
        return turn


@right
class ResultsByPlace(AcmeAdapter):
    """A result names the place of its call among those of the last turn."""

    def turns(self, messages: Any, tools: Any) -> Any:
        places: dict[str, int] = {}
        told = []
        for turn in super().turns(messages, tools):
            if turn in messages:
                told.append(turn)
            elif "does" in turn:
                places = {call["ref"]: at for at, call in enumerate(turn["does"])}
                told.append({**turn, "does": [{**call, "ref": None} for call in turn["does"]]})
            elif turn["who"] == "tool":
                told.append({**turn, "ref": None, "of": places[turn["ref"]]})
            else:
                told.append(turn)
        return told


def rewritten(body: Any, write: Any) -> Any:
    """The body with the arguments of its calls in another form."""
    reply = body.get("reply") or {}
    every = reply.get("does") or []
    does = [one if one.get("with") is None else {**one, "with": write(one["with"])} for one in every]
    return {**body, "reply": {**reply, "does": does}} if does else body


def as_object(given: Any) -> Any:
    try:
        return json.loads(given)
    except (TypeError, ValueError):
        return given


def as_text(given: Any) -> Any:
    return given if isinstance(given, str) else json.dumps(given)


class ObjectsParser(AcmeParser):
    def take_finish(self, _: Any) -> None:
        if self.slot is not None:
            super().take_finish(True)
            self.does[-1]["with"] = as_object(self.does[-1]["with"])

    def close(self) -> Turn:
        try:
            return self._as_sealed(super().close())
        except IncompleteStream as exc:
            exc.turn = self._as_sealed(exc.turn or Turn())
            raise

    def _as_sealed(self, turn: Turn) -> Turn:
        sealed = {slot.call.index: slot.call for slot in self.assembler.in_order() if slot.call is not None}
        return replace(turn, calls=tuple(sealed.get(call.index, call) for call in turn.calls))


class Objects(AcmeAdapter):
    """Whole answers have objects for arguments, streams JSON text, whose blanks are the model's."""

    def stream_parser(self) -> AcmeParser:
        return ObjectsParser(self.name)


right(
    Objects,
    samples=[replace(one, body=rewritten(one.body, as_object)) for one in AcmeSuite.samples],
    events_of=lambda self, body: events(rewritten(body, as_text)),
)


SEES = replace(CAPABILITIES, images=True)


@right
@dataclass(frozen=True)
class Seeing(AcmeAdapter):
    """Takes images, by address too, beside the text of a message: in no order with it."""

    capabilities: Capabilities = SEES

    def shown(self, parts: list[Any]) -> list[Any]:
        return [part["image_url"]["url"] for part in parts]

    def turns(self, messages: Any, tools: Any) -> Any:
        seen = [self.seen(message) for message in messages]
        texts = [
            {**message, "content": [one for one in message["content"] if one not in parts] or ""} if parts else message
            for message, parts in zip(messages, seen, strict=True)
        ]
        told = super().turns(texts, tools)
        return [{**turn, "shows": self.shown(parts)} if parts else turn for turn, parts in zip(told, seen, strict=True)]

    def seen(self, message: Any) -> list[Any]:
        content = message.get("content")
        if message.get("role") != "user" or not isinstance(content, list):
            return []
        return [one for one in content if one.get("type") == "image_url"]


@right
class Keyed(AcmeAdapter):
    """What stands in lists elsewhere stands in objects: calls and results under their ids, results beside the turns."""

    def build_request(self, request: Any) -> Any:
        wire = super().build_request(request)
        body, results = {**wire.body, "turns": []}, {}
        for turn in wire.body["turns"]:
            if turn["who"] == "tool":
                if turn["ref"] in results:
                    raise UsageError("two calls have one id", adapter=self.name)
                results[turn["ref"]] = {key: value for key, value in turn.items() if key not in ("who", "ref")}
            elif turn in request.messages:
                body["turns"].append(turn)
            else:
                does = {one["ref"]: {"does": one["does"], "with": one["with"]} for one in turn.get("does", ())}
                body["turns"].append({**turn, **({"does": does} if does else {})})
        return replace(wire, body={**body, **({"results": results} if results else {})})


def mapped(body: Any) -> Any:
    """The body with its calls in an object, under their ids, and their arguments in pairs."""
    does = (body.get("reply") or {}).get("does") or []
    held = {one["ref"]: {"does": one["does"], "with": in_pairs(one["with"])} for one in does}
    return {**body, "reply": {**body["reply"], "does": held}} if held else body


def in_pairs(given: str) -> Any:
    value = as_object(given)
    return [[name, one] for name, one in value.items()] if isinstance(value, dict) else given


def from_pairs(given: Any) -> Any:
    try:
        if isinstance(given, list) and all(isinstance(one, dict) for one in given):
            given = [[one["name"], one["value"]] for one in given]
        return json_text(dict(given)) if isinstance(given, list) else given
    except (TypeError, ValueError, KeyError):
        return json_text(given)


def in_fields(body: Any) -> Any:
    """The body with its calls in an object, and their arguments as objects of a name and a value."""
    body = mapped(body)
    for one in body["reply"].get("does", {}).values():
        if isinstance(one["with"], list):
            one["with"] = [{"name": name, "value": value} for name, value in one["with"]]
    return body


CANNOT_STREAM = replace(CAPABILITIES, streaming=False)


@dataclass(frozen=True)
class Mapped(Keyed):
    """The same in answers."""

    capabilities: Capabilities = CANNOT_STREAM

    def parse_response(self, body: Any) -> Turn:
        reply = body.get("reply") if isinstance(body, dict) else None
        does = reply.get("does") if isinstance(reply, dict) else None
        if not isinstance(does, dict):
            return super().parse_response(body)
        listed = [
            {**one, "ref": ref, "with": from_pairs(one.get("with"))} if isinstance(one, dict) else one
            for ref, one in does.items()
        ]
        return replace(super().parse_response({**body, "reply": {**reply, "does": listed}}), replay=reply)

    def own(self, turn: Turn) -> Any:
        own = {**sendable(turn.replay), "who": "robot"}
        if isinstance(does := own.get("does"), dict):  # a key may be empty
            own["does"] = dict(zip((call.id for call in turn.calls), does.values(), strict=True))
        return own


right(
    Mapped,
    samples=[replace(one, body=mapped(one.body), stream_bytes=None) for one in AcmeSuite.samples],
    errors=AcmeSuite.errors[:1],
    events_of=lambda self, body: None,
)


class Fielded(Mapped):
    """So are arguments: in a list of objects, each with a name and a value."""


right(
    Fielded,
    samples=[replace(one, body=in_fields(one.body), stream_bytes=None) for one in AcmeSuite.samples],
    errors=AcmeSuite.errors[:1],
    events_of=lambda self, body: None,
)


def numbered(body: Any) -> list[Any]:
    """The stream of an answer, in which the events of a call say which one it is."""
    found: list[Any] = []
    at = -1
    for event in events(body):
        at += "begin" in event
        found.append({**event, "at": at} if {"begin", "more", "finish"} & event.keys() else event)
    return found


class NumberedParser(AcmeParser):
    """The pieces of calls may come in turn."""

    at: Any = None

    def __init__(self, adapter: str) -> None:
        super().__init__(adapter)
        self.begun: dict[Any, tuple[Slot, dict[str, Any], list[str]]] = {}

    def feed(self, event: Any) -> Any:
        self.at = at if isinstance(at := event.get("at"), int) else None
        return super().feed(event)

    def take_begin(self, entry: Any) -> None:
        self.take_finish(True)
        self.does.append(dict(entry) if isinstance(entry, dict) else {})
        call_id, name, _ = piece(self.does[-1])
        self.begun[self.at] = self.assembler.open(call_id, name), self.does[-1], []

    def take_more(self, text: Any) -> None:
        if isinstance(text, str) and self.at in self.begun:
            self.begun[self.at][2].append(text)

    def take_finish(self, _: Any) -> None:
        if self.at in self.begun:
            slot, entry, pieces = self.begun.pop(self.at)
            entry["with"] = "".join(pieces)
            self.assembler.close(slot, escaped(entry["with"]))

    def close(self) -> Turn:
        for at in [*self.begun] if self.closed else ():
            self.at = at
            self.take_finish(True)
        return super().close()


class Numbered(AcmeAdapter):
    def stream_parser(self) -> AcmeParser:
        return NumberedParser(self.name)


NUMBERED: dict[str, Any] = {
    "samples": [replace(one, stream_bytes=None, events=numbered(one.body)) for one in AcmeSuite.samples],
    "events_of": lambda self, body: numbered(body),
}
right(Numbered, **NUMBERED)
