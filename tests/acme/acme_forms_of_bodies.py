"""Right adapters whose bodies have another form than Acme's; see `acme_forms`."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from urllib.request import Request, build_opener

from acme_forms import CANNOT_STREAM, Seeing, right
from acme_samples import AcmeSuite, answer
from toolfan import Unavailable
from toolfan.adapter import WireResponse
from toolfan.errors import BadResponse, Unsupported, UsageError
from toolfan.testing import ErrorSample
from toolfan.wire import sendable
from toolfan_acme import AcmeAdapter
from toolfan_acme.sending import AcmeTransport

if TYPE_CHECKING:
    from toolfan.adapter import Capabilities, Turn


def tagged(body: Any) -> bytes:
    return f"<acme>{json.dumps(body, ensure_ascii=False)}</acme>".encode()


class TagsTransport(AcmeTransport):
    """Whole answers are no JSON."""

    def send(self, request: Any, **given: Any) -> Any:
        with self.errors(), self.client.opened(request.body, **given) as answer:
            text = answer.read().decode()
            if not text.startswith("<acme>"):
                raise BadResponse("it is no acme", adapter="acme")
            return WireResponse(json.loads(text.removeprefix("<acme>").removesuffix("</acme>")))


class Tagged(AcmeAdapter):
    def sender(self, client: Any) -> AcmeTransport:
        return TagsTransport(client)


right(Tagged, samples=[replace(one, body_bytes=tagged(one.body)) for one in AcmeSuite.samples])


@right
class SaysNoDefault(AcmeAdapter):
    """The choice is an object, which is left out where it says the default alone."""

    def shaped(self, body: Any) -> Any:
        choice = {"mode": body["mode"], **{key: body[key] for key in ("only", "one_at_a_time") if key in body}}
        rest = {key: value for key, value in body.items() if key not in choice}
        return rest if choice == {"mode": "may"} else {**rest, "choice": choice}


@right
class OneWordForBoth(AcmeAdapter):
    """Mode and number of calls are said in one word."""

    def shaped(self, body: Any) -> Any:
        rest = {key: value for key, value in body.items() if key != "one_at_a_time"}
        return {**rest, "mode": f"{body['mode']}-one"} if "one_at_a_time" in body else body


@right
class ToolsByName(AcmeAdapter):
    """Tools stand in an object, under their names."""

    def shaped(self, body: Any) -> Any:
        return {**body, "tools": {one["name"]: {"about": one["about"], "takes": one["takes"]} for one in body["tools"]}}


@right
class OptionsInAnObject(AcmeAdapter):
    """Options stand in an object that is always there, empty where none is asked for."""

    def shaped(self, body: Any) -> Any:
        rest = {key: value for key, value in body.items() if key not in self.option_names}
        return {**rest, "parameters": {key: value for key, value in body.items() if key in self.option_names}}


@right
class OptionsInAList(AcmeAdapter):
    """Options stand in a list that is always there, an object each."""

    def shaped(self, body: Any) -> Any:
        rest = {key: value for key, value in body.items() if key not in self.option_names}
        return {**rest, "parameters": [{key: value} for key, value in body.items() if key in self.option_names]}


@right
class Enveloped(AcmeAdapter):
    """What is asked stands in an envelope, beside nothing that a user may add to."""

    def build_request(self, request: Any) -> Any:
        wire = super().build_request(request)
        return replace(wire, body={"version": 2, "job": wire.body}, tools_json=None)


@right
class LastTurnApart(AcmeAdapter):
    """The last turn stands apart from those before it, and is marked."""

    def shaped(self, body: Any) -> Any:
        rest = {key: value for key, value in body.items() if key != "turns"}
        return {**rest, "before": body["turns"][:-1], "now": {**body["turns"][-1], "kept": "here"}}


@right
class WantsAnswers(AcmeAdapter):
    """Calls are answered before somebody says something else; what is not so is refused before it is sent."""

    def turns(self, messages: Any, tools: Any) -> Any:
        told = super().turns(messages, tools)
        for at, turn in enumerate(told):
            if (
                turn not in messages
                and "does" in turn
                and [one.get("who") for one in told[at + 1 : at + 2]] != ["tool"]
            ):
                raise UsageError("a call is not answered", adapter=self.name)
        return told


class SaysWhatItIs(AcmeAdapter):
    """What an answer is stands in one word."""

    def parse_response(self, body: Any) -> Any:
        state = body.get("state") if isinstance(body, dict) else None
        if isinstance(state, dict) and state.get("kind") in ("aborted", "turn.failed"):
            body = {"error": state}
        return super().parse_response(body)


DOWN = {"code": "unavailable", "message": "down"}
right(
    SaysWhatItIs,
    samples=[replace(one, body={**one.body, "state": {"kind": "complete"}}) for one in AcmeSuite.samples],
    errors=[
        ErrorSample(name=kind, error=Unavailable, body={**answer("done", says="It"), "state": {"kind": kind, **DOWN}})
        for kind in ("aborted", "turn.failed")
    ]
    + [*AcmeSuite.errors[1:]],
)


@right
class Packed(AcmeAdapter):
    """Sends bodies compressed."""

    def sender(self, client: Any) -> AcmeTransport:
        from acme_sdk import AcmeClient, NoRedirects

        class Packing(AcmeClient):
            def opened(self, body: Any, *, redirects: bool = False, **given: Any) -> Any:
                query = f"?{urlencode(given['query'])}" if given["query"] else ""
                kinds = {"content-type": "application/json", "content-encoding": "gzip"}
                head = {**kinds, "x-acme": self.key, **given["headers"]}
                request = Request(f"{self._base_url}/act{query}", gzip.compress(json.dumps(body).encode()), head)
                return build_opener(NoRedirects).open(request, timeout=given["timeout"])

        return AcmeTransport(Packing(client.key, client._base_url))


@right
class LastImages(Seeing):
    """The service looks at the images of the last message alone."""

    def turns(self, messages: Any, tools: Any) -> Any:
        if any(self.seen(message) for message in messages[:-1]):
            raise Unsupported("images stand in the last message only", adapter=self.name)
        return super().turns(messages, tools)


def in_parts(body: Any) -> Any:
    """The body with its text and its calls in one list."""
    reply = dict(body["reply"])
    says, does = reply.pop("says", None), reply.pop("does", [])
    return {**body, "reply": {**reply, "parts": [*([] if says is None else [{"says": says}]), *does]}}


def is_text(part: Any) -> bool:
    return isinstance(part, dict) and isinstance(part.get("says"), str)


@dataclass(frozen=True)
class Parts(AcmeAdapter):
    """Texts and calls stand in one list; texts are joined as words are."""

    capabilities: Capabilities = CANNOT_STREAM

    def parse_response(self, body: Any) -> Turn:
        reply = body.get("reply") if isinstance(body, dict) else None
        parts = reply.get("parts") if isinstance(reply, dict) else None
        if not isinstance(parts, list):
            return super().parse_response(body)
        says = " ".join(part["says"] for part in parts if is_text(part))
        does = [part for part in parts if not is_text(part)]
        return replace(super().parse_response({**body, "reply": {"says": says, "does": does}}), replay=reply)

    def own(self, turn: Turn) -> Any:
        calls = iter(turn.calls)
        parts = [
            part if is_text(part) else {**(part if isinstance(part, dict) else {}), "ref": next(calls).id}
            for part in turn.replay.get("parts", ())
        ]
        return {**sendable({**turn.replay, "parts": parts}), "who": "robot"}


right(
    Parts,
    samples=[replace(one, body=in_parts(one.body), stream_bytes=None) for one in AcmeSuite.samples],
    errors=AcmeSuite.errors[:1],
    events_of=lambda self, body: None,
)


@right
class TurnsByNumber(AcmeAdapter):
    """Turns stand in an object, under their numbers."""

    def shaped(self, body: Any) -> Any:
        return {**body, "turns": {f"m{at:04}": turn for at, turn in enumerate(body["turns"])}}


def by_number(body: Any) -> Any:
    """The body with its calls in an object, under their numbers."""
    does = (body.get("reply") or {}).get("does")
    held = {str(at): one for at, one in enumerate(does or ())}
    return {**body, "reply": {**body["reply"], "does": held}} if held else body


@dataclass(frozen=True)
class CallsByNumber(AcmeAdapter):
    capabilities: Capabilities = CANNOT_STREAM

    def parse_response(self, body: Any) -> Turn:
        reply = body.get("reply") if isinstance(body, dict) else None
        does = reply.get("does") if isinstance(reply, dict) else None
        if not isinstance(does, dict):
            return super().parse_response(body)
        listed = {**body, "reply": {**reply, "does": [*does.values()]}}
        return replace(super().parse_response(listed), replay=reply)

    def own(self, turn: Turn) -> Any:
        own = {**sendable(turn.replay), "who": "robot"}
        if isinstance(does := own.get("does"), dict):
            own["does"] = {
                key: {**(one if isinstance(one, dict) else {}), "ref": call.id}
                for call, (key, one) in zip(turn.calls, does.items(), strict=True)
            }
        return own


right(
    CallsByNumber,
    samples=[replace(one, body=by_number(one.body), stream_bytes=None) for one in AcmeSuite.samples],
    errors=AcmeSuite.errors[:1],
    events_of=lambda self, body: None,
)
