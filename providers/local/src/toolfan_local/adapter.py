"""The adapter `local` as a codec: the smallest whole example of one.

The wire form is its own, and plain.  A request:

    {"model": "toolfan-local",
     "messages": [{"role": "user", "text": "..."},                    or "system", and for what was said before:
                  {"role": "model", "text": "...", "calls": [{"id": "...", "name": "...", "arguments": {...}}]},
                  {"role": "result", "id": "...", "name": "...", "content": ..., "is_error": false}],
     "tools": [{"name": "...", "description": "...", "schema": {...}}],
     "choice": {"mode": "auto"},                                       or with "tools": ["..."], a subset
     "limit": 3}                                                       left out: any number of calls

and its answer:

    {"id": "...", "model": "...", "calls": [...], "text": "..." or null, "stop": "calls",
     "usage": {"input": 12, "output": 34}}

A stream is the same answer in events.  Each has some of its fields: `text` is the next piece of the text, `calls` are
the next calls, each whole; the last one has "end": true.

    {"id": "...", "model": "..."}
    {"text": "Let me "}
    {"text": "look."}
    {"calls": [{"id": "...", "name": "...", "arguments": {...}}]}
    {"calls": [...]}
    {"stop": "calls", "usage": {"input": 12, "output": 34}, "end": true}

Knows: this form.  Must not know: the planner, the script, time, threads; importing this imports none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
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
from toolfan.results.answering import check_answers, with_ids
from toolfan.wire import merge_extra_body, sendable

from .parsing import parse_answer
from .settings import LocalSettings
from .stream_parsing import AnswerParser
from .wording import to_wire_messages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel
    from toolfan.tools.toolset import NameMap, ToolSet

DEFAULT_MODEL = "toolfan-local"

# What is False here is refused before anything is asked.  The planner reads texts, never images; it fills in what the
# text says and does not promise that a schema holds; a script may say anything.
CAPABILITIES = Capabilities(
    streaming=True,
    parallel_switch=True,
    tool_choice_required=True,
    tool_choice_subset=True,
    strict_schemas=False,
    system_messages=True,  # carried; the planner plans from the last user message alone
    images=False,
    call_ids=True,
    max_tools=None,
    max_name_length=256,
    name_pattern=r"(?s:.+)",
    batch=False,
)


@dataclass(frozen=True)
class LocalAdapter:
    """The adapter `local`: answers in this process, by rules or from a script, never from a language model."""

    name: str = "local"
    api: int = ADAPTER_API
    capabilities: Capabilities = CAPABILITIES
    settings_model: type[BaseModel] = LocalSettings
    option_names: frozenset[str] = frozenset()

    def render_tools(self, tools: ToolSet[Any], *, strict: bool | None) -> list[JSON]:
        """`tools` of the request; made once per tool set."""
        return tools.memo((self.name, "tools"), lambda: self._render(tools))

    def _render(self, tools: ToolSet[Any]) -> list[JSON]:
        to_wire = self._names(tools).to_wire
        return [{"name": to_wire[tool.name], "description": tool.description, "schema": tool.schema} for tool in tools]

    def _names(self, tools: ToolSet[Any]) -> NameMap:
        return tools.names(self.capabilities.name_pattern, self.capabilities.max_name_length)

    def build_request(self, request: ToolRequest) -> WireRequest:
        """The request in the form above.  Raises UsageError for what is no message, Unsupported for what is no text."""
        to_wire = self._names(request.tools).to_wire
        choice: JSON = {"mode": request.tool_choice.mode}
        if request.tool_choice.tools is not None:
            choice["tools"] = [to_wire[name] for name in request.tool_choice.tools]
        body: JSON = {
            "model": request.model or DEFAULT_MODEL,
            "messages": to_wire_messages(request.messages, to_wire, adapter=self.name),
            "tools": self.render_tools(request.tools, strict=request.strict),
            "choice": choice,
        }
        if request.parallel is not True:
            body["limit"] = int(request.parallel) or 1  # False: one at most
        return WireRequest(request.model, merge_extra_body(body, request.extra_body, adapter=self.name))

    def parse_response(self, body: Mapping[str, Any]) -> Turn:
        """The turn in an answer.  Raises BadResponse for another shape, or the error that the body holds."""
        return parse_answer(body, adapter=self.name)

    def stream_parser(self) -> StreamParser:
        """A parser of one stream."""
        return AnswerParser(self.name)

    def build_answer(self, turn: Turn, answers: Sequence[Answer]) -> list[Message]:
        """The model's own message, under the ids that are answered, and one `result` message a call, in call order."""
        check_answers(turn, answers, adapter=self.name)
        said: Message = turn.replay or {"role": "model", "text": turn.text or None, "calls": []}
        calls = with_ids(said.get("calls") or (), turn.calls, "id")
        return [sendable({**said, "calls": calls} if calls else said), *map(_result, answers)]

    def connect(self, settings: BaseModel, *, use_async: bool) -> object:
        """A `LocalClient`.  Raises ConfigError for a script that cannot be used, naming the file and the place."""
        from .service import connect

        assert isinstance(settings, LocalSettings)
        return connect(settings, adapter=self.name)

    def transport(self, client: object, *, use_async: bool) -> Transport | AsyncTransport:
        """A sender that asks a `LocalClient`.  Raises UsageError for another object."""
        from .transport import make_transport

        return make_transport(client, use_async=use_async, adapter=self.name)


def _result(answer: Answer) -> Message:
    return {
        "role": "result",
        "id": answer.call.id,
        "name": answer.call.name,
        "content": answer.content,
        "is_error": answer.is_error,
    }
