"""Answers of the Responses API as tests write them: items, whole bodies, events; clients of a server on loopback."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import TYPE_CHECKING, Any

import openai
import toolfan
from loopback import KEY, ONCE, http
from shared_data import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loopback import FaultServer

JSON = dict[str, Any]
REASONING = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gAAAAAB=="}
USAGE = {
    "input_tokens": 90,
    "input_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 3},
    "output_tokens": 30,
    "output_tokens_details": {"reasoning_tokens": 12},
    "total_tokens": 120,
}


def called(name: str, arguments: Any, call_id: Any = "default", **more: Any) -> JSON:
    """A function call; `arguments` that are no text are written as JSON."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    call_id = f"call_{name}" if call_id == "default" else call_id
    item = {"id": f"fc_{call_id}", "type": "function_call", "status": "completed", "arguments": text}
    return {**item, "call_id": call_id, "name": name, **more}


def custom(name: str, text: str, call_id: str = "call_c") -> JSON:
    return {"id": f"ctc_{call_id}", "type": "custom_tool_call", "call_id": call_id, "name": name, "input": text}


def message(text: str = "", *, refusal: str | None = None, item_id: str = "msg_1") -> JSON:
    part: JSON = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    if refusal is not None:
        part = {"type": "refusal", "refusal": refusal}
    return {"id": item_id, "type": "message", "status": "completed", "role": "assistant", "content": [part]}


def response(*items: JSON, **more: Any) -> JSON:
    """A whole answer with these items."""
    about = {"id": "resp_1", "object": "response", "created_at": 1700000000, "model": "m-2026"}
    nothing = {"error": None, "incomplete_details": None, "instructions": None, "metadata": {}, "tools": []}
    state = {"status": "completed", "output": list(items), "usage": USAGE, "tool_choice": "auto"}
    return {**about, **nothing, **state, "parallel_tool_calls": True, **more}


def events_of(body: JSON, *, interleaved: bool = False) -> list[JSON]:
    """The events that say what a whole answer says, in the service's order; `interleaved`: the pieces of all items."""
    begun = {**body, "status": "in_progress", "output": [], "usage": None}
    said = [{"type": "response.created", "response": begun}, {"type": "response.in_progress", "response": begun}]
    items = [list(_item_events(at, item)) for at, item in enumerate(body["output"])]
    rows = itertools.zip_longest(*items) if interleaved else items
    said += [event for row in rows for event in row if event is not None]
    said.append({"type": f"response.{body['status']}", "response": body})
    return [{**event, "sequence_number": number} for number, event in enumerate(said)]


def _item_events(at: int, item: JSON) -> Iterator[JSON]:
    where = {"item_id": item.get("id"), "output_index": at}
    empty = {"function_call": {"arguments": ""}, "custom_tool_call": {"input": ""}, "message": {"content": []}}
    open_ = {**item, "status": "in_progress", **empty.get(item["type"], {})}
    yield {"type": "response.output_item.added", "output_index": at, "item": open_}
    kind, key = {
        "function_call": ("function_call_arguments", "arguments"),
        "custom_tool_call": ("custom_tool_call_input", "input"),
    }.get(item["type"], ("", ""))
    for delta in _pieces(item.get(key, ""), 5):
        yield {"type": f"response.{kind}.delta", **where, "delta": delta}
    if kind:
        yield {"type": f"response.{kind}.done", **where, key: item[key]}
    for number, part in enumerate(item.get("content") or ()):
        of_text = part["type"] == "output_text"
        kind, key = ("output_text", "text") if of_text else ("refusal", "refusal")
        part_at = {**where, "content_index": number}
        yield {"type": "response.content_part.added", **part_at, "part": {**part, key: ""}}
        for delta in _pieces(part[key], 4):
            yield {"type": f"response.{kind}.delta", **part_at, "delta": delta}
        yield {"type": f"response.{kind}.done", **part_at, key: part[key]}
        yield {"type": "response.content_part.done", **part_at, "part": part}
    yield {"type": "response.output_item.done", "output_index": at, "item": item}


def _pieces(text: str, size: int) -> list[str]:
    """The text in pieces of this size, a long one in at most a thousand."""
    size = max(size, -(-len(text) // 1000))
    return [text[start : start + size] for start in range(0, len(text), size)]


def sse(events: list[JSON]) -> bytes:
    """The events as an answer of HTTP."""
    text = "".join(f"event: {event.get('type')}\ndata: {json.dumps(event)}\n\n" for event in events)
    return http(text, content_type="text/event-stream")


def whole(body: JSON, status: int = 200) -> bytes:
    """The body as an answer of HTTP."""
    return http(json.dumps(body), status, x_request_id="req_7")


def as_items(messages: list[JSON]) -> list[JSON]:
    """Messages that say a role and a text as the items that they are sent as."""
    return [{"type": "message", **message} for message in messages]


def bodies(server: FaultServer) -> list[JSON]:
    """The bodies of the requests that reached the server, all of them for the Responses API."""
    assert {path.partition("?")[0] for _, path, _, _ in server.requests} <= {"/v1/responses"}
    return [json.loads(body) for _, _, _, body in server.requests]


def fault(body: JSON) -> str | None:
    """What OpenAI's document finds wrong with a request; that a message fits two of its forms is none of ours."""
    found: str | None = judge("openapi_judge").why(body, "responses")
    return None if found and "is valid under each" in found else found


def asked(server: FaultServer, work: Callable[[toolfan.Client], Any], key: str = KEY) -> Any:
    """What `work` makes of a client over the real SDK."""
    with openai.OpenAI(api_key=key, base_url=server.url) as sdk:
        return work(toolfan.wrap(sdk, adapter="openai-responses", model="m", stop=ONCE))


def asked_async(server: FaultServer, work: Callable[[toolfan.AsyncClient], Any]) -> Any:
    """`asked`, awaited."""

    async def main() -> Any:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=server.url) as sdk:
            return await work(toolfan.wrap_async(sdk, adapter="openai-responses", model="m", stop=ONCE))

    return asyncio.run(main())
