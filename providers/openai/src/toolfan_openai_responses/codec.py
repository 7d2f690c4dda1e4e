"""The Responses API as a codec: requests out of neutral values, answers back into calls.

Knows: the wire form of `/responses`.  Must not know: the SDK, HTTP, retries, how calls are validated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

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
from toolfan.results.answering import answer_text, check_answers
from toolfan.wire import encode_json, merge_extra_body
from toolfan_openai.codec import CAPABILITIES, strict_schema
from toolfan_openai.settings import EndpointSettings

from .items import answer_item, calls_by_id, input_items, output_items, says_more
from .options import OPTION_NAMES
from .parsing import parse_answer, waiting
from .streaming import ResponseStreamParser

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel
    from toolfan.tools.toolset import NameMap, ToolSet


@dataclass(frozen=True)
class ResponsesAdapter:
    """The adapter `openai-responses`: the Responses API, whose tools, items and events are flat."""

    name: str = "openai-responses"
    provider: str = "openai"
    """The service's name by OpenTelemetry's conventions."""
    api: int = ADAPTER_API
    capabilities: Capabilities = CAPABILITIES
    settings_model: type[BaseModel] = EndpointSettings
    option_names: frozenset[str] = OPTION_NAMES
    omits_with: ClassVar[str] = "openai"
    needs_end: bool = True
    """False for servers known to end a stream without `response.completed`."""

    def render_tools(self, tools: ToolSet[Any], *, strict: bool | None) -> list[JSON]:
        """`tools` of the request.  Raises ToolDefinitionError if a schema does not fit the strict dialect.

        `strict` is always said, for it is required here; None is `null`, the service's own default, by which it makes a
        schema strict where it can.
        """
        return tools.memo((self.name, "tools", strict), lambda: self._render(tools, strict))

    def _names(self, tools: ToolSet[Any]) -> NameMap:
        return tools.names(self.capabilities.name_pattern, self.capabilities.max_name_length)

    def _render(self, tools: ToolSet[Any], strict: bool | None) -> list[JSON]:
        names = self._names(tools)
        rendered = []
        for tool in tools:
            function: JSON = {"type": "function", "name": names.to_wire[tool.name]}
            if tool.description:
                function["description"] = tool.description
            function["parameters"] = strict_schema(tool, self.name) if strict else tool.schema
            function["strict"] = strict
            rendered.append(function)
        return rendered

    def build_request(self, request: ToolRequest) -> WireRequest:
        """The body of `/responses`.  Raises UsageError for what is no message or item, or without a model."""
        if not request.model and "prompt" not in request.options:  # a stored prompt may name it
            raise UsageError(
                "no model is named",
                adapter=self.name,
                hint='Write create(model="gpt-4o-mini", ...) or give the client one.',
            )
        tools = self.render_tools(request.tools, strict=request.strict)
        body: JSON = {"model": request.model} if request.model else {}
        items = input_items(request.messages, self._names(request.tools).changed, adapter=self.name)
        body |= {"input": items, "tools": tools}
        if request.stream:
            body["stream"] = True
        # "auto" is the default, and some gateways refuse the field.
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
        functions = [{"type": "function", "name": to_wire[name]} for name in choice.tools]
        if len(functions) == 1 and choice.mode == "required":
            return functions[0]
        return {"type": "allowed_tools", "mode": choice.mode, "tools": functions}

    def parse_response(self, body: Mapping[str, Any]) -> Turn:
        """The turn in a response.  Raises BadResponse for another shape, or the error that the body holds."""
        return parse_answer(body, adapter=self.name)

    def stream_parser(self) -> StreamParser:
        """A parser for the events of one streamed response; see `ResponseStreamParser`."""
        return ResponseStreamParser(self.name, needs_end=self.needs_end)

    def configured(self, settings: BaseModel) -> ResponsesAdapter:
        """The adapter as a profile wants it."""
        return replace(self, needs_end=getattr(settings, "needs_end", self.needs_end))

    def serving(self, client: object) -> ResponsesAdapter:
        """The adapter for this client: Azure is a provider of its own."""
        from toolfan_openai.transport import is_azure

        return replace(self, provider="azure.ai.openai") if is_azure(client) else self

    def build_answer(self, turn: Turn, answers: Sequence[Answer]) -> list[Message]:
        """The provider's items, see `output_items`, and one output item a call."""
        check_answers(turn, answers, adapter=self.name)
        said = output_items(turn)
        calls = calls_by_id(said)
        outputs = [
            answer_item(calls.get(answer.call.id, {}), answer.call, answer_text(answer, adapter=self.name))
            for answer in answers
        ]
        return [*said, *outputs]

    def goes_back(self, turn: Turn, *, nudged: bool) -> bool:
        """Whether a turn without calls and text says something: an image, a call of the service's own tools.

        One that waits for the user's answer is refused where a word follows it that is none.
        """
        return says_more(turn) and not (nudged and any(waiting(turn.replay)))

    def connect(self, settings: BaseModel, *, use_async: bool) -> object:
        """The SDK's client.  Raises ConfigError without a key, AdapterNotInstalled without the SDK."""
        from toolfan_openai.connecting import connect

        assert isinstance(settings, EndpointSettings)
        return connect(settings, use_async=use_async, adapter=self.name)

    def key_variables(self, settings: BaseModel) -> tuple[str, ...]:
        """The variable that the key is taken from, for `toolfan doctor`."""
        from toolfan_openai.connecting import key_variables

        assert isinstance(settings, EndpointSettings)
        return key_variables(settings)

    def transport(self, client: object, *, use_async: bool) -> Transport | AsyncTransport:
        """A sender over the SDK's client.  Raises UsageError if it is none, or of the other kind."""
        from toolfan_openai.transport import make_transport

        return make_transport(client, use_async=use_async, adapter=self.name, path="/responses")


__all__ = ["ResponsesAdapter"]
