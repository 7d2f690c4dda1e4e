"""API keys from environment variables: whether there is one, and whether a header can carry it.

Knows: environment variables, what HTTP headers may hold.  Must not know: which variable a provider takes, SDKs.
"""

from __future__ import annotations

import os

from .errors import ConfigError


def key_from(variable: str, *, adapter: str) -> str:
    """The key in this environment variable.  Raises ConfigError if it is not set or can be no key; never shows it."""
    key = os.environ.get(variable, "")
    if not key.strip():
        raise ConfigError(
            f"no key: the environment variable {variable} is not set",
            adapter=adapter,
            hint=f"Set {variable}, or name another one with api_key_env.",
        )
    check_key(key, f"the environment variable {variable}", adapter=adapter)
    return key


def check_key(key: str, where: str, *, adapter: str) -> None:
    """Raises ConfigError if `key` cannot go into an HTTP header; never shows it."""
    if not key.isascii() or not key.isprintable() or key != key.strip():
        raise ConfigError(
            f"the key in {where} has a line break, a blank at an end or a character that no header can carry",
            adapter=adapter,
            hint="Copy the key again, without what surrounds it.",
        )
