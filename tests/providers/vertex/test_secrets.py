"""No secret leaves through an error of Google's SDKs, and no exception is told as what it was not."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import traceback
from typing import Any

import pytest
import toolfan
from loopback import ONCE
from toolfan.errors import BadResponse, ConnectionFailed, RequestRejected, ToolfanError, UsageError
from toolfan_vertex.border import cause, translated
from vertex_samples import Ping, answer, call

genai = pytest.importorskip("google.genai")
from google.oauth2.credentials import Credentials  # noqa: E402

# Vendor: google-genai 2.x subclasses aiohttp's session, aiohttp warns; httpx2 and aiohttp leave sockets to the loop.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")

KEYS = ["AIzaSyPlanted-0123456789", "ya29.planted-0123", "hunter2-and-more"]
ASK = [{"role": "user", "content": "Go."}]
ECHO = "so it goes. " * 41


def failing(kind: str, base_url: str, key: str, *, options: dict[str, Any] | None = None, **more: Any) -> ToolfanError:
    options = {"base_url": base_url, **(options or {})}
    if kind.startswith("vertex"):
        credentials = Credentials(token=key)
        sdk = genai.Client(vertexai=True, project="p", location="l", credentials=credentials, http_options=options)
    else:
        sdk = genai.Client(vertexai=False, api_key=key, http_options=options)
    given = {"messages": ASK, "model": "m", "tools": (Ping,), "on_invalid": "raise", **more}
    adapter = kind.partition(" ")[0]

    async def ask_async() -> None:
        try:
            await toolfan.wrap_async(sdk, adapter=adapter, stop=ONCE).create(**given)
        finally:
            await sdk.aio.aclose()

    def ask() -> None:
        try:
            toolfan.wrap(sdk, adapter=adapter, stop=ONCE).create(**given)
        finally:
            sdk.close()

    with pytest.raises(ToolfanError) as caught:
        asyncio.run(ask_async()) if kind.endswith("async") else ask()
    return caught.value


def told(error: ToolfanError) -> list[str]:
    copied = copy.deepcopy(error)
    texts = [*traceback.format_exception(error), str(vars(copied)), str(pickle.dumps(error)), str(error.hint)]
    if error.calls is not None:
        texts.append(str(dict(error.calls.headers)))
    chain: BaseException | None = error
    while chain is not None:
        texts += [str(chain), repr(chain), str(chain.args)]
        chain = chain.__cause__ or chain.__context__
    return texts


def paths(key: str) -> dict[str, dict[str, Any]]:
    error = {"code": 400, "status": "INVALID_ARGUMENT", "message": f"{ECHO}{key}"}
    bad = json.dumps(answer(call("Nope")))
    return {
        "message": {"status": 400, "content": {"error": error}},
        "details": {"status": 429, "content": {"error": {"message": "no", "details": [{"reason": key}]}}},
        "fastapi": {"status": 422, "content": {"detail": [{"loc": ["x"], "msg": f"not {key}"}]}},
        "list": {"status": 422, "content": [f"Bearer {key}"]},
        "HTML": {"status": 403, "content": f"<p>x-goog-api-key: {key}", "content_type": "text/html"},
        "HTML 200": {"content": f"<p>{key}", "content_type": "text/html"},
        "in a 200": {"content": {"error": {"code": 400, "message": f"not {key}"}}},
        "request id": {"status": 500, "content": "{}", "headers": {"x-request-id": key}},
        "header": {"content": bad, "headers": {"x-echo": f"Bearer {key}", "x-goog-api-key": key}},
    }


@pytest.mark.parametrize("kind", ["gemini", "gemini async", "vertex", "vertex async"])
@pytest.mark.parametrize("key", KEYS)
def test_the_clients_key_is_never_shown(serve: Any, kind: str, key: str) -> None:
    bodies = paths(key)
    server = serve(*({"body": body} for body in bodies.values()))
    for path in bodies:
        error = failing(kind, server.base_url, key)
        assert [text for text in told(error) if key in text] == [], path


HOUSE = "planted/4711 of the house"
ADDED: dict[str, dict[str, Any]] = {
    "extra_headers": {"extra_headers": {"x-house": HOUSE}},
    "headers": {"options": {"headers": {"x-house": HOUSE}}},
    "of the HTTP library": {
        "options": {name: {"headers": {"x-house": HOUSE}} for name in ("client_args", "async_client_args")}
    },
}


@pytest.mark.parametrize("kind", ["gemini", "vertex async"])
@pytest.mark.parametrize("where", ADDED)
def test_what_was_added_to_a_request_is_never_shown(serve: Any, kind: str, where: str) -> None:
    """Whatever its name: nothing says that it is a secret."""
    bodies = paths(HOUSE)
    server = serve(*({"body": body} for body in bodies.values()))
    for path in bodies:
        error = failing(kind, server.base_url, KEYS[0], **ADDED[where])
        assert [text for text in told(error) if HOUSE in text or "planted/" in text] == [], path


@pytest.mark.parametrize(
    ("body", "words"),
    [({"detail": "no tool"}, "422: no tool "), (["one", "two"], "422: one; two "), ("plain", "plain"),
     ({"detail": [{"loc": ["body", 0], "msg": "required"}]}, "422: body.0: required ")],
)  # fmt: skip
def test_the_words_of_a_gateway_are_told(serve: Any, body: Any, words: str) -> None:
    plain = {"content_type": "text/plain"} if isinstance(body, str) else {}
    for kind in ("gemini", "gemini async"):
        error = failing(kind, serve({"body": {"status": 422, "content": body, **plain}}).base_url, "k")
        assert type(error) is RequestRejected
        assert words in str(error)


def test_no_content_is_no_answer_and_may_be_asked_for_again(serve: Any) -> None:
    error = failing("gemini", serve({"body": {"status": 204, "content": ""}}).base_url, "k")
    assert (type(error), error.retryable) == (BadResponse, True)


def made(name: str, text: str, *bases: str) -> Exception:
    kind: Any = Exception
    for base in (*reversed(bases), name):
        kind = type(base, (kind,), {"__module__": "vendor"})
    return kind(text)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("exc", "kind", "retryable"),
    [
        (RuntimeError("<Queue> is bound to a different event loop"), UsageError, False),
        (RuntimeError("Session is closed"), UsageError, False),
        (RuntimeError("the door is closed"), RequestRejected, False),
        (KeyError("x"), RequestRejected, False),
        (made("UnsupportedProtocol", "no scheme", "TransportError"), UsageError, False),
        (made("RemoteProtocolError", "illegal status line", "TransportError"), BadResponse, False),
        (made("RemoteProtocolError", "Server disconnected", "TransportError"), ConnectionFailed, True),
        (made("ConnectionError", "BadStatusLine('SSH-2.0')", "RequestException"), BadResponse, False),
        (made("ClientResponseError", "400, message='Bad status line'", "ClientError"), BadResponse, False),
        (made("ClientPayloadError", "Can not decode content-encoding: gzip", "ClientError"), BadResponse, True),
    ],
)
def test_an_exception_is_told_as_what_it_was(exc: Exception, kind: type[ToolfanError], retryable: bool) -> None:
    error = translated(exc, adapter="vertex", timeout=None)
    assert (type(error), error.retryable) == (kind, retryable)
    assert error.hint


def test_a_cause_that_shows_a_key_is_left_out() -> None:
    assert cause(ValueError("the key AIzaSyPlanted-0123456789")) is None
    assert cause(ValueError("the key hunter2!"), ("hunter2!",)) is None
    shown = ValueError("no key")
    assert cause(shown, ("hunter2!",)) is shown
    shown.add_note("Bearer abc-123")
    assert cause(shown) is None
