"""Streams of chat completions with oddities, read to their end through the public door, sync and async.

Fixture: `heard`.  A test module imports it.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import openai
import pytest
import tenacity
import toolfan
from loopback import KEY, USER, http
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopback import FaultServer

JSON = dict[str, Any]


class Weather(BaseModel):
    location: str


class Pay(BaseModel):
    k: int


class Now(BaseModel):
    """No arguments."""


TOOLS = (Weather, Pay, Now)
A, B = '{"location": "A"}', '{"location": "B"}'
MISSING: Any = object()


def piece(index: Any = MISSING, call_id: Any = MISSING, name: Any = MISSING, arguments: Any = MISSING) -> JSON:
    """One piece of a call, with what is given."""
    said = {"name": name, "arguments": arguments}
    made: JSON = {"index": index, "id": call_id, "function": {k: v for k, v in said.items() if v is not MISSING}}
    return {key: value for key, value in made.items() if value is not MISSING and value != {}}


def chunk(*pieces: JSON, finish: Any = None, content: str | None = None, **more: Any) -> JSON:
    """One chunk with these pieces of calls."""
    delta: JSON = {"tool_calls": list(pieces)} if pieces else {}
    if content is not None:
        delta["content"] = content
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


def event(*values: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values)


DONE = b"data: [DONE]\n\n"
END = event(chunk(finish="tool_calls")) + DONE
CALL = event(chunk(piece(0, "a", "Weather", A)))
CALL_B = event(chunk(piece(1, "b", "Weather", B)))


@dataclass
class Heard:
    """What came of one stream."""

    outcomes: list[Any]
    stream: Any
    error: toolfan.ToolfanError | None
    requests: int

    @property
    def said(self) -> list[tuple[str, Any]]:
        """Id and value of each call, or the error's class; what was delivered is what there is in the end."""
        found = sorted(self.outcomes, key=lambda outcome: outcome.index)
        final = (
            self.stream.calls.outcomes if self.error is None else self.error.calls.outcomes if self.error.calls else ()
        )
        assert [one for one in final if one in found] == found
        return [(one.id, one.value if isinstance(one, toolfan.Call) else type(one.error)) for one in final]


Hear = Any


@pytest.fixture(params=["sync", "async"])
def heard(request: pytest.FixtureRequest, faulty: Callable[..., FaultServer]) -> Hear:
    """`heard(bytes)`: a stream with these events; the same again, should it be asked again.

    `on_outcome` is called after each outcome.
    """

    def hear(body: bytes | Callable[[Any], None], on_outcome: Callable[[], Any] = list) -> Heard:
        server = faulty(http(body, content_type="text/event-stream") if isinstance(body, bytes) else body)
        asked: JSON = {"model": "m", "messages": USER, "tools": TOOLS, "on_invalid": "keep"}
        tries = {"wait": tenacity.wait_none(), "stop": tenacity.stop_after_attempt(2)}
        outcomes: list[Any] = []
        stream: Any = None
        error = None

        def read() -> None:
            nonlocal stream
            with (
                openai.OpenAI(api_key=KEY, base_url=server.url) as sdk,
                toolfan.from_openai(sdk, **tries).stream(**asked) as stream,
            ):
                for one in stream:
                    outcomes.append(one)
                    on_outcome()

        async def read_async() -> None:
            nonlocal stream
            async with (
                openai.AsyncOpenAI(api_key=KEY, base_url=server.url) as sdk,
                toolfan.from_openai(sdk, **tries).stream(**asked) as stream,
            ):
                async for one in stream:
                    outcomes.append(one)
                    on_outcome()

        try:
            asyncio.run(read_async()) if request.param == "async" else read()
        except toolfan.ToolfanError as exc:
            error = exc
        return Heard(outcomes, stream, error, len(server.requests))

    return hear
