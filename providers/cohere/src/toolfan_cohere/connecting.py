"""The SDK's client from settings: the only place of this package that makes one.

Knows: the SDK's constructors, environment variables.  Must not know: requests and answers.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from toolfan.addresses import check_variable
from toolfan.errors import AdapterNotInstalled
from toolfan.keys import key_from

if TYPE_CHECKING:
    from .settings import CohereSettings

KEY_VARIABLE = "CO_API_KEY"
ADDRESS_VARIABLE = "CO_API_URL"


def connect(settings: CohereSettings, adapter: str, *, use_async: bool) -> object:
    """A `ClientV2` or `AsyncClientV2`.

    Raises ConfigError if the key is missing or cannot be a key, or if CO_API_URL is no address; AdapterNotInstalled
    without the SDK.
    """
    try:
        import cohere
    except ImportError as exc:
        raise AdapterNotInstalled(
            "the adapter needs the cohere package", adapter=adapter, hint='Run: pip install "toolfan[cohere]".'
        ) from exc
    base_url = settings.base_url
    if base_url is None:
        check_variable(ADDRESS_VARIABLE, adapter=adapter)
        base_url = os.environ.get(ADDRESS_VARIABLE)  # the SDK reads it once, when it is imported
    address: dict[str, Any] = {"base_url": base_url} if base_url else {}
    variables = key_variables(settings)
    key = key_from(variables[0], adapter=adapter) if variables else "none"  # the SDK insists on one
    client: Any = (cohere.AsyncClientV2 if use_async else cohere.ClientV2)(api_key=key, **address)
    # A followed redirect makes a GET of the request, and takes the key to another host.
    client._client_wrapper.httpx_client.httpx_client.follow_redirects = False
    return client


def key_variables(settings: CohereSettings) -> tuple[str, ...]:
    """The variable that the key is taken from.  A server of someone else's needs none, and must not get Cohere's."""
    if settings.base_url and not settings.api_key_env:
        return ()
    return (settings.api_key_env or KEY_VARIABLE,)
