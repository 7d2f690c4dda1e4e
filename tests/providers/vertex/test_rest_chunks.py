"""A GenerativeModel over REST ends a stream as google-genai does: what the service said in it, or left out, is told."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import pickle
from typing import Any

import pytest
import toolfan
from fault_asking import TOKEN
from google_asking import WARNINGS, GoogleClients, generative_model, need
from loopback import ONCE, USER, http
from toolfan import BadResponse, IncompleteStream, RateLimited, RequestRejected, Unavailable
from vertex_samples import GoogleSearch, Weather, call
from vertex_streams import END, chunk

pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]
TOOLS = (Weather, GoogleSearch)
WEATHER = chunk(call("Weather", args={"location": "Toronto", "units": "metric"}))
SEARCH = chunk(call("GoogleSearch", args={"query": "q"}))
BOTH = ["Weather", "GoogleSearch"]


def error(code: int, status: str) -> dict[str, Any]:
    return {"error": {"code": code, "status": status, "message": "the reason"}}


@pytest.fixture(params=["rest", "vertex"])
def google(request: pytest.FixtureRequest):
    """`google(address)`: clients of the kind that the test names."""
    need(request.param)
    with contextlib.ExitStack() as stack:
        yield lambda server: GoogleClients(request.param, server.url.removesuffix("/v1"), stack)


def streamed(clients: GoogleClients) -> tuple[list[str], Any]:
    """The names of the calls that came, and the stream's calls or its error."""
    stream = clients.client("gemini-x").stream(messages=USER, tools=TOOLS)
    names: list[str] = []
    try:
        names.extend(outcome.name for outcome in stream)
    except toolfan.ToolfanError as exc:
        return names, exc
    return names, stream.calls


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [(503, "UNAVAILABLE", Unavailable), (429, "RESOURCE_EXHAUSTED", RateLimited)],
)
def test_an_error_after_calls_is_raised_with_them(google, faulty, code, status, kind):
    server = faulty(http(json.dumps([WEATHER, SEARCH, error(code, status)])))
    names, raised = streamed(google(server))
    assert names == BOTH
    assert type(raised) is kind
    assert (raised.status, raised.code) == (code, status)
    assert "the reason" in str(raised)
    assert [outcome.name for outcome in raised.calls.outcomes] == BOTH
    assert len(server.requests) == 1


@pytest.mark.parametrize("form", ["[{}]", "{}", "data: {}\r\n\r\n"])
def test_an_error_in_place_of_an_answer_is_the_one_of_its_code(google, faulty, form):
    told = json.dumps(error(400, "INVALID_ARGUMENT"))
    server = faulty(http(form.replace("{}", told)))
    _, raised = streamed(google(server))
    assert type(raised) is RequestRejected
    assert "the reason" in str(raised)
    assert len(server.requests) == 1


@pytest.mark.parametrize("form", ["[{}]", "{}", "data: {}\r\n\r\n"])
@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [(400, "FAILED_PRECONDITION", RequestRejected), (429, "RESOURCE_EXHAUSTED", RateLimited)],
)
def test_an_error_status_tells_google_s_word_in_whatever_form(google, faulty, form, code, status, kind):
    server = faulty(http(form.replace("{}", json.dumps(error(code, status))), code))
    _, raised = streamed(google(server))
    assert (type(raised), raised.status, raised.code) == (kind, code, status)


def test_an_error_that_passes_is_asked_again(google, faulty):
    server = faulty(http(json.dumps([error(503, "UNAVAILABLE")])), http(json.dumps([WEATHER, END])))
    names, calls = streamed(google(server))
    assert (names, calls.requests) == (["Weather"], 2)


def test_a_closed_array_without_a_finish_reason_is_no_whole_answer(google, faulty):
    names, raised = streamed(google(faulty(http(json.dumps([WEATHER])))))
    assert type(raised) is IncompleteStream
    assert names == ["Weather"]
    assert [outcome.name for outcome in raised.calls.outcomes] == ["Weather"]


@pytest.mark.parametrize(("reason", "kind"), [("TOMORROW", "other"), (1, "calls"), ("STOP", "calls")])
def test_any_finish_reason_is_an_end(google, faulty, reason, kind):
    """The service writes numbers to the SDK of a GenerativeModel, whose protobuf drops words that it does not know."""
    names, calls = streamed(google(faulty(http(json.dumps([WEATHER, chunk(finishReason=reason)])))))
    assert (names, calls.stop.kind) == (["Weather"], kind)
    assert calls.stop.raw == ("STOP" if kind == "calls" else reason)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(WEATHER) + "\n" + json.dumps(END),
        "\ufeff" + json.dumps([WEATHER, END]),
        json.dumps({**WEATHER, "candidates": [{**WEATHER["candidates"][0], "finishReason": "STOP"}]}),
        f"data: {json.dumps(WEATHER)}\r\n\r\ndata: {json.dumps(END)}\r\n\r\n",
    ],
    ids=["lines", "byte order mark", "one body", "events"],
)
def test_forms_that_the_sdk_does_not_read(google, faulty, body):
    names, calls = streamed(google(faulty(http(body))))
    assert (names, calls.stop.kind) == (["Weather"], "calls")


