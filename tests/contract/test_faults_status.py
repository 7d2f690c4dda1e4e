"""Errors by HTTP status, and what they say of when to ask again: section 2 of the catalogue.

Each line with its title there, the fault that plays it, and what toolfan must make of it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
import tenacity
import toolfan
from fault_asking import TOOLS, Asker, Case, Fails, Good, by_fault, titles
from loopback import USER, until
from toolfan import (
    AuthenticationError,
    BadResponse,
    PermissionDenied,
    QuotaExhausted,
    RateLimited,
    RequestRejected,
    Unavailable,
)

NEVER = "400, 401, 403, 404, 413, 422 (and `-once`)"
AGAIN = "408, 409, 429, 500, 502, 503, 504, 529"
QUOTA = "429 `insufficient_quota`"
WISH = "429 Retry-After 1 s / date / 150 ms / 0.2 float, once"
LONG = "429 Retry-After 300"
JUNK = "Retry-After junk / negative"
PAGES = "502 with HTML; 500 empty"
REFUSALS: dict[int, tuple[type[toolfan.ProviderError], str]] = {
    400: (RequestRejected, "this is the fault server's 400"),
    401: (AuthenticationError, "Check the API key"),
    403: (PermissionDenied, "Check what this key, project or account may use"),
    404: (RequestRejected, "The model does not exist"),
    413: (RequestRejected, "too large"),
    422: (RequestRejected, "cannot be processed"),
}
FAILURES: dict[int, type[toolfan.ProviderError]] = {
    408: Unavailable,
    409: RequestRejected,
    429: RateLimited,
    500: Unavailable,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
    529: Unavailable,
}


def refused(status: int) -> Fails:
    kind, says = REFUSALS[status]
    return Fails(kind, 1, retryable=False, says=says, more={"status": status, "request_id": "req_1"})


CASES = [
    # A followed redirect would be one more request, a GET.
    Case("302 to itself", "302-to-itself", Fails(BadResponse, 1, retryable=False, more={"status": 302})),
    *(Case(NEVER, str(status), refused(status)) for status in REFUSALS),
    *(Case(NEVER, f"{status}-once", refused(status)) for status in REFUSALS),
    Case(NEVER, "422-detail", Fails(RequestRejected, 1, retryable=False, more={"status": 422})),
    *(Case(AGAIN, str(status), Fails(kind, 3, more={"status": status})) for status, kind in FAILURES.items()),
    *(Case("the same once", f"{status}-once", Good(2)) for status in FAILURES),
    Case(QUOTA, "429-insufficient-quota", Fails(QuotaExhausted, 1, False, "waiting does not help")),
    Case(QUOTA, "429-insufficient-quota-once", Fails(QuotaExhausted, 1, False, more={"code": "insufficient_quota"})),
    Case(LONG, "429-retry-after-300", Fails(RateLimited, 1, more={"retry_after": 300.0})),
    Case(LONG, "429-retry-after-300-once", Fails(RateLimited, 1, more={"retry_after": 300.0})),
    *(
        Case(JUNK, f"429-retry-after-{value}", Fails(RateLimited, 3, more={"retry_after": None}))
        for value in ("junk", "negative")
    ),
    *(Case(JUNK, f"429-retry-after-{value}-once", Good(2)) for value in ("junk", "negative")),
    Case("500 with `x-should-retry: false`", "500-should-not-retry", Fails(Unavailable, 1, False)),
    Case("500 with `x-should-retry: false`", "500-should-not-retry-once", Fails(Unavailable, 1, False)),
    Case(PAGES, "502-html", Fails(Unavailable, 3, says="<h1>502 Bad Gateway</h1>")),
    Case(PAGES, "502-html-once", Good(2)),
    Case(PAGES, "500-empty", Fails(Unavailable, 3, more={"status": 500})),
    Case(PAGES, "500-empty-once", Good(2)),
]
WISHES = {"429-retry-after-1": 1.0, "429-retry-after-150-ms": 0.15, "429-retry-after-0.2": 0.2}
ROWS = [*titles(CASES), WISH]


@by_fault(CASES)
def test_an_error_status(ask: Asker, case: Case) -> None:
    case.expected.check(ask(case.fault))


@pytest.mark.parametrize("wish", WISHES)
def test_the_wait_that_the_provider_wishes_for(ask: Asker, wish: str) -> None:
    """It is at least waited for: our own backoff is none here."""
    asked = ask(f"{wish}-once")
    Good(2).check(asked)
    assert asked.seconds >= WISHES[wish]


def test_the_wait_may_be_given_as_a_date(ask: Asker) -> None:
    waits: list[float] = []

    def wait(state: Any) -> float:
        waits.append(state.outcome.exception().retry_after)
        return 0.0

    asked = ask("429-retry-after-date-once", wait=wait)
    Good(2).check(asked)
    assert waits == [2.0]
    assert asked.seconds >= 2


def test_a_wait_that_the_deadline_does_not_leave_ends_the_call_at_once(ask: Asker) -> None:
    Fails(RateLimited, 1, more={"retry_after": 1.0}).check(ask("429-retry-after-1", deadline=0.9))


def test_all_who_share_the_client_wait_after_a_429(ask: Asker) -> None:
    """The second call begins while the first one waits, and is sent no earlier."""
    client = ask.client()
    model = f"429-retry-after-1-once@gate-{ask.mode}"
    options: dict[str, Any] = {"messages": USER, "tools": TOOLS, "deadline": 30}

    def paused() -> bool:
        return bool(client._retries.pause() > 0)

    if ask.runner is None:
        thread = threading.Thread(target=lambda: client.create(model=model, **options))
        thread.start()
        until(paused, 20)
        allowed = client._retries.paused_until
        client.create(model="good@gate", **options)
        ended = time.monotonic()
        thread.join(20)
    else:

        async def both() -> tuple[float, float]:
            task = asyncio.ensure_future(client.create(model=model, **options))
            while not paused():
                await asyncio.sleep(0.01)
            allowed = client._retries.paused_until
            await client.create(model="good@gate", **options)
            ended = time.monotonic()
            await task
            return allowed, ended

        allowed, ended = ask.runner.run(both())
    assert ended >= allowed
    assert ask.server.requests(model) == 2


def test_a_budget_holds_for_the_whole_client(ask: Asker) -> None:
    """A provider that fails all the time is in the end asked once for each call, not three times."""
    client = ask.client()
    client._retries.budget = 5.0
    assert [ask("503", client=client).raised.requests for _ in range(5)] == [3, 3, 2, 1, 1]


def test_no_more_requests_than_the_ceiling(ask: Asker) -> None:
    """Whatever tenacity is told: twice as many as attempts, and one."""
    client = ask.client(wait=tenacity.wait_none(), stop=tenacity.stop_never)
    Fails(Unavailable, 7).check(ask("500", client=client))
    Fails(Unavailable, 3).check(ask("500", client=client, max_attempts=1))
