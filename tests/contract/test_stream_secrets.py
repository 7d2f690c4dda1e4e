"""What a server echoes of a streamed request's secrets is never shown: in errors, results, pickles."""

from __future__ import annotations

import asyncio
import base64
import json
import pickle
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from every_provider import client_of
from fault_asking import KEY, TOKEN, TOOLS, check_error, check_secrets
from google_asking import genai_client
from loopback import ONCE, USER, Bench, http

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.server import BaseHTTPRequestHandler

    from loopback import FaultServer

ECHOES: dict[str, Callable[[str], str]] = {
    "error event": lambda text: f"data: {json.dumps({'error': {'message': text, 'code': 503}})}\n\n",
    "error text": lambda text: f"event: error\ndata: {text}\n\n",
    "error in the choice": lambda text: f"data: {json.dumps({'choices': [{'error': {'message': text}}]})}\n\n",
    "broken event": lambda text: f"data: {{{text}\n\n",
    "page": lambda text: f"<html>{text}</html>",
    "body": lambda text: json.dumps({"error": {"message": text}}),
    "json and a word": lambda text: '{"a": 1}' + text,
}


@pytest.mark.parametrize("echo", ECHOES)
def test_an_echo_shows_nothing(bench: Bench, faulty: Callable[..., FaultServer], echo: str) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        said = f"You sent {handler.headers['authorization']} and {handler.headers['x-house-token']}"
        handler.wfile.write(http(ECHOES[echo](said), content_type="text/event-stream", x_echo=said))

    client = bench.client(base_url=faulty(answer).url)
    options: dict[str, Any] = {"extra_headers": {"x-house-token": TOKEN}, "model": "m"}
    stream = client.stream(messages=USER, tools=TOOLS, **options)
    with pytest.raises(toolfan.ProviderError) as caught:
        list(stream)
    check_error(caught.value)
    assert "You sent" in str(caught.value) or echo == "json and a word"
    check_secrets([repr(stream), str(vars(stream)), str(stream.calls.headers)], b"")
    assert KEY not in repr(client)


VALUE = "house/Value+4711"
ASKED: dict[str, Any] = {"messages": USER, "tools": TOOLS, "extra_headers": {"x-house": VALUE}}
SPELLED = {"plain": VALUE, "base64": base64.b64encode(VALUE.encode()).decode()}


def odd_event(faulty: Callable[..., FaultServer], spelling: str) -> str:
    """The address of a server whose stream has an event of nobody's, with what was added to the request."""
    event = json.dumps({"odd": f"<{SPELLED[spelling]}>"})
    return faulty(http(f"data: {event}\n\n", content_type="text/event-stream")).url


def check_odd_event(error: toolfan.ToolfanError, spelling: str) -> None:
    assert "<***" in str(error)
    shown = repr((error, vars(error), pickle.dumps(error)))
    assert SPELLED[spelling][:-3] not in shown


@pytest.mark.parametrize("spelling", SPELLED)
@pytest.mark.parametrize("provider", ["openai", "openai-responses", "anthropic", "cohere", "gemini"])
def test_an_event_of_another_interface_shows_nothing(
    faulty: Callable[..., FaultServer], provider: str, spelling: str
) -> None:
    """Nor what was added under a harmless name: that stays in the events of an answer alone."""
    with client_of(provider, odd_event(faulty, spelling)) as client, pytest.raises(toolfan.BadResponse) as caught:
        client.stream(**ASKED).until_done()
    check_odd_event(caught.value, spelling)


@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
@pytest.mark.parametrize("spelling", SPELLED)
@pytest.mark.parametrize("provider", ["openai-responses", "gemini"])
def test_nor_does_it_to_those_who_await(faulty: Callable[..., FaultServer], provider: str, spelling: str) -> None:
    url = odd_event(faulty, spelling)

    async def ask() -> None:
        sdk: Any = openai.AsyncOpenAI(api_key=KEY, base_url=url)
        if provider == "gemini":
            sdk = genai_client(provider, url.removesuffix("/v1"))
        async with toolfan.wrap_async(sdk, adapter=provider, model="m", stop=ONCE) as client:
            await client.stream(**ASKED).until_done()

    with pytest.raises(toolfan.BadResponse) as caught:
        asyncio.run(ask())
    check_odd_event(caught.value, spelling)
