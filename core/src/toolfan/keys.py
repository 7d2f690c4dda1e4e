"""API keys from environment variables: whether there is one, and whether a header can carry it, or another setting.

Knows: environment variables, what HTTP headers may hold.  Must not know: which variable a provider takes, SDKs.
"""

from __future__ import annotations

import os
from typing import Annotated, TypeAlias

from pydantic import AfterValidator

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
    if _can_be_sent(key):
        return
    del key
    raise ConfigError(
        f"the key in {where} has a line break, a blank at an end or a character that no header can carry",
        adapter=adapter,
        hint="Copy the key again, without what surrounds it.",
    )


def header_text(text: str) -> str:
    """`text`, if an HTTP header can carry it.  Raises ValueError, which does not show it."""
    if not _can_be_sent(text):
        raise ValueError("it has a line break, a blank at an end or a character that no header can carry")
    return text


HeaderText: TypeAlias = Annotated[str, AfterValidator(header_text)]
"""What is sent in a header, as the type of a setting: the name of an organization, a project, a region."""


def _can_be_sent(text: str) -> bool:
    return text.isascii() and text.isprintable() and text == text.strip()
