"""A client that takes an HTTP answer apart as it came: bytes, and how the connection ended.

Knows: sockets, HTTP/1.1, the requests of the dialects.  Must not know: toolfan, SDKs, which fault does what.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from toolfan_local.faults import FaultServer

WEATHER = {
    "type": "object",
    "properties": {"location": {"type": "string"}, "units": {"type": "string", "enum": ["imperial", "metric"]}},
    "required": ["location", "units"],
}
SEARCH = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
SCHEMAS = {"Weather": WEATHER, "GoogleSearch": SEARCH}
GOOD = [
    ("Weather", {"location": "Toronto", "units": "metric"}),
    ("GoogleSearch", {"query": "who won the super bowl"}),
]
VERTEX = "/v1/projects/p/locations/us-central1/publishers/google/models/"
GEMINI = "/v1beta/models/"
OTHERS = ("anthropic", "bedrock", "cohere", "responses")
"""The dialects besides chat completions and Google's."""


@dataclass(frozen=True)
class Seen:
    """What came: `end` is "closed", "reset" or "open", the last when nothing more came for a while."""

    raw: bytes
    end: str
    seconds: float

    @property
    def head(self) -> bytes:
        """The header, up to the empty line."""
        return self.raw.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        """What follows the header, as it came."""
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def status(self) -> int:
        """The status."""
        return int(self.head.split(b" ")[1])

    @property
    def fields(self) -> dict[str, str]:
        """The header fields, names in lower case."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    @property
    def length(self) -> int | None:
        """The content length."""
        value = self.fields.get("content-length")
        return None if value is None else int(value)

    @property
    def chunks(self) -> list[bytes]:
        """The chunks of the body, without the empty last one; of a body that is cut those that are whole."""
        made, left = [], self.body
        while left:
            size, _, left = left.partition(b"\r\n")
            count = int(size, 16)
            if count == 0 or len(left) < count:
                break
            made.append(left[:count])
            left = left[count + 2 :]
        return made

    @property
    def complete(self) -> bool:
        """Whether the framing says that all of it came."""
        if "transfer-encoding" in self.fields:
            return self.body.endswith(b"0\r\n\r\n")
        return self.length is not None and len(self.body) == self.length

    @property
    def content(self) -> bytes:
        """The body without its framing."""
        return b"".join(self.chunks) if "transfer-encoding" in self.fields else self.body

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.content)

    @property
    def data(self) -> list[str]:
        """The data of each server-sent event, as the specification reads them; an event at the end may be open."""
        text = self.content.decode().replace("\r\n", "\n").replace("\r", "\n")
        lines = [[line for line in block.split("\n") if line.startswith("data:")] for block in text.split("\n\n")]
        return ["\n".join(line[5:].removeprefix(" ") for line in block) for block in lines if block]

    @property
    def events(self) -> list[Any]:
        """The events as JSON, without `[DONE]`."""
        return [json.loads(text) for text in self.data if text != "[DONE]"]


def request(path: str, body: Any) -> bytes:
    """A POST whose connection shall be closed after the answer."""
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nconnection: close\r\n"
    return head.encode() + f"content-length: {len(data)}\r\n\r\n".encode() + data


def openai_request(model: str, *, stream: bool = False, names: Any = SCHEMAS, **more: Any) -> bytes:
    """A chat completion with these tools."""
    tools = [{"type": "function", "function": {"name": name, "parameters": SCHEMAS[name]}} for name in names]
    body = {"model": model, "messages": [{"role": "user", "content": "Hello?"}], "tools": tools, "stream": stream}
    return request("/v1/chat/completions", body | more)


def typed_request(dialect: str, model: str | None, *, stream: bool = False, names: Any = SCHEMAS, **more: Any) -> bytes:
    """A request of one of `OTHERS`, with these tools."""
    if dialect == "bedrock":
        return _converse(model, stream, [*names], more)
    said, body = [{"role": "user", "content": "Hello?"}], {"model": model, "stream": stream}
    if dialect == "anthropic":
        tools = [{"name": name, "input_schema": SCHEMAS[name]} for name in names]
        return request("/v1/messages", body | {"messages": said, "max_tokens": 9, "tools": tools} | more)
    if dialect == "cohere":
        functions = [{"name": name, "parameters": SCHEMAS[name]} for name in names]
        tools = [{"type": "function", "function": function} for function in functions]
        return request("/v2/chat", body | {"messages": said, "tools": tools} | more)
    tools = [{"type": "function", "name": name, "parameters": SCHEMAS[name]} for name in names]
    return request("/v1/responses", body | {"input": said, "tools": tools} | more)


def _converse(model: str | None, stream: bool, names: list[str], more: dict[str, Any]) -> bytes:
    tools = [{"toolSpec": {"name": name, "inputSchema": {"json": SCHEMAS[name]}}} for name in names]
    config = {"toolConfig": {"tools": more.pop("tools", tools)} | more}
    body = {"messages": [{"role": "user", "content": [{"text": "Hello?"}]}]} | config
    return request(f"/model/{quote(model or '', safe='')}/converse{'-stream' if stream else ''}", body)


def typed_calls(seen: Seen) -> list[tuple[Any, Any]]:
    """The calls of a good answer to one of `OTHERS`: (name, arguments)."""
    said, output = seen.json, seen.json.get("output")
    if "message" in said:
        calls = [call["function"] for call in said["message"].get("tool_calls") or []]
    elif isinstance(output, dict):
        calls = [block["toolUse"] for block in output["message"]["content"] if "toolUse" in block]
    else:
        calls = [one for one in said.get("content") or output if "name" in one]
    return [(call["name"], call.get("input") or json.loads(call["arguments"])) for call in calls]


def google_request(
    model: str, *, framing: str = "none", prefix: str = GEMINI, names: Any = SCHEMAS, **more: Any
) -> bytes:
    """A generateContent with these tools; `framing` is "none", "sse" or "array"."""
    tools = [{"functionDeclarations": [{"name": name, "parametersJsonSchema": SCHEMAS[name]} for name in names]}]
    body = {"contents": [{"role": "user", "parts": [{"text": "Hello?"}]}], "tools": tools}
    method = "generateContent" if framing == "none" else "streamGenerateContent"
    query = "?alt=sse" if framing == "sse" else ""
    return request(f"{prefix}{quote(model)}:{method}{query}", body | more)


def ask(server: FaultServer, data: bytes, *, idle: float = 30.0, enough: int | None = None) -> Seen:
    """Sends the bytes and reads until the connection ends, `idle` seconds pass, or `enough` bytes have come.

    The first byte is waited for longer, unless `enough` is 0.
    """
    begin, raw, end = time.monotonic(), bytearray(), "closed"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(data)
        try:
            while enough is None or len(raw) < max(1, enough):
                connection.settimeout(idle if raw or enough == 0 else 30)
                piece = connection.recv(1 << 20)
                if not piece:
                    break
                raw += piece
            else:
                end = "open"
        except TimeoutError:
            end = "open"
        except ConnectionResetError:
            end = "reset"
    return Seen(bytes(raw), end, time.monotonic() - begin)


def openai_calls(seen: Seen) -> list[tuple[Any, Any]]:
    """The calls of a good completion, whole or streamed, by index: (name, arguments)."""
    if not seen.fields["content-type"].startswith("text/event-stream"):
        calls = seen.json["choices"][0]["message"]["tool_calls"]
        return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls]
    names: dict[int, str] = {}
    texts: dict[int, str] = {}
    for piece in pieces(seen.events):
        function = piece.get("function") or {}
        names[piece["index"]] = names.get(piece["index"], "") + (function.get("name") or "")
        texts[piece["index"]] = texts.get(piece["index"], "") + (function.get("arguments") or "")
    return [(names[index], json.loads(texts[index])) for index in sorted(names)]


def pieces(events: list[Any]) -> list[Any]:
    """The entries of `tool_calls` in every delta, in order."""
    found = []
    for event in events:
        for choice in event.get("choices") or []:
            found += (choice.get("delta") or {}).get("tool_calls") or []
    return found


def google_parts(seen: Seen, framing: str = "none") -> list[Any]:
    """The parts of every candidate, over all events."""
    bodies = [seen.json] if framing == "none" else seen.json if framing == "array" else seen.events
    found = []
    for body in bodies:
        for candidate in body.get("candidates") or []:
            found += candidate.get("content", {}).get("parts", [])
    return found


def google_calls(seen: Seen, framing: str = "none") -> list[tuple[Any, Any]]:
    """The calls of a good answer."""
    calls = [part["functionCall"] for part in google_parts(seen, framing) if "functionCall" in part]
    return [(call.get("name"), call.get("args")) for call in calls]


def is_json(data: bytes) -> bool:
    """Whether this is JSON in UTF-8."""
    with contextlib.suppress(ValueError):
        json.loads(data)
        return True
    return False
