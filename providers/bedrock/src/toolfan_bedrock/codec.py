"""The Converse API as a codec: requests out of neutral values, answers back into calls.

Knows: the request of Converse.  Must not know: boto3, HTTP, retries, how calls are validated.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from toolfan.wire import merge_extra_body

from . import answering, contents
from .parsing import ends_in_call, parse_converse
from .settings import BedrockSettings
from .strictness import strict_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel
    from toolfan.tools.tool_type import Tool
    from toolfan.tools.toolset import NameMap, ToolSet

# Source: the shapes of Converse in botocore's model of bedrock-runtime.
_INFERENCE = frozenset({"maxTokens", "temperature", "topP", "stopSequences"})
OPTION_NAMES = _INFERENCE | {
    "additionalModelRequestFields",
    "additionalModelResponseFieldPaths",
    "guardrailConfig",
    "inferenceConfig",
    "outputConfig",
    "performanceConfig",
    "requestMetadata",
    "serviceTier",
}

CAPABILITIES = Capabilities(
    streaming=True,
    parallel_switch=False,  # some models have one of their own, in additionalModelRequestFields
    tool_choice_required=True,
    tool_choice_subset=1,  # one tool can be demanded, not a choice of several
    strict_schemas=True,
    system_messages=True,
    images=True,
    call_ids=True,
    max_tools=None,
    max_name_length=contents.LONGEST_NAME,
    name_pattern=contents.NAME_PATTERN,
    batch=False,
)


@dataclass(frozen=True)
class ConverseAdapter:
    """The adapter `bedrock`: Converse and ConverseStream of Amazon Bedrock."""

    name: str = "bedrock"
    provider: str = "aws.bedrock"
    api: int = ADAPTER_API
    capabilities: Capabilities = CAPABILITIES
    settings_model: type[BaseModel] = BedrockSettings
    option_names: frozenset[str] = OPTION_NAMES
    unchecked_option: ClassVar[str] = "additionalModelRequestFields"
    needs_end: bool = True
    """False for servers known to end a stream without `messageStop`."""

    def render_tools(self, tools: ToolSet[Any], *, strict: bool | None) -> list[JSON]:
        """`toolConfig.tools`.  Raises ToolDefinitionError if a schema does not fit the strict dialect."""
        return tools.memo((self.name, "tools", strict), lambda: self._render(tools, strict))

    def _names(self, tools: ToolSet[Any]) -> NameMap:
        return tools.names(self.capabilities.name_pattern, self.capabilities.max_name_length)

    def _render(self, tools: ToolSet[Any], strict: bool | None) -> list[JSON]:
        names = self._names(tools)
        rendered = []
        for tool in tools:
            spec: JSON = {"name": names.to_wire[tool.name]}
            if tool.description:
                spec["description"] = tool.description
            spec["inputSchema"] = {"json": self._schema(tool, strict)}
            if strict is not None:
                spec["strict"] = strict
            rendered.append({"toolSpec": spec})
        return rendered

    def _schema(self, tool: Tool[Any], strict: bool | None) -> JSON:
        try:
            return strict_schema(tool.schema) if strict else tool.schema
        except ToolDefinitionError as exc:
            exc.adapter, exc.tool = self.name, tool.name
            raise

    def build_request(self, request: ToolRequest) -> WireRequest:
        """The arguments of `converse()` but the model's, which is `WireRequest.model`; bytes are base64 text in it.

        Raises UsageError for messages and options that cannot be sent, or without a model.
        """
        if not request.model:
            raise UsageError(
                "no model is named",
                adapter=self.name,
                hint='Write create(model="us.amazon.nova-lite-v1:0", ...) or give the client one.',
            )
        messages, system = contents.translate(request.messages, self._names(request.tools).to_wire, self.name)
        if any(family in request.model for family in ("mistral.", "meta.")):
            from .families import fitted  # loaded for those who ask them

            messages = fitted(messages, request.model)
        body: JSON = {"messages": messages}
        if system:
            body["system"] = system
        if (tool_config := self._tool_config(request, messages)) is not None:
            body["toolConfig"] = tool_config
        body |= self._options(request.options)
        body = merge_extra_body(body, request.extra_body, adapter=self.name, joined="toolConfig.tools")
        return WireRequest(request.model, body)

    def _tool_config(self, request: ToolRequest, messages: list[JSON]) -> JSON | None:
        """None for no tools at all: Converse has no other word for "none"."""
        mode = request.tool_choice.mode
        if mode == "none":
            if any(contents.TOOL_BLOCKS & block.keys() for message in messages for block in message["content"]):
                raise Unsupported(
                    'Converse has no tool_choice="none" in a conversation with calls',
                    adapter=self.name,
                    hint='It demands the tools there, and knows "auto" and "required".',
                )
            return None
        tools = self.render_tools(request.tools, strict=request.strict)
        if request.model and any(family in request.model for family in ("anthropic.", "claude")):
            from .families import check_for_claude  # loaded for those who ask it

            request.tools.memo((self.name, "claude"), lambda: check_for_claude(request.tools, self.name))
        choice: JSON = {"any": {}}
        if request.tool_choice.tools:
            if mode != "required":
                raise Unsupported(
                    "Converse can be made to call one tool, but not to offer one without demanding it",
                    adapter=self.name,
                    hint='Offer only these tools, or write tool_choice=["the tool"] to demand the call.',
                )
            choice = {"tool": {"name": self._names(request.tools).to_wire[request.tool_choice.tools[0]]}}
        elif mode != "required":  # "auto" is the default; said, Claude's own `tool_choice` beside it is refused
            return {"tools": tools}
        return {"tools": tools, "toolChoice": choice}

    def _options(self, options: Mapping[str, Any]) -> JSON:
        body = {name: value for name, value in options.items() if name not in _INFERENCE}
        own = {name: value for name, value in options.items() if name in _INFERENCE}
        if own:
            given = body.get("inferenceConfig", {})
            if not isinstance(given, Mapping) or given.keys() & own.keys():
                raise UsageError(
                    "inferenceConfig is no mapping, or sets what another option sets",
                    adapter=self.name,
                    hint=f"Leave {', '.join(own)} out of the one or the other.",
                )
            body["inferenceConfig"] = {**given, **own}
        return body

    def parse_response(self, body: Mapping[str, Any]) -> Turn:
        """The turn in an answer of `converse()`.  Raises BadResponse for another shape, or the error in the body."""
        return parse_converse(body, adapter=self.name)

    def stream_parser(self) -> StreamParser:
        """A parser for the events of one ConverseStream; see `ConverseStreamParser`."""
        from .streaming import ConverseStreamParser  # loaded for those who stream

        return ConverseStreamParser(self.name, needs_end=self.needs_end)

    def configured(self, settings: BaseModel) -> ConverseAdapter:
        """The adapter as a profile wants it."""
        return replace(self, needs_end=getattr(settings, "needs_end", self.needs_end))

    def ends_in_call(self, turn: Turn) -> bool:
        """Whether a limit of tokens may have cut the last call: its `input` is `{}` then, as if it had none."""
        return turn.replay is not None and ends_in_call(turn.replay.get("content") or ())

    def build_answer(self, turn: Turn, answers: Sequence[Answer]) -> list[Message]:
        """The assistant message as it came, and one user message with a `toolResult` for each call, in call order."""
        return answering.answer_turn(turn, answers, self.name)

    def connect(self, settings: BaseModel, *, use_async: bool) -> object:
        """A `bedrock-runtime` client of boto3.

        Raises ConfigError without a region or credentials, AdapterNotInstalled without boto3.
        """
        from .connecting import connect

        assert isinstance(settings, BedrockSettings)
        return connect(settings, self.name)

    def key_variables(self, settings: BaseModel) -> tuple[str, ...]:
        """The variables of keys that boto3 looks at first, for `toolfan doctor`; it looks elsewhere, too."""
        assert isinstance(settings, BedrockSettings)
        return () if settings.aws_profile else ("AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID")

    def transport(self, client: object, *, use_async: bool) -> Transport | AsyncTransport:
        """A sender over a `bedrock-runtime` client.  Raises UsageError if it is none."""
        from .transport import make_transport

        return make_transport(client, use_async=use_async, adapter=self.name)
