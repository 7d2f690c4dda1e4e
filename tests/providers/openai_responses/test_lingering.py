"""A server that keeps the connection open after the last event: the answer is whole, and nobody waits for more."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from loopback import KEY, USER, faulty
from pydantic import BaseModel

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

__all__ = ["faulty"]


class City(BaseModel):
    name: str


CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "City", "arguments": '{"name": "Oslo"}'}
ABOUT = {"id": "resp_1", "object": "response", "model": "m"}
EVENTS = (
    {"type": "response.created", "response": {**ABOUT, "status": "in_progress", "output": []}},
    {"type": "response.output_item.added", "output_index": 0, "item": {**CALL, "arguments": ""}},
    {"type": "response.output_item.done", "output_index": 0, "item": CALL},
    {"type": "response.completed", "response": {**ABOUT, "status": "completed", "output": [CALL]}},
)


def linger(handler: BaseHTTPRequestHandler) -> None:
    text = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in EVENTS)
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + text.encode())
    handler.wfile.flush()
    time.sleep(6)


@pytest.mark.parametrize("use_async", [False, True])
def test_the_end_of_the_answer_is_the_end(faulty: Any, *, use_async: bool) -> None:
    url = faulty(linger).url
    asked: dict[str, Any] = {"model": "m", "messages": USER, "tools": (City,), "deadline": 30}
    started = time.monotonic()
    if use_async:
        calls: Any = asyncio.run(_awaited(url, asked))
    else:
        with openai.OpenAI(api_key=KEY, base_url=url) as sdk:
            calls = toolfan.wrap(sdk, adapter="openai-responses").stream(**asked).until_done()
    assert list(calls) == [City(name="Oslo")]
    assert time.monotonic() - started < 3


async def _awaited(url: str, asked: dict[str, Any]) -> Any:
    async with openai.AsyncOpenAI(api_key=KEY, base_url=url) as sdk:
        return await toolfan.wrap_async(sdk, adapter="openai-responses").stream(**asked).until_done()
