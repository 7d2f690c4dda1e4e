"""The adapter `acme`.

A request:

    {"engine": "acme-1",
     "turns": [{"who": "human", "says": "..."}, {"who": "tool", "ref": "r1", "gave": ..., "ok": true}],
     "tools": [{"name": "...", "about": "...", "takes": {...}}], "mode": "may", "only": [...], "one_at_a_time": true}
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict
from toolfan.adapter import ADAPTER_API, Answer, Capabilities, ToolRequest, Turn, WireRequest
from toolfan.errors import (
    AdapterNotInstalled,
    ConfigError,
    ToolDefinitionError,
    Unsupported,
    UsageError,
)
from toolfan.messages.parts import CallPart, ResultPart, TextPart, read_messages
from toolfan.schema.strict import to_strict
from toolfan.wire import encode_json, merge_extra_body, sendable

from .reading import AcmeParser, parse
from .sending import AcmeAsyncTransport, AcmeTransport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolfan.adapter import JSON, Message
    from toolfan.tools.toolset import ToolSet

WHO = {"system": "boss", "developer": "boss", "user": "human", "assistant": "robot"}
MODES = {"auto": "may", "required": "must", "none": "never"}

CAPABILITIES = Capabilities(
    streaming=True,
    parallel_switch=True,
    tool_choice_required=True,
    tool_choice_subset=True,
    strict_schemas=True,
    system_messages=True,
    images=False,
    call_ids=True,
    max_tools=None,
    max_name_length=40,
    name_pattern=r"[A-Za-z0-9_]+",
    batch=False,
)


class AcmeSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    api_key_env: str = "ACME_KEY"
    base_url: str = "http://127.0.0.1:9"


@dataclass(frozen=True)
class AcmeAdapter:
    name: str = "acme"
    api: int = ADAPTER_API
    capabilities: Capabilities = CAPABILITIES
    settings_model: type[BaseModel] = AcmeSettings
    option_names: frozenset[str] = frozenset({"heat", "seed"})

    def wire_names(self, tools: ToolSet[Any]) -> Mapping[str, str]:
        return tools.names(self.capabilities.name_pattern, self.capabilities.max_name_length).to_wire

    def wire_name(self, tools: ToolSet[Any], name: str) -> str:
        return self.wire_names(tools)[name]

    def render_tools(self, tools: ToolSet[Any], *, strict: bool | None) -> list[JSON]:
        return tools.memo((self.name, type(self), "tools", strict), lambda: self.render(tools, strict))

    def render(self, tools: ToolSet[Any], strict: bool | None) -> list[JSON]:
        return [
            {
                "name": self.wire_name(tools, tool.name),
                "about": tool.description,
                "takes": self.strictly(tool) if strict else tool.schema,
            }
            for tool in tools
        ]

    def strictly(self, tool: Any) -> JSON:
        try:
            return to_strict(tool.schema)
        except ToolDefinitionError as exc:
            exc.adapter, exc.tool = self.name, tool.name
            raise

    def build_request(self, request: ToolRequest) -> WireRequest:
        if not request.model:
            raise UsageError("no engine is named", adapter=self.name)
        tools = self.render_tools(request.tools, strict=request.strict)
        body: JSON = {"engine": request.model, "turns": self.turns(request.messages, request.tools), "tools": tools}
        body["mode"] = MODES[request.tool_choice.mode]
        if request.tool_choice.tools is not None:
            body["only"] = [self.wire_name(request.tools, name) for name in request.tool_choice.tools]
        if request.parallel is not True and request.parallel <= 1:
            body["one_at_a_time"] = True
        if request.stream:
            body["in_pieces"] = True
        body.update(request.options)
        body = merge_extra_body(self.shaped(body), request.extra_body, adapter=self.name)
        return WireRequest(request.model, body, encode_json(tools) if body["tools"] is tools else None)

    def shaped(self, body: JSON) -> JSON:
        return body

    def turns(self, messages: Sequence[Message], tools: ToolSet[Any]) -> list[Message]:
        """Acme's own turns as they are, chat-style messages translated."""
        written: list[Message] = []
        wire = self.wire_names(tools)
        chat = [message if "who" not in message else {"role": "user", "content": "own"} for message in messages]
        for message, parsed in zip(messages, read_messages(chat), strict=True):
            if "who" in message:
                written.append(message)
                continue
            says = "".join(part.text for part in parsed.parts if isinstance(part, TextPart))
            does = [
                {"ref": part.id, "does": wire.get(part.name, part.name), "with": part.arguments}
                for part in parsed.parts
                if isinstance(part, CallPart)
            ]
            results = [part for part in parsed.parts if isinstance(part, ResultPart)]
            if not all(isinstance(part, TextPart | CallPart | ResultPart) for part in parsed.parts):
                raise Unsupported("Acme reads texts only", adapter=self.name)
            if results:
                written += [{"who": "tool", "ref": r.call_id, "gave": r.content, "ok": True} for r in results]
            else:
                written.append({"who": WHO[parsed.role], "says": says} | ({"does": does} if does else {}))
        return written

    def parse_response(self, body: Mapping[str, Any]) -> Turn:
        return parse(body, self.name)

    def stream_parser(self) -> AcmeParser:
        return AcmeParser(self.name)

    def build_answer(self, turn: Turn, answers: Sequence[Answer]) -> list[Message]:
        self.check(turn, answers)
        told = [
            {"who": "tool", "ref": answer.call.id, "gave": answer.content, "ok": not answer.is_error}
            for answer in answers
        ]
        return [self.own(turn), *told]

    def check(self, turn: Turn, answers: Sequence[Answer]) -> None:
        if [answer.call.id for answer in answers] != [call.id for call in turn.calls]:
            raise UsageError("the answers do not fit the calls", adapter=self.name)

    def own(self, turn: Turn) -> Message:
        """The robot's turn; a ref that is missing or repeated is the one that toolfan gave."""
        reply = turn.replay
        for at, call in enumerate(turn.calls):
            if call.id != call.provider_id:
                does = list(reply["does"])
                does[at] = {**(does[at] if isinstance(does[at], dict) else {}), "ref": call.id}
                reply = {**reply, "does": does}
        return {**sendable(reply), "who": "robot"} if reply.get("who") != "robot" else sendable(reply)

    def connect(self, settings: BaseModel, *, use_async: bool) -> object:
        assert isinstance(settings, AcmeSettings)
        try:
            import acme_sdk
        except ImportError as exc:
            raise AdapterNotInstalled("acme_sdk is missing", adapter="acme", hint="Run: pip install acme.") from exc
        key = os.environ.get(settings.api_key_env)
        if not key:
            raise ConfigError(f"the environment variable {settings.api_key_env} is not set", adapter=self.name)
        return acme_sdk.AcmeClient(key, settings.base_url)

    def transport(self, client: object, *, use_async: bool) -> Any:
        if type(client).__module__ != "acme_sdk":
            raise UsageError(f"{type(client).__name__} is no client of Acme's", adapter=self.name)
        sender = self.sender(client)
        return AcmeAsyncTransport(sender) if use_async else sender

    def sender(self, client: Any) -> AcmeTransport:
        return AcmeTransport(client)
