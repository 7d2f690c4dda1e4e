"""What laws say of faults whose place, or whose cause, is not where they show."""

from __future__ import annotations

import inspect
import json
import logging
import os
import re
from dataclasses import replace
from typing import Any

import pytest
from acme_mutants import suite_of
from acme_samples import AcmeSuite, answer, lines
from pydantic import BaseModel, ConfigDict
from toolfan.framing import DONE
from toolfan.testing import ErrorSample, LawBroken, Sample, outside
from toolfan.testing.guarding import laws_of
from toolfan_acme import AcmeAdapter
from toolfan_acme.codec import CAPABILITIES

BODY = answer("done", says="It rains.")


def said(law: str, adapter: type[AcmeAdapter] = AcmeAdapter, **attributes: Any) -> list[str]:
    with pytest.raises(LawBroken) as caught:
        getattr(suite_of(adapter, **attributes)(), law)()
    return str(caught.value).splitlines()


@pytest.mark.parametrize("make", [Sample, ErrorSample])
def test_an_event_that_is_no_object_is_told_where_it_is(make: Any) -> None:
    more = {"error": AcmeSuite.errors[0].error} if make is ErrorSample else {}
    with pytest.raises(TypeError, match=re.escape("events[1] of the sample 'x' is '[DONE]', and should be a decoded")):
        make(name="x", body=BODY, events=[{"say": "It"}, "[DONE]"], **more)


def test_events_that_are_not_those_of_the_bytes_are_told() -> None:
    law, done = "test_events_come_as_their_samples_say", b"data: [DONE]\n\n"
    framed = b"".join(b"data: " + line + b"\n\n" for line in lines(BODY).splitlines()) + done
    events = AcmeSuite().events_in([lines(BODY)])
    sample = Sample(name="x", body=BODY, stream_bytes=framed, events=events)
    at = len(events)
    assert said(law, samples=[sample])[0] == (
        f"- x: in its stream_bytes event {at} is {{'[DONE]': True}}, and in its events 'nothing'; `data: [DONE]` is an "
        "event: `toolfan.framing.DONE`"
    )
    suite_of(AcmeAdapter, samples=[replace(sample, events=[*events, DONE])])().test_events_come_as_their_samples_say()


def test_a_stream_that_toolfan_cannot_cut_wants_a_decode() -> None:
    sample = Sample(name="x", body=BODY, stream_bytes=b"<answer><say>It rains.</say></answer>")
    first, *_ = said("test_events_come_as_their_samples_say", samples=[sample])
    assert "the answer is no event stream" in first
    assert first.endswith("streams something else (XML, lines of its own), write a `decode` into the class.")


class Keyless(BaseModel):
    model_config = ConfigDict(extra="forbid")
    api_key_env: str | None = None
    base_url: str = "http://127.0.0.1:9"


class AsksForNone(AcmeAdapter):
    def __init__(self) -> None:
        super().__init__(settings_model=Keyless)

    def connect(self, settings: Any, *, use_async: bool) -> object:
        if settings.api_key_env is None:
            return object()
        return super().connect(AcmeAdapter().settings_model(**settings.model_dump()), use_async=use_async)


@pytest.mark.slow
def test_a_key_that_nobody_asks_for_is_told() -> None:
    assert said("test_a_missing_key_is_told", AsksForNone)[0] == (
        "- connect raises nothing, and should raise ConfigError: api_key_env is None in the settings, so none is asked "
        'for; write settings = {"api_key_env": "ACME_KEY"}, or name no key_variable'
    )


class Talkative(AcmeAdapter):
    def sender(self, client: Any) -> Any:
        logging.getLogger("acme_sdk.wire").warning("sending\nwith x-acme: %s to Acme", client.key)
        return super().sender(client)


@pytest.mark.slow
def test_who_logs_the_key_is_told() -> None:
    told = said("test_nothing_shows_the_key", Talkative)
    assert told[0] == (
        "- the key is in what is logged by 'acme_sdk.wire' (WARNING): 'sending\\nwith x-acme: *** to Acme'"
    )
    assert not any("toolfan-key" in line for line in told)


