"""The SDK's client from settings: the only place of this package that makes one.

Knows: the SDK's constructors, environment variables.  Must not know: requests and answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan.addresses import check_variable
from toolfan.drivers.sockets import end_at_the_deadline
from toolfan.errors import AdapterNotInstalled
from toolfan.keys import header_text, key_from

if TYPE_CHECKING:
    from .settings import EndpointSettings

_SENT_BY_THE_SDK = {"organization": "OPENAI_ORG_ID", "project": "OPENAI_PROJECT_ID"}


def connect(settings: EndpointSettings, *, use_async: bool, adapter: str = "openai") -> object:
    """An `OpenAI`, `AsyncOpenAI`, `AzureOpenAI` or `AsyncAzureOpenAI`, its own retries off.

    Raises ConfigError if the key is missing or cannot be a key, if OPENAI_BASE_URL is no address, or if a variable that
    the SDK reads cannot be sent; AdapterNotInstalled without the SDK.
    """
    try:
        import openai
    except ImportError as exc:
        raise AdapterNotInstalled(
            "the adapter needs the openai package", adapter=adapter, hint='Run: pip install "toolfan[openai]".'
        ) from exc
    for name, variable in _SENT_BY_THE_SDK.items():
        if getattr(settings, name) is None:
            check_variable(variable, adapter=adapter, check=header_text)
    make: Any
    if settings.azure_endpoint:
        make, arguments = openai.AsyncAzureOpenAI if use_async else openai.AzureOpenAI, _azure(settings, adapter)
    else:
        make, arguments = openai.AsyncOpenAI if use_async else openai.OpenAI, _plain(settings, adapter)
    if not use_async:
        arguments["http_client"] = openai.DefaultHttpxClient()
        end_at_the_deadline(arguments["http_client"])
    client = make(max_retries=0, organization=settings.organization, **arguments)
    return _by_key_alone(client) if settings.azure_endpoint else client


def _azure(settings: EndpointSettings, adapter: str) -> dict[str, Any]:
    return {
        "azure_endpoint": settings.azure_endpoint,
        "azure_deployment": getattr(settings, "azure_deployment", None),
        "api_version": settings.api_version,
        "api_key": key_from(key_variables(settings)[0], adapter=adapter),
        "project": settings.project,
    }


def _by_key_alone(client: Any) -> object:
    """Older versions of the SDK take a token from the environment beside the key, and send that."""
    client._azure_ad_token = None
    return client


def _plain(settings: EndpointSettings, adapter: str) -> dict[str, Any]:
    if settings.base_url is None:
        check_variable("OPENAI_BASE_URL", adapter=adapter)  # the SDK reads it
    variables = key_variables(settings)
    key = key_from(variables[0], adapter=adapter) if variables else "none"  # the SDK insists on one
    return {"base_url": settings.base_url, "api_key": key, "project": settings.project}


def key_variables(settings: EndpointSettings) -> tuple[str, ...]:
    """The variable that the key is taken from.  A server of someone else's needs none, and must not get OpenAI's."""
    if settings.api_key_env:
        return (settings.api_key_env,)
    if settings.azure_endpoint:
        return ("AZURE_OPENAI_API_KEY",)
    return () if settings.base_url else ("OPENAI_API_KEY",)
