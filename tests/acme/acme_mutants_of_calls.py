"""Adapters with one fault each that loses a call, or alters what an earlier one was given; see `acme_mutants`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acme_forms_of_arguments import TYPES, Written
from acme_mutants import MUTANTS, breaks, suite_of
from acme_mutants_of_values import renumbered
from toolfan_acme import AcmeAdapter

if TYPE_CHECKING:
    from toolfan.adapter import Turn


# Calls that are read.


class Losing(AcmeAdapter):
    """Whole answers lose the calls that are `lost`."""

    def lost(self, entry: Any) -> bool:
        return False

    def parse_response(self, body: Any) -> Turn:
        turn = super().parse_response(body)
        does = turn.replay.get("does") or ()
        return replace(turn, calls=renumbered([call for call in turn.calls if not self.lost(does[call.index])]))


@breaks("test_odd_values_are_read_or_refused")
class CallsWithoutArgumentsLost(Losing):
    def lost(self, entry: Any) -> bool:
        return isinstance(entry, dict) and "with" not in entry


@breaks("test_odd_values_are_read_or_refused")
class CallsWithNullForArgumentsLost(Losing):
    def lost(self, entry: Any) -> bool:
        return isinstance(entry, dict) and entry.get("with", "") is None


@breaks("test_odd_values_are_read_or_refused")
class CallsWithNumbersForNamesLost(Losing):
    def lost(self, entry: Any) -> bool:
        return isinstance(entry, dict) and not isinstance(entry.get("does"), str | None)


@breaks("test_odd_values_are_read_or_refused")
class CallsWithOddIdsLost(Losing):
    def lost(self, entry: Any) -> bool:
        return isinstance(entry, dict) and not isinstance(entry.get("ref"), str | None)


@breaks("test_odd_values_are_read_or_refused")
class CallsThatAreNoObjectsLost(Losing):
    def lost(self, entry: Any) -> bool:
        return not isinstance(entry, dict)


# Earlier calls.


def altered(made: type[Written]) -> type[Written]:
    MUTANTS[made.__name__] = suite_of(made), "test_arguments_of_earlier_calls_go_out_whole"
    return made


@altered
class NumbersAsTexts(Written):
    def written(self, given: dict[str, Any]) -> Any:
        return {name: str(one) if type(one) in (int, bool) else one for name, one in given.items()}


@altered
class LargeNumbersAsTexts(Written):
    def written(self, given: dict[str, Any]) -> Any:
        large = {name: str(one) for name, one in given.items() if type(one) is int and one > 2**53}
        return {**given, **large}


@altered
class NullsAreEmpty(Written):
    def written(self, given: dict[str, Any]) -> Any:
        return {name: "" if one is None else one for name, one in given.items()}


@altered
class NullsAreWords(Written):
    def written(self, given: dict[str, Any]) -> Any:
        return [[name, "null" if one is None else one] for name, one in given.items()]


@altered
class TypedNumbersAreFloats(Written):
    def written(self, given: dict[str, Any]) -> Any:
        floats = {name: float(one) if type(one) is int else one for name, one in given.items()}
        return [{"k": name, "as": TYPES[type(given[name])], "v": one} for name, one in floats.items()]


@altered
class TypedFlagsAreNumbers(Written):
    def written(self, given: dict[str, Any]) -> Any:
        return [[name, TYPES[type(one)], int(one) if one is True else one] for name, one in given.items()]


def once(turn: dict[str, Any]) -> dict[str, Any]:
    """The turn, in which each id has one call."""
    return {**turn, "does": [*{one["ref"]: one for one in turn["does"]}.values()]} if turn.get("does") else turn


@breaks("test_arguments_of_earlier_calls_go_out_whole")
class OneCallOfAnId(AcmeAdapter):
    def turns(self, messages: Any, tools: Any) -> Any:
        return [turn if turn in messages else once(turn) for turn in super().turns(messages, tools)]
