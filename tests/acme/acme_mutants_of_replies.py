"""Adapters with one fault each in what they tell the model of its calls, and the law that the fault breaks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acme_mutants import Reader, breaks
from acme_samples import AcmeSuite
from toolfan.wire import sendable
from toolfan_acme import AcmeAdapter
from toolfan_acme.codec import CAPABILITIES

if TYPE_CHECKING:
    from toolfan.adapter import Turn


def without_ids(samples: Any) -> list[Any]:
    """The samples of a service that has no ids."""
    found = []
    for one in samples:
        reply = one.body["reply"]
        bare = [{key: value for key, value in call.items() if key != "ref"} for call in reply.get("does") or ()]
        body = {**one.body, "reply": {**reply, "does": bare}} if bare else one.body
        found.append(replace(one, body=body, ids=(), events=None, stream_bytes=None))
    return found


def no_events(self: Any, body: Any) -> None:
    """Nothing is streamed."""


class Retelling(AcmeAdapter):
    """`retold` has the fault: it is given what the model is told, a message each."""

    def retold(self, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return told

    def build_answer(self, turn: Turn, answers: Any) -> Any:
        own, *told = super().build_answer(turn, answers)
        return [own, *self.retold(told)]


@breaks("test_answers_bear_the_ids_of_their_calls")
class IdsReversed(Retelling):
    def retold(self, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**one, "ref": other["ref"]} for one, other in zip(told, told[::-1], strict=True)]


@breaks("test_answers_bear_the_ids_of_their_calls")
class IdsThatTheTurnHasNot(AcmeAdapter):
    """Always `call.id`, though the turn goes back without it."""

    def own(self, turn: Turn) -> Any:
        return turn.replay


@breaks("test_answers_bear_the_ids_of_their_calls")
class IdsAsTheyCame(AcmeAdapter):
    """Always `provider_id`, though two calls came with the same one."""

    def build_answer(self, turn: Turn, answers: Any) -> Any:
        _, *told = super().build_answer(turn, answers)
        ids = [answer.call.provider_id for answer in answers]
        return [turn.replay, *({**one, "ref": ref} for one, ref in zip(told, ids, strict=True))]


@breaks("test_answers_bear_the_ids_of_their_calls")
class IdsOfToolfanWhereNoneCame(AcmeAdapter):
    """`provider_id or id`."""

    def build_answer(self, turn: Turn, answers: Any) -> Any:
        _, *told = super().build_answer(turn, answers)
        ids = [answer.call.provider_id or answer.call.id for answer in answers]
        return [sendable(turn.replay), *({**one, "ref": ref} for one, ref in zip(told, ids, strict=True))]


@breaks("test_answers_bear_the_ids_of_their_calls", samples=without_ids(AcmeSuite.samples), events_of=no_events)
class IdsOfToolfan(AcmeAdapter):
    """The service has no ids; answers name those that toolfan made up."""

    def __init__(self) -> None:
        super().__init__(capabilities=replace(CAPABILITIES, call_ids=False, streaming=False))

    def own(self, turn: Turn) -> Any:
        return sendable(turn.replay)


@breaks("test_every_call_is_answered_once_in_order")
class ByTheirIds(Retelling):
    def retold(self, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return sorted(told, key=lambda one: str(one["ref"]))


@breaks("test_every_call_is_answered_once_in_order")
class EightAtMost(Retelling):
    def retold(self, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return told[:8]


@breaks("test_a_conversation_goes_on")
class ResultsFirst(AcmeAdapter):
    def build_answer(self, turn: Turn, answers: Any) -> Any:
        own, *told = super().build_answer(turn, answers)
        return [*told, own]


@breaks("test_the_turn_is_sent_back_untouched")
class CallsAlone(Reader):
    """What it keeps to be sent back is not what came."""

    def mend(self, turn: Turn) -> Turn:
        own = turn.replay
        return replace(turn, replay={key: own[key] for key in own if key != "says"} if turn.calls else own)


@breaks("test_the_turn_is_sent_back_untouched")
class KnownFieldsAlone(Reader):
    def mend(self, turn: Turn) -> Turn:
        calls = turn.replay.get("does")
        return replace(turn, replay={**turn.replay, "does": [*map(known, calls)]} if turn.calls else turn.replay)


def known(call: Any) -> Any:
    return {key: call[key] for key in ("ref", "does", "with") if key in call} if isinstance(call, dict) else call


@breaks("test_answers_of_every_kind_can_be_given")
class CutResults(Retelling):
    def retold(self, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**one, "gave": gave[:2000]} if isinstance(gave := one["gave"], str) else one for one in told]


@breaks("test_a_result_in_the_messages_is_no_error")
class FailedInMessages(AcmeAdapter):
    def turns(self, messages: Any, tools: Any) -> Any:
        return [
            {**turn, "ok": False} if "ok" in turn and turn not in messages else turn
            for turn in super().turns(messages, tools)
        ]


@breaks("test_answers_of_every_kind_can_be_given")
class CutLongResults(Retelling):
    def retold(self, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**one, "gave": gave[:100_000]} if isinstance(gave := one["gave"], str) else one for one in told]


@breaks("test_every_call_is_answered_once_in_order")
class ErrorsLast(Retelling):
    def retold(self, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return sorted(told, key=lambda one: not one["ok"])


@breaks("test_every_call_is_answered_once_in_order")
class ByTheirNames(AcmeAdapter):
    def build_answer(self, turn: Turn, answers: Any) -> Any:
        own, *told = super().build_answer(turn, answers)
        names = [answer.call.name for answer in answers]
        grouped = sorted(range(len(told)), key=lambda at: names.index(names[at]))
        return [own, *(told[at] for at in grouped)]


@breaks("test_a_conversation_goes_on")
class KnownFieldsAloneLater(AcmeAdapter):
    """What `build_answer` gives is right; it is spoiled when it goes out."""

    def turns(self, messages: Any, tools: Any) -> Any:
        return [
            {**turn, "does": [*map(known, turn["does"])]} if turn in messages and turn.get("does") else turn
            for turn in super().turns(messages, tools)
        ]


@breaks("test_the_turn_is_sent_back_untouched")
class Moodless(Reader):
    """Knows a field that stands beside the calls, and does not send it back: thoughts, say."""

    def mend(self, turn: Turn) -> Turn:
        return replace(turn, replay={key: value for key, value in turn.replay.items() if key != "mood"})
