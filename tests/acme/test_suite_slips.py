"""Slips of the author of a conformance test: told where they are made, and once; none of them passes in silence."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from acme_samples import AcmeSuite, answer, events, lines
from toolfan import RateLimited
from toolfan.testing import ErrorSample, LawBroken, Sample
from toolfan_acme import AcmeAdapter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

BODY = answer("done", says="It rains.")


def suite(**members: Any) -> Any:
    """A class of an author's with these members, to be asked of."""
    return type("TestIt", (AcmeSuite,), members)()


def broken(law: str, **members: Any) -> str:
    """What the law says of such a class."""
    with pytest.raises(LawBroken) as caught:
        getattr(suite(**members), law)()
    return str(caught.value)


def test_an_events_of_that_forgets_its_return_is_told() -> None:
    def forgetful(self: Any, body: Mapping[str, Any]) -> None:
        events(body)

    law = "test_streams_are_offered_or_refused"
    assert "events_of gives no events of any sample: does it lack a return?" in broken(law, events_of=forgetful)


def test_an_events_of_may_leave_out_some() -> None:
    def some(self: Any, body: Mapping[str, Any]) -> Any:
        return events(body) if body["why"] == "done" else None

    suite(events_of=some).test_streams_are_offered_or_refused()


def cut(self: Any, chunks: Sequence[bytes]) -> Iterator[Mapping[str, Any]]:
    """`decode`, as a generator: whole lines alone."""
    *whole, _ = b"".join(chunks).split(b"\n")
    yield from map(json.loads, whole)


def streamed(self: Any, body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """`events_of`, as a generator."""
    yield from events(body)


@pytest.mark.parametrize("members", [{"decode": cut}, {"events_of": streamed}], ids=lambda given: str([*given]))
@pytest.mark.parametrize(
    "law",
    [
        "test_a_stream_says_what_the_whole_answer_says",
        "test_calls_are_sealed_while_the_stream_runs",
        "test_events_come_as_their_samples_say",
        "test_a_stream_that_broke_off_is_incomplete",
        "test_an_error_in_a_stream_is_raised",
        "test_parsers_share_nothing",
        "test_pieces_in_turn_are_told_apart",
        "test_events_come_while_the_stream_runs",
    ],
)
def test_events_may_come_from_a_generator(law: str, members: dict[str, Any]) -> None:
    getattr(suite(**members), law)()


def test_a_generator_of_events_that_gives_none_has_none() -> None:
    def some(self: Any, body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        if body["why"] == "done":
            yield from events(body)

    def nothing(self: Any, body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        yield from ()

    suite(events_of=some).test_a_stream_that_broke_off_is_incomplete()
    assert "events_of gives no events of any sample" in broken("test_streams_are_offered_or_refused", events_of=nothing)


@pytest.mark.parametrize("attribute", [{"options": {"temprature": 0.5}}, {"always_sent": ("temprature",)}], ids=str)
def test_an_option_that_is_none_is_told(attribute: dict[str, Any]) -> None:
    said = broken("test_every_option_goes_out", **attribute)
    assert f"the attribute {next(iter(attribute))} names temprature, which is not in option_names" in said


def test_what_does_not_go_out_unasked_is_told() -> None:
    name = min(AcmeAdapter().option_names)
    said = broken("test_every_option_goes_out", always_sent=(name,))
    assert f"the attribute always_sent names {name}, and nothing goes out where it is not asked for" in said


def test_what_goes_out_unasked_may_be_named() -> None:
    class Generous(AcmeAdapter):
        def build_request(self, request: Any) -> Any:
            name = min(self.option_names)
            return super().build_request(replace(request, options={name: 4096, **request.options}))

    suite(adapter=Generous(), always_sent=(min(AcmeAdapter().option_names),)).test_every_option_goes_out()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"body": '{"why": "done"}'}, "the body of the sample 'x' is .*should be the decoded answer: write json.loads"),
        ({"body": BODY, "stream_bytes": "data: {}"}, "the stream_bytes of the sample 'x' is .*should be bytes"),
        ({"body": BODY, "events": {"say": "x"}}, "the events of the sample 'x' is .*should be a list of events"),
        ({"body": BODY, "events": b"data: {}"}, "the events of the sample 'x' is .*bytes are stream_bytes"),
    ],
)
def test_a_sample_that_is_not_decoded_is_told(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Sample(name="x", **fields)


def test_events_that_can_be_read_once_are_kept() -> None:
    made: Any = (event for event in events(BODY))
    assert Sample(name="x", body=BODY, events=made).events == tuple(events(BODY))
    made = iter([{"error": {}}])
    assert ErrorSample(name="x", error=RateLimited, events=made).events == ({"error": {}},)


@pytest.mark.parametrize(
    ("fields", "kind", "message"),
    [
        ({"error": RateLimited}, ValueError, "the sample 'x' has neither a body nor events"),
        ({"error": RateLimited, "events": []}, ValueError, "the sample 'x' has neither a body nor events"),
        ({"error": RateLimited("slow"), "body": {}}, TypeError, "the error of the sample 'x' is .*a class of error"),
        ({"error": OSError, "body": {}}, TypeError, "the error of the sample 'x' is .*a class of error"),
        ({"error": RateLimited, "body": "{}"}, TypeError, "the body of the sample 'x' is '{}', and should be the"),
    ],
)
def test_an_error_sample_that_shows_nothing_is_told(
    fields: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        ErrorSample(name="x", **fields)


ODD = replace(AcmeAdapter(), capabilities=replace(AcmeAdapter().capabilities, name_pattern="[a-z"))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"environment": {"ACME_REGION": 1}}, "environment is {'ACME_REGION': 1}, and should have texts alone"),
        ({"plugin": "toolfan_amce"}, "plugin is 'toolfan_amce', and there is no such module"),
        ({"plugin": "toolfan_acme.nowhere"}, "plugin is 'toolfan_acme.nowhere', and there is no such module"),
        ({"plugin": "nowhere.toolfan_acme"}, "plugin is 'nowhere.toolfan_acme', and there is no such module"),
        ({"adapter": ODD}, r"name_pattern is '\[a-z', which is no regular expression: unterminated character set"),
    ],
    ids=lambda given: str(given)[:40],
)
def test_what_another_process_could_not_be_started_with_is_told(members: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        suite(**members)


def test_a_member_that_is_missing_is_named() -> None:
    class Lacking:
        def __getattr__(self, name: str) -> Any:
            if name in ("render_tools", "option_names"):
                raise AttributeError(name)
            return getattr(AcmeAdapter(), name)

    said = broken("test_it_is_an_adapter", adapter=Lacking())
    assert re.search("it lacks option_names, render_tools of toolfan.adapter.ParallelToolsAdapter", said)


def test_bytes_of_a_stream_are_taken() -> None:
    assert Sample(name="x", body=BODY, stream_bytes=lines(BODY)).events is None
