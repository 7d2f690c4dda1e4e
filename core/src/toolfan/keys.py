"""API keys from environment variables: whether there is one, and whether a header can carry it.

Knows: environment variables, what HTTP headers may hold.  Must not know: which variable a provider takes, SDKs.
"""

from __future__ import annotations

import os

from .errors import ConfigError


def key_from(variable: str, *, adapter: str) -> str:
    """The key in this environment variable.  Raises ConfigError if it is not set or can be no key; never shows it."""
    if not os.environ.get(variable, "").strip():
        raise ConfigError(
            f"no key: the environment variable {variable} is not set",
            adapter=adapter,
            hint=f"Set {variable}, or name another one with api_key_env.",
        )
    # No local variable holds it: what shows a traceback may show those, too.
    check_key(os.environ[variable], f"the environment variable {variable}", adapter=adapter)
    return os.environ[variable]


def check_key(key: str, where: str, *, adapter: str) -> None:
    """Raises ConfigError if `key` cannot go into an HTTP header; never shows it."""
    if key.isascii() and key.isprintable() and key == key.strip():
        return
    del key
    raise ConfigError(
        f"the key in {where} has a line break, a blank at an end or a character that no header can carry",
        adapter=adapter,
        hint="Copy the key again, without what surrounds it.",
    )
