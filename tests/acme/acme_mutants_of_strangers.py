"""Faults that adapters for other wire formats had, and forms that were taken for faults; see `acme_mutants`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acme_forms import right
from acme_mutants import Reader, breaks
from acme_mutants_of_transports import BUILT, sending
from toolfan.wire import merge_extra_body
from toolfan_acme import AcmeAdapter
from toolfan_acme.codec import CAPABILITIES
from toolfan_acme.sending import AcmeTransport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from toolfan.adapter import Turn, WireRequest, WireResponse


@right
class LowerCase(AcmeAdapter):
    """Names on the wire have no upper case, so that hardly any goes out as it is."""

    def __init__(self) -> None:
        super().__init__(capabilities=replace(CAPABILITIES, name_pattern="[a-z0-9_]+"))


@breaks("test_earlier_calls_bear_names_on_the_wire")
class LowerCaseOfWhatIsOffered(LowerCase):
    def turns(self, messages: Any, tools: Any) -> Any:
        for message in messages:
            for call in message.get("tool_calls") or ():
                self.wire_name(tools, call["function"]["name"])
        return super().turns(messages, tools)


@breaks("test_every_option_goes_out")
class TurnedKnobs(AcmeAdapter):
    """Options have a field of their own, in which what is 0 or empty is left out."""

    def build_request(self, request: Any) -> WireRequest:
        built = super().build_request(replace(request, options={}, extra_body={}))
        knobs = {name: value for name, value in request.options.items() if value}
        body = {**built.body, "knobs": knobs} if request.options else built.body
        return replace(built, body=merge_extra_body(body, request.extra_body, adapter=self.name), tools_json=None)


@breaks("test_the_turn_is_sent_back_untouched")
class TurnedRound(Reader):
    """What is sent back has the calls in another order; the answers stand in theirs."""

    def mend(self, turn: Turn) -> Turn:
        does = turn.replay.get("does")
        return replace(turn, replay={**turn.replay, "does": does[::-1]}) if len(turn.calls) > 1 else turn

    def own(self, turn: Turn) -> Any:
        made_up = any(call.id != call.provider_id for call in turn.calls)
        if not made_up or len(turn.calls) < 2:
            return super().own(turn)
        back = super().own(replace(turn, replay={**turn.replay, "does": turn.replay["does"][::-1]}))
        return {**back, "does": back["does"][::-1]}


@breaks("test_a_thousand_calls_come_out")
class EachOnce(AcmeAdapter):
    """What a whole answer says twice, to the letter, is read once."""

    def parse_response(self, body: Mapping[str, Any]) -> Turn:
        turn = super().parse_response(body)
        does = body["reply"].get("does") or []
        found: dict[str, Any] = {}
        for at, one in enumerate(does):
            found.setdefault(repr(one) if isinstance(one, dict) and one.get("ref") else f"at {at}", one)
        if len(found) == len(does):
            return turn
        return super().parse_response({**body, "reply": {**body["reply"], "does": [*found.values()]}})


@breaks("test_a_thousand_calls_come_out")
class ReadsAllForEach(AcmeAdapter):
    """For each call all are read."""

    def parse_response(self, body: Mapping[str, Any]) -> Turn:
        turn = super().parse_response(body)
        for _ in turn.calls[200:]:
            json.dumps(body.get("reply"), default=str)
        return turn


class Emptying(AcmeTransport):
    """Takes a field out of the very request that it was given."""

    FIELD = "seed"

    def send(self, request: Any, **given: Any) -> WireResponse:
        request.body.pop(self.FIELD, None)
        return super().send(request, **given)

    def events(self, request: Any, **given: Any) -> Iterator[Any]:
        request.body.pop(self.FIELD, None)
        yield from super().events(request, **given)


@sending(BUILT)
class EmptyingOptions(Emptying):
    """An option."""


@sending(BUILT)
class EmptyingChoices(Emptying):
    """The tools that the model may choose from."""

    FIELD = "only"
