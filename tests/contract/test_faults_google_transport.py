"""Broken connections, foreign bodies and statuses, asked with each of Google's kinds of client: sections 1 and 2.

A selection: every line is asked through OpenAI's client elsewhere; here it is the SDKs' borders that differ.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
from typing import Any

import pytest
import tenacity
import toolfan
from fault_asking import SEARCH, TOOLS, Fails, Good, GoogleSearch
from google_asking import (
    GENAI,
    GRPC,
    HTTP,
    KINDS,
    WARNINGS,
    GoogleAsker,
    genai_client,
    generative_model,
    grpc_client,
)
from loopback import KEY, ONCE, USER, http, until
from pydantic import BaseModel
from toolfan import (
    AuthenticationError,
    BadResponse,
    ConnectionFailed,
    DeadlineExceeded,
    InvalidCalls,
    PermissionDenied,
    RateLimited,
    RequestRejected,
    Unavailable,
)

pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]

BROKEN = ("reset-on-request", "close-on-request", "reset-in-headers", "reset-in-body", "close-in-chunked-body")
CUT = ("cut-json", "close-without-length", "corrupt-gzip", "truncated-gzip", "empty-200")
FOREIGN = ("bad-status-line", "huge-header")
HANGS = ("hang-before-headers", "hang-in-body", "slow-drip-headers", "slow-drip-body", "slow-drip-pings")
FINAL = {400: RequestRejected, 401: AuthenticationError, 403: PermissionDenied, 404: RequestRejected}
RETRIED = {408: Unavailable, 429: RateLimited, 500: Unavailable, 502: Unavailable, 503: Unavailable, 504: Unavailable}
ASKED: dict[str, Any] = {"model": "m", "messages": USER, "tools": TOOLS}
ON_GRPC = {401, 403, 404, 400, 429, 500, 503, 504}


def of_each(kinds: Any, faults: Any) -> Any:
    """Each kind of client with each fault."""
    pairs = [(kind, fault) for kind in kinds for fault in faults]
    return pytest.mark.parametrize(("google", "fault"), pairs, indirect=["google"])


def of_status(statuses: Any) -> Any:
    """Each kind of client with each status that it can be given."""
    pairs = [(kind, status) for kind in KINDS for status in statuses if kind in HTTP or status in ON_GRPC]
    return pytest.mark.parametrize(("google", "status"), pairs, indirect=["google"])


class Rated(BaseModel):
    ratio: float


def connected(google: GoogleAsker, model: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A toolfan client that `connect` made for this model."""
    monkeypatch.setenv("PLANTED", KEY)
    settings = {"project": "p", "location": "l", "access_token_env": "PLANTED"}
    if google.adapter == "gemini":
        settings = {"api_key_env": "PLANTED"}
    connect = toolfan.connect_async if google.runner else toolfan.connect
    return connect(f"{google.adapter}:{model}", base_url=google.address, **settings)


of_each_kind = pytest.mark.parametrize("google", KINDS, indirect=True)


@of_each(HTTP, BROKEN)
def test_a_connection_that_breaks_is_made_again(google: GoogleAsker, fault: str) -> None:
    Fails(ConnectionFailed, 3).check(google(fault))
    Good(2).check(google(f"{fault}-once"))


@of_each(GRPC, ("reset-on-request", "reset-in-body"))
def test_a_call_that_grpc_cannot_end_is_made_again(google: GoogleAsker, fault: str) -> None:
    Fails(Unavailable, 3, says="The connection broke").check(google(fault))
    Good(2).check(google(f"{fault}-once"))


@of_each(HTTP, CUT)
def test_a_body_that_is_cut_is_asked_for_again(google: GoogleAsker, fault: str) -> None:
    Fails(BadResponse, 3).check(google(fault))
    Good(2).check(google(f"{fault}-once"))


@of_each(HTTP, ["short-content-length"])
def test_a_body_that_is_longer_than_it_says(google: GoogleAsker, fault: str) -> None:
    """aiohttp reads what is too much as the head of another answer; then it is no HTTP, and not asked for again."""
    model = f"{fault}@{google.kind.replace(' ', '-')}"
    asked = google("", client=google.client(model, stop=ONCE), model=model)
    assert type(asked.raised) is BadResponse
    assert asked.raised.retryable or "async" in google.kind


@of_each(HTTP, FOREIGN)
def test_what_is_no_http_is_not_asked_again(google: GoogleAsker, fault: str) -> None:
    Fails(BadResponse, 1, retryable=False).check(google(fault))


