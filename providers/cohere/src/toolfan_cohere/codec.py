"""Cohere's v2 chat as a codec: requests out of neutral values, answers back into calls.

Knows: the wire form of `/v2/chat`.  Must not know: the SDK, HTTP, retries, how calls are validated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from toolfan.adapter import (
    ADAPTER_API,
    JSON,
    Answer,
    AsyncTransport,
    Capabilities,
    Message,
    StreamParser,
    ToolRequest,
    Transport,
    Turn,
    WireRequest,
)
from toolfan.errors import UsageError
from toolfan.messages.parts import check_chat_messages, check_translatable, spelled_out, with_wire_names
from toolfan.wire import merge_extra_body

from .contents import check_contents, fitted
from .parsing import parse_chat
from .replaying import LONGEST_NAME, NAME_PATTERN, answer_turn
from .settings import CohereSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel
    from toolfan.tools.toolset import NameMap, ToolSet

# Source: the parameters of `ClientV2.chat` in the cohere SDK 7.3, without those that toolfan sets itself.
OPTION_NAMES = frozenset(
    {
        "citation_options",
        "documents",
        "frequency_penalty",
        "k",
        "logprobs",
        "max_tokens",
        "p",
        "presence_penalty",
        "priority",
        "response_format",
        "safety_mode",
        "seed",
        "stop_sequences",
        "temperature",
        "thinking",
    }
)

# Cohere's API reference tells no largest number of tools.
CAPABILITIES = Capabilities(
    streaming=True,
    parallel_switch=False,
    tool_choice_required=True,
    tool_choice_subset=False,
    strict_schemas=True,
    system_messages=True,
    images=True,
    call_ids=True,
    max_tools=None,
    max_name_length=LONGEST_NAME,
    name_pattern=NAME_PATTERN,
    batch=False,
)
_CHOICES = {"required": "REQUIRED", "none": "NONE"}


@dataclass(frozen=True)
class CohereAdapter:
    """The adapter `cohere`: v2 chat."""

    name: str = "cohere"
    api: int = ADAPTER_API
    capabilities: Capabilities = CAPABILITIES
    settings_model: type[BaseModel] = CohereSettings
    option_names: frozenset[str] = OPTION_NAMES
    needs_end: bool = True
    """False for servers known to end a stream without `message-end`."""

    def render_tools(self, tools: ToolSet[Any], *, strict: bool | None) -> list[JSON]:
        """`tools` of the request; `strict` is said beside them."""
        return tools.memo((self.name, "tools"), lambda: self._render(tools))

    def _names(self, tools: ToolSet[Any]) -> NameMap:
        return tools.names(self.capabilities.name_pattern, self.capabilities.max_name_length)

    def _render(self, tools: ToolSet[Any]) -> list[JSON]:
        names = self._names(tools)
        rendered = []
        for tool in tools:
            about = {"description": tool.description} if tool.description else {}
            function: JSON = {"name": names.to_wire[tool.name], **about, "parameters": tool.schema}
            rendered.append({"type": "function", "function": function})
        return rendered

    def build_request(self, request: ToolRequest) -> WireRequest:
        """The body of `/v2/chat`.  Raises UsageError for what is no chat message, or without a model.

        Raises Unsupported for a part of a message that Cohere has no place for.
        """
        if not request.model:
            raise UsageError(
                "no model is named",
                adapter=self.name,
                hint='Write create(model="command-a-03-2025", ...) or give the client one.',
            )
        changed = self._names(request.tools).changed
        check_chat_messages(request.messages)
        messages = [self._message(message, at, changed) for at, message in enumerate(request.messages)]
        tools = self.render_tools(request.tools, strict=request.strict)
        body: JSON = {"model": request.model, "messages": messages, "tools": tools, "stream": request.stream}
        if request.strict is not None:
            body["strict_tools"] = request.strict
        if request.tool_choice.mode in _CHOICES:  # nothing is said for auto: there is no word for it
            body["tool_choice"] = _CHOICES[request.tool_choice.mode]
        body.update(request.options)
        return WireRequest(request.model, merge_extra_body(body, request.extra_body, adapter=self.name))

    def _message(self, message: Message, at: int, changed: Mapping[str, str]) -> Message:
        """The message, which Cohere spells nearly as chat completions do."""
        check_translatable(message, at, own=("tool_plan",))
        check_contents(message, at, self.name)
        return fitted(with_wire_names(spelled_out(message), changed))

    def parse_response(self, body: Mapping[str, Any]) -> Turn:
        """The turn in an answer.  Raises BadResponse for another shape, or the error that stands in its place."""
        return parse_chat(body, adapter=self.name)

    def stream_parser(self) -> StreamParser:
        """A parser for the events of one streamed answer; see `CohereStreamParser`."""
        from .streaming import CohereStreamParser  # loaded for those who stream

        return CohereStreamParser(self.name, needs_end=self.needs_end)

    def configured(self, settings: BaseModel) -> CohereAdapter:
        """The adapter as a profile wants it."""
        return replace(self, needs_end=getattr(settings, "needs_end", self.needs_end))

    def build_answer(self, turn: Turn, answers: Sequence[Answer]) -> list[Message]:
        """The assistant message as it came, and one `tool` message a call."""
        return answer_turn(turn, answers, self.name)

    def connect(self, settings: BaseModel, *, use_async: bool) -> object:
        """The SDK's client.  Raises ConfigError without a key, AdapterNotInstalled without the SDK."""
        from .connecting import connect

        assert isinstance(settings, CohereSettings)
        return connect(settings, self.name, use_async=use_async)

    def key_variables(self, settings: BaseModel) -> tuple[str, ...]:
        """The variable that the key is taken from, for `toolfan doctor`."""
        from .connecting import key_variables

        assert isinstance(settings, CohereSettings)
        return key_variables(settings)

    def transport(self, client: object, *, use_async: bool) -> Transport | AsyncTransport:
        """A sender over the SDK's client.  Raises UsageError if it is none, or of the other kind."""
        from .transport import make_transport

        return make_transport(client, use_async=use_async, adapter=self.name)
