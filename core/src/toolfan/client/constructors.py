"""How a client comes to be: from the vendor's own, or from configuration.

Knows: the registry, profiles, bindings.  Must not know: any provider; how a request is prepared or sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from ..drivers.binding import Binding, is_maker
from ..drivers.retries import Retries
from ..errors import AdapterNotFound, ToolfanError, UsageError
from ..overloads import overload

if TYPE_CHECKING:
    from collections.abc import Mapping

    import openai

    from ..adapter import ParallelToolsAdapter
    from ..config.targets import Connection
    from ..secrets.held import Secrets
    from .async_client import AsyncClient
    from .modes import Mode as Mode
    from .sync_client import Client

Adapter: TypeAlias = "str | ParallelToolsAdapter | None"
Stop: TypeAlias = Callable[[Any], bool] | None
Wait: TypeAlias = Callable[[Any], float] | None


def _wrapped(given: object, adapter: Adapter, model: str | None, retries: Retries, *, use_async: bool | None) -> Any:
    """A client over the vendor's, or over a function that makes it; `use_async` None: as the vendor's is."""
    if is_maker(given):
        return _made(cast("Callable[[], object]", given), adapter, model, retries, use_async=use_async)
    try:
        return _over(given, adapter, model, retries, use_async=use_async)
    except (AdapterNotFound, UsageError):
        if not callable(given):
            raise
        from ..drivers.makers import maker_in  # what a client is, its adapter knows: it is asked first

        if (maker := maker_in(given)) is None:
            raise
    return _made(maker, adapter, model, retries, use_async=use_async)


def _made(
    function: Callable[[], object], adapter: Adapter, model: str | None, retries: Retries, *, use_async: bool | None
) -> Any:
    from ..drivers.makers import Maker

    maker = Maker(function)
    return _over(maker(), adapter, model, retries, use_async=use_async, maker=maker)


def _over(
    sdk_client: object,
    adapter: Adapter,
    model: str | None,
    retries: Retries,
    *,
    use_async: bool | None,
    maker: Callable[[], object] | None = None,
) -> Any:
    from ..registry.loading import load_adapter

    if use_async is None:
        # Not by its methods: proxies of wrapt have those of both kinds.
        use_async = any(base.__name__ == "AsyncOpenAI" for base in sdk_client.__class__.__mro__)
    codec = adapter if adapter and not isinstance(adapter, str) else None
    if codec is not None:
        from ..registry.admission import check_given

        check_given(codec)
    else:
        codec = load_adapter(cast("str | None", adapter) or _name_for(sdk_client))
    try:
        codec = _serving(codec, sdk_client)
        binding = Binding(codec, sdk_client, use_async=use_async, maker=maker)
    except (AttributeError, TypeError, UsageError):
        from ..mocks import check_not_mocked

        check_not_mocked(sdk_client, adapter=codec.name)
        raise
    return _kind(use_async=use_async)(codec, binding, retries=retries, defaults={"model": model})


def _kind(*, use_async: bool) -> type[Client | AsyncClient]:
    """The class of the client; the other one is not loaded."""
    if use_async:
        from .async_client import AsyncClient

        return AsyncClient
    from .sync_client import Client

    return Client


def _name_for(sdk_client: object) -> str:
    from ..registry.listing import adapter_for_client  # not for `from_openai`, which names its adapter

    return adapter_for_client(sdk_client)


def wrap(
    sdk_client: object,
    *,
    adapter: Adapter = None,
    model: str | None = None,
    stop: Stop = None,
    wait: Wait = None,
) -> Client:
    """A client over the vendor's sync client that you have; the installed adapter that serves it is found.

    In place of the vendor's client, a function that makes one may be passed: it is called for each process (and event
    loop) that uses the client.  `adapter` names one, or is one; `model` is the default for every call.  `stop` and
    `wait` are tenacity's and replace the defaults of the retries: three tries of each request, full jitter.  Raises
    AdapterNotFound if no installed adapter serves it, UsageError for an async client.
    """
    return cast("Client", _wrapped(sdk_client, adapter, model, Retries(stop, wait), use_async=False))


def wrap_async(
    sdk_client: object,
    *,
    adapter: Adapter = None,
    model: str | None = None,
    stop: Stop = None,
    wait: Wait = None,
) -> AsyncClient:
    """`wrap` for the vendor's async client."""
    return cast("AsyncClient", _wrapped(sdk_client, adapter, model, Retries(stop, wait), use_async=True))


def _check_mode(mode: object, own: str) -> None:
    if mode is not None and getattr(mode, "name", None) not in ("PARALLEL_TOOLS", "VERTEXAI_PARALLEL_TOOLS"):
        raise UsageError(f"mode is {mode!r}", hint=f"Leave it out, or pass toolfan.Mode.{own}.")


