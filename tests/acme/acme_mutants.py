"""Adapters with one fault each, and the law that the fault breaks.

Each is a conformance class of its own, so that the suite is judged by the same entry that authors use.
"""

from __future__ import annotations

import copy
import itertools
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import toolfan_acme.reading
from acme_samples import AcmeSuite
from pydantic import BaseModel
from toolfan import ConfigError, ToolDefinitionError
from toolfan.adapter import ToolChoice, Turn, WireRequest
from toolfan.framing.decoder import EventDecoder
from toolfan_acme import AcmeAdapter
from toolfan_acme.codec import CAPABILITIES
from toolfan_acme.reading import AcmeParser

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MUTANTS: dict[str, tuple[type[AcmeSuite], str]] = {}


def suite_of(made: type[AcmeAdapter], **attributes: Any) -> type[AcmeSuite]:
    """The conformance class of such an adapter."""
    return type(f"Suite{made.__name__}", (AcmeSuite,), {"adapter": made(), **attributes})


def breaks(law: str, **attributes: Any) -> Callable[[type[AcmeAdapter]], type[AcmeAdapter]]:
    """The adapter breaks this law, and no other; `attributes` are of its conformance class."""

    def register(made: type[AcmeAdapter]) -> type[AcmeAdapter]:
        MUTANTS[made.__name__] = (suite_of(made, **attributes), law)
        return made

    return register


def first(turn: Turn, **fields: Any) -> Turn:
    """The turn with another first call."""
    return replace(turn, calls=(replace(turn.calls[0], **fields), *turn.calls[1:])) if turn.calls else turn


class Reader(AcmeAdapter):
    """Reads whole answers and streams with the same fault: `mend` spoils a turn."""

    def mend(self, turn: Turn) -> Turn:
        return turn

    def parse_response(self, body: Mapping[str, Any]) -> Turn:
        return self.mend(super().parse_response(body))

    def stream_parser(self) -> AcmeParser:
        adapter = self

        class Parser(AcmeParser):
            def close(self) -> Turn:
                return adapter.mend(super().close())

        return Parser(self.name)


# Rendering.


@breaks("test_every_shape_is_rendered")
class NoDescriptions(AcmeAdapter):
    def render(self, tools: Any, strict: bool | None) -> Any:
        return [{**entry, "about": ""} for entry in super().render(tools, strict)]


@breaks("test_every_shape_is_rendered")
class NoDefinitions(AcmeAdapter):
    def render(self, tools: Any, strict: bool | None) -> Any:
        rendered = super().render(tools, strict)
        return [
            {**entry, "takes": {key: value for key, value in entry["takes"].items() if key != "$defs"}}
            for entry in rendered
        ]


@breaks("test_arguments_keep_their_order")
class Sorted(AcmeAdapter):
    def render(self, tools: Any, strict: bool | None) -> Any:
        return json.loads(json.dumps(super().render(tools, strict), sort_keys=True))


@breaks("test_arguments_keep_their_order")
class ToolsBackwards(AcmeAdapter):
    def render(self, tools: Any, strict: bool | None) -> Any:
        return super().render(tools, strict)[::-1]


@breaks("test_rendering_is_the_same_each_time")
class Counted(AcmeAdapter):
    counter = itertools.count()

    def render(self, tools: Any, strict: bool | None) -> Any:
        marked = {"made": next(self.counter)} if strict is False else {}
        return [{**entry, **marked} for entry in super().render(tools, strict)]


@breaks("test_rendering_is_kept")
class Forgetful(AcmeAdapter):
    def render_tools(self, tools: Any, *, strict: bool | None) -> Any:
        return self.render(tools, strict)


