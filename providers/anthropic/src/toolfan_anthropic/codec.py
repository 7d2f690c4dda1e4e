"""The Messages API as a codec: requests out of neutral values, answers back into calls.

Knows: the wire form of `/v1/messages`.  Must not know: the SDK, HTTP, retries, how calls are validated.
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
from toolfan.errors import ToolDefinitionError, Unsupported, UsageError
from toolfan.schema.json_schema import check_names
from toolfan.wire import encode_json, merge_extra_body

from .contents import LONGEST_NAME, NAME_PATTERN, translate
from .options import MAX_TOKENS, OPTION_NAMES
from .parsing import ends_in_call, parse_message
from .replaying import answer_turn, container_of
from .settings import AnthropicSettings
from .strictness import strict_schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel
    from toolfan.tools.tool_type import Tool
    from toolfan.tools.toolset import NameMap, ToolSet

# What the service answers: "Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$'", for those of a tool itself.
_FIELD_NAME = r"[a-zA-Z0-9_.-]{1,64}"
_MODES = {"auto": "auto", "required": "any", "none": "none"}

# No limit to the number of tools is documented.
CAPABILITIES = Capabilities(
    streaming=True,
    parallel_switch=True,
    tool_choice_required=True,
    tool_choice_subset=1,
    strict_schemas=True,
    system_messages=True,
    images=True,
    call_ids=True,
    max_tools=None,
    max_name_length=LONGEST_NAME,
    name_pattern=NAME_PATTERN,
    batch=False,
)


@dataclass(frozen=True)
class MessagesAdapter:
    """The adapter `anthropic`."""

    name: str = "anthropic"
    api: int = ADAPTER_API
    capabilities: Capabilities = CAPABILITIES
    settings_model: type[BaseModel] = AnthropicSettings
    option_names: frozenset[str] = OPTION_NAMES
    omits_with: ClassVar[str] = "anthropic"
    needs_end: bool = True
    """False for servers known to end a stream without `message_stop`."""

    def render_tools(self, tools: ToolSet[Any], *, strict: bool | None) -> list[JSON]:
        """`tools` of the request.

        Raises ToolDefinitionError for a field name that is refused, or a schema that does not fit the strict dialect.
        """
        return tools.memo((self.name, "tools", bool(strict)), lambda: self._render(tools, strict=bool(strict)))

    def _names(self, tools: ToolSet[Any]) -> NameMap:
        return tools.names(self.capabilities.name_pattern, self.capabilities.max_name_length)

    def _render(self, tools: ToolSet[Any], *, strict: bool) -> list[JSON]:
        names = self._names(tools).to_wire
        return [self._rendered(tool, names[tool.name], strict=strict) for tool in tools]

    def _rendered(self, tool: Tool[Any], name: str, *, strict: bool) -> JSON:
        rendered: JSON = {"name": name}
        if tool.description:
            rendered["description"] = tool.description
        try:
            check_names(tool.schema, _FIELD_NAME)
            if not strict:
                return {**rendered, "input_schema": tool.schema}
            return {**rendered, "input_schema": strict_schema(tool.schema), "strict": True}
        except ToolDefinitionError as exc:
            exc.adapter, exc.tool = self.name, tool.name
            raise

    def build_request(self, request: ToolRequest) -> WireRequest:
        """The body of `/v1/messages`.  Raises UsageError for what is no message, or without a model."""
        if not request.model:
            raise UsageError(
                "no model is named",
                adapter=self.name,
                hint='Write create(model="claude-sonnet-4-5", ...) or give the client one.',
            )
        names = self._names(request.tools).to_wire
        messages, system = translate(request.messages, names, self.name)
        tools = self.render_tools(request.tools, strict=request.strict)
        body: JSON = {"model": request.model, "max_tokens": MAX_TOKENS, "messages": messages}
        body |= {"tools": tools, "tool_choice": self._tool_choice(request, names)}
        body.update(request.options)
        if system:
            body["system"] = [*_blocks(request.options.get("system")), *system]
        if request.stream:
            body["stream"] = True
        body = merge_extra_body(body, request.extra_body, adapter=self.name)
        if (container := container_of(request.messages)) is not None:
            body["container"] = _container(body.get("container"), container)
        tools_json = None
        if body["tools"] is tools:
            key = (self.name, "tools_json", bool(request.strict))
            tools_json = request.tools.memo(key, lambda: encode_json(tools))
        return WireRequest(request.model, body, tools_json)

    def _tool_choice(self, request: ToolRequest, names: Mapping[str, str]) -> JSON:
        choice = request.tool_choice
        said: JSON = {"type": _MODES[choice.mode]}
        if choice.tools is not None:
            if choice.mode != "required" or len(choice.tools) != 1:
                raise Unsupported(
                    "this provider can be made to call one tool, or any, but not one of some",
                    adapter=self.name,
                    hint='Name one tool, or write tool_choice="required" and offer only these tools.',
                )
            said = {"type": "tool", "name": names[choice.tools[0]]}
        # Only the exception is sent: parallel calls are the default.
        if choice.mode != "none" and request.parallel is not True and request.parallel <= 1:
            said["disable_parallel_tool_use"] = True
        return said

    def parse_response(self, body: Mapping[str, Any]) -> Turn:
        """The turn in a message.  Raises BadResponse for another shape, or the error that the body holds."""
        return parse_message(body, adapter=self.name)

    def stream_parser(self) -> StreamParser:
        """A parser for the events of one streamed message; see `MessageStreamParser`."""
        from .streaming import MessageStreamParser  # loaded for those who stream

        return MessageStreamParser(self.name, needs_end=self.needs_end)

    def configured(self, settings: BaseModel) -> MessagesAdapter:
        """The adapter as a profile wants it."""
        return replace(self, needs_end=getattr(settings, "needs_end", self.needs_end))

    def ends_in_call(self, turn: Turn) -> bool:
        """Whether a limit of tokens may have cut the last call: its `input` is `{}` then, as if it had none."""
        return turn.replay is not None and ends_in_call(turn.replay["content"])

    def build_answer(self, turn: Turn, answers: Sequence[Answer]) -> list[Message]:
        """The assistant message, untouched, and one user message with all results; see `answer_turn`."""
        return answer_turn(turn, answers, self.name)

    def connect(self, settings: BaseModel, *, use_async: bool) -> object:
        """The SDK's client.  Raises ConfigError without a key, AdapterNotInstalled without the SDK."""
        from .connecting import connect

        assert isinstance(settings, AnthropicSettings)
        return connect(settings, use_async=use_async, adapter=self.name)

    def key_variables(self, settings: BaseModel) -> tuple[str, ...]:
        """The variable that the key is taken from, for `toolfan doctor`."""
        from .connecting import key_variables

        assert isinstance(settings, AnthropicSettings)
        return key_variables(settings)

    def transport(self, client: object, *, use_async: bool) -> Transport | AsyncTransport:
        """A sender over the SDK's client.  Raises UsageError if it is none, or of the other kind."""
        from .transport import make_transport

        return make_transport(client, use_async=use_async, adapter=self.name)


def _container(given: Any, found: str) -> Any:
    """What the user says of the container, with the one that a turn goes on in where it names none."""
    return {"id": found, **given} if isinstance(given, dict) else given or found


def _blocks(system: Any) -> Sequence[Any]:
    """The system prompt that was given as an option, in the long form."""
    if not system:
        return ()
    return [{"type": "text", "text": system}] if isinstance(system, str) else system