def test_what_cannot_be_read_is_shown_and_keeps_the_calls_before_it(google, faulty):
    names, raised = streamed(google(faulty(http(f'[{json.dumps(WEATHER)}, {{"candidates": nope}}]'))))
    assert type(raised) is BadResponse
    assert "nope" in str(raised)
    assert names == ["Weather"]


def test_the_head_of_the_answer_is_told(google, faulty):
    _, calls = streamed(google(faulty(http(json.dumps([WEATHER, END]), x_request_id="req-1", x_other="o"))))
    assert (calls.request_id, calls.headers["x-other"]) == ("req-1", "o")


@pytest.mark.parametrize(("array", "ended"), [("[%s, %s]", True), ("[%s, %s", False)])
def test_where_its_reader_was_wrapped_the_sdk_reads(faulty, array, ended):
    pytest.importorskip("vertexai")
    body = array % (json.dumps(WEATHER), json.dumps(SEARCH))
    model = generative_model("gemini-x", faulty(http(body)).url.removesuffix("/v1"), "rest")
    interceptor = model._prediction_client._transport._interceptor
    interceptor.post_stream_generate_content = lambda chunks: (chunk for chunk in chunks)
    stream = toolfan.from_vertexai(model, stop=ONCE).stream(messages=USER, tools=TOOLS)
    with contextlib.nullcontext() if ended else pytest.raises(IncompleteStream):
        stream.until_done()
    assert [outcome.name for outcome in stream.calls.outcomes] == BOTH


def echoed() -> dict[str, Any]:
    """An error with the token as a gateway shows the header that held it: in base64, which is no form of a key."""
    told = base64.b64encode(TOKEN.encode()).decode()
    return {"error": {"code": 503, "status": "UNAVAILABLE", "message": f"no <{told}>"}}


def test_an_error_in_the_stream_shows_no_token(google, faulty):
    _, raised = streamed(google(faulty(http(json.dumps([WEATHER, echoed()])))))
    assert "no <***" in str(raised)
    assert base64.b64encode(TOKEN.encode())[:-4] not in pickle.dumps(raised)


def test_nor_does_one_that_is_awaited(faulty, monkeypatch):
    pytest.importorskip("vertexai")
    pytest.importorskip("aiohttp")
    from google.auth.aio.credentials import StaticCredentials
    from google.cloud.aiplatform import initializer

    model = generative_model("gemini-x", faulty(http(json.dumps([echoed()]))).url.removesuffix("/v1"), "rest")
    monkeypatch.setattr(initializer.global_config, "_async_rest_credentials", StaticCredentials(token=TOKEN))

    async def ask() -> None:
        try:
            client = toolfan.from_vertexai(model, use_async=True, stop=ONCE)
            await client.stream(messages=USER, tools=TOOLS).until_done()
        finally:
            await model._prediction_async_client.transport.close()

    with pytest.raises(Unavailable, match=r"no <\*\*\*"):
        asyncio.run(ask())


def test_calls_and_the_error_after_them_come_awaited_too(faulty, monkeypatch):
    pytest.importorskip("vertexai")
    pytest.importorskip("aiohttp")  # of its extra `async_rest`
    from google.auth.aio.credentials import StaticCredentials
    from google.cloud.aiplatform import initializer

    server = faulty(http(json.dumps([WEATHER, error(503, "UNAVAILABLE")]), x_request_id="req-1"))
    model = generative_model("gemini-x", server.url.removesuffix("/v1"), "rest")
    monkeypatch.setattr(initializer.global_config, "_async_rest_credentials", StaticCredentials(token="t"))

    async def ask() -> list[str]:
        stream = toolfan.from_vertexai(model, use_async=True, stop=ONCE).stream(messages=USER, tools=TOOLS)
        try:
            with pytest.raises(Unavailable, match="the reason") as caught:
                await stream.until_done()
        finally:
            await model._prediction_async_client.transport.close()
        assert caught.value.request_id == "req-1"
        return [outcome.name for outcome in caught.value.calls.outcomes]

    assert asyncio.run(ask()) == ["Weather"]
