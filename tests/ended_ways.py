"""One choice of a chat completion, answered whole and as chunks, asked for in four ways: the end must mean the same.

Knows: clients, choices.  Must not know: what a finish reason means.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import openai
import tenacity
import toolfan
from four_ways import MODES
from loopback import KEY, USER, http
from odd_streams import TOOLS, event

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loopback import FaultServer

__all__ = ["MODES", "Ended", "ask", "choice", "said_call"]

JSON = dict[str, Any]
_MISSING: Any = object()


@dataclass(frozen=True)
class Ended:
    """The calls, or the error, and the bodies of the requests that it took."""

    calls: toolfan.Calls[Any] | None
    error: toolfan.ToolfanError | None
    bodies: Sequence[JSON]

    @property
    def result(self) -> toolfan.Calls[Any]:
        """The calls, which must have come."""
        assert self.error is None, self.error
        assert self.calls is not None
        return self.calls


def said_call(call_id: str = "a", arguments: str = '{"location": "A"}') -> JSON:
    """A call of `Weather`."""
    return {"id": call_id, "type": "function", "function": {"name": "Weather", "arguments": arguments}}


def choice(finish: Any, message: Any = _MISSING, **more: Any) -> JSON:
    """A choice with this end; without a message unless one is given."""
    return {"index": 0, "finish_reason": finish, **({} if message is _MISSING else {"message": message}), **more}


def _chunks(answer: JSON) -> bytes:
    """The same answer in chunks: what is said, each call in one piece, then the end."""
    (one,) = answer["choices"]
    message, end = one.get("message") or {}, {key: one[key] for key in one if key != "message"}
    calls = message.get("tool_calls") or []
    deltas: list[JSON] = [{key: value for key, value in message.items() if key != "tool_calls"}]
    deltas += [{"tool_calls": [{**call, "index": at}]} for at, call in enumerate(calls)]
    chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas if delta]
    chunks.append({key: value for key, value in answer.items() if key != "error"} | {"choices": [end | {"delta": {}}]})
    return event(*chunks, *([{"error": answer["error"]}] if "error" in answer else [])) + b"data: [DONE]\n\n"


def ask(faulty: Callable[..., FaultServer], mode: str, *answers: JSON, **options: Any) -> Ended:
    """What comes of these answers, each a choice or a whole body, the last one again and again."""
    left, bodies = list(answers), list[JSON]()

    def answer(handler: Any) -> None:
        bodies.append(json.loads(server.requests[-1][3]))
        one = left.pop(0) if len(left) > 1 else left[0]
        body = one if "choices" in one else {"id": "c", "choices": [one]}
        if bodies[-1].get("stream"):
            handler.wfile.write(http(_chunks(body), content_type="text/event-stream"))
        else:
            handler.wfile.write(http(json.dumps(body)))

    server = faulty(answer)
    options = {"model": "m", "messages": USER, "tools": TOOLS, **options}
    again = {"wait": tenacity.wait_none()}

    async def awaited() -> toolfan.Calls[Any]:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=server.url) as sdk:
            client = toolfan.from_openai(sdk, **again)
            return await (client.create(**options) if "create" in mode else client.stream(**options).until_done())

    def asked() -> toolfan.Calls[Any]:
        if mode.endswith("async"):
            return asyncio.run(awaited())
        with openai.OpenAI(api_key=KEY, base_url=server.url) as sdk:
            client = toolfan.from_openai(sdk, **again)
            return client.create(**options) if mode == "create" else client.stream(**options).until_done()

    try:
        return Ended(asked(), None, bodies)
    except toolfan.ToolfanError as exc:
        return Ended(None, exc, bodies)