@overload
def from_openai(
    sdk_client: openai.OpenAI | Callable[[], openai.OpenAI],
    mode: Mode | None = None,
    *,
    model: str | None = None,
    stop: Stop = None,
    wait: Wait = None,
) -> Client: ...
@overload
def from_openai(
    sdk_client: openai.AsyncOpenAI | Callable[[], openai.AsyncOpenAI],
    mode: Mode | None = None,
    *,
    model: str | None = None,
    stop: Stop = None,
    wait: Wait = None,
) -> AsyncClient: ...
def from_openai(
    sdk_client: Any, mode: Mode | None = None, *, model: str | None = None, stop: Stop = None, wait: Wait = None
) -> Client | AsyncClient:
    """A client over an `OpenAI` or `AzureOpenAI`, an async one over their async twins; see `wrap`."""
    _check_mode(mode, "PARALLEL_TOOLS")
    return cast("Client | AsyncClient", _wrapped(sdk_client, "openai", model, Retries(stop, wait), use_async=None))


@overload
def from_vertexai(
    sdk_client: object,
    mode: Mode | None = None,
    *,
    model: str | None = None,
    use_async: Literal[False] = False,
    stop: Stop = None,
    wait: Wait = None,
) -> Client: ...
@overload
def from_vertexai(
    sdk_client: object,
    mode: Mode | None = None,
    *,
    model: str | None = None,
    use_async: Literal[True],
    stop: Stop = None,
    wait: Wait = None,
) -> AsyncClient: ...
def from_vertexai(
    sdk_client: object,
    mode: Mode | None = None,
    *,
    model: str | None = None,
    use_async: bool = False,
    stop: Stop = None,
    wait: Wait = None,
) -> Client | AsyncClient:
    """A client over a `GenerativeModel` or a `google.genai.Client(vertexai=True)`; `use_async` makes an async one.

    See `wrap` for the other arguments.
    """
    _check_mode(mode, "VERTEXAI_PARALLEL_TOOLS")
    retries = Retries(stop, wait)
    return cast("Client | AsyncClient", _wrapped(sdk_client, "vertex", model, retries, use_async=use_async))


def _serving(adapter: ParallelToolsAdapter, sdk_client: object) -> ParallelToolsAdapter:
    serving = getattr(adapter, "serving", None)
    return adapter if serving is None else cast("ParallelToolsAdapter", serving(sdk_client))


def maker_of(found: Connection, secrets: Secrets, *, use_async: bool) -> Callable[[], object]:
    """What makes the vendor's clients of this connection; its errors are toolfan's, and show none of its `secrets`."""

    def maker() -> object:
        try:
            return found.adapter.connect(found.settings, use_async=use_async)
        except ToolfanError as exc:
            from ..secrets.known import hide

            hide(exc, secrets)
            raise
        except Exception as exc:  # noqa: BLE001 - of whatever SDK
            from ..translation.construction import raise_unmade

            raise_unmade(exc, adapter=found.adapter.name, secrets=secrets)

    return maker


def _connected(
    target: str | None,
    profile: str | None,
    model: str | None,
    retries: Retries,
    settings: Mapping[str, Any],
    *,
    use_async: bool,
) -> Any:
    from ..config.settings import secrets_in
    from ..config.targets import resolve

    found = resolve(target, profile=profile, model=model, settings=settings)
    secrets = secrets_in(found.settings)
    maker = maker_of(found, secrets, use_async=use_async)
    sdk_client = maker()
    codec = _serving(found.adapter, sdk_client)
    binding = Binding(codec, sdk_client, use_async=use_async, maker=maker, secrets=secrets)
    return _kind(use_async=use_async)(
        codec, binding, retries=retries, defaults={"model": found.model, **found.call_options}
    )


def connect(
    target: str | None = None,
    *,
    profile: str | None = None,
    model: str | None = None,
    stop: Stop = None,
    wait: Wait = None,
    **settings: Any,
) -> Client:
    """A client from configuration: `connect("openai:gpt-4o-mini")`, `connect("local")`, `connect(profile="fast")`.

    `settings` are those of the adapter (base_url, api_key_env ...) and the options of `create` that shall be its
    defaults; `stop` and `wait` are as in `wrap`.  Raises ConfigError if nothing is configured or something is wrong,
    naming file, key and line.
    """
    return cast("Client", _connected(target, profile, model, Retries(stop, wait), settings, use_async=False))


def connect_async(
    target: str | None = None,
    *,
    profile: str | None = None,
    model: str | None = None,
    stop: Stop = None,
    wait: Wait = None,
    **settings: Any,
) -> AsyncClient:
    """`connect` for an async client."""
    return cast("AsyncClient", _connected(target, profile, model, Retries(stop, wait), settings, use_async=True))