@of_each(HTTP, ["html-200"])
def test_a_page_in_place_of_an_answer(google: GoogleAsker, fault: str) -> None:
    asked = google(fault)
    Fails(BadResponse, 3).check(asked)
    assert "text/html; charset=utf-8" in str(asked.raised)
    assert "Please sign in" in str(asked.raised)
    if google.kind in GENAI:
        assert "is not JSON" in str(asked.raised)


@of_each(HTTP, ["bad-utf8"])
def test_bytes_that_are_no_text(google: GoogleAsker, fault: str) -> None:
    """google-genai over httpx replaces them, and nobody sees it; over aiohttp, and GenerativeModel, they are told."""
    if google.kind in GENAI and not ("async" in google.kind and importlib.util.find_spec("aiohttp")):
        assert google(fault).result.requests == 1
    else:
        Fails(BadResponse, 3).check(google(fault))


@of_each(HTTP, HANGS)
def test_a_server_that_hangs_or_drips(google: GoogleAsker, fault: str) -> None:
    Fails(DeadlineExceeded, 1, retryable=False).check(google(fault, deadline=0.5))


@of_each(GRPC, ("hang-before-headers", "hang-in-body"))
def test_a_call_that_hangs(google: GoogleAsker, fault: str) -> None:
    Fails(DeadlineExceeded, 1, retryable=False).check(google(fault, deadline=0.5))


