"""The adapter protocol: what a provider package implements and what it is given.

An adapter is a codec, pure functions from plain data to plain data; a transport is a thin sender over the vendor's
client.  Changing anything here raises `ADAPTER_API`.

Knows: the contract.  Must not know: any provider, how requests are retried, how calls are validated.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from .calls import JSON, Answer, RawCall, Turn
from .chat import Message
from .values import dataclass

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from pydantic import BaseModel

    from .toolset import ToolSet

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


class StreamParser(Protocol):
    """Decoded stream events to calls; one parser per response."""

    @property
    def text(self) -> str:
        """The text beside the calls so far."""
        ...

    def feed(self, event: Mapping[str, Any]) -> Sequence[RawCall]:
        """The calls that this event sealed."""
        ...

    def close(self) -> Turn:
        """The whole turn.  Raises IncompleteStream, with `.turn`, if the terminal event never came."""
        ...


class Transport(Protocol):
    """A thin sender over the vendor's client.  Every method raises ProviderError subclasses only.

    `timeout` is in seconds, what is left of the total deadline; `headers` and `query` are the user's extra ones.
    """

    def send(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> WireResponse: ...

    def stream(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> AbstractContextManager[Iterator[JSON]]: ...

    def close(self) -> None: ...


class AsyncTransport(Protocol):
    """`Transport`, awaited.

    One that runs blocking work in threads, which a deadline cannot end, may have an attribute `on_abandon`: the client
    sets it to a function to be told +1 when work is left behind, and -1 when it ends after all.
    """

    async def send(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> WireResponse: ...

    def stream(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> AbstractAsyncContextManager[AsyncIterator[JSON]]: ...

    async def close(self) -> None: ...


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


@runtime_checkable
class ParallelToolsAdapter(Protocol):
    """A provider, as a codec.  Nothing but `connect` may import the vendor's SDK."""

    @property
    def name(self) -> str: ...

    @property
    def api(self) -> int: ...

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def settings_model(self) -> type[BaseModel]:
        """What a profile may set: api_key_env, base_url, project, location ..."""
        ...

    @property
    def option_names(self) -> frozenset[str]:
        """Provider options that may pass."""
        ...

    def render_tools(self, tools: ToolSet[Any], *, strict: bool | None) -> list[JSON]:
        """The tools as the provider wants them: declared order, the same bytes every time, cached."""
        ...

    def build_request(self, request: ToolRequest) -> WireRequest:
        """The request as it goes out."""
        ...

    def parse_response(self, body: Mapping[str, Any]) -> Turn:
        """What one response says.  Raises BadResponse, or the ProviderError of an error object in the body."""
        ...

    def stream_parser(self) -> StreamParser:
        """A parser for one streamed response."""
        ...

    def build_answer(self, turn: Turn, answers: Sequence[Answer]) -> list[Message]:
        """The provider's own assistant turn, untouched, and one answer a call, in call order."""
        ...

    def connect(self, settings: BaseModel, *, use_async: bool) -> object:
        """The vendor's client.  Raises ConfigError without a key, AdapterNotInstalled without the SDK."""
        ...

    def transport(self, client: object, *, use_async: bool) -> Transport | AsyncTransport:
        """A sender over this client.  Raises UsageError if it is not one of the vendor's."""
        ...
