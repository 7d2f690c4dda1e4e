"""The codec of Vertex AI's and the Gemini API's `generateContent`: one class, two adapters.

Plain REST JSON (camelCase, enum words) in and out; the senders turn it into what their SDK wants.

Knows: the request of generateContent.  Must not know: any Google package, I/O, how calls are validated.
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
    ToolChoice,
    ToolRequest,
    Transport,
    Turn,
    WireRequest,
)
from toolfan.wire import merge_extra_body

from . import contents, parsing
from .options import OPTION_NAMES, extra_to_body, options_to_body
from .settings import GeminiSettings, VertexSettings
from .streaming import ContentStreamParser

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel
    from toolfan.tools.tool_type import Tool
    from toolfan.tools.toolset import NameMap, ToolSet

_MODES = {"auto": "AUTO", "required": "ANY", "none": "NONE"}

CAPABILITIES = Capabilities(
    streaming=True,
    parallel_switch=False,  # no field of the request switches parallel calls off
    tool_choice_required=True,
    tool_choice_subset=True,
    strict_schemas=True,  # as the calling mode VALIDATED
    system_messages=True,
    images=True,
    call_ids=True,
    max_tools=512,  # "Maximum 512 function declarations can be provided" (discovery document, Tool)
    # The documents now say 128, dots and colons too; both services have taken this much from the start.
    max_name_length=64,
    name_pattern=r"[a-zA-Z_][a-zA-Z0-9_-]*",
    batch=False,
)


@dataclass(frozen=True)
class GenerateContentAdapter:
    """The adapter of both services; `name` and what a profile may set are all that differs."""

    name: str
    settings_model: type[BaseModel]
    capabilities: Capabilities = CAPABILITIES
    api: int = ADAPTER_API
    needs_end: bool = True
    """False for servers known to end a stream without a finish reason."""

    @property
    def provider(self) -> str:
        """The service's name by OpenTelemetry's conventions."""
        return "gcp.vertex_ai" if self.name == "vertex" else "gcp.gemini"

    @property
    def option_names(self) -> frozenset[str]:
        """Generation options and top-level fields, in both spellings."""
        return OPTION_NAMES

    def render_tools(self, tools: ToolSet[Any], *, strict: bool | None) -> list[JSON]:
        """One tool with all declarations, each with its full JSON Schema; made once per tool set."""
        return tools.memo("generateContent tools", lambda: [{"functionDeclarations": self._declarations(tools)}])

    def _declarations(self, tools: ToolSet[Any]) -> list[JSON]:
        names = self._names(tools).to_wire
        return [_declaration(tool, names[tool.name]) for tool in tools]

    def _names(self, tools: ToolSet[Any]) -> NameMap:
        return tools.names(self.capabilities.name_pattern, self.capabilities.max_name_length)

    def build_request(self, request: ToolRequest) -> WireRequest:
        """The body of `generateContent`.  Raises UsageError for messages and options that cannot be sent."""
        names = self._names(request.tools).to_wire
        written, system = contents.translate(request.messages, names, self.name, request.model)
        body: JSON = {"contents": written}
        if system:
            body["systemInstruction"] = {"role": "user", "parts": system}
        body["tools"] = self.render_tools(request.tools, strict=request.strict)
        body["toolConfig"] = {"functionCallingConfig": _calling(request.tool_choice, request.strict, names)}
        body |= options_to_body(request.options, self.name)
        return WireRequest(request.model, merge_extra_body(body, extra_to_body(request.extra_body), adapter=self.name))

    def parse_response(self, body: Mapping[str, Any]) -> Turn:
        """What one answer says; see `toolfan_vertex.parsing`."""
        return parsing.parse_response(body, adapter=self.name)

    def stream_parser(self) -> StreamParser:
        """A parser for the chunks of one streamed answer; see `ContentStreamParser`."""
        return ContentStreamParser(self.name, needs_end=self.needs_end)

    def configured(self, settings: BaseModel) -> GenerateContentAdapter:
        """The adapter as a profile wants it."""
        return replace(self, needs_end=getattr(settings, "needs_end", self.needs_end))

    def ends_in_call(self, turn: Turn) -> bool:
        """Whether a limit of tokens may have cut the last call: it has no `args` then, as if it took none."""
        return turn.replay is not None and parsing.ends_in_call(turn.replay["parts"])

    def goes_back(self, turn: Turn, *, nudged: bool) -> bool:
        """Whether a turn without calls and text says something: an image, or what the service's own tools did."""
        return turn.replay is not None and parsing.shows_something(turn.replay["parts"])

    def build_answer(self, turn: Turn, answers: Sequence[Answer]) -> list[Message]:
        """The model's own content, untouched, and one content with an answer for every call, in call order."""
        from .answering import answer_turn  # loaded, as what is for further rounds, when there is one

        return answer_turn(turn, answers, self.name)

    def connect(self, settings: BaseModel, *, use_async: bool) -> object:
        """A google-genai client; see `toolfan_vertex.connecting`."""
        from .connecting import connect

        return connect(self.name, settings, use_async=use_async)

    def key_variables(self, settings: BaseModel) -> tuple[str, ...]:
        """The variables that a key is taken from, for `toolfan doctor`."""
        from .connecting import key_variables

        return key_variables(settings)

    def key_remarks(self, settings: BaseModel) -> tuple[str, ...]:
        """What can be said of Google's own credentials without asking anyone, for `toolfan doctor`."""
        from .credentials import remarks

        return remarks(settings)

    def transport(self, client: object, *, use_async: bool) -> Transport | AsyncTransport:
        """A sender over a google.genai.Client or a GenerativeModel.

        Raises UsageError for another object, ConfigError for a key that cannot be sent.
        """
        from .connecting import check_client
        from .transport import transport_for

        check_client(client, self.name)
        return transport_for(self.name, client, use_async=use_async)


def _declaration(tool: Tool[Any], name: str) -> JSON:
    about = {"description": tool.description} if tool.description else {}
    return {"name": name, **about, "parametersJsonSchema": tool.schema}


def _calling(choice: ToolChoice, strict: bool | None, names: Mapping[str, str]) -> JSON:
    # VALIDATED is AUTO that keeps to the schemas; ANY does so by itself (function calling guide of the Gemini API).
    # Of the modes that force no call it alone heeds allowedFunctionNames.
    chosen = choice.tools is not None
    calling: JSON = {"mode": "VALIDATED" if choice.mode == "auto" and (strict or chosen) else _MODES[choice.mode]}
    if choice.tools is not None:
        calling["allowedFunctionNames"] = [names[name] for name in choice.tools]
    return calling


VERTEX = GenerateContentAdapter("vertex", VertexSettings)
GEMINI = GenerateContentAdapter("gemini", GeminiSettings)