@pytest.mark.parametrize("google", ["gemini", "vertex"], indirect=True)
@pytest.mark.parametrize("fault", ["slow-drip-headers", "slow-drip-body"])
def test_on_a_client_that_toolfan_made_the_connection_ends_too(
    google: GoogleAsker, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = f"{fault}@connected-{google.adapter}"
    with connected(google, model, monkeypatch) as client:
        asked = google("", client=client, model=model, deadline=0.5)
        Fails(DeadlineExceeded, 1, retryable=False).check(asked)
        until(lambda: client.abandoned == 0, 30)


@of_each_kind
def test_nobody_there(google: GoogleAsker) -> None:
    refused = google.server.refused_url.removesuffix("/v1") if google.kind in HTTP else "127.0.0.1:9"
    model = f"good@refused-{google.kind.replace(' ', '-')}"

    def ask() -> Any:
        if google.kind in GENAI:
            sdk = genai_client(google.kind, refused)
        else:
            sdk = generative_model(model, refused, "rest" if google.kind == "rest" else "grpc")
        if google.kind in GRPC:
            setattr(
                sdk,
                f"_prediction_{'async_' if google.runner else ''}client",
                grpc_client(refused, use_async=google.runner is not None),
            )
        return google.wrapped(sdk, model=model, wait=tenacity.wait_none()).create(messages=USER, tools=TOOLS)

    with pytest.raises(ConnectionFailed) as caught:
        google.run(ask)
    assert (caught.value.requests, caught.value.retryable) == (3, True)
    assert google.server.requests(model) == 0


@of_status(FINAL)
def test_what_the_request_is_refused_for_is_never_asked_again(google: GoogleAsker, status: int) -> None:
    for fault in (f"{status}", f"{status}-once"):
        asked = google(fault)
        Fails(FINAL[status], 1, retryable=False).check(asked)
        # GenerativeModel over REST answers a 401 by asking the credentials for another token, which these have not.
        assert asked.raised.status == (None if (google.kind, status) == ("rest", 401) else status)


@of_status(RETRIED)
def test_what_failed_for_now_is_asked_again(google: GoogleAsker, status: int) -> None:
    Fails(RETRIED[status], 3, more={"status": status}).check(google(f"{status}"))
    Good(2).check(google(f"{status}-once"))


@of_each(HTTP, ["500-empty", "502-html"])
def test_an_error_without_words_or_with_a_page(google: GoogleAsker, fault: str) -> None:
    Fails(Unavailable, 3, more={"status": int(fault[:3])}).check(google(fault))
    Good(2).check(google(f"{fault}-once"))


@of_each(HTTP, ["429-retry-after-300"])
def test_a_longer_wait_than_the_cap_is_told(google: GoogleAsker, fault: str) -> None:
    Fails(RateLimited, 1, more={"retry_after": 300.0}).check(google(fault))


@of_each(HTTP, ["429-retry-after-0.2-once", "429-retry-after-150-ms-once"])
def test_the_wish_of_a_header_is_waited_for(google: GoogleAsker, fault: str) -> None:
    asked = google(fault)
    Good(2).check(asked)
    assert asked.seconds >= 0.15


@of_each(HTTP, ["500-should-not-retry"])
def test_a_server_that_forbids_it_is_not_asked_again(google: GoogleAsker, fault: str) -> None:
    Fails(Unavailable, 1, retryable=False).check(google(fault))


@of_each(("gemini", "vertex"), ["302-to-itself"])
def test_a_redirect_is_not_followed(google: GoogleAsker, fault: str) -> None:
    Fails(BadResponse, 1, retryable=False, more={"status": 302}).check(google(fault))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("kind", GENAI)
def test_no_key_goes_where_a_redirect_leads(kind: str, status: int, faulty: Any) -> None:
    """Through a client that was passed; the async ones here are given an HTTP client, for without one it is aiohttp."""
    pytest.importorskip("google.genai")
    body = {
        "candidates": [{"content": {"parts": [{"functionCall": {"name": "GoogleSearch", "args": {"query": "x"}}}]}}]
    }
    elsewhere = faulty(http(json.dumps(body)))
    server = faulty(http("", status, location=f"{elsewhere.url}/there"))
    made = genai_client(kind, server.url)
    httpx = importlib.import_module(type(made._api_client._httpx_client).__mro__[1].__module__.partition(".")[0])
    made.close()

    async def ask_async() -> None:
        async with httpx.AsyncClient(follow_redirects=True) as own:
            sdk = genai_client(kind, server.url, httpx_async_client=own)
            try:
                await toolfan.wrap_async(sdk, adapter=kind.split(maxsplit=1)[0]).create(**ASKED)
            finally:
                sdk.close()

    def ask() -> None:
        with genai_client(kind, server.url) as sdk:
            toolfan.wrap(sdk, adapter=kind).create(**ASKED)

    with pytest.raises(BadResponse, match=f"{status}.*a redirect to {elsewhere.url}/there") as caught:
        asyncio.run(ask_async()) if kind.endswith("async") else ask()
    assert (caught.value.requests, caught.value.retryable) == (1, False)
    assert (len(server.requests), len(elsewhere.requests)) == (1, 0)


def test_what_else_is_sent_through_the_client_is_redirected_as_before(faulty: Any) -> None:
    pytest.importorskip("google.genai")
    elsewhere = faulty(http(json.dumps({"totalTokens": 3})))
    server = faulty(http("", 307, location=f"{elsewhere.url}/there"))
    with genai_client("gemini", server.url) as sdk:
        with pytest.raises(BadResponse):
            toolfan.wrap(sdk, adapter="gemini").create(**ASKED)
        assert sdk.models.count_tokens(model="m", contents="x").total_tokens == 3


@of_each(("gemini async", "vertex async", "rest"), ["302-to-itself"])
def test_a_redirect_that_is_followed_is_told_once(google: GoogleAsker, fault: str) -> None:
    """aiohttp, where it is installed, and requests follow it, as GET, up to thirty times; not again for toolfan."""
    model = f"{fault}@{google.kind.replace(' ', '-')}"
    client = google.client(model)
    with pytest.raises(BadResponse, match=r"redirect") as caught:
        google.run(lambda: client.create(messages=USER, tools=TOOLS))
    assert (caught.value.requests, caught.value.retryable) == (1, False)
    assert google.server.requests(model) <= 31


@of_each(GENAI, ["302-to-itself"])
def test_a_client_that_toolfan_made_follows_no_redirect(
    google: GoogleAsker, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = f"{fault}@connected-{google.kind.replace(' ', '-')}"
    client = google.run(lambda: connected(google, model, monkeypatch))
    Fails(BadResponse, 1, retryable=False, more={"status": 302}).check(google("", client=client, model=model))
    google.run(client.aclose if google.runner else client.close)


@of_each(HTTP, ["arguments-nan", "arguments-infinity", "arguments-1e999"])
def test_a_number_that_json_has_not_fails_its_call_alone(google: GoogleAsker, fault: str) -> None:
    """And goes back as a text: the service would not read the number."""
    model = f"{fault}@{google.kind.replace(' ', '-')}"
    client = google.client(model)
    with pytest.raises(InvalidCalls, match="ratio: Input should be a finite number") as caught:
        google.run(lambda: client.create(messages=USER, tools=(Rated, GoogleSearch), max_attempts=2))
    assert caught.value.calls is not None
    assert list(caught.value.calls) == [SEARCH]
    first, second = google.server.bodies(model)
    assert len(second["contents"]) == len(first["contents"]) + 2
    sent = second["contents"][1]["parts"][0]["functionCall"]["args"]["ratio"]
    assert sent == ("NaN" if fault == "arguments-nan" else "Infinity")
