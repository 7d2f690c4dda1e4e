"""Through the real google-genai, 1.66 to 3.x, over loopback: Vertex AI and the Gemini API, sync and async."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterable

import pytest
import toolfan
from loopback import ONCE
from toolfan.errors import (
    AuthenticationError,
    BadResponse,
    ConnectionFailed,
    ContentFiltered,
    DeadlineExceeded,
    PermissionDenied,
    RateLimited,
    RequestRejected,
    Unavailable,
    Unsupported,
    UsageError,
)
from toolfan_vertex.codec import VERTEX
from vertex_samples import GoogleSearch, Ping, Report, Weather, request

genai = pytest.importorskip("google.genai")
from google.oauth2.credentials import Credentials  # noqa: E402

# Vendor: google-genai 2.x subclasses aiohttp's session, aiohttp warns; httpx2 and aiohttp leave sockets to the loop.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")

KINDS = ["vertex", "vertex async", "gemini", "gemini async"]
ASK = [{"role": "user", "content": "Go."}]
THREE = {
    "text": "well",
    "calls": [
        {"name": "Report", "arguments": {"location": "Ü", "class_": 9007199254740993, "from_": "x", "ratio": 3.0,
                                         "nested": {"z": 1, "a": [1.5]}}, "id": "own"},
        {"name": "Ping"},
        {"name": "GoogleSearch", "arguments": {"query": "q"}},
    ],
}  # fmt: skip
ANSWER = {"candidates": [{"content": {"parts": [{"functionCall": {"name": "Ping"}}]}, "finishReason": "STOP"}]}


def sdk_client(kind, base_url, **options):
    options = {"base_url": base_url, **options}
    if kind.startswith("vertex"):
        credentials = Credentials(token="t0ken")
        return genai.Client(
            vertexai=True, project="p", location="us-central1", credentials=credentials, http_options=options
        )
    return genai.Client(vertexai=False, api_key="t0ken", http_options=options)


class Asker:
    """`create` of a toolfan client of any kind, blocking."""

    def __init__(self, kind, base_url, **options):
        self.kind, self.base_url, self.options = kind, base_url, options

    def __call__(self, **arguments):
        adapter = self.kind.split()[0]
        sdk = sdk_client(self.kind, self.base_url, **self.options)
        given = {"messages": ASK, "model": "gemini-x", "tools": (Report, Ping, GoogleSearch), **arguments}
        if not self.kind.endswith("async"):
            return toolfan.wrap(sdk, adapter=adapter, stop=ONCE).create(**given)

        async def ask():
            try:
                return await toolfan.wrap_async(sdk, adapter=adapter, stop=ONCE).create(**given)
            finally:
                await sdk.aio.aclose()

        return asyncio.run(ask())


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def asker(kind, serve):
    def make(*answers, **options):
        server = serve(*answers)
        made = Asker(kind, server.base_url, **options)
        made.server = server
        return made

    return make


def test_calls_arrive_exactly(asker):
    ask = asker(THREE)
    calls = ask(temperature=0.5)
    report, ping, search = calls
    assert report == Report(location="Ü", class_=9007199254740993, from_="x", ratio=3.0, nested={"z": 1, "a": [1.5]})
    assert (ping, search) == (Ping(), GoogleSearch(query="q"))
    assert calls.text == "well"
    raw = calls.outcomes[0].raw
    assert (
        raw.arguments == '{"location":"Ü","class_":9007199254740993,"from_":"x","ratio":3.0,"nested":{"z":1,"a":[1.5]}}'
    )
    assert raw.provider_id == raw.id == "own"
    assert calls.usage.input_tokens > 0
    assert "content-type" in calls.headers
    assert "set-cookie" not in calls.headers


def test_a_response_in_the_place_of_the_sdks_method_is_read(kind, monkeypatch):
    """As tests of users put it there: it was parsed from no HTTP answer."""
    from google.genai.types import GenerateContentResponse

    parts = [{"functionCall": {"id": "own", "name": "GoogleSearch", "args": {"query": "a"}}}, {"text": "well"}]
    given = GenerateContentResponse.model_validate(
        {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}], "responseId": "r1"}
    )

    async def awaited(**_):
        return given

    sdk = sdk_client(kind, "http://127.0.0.1:9")
    is_async = kind.endswith("async")
    home = sdk.aio.models if is_async else sdk.models
    monkeypatch.setattr(home, "generate_content", awaited if is_async else lambda **_: given)
    about = {"model": "m", "messages": ASK, "tools": (GoogleSearch, Ping)}
    asked = toolfan.wrap_async(sdk).create(**about) if is_async else toolfan.wrap(sdk).create(**about)
    calls = asyncio.run(asked) if is_async else asked
    assert (list(calls), calls.text, calls.stop.kind) == ([GoogleSearch(query="a")], "well", "calls")
    assert calls.outcomes[0].raw.provider_id == "own"


def test_what_the_codec_wrote_is_what_is_sent(asker, kind):
    ask = asker(THREE)
    messages = [{"role": "system", "content": "s"}, *ASK]
    ask(messages=messages, strict=True, extra_headers={"x-mine": "1"}, extra_body={"labels": {"a_b": "c"}}, top_p=0.5)
    (got,) = ask.server.requests
    wanted = VERTEX.build_request(
        request(Report, Ping, GoogleSearch, messages=messages, strict=True, options={"top_p": 0.5},
                extra_body={"labels": {"a_b": "c"}})
    ).body  # fmt: skip
    assert got.body == wanted
    assert list(got.body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"]["properties"]) == list(
        Report.model_fields
    )
    assert got.headers["x-mine"] == "1"
    assert ("/projects/p/locations/us-central1/" in got.path) is kind.startswith("vertex")
    assert got.path.endswith("/models/gemini-x:generateContent")


def test_the_conversation_goes_on(asker):
    ask = asker(THREE, {"text": "done"})
    calls = ask()
    answers = {outcome.id: f"result {outcome.index}" for outcome in calls.outcomes}
    final = ask(messages=[*ASK, *calls.reply(answers)])
    assert final.text == "done"
    sent = ask.server.requests[1].body["contents"]
    assert sent[1] == calls.raw["candidates"][0]["content"]
    assert [part["functionResponse"]["id"] for part in sent[2]["parts"]] == [call.id for call in calls.turn.calls]


@pytest.mark.parametrize(
    ("error", "kind_of_error", "retry_after"),
    [
        ({"status": 400}, RequestRejected, None),
        ({"status": 401}, AuthenticationError, None),
        ({"status": 403}, PermissionDenied, None),
        ({"status": 429, "retry_delay": 2.5}, RateLimited, 2.5),
        ({"status": 429, "headers": {"retry-after": "7"}}, RateLimited, 7.0),
        ({"status": 503, "headers": {"x-request-id": "r-1"}}, Unavailable, None),
    ],
)
def test_errors_of_the_service(asker, error, kind_of_error, retry_after):
    ask = asker({"error": {**error, "message": "the reason"}, "times": "always"})
    with pytest.raises(kind_of_error, match="the reason") as caught:
        ask()
    assert type(caught.value) is kind_of_error
    assert (caught.value.status, caught.value.retry_after) == (error["status"], retry_after)
    assert caught.value.request_id == error.get("headers", {}).get("x-request-id")
    assert caught.value.__cause__ is not None
    assert "t0ken" not in repr(caught.value) + str(caught.value)
    assert len(ask.server.requests) == 1


@pytest.mark.parametrize("content", ["", "<html>", '{"candidates": [', "[]", '"x"'])
def test_bodies_that_are_no_answer(asker, content):
    with pytest.raises(BadResponse) as caught:
        asker({"body": {"content": content, "headers": {"x-request-id": "r-1"}}})()
    assert caught.value.request_id == "r-1"


def test_html_from_a_gateway_is_its_status(asker):
    with pytest.raises(Unavailable):
        asker({"body": {"content": "<html>", "status": 502, "content_type": "text/html"}})()


def test_a_blocked_prompt(asker):
    with pytest.raises(ContentFiltered, match="SAFETY"):
        asker({"body": {"content": {"promptFeedback": {"blockReason": "SAFETY"}}}})()


def test_the_request_id_arrives(asker):
    calls = asker({"body": {"content": ANSWER, "headers": {"x-request-id": "r-1", "set-cookie": "a=b"}}})()
    assert (calls.request_id, list(calls)) == ("r-1", [Ping()])
    assert "set-cookie" not in calls.headers


def test_a_slow_server_ends_at_the_deadline(asker):
    with pytest.raises(DeadlineExceeded):
        asker({"delay": 3.0, "text": "late"})(deadline=0.3)


def test_nobody_there(kind):
    with pytest.raises(ConnectionFailed):
        Asker(kind, "http://127.0.0.1:9")()


@pytest.mark.parametrize("key", ["s3cret\nx", "s3crét"])
def test_a_key_that_no_header_can_hold_is_not_shown(asker, kind, key):
    if "async" in kind and "\n" not in key:
        pytest.skip("aiohttp sends it as UTF-8")
    ask = asker(headers={"x-goog-api-key": key})
    with pytest.raises(AuthenticationError) as caught:
        ask()
    shown = [str(caught.value), repr(caught.value), repr(caught.value.__cause__)]
    assert not any("s3cret" in text for text in shown)


def test_what_the_sdk_cannot_send_is_refused_before_it_is_sent(asker):
    ask = asker(THREE)
    with pytest.raises(Unsupported, match="no extra query"):
        ask(extra_query={"a": "b"})
    with pytest.raises(UsageError, match="no model is named"):
        ask(model=None)
    with pytest.raises(RequestRejected, match="temperature"):
        ask(temperature=float("nan"))
    assert ask.server.requests == []


@pytest.mark.parametrize("model", ["m\n", "a b", "a/b?c", "m#x", "a&b", "../m", "\tm", "m\x00", "m\udfff"])
def test_a_model_that_no_address_can_hold_is_told_of(asker, model):
    asked = asker(THREE)
    with pytest.raises(UsageError, match=r"(?s)model is .* part of an address.* Check the name of the model") as caught:
        asked(model=model)
    assert (caught.value.requests, asked.server.requests) == (0, [])


def test_the_clients_own_extra_body_is_kept_and_its_timeout_is_not_raised(asker):
    ask = asker(THREE, extra_body={"labels": {"team": "x"}}, timeout=4000)
    ask(deadline=60)
    (got,) = ask.server.requests
    assert got.body["labels"] == {"team": "x"}
    assert got.headers["x-server-timeout"] == "4"


def test_a_temporary_client_is_held(serve):
    client = toolfan.from_vertexai(sdk_client("vertex", serve(THREE).base_url), model="gemini-x")
    gc.collect()
    assert len(client.create(messages=ASK, response_model=Iterable[Report | Ping | GoogleSearch])) == 3


def test_wrap_finds_the_adapter(serve):
    client = toolfan.wrap(sdk_client("gemini", serve(THREE).base_url), model="gemini-x")
    assert client.adapter.name == "gemini"
    assert len(client.create(messages=ASK, tools=(Report, Ping, GoogleSearch))) == 3


@pytest.mark.parametrize("target", ["vertex:gemini-x", "gemini:gemini-x"])
def test_connect_makes_a_client(serve, monkeypatch, target):
    monkeypatch.setenv("MY_SECRET", "t0ken")
    base_url = serve({"calls": [{"name": "Weather", "arguments": {"location": "T", "units": "metric"}}]}).base_url
    more = (
        {"project": "p", "location": "l", "access_token_env": "MY_SECRET"}
        if "vertex" in target
        else {"api_key_env": "MY_SECRET"}
    )
    with toolfan.connect(target, base_url=base_url, **more) as client:
        assert list(client.create(messages=ASK, response_model=Iterable[Weather])) == [
            Weather(location="T", units="metric")
        ]