@breaks("test_what_is_kept_is_not_changed")
class Spoiler(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        if request.parallel is False:
            self.render_tools(request.tools, strict=request.strict)[0]["alone"] = True
        return super().build_request(request)


@breaks("test_names_on_the_wire_are_legal_and_lead_back")
class OwnNames(AcmeAdapter):
    def wire_name(self, tools: Any, name: str) -> str:
        return name[:40] if len(name) > 40 else super().wire_name(tools, name)


@breaks("test_names_that_collide_are_refused")
class Colliding(AcmeAdapter):
    def wire_name(self, tools: Any, name: str) -> str:
        try:
            return super().wire_name(tools, name)
        except ToolDefinitionError:
            return f"t_{len(name)}"


@breaks("test_it_is_the_same_in_every_process")
class Hashed(AcmeAdapter):
    def render(self, tools: Any, strict: bool | None) -> Any:
        rendered = copy.deepcopy(super().render(tools, strict))
        for entry in rendered:
            if "required" in entry["takes"]:
                entry["takes"]["required"] = list({*entry["takes"]["required"]})
        return rendered


# Requests.


@breaks("test_a_request_is_plain_json")
class OtherModel(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        return replace(super().build_request(request), model=None)


@breaks("test_tools_as_bytes_are_the_tools")
class StaleBytes(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        kept = super().build_request(replace(request, extra_body={})).tools_json
        return replace(super().build_request(request), tools_json=kept)


@breaks("test_messages_go_out")
class TextsOnly(AcmeAdapter):
    def turns(self, messages: Any, tools: Any) -> Any:
        return super().turns([one for one in messages if not one.get("tool_calls")], tools)


@breaks("test_what_is_no_message_is_refused")
class Generous(AcmeAdapter):
    def turns(self, messages: Any, tools: Any) -> Any:
        told = [{**one, "role": "user"} if one.get("role") == "wizard" else one for one in messages]
        return super().turns(told, tools)


@breaks("test_the_tool_choice_goes_out")
class NeverNever(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        if request.tool_choice.mode == "none":
            request = replace(request, tool_choice=ToolChoice())
        return super().build_request(request)


@breaks("test_a_subset_of_the_tools_goes_out")
class AllOrNothing(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        return super().build_request(replace(request, tool_choice=ToolChoice(request.tool_choice.mode)))


@breaks("test_a_subset_of_the_tools_goes_out")
class MayIsMust(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        chosen = request.tool_choice.tools
        return super().build_request(
            replace(request, tool_choice=ToolChoice("required", chosen)) if chosen else request
        )


@breaks("test_a_subset_of_the_tools_goes_out")
class MayIsAny(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        if request.tool_choice.mode == "auto":
            request = replace(request, tool_choice=ToolChoice())
        return super().build_request(request)


@breaks("test_parallel_goes_out")
class AlwaysParallel(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        return super().build_request(replace(request, parallel=True))


@breaks("test_parallel_goes_out")
class ThreeIsOne(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        return super().build_request(replace(request, parallel=request.parallel is True))


@breaks("test_every_option_goes_out")
class Unoptional(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        options = {key: value for key, value in request.options.items() if key != "seed"}
        return super().build_request(replace(request, options=options))


@breaks("test_the_extra_body_goes_out")
class Overwriting(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        extra = request.extra_body
        if set(extra) - {"mode"}:
            return super().build_request(request)
        wire = super().build_request(replace(request, extra_body={}))
        return replace(wire, body={**wire.body, **extra})


@breaks("test_building_changes_nothing")
class Meddler(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        for message in request.messages:
            if isinstance(message.get("content"), list):
                message["content"][0]["seen"] = True
        return super().build_request(request)


# Answers.


@breaks("test_an_answer_says_what_its_sample_says")
class Misread(Reader):
    def mend(self, turn: Turn) -> Turn:
        return replace(turn, usage=replace(turn.usage, input_tokens=0))


@breaks("test_an_answer_says_what_its_sample_says")
class Unstopped(Reader):
    def mend(self, turn: Turn) -> Turn:
        return replace(turn, stop=replace(turn.stop, kind="end" if turn.stop.kind == "length" else turn.stop.kind))


@breaks("test_a_turn_is_well_formed")
class FromOne(AcmeAdapter):
    def parse_response(self, body: Mapping[str, Any]) -> Turn:
        turn = super().parse_response(body)
        return replace(turn, calls=tuple(replace(call, index=call.index + 1) for call in turn.calls))

    def stream_parser(self) -> AcmeParser:
        class Parser(AcmeParser):
            def feed(self, event: Mapping[str, Any]) -> Any:
                return [replace(call, index=call.index + 1) for call in super().feed(event)]

            def close(self) -> Turn:
                try:
                    turn = super().close()
                except toolfan_acme.reading.IncompleteStream as exc:
                    exc.turn = self.moved(exc.turn or Turn())
                    raise
                return self.moved(turn)

            def moved(self, turn: Turn) -> Turn:
                return replace(turn, calls=tuple(replace(call, index=call.index + 1) for call in turn.calls))

        return Parser(self.name)


@breaks("test_reading_changes_nothing")
class Annotating(AcmeAdapter):
    def parse_response(self, body: Any) -> Turn:
        turn = super().parse_response(body)
        body["seen"] = True
        return turn


@breaks("test_a_turn_can_be_pickled")
class Unpicklable(Reader):
    def mend(self, turn: Turn) -> Turn:
        class Text(str):
            __slots__ = ()

        return replace(turn, text=Text(turn.text))


@breaks("test_an_error_in_an_answer_is_raised")
class OneError(AcmeAdapter):
    def parse_response(self, body: Any) -> Turn:
        if isinstance(body, dict) and isinstance(body.get("error"), dict):
            raise ConfigError("something went wrong", adapter=self.name)
        return super().parse_response(body)


@breaks("test_what_is_no_answer_is_a_bad_response")
class Trusting(AcmeAdapter):
    def parse_response(self, body: Any) -> Turn:
        body["reply"] if body == "<html>" else None
        return super().parse_response(body)


@breaks("test_what_is_no_answer_is_a_bad_response")
class Credulous(AcmeAdapter):
    def parse_response(self, body: Any) -> Turn:
        return Turn() if body == {} else super().parse_response(body)


# Streams.


def streaming(law: str) -> Callable[[type[AcmeParser]], type[AcmeAdapter]]:
    """An adapter whose streams are read with this parser."""

    def register(parser: type[AcmeParser]) -> type[AcmeAdapter]:
        def stream_parser(self: AcmeAdapter) -> AcmeParser:
            return parser(self.name)

        members = {"stream_parser": stream_parser, "__module__": parser.__module__, "__qualname__": parser.__qualname__}
        return breaks(law)(type(parser.__name__, (AcmeAdapter,), members))

    return register


@streaming("test_a_stream_says_what_the_whole_answer_says")
class DropsFields(AcmeParser):
    def take_open(self, about: Any) -> None:
        kept = ("id", "engine", "who")
        super().take_open({key: about[key] for key in kept if key in about} if isinstance(about, dict) else about)


@streaming("test_what_was_sealed_is_what_close_gives")
class SealsTwice(AcmeParser):
    def feed(self, event: Mapping[str, Any]) -> Any:
        return [call for call in super().feed(event) for _ in range(2)]


@streaming("test_calls_are_sealed_while_the_stream_runs")
class SealsLate(AcmeParser):
    def feed(self, event: Mapping[str, Any]) -> Any:
        self.kept = [*getattr(self, "kept", ()), *super().feed(event)]
        return self.kept if self.closed and event.get("close") else []


@streaming("test_the_text_grows")
class LastPiece(AcmeParser):
    shown = True

    @property
    def text(self) -> str:
        return "".join(self.says[-1:] if self.shown else self.says)

    def close(self) -> Turn:
        self.shown = False
        return super().close()


@streaming("test_a_stream_that_broke_off_is_incomplete")
class NeverIncomplete(AcmeParser):
    def close(self) -> Turn:
        self.closed = True
        return super().close()


@streaming("test_a_stream_that_broke_off_is_incomplete")
class LosesTheTurn(AcmeParser):
    def close(self) -> Turn:
        try:
            return super().close()
        except toolfan_acme.reading.IncompleteStream as exc:
            exc.turn = None
            raise


@streaming("test_an_error_in_a_stream_is_raised")
class Deaf(AcmeParser):
    def feed(self, event: Mapping[str, Any]) -> Any:
        return super().feed({key: value for key, value in event.items() if key != "error"})


SHARED: dict[str, list[str]] = {}


@streaming("test_parsers_share_nothing")
class Mixing(AcmeParser):
    """Streams that open alike have one list of texts; those that a service sends at once open otherwise."""

    def __init__(self, adapter: str) -> None:
        super().__init__(adapter)
        SHARED.clear()

    def take_open(self, about: Any) -> None:
        super().take_open(about)
        self.says = SHARED.setdefault(json.dumps(about), [])


@streaming("test_parsers_share_nothing")
class Consuming(AcmeParser):
    def feed(self, event: Any) -> Any:
        found = super().feed(event)
        event["read"] = True
        return found


@streaming("test_odd_events_are_read_or_refused")
class Careless(AcmeParser):
    def take_close(self, said: Any) -> None:
        if not isinstance(said, dict):
            raise TypeError("string indices must be integers")
        super().take_close(said)


@streaming("test_events_that_are_lost_or_said_twice_harm_nobody")
class Strict(AcmeParser):
    def take_close(self, said: Any) -> None:
        if self.closed:
            raise RuntimeError("closed twice")
        super().take_close(said)


# Replies.


@breaks("test_every_call_is_answered_once_in_order")
class Backwards(AcmeAdapter):
    def build_answer(self, turn: Turn, answers: Any) -> Any:
        own, *told = super().build_answer(turn, answers)
        return [own, *told[::-1]]


@breaks("test_answers_bear_the_ids_of_their_calls")
class Anonymous(AcmeAdapter):
    def build_answer(self, turn: Turn, answers: Any) -> Any:
        own, *told = super().build_answer(turn, answers)
        return [own, *({**one, "ref": None} for one in told)]


@breaks("test_the_turn_is_sent_back_untouched")
class Tidy(AcmeAdapter):
    def own(self, turn: Turn) -> Any:
        return {key: value for key, value in super().own(turn).items() if key != "mood"}


@breaks("test_a_conversation_goes_on")
class TidyLater(AcmeAdapter):
    def turns(self, messages: Any, tools: Any) -> Any:
        return [{key: value for key, value in turn.items() if key != "mood"} for turn in super().turns(messages, tools)]


@breaks("test_answers_of_every_kind_can_be_given")
class TextAnswers(AcmeAdapter):
    def build_answer(self, turn: Turn, answers: Any) -> Any:
        if any(answer.content is None for answer in answers):
            raise TypeError("can only concatenate str")
        return super().build_answer(turn, answers)


@breaks("test_answers_that_do_not_fit_are_refused")
class Unchecked(AcmeAdapter):
    def check(self, turn: Turn, answers: Any) -> None: ...


@breaks("test_a_turn_without_calls_is_sent_back")
class CallsOnly(AcmeAdapter):
    def build_answer(self, turn: Turn, answers: Any) -> Any:
        return super().build_answer(turn, answers) if turn.calls else []


# Claims.


@breaks("test_it_is_an_adapter")
class Aged(AcmeAdapter):
    def __init__(self) -> None:
        super().__init__(api=0)


@breaks("test_it_is_an_adapter")
class Listing(AcmeAdapter):
    def __init__(self) -> None:
        super().__init__(option_names={"heat", "seed"})  # type: ignore[arg-type]


@breaks("test_it_can_be_pickled")
class Changeling(AcmeAdapter):
    def __reduce__(self) -> Any:
        return AcmeAdapter, ()


class LooseSettings(BaseModel):
    api_key_env: str = "ACME_KEY"
    base_url: str = "http://127.0.0.1:9"


@breaks("test_settings_refuse_what_they_do_not_know")
class Loose(AcmeAdapter):
    def __init__(self) -> None:
        super().__init__(settings_model=LooseSettings)

    def connect(self, settings: Any, *, use_async: bool) -> object:
        known = AcmeAdapter().settings_model.model_validate(settings.model_dump())
        return super().connect(known, use_async=use_async)


@breaks("test_what_is_denied_is_refused")
class Boastful(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        if any(message.get("role") == "system" for message in request.messages) and len(request.messages) == 2:
            raise ConfigError("no boss", adapter=self.name)
        return super().build_request(request)


@breaks("test_what_is_offered_goes_out")
class Unstrict(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        return super().build_request(replace(request, strict=None))


@breaks("test_strict_schemas_are_made_or_refused")
class Nameless(AcmeAdapter):
    def strictly(self, tool: Any) -> Any:
        try:
            return super().strictly(tool)
        except ToolDefinitionError as exc:
            exc.tool = None
            raise


@breaks("test_ids_come_if_they_are_offered")
class Modest(AcmeAdapter):
    def __init__(self) -> None:
        super().__init__(capabilities=replace(CAPABILITIES, call_ids=False))


@breaks("test_the_number_of_tools_is_bounded_as_told")
class Small(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        if len(request.tools) > 100:
            raise ConfigError("too many tools", adapter=self.name)
        return super().build_request(request)


@breaks("test_a_model_is_named_or_known")
class Modelless(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        return super().build_request(replace(request, model=request.model.strip()))


@breaks("test_clients_of_others_are_refused")
class Accepting(AcmeAdapter):
    def transport(self, client: object, *, use_async: bool) -> Any:
        return super().transport(client, use_async=use_async) if hasattr(client, "send") else client


# Oddities.


@breaks("test_odd_values_are_read_or_refused")
class Reckless(AcmeAdapter):
    def parse_response(self, body: Any) -> Turn:
        turn = super().parse_response(body)
        body["cost"]["read"] + body["cost"]["wrote"]
        return turn


@breaks("test_ids_that_are_missing_or_repeated_are_made_up")
class Twins(AcmeAdapter):
    def parse_response(self, body: Any) -> Turn:
        turn = super().parse_response(body)
        given = {call.provider_id for call in turn.calls}
        return first(turn, provider_id=None) if len(given) < len(turn.calls) and given == {"same"} else turn

    def own(self, turn: Turn) -> Any:
        return super().own(turn)


@breaks("test_a_thousand_calls_come_out")
class Bounded(Reader):
    def mend(self, turn: Turn) -> Turn:
        return replace(turn, calls=turn.calls[:128])


@breaks("test_large_and_deep_arguments_come_out")
class Shortening(Reader):
    def mend(self, turn: Turn) -> Turn:
        return first(turn, arguments=turn.calls[0].arguments[:100_000]) if turn.calls else turn


@breaks("test_arguments_that_are_no_json_come_out")
class Repairing(AcmeAdapter):
    def parse_response(self, body: Any) -> Turn:
        turn = super().parse_response(body)
        return first(turn, arguments="{}") if turn.calls and not turn.calls[0].arguments else turn


@breaks("test_what_is_odd_can_be_sent_back")
class Fussy(AcmeAdapter):
    def own(self, turn: Turn) -> Any:
        if any(call.arguments == "{" for call in turn.calls):
            raise TypeError("not JSON")
        return super().own(turn)


# Packages.


@breaks("test_it_is_found_by_its_name")
class Misnamed(AcmeAdapter):
    def __init__(self) -> None:
        super().__init__(name="acmee")


@breaks("test_importing_it_imports_no_sdk", plugin="acme_hasty")
class Hasty(AcmeAdapter):
    """Its plugin's module imports the SDK."""


@breaks("test_a_missing_sdk_is_told")
class Bare(AcmeAdapter):
    def connect(self, settings: Any, *, use_async: bool) -> object:
        import acme_sdk  # noqa: F401

        return super().connect(settings, use_async=use_async)


@breaks("test_a_missing_key_is_told")
class Keyless(AcmeAdapter):
    def connect(self, settings: Any, *, use_async: bool) -> object:
        try:
            return super().connect(settings, use_async=use_async)
        except ConfigError:
            if settings.api_key_env != "ACME_KEY":
                raise
            return object()


# The class itself.


def cut_line_by_line(self: Any, chunks: Sequence[bytes]) -> list[Any]:
    """A framing that forgets what a piece leaves over."""
    found: list[Any] = []
    for chunk in chunks:
        decoder = EventDecoder(adapter="acme")
        found += [*decoder.feed(chunk), *decoder.close()]
    return found


def line_by_line(self: Any, chunks: Sequence[bytes]) -> list[Any]:
    """A framing that cannot read half a line."""
    return [json.loads(line) for line in b"".join(chunks).split(b"\n") if line]


@breaks("test_bytes_that_break_off_harm_nothing_else", decode=line_by_line)
class Brittle(AcmeAdapter):
    """A stream that breaks off raises JSONDecodeError."""


@breaks("test_events_come_as_their_samples_say", decode=cut_line_by_line)
class Choppy(AcmeAdapter):
    """Its bytes are cut at the ends of the network's pieces."""


@breaks(
    "test_the_samples_show_what_the_laws_need",
    samples=[one for one in AcmeSuite.samples if one.stop != "length"],
)
class Untried(AcmeAdapter):
    """Its samples have no answer that was cut."""
