"""A client whose answers are given: for tests of programs that use toolfan, without a network and without an SDK.

The wire form is plain.  A request: `{"model", "messages", "tools": [{"name", "description", "schema"}], "choice",
"parallel", "stream"}`; an answer: `{"calls": [{"id", "name", "arguments"}], "text", "stop"}`; in a stream the same
fields, a piece at a time, the last one with `"end": true`.

Knows: answers as a test writes them.  Must not know: pytest, any provider.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, is_dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json

from toolfan.adapter import (
    ADAPTER_API,
    JSON,
    Answer,
    Capabilities,
    Message,
    StreamParser,
    ToolRequest,
    Turn,
    WireRequest,
    WireResponse,
)
from toolfan.errors import ProviderError, UsageError
from toolfan.http.event_streams import AsyncEventStream, EventStream
from toolfan.messages.parts import check_chat_message, with_wire_names
from toolfan.results.answering import check_answers, with_ids
from toolfan.wire import encode_json, merge_extra_body, sendable

from .scripted_answers import ScriptParser, parse

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Generator, Sequence

    from toolfan.client.async_client import AsyncClient
    from toolfan.client.sync_client import Client
    from toolfan.tools.toolset import ToolSet

DEFAULT_MODEL = "scripted"
CAPABILITIES = Capabilities(
    streaming=True,
    parallel_switch=True,
    tool_choice_required=True,
    tool_choice_subset=True,
    strict_schemas=True,
    system_messages=True,
    images=True,
    call_ids=True,
    max_tools=None,
    max_name_length=256,
    name_pattern=r"(?s:.+)",
    batch=False,
)


class NoSettings(BaseModel):
    """A script is not configured."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class ScriptedAdapter:
    """The adapter of scripted clients; see the module for its wire form."""

    name: str = "scripted"
    api: int = ADAPTER_API
    capabilities: Capabilities = CAPABILITIES
    settings_model: type[BaseModel] = NoSettings
    option_names: frozenset[str] = frozenset({"max_tokens", "seed", "temperature", "top_p"})

    def render_tools(self, tools: ToolSet[Any], *, strict: bool | None) -> list[JSON]:
        """`tools` of the request; made once per tool set."""
        names = self._names(tools)
        return tools.memo(
            (self.name, "tools"),
            lambda: [
                {"name": names[tool.name], "description": tool.description, "schema": tool.schema} for tool in tools
            ],
        )

    def _names(self, tools: ToolSet[Any]) -> dict[str, str]:
        return tools.names(self.capabilities.name_pattern, self.capabilities.max_name_length).to_wire

    def build_request(self, request: ToolRequest) -> WireRequest:
        """The request in the form above.  Raises UsageError for what is no message."""
        for at, message in enumerate(request.messages):
            if message.get("role") != "scripted":
                check_chat_message(message, at)
        choice, names = request.tool_choice, self._names(request.tools)
        body: JSON = {
            "model": request.model or DEFAULT_MODEL,
            "messages": [with_wire_names(message, names) for message in request.messages],
            "tools": self.render_tools(request.tools, strict=request.strict),
            "choice": {"mode": choice.mode}
            | ({"tools": [names[name] for name in choice.tools]} if choice.tools else {}),
            "parallel": request.parallel,
            "stream": request.stream,
        }
        if request.strict is not None:
            body["strict"] = request.strict
        body.update(request.options)
        return WireRequest(request.model, merge_extra_body(body, request.extra_body, adapter=self.name))

    def parse_response(self, body: Mapping[str, Any]) -> Turn:
        """The turn in an answer.  Raises BadResponse for another shape."""
        return parse(body, adapter=self.name)

    def stream_parser(self) -> StreamParser:
        """A parser of one stream."""
        return ScriptParser(self.name)

    def build_answer(self, turn: Turn, answers: Sequence[Answer]) -> list[Message]:
        """The turn as it was given, if it can be sent, under the ids that the messages with the answers name."""
        check_answers(turn, answers, adapter=self.name)
        told = [
            {"role": "scripted", "id": answer.call.id, "content": answer.content, "is_error": answer.is_error}
            for answer in answers
        ]
        said: Message = turn.replay or {"role": "scripted", "text": turn.text, "calls": []}
        return [sendable({**said, "calls": with_ids(said["calls"], turn.calls, "id")}), *told]

    def connect(self, settings: BaseModel, *, use_async: bool) -> object:
        """A client with an empty script."""
        return ScriptedClient(())

    def transport(self, client: object, *, use_async: bool) -> Any:
        """A sender that takes the next answer.  Raises UsageError for another client."""
        if not isinstance(client, ScriptedClient):
            raise UsageError(f"{type(client).__name__} is no ScriptedClient", adapter=self.name)
        return _AsyncTransport(client) if use_async else _Transport(client)


