"""Broken connections, cut and foreign bodies, servers that hang or drip: section 1 of the catalogue.

Each line with its title there, the fault that plays it, and what toolfan must make of it.  What the lines say of
streams is for the tests of streams.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from fault_asking import SLACK, Asker, Case, Fails, Good, by_fault, titles
from loopback import KEY, FaultServer, http, until
from toolfan import BadResponse, ConnectionFailed, DeadlineExceeded, RateLimited

if TYPE_CHECKING:
    from collections.abc import Callable

ON_REQUEST = "RST or close on request; RST or close inside the headers"
IN_BODY = "RST or close inside the body (content-length or chunked)"
CUT_JSON = "JSON cut at content-length; wrong (short) content-length; corrupt gzip"
ODD_JSON = (
    "JSON where a stream was asked (text/plain, BOM, NaN in usage, duplicate top-level keys, 500 leading newlines)"
)
LORIS = "**slow-loris** headers / body / SSE pings (1 byte per 0.2 s)"
REFUSED, JUMP = "connection refused; DNS failure", "clock jump"
SLOW, ONCE = "slow but good (0.3 s)", "the same once, then good (`-once`)"

# Else the next request may go into the connection that the server is about to close, and is one that it never sees.
ALONE = {"extra_headers": {"connection": "close"}}

CASES = [
    *(
        Case(ON_REQUEST, fault, Fails(ConnectionFailed, 3))
        for fault in ("reset-on-request", "close-on-request", "reset-in-headers", "close-in-headers")
    ),
    *(
        Case(ONCE, f"{fault}-once", Good(2))
        for fault in ("reset-on-request", "close-on-request", "reset-in-headers", "close-in-headers")
    ),
    Case("bad status line; 200 kB header", "bad-status-line", Fails(BadResponse, 1, retryable=False)),
    Case("bad status line; 200 kB header", "huge-header", Fails(BadResponse, 1, retryable=False)),
    *(
        Case(IN_BODY, fault, Fails(ConnectionFailed, 3))
        for fault in (
            "reset-in-body",
            "close-in-body",
            "reset-in-chunked-body",
            "close-in-chunked-body",
            "reset-in-body-early",
            "close-in-body-early",
        )
    ),
    Case("RST inside the body once", "reset-in-body-once", Good(2)),
    Case("RST inside the body once", "reset-in-chunked-body-once", Good(2)),
    Case("close without length, JSON cut", "close-without-length", Fails(BadResponse, 3, says="is not JSON")),
    Case("close without length, JSON cut", "close-without-length-once", Good(2)),
    Case(CUT_JSON, "cut-json", Fails(BadResponse, 3, says="is not JSON")),
    Case(CUT_JSON, "cut-json-once", Good(2)),
    Case(CUT_JSON, "short-content-length", Fails(BadResponse, 3, says="is not JSON"), ALONE),
    Case(CUT_JSON, "short-content-length-once", Good(2), ALONE),
    Case(CUT_JSON, "corrupt-gzip", Fails(BadResponse, 3, says="cannot be decompressed")),
    Case(CUT_JSON, "corrupt-gzip-once", Good(2)),
    Case(CUT_JSON, "truncated-gzip", Fails(BadResponse, 3)),
    Case(CUT_JSON, "truncated-gzip-once", Good(2)),
    Case("empty 200", "empty-200", Fails(BadResponse, 3, says="it is empty")),
    Case("empty 200", "empty-200-once", Good(2)),
    Case("event-stream where JSON was asked", "event-stream-for-json", Fails(BadResponse, 3, says="text/event-stream")),
    Case("event-stream where JSON was asked", "event-stream-for-json-once", Good(2)),
    *(
        Case(ODD_JSON, fault, Good(1))
        for fault in (
            "json-for-stream",
            "json-text-plain",
            "json-bom",
            "json-nan-usage",
            "json-duplicate-keys",
            "json-leading-newlines",
        )
    ),
    Case("HTML 200", "html-200", Fails(BadResponse, 3, says="(text/html; charset=utf-8)")),
    Case("HTML 200", "html-200", Fails(BadResponse, 3, says="<!DOCTYPE html><html><head><title>Sign in</title>")),
    Case("bad UTF-8 in the body", "bad-utf8", Fails(BadResponse, 3, says="is not JSON")),
    Case("bad UTF-8 in the body", "bad-utf8-once", Good(2)),
]
HANGS = [
    Case("hang before headers", "hang-before-headers", Fails(DeadlineExceeded, 1, retryable=False)),
    Case("hang inside the body", "hang-in-body", Fails(DeadlineExceeded, 1, retryable=False)),
    Case(LORIS, "slow-drip-headers", Fails(DeadlineExceeded, 1, retryable=False)),
    Case(LORIS, "slow-drip-body", Fails(DeadlineExceeded, 1, retryable=False)),
    Case(LORIS, "slow-drip-pings", Fails(DeadlineExceeded, 1, retryable=False)),
]
ROWS = [*titles(CASES), *titles(HANGS), REFUSED, SLOW, JUMP]


@by_fault(CASES)
def test_a_connection_or_body_that_breaks(ask: Asker, case: Case) -> None:
    case.expected.check(ask(case.fault, **case.options))


@by_fault(HANGS)
def test_a_server_that_hangs_or_drips(ask: Asker, case: Case) -> None:
    case.expected.check(ask(case.fault, deadline=0.5))


@by_fault(HANGS)
def test_on_a_client_that_toolfan_made_the_connection_ends_too(
    ask: Asker, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sync client is the one whose requests a deadline cannot cancel; async ones are cancelled."""
    monkeypatch.setenv("PLANTED_KEY", KEY)
    if ask.mode == "sync":
        with toolfan.connect("openai", base_url=ask.server.openai_url, api_key_env="PLANTED_KEY") as client:
            case.expected.check(ask(case.fault, client=client, deadline=0.5))
            until(lambda: client.abandoned == 0, 30)
    else:
        client = toolfan.connect_async("openai", base_url=ask.server.openai_url, api_key_env="PLANTED_KEY")
        case.expected.check(ask(case.fault, client=client, deadline=0.5))
        assert ask.runner is not None
        ask.runner.run(client.aclose())


