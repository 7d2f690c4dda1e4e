"""LiteLLM as an object: it has functions and no client, and importing it tries the network.

Knows: how LiteLLM is imported, the key of a profile.  Must not know: requests and answers.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any

from toolfan.errors import AdapterNotInstalled, ConfigError

if TYPE_CHECKING:
    from .settings import LiteLLMSettings

_PRICES = "LITELLM_LOCAL_MODEL_COST_MAP"
_importing = Lock()


@dataclass(frozen=True)
class LiteLLMClient:
    """LiteLLM's `completion` and `acompletion`, with the key and the address for all requests.

    What is None LiteLLM finds itself: each vendor's own variables and address.  One serves sync and async, in every
    thread, process and event loop: LiteLLM keeps the connections.
    """

    api_key: str | None = field(default=None, repr=False)
    base_url: str | None = None
    api_version: str | None = None

    def completion(self, **arguments: Any) -> Any:
        """`litellm.completion`.  Raises AdapterNotInstalled without LiteLLM."""
        return load().completion(**self._own(), **arguments)

    async def acompletion(self, **arguments: Any) -> Any:
        """`litellm.acompletion`.  Raises AdapterNotInstalled without LiteLLM."""
        return await load().acompletion(**self._own(), **arguments)

    def _own(self) -> dict[str, str]:
        own = {"api_key": self.api_key, "api_base": self.base_url, "api_version": self.api_version}
        return {name: value for name, value in own.items() if value is not None}


def load() -> Any:
    """The module litellm, imported without a request to the network.  Raises AdapterNotInstalled without it."""
    found = sys.modules.get("litellm")
    # While another thread imports it, it is half there: then this one waits.
    if found is not None and not getattr(getattr(found, "__spec__", None), "_initializing", False):
        return found
    with _importing:
        try:
            return _imported()
        except ImportError as exc:
            raise AdapterNotInstalled(
                f"the adapter needs the litellm package, which cannot be imported ({exc})",
                adapter="litellm",
                hint='Run: pip install "toolfan[litellm]".',
            ) from exc


def _imported() -> Any:
    unset = _PRICES not in os.environ
    if unset:
        os.environ[_PRICES] = "True"
    try:
        litellm: Any = import_module("litellm")
    finally:
        if unset:
            os.environ.pop(_PRICES, None)
    litellm.suppress_debug_info = True  # else each error prints advice to the standard output
    return litellm


def connect(settings: LiteLLMSettings) -> LiteLLMClient:
    """A client for the settings.  Raises ConfigError without the key that they name, AdapterNotInstalled."""
    load()
    key = "none" if settings.base_url else None  # a vendor's own key must not go to a stranger
    if settings.api_key_env:
        key = os.environ.get(settings.api_key_env, "")
        if not key.strip() or not key.isascii() or not key.isprintable() or key != key.strip():
            state, key = "cannot be a key" if key.strip() else "is not set", ""  # tracebacks may show local variables
            raise ConfigError(
                f"no key: the environment variable {settings.api_key_env} {state}",
                adapter="litellm",
                hint=f"Set {settings.api_key_env} to the key alone, without blanks and line breaks.",
            )
    return LiteLLMClient(key, settings.base_url, settings.api_version)
