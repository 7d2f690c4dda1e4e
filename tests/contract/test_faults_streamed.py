"""Server-sent events with faults: section 3 of the catalogue, and what the others do where a stream is asked for.

Each line with its title there, the fault that plays it, and what toolfan must make of it, sync and async, through the
public door.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from fault_asking import GOOD, SEARCH, WEATHER, Asker, Case, Fails, Good, by_fault, titles
from loopback import KEY, until
from stream_asking import StreamAsker, kept
from toolfan import (
    AuthenticationError,
    BadCall,
    BadResponse,
    Call,
    ConnectionFailed,
    ContentFiltered,
    DeadlineExceeded,
    IncompleteStream,
    QuotaExhausted,
    RateLimited,
    Refused,
    RequestRejected,
    TooManyCalls,
    Unavailable,
)
from toolfan_local.faults import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BROKEN, UTF8 = "broken JSON in an event", "bad UTF-8 in an event"
CUT_IN, CUT_AFTER = "cut inside the arguments", "cut after the first call"
EMPTY = "empty body; only `[DONE]`"
ERROR = "`error` object mid-stream; `event: error`; error string; error first"
IN_CHOICE = 'error inside the choice, `finish_reason: "error"`'
NOTHING = "`choices: null`; `delta: null`"
NO_FINISH = "`[DONE]` without `finish_reason`"
MISSING = "index missing; index null"
MANY = "50 / 100 / 200 / 400 calls"

EXACT = [
    Case("leading BOM", "sse-bom", Good()),
    Case("`event: ping` + `data: {}`", "sse-ping", Good()),
    Case("empty `data:`; event with `retry:` only", "sse-empty-data", Good()),
    Case("empty `data:`; event with `retry:` only", "sse-retry-only", Good()),
    Case("last data event without blank line", "sse-last-without-blank-line", Good()),
    Case("no `[DONE]` but `finish_reason`", "sse-no-done", Good()),
    Case(NO_FINISH, "sse-done-without-finish", Good()),
    Case(NOTHING, "sse-null-choices", Good()),
    Case(NOTHING, "sse-null-delta", Good()),
    Case(MISSING, "sse-index-missing", Good()),
    Case(MISSING, "sse-index-null", Good()),
    Case("all index 0 with new ids", "sse-all-index-0", Good()),
    Case("interleaved, right index", "sse-interleaved", Good()),
    Case("reversed index", "sse-index-reversed", Good()),
    Case("index gap (0, 5)", "sse-index-gap", Good()),
    Case("name repeated in each delta", "sse-name-repeated", Good()),
    Case("id late", "sse-id-late", Good()),
    Case("`function: null` in a delta", "sse-null-function", Good()),
    Case("cumulative arguments", "sse-cumulative-arguments", Good()),
]
AFTER_FIRST = [
    Case(BROKEN, "sse-broken-json", Fails(BadResponse, 1, says="is not JSON")),
    Case(UTF8, "sse-bad-utf8", Fails(BadResponse, 1, says="is not JSON")),
    Case(CUT_IN, "sse-cut-in-arguments", Fails(IncompleteStream, 1)),
    Case(CUT_AFTER, "sse-cut-after-first-call", Fails(IncompleteStream, 1)),
    Case(ERROR, "sse-error-object", Fails(Unavailable, 1, says="503 (server_error): The server had an error.")),
    Case(ERROR, "sse-error-event", Fails(Unavailable, 1, says="The server had an error.")),
    Case(ERROR, "sse-error-string", Fails(Unavailable, 1, says="The server had an error.")),
    Case(IN_CHOICE, "sse-error-in-choice", Fails(Unavailable, 1, says="502: Provider returned error")),
]
BEFORE_FIRST = [
    Case(ERROR, "sse-error-first", Fails(RateLimited, 3)),
    Case(EMPTY, "sse-empty-body", Fails(IncompleteStream, 3, says="without an answer")),
    Case(EMPTY, "sse-only-done", Fails(IncompleteStream, 3, says="without an answer")),
    Case(CUT_AFTER, "sse-cut-before-first-call", Fails(IncompleteStream, 3)),
]
ROWS = [*titles(EXACT), *titles(AFTER_FIRST), *titles(BEFORE_FIRST), MANY]
SAME = [
    "sse-byte-by-byte",
    "sse-crlf",
    "sse-cr",
    "sse-mixed-line-ends",
    "sse-crlf-split",
    "sse-multi-line-data",
    "sse-no-space",
    "sse-comments",
    "sse-id-and-retry",
    "sse-usage-last",
    "sse-empty-choices-first",
    "sse-data-after-done",
    "sse-done-without-blank-line",
    "sse-all-calls-in-one-chunk",
    "sse-name-in-fragments",
    "sse-empty-ids-later",
    "sse-null-arguments-first",
    "sse-finish-twice",
    "sse-json-content-type",
    "sse-index-from-1",
]
"""Those that the sentence above the table names."""


@by_fault(EXACT)
def test_an_odd_stream_is_read_as_what_it_means(stream: StreamAsker, case: Case) -> None:
    asked = stream(case.fault)
    case.expected.check(asked)
    assert sorted(stream.delivered, key=lambda outcome: outcome.index) == list(asked.result.outcomes)
    assert len(asked.result.warnings) == (case.row == NO_FINISH)


@pytest.mark.parametrize("fault", SAME)
def test_what_others_read_is_read(stream: StreamAsker, fault: str) -> None:
    Good().check(stream(fault))


def test_separators_in_a_text_end_no_line(stream: StreamAsker) -> None:
    weather, search = stream("sse-unicode-separators").result
    assert (weather.location, search) == (WEATHER.location + "\u2028\u2029\x85", SEARCH)


def test_an_index_may_be_used_again_for_another_call(stream: StreamAsker) -> None:
    calls = stream("sse-index-reused").result
    assert set(map(repr, calls)) == set(map(repr, GOOD))
    assert len({outcome.id for outcome in calls.outcomes}) == len(calls) == len(stream.delivered)


@by_fault(AFTER_FIRST)
def test_what_breaks_after_a_call_is_told_with_the_call_and_never_retried(stream: StreamAsker, case: Case) -> None:
    asked = stream(case.fault)
    case.expected.check(asked)
    assert [outcome.value for outcome in stream.delivered if isinstance(outcome, Call)] == [WEATHER]
    assert kept(asked.raised) == [WEATHER]
    assert asked.raised.turn is not None


@by_fault(BEFORE_FIRST)
def test_what_breaks_before_a_call_is_retried(stream: StreamAsker, case: Case) -> None:
    asked = stream(case.fault)
    case.expected.check(asked)
    assert (stream.delivered, kept(asked.raised)) == ([], [])
    Good(2).check(stream(f"{case.fault}-once"))


@pytest.mark.parametrize("fault", ["sse-50-calls", "sse-100-calls", "sse-200-calls", "sse-400-calls"])
def test_many_calls(stream: StreamAsker, fault: str) -> None:
    asked = stream(fault)
    assert len(asked.result) == len(stream.delivered) == int(fault.split("-")[1])


# Other sections, where a stream is asked for.

TRANSPORT = [
    *(
        Case("before the first byte", fault, Fails(ConnectionFailed, 3))
        for fault in (
            "close-on-request",
            "reset-on-request",
            "close-in-headers",
            "reset-in-headers",
            "close-in-body-early",
            "reset-in-body-early",
        )
    ),
    Case("foreign", "html-200", Fails(BadResponse, 3, says="no event stream; it starts with '<!DOCTYPE html>")),
    Case("foreign", "bad-utf8", Fails(BadResponse, 3)),
    Case("foreign", "corrupt-gzip", Fails(BadResponse, 3)),
    Case("nothing", "truncated-gzip", Fails(IncompleteStream, 3)),
    Case("nothing", "empty-200", Fails(IncompleteStream, 3)),
    *(
        Case("status", status, Fails(Unavailable, 3))
        for status in ("408", "500", "502", "503", "504", "529", "502-html")
    ),
    Case("status", "429", Fails(RateLimited, 3)),
]
FATAL = [
    Case("status", "400", Fails(RequestRejected, 1, retryable=False)),
    Case("status", "401", Fails(AuthenticationError, 1, retryable=False)),
    Case("status", "429-insufficient-quota", Fails(QuotaExhausted, 1, retryable=False)),
    Case("status", "302-to-itself", Fails(BadResponse, 1, retryable=False)),
    Case("status", "500-should-not-retry", Fails(Unavailable, 1, retryable=False)),
    Case("no HTTP", "bad-status-line", Fails(BadResponse, 1, retryable=False)),
]
# Else the next request may go into the connection that the server is about to close.
ALONE = {"extra_headers": {"connection": "close"}}
IN_BODY = [
    "close-in-body",
    "reset-in-body",
    "close-in-chunked-body",
    "reset-in-chunked-body",
    "close-without-length",
    "cut-json",
    "short-content-length",
]
WHOLE = [
    "json-for-stream",
    "json-text-plain",
    "json-bom",
    "json-nan-usage",
    "json-duplicate-keys",
    "json-leading-newlines",
]
HANGS = ["hang-before-headers", "hang-in-body", "slow-drip-headers", "slow-drip-body", "slow-drip-pings"]


@by_fault(TRANSPORT)
def test_what_fails_for_now_is_sent_again(stream: StreamAsker, case: Case) -> None:
    case.expected.check(stream(case.fault))
    Good(2).check(stream(f"{case.fault}-once"))


@by_fault(FATAL)
def test_what_fails_for_good_is_not(stream: StreamAsker, case: Case) -> None:
    case.expected.check(stream(case.fault))


@pytest.mark.parametrize("fault", IN_BODY)
def test_a_connection_that_breaks_after_a_call_is_an_incomplete_stream(stream: StreamAsker, fault: str) -> None:
    asked = stream(fault, **ALONE)
    Fails(IncompleteStream, 1).check(asked)
    assert kept(asked.raised) == [WEATHER]
    assert [type(outcome) for outcome in stream.delivered] == [Call]
    assert asked.raised.request_id


@pytest.mark.parametrize("fault", WHOLE)
def test_a_whole_answer_in_place_of_a_stream_is_read(stream: StreamAsker, fault: str) -> None:
    Good().check(stream(fault))


def test_nothing_is_listening(stream: StreamAsker) -> None:
    Fails(ConnectionFailed, 3).check(stream("good", base_url=stream.server.refused_url))


# The deadline.


@contextlib.contextmanager
def clients(stream: StreamAsker, kind: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """One that was passed, one that toolfan made, and two of which it cannot know that their sockets end on time."""
    if kind == "made":
        monkeypatch.setenv("PLANTED_KEY", KEY)
        connect: Any = toolfan.connect if stream.mode == "sync" else toolfan.connect_async
        client = connect("openai", base_url=stream.server.openai_url, api_key_env="PLANTED_KEY")
        yield client
        closing = client.close if stream.mode == "sync" else lambda: stream.runner.run(client.aclose())
        closing()
    elif kind == "passed" or stream.mode == "async":
        yield stream.client()
    else:
        http = openai.DefaultHttpxClient(event_hooks={"request": [lambda request: None]})
        if kind == "of its own":
            http._transport = Other(http._transport)
        with openai.OpenAI(api_key=KEY, base_url=stream.server.openai_url, http_client=http) as sdk:
            yield toolfan.from_openai(sdk)


class Other:
    """A transport that only its author knows."""

    def __init__(self, inner: Any) -> None:
        self.handle_request, self.close = inner.handle_request, inner.close


@pytest.mark.parametrize("kind", ["passed", "made", "hooked", "of its own"])
@pytest.mark.parametrize("fault", HANGS)
def test_control_returns_at_the_deadline(
    stream: StreamAsker, fault: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if stream.mode == "async" and kind in ("hooked", "of its own"):
        pytest.skip("async requests are cancelled, whatever they go through")
    with clients(stream, kind, monkeypatch) as client:
        asked = stream(fault, client=client, deadline=0.6)
        Fails(DeadlineExceeded, 1, retryable=False, says="within the deadline of 0.6 s").check(asked)
        assert 0.5 < asked.seconds < 3
        assert kept(asked.raised) == ([WEATHER] if fault == "hang-in-body" else [])
        if stream.mode == "sync" and (kind, fault) != ("of its own", "slow-drip-headers"):
            until(lambda: client.abandoned == 0, 30)


# What a stream says is what `create()` says.


UNREADABLE = {"empty-choices", "null-choices", "empty-object", "null-message", "body-list", "body-string"}
DECLINED = {"content-filter", "content-filter-one-call", "refusal", "error-in-200"}
TRAILING = {"arguments-trailing-text", "arguments-two-objects"}
READABLE = [
    fault.name
    for fault in CATALOGUE.values()
    if fault.section.startswith("4.") and "openai" in fault.dialects and fault.name not in UNREADABLE | DECLINED
]


def said(calls: toolfan.Calls[Any]) -> tuple[Any, ...]:
    return calls.outcomes, calls.text, calls.stop, calls.usage, calls.attempts, calls.requests, calls.turn.refusal


def both(ask: Asker, fault: str, **options: Any) -> tuple[Any, Any, Sequence[Any]]:
    """What became of the same question, whole and streamed, and what the stream delivered."""
    stream = StreamAsker(ask.server, ask.sdk, ask.runner)
    return ask(fault, **options), stream(fault, **options), stream.delivered


@pytest.mark.parametrize("fault", sorted(TRAILING))
def test_what_follows_the_end_of_a_call_is_told(stream: StreamAsker, fault: str) -> None:
    """The call was handed out when it ended; in a whole answer it fails."""
    asked = stream(fault)
    Good().check(asked)
    assert len(asked.result.warnings) >= 1
    assert "characters after the end of its arguments were left out" in asked.result.warnings[0]


@pytest.mark.parametrize("fault", [name for name in READABLE if name not in TRAILING])
@pytest.mark.parametrize("on_invalid", ["keep", "reask"])
def test_the_same_answer_is_the_same_result(ask: Asker, fault: str, on_invalid: str) -> None:
    one, other, _ = both(ask, fault, on_invalid=on_invalid)
    if one.error is None:
        assert said(other.result) == said(one.result)
    else:
        assert type(other.raised) is type(one.raised)
        assert said(other.raised.calls) == said(one.raised.calls)


@pytest.mark.parametrize("fault", sorted(DECLINED))
def test_what_is_declined_is_declined(ask: Asker, fault: str) -> None:
    one, other, _ = both(ask, fault)
    assert type(other.raised) is type(one.raised)
    assert isinstance(other.raised, ContentFiltered | Refused | toolfan.ProviderError)
    assert (other.raised.requests, kept(other.raised)) == (one.raised.requests, kept(one.raised))


@pytest.mark.parametrize("fault", ["sse-50-calls", "same-call-twice", "parallel-wrapper"])
@pytest.mark.parametrize("parallel", [False, 1, 2])
def test_calls_beyond_the_limit_are_told(ask: Asker, fault: str, parallel: Any) -> None:
    _, asked, delivered = both(ask, fault, parallel=parallel, on_invalid="keep")
    limit = int(parallel) or 1
    assert len(asked.result) == min(limit, len(asked.result.outcomes))
    beyond = asked.result.outcomes[limit:]
    assert beyond or fault == "parallel-wrapper"
    assert all(isinstance(bad, BadCall) and isinstance(bad.error, TooManyCalls) for bad in beyond)
    assert list(delivered) == list(asked.result.outcomes)
