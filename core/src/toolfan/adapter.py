"""The adapter protocol: what a provider package implements and what it is given.

An adapter is a codec, pure functions from plain data to plain data; a transport is a thin sender over the vendor's
client.  Here are the values; `protocols` has the methods.  Changing anything in either raises `ADAPTER_API`.

Knows: the contract.  Must not know: any provider, how requests are retried, how calls are validated.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal

from .calls import JSON, Answer, RawCall, Turn
from .messages.chat import Message
from .moved import moved
from .values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .protocols import AsyncTransport, ParallelToolsAdapter, StreamParser, Transport
    from .tools.toolset import ToolSet

__all__ = [
    "ADAPTER_API",
    "JSON",
    "Answer",
    "AsyncTransport",
    "Capabilities",
    "Message",
    "ParallelToolsAdapter",
    "RawCall",
    "StreamParser",
    "ToolChoice",
    "ToolRequest",
    "Transport",
    "Turn",
    "WireRequest",
    "WireResponse",
]

ADAPTER_API = 1
ADAPTER_VALUES = frozenset({"name", "api", "capabilities", "settings_model", "option_names"})
ADAPTER_METHODS = frozenset(
    {"build_answer", "build_request", "connect", "parse_response", "render_tools", "stream_parser", "transport"}
)
"""The members of a `ParallelToolsAdapter`, told without loading it."""


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Whether the model may, must or must not call, and which tools it may choose from.

    `tools` holds tool names as the user knows them; None means all of them.  A subset comes with the mode "required"
    (one of these must be called) or "auto" (none but these may be called), never with "none".  An adapter whose
    provider cannot say the latter raises Unsupported: it is never sent as a demand.
    """

    mode: Literal["auto", "required", "none"] = "auto"
    tools: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """One request, provider-neutral.

    `parallel` is True (as many calls as the model likes), False (one at most) or the largest number of calls.
    `options` are the provider's own, checked by name; `extra_body` goes out unchecked but never replaces what toolfan
    sets (see `toolfan.wire.merge_extra_body`).
    """

    model: str | None
    messages: tuple[Message, ...]
    tools: ToolSet[Any]
    tool_choice: ToolChoice = ToolChoice()
    parallel: bool | int = True
    strict: bool | None = None
    stream: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    extra_body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WireRequest:
    """What goes on the wire, nothing else.

    `body` is complete.  `tools_json`, where present, is the JSON of `body["tools"]`, serialised once per tool set, for
    transports that send bytes.
    """

    model: str | None
    body: JSON
    tools_json: bytes | None = None


@dataclass(frozen=True, slots=True)
class WireResponse:
    """What came back: the decoded body, the provider's request id, and headers with lower-case names."""

    body: JSON
    request_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the provider can do.  What is denied here is refused with `Unsupported` before a request is sent.

    `tool_choice_subset` may be a number: the most tools that a choice can name, 1 where a single one can be demanded.
    `max_name_length` is in characters, `name_pattern` a regular expression that a whole tool name must match.
    """

    streaming: bool
    parallel_switch: bool
    tool_choice_required: bool
    tool_choice_subset: bool | int
    strict_schemas: bool
    system_messages: bool
    images: bool
    call_ids: bool
    max_tools: int | None
    max_name_length: int
    name_pattern: str
    batch: bool


if not TYPE_CHECKING:
    __getattr__, __dir__ = moved(__name__, {"protocols": "AsyncTransport ParallelToolsAdapter StreamParser Transport"})