def test_what_another_process_wrote_is_told_in_whole_lines() -> None:
    path = os.path.join("/toolfan", *["long"] * 20, "acme.py")
    text = "".join(f'  File "{path}", line {number}\n' for number in range(200))
    end = outside._end(text).splitlines()
    assert (end[0], end[-1]) == ("...", f'  File "{path}", line 199')
    assert {*end[1:]} <= {*text.splitlines()}
    assert outside._end(text[:300]) == text[:300]


def test_a_choice_of_tools_that_is_denied_is_named() -> None:
    can = replace(CAPABILITIES, tool_choice_required=False, tool_choice_subset=False)
    suite = suite_of(AcmeAdapter)()
    type(suite).adapter = AcmeAdapter(capabilities=can)
    assert "does not offer a subset of the tools as tool_choice" in str(suite.refused(tool_choice=["Weather"]))
    assert 'does not offer tool_choice="required"' in str(suite.refused(tool_choice="required"))


class CallsAsText(AcmeAdapter):
    """An earlier call is a line of text, `Weather(location='Oslo')`, in which no law finds a value of its own."""

    def turns(self, messages: Any, tools: Any) -> Any:
        return [self.told(turn) for turn in super().turns(messages, tools)]

    def told(self, turn: Any) -> Any:
        says = [f"{call['does']}({self.given(call['with'])})" for call in turn.get("does") or ()]
        return {"who": turn["who"], "says": "\n".join(says)} if says else turn

    def given(self, text: str) -> str:
        try:
            return ", ".join(f"{name}={value!r}" for name, value in json.loads(text).items())
        except ValueError:
            return repr(text.encode())


class NamesInText(AcmeAdapter):
    """The name of the tool stands in a larger text."""

    def turns(self, messages: Any, tools: Any) -> Any:
        return [
            {**turn, "does": [{**call, "does": f"tool: {call['does']}"} for call in turn["does"]]}
            if turn.get("does") and turn not in messages
            else turn
            for turn in super().turns(messages, tools)
        ]


class Enclosed(AcmeAdapter):
    """What a user adds stands in a field of its own."""

    def build_request(self, request: Any) -> Any:
        wire = super().build_request(replace(request, extra_body={}))
        return replace(wire, body={**wire.body, "more": request.extra_body}) if request.extra_body else wire


@pytest.mark.parametrize(
    ("law", "adapter", "line"),
    [
        (
            "test_earlier_calls_bear_names_on_the_wire",
            NamesInText,
            "- no text or key in the body is 'OldTool', the tool of an earlier call, which is not offered now",
        ),
        (
            "test_earlier_calls_bear_names_on_the_wire",
            CallsAsText,
            "- for an earlier call of 'Upper-and_LowerCase' no text or key more in the body is 'Upper_and_LowerCase'",
        ),
        (
            "test_arguments_of_earlier_calls_go_out_whole",
            CallsAsText,
            "- no value in the body, or in JSON there, is 9007199254740993, a value in the arguments",
        ),
        (
            "test_arguments_of_earlier_calls_go_out_whole",
            CallsAsText,
            "- no text or key in the body, or in JSON there, is ",
        ),
        (
            "test_the_extra_body_goes_out",
            Enclosed,
            "- extra_body={'toolfan_extra': {'a': [1, None]}, 'toolfan_null': None, 'toolfan_zero': 0}: looked for in "
            "body, which has the messages and the tools, and not there as given: {'toolfan_extra': ",
        ),
    ],
)
def test_a_law_says_what_it_looked_for(law: str, adapter: type[AcmeAdapter], line: str) -> None:
    lines = said(law, adapter)
    assert [one for one in lines if one.startswith(line)], lines


@pytest.mark.parametrize("law", laws_of(AcmeSuite))
def test_each_law_says_how_to_mend_what_breaks_it(law: str) -> None:
    """What a failure means is the first paragraph; what to do stands below it, in whole sentences."""
    means, _, mend = str(inspect.getdoc(laws_of(AcmeSuite)[law])).partition("\n\n")
    assert means.endswith(".")
    assert "\n" not in means
    assert len(mend.split()) > 4
    assert mend.endswith(".")
