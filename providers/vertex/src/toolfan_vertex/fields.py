"""Names of Google's JSON: camelCase as we write it, snake_case as SDK users and some recordings have it.

Knows: spelling.  Must not know: what any field means.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def camel(name: str) -> str:
    """`top_p` as `topP`; a name without underscores is returned as it is."""
    return re.sub(r"(?<=[a-zA-Z0-9])_([a-z0-9])", lambda found: found[1].upper(), name)


@cache
def snake(name: str) -> str:
    """`topP` as `top_p`."""
    return re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", name)


def field(data: Mapping[str, Any], name: str) -> Any:
    """The field with this camelCase name in either spelling; None where it is absent."""
    value = data.get(name)
    return data.get(snake(name)) if value is None else value
