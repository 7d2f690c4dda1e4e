"""Showing a setting in a message without showing a secret.

Knows: what names and values of secrets look like.  Must not know: which settings exist.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_SECRET_NAME = re.compile(
    r"(^|[_-])(api[_-]?key|keys?|token|secrets?|password|passwd|credentials?|auth|authorization|cookie|bearer)($|[_-])"
)
_SECRET_VALUE = re.compile(r"(sk-|pk-|rk-|AIza|ya29\.|gh[opusr]_|xox|eyJ|-----BEGIN|(bearer|basic)\s)", re.IGNORECASE)
_URL_LOGIN = re.compile(r"(?<=//)[^/@\s]+(?=@)")
_URL_SECRET = re.compile(r"(?i)(?<=[?&])([^=&#]*(?:key|token|secret|password)[^=&#]*)=[^&#\s]*")
_LONGEST = 80

HIDDEN = "(value not shown)"


def looks_secret(name: str) -> bool:
    """Whether a setting of this name holds, or names the place of, a secret."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return _SECRET_NAME.search(snake) is not None


def shown(value: Any, path: Iterable[str | int]) -> str:
    """`value` as it may stand in a message; `path` are the names that lead to it."""
    if any(isinstance(name, str) and looks_secret(name) for name in path):
        return HIDDEN
    if isinstance(value, str):
        if _SECRET_VALUE.match(value.strip()):
            return HIDDEN
        value = _URL_SECRET.sub(r"\1=***", _URL_LOGIN.sub("***", value))
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple | set | frozenset):
        return "a list"
    text = repr(value) if isinstance(value, str | int | float | None) else f"a value of type {type(value).__name__}"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def without_secrets(text: str, values: Mapping[str, Any]) -> str:
    """`text`, in which the secrets among `values` are blotted out, should someone else have put them there."""
    for name, value in values.items():
        secret = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        if isinstance(secret, str) and secret and (looks_secret(name) or _SECRET_VALUE.match(secret.strip())):
            text = text.replace(secret, "***")
    return text
