"""The clients: what users hold.

Knows: how a request is prepared, driven and ended.  Must not know: any provider; wire formats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .asking import Wishes
from .async_signatures import AsyncCreate
from .conversation import converse
from .drivers import drive, drive_async
from .errors import UsageError
from .extras import hide_extras
from .request import prepare
from .runs import AsyncRuns, Runs
from .signatures import Create
from .stream_signatures import AsyncStream, Stream
from .tally import Tally

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Generator, Mapping
    from types import TracebackType
    from typing import Self

    from .adapter import ParallelToolsAdapter
    from .binding import Binding
    from .request import Prepared
    from .results import Calls
    from .retries import Retries
    from .streams import AsyncCallStream, CallStream


class _Completions(Create):
    def __init__(self, client: Client) -> None:
        self._ask = client._ask  # type: ignore[method-assign]


class _AsyncCompletions(AsyncCreate):
    def __init__(self, client: AsyncClient) -> None:
        self._ask = client._ask  # type: ignore[method-assign]


class _Chat:
    def __init__(self, client: Client) -> None:
        self.completions = _Completions(client)


class _AsyncChat:
    def __init__(self, client: AsyncClient) -> None:
        self.completions = _AsyncCompletions(client)


def _streaming(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of `stream()` as those of `create()`.  Raises UsageError for `stream=`, if it is not True."""
    hide_extras(options)
    if options.get("stream", True) is not True:
        raise UsageError(f"stream is {options['stream']!r} in stream()", hint="Leave it out, or call create().")
    return {**options, "stream": True}


class _Shared:
    """What both clients are: an adapter, the SDK's client, defaults."""

    def __init__(
        self,
        adapter: ParallelToolsAdapter,
        binding: Binding,
        *,
        retries: Retries,
        defaults: Mapping[str, Any],
    ) -> None:
        self.adapter = adapter
        self._binding = binding
        self._retries = retries
        self._defaults = {key: value for key, value in defaults.items() if value is not None or key == "deadline"}
        self._closed = False
        self._left = Tally()
        from .observers import load_observers  # lazily, as all that reads metadata

        load_observers()

    @property
    def sdk_client(self) -> Any:
        """The vendor's own client; the one made last, where there is one for each process and event loop."""
        return self._binding.sdk_client

    @property
    def abandoned(self) -> int:
        """How many requests passed their deadline, could not be ended, and are still running."""
        return self._left.number

    def __repr__(self) -> str:
        model = self._defaults.get("model")
        return f"{type(self).__name__}(adapter={self.adapter.name!r}{f', model={model!r}' if model else ''})"

    def __reduce__(self) -> tuple[Any, ...]:
        raise UsageError(
            "a client cannot be pickled: it holds connections and a key",
            adapter=self.adapter.name,
            hint="Make one in each process, from the same configuration.",
        )

    def _check_open(self) -> None:
        if self._closed:
            raise UsageError("the client is closed", adapter=self.adapter.name, hint="Make another one.")

    def _prepare(self, messages: Any, response_model: Any, tools: Any, options: Mapping[str, Any]) -> Prepared:
        hide_extras(options)
        self._check_open()
        return prepare(
            self.adapter,
            self._defaults,
            messages=messages,
            response_model=response_model,
            tools=tools,
            options=options,
        )


class Client(_Shared, Create, Stream, Runs):
    """Asks a provider for typed tool calls, blocking.  Safe to share between threads.

    Made by `connect`, `wrap`, `from_openai` and `from_vertexai`.  `adapter` is the provider's codec, `sdk_client` the
    vendor's own client.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        from .portals import Portal  # not for async clients

        self._portal = Portal()
        self._tools_portal = self._portal.tools

    def _ask(self, messages: Any, response_model: Any, tools: Any, options: Mapping[str, Any]) -> Any:
        prepared = self._prepare(messages, response_model, tools, options)
        if prepared.request.stream:
            return self._streamed(prepared)
        return self._whole(prepared)

    def _whole(self, prepared: Prepared) -> Calls[Any]:
        transport = self._binding.transport()
        conversation = converse(self.adapter, prepared.request, prepared.policy, self._retries)
        return drive(conversation, transport, prepared, adapter=self.adapter.name, on_abandon=self._left.count)

    def _streamed(self, prepared: Prepared) -> CallStream[Any]:
        from .stream_drivers import drive_stream  # what is for streams alone is loaded for those who stream
        from .streams import CallStream

        wishes = Wishes()

        def start() -> Generator[Any, None, None]:
            self._check_open()
            conversation = converse(self.adapter, prepared.request, prepared.policy, self._retries, wishes)
            transport, name = self._binding.transport(), self.adapter.name
            return drive_stream(conversation, transport, prepared, adapter=name, on_abandon=self._left.count)

        return CallStream(self.adapter, prepared.request.tools, wishes, start)

    def _open(self, messages: Any, response_model: Any, tools: Any, options: Mapping[str, Any]) -> CallStream[Any]:
        return self._streamed(self._prepare(messages, response_model, tools, _streaming(options)))

    @property
    def chat(self) -> _Chat:
        """`client.chat.completions.create` is `client.create`, in OpenAI's spelling."""
        return _Chat(self)  # made anew: one that is kept would hold the client in a cycle

    def close(self) -> None:
        """Close the SDK's client if toolfan made it; one that you passed stays open."""
        if not self._closed:
            self._closed = True
            self._portal.close()
            for transport in self._binding.made():
                transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


async def _at_once(value: Any) -> Any:
    """Awaited, gives the value."""
    return value


class AsyncClient(_Shared, AsyncCreate, AsyncStream, AsyncRuns):
    """`Client`, awaited."""

    # No coroutines of their own around the driver's, here and below: each holds its frame while it waits.
    def _ask(
        self, messages: Any, response_model: Any, tools: Any, options: Mapping[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        prepared = self._prepare(messages, response_model, tools, options)
        return _at_once(self._streamed(prepared)) if prepared.request.stream else self._whole(prepared)

    def _whole(self, prepared: Prepared) -> Coroutine[Any, Any, Calls[Any]]:
        conversation = converse(self.adapter, prepared.request, prepared.policy, self._retries)
        return drive_async(conversation, self._transport(), prepared, adapter=self.adapter.name)

    def _transport(self) -> Any:
        transport = self._binding.transport()
        if hasattr(transport, "on_abandon"):
            transport.on_abandon = self._left.count
        return transport

    def _streamed(self, prepared: Prepared) -> AsyncCallStream[Any]:
        from .stream_drivers import drive_stream_async
        from .streams import AsyncCallStream

        wishes = Wishes()

        def start() -> AsyncGenerator[Any, None]:
            self._check_open()
            conversation = converse(self.adapter, prepared.request, prepared.policy, self._retries, wishes)
            return drive_stream_async(conversation, self._transport(), prepared, adapter=self.adapter.name)

        return AsyncCallStream(self.adapter, prepared.request.tools, wishes, start)

    def _open(self, messages: Any, response_model: Any, tools: Any, options: Mapping[str, Any]) -> AsyncCallStream[Any]:
        return self._streamed(self._prepare(messages, response_model, tools, _streaming(options)))

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

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
