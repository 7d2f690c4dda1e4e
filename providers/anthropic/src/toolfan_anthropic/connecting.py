"""The SDK's client from settings: the only place of this package that makes one.

Knows: the SDK's constructors, environment variables.  Must not know: requests and answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan.addresses import check_variable
from toolfan.drivers.sockets import end_at_the_deadline
from toolfan.errors import AdapterNotInstalled
from toolfan.keys import key_from

if TYPE_CHECKING:
    from .settings import AnthropicSettings

KEY = "ANTHROPIC_API_KEY"


def connect(settings: AnthropicSettings, *, use_async: bool, adapter: str) -> object:
    """An `Anthropic` or `AsyncAnthropic`, its own retries off.

    Raises ConfigError if the key is missing or cannot be a key, or if ANTHROPIC_BASE_URL is no address;
    AdapterNotInstalled without the SDK.
    """
    try:
        import anthropic
    except ImportError as exc:
        raise AdapterNotInstalled(
            "the adapter needs the anthropic package", adapter=adapter, hint='Run: pip install "toolfan[anthropic]".'
        ) from exc
    make: Any = anthropic.AsyncAnthropic if use_async else anthropic.Anthropic
    if settings.base_url is None:
        check_variable("ANTHROPIC_BASE_URL", adapter=adapter)  # the SDK reads it
    variables = key_variables(settings)
    arguments: dict[str, Any] = {"api_key": key_from(variables[0], adapter=adapter) if variables else "none"}
    if not use_async:
        arguments["http_client"] = anthropic.DefaultHttpxClient()
        end_at_the_deadline(arguments["http_client"])
    client = make(max_retries=0, base_url=settings.base_url, **arguments)
    client.auth_token = None  # older versions of the SDK send the one of the environment beside the key
    return client


def key_variables(settings: AnthropicSettings) -> tuple[str, ...]:
    """The variable that the key is taken from.  A server of someone else's needs none, and must not get Anthropic's."""
    if settings.base_url and not settings.api_key_env:
        return ()
    return (settings.api_key_env or KEY,)