class ScriptedClient:
    """What stands in for the vendor's client: `answers` that are left, and the bodies of the `requests` so far."""

    def __init__(self, answers: Sequence[Any]) -> None:
        if isinstance(answers, str | bytes | Mapping | BaseModel) or not isinstance(answers, Iterable):
            raise UsageError(
                f"a script is a list of answers, and {answers!r:.200} is none", hint="Write scripted([the answer])."
            )
        self.answers: list[JSON | ProviderError] = [_answer(given) for given in answers]
        self.requests: list[JSON] = []
        self._given = len(self.answers)

    def next(self, request: WireRequest) -> JSON:
        """The next answer.  Raises the error that stands there, UsageError if none is left."""
        encode_json(request.body)
        self.requests.append(request.body)
        if not self.answers:
            raise UsageError(
                f"the script has {self._given} answers, and this is request {len(self.requests)}",
                adapter="scripted",
                hint="Give scripted() as many answers as there are requests; a round of re-asking is one.",
            )
        answer = self.answers.pop(0)
        if isinstance(answer, ProviderError):
            raise answer
        return answer


def _answer(given: Any) -> JSON | ProviderError:
    """An answer as a test writes it: an error, a text, one call, or a list of texts and calls."""
    if isinstance(given, ProviderError):
        return given
    items = given if isinstance(given, list) else [given]
    calls: list[JSON] = []
    text = ""
    for item in items:
        if isinstance(item, str):
            text += item
        else:
            calls.append({"id": f"scripted_{len(calls)}", **_call(item)})
    return {"calls": calls, "text": text, "stop": "calls" if calls else "end"}


def _call(given: Any) -> JSON:
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], str):
        name, arguments = given
        return {"name": name, "arguments": arguments if isinstance(arguments, str) else _json(arguments)}
    if isinstance(given, BaseModel) or (is_dataclass(given) and not isinstance(given, type)):
        return {"name": type(given).__name__, "arguments": _json(given)}
    raise UsageError(
        f"a script holds {given!r:.200}",
        hint="An answer is a text, a value of a tool's type, (name, arguments), a list of these, or a ProviderError.",
    )


def _json(value: Any) -> str:
    return to_json(value, by_alias=True).decode()


class _Transport:
    keeps_deadline = True

    def __init__(self, client: ScriptedClient) -> None:
        self._client = client

    def send(self, request: WireRequest, *, timeout: float | None, headers: Any, query: Any) -> WireResponse:
        return WireResponse(self._client.next(request))

    @contextmanager
    def stream(
        self, request: WireRequest, *, timeout: float | None, headers: Any, query: Any
    ) -> Generator[EventStream]:
        yield EventStream(iter(_events(self._client.next(request))))

    def close(self) -> None:
        """Nothing is held."""


class _AsyncTransport:
    def __init__(self, client: ScriptedClient) -> None:
        self._client = client

    async def send(self, request: WireRequest, *, timeout: float | None, headers: Any, query: Any) -> WireResponse:
        return WireResponse(self._client.next(request))

    @asynccontextmanager
    async def stream(
        self, request: WireRequest, *, timeout: float | None, headers: Any, query: Any
    ) -> AsyncGenerator[AsyncEventStream]:
        yield AsyncEventStream(_slowly(_events(self._client.next(request))))

    async def close(self) -> None:
        """Nothing is held."""


def _events(body: JSON) -> list[JSON]:
    """The stream of an answer: each word and each call in an event of its own."""
    words = [{"text": word} for word in body["text"].split(" ") if word]
    for word in words[1:]:
        word["text"] = f" {word['text']}"
    return [*words, *({"calls": [call]} for call in body["calls"]), {"stop": body["stop"], "end": True}]


async def _slowly(events: list[JSON]) -> AsyncIterator[JSON]:
    for event in events:
        yield event


def scripted(answers: Sequence[Any], *, model: str | None = None) -> Client:
    """A client that gives these answers, one a request, and asks nobody.

    An answer is a text, a value of a tool's type (a pydantic model, a dataclass), `(name, arguments)` with a dict or
    with JSON text that need not be valid, a list of these, or a ProviderError to be raised.  `client.sdk_client` has
    the bodies of the `requests` and the `answers` that are left.  A request too many is a UsageError.
    """
    from toolfan.client.constructors import wrap

    return wrap(ScriptedClient(answers), adapter=ScriptedAdapter(), model=model)


def scripted_async(answers: Sequence[Any], *, model: str | None = None) -> AsyncClient:
    """`scripted`, awaited."""
    from toolfan.client.constructors import wrap_async

    return wrap_async(ScriptedClient(answers), adapter=ScriptedAdapter(), model=model)
