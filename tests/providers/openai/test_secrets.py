"""No secret leaves through an error, whoever put it there: planted on every path, sought wherever an error shows."""

from __future__ import annotations

import asyncio
import copy
import importlib
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
import toolfan
from loopback import ONCE, USER, Bench, FaultServer, call, completion, http, raw
from pydantic import BaseModel
from toolfan import InvalidCalls, ToolfanError

sdk_http: Any = importlib.import_module("httpx2" if int(openai.__version__.split(".")[0]) >= 3 else "httpx")
Start = Callable[..., FaultServer]

# Of a form that is known, and of none: such a one is blotted out because it is the client's own.
KEYS = [
    "sk-planted-key-4711",
    "sk-proj-Ab_cd-" + "9" * 150,
    "hunter2",
    "0123456789abcdef0123456789abcdef",
    "Zm9v+/bar==",
]


class A(BaseModel):
    x: int = 0


def failure(message: Any, **more: Any) -> str:
    return json.dumps({"error": {"message": message, "type": None, **more}})


LONG = "so it goes. " * 41  # the key stands where the text is cut
PATHS: dict[str, Callable[[str], bytes]] = {
    "message": lambda key: http(failure(f"Incorrect API key provided: {key}. Find yours elsewhere."), 401),
    "where it is cut": lambda key: http(failure(f"{LONG}{key}"), 400),
    "code": lambda key: http(failure("no", code=f"bad:{key}"), 400),
    "type": lambda key: http(failure("no", type=key), 500),
    "request id": lambda key: http(failure("no"), 429, x_request_id=f"r-{key}"),
    "detail": lambda key: http(json.dumps({"detail": [{"loc": ["header"], "msg": f"not {key}"}]}), 422),
    "list": lambda key: http(json.dumps([f"Bearer {key}"]), 422),
    "failed generation": lambda key: http(failure("no", failed_generation=f"<{key}>"), 400),
    "HTML": lambda key: http(f"<h1>Denied</h1><pre>Authorization: Bearer {key}</pre>", 403, content_type="text/html"),
    "text": lambda key: http(f"x-api-key={key}", 502, content_type="text/plain"),
    "location": lambda key: http("", 302, location=f"http://h.test/login?next=1&who={key}"),
    "HTML 200": lambda key: http(f"<p>{key}</p>", content_type="text/html"),
    "cut where it is": lambda key: http(" " * 150 + f"<{'x' * 190}{key}", content_type="text/html"),
    "content type": lambda key: http("<p>", content_type=f"text/html; for={key}"),
    "error in a 200": lambda key: http(failure(f"not {key}")),
    "error in a choice": lambda key: http(json.dumps({"choices": [{"error": {"message": key, "code": 400}}]})),
    "no HTTP": lambda key: f"you sent {key}\r\n\r\n".encode(),
    "header": lambda key: http(json.dumps(completion(call("A", {"x": "no"}))), x_echo=f"Bearer {key}"),
    "own header": lambda key: http(json.dumps(completion(call("A", {"x": "no"}))), x_api_key=key, api_key=key),
}


def told(error: BaseException) -> Iterator[str]:
    """Everything that the error, and those that led to it, would show."""
    yield from traceback.format_exception(error)
    if isinstance(error, ToolfanError):
        copied = copy.deepcopy(error)
        assert copied == error == pickle.loads(pickle.dumps(error))
        yield from (str(vars(copied)), str(pickle.dumps(error)), error.message, str(error.hint))
        if error.calls is not None:
            yield from (str(dict(error.calls.headers)), repr(error.calls))
    seen: set[int] = set()
    chain: BaseException | None = error
    while chain is not None and id(chain) not in seen:
        seen.add(id(chain))
        yield from (str(chain), repr(chain), str(chain.args))
        chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)


def failing(key: str, url: str, **options: Any) -> Iterator[ToolfanError]:
    """The errors of a sync and of an async client with this key."""
    given: dict[str, Any] = {"model": "m", "messages": USER, "response_model": A, "on_invalid": "raise"}
    given |= options.pop("given", {})

    async def ask() -> ToolfanError:
        async with openai.AsyncOpenAI(api_key=key, base_url=url, **options) as sdk:
            with pytest.raises(ToolfanError) as caught:
                await toolfan.from_openai(sdk, stop=ONCE).create(**given)
            return caught.value

    with openai.OpenAI(api_key=key, base_url=url, **options) as sdk:
        with pytest.raises(ToolfanError) as caught:
            toolfan.from_openai(sdk, stop=ONCE).create(**given)
        yield caught.value
    yield asyncio.run(ask())


