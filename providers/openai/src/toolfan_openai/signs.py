"""Whether an answer tells an error at all: the look that every answer is given; `failures` is loaded for one that may.

Knows: where errors stand.  Must not know: what they say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolfan.errors import ProviderError

_PLACES = ("error", "x_groq", "base_resp")


def error_told(body: Mapping[str, Any]) -> Any:
    """`failures.error_told`."""
    if body.get("choices") and not any(map(body.get, _PLACES)):
        return None
    from .failures import error_told as told

    return told(body)


def says_something(error: Any) -> bool:
    """`failures.says_something`."""
    if not error:
        return False
    from .failures import says_something as says

    return says(error)


def error_of(told: Any, *, adapter: str) -> ProviderError:
    """`failures.error_of`."""
    from .failures import error_of as made

    return made(told, adapter=adapter)
