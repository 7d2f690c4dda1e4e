"""The async client: what users hold.

Knows: how a request is prepared, driven and ended.  Must not know: any provider; wire formats.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ..conversation.asking import Wishes
from ..conversation.generator import converse
from ..drivers.whole import drive_async
from ..execution.async_runs import AsyncRuns
from ..signatures.async_create import AsyncCreate
from ..signatures.async_stream import AsyncStream
from .any_client import AnyClient, Spoken, note_unclosed, streaming

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
    from types import TracebackType
    from typing import Self

    from ..request.arguments import Prepared
    from ..results.calls_type import Calls
    from .async_streams import AsyncCallStream


class _AsyncCompletions(Spoken, AsyncCreate):
    def __init__(self, client: AsyncClient) -> None:
        self._ask = client._ask  # type: ignore[method-assign]


class _AsyncChat(Spoken):
    def __init__(self, client: AsyncClient) -> None:
        self.completions = _AsyncCompletions(client)


async def _at_once(value: Any) -> Any:
    """Awaited, gives the value."""
    return value


class AsyncClient(AnyClient, AsyncCreate, AsyncStream, AsyncRuns):
    """`Client`, awaited."""

    # No coroutines of their own around the driver's, here and below: each holds its frame while it waits.
    def _ask(
        self, messages: Any, response_model: Any, tools: Any, options: Mapping[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        prepared = self._prepare(messages, response_model, tools, options)
        return _at_once(self._streamed(prepared)) if prepared.request.stream else self._whole(prepared)

    def _whole(self, prepared: Prepared) -> Coroutine[Any, Any, Calls[Any]]:
        transport = self._transport()
        secrets = partial(self._binding.secrets, transport, prepared)
        conversation = converse(self.adapter, prepared.request, prepared.policy, self._retries, secrets=secrets)
        return drive_async(conversation, transport, prepared, adapter=self.adapter.name)

    def _transport(self) -> Any:
        transport = self._binding.transport()
        if hasattr(transport, "on_abandon"):
            transport.on_abandon = self._left.count
        return transport

    def _streamed(self, prepared: Prepared, forget: Callable[[], bool] | None = None) -> AsyncCallStream[Any]:
        from ..drivers.streamed import drive_stream_async
        from .async_streams import AsyncCallStream

        wishes = Wishes(forget=forget)

        def start() -> AsyncGenerator[Any, None]:
            self._check_open()
            transport = self._transport()
            secrets = partial(self._binding.secrets, transport, prepared)
            request, policy = prepared.request, prepared.policy
            conversation = converse(self.adapter, request, policy, self._retries, wishes=wishes, secrets=secrets)
            return drive_stream_async(conversation, transport, prepared, adapter=self.adapter.name)

        return AsyncCallStream(self.adapter, prepared.request.tools, wishes, start)

    def _open(self, messages: Any, response_model: Any, tools: Any, options: Mapping[str, Any]) -> AsyncCallStream[Any]:
        return self._streamed(self._prepare(messages, response_model, tools, streaming(options)))

    @property
    def chat(self) -> _AsyncChat:
        """`client.chat.completions.create` is `client.create`, in OpenAI's spelling."""
        return _AsyncChat(self)

    async def aclose(self) -> None:
        """Close the SDK's client if toolfan made it; one that you passed stays open."""
        if not self._closed:
            self._closed = True
            for transport in self._binding.made_here():
                await transport.close()
            await self._binding.close_those_of_ended_loops()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.aclose()
        except Exception as failed:
            if exc is None:
                raise
            note_unclosed(exc, failed)
