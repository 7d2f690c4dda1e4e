"""Answers of Converse, whole and as events, and as the frames of an event stream; a session of boto3."""

from __future__ import annotations

import binascii
import functools
import json
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

USAGE = {"inputTokens": 81, "outputTokens": 37, "totalTokens": 182, "cacheReadInputTokens": 64}

SECRET = "planted/secret+4711key"


@functools.cache
def shared_session() -> Any:
    """One session for many tests: reading the service model takes longer than a call."""
    import boto3

    return boto3.Session(aws_access_key_id="planted-id", aws_secret_access_key=SECRET, region_name="us-east-1")


def use(call_id: str, name: str, arguments: Any) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": call_id, "name": name, "input": arguments}}


def answer(*blocks: dict[str, Any], stop: str = "tool_use") -> dict[str, Any]:
    """An answer of `converse()`."""
    return {
        "output": {"message": {"role": "assistant", "content": list(blocks)}},
        "stopReason": stop,
        "usage": USAGE,
        "metrics": {"latencyMs": 7},
    }


def halves(text: str) -> list[str]:
    return [half for half in (text[: len(text) // 2], text[len(text) // 2 :]) if half]


def events(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The stream that says the same as this body: each text in two pieces."""
    message = body["output"]["message"]
    found: list[dict[str, Any]] = [{"messageStart": {"role": message["role"]}}]
    for at, block in enumerate(message["content"]):
        found += [{kind: {"contentBlockIndex": at, **said}} for kind, said in _block(block)]
    found.append({"messageStop": {"stopReason": body.get("stopReason")}})
    found.append({"metadata": {key: body[key] for key in ("usage", "metrics") if key in body}})
    return found


def _block(block: Mapping[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    if "toolUse" in block:
        start = {key: value for key, value in block["toolUse"].items() if key != "input"}
        yield "contentBlockStart", {"start": {"toolUse": start}}
        given = block["toolUse"].get("input")
        text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, separators=(",", ":"))
        for half in halves(text):
            yield "contentBlockDelta", {"delta": {"toolUse": {"input": half}}}
    elif "reasoningContent" in block:
        thought = block["reasoningContent"]
        for key, value in thought.get("reasoningText", thought).items():
            for half in halves(value) if key == "text" else [value]:
                yield "contentBlockDelta", {"delta": {"reasoningContent": {key: half}}}
    else:
        for half in halves(block["text"]):
            yield "contentBlockDelta", {"delta": {"text": half}}
    yield "contentBlockStop", {}


def frame(kind: str, payload: Any, *, message_type: str = "event") -> bytes:
    """One message of `application/vnd.amazon.eventstream`."""
    named = ":exception-type" if message_type == "exception" else ":event-type"
    about = {named: kind, ":content-type": "application/json", ":message-type": message_type}
    headers = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for name, value in about.items()
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    prelude += struct.pack(">I", binascii.crc32(prelude))
    message = prelude + headers + body
    return message + struct.pack(">I", binascii.crc32(message))


def frames(said: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(
        frame(kind, payload, message_type="exception" if kind.endswith("Exception") else "event")
        for event in said
        for kind, payload in event.items()
    )
