"""What a server echoes of a streamed request's secrets is never shown: in errors, results, pickles."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from fault_asking import KEY, TOKEN, TOOLS, check_error, check_secrets
from loopback import USER, Bench, http

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
