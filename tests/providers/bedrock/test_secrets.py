"""What AWS's clients sign with comes out of no error and no good answer, should a service or a proxy send it back."""

from __future__ import annotations

import base64
import json
import pickle
import traceback
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from bedrock_asking import asked
from bedrock_wire import answer, events, frames, use
from loopback import http
from wrapped_ways import WAYS

if TYPE_CHECKING:
    from collections.abc import Callable

ID, KEY, TOKEN, HOOKED, ADDED = "AKPlanted0815", "pLaN/ted+4711key", "planted/Token+0815==", "Hooked-0815", "Added-0815"
ALL = (ID, KEY, TOKEN, HOOKED, ADDED)
SAID = f"sent {' '.join(ALL)}"


ANSWERS = {
    "400": http(json.dumps({"message": SAID}), 400, x_amzn_errortype=f"E:{TOKEN}"),
    "403": http(json.dumps({"message": SAID, "__type": "AccessDeniedException"}), 403, x_amzn_requestid=TOKEN),
    "page": http(f"<p>{SAID}</p>", 502, content_type="text/html"),
    "page for an answer": http(f"<p>{SAID}</p>", content_type="text/html"),
    "escaped": http(json.dumps({"message": SAID}).replace("/", "\\/").replace("+", "\\u002b"), 400),
}


@pytest.fixture
def made(bedrock: Callable[..., Any]) -> Callable[..., Any]:
    """A client with a session token, to whose requests a hook of its own adds a header."""

    def make(sent: bytes) -> Any:
        keys = {"aws_access_key_id": ID, "aws_secret_access_key": KEY, "aws_session_token": TOKEN}
        client, _ = bedrock(sent, **keys)
        client.meta.events.register("before-sign.*", lambda request, **_: request.headers.add_header("x-h", HOOKED))
        return client

    return make


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ANSWERS)
def test_no_error_shows_a_credential(made: Callable[..., Any], way: str, kind: str) -> None:
    with pytest.raises(toolfan.ProviderError) as caught:
        asked(way, made(ANSWERS[kind]), extra_headers={"x-a": ADDED})
    exc = caught.value
    assert "***" in str(exc) or (kind == "page for an answer" and "streamed" in way)
    shown = "".join([*traceback.format_exception(exc), repr(vars(exc)), pickle.dumps(exc).decode("latin-1")])
    assert not [secret for secret in ALL if secret in shown]


@pytest.mark.parametrize("way", WAYS)
def test_no_good_answer_keeps_one(made: Callable[..., Any], way: str) -> None:
    body = {**answer(use("t1", "Weather", {"location": TOKEN})), "trace": {"promptRouter": {"invokedModelId": SAID}}}
    said = events(body)
    said[-1]["metadata"]["trace"] = body["trace"]
    streamed = http(frames(said), content_type="application/vnd.amazon.eventstream", x_odd=SAID)
    calls = asked(way, made(http(json.dumps(body), x_odd=SAID) if way.endswith("whole") else streamed))
    assert [call.location for call in calls] == [TOKEN]  # what the model says may be anything
    raw = dict(calls.raw)
    del raw["output"]
    assert "sent *** *** *** " in str(raw)
    shown = f"{raw} {calls.headers}"
    assert not [secret for secret in (ID, KEY, TOKEN) if secret in shown]
    assert HOOKED not in str(calls.headers)


@pytest.mark.parametrize("way", WAYS)
def test_nor_does_the_id_of_the_request_show_one(made: Callable[..., Any], way: str) -> None:
    about = {"x_amzn_requestid": f"for-{TOKEN}"}
    body = answer(use("t1", "Weather", {"location": "Oslo"}))
    streamed = http(frames(events(body)), content_type="application/vnd.amazon.eventstream", **about)
    calls = asked(way, made(http(json.dumps(body), **about) if way.endswith("whole") else streamed))
    assert calls.request_id == "for-***"
    assert TOKEN not in pickle.dumps(calls).decode("latin-1")


@pytest.mark.parametrize("said", ["pr0xy/Pl4nted", base64.b64encode(b"user:pr0xy/Pl4nted").decode()])
def test_nor_a_proxy_s_password(bedrock: Callable[..., Any], faulty: Callable[..., Any], said: str) -> None:
    from botocore.config import Config

    proxy = faulty(http(f"<p>Proxy: {said}</p>", 407, content_type="text/html"))
    proxies = {"http": proxy.url.removesuffix("/v1").replace("//", "//user:pr0xy%2FPl4nted@")}
    client, _ = bedrock(b"", config=Config(proxies=proxies))
    with pytest.raises(toolfan.ProviderError, match=r"Proxy: \*\*\*") as caught:
        asked("whole", client)
    assert said not in repr(vars(caught.value))


class Events(list[Any]):
    """What stands in for the SDK's stream where a client is patched, as tests and tracing libraries do."""

    def close(self) -> None:
        pass


@pytest.mark.parametrize("way", ["streamed", "async streamed"])
def test_an_error_that_comes_as_an_event_shows_none(made: Callable[..., Any], way: str) -> None:
    """Nor what was added to the request, under whatever name, nor base64 of either."""
    client, encoded = made(b""), [base64.b64encode(secret.encode()).decode() for secret in (KEY, ADDED)]
    said = {"throttlingException": {"message": f"{KEY} {ADDED} <{'> <'.join(encoded)}>"}}
    client._make_api_call = lambda operation, parameters: {"stream": Events([said])}
    with pytest.raises(toolfan.RateLimited, match=r"\*\*\* \*\*\* <\*\*\*.*> <\*\*\*") as caught:
        asked(way, client, extra_headers={"x-a": ADDED})
    shown = repr((caught.value, vars(caught.value), pickle.dumps(caught.value)))
    assert not [secret for secret in (*ALL, *(one[:-4] for one in encoded)) if secret in shown]
