"""Streams that break, say odd things or are framed oddly, asked with each of Google's kinds of client.

Section 3 of the catalogue and the lines of section 6 about streams; of section 1 what differs in a stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from fault_asking import GOOD, SEARCH, WEATHER, Fails, Good
from google_asking import GENAI, GRPC, HTTP, KINDS, WARNINGS, GoogleAsker, by_row
from loopback import USER, until
from toolfan import BadResponse, DeadlineExceeded, IncompleteStream, RateLimited, Unavailable
from toolfan_local.faults.catalogue import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]
SIGNED = "thoughtSignature"
SKIPPED = ("sse-bom", "sse-ping", "sse-empty-data", "sse-retry-only", "sse-last-without-blank-line")
MANY = ("sse-50-calls", "sse-100-calls", "sse-200-calls", "sse-400-calls")
CUT = ("sse-cut-in-arguments", "sse-cut-after-first-call", "sse-done-without-finish")
ERRORS = {"sse-error-event": Unavailable, "sse-error-object": Unavailable}
UNREADABLE = ("sse-broken-json", "sse-bad-utf8")
EMPTY = ("sse-cut-before-first-call", "sse-empty-body")
FRAMING = sorted(
    name
    for name, fault in CATALOGUE.items()
    if fault.section == "3" and "google" in fault.dialects
    if fault.expectation == "exact"
)
READ = ("json-for-stream", "json-text-plain", "json-bom", "json-nan-usage", "json-duplicate-keys")
READ += ("json-leading-newlines", "event-stream-for-json", "slow-but-good")


def of_each(kinds: Any, faults: Any) -> Any:
    """Each kind of client with each fault."""
    pairs = [(kind, fault) for kind in kinds for fault in faults]
    return pytest.mark.parametrize(("google", "fault"), pairs, indirect=["google"])


def kept(asked: Any, count: int = 1) -> None:
    """The first calls are in the error, and were not asked for again."""
    assert asked.raised.requests == 1
    assert asked.raised.calls is not None
    assert list(asked.raised.calls) == list(GOOD[:count])
    assert asked.raised.turn is not None
    assert len(asked.raised.turn.calls) >= count


def over_chunks(google: GoogleAsker) -> None:
    """None of them is lost, and what goes back is one content of the model with all of them."""
    for fault, count in (("google-calls-over-chunks", 3), ("google-calls-in-one-chunk", 2)):
        with google.streaming():
            calls = google(fault).result
        assert list(calls) == [WEATHER, SEARCH, WEATHER][:count]
        turn, *_ = calls.reply({outcome.id: "r" for outcome in calls.outcomes})
        assert [SIGNED in part for part in turn["parts"]] == [True, False, False][:count]
        Good().check(google(fault, messages=[*USER, *calls.reply({one.id: "r" for one in calls.outcomes})]))


def partial_arguments(google: GoogleAsker) -> None:
    """They are closed by the end of the stream; one that is cut off there is no call."""
    with google.streaming():
        for fault in ("google-partial-args", "google-partial-args-no-terminal"):
            asked = google(fault)
            Good().check(asked)
            assert [part["functionCall"]["args"] for part in asked.result.turn.replay["parts"]] == [
                value.model_dump() for value in GOOD
            ]
        asked = google("google-partial-args-cut")
    Fails(IncompleteStream, 1, says="before the answer was complete").check(asked)
    assert asked.raised.calls is not None
    assert list(asked.raised.calls) == [WEATHER]
    assert [type(bad.error) for bad in asked.raised.calls.failed] == [toolfan.TruncatedCall]
    Good().check(google("google-partial-args"))


def other_framing(google: GoogleAsker) -> None:
    """A whole answer is no stream; of streams each is read."""
    Fails(BadResponse, 3).check(google("event-stream-for-json"))
    Good(2).check(google("event-stream-for-json-once"))
    with google.streaming():
        Good().check(google("google-array-for-sse"))
        Good().check(google("google-sse-for-array"))


CHECKS: dict[str, tuple[Callable[[GoogleAsker], None], Sequence[str]]] = {
    "streaming chat, 3 calls": (over_chunks, KINDS),
    "partialArgs without a terminal piece": (partial_arguments, KINDS),
    "array instead of SSE, SSE instead of array": (other_framing, HTTP),
}


@by_row(CHECKS)
def test_a_line_of_the_catalogue(google: GoogleAsker, row: str) -> None:
    CHECKS[row][0](google)


def test_every_stream_of_section_3_is_asked() -> None:
    section = [name for name, fault in CATALOGUE.items() if fault.section == "3" and "google" in fault.dialects]
    named = [*FRAMING, *SKIPPED, *MANY, *CUT, *ERRORS, *UNREADABLE, *EMPTY, "sse-error-first"]
    assert sorted(section) == sorted(named)


@of_each(HTTP, [*(name for name in FRAMING if name != "sse-unicode-separators"), *SKIPPED])
def test_every_legal_and_every_seen_framing_is_read(google: GoogleAsker, fault: str) -> None:
    with google.streaming():
        Good().check(google(fault))


@of_each(GENAI, ["sse-unicode-separators"])
def test_line_ends_of_unicode_end_no_line(google: GoogleAsker, fault: str) -> None:
    with google.streaming():
        weather, search = google(fault).result
    assert (weather.location, search) == ("Toronto\u2028\u2029\x85", SEARCH)


@of_each(HTTP, MANY)
def test_many_calls(google: GoogleAsker, fault: str) -> None:
    with google.streaming():
        assert len(google(fault).result) == int(fault.split("-")[1])


@of_each(HTTP, CUT)
def test_a_stream_that_is_cut_keeps_its_calls(google: GoogleAsker, fault: str) -> None:
    with google.streaming():
        asked = google(fault)
    Fails(IncompleteStream, 1, says="before the answer was complete").check(asked)
    kept(asked, 2 if fault == "sse-done-without-finish" else 1)


@of_each(HTTP, EMPTY)
def test_a_stream_without_an_answer_is_asked_for_again(google: GoogleAsker, fault: str) -> None:
    with google.streaming():
        Fails(IncompleteStream, 3, says="without an answer").check(google(fault))
        Good(2).check(google(f"{fault}-once"))


@of_each(GENAI, UNREADABLE)
def test_an_event_that_cannot_be_read_keeps_the_calls_before(google: GoogleAsker, fault: str) -> None:
    with google.streaming():
        asked = google(fault)
    Fails(BadResponse, 1, says="is not JSON").check(asked)
    kept(asked)


@pytest.mark.parametrize(
    ("google", "fault"),
    [*((kind, fault) for kind in GENAI for fault in ERRORS), ("rest", "sse-error-object")],  # an array has no events
    indirect=["google"],
)
def test_an_error_in_the_stream_is_the_one_of_its_code(google: GoogleAsker, fault: str) -> None:
    with google.streaming():
        asked = google(fault)
        Fails(ERRORS[fault], 1).check(asked)
        kept(asked)
        Fails(RateLimited, 3, more={"status": 429}).check(google("sse-error-first"))
        Good(2).check(google("sse-error-first-once"))


@of_each(HTTP, READ)
def test_whatever_form_comes_is_read(google: GoogleAsker, fault: str) -> None:
    if (google.kind, fault) == ("rest", "json-nan-usage"):
        pytest.skip("its protobuf has no such number")
    with google.streaming():
        Good().check(google(fault))


@of_each(HTTP, ["reset-in-body", "close-in-chunked-body"])
def test_a_connection_that_breaks_keeps_the_calls(google: GoogleAsker, fault: str) -> None:
    with google.streaming():
        asked = google(fault)
        Fails(IncompleteStream, 1, says="broke off").check(asked)
        kept(asked)


@of_each(GENAI, ["reset-in-body-early", "close-in-headers", "corrupt-gzip"])
def test_before_the_first_call_it_is_asked_for_again(google: GoogleAsker, fault: str) -> None:
    with google.streaming():
        assert google(fault).raised.requests == 3
        Good(2).check(google(f"{fault}-once"))


@of_each(GRPC, ["reset-in-body"])
def test_a_call_of_grpc_that_breaks_keeps_the_calls(google: GoogleAsker, fault: str) -> None:
    with google.streaming():
        asked = google(fault)
        Fails(Unavailable, 1, says="The connection broke").check(asked)
        kept(asked)


@of_each(KINDS, ["hang-before-headers", "hang-in-body"])
def test_a_stream_that_hangs_ends_at_the_deadline_and_leaves_nothing_behind(google: GoogleAsker, fault: str) -> None:
    model = f"{fault}@hung-{google.kind.replace(' ', '-')}"
    client = google.client(model)
    with google.streaming():
        asked = google("", client=client, model=model, deadline=0.5)
    Fails(DeadlineExceeded, 1, retryable=False).check(asked)
    if fault == "hang-in-body":
        kept(asked)
    if not google.runner:
        until(lambda: client.abandoned == 0, 30)


@of_each(GENAI, ["slow-drip-headers", "slow-drip-body", "slow-drip-pings"])
def test_a_stream_that_drips_ends_at_the_deadline_and_leaves_nothing_behind(google: GoogleAsker, fault: str) -> None:
    model = f"{fault}@streamed-{google.kind.replace(' ', '-')}"
    client = google.client(model)
    with google.streaming():
        asked = google("", client=client, model=model, deadline=0.5)
    Fails(DeadlineExceeded, 1, retryable=False).check(asked)
    if not google.runner:
        until(lambda: client.abandoned == 0, 30)