def ours(caplog: pytest.LogCaptureFixture) -> str:
    return "".join(record.getMessage() for record in caplog.records if record.name.startswith("toolfan"))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
def test_the_clients_key_is_never_shown(faulty: Start, caplog: pytest.LogCaptureFixture, path: str, key: str) -> None:
    caplog.set_level(logging.DEBUG)
    server = faulty(PATHS[path](key))
    for error in failing(key, server.url):
        assert [text for text in told(error) if key in text] == []
        assert key not in ours(caplog)
        assert key[: len(key) // 2] not in error.message  # nor a part of it


def test_what_is_left_of_the_message_is_useful(faulty: Start) -> None:
    server = faulty(PATHS["message"](KEYS[2]))
    for error in failing(KEYS[2], server.url):
        assert "Incorrect API key provided: ***. Find yours elsewhere." in str(error)


@pytest.mark.parametrize("name", ["x-house-token", "Authorization", "api-key"])
def test_secrets_among_the_extra_headers_are_never_shown(faulty: Start, name: str) -> None:
    server = faulty(http(failure("you sent planted-value and Bearer planted-value"), 400))
    for error in failing(KEYS[0], server.url, given={"extra_headers": {name: "Bearer planted-value"}}):
        assert [text for text in told(error) if "planted-value" in text] == []


def test_what_gateways_are_told_in_headers_is_no_secret(faulty: Start) -> None:
    server = faulty(http(failure("anthropic error: My Application sent too much"), 400))
    headers = {"x-portkey-provider": "anthropic", "X-Title": "My Application", "HTTP-Referer": "https://app.example"}
    for error in failing(KEYS[0], server.url, given={"extra_headers": headers}):
        assert "anthropic error: My Application sent too much" in error.message


HOUSE = "planted value/of+4711 the house"
ADDED: dict[str, dict[str, Any]] = {
    "extra_headers": {"given": {"extra_headers": {"x-house": HOUSE}}},
    "extra_query": {"given": {"extra_query": {"house": HOUSE}}},
    "default_headers": {"default_headers": {"x-house": HOUSE}},
    "default_query": {"default_query": {"house": HOUSE}},
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("where", ADDED)
def test_what_was_added_to_a_request_is_never_shown(
    faulty: Start, caplog: pytest.LogCaptureFixture, where: str, path: str
) -> None:
    """Whatever its name: nothing says that it is a secret."""
    caplog.set_level(logging.DEBUG)
    for error in failing(KEYS[0], faulty(PATHS[path](HOUSE)).url, **ADDED[where]):
        assert [text for text in told(error) if HOUSE in text or "planted" in text] == []
        assert HOUSE not in ours(caplog)


@pytest.mark.parametrize("path", PATHS)
def test_what_the_users_http_library_adds_is_never_shown(faulty: Start, path: str) -> None:
    server = faulty(PATHS[path](HOUSE))
    with (
        sdk_http.Client(headers={"x-house": HOUSE}) as http_client,
        openai.OpenAI(api_key=KEYS[0], base_url=server.url, http_client=http_client) as sdk,
        pytest.raises(ToolfanError) as caught,
    ):
        toolfan.from_openai(sdk, stop=ONCE).create(
            model="m", messages=USER, response_model=A, on_invalid="raise", deadline=9
        )
    assert [text for text in told(caught.value) if HOUSE in text] == []


def test_what_was_added_is_hidden_without_a_request_too() -> None:
    """An exception that has none, of code that the SDK runs."""

    def handler(request: Any) -> Any:
        raise KeyError(f"{HOUSE} default-4711 tuned-4711")

    with (
        sdk_http.Client(transport=sdk_http.MockTransport(handler), headers={"x-tuned": "tuned-4711"}) as http_client,
        openai.OpenAI(
            api_key=KEYS[0],
            base_url="http://h.test/v1",
            http_client=http_client,
            default_headers={"x-default": "default-4711"},
        ) as sdk,
        pytest.raises(toolfan.RequestRejected) as caught,
    ):
        toolfan.from_openai(sdk, stop=ONCE).create(
            model="m", messages=USER, response_model=A, extra_headers={"x-house": HOUSE}
        )
    assert [text for text in told(caught.value) if "4711" in text.replace(KEYS[0], "")] == []


def test_what_says_nothing_secret_stays_readable(faulty: Start) -> None:
    said = "application/json of OpenAI/Python for trace-47110815, team red, 2026-01-01"
    added = {"x-request-id": "trace-47110815", "x-team": "red", "x-kind": "application/json"}
    server = faulty(http(failure(said), 400, x_request_id="trace-47110815"))
    for error in failing(
        KEYS[0], server.url, given={"extra_headers": added, "extra_query": {"api-version": "2026-01-01"}}
    ):
        assert said in str(error)
        assert error.request_id == "trace-47110815"


@pytest.mark.parametrize("name", ["sig", "signature", "code", "key", "access_token", "X-Amz-Security-Token"])
def test_what_signs_an_address_is_never_shown(faulty: Start, name: str) -> None:
    server = faulty(http("", 302, location=f"http://h.test/login?{name}=short1&next=1"))
    for error in failing(KEYS[0], server.url):
        assert "short1" not in str(error)
        assert "next=1" in str(error)


def test_the_token_that_a_provider_gave_is_never_shown(faulty: Start) -> None:
    server = faulty(http(failure("who is planted.tok?"), 401))
    with (
        openai.AzureOpenAI(
            azure_endpoint=server.url, api_version="1", azure_ad_token_provider=lambda: "planted.tok"
        ) as sdk,
        pytest.raises(toolfan.AuthenticationError) as caught,
    ):
        toolfan.from_openai(sdk, stop=ONCE).create(model="m", messages=USER, response_model=A)
    assert [text for text in told(caught.value) if "planted.tok" in text] == []


@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
def test_an_exception_of_the_users_code_shows_no_key(key: str) -> None:
    def handler(request: Any) -> Any:
        try:
            raise KeyError(key)
        except KeyError:
            raise ValueError(f"no route for {request.headers['authorization']}") from None

    with (
        openai.OpenAI(
            api_key=key,
            base_url="http://h.test/v1",
            http_client=sdk_http.Client(transport=sdk_http.MockTransport(handler)),
        ) as sdk,
        pytest.raises(toolfan.RequestRejected, match="ValueError: no route for Bearer") as caught,
    ):
        toolfan.from_openai(sdk, stop=ONCE).create(model="m", messages=USER, response_model=A)
    assert [text for text in told(caught.value) if key in text] == []


FOREIGN = [
    "Incorrect API key provided: {0}", '{{"api_key": "{0}"}}', "Authorization: Bearer {0}", "http://u:{0}@h.test/",
    "http://h.test/v1?key={0}&alt=sse", "x-goog-api-key: {0}", "token={0}", "{0}", "password: '{0}'",
]  # fmt: skip
FORMS = ["sk-abc123def456", "AIzaSyA-1234567_abcdefg", "ya29.a0Af_byC-1234", "ghp_0123456789abcdef", "gsk_0123456789"]


@pytest.mark.parametrize("secret", FORMS)
def test_keys_of_others_are_known_by_their_form(faulty: Start, secret: str) -> None:
    for text in FOREIGN:
        for error in failing("none", faulty(http(failure(text.format(secret)), 400)).url):
            assert [one for one in told(error) if secret in one] == []


def test_secrets_without_a_form_are_known_by_what_stands_before(faulty: Start) -> None:
    for text in set(FOREIGN) - {"{0}"}:
        for error in failing("none", faulty(http(failure(text.format("0a1b2c3d4e5f")), 400)).url):
            assert [one for one in told(error) if "0a1b2c3d4e5f" in one] == []


def test_a_short_word_for_a_key_hides_no_words(bench: Bench, faulty: Start) -> None:
    for error in failing("none", faulty(http(failure("none of the 3 tools is known; max_tokens: 4096000"), 400)).url):
        assert "none of the 3 tools is known; max_tokens: 4096000" in str(error)


def test_headers_are_kept_without_sessions_and_keys(bench: Bench) -> None:
    secret = ["authorization", "Proxy-Authorization", "x-api-key", "X-Goog-Api-Key", "api-key", "set-cookie"]
    plain = {"x-ratelimit-remaining-tokens": "10", "X-Request-Id": "req-1", "server": "keyed sk-abc123def456"}
    bench.serve(raw(completion(call("A", {"x": 1})), headers={**dict.fromkeys(secret, "planted"), **plain}))
    calls = bench.client().create(model="m", messages=USER, response_model=A)
    assert calls.headers["x-ratelimit-remaining-tokens"] == "10"
    assert (calls.request_id, calls.headers["server"]) == ("req-1", "keyed ***")
    assert "planted" not in str(dict(calls.headers))


def test_the_model_may_say_the_key(bench: Bench) -> None:
    """What the model wrote is not touched: it is data."""
    bench.serve(raw(completion(call("A", {"x": "sk-abc123def456"}))))
    with pytest.raises(InvalidCalls) as caught:
        bench.client().create(model="m", messages=USER, response_model=A, on_invalid="raise")
    assert caught.value.calls is not None
    assert caught.value.calls.failed[0].raw.arguments == '{"x": "sk-abc123def456"}'
