"""The clients: what users hold.

Knows: how a request is prepared, driven and ended.  Must not know: any provider; wire formats.
"""

from __future__ import annotations

import enum
import os
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, cast, overload

from .conversation import converse
from .drivers import drive, drive_async
from .errors import UsageError
from .request import prepare
from .signatures import AsyncCreate, Create

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    import openai

    from .adapter import AsyncTransport, ParallelToolsAdapter, Transport
    from .results import Calls


class Mode(enum.Enum):
    """Accepted by `from_openai` and `from_vertexai`, so that existing code runs unchanged; it selects nothing."""

    PARALLEL_TOOLS = "parallel_tool_call"
    VERTEXAI_PARALLEL_TOOLS = "vertexai_parallel_tools"


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


class _Shared:
    """What both clients are: an adapter, the SDK's client, defaults."""

    def __init__(
        self,
        adapter: ParallelToolsAdapter,
        sdk_client: object,
        transport: Transport | AsyncTransport,
        *,
        owned: bool,
        defaults: Mapping[str, Any],
    ) -> None:
        self.adapter = adapter
        self.sdk_client = sdk_client
        self._transport: Any = transport
        self._owned = owned
        self._defaults = {key: value for key, value in defaults.items() if value is not None or key == "deadline"}
        self._closed = False
        self._process: int | None = None

    def __repr__(self) -> str:
        model = self._defaults.get("model")
        return f"{type(self).__name__}(adapter={self.adapter.name!r}{f', model={model!r}' if model else ''})"

    def __reduce__(self) -> tuple[Any, ...]:
        raise UsageError(
            "a client cannot be pickled: it holds connections and a key",
            adapter=self.adapter.name,
            hint="Make one in each process, from the same configuration.",
        )

    def _prepare(self, messages: Any, response_model: Any, tools: Any, options: Mapping[str, Any]) -> Any:
        if self._closed:
            raise UsageError("the client is closed", adapter=self.adapter.name, hint="Make another one.")
        if self._process != os.getpid():
            if self._process is not None:  # its connections are shared: answers would reach the wrong process
                raise UsageError(
                    "the client was used before this process was forked",
                    adapter=self.adapter.name,
                    hint="Make a client in each process.",
                )
            self._process = os.getpid()
        return prepare(
            self.adapter,
            self._defaults,
            messages=messages,
            response_model=response_model,
            tools=tools,
            options=options,
        )


class Client(_Shared, Create):
    """Asks a provider for typed tool calls, blocking.  Safe to share between threads.

    Made by `connect`, `wrap`, `from_openai` and `from_vertexai`.  `adapter` is the provider's codec, `sdk_client` the
    vendor's own client.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._lock = Lock()
        self._abandoned = 0

    def _ask(self, messages: Any, response_model: Any, tools: Any, options: Mapping[str, Any]) -> Calls[Any]:
        prepared = self._prepare(messages, response_model, tools, options)
        conversation = converse(self.adapter, prepared.request, prepared.policy)
        return drive(
            conversation, self._transport, prepared, adapter=self.adapter.name, on_abandon=self._count_abandoned
        )

    @property
    def chat(self) -> _Chat:
        """`client.chat.completions.create` is `client.create`, in OpenAI's spelling."""
        return _Chat(self)  # made anew: one that is kept would hold the client in a cycle

    @property
    def abandoned(self) -> int:
        """How many requests passed their deadline, could not be ended, and are still running."""
        return self._abandoned

    def _count_abandoned(self, change: int) -> None:
        with self._lock:
            self._abandoned += change

    def close(self) -> None:
        """Close the SDK's client if toolfan made it; one that you passed stays open."""
        if not self._closed:
            self._closed = True
            if self._owned:
                self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Shared, AsyncCreate):
    """`Client`, awaited."""

    async def _ask(self, messages: Any, response_model: Any, tools: Any, options: Mapping[str, Any]) -> Calls[Any]:
        prepared = self._prepare(messages, response_model, tools, options)
        conversation = converse(self.adapter, prepared.request, prepared.policy)
        return await drive_async(conversation, self._transport, prepared, adapter=self.adapter.name)

    @property
    def chat(self) -> _AsyncChat:
        """`client.chat.completions.create` is `client.create`, in OpenAI's spelling."""
        return _AsyncChat(self)

    async def aclose(self) -> None:
        """Close the SDK's client if toolfan made it; one that you passed stays open."""
        if not self._closed:
            self._closed = True
            if self._owned:
                await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _wrapped(sdk_client: object, adapter: str | None, model: str | None, *, use_async: bool) -> Any:
    from .registry import adapter_for_client, load_adapter

    codec = load_adapter(adapter or adapter_for_client(sdk_client))
    transport = codec.transport(sdk_client, use_async=use_async)
    kind = AsyncClient if use_async else Client
    return kind(codec, sdk_client, transport, owned=False, defaults={"model": model})


