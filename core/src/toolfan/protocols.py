"""What a provider package implements: the methods of an adapter, of its transports, of the parser of a stream.

Types alone: a request that is sent loads none of them.

Knows: the contract.  Must not know: any provider, how requests are retried, how calls are validated.
"""

# ruff: noqa: TC001, TC002, TC003 - `typing.get_type_hints` looks here for what the methods name

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from .adapter import Capabilities, ToolRequest, WireRequest, WireResponse
from .calls import JSON, Answer, RawCall, Turn
from .messages.chat import Message
from .tools.toolset import ToolSet

__all__ = ["AsyncTransport", "ParallelToolsAdapter", "StreamParser", "Transport"]


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

    It serves several threads at once (an AsyncTransport several tasks), and each request gets its own answer.
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