@pytest.mark.parametrize("host", ["refused", "without an address"])
def test_no_connection_at_all(ask: Asker, host: str) -> None:
    url = ask.server.refused_url if host == "refused" else "http://name.invalid/v1"
    asked = ask("good", base_url=url)
    Fails(ConnectionFailed, 3, says="Check the network and the base URL").check(asked)
    assert ask.server.requests(asked.model) == 0


def test_no_connection_is_tried_within_the_deadline_only(ask: Asker) -> None:
    asked = ask("good", base_url=ask.server.refused_url, wait=lambda _: 20.0, deadline=2)
    Fails(ConnectionFailed, 1).check(asked)


def test_the_page_in_place_of_an_answer_is_shown_as_far_as_200_characters(
    ask: Asker, faulty: Callable[..., FaultServer]
) -> None:
    page = "<html>" + "x" * 193 + "y" + "z" * 1000
    error = ask("good", base_url=faulty(http(page, content_type="text/html")).url).raised
    assert f"(text/html) is not JSON: expected value at line 1 column 1; it starts with {page[:200]!r}" in str(error)


def test_a_slow_answer_is_waited_for(ask: Asker) -> None:
    """Longer than the drip between two bytes that is the slow loris."""
    assert ask.server.pace == 0.2
    asked = ask("slow-but-good")
    Good(1).check(asked)
    assert asked.seconds >= 0.3


@pytest.fixture
def jumping(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall clock is years off, another way each time that somebody looks."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + random.uniform(-1, 1) * 10**8)


@pytest.mark.usefixtures("jumping")
def test_a_jump_of_the_wall_clock_moves_no_deadline(ask: Asker) -> None:
    Good(1).check(ask("good", deadline=10))
    asked = ask("hang-before-headers", deadline=0.5)
    Fails(DeadlineExceeded, 1, retryable=False).check(asked)
    assert 0.4 < asked.seconds < 0.5 * SLACK


@pytest.mark.usefixtures("jumping")
@pytest.mark.parametrize("fault", ["429-retry-after-date", "429-retry-after-skewed-date"])
def test_a_date_to_retry_after_is_read_by_the_clock_of_the_server(ask: Asker, fault: str) -> None:
    """Two seconds after the `Date` of the answer, which this deadline does not leave."""
    asked = ask(fault, deadline=1.5)
    Fails(RateLimited, 1, more={"retry_after": 2.0}).check(asked)


def test_what_an_abandoned_request_says_later_is_never_used(ask: Asker) -> None:
    """On a sync client that you passed the request goes on; its place in the pool is not the next answer's."""
    client: Any = ask.client()
    Fails(DeadlineExceeded, 1, retryable=False).check(ask("slow-but-good", client=client, deadline=0.1))
    for _ in range(3):
        asked = ask("good", client=client)
        Good(1).check(asked)
        assert asked.result.model == asked.model
    if ask.mode == "sync":
        until(lambda: client.abandoned == 0, 30)
