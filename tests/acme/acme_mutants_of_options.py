"""Adapters with one fault each in what they send of options and choices, alone and together, and the law it breaks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acme_mutants import breaks
from toolfan.adapter import ToolChoice
from toolfan_acme import AcmeAdapter
from toolfan_acme.codec import CAPABILITIES

if TYPE_CHECKING:
    from toolfan.adapter import WireRequest

# Values.


class Valuing(AcmeAdapter):
    """`value` has the fault: it is given the value of each option."""

    def value(self, value: Any) -> Any:
        return value

    def build_request(self, request: Any) -> WireRequest:
        options = {name: self.value(value) for name, value in request.options.items()}
        return super().build_request(replace(request, options=options))


@breaks("test_every_option_goes_out")
class OptionsAsText(Valuing):
    def value(self, value: Any) -> Any:
        return str(value)


@breaks("test_every_option_goes_out")
class Moderate(Valuing):
    def value(self, value: Any) -> Any:
        return min(value, 4096) if type(value) is int else value


@breaks("test_every_option_goes_out")
class NeverHot(Valuing):
    def value(self, value: Any) -> Any:
        return min(value, 1.0) if type(value) is float else value


@breaks("test_every_option_goes_out")
class Rounding(Valuing):
    def value(self, value: Any) -> Any:
        return round(value, 1) if type(value) is float else value


@breaks("test_every_option_goes_out")
class WholeNumbers(Valuing):
    def value(self, value: Any) -> Any:
        return int(value) if type(value) is float else value


# Options in company.


@breaks("test_every_option_goes_out")
class OneOptionOnly(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        return super().build_request(replace(request, options=dict([*request.options.items()][:1])))


class Heatless(AcmeAdapter):
    """`cool` has the fault: it says for which requests the option `heat` is left out."""

    def cool(self, request: Any) -> bool:
        return False

    def build_request(self, request: Any) -> WireRequest:
        kept = {name: value for name, value in request.options.items() if name != "heat"}
        return super().build_request(replace(request, options=kept) if self.cool(request) else request)


@breaks("test_every_option_goes_out")
class ColdOneAtATime(Heatless):
    def cool(self, request: Any) -> bool:
        return request.parallel is False


@breaks("test_every_option_goes_out")
class ColdIfItMust(Heatless):
    def cool(self, request: Any) -> bool:
        return bool(request.tool_choice.mode == "required")


@breaks("test_every_option_goes_out")
class ColdWithABoss(Heatless):
    def cool(self, request: Any) -> bool:
        return any(message.get("role") == "system" for message in request.messages)


@breaks("test_every_option_goes_out")
class ColdWithOneTool(Heatless):
    def cool(self, request: Any) -> bool:
        return len(request.tools) == 1


# Choices in later rounds.


class Later(AcmeAdapter):
    """`spoiled` has the fault: it is given the requests whose messages hold results."""

    def spoiled(self, request: Any) -> Any:
        return request

    def build_request(self, request: Any) -> WireRequest:
        later = any("tool" in (message.get("role"), message.get("who")) for message in request.messages)
        return super().build_request(self.spoiled(request) if later else request)


@breaks("test_choices_do_not_undo_each_other")
class DemandsOnce(Later):
    def spoiled(self, request: Any) -> Any:
        return replace(request, tool_choice=ToolChoice())


@breaks("test_choices_do_not_undo_each_other")
class OneAtATimeOnce(Later):
    def spoiled(self, request: Any) -> Any:
        return replace(request, parallel=True)


@breaks("test_choices_do_not_undo_each_other")
class OneWordAtATime(AcmeAdapter):
    """Mode and number of calls are one word, which for a choice of some tools says the mode alone."""

    def shaped(self, body: Any) -> Any:
        if "one_at_a_time" not in body:
            return body
        one = "" if "only" in body else "-one"
        return {key: value for key, value in body.items() if key != "one_at_a_time"} | {"mode": body["mode"] + one}


# Choices and models that are another word for something else.


@breaks("test_the_tool_choice_goes_out")
class RequiredIsTheFirst(AcmeAdapter):
    """Who demands any call demands one of the first tool; of subsets it can only say one tool."""

    def __init__(self) -> None:
        super().__init__(capabilities=replace(CAPABILITIES, tool_choice_subset=1))

    def build_request(self, request: Any) -> WireRequest:
        if request.tool_choice.mode == "required" and request.tool_choice.tools is None:
            chosen = ToolChoice("required", (next(iter(request.tools.by_name)),))
            request = replace(request, tool_choice=chosen)
        return super().build_request(request)


@breaks("test_the_model_goes_out")
class NamelessStreams(AcmeAdapter):
    def shaped(self, body: Any) -> Any:
        return {**body, "engine": None} if body.get("in_pieces") else body


@breaks("test_what_was_built_is_sent", model_field=False)
class NamesNoModel(AcmeAdapter):
    """The address should name it, and does not."""

    def shaped(self, body: Any) -> Any:
        return {**body, "engine": None}
