"""Chat completions as a codec: requests out of neutral values, answers back into calls.

Knows: the wire form of `/chat/completions` as OpenAI documents it and as OpenAI-compatible servers deviate.
Must not know: the SDK, HTTP, retries, how calls are validated.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from toolfan.adapter import ADAPTER_API, Capabilities, WireRequest
from toolfan.errors import ToolDefinitionError, UsageError
from toolfan.messages.chat import check_chat_messages, spelled_out
from toolfan.values import dataclass
from toolfan.wire import encode_json, merge_extra_body

from .capabilities import CAPABILITIES
from .options import OPTION_NAMES
from .parsing import parse_completion
from .settings import OpenAISettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel
    from toolfan.adapter import JSON, Answer, AsyncTransport, Message, StreamParser, ToolRequest, Transport, Turn
    from toolfan.tools.tool_type import Tool
    from toolfan.tools.toolset import NameMap, ToolSet


@dataclass(frozen=True)
class ChatCompletionsAdapter:
    """The adapter `openai`: OpenAI, Azure OpenAI and servers that speak the same."""

    name: str = "openai"
    provider: str = "openai"
    """The service's name by OpenTelemetry's conventions."""
    api: int = ADAPTER_API
    capabilities: Capabilities = CAPABILITIES
    settings_model: type[BaseModel] = OpenAISettings
    option_names: frozenset[str] = OPTION_NAMES
    omits_with: ClassVar[str] = "openai"
    needs_end: bool = True
    """False for servers known to end a stream without a finish reason and without `[DONE]`."""
    stream_usage: bool = True
    """False for servers that refuse `stream_options`, by which a stream is asked for its usage."""

    def render_tools(self, tools: ToolSet[Any], *, strict: bool | None) -> list[JSON]:
        """`tools` of the request.  Raises ToolDefinitionError if a schema does not fit the strict dialect."""
        return tools.memo((self.name, "tools", strict), lambda: self._render(tools, strict))

    def _names(self, tools: ToolSet[Any]) -> NameMap:
        return tools.names(self.capabilities.name_pattern, self.capabilities.max_name_length)

    def _render(self, tools: ToolSet[Any], strict: bool | None) -> list[JSON]:
        names = self._names(tools)
        rendered = []
        for tool in tools:
            function: JSON = {"name": names.to_wire[tool.name]}
            if tool.description:
                function["description"] = tool.description
            function["parameters"] = strict_schema(tool, self.name) if strict else tool.schema
            if strict is not None:
                function["strict"] = strict
            rendered.append({"type": "function", "function": function})
        return rendered

    def build_request(self, request: ToolRequest) -> WireRequest:
        """The body of `/chat/completions`.  Raises UsageError for what is no chat message, or without a model."""
        if not request.model:
            raise UsageError(
                "no model is named",
                adapter=self.name,
                hint='Write create(model="gpt-4o-mini", ...) or give the client one.',
            )
        check_chat_messages(request.messages)
        messages = [spelled_out(message) for message in request.messages]
        if changed := self._names(request.tools).changed:
            from toolfan.messages.rewriting import with_wire_names

            messages = [with_wire_names(message, changed) for message in messages]
        tools = self.render_tools(request.tools, strict=request.strict)
        body: JSON = {"model": request.model, "messages": messages, "tools": tools}
        if request.stream:
            body |= {"stream": True, **({"stream_options": {"include_usage": True}} if self.stream_usage else {})}
        # "auto" is the default, and some gateways and the models behind them refuse the field.
        if (choice := self._tool_choice(request)) != "auto" or "tool_choice" in request.extra_body:
            body["tool_choice"] = choice
        # Only the exception is sent: parallel calls are the default, and some servers reject the field.
        if request.parallel is not True and request.parallel <= 1:
            body["parallel_tool_calls"] = False
        body.update(request.options)
        body = merge_extra_body(body, request.extra_body, adapter=self.name)
        tools_json = None
        if body["tools"] is tools:
            tools_json = request.tools.memo((self.name, "tools_json", request.strict), lambda: encode_json(tools))
        return WireRequest(request.model, body, tools_json)

    def _tool_choice(self, request: ToolRequest) -> Any:
        choice = request.tool_choice
        if choice.tools is None:
            return choice.mode
        to_wire = self._names(request.tools).to_wire
        functions = [{"type": "function", "function": {"name": to_wire[name]}} for name in choice.tools]
        if len(functions) == 1 and choice.mode == "required":
            return functions[0]  # the older form, which every server knows
        return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": functions}}

    def parse_response(self, body: Mapping[str, Any]) -> Turn:
        """The turn in a chat completion.  Raises BadResponse for another shape, or the error that the body holds."""
        return parse_completion(body, adapter=self.name)

    def stream_parser(self) -> StreamParser:
        """A parser for the chunks of one streamed completion; see `ChatStreamParser`."""
        from .streaming import ChatStreamParser  # loaded for those who stream

        return ChatStreamParser(self.name, needs_end=self.needs_end)

    def configured(self, settings: BaseModel) -> ChatCompletionsAdapter:
        """The adapter as a profile wants it."""
        changed = {name: getattr(settings, name, getattr(self, name)) for name in ("needs_end", "stream_usage")}
        return replace(self, **changed)

    def serving(self, client: object) -> ChatCompletionsAdapter:
        """The adapter for this client: Azure is a provider of its own."""
        from .transport import is_azure

        return replace(self, provider="azure.ai.openai") if is_azure(client) else self

    def build_answer(self, turn: Turn, answers: Sequence[Answer]) -> list[Message]:
        """The assistant message, see `assistant_message`, and one `tool` message a call."""
        from toolfan.results.answering import answer_text, check_answers  # not everyone replies

        from .replaying import assistant_message

        check_answers(turn, answers, adapter=self.name)
        messages: list[Message] = [assistant_message(turn)]
        for answer in answers:
            content = answer_text(answer, adapter=self.name)
            messages.append({"role": "tool", "tool_call_id": answer.call.id, "content": content})
        return messages

    def goes_back(self, turn: Turn, *, nudged: bool) -> bool:
        """Whether a turn without calls and text says something: aloud.  The service keeps that under its id."""
        from .replaying import spoken

        return spoken(turn.replay) is not None

    def connect(self, settings: BaseModel, *, use_async: bool) -> object:
        """The SDK's client.  Raises ConfigError without a key, AdapterNotInstalled without the SDK."""
        from .connecting import connect

        assert isinstance(settings, OpenAISettings)
        return connect(settings, use_async=use_async)

    def key_variables(self, settings: BaseModel) -> tuple[str, ...]:
        """The variable that the key is taken from, for `toolfan doctor`."""
        from .connecting import key_variables

        assert isinstance(settings, OpenAISettings)
        return key_variables(settings)

    def transport(self, client: object, *, use_async: bool) -> Transport | AsyncTransport:
        """A sender over the SDK's client.  Raises UsageError if it is none, or of the other kind."""
        from .transport import make_transport

        return make_transport(client, use_async=use_async, adapter=self.name)


def strict_schema(tool: Tool[Any], adapter: str) -> JSON:
    """The parameters of the tool in the strict dialect.  Raises ToolDefinitionError if it cannot say them."""
    from .strictness import in_dialect  # few ask for it

    try:
        return in_dialect(tool.schema)
    except ToolDefinitionError as exc:
        exc.adapter, exc.tool = adapter, tool.name
        raise


__all__ = ["CAPABILITIES", "ChatCompletionsAdapter", "strict_schema"]