def wrap(sdk_client: object, *, adapter: str | None = None, model: str | None = None) -> Client:
    """A client over the vendor's sync client that you have; the installed adapter that serves it is found.

    `adapter` names one, `model` is the default for every call.  Raises AdapterNotFound if no installed adapter serves
    it, UsageError for an async client.
    """
    return cast("Client", _wrapped(sdk_client, adapter, model, use_async=False))


def wrap_async(sdk_client: object, *, adapter: str | None = None, model: str | None = None) -> AsyncClient:
    """`wrap` for the vendor's async client."""
    return cast("AsyncClient", _wrapped(sdk_client, adapter, model, use_async=True))


def _check_mode(mode: object, accepted: str) -> None:
    if mode is not None and getattr(mode, "name", None) != accepted:
        raise UsageError(f"mode is {mode!r}", hint=f"Leave it out, or pass toolfan.Mode.{accepted}.")


@overload
def from_openai(sdk_client: openai.OpenAI, mode: Mode | None = None, *, model: str | None = None) -> Client: ...
@overload
def from_openai(
    sdk_client: openai.AsyncOpenAI, mode: Mode | None = None, *, model: str | None = None
) -> AsyncClient: ...
def from_openai(sdk_client: Any, mode: Mode | None = None, *, model: str | None = None) -> Client | AsyncClient:
    """A client over an `OpenAI` or `AzureOpenAI`, an async one over their async twins."""
    _check_mode(mode, "PARALLEL_TOOLS")
    return cast(
        "Client | AsyncClient",
        _wrapped(sdk_client, "openai", model, use_async=hasattr(sdk_client, "__aenter__")),
    )


@overload
def from_vertexai(
    sdk_client: object, mode: Mode | None = None, *, model: str | None = None, use_async: Literal[False] = False
) -> Client: ...
@overload
def from_vertexai(
    sdk_client: object, mode: Mode | None = None, *, model: str | None = None, use_async: Literal[True]
) -> AsyncClient: ...
def from_vertexai(
    sdk_client: object, mode: Mode | None = None, *, model: str | None = None, use_async: bool = False
) -> Client | AsyncClient:
    """A client over a `GenerativeModel` or a `google.genai.Client(vertexai=True)`; `use_async` makes an async one."""
    _check_mode(mode, "VERTEXAI_PARALLEL_TOOLS")
    return cast("Client | AsyncClient", _wrapped(sdk_client, "vertex", model, use_async=use_async))


def _connected(
    target: str | None, profile: str | None, model: str | None, settings: Mapping[str, Any], *, use_async: bool
) -> Any:
    from .config import resolve

    found = resolve(target, profile=profile, model=model, settings=settings)
    sdk_client = found.adapter.connect(found.settings, use_async=use_async)
    transport = found.adapter.transport(sdk_client, use_async=use_async)
    kind = AsyncClient if use_async else Client
    return kind(found.adapter, sdk_client, transport, owned=True, defaults={"model": found.model, **found.call_options})


def connect(
    target: str | None = None, *, profile: str | None = None, model: str | None = None, **settings: Any
) -> Client:
    """A client from configuration: `connect("openai:gpt-4o-mini")`, `connect("local")`, `connect(profile="fast")`.

    `settings` are those of the adapter (base_url, api_key_env ...) and the options of `create` that shall be its
    defaults.  Raises ConfigError if nothing is configured or something is wrong, naming file, key and line.
    """
    return cast("Client", _connected(target, profile, model, settings, use_async=False))


def connect_async(
    target: str | None = None, *, profile: str | None = None, model: str | None = None, **settings: Any
) -> AsyncClient:
    """`connect` for an async client."""
    return cast("AsyncClient", _connected(target, profile, model, settings, use_async=True))
