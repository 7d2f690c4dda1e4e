"""Whole calls to `RawCall`s with unique ids, and the numbers that providers count calls by.

Knows: what providers leave out or repeat.  Must not know: any provider's field names, calls that come in pieces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..calls import RawCall

if TYPE_CHECKING:
    from collections.abc import Iterable

_WRAPPERS = ("multi_tool_use.parallel", "multi_tool_use_parallel", "parallel")
WRAPPERS = frozenset(prefix + name for prefix in ("", "functions.", "functions_") for name in _WRAPPERS)
"""Names of calls that hold other calls."""


def seal(pieces: Iterable[tuple[str | None, str, str]]) -> tuple[RawCall, ...]:
    """Whole calls, given as (provider id, name, arguments as JSON text) in call order.

    An id that is missing, empty or repeated becomes `call_<index>`; the provider's own stays in `provider_id`.
    """
    given = list(pieces)
    taken = {provider_id for provider_id, _, _ in given if provider_id}
    used: set[str] = set()
    calls = []
    for index, (provider_id, name, arguments) in enumerate(given):
        call_id = provider_id
        if not call_id or call_id in used:
            call_id = f"call_{index}"
            while call_id in taken or call_id in used:
                call_id += "_"
        used.add(call_id)
        calls.append(RawCall(index, call_id, name, arguments, provider_id))
    return tuple(calls)


class Ids:
    """The ids of calls that come one by one, each of them one call's."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._claims: dict[str, int] = {}  # the first position at which an id was given

    def claim(self, call_id: str, position: int) -> None:
        """The first call with an id has it, also if another one is sealed before."""
        self._claims[call_id] = min(position, self._claims.get(call_id, position))

    def of(self, given: str | None, position: int) -> str:
        """The id of the call at this position; the provider's own, if that is free."""
        call_id = given
        if not call_id or not self._is_free(call_id, position):  # it looks back only: what comes is not known
            call_id = f"call_{position}"
            while not self._is_free(call_id, position):
                call_id += "_"
        self._used.add(call_id)
        return call_id

    def _is_free(self, call_id: str, position: int) -> bool:
        return call_id not in self._used and self._claims.get(call_id, position) >= position


def number_of(index: Any) -> int | None:
    """The number that an index is, also as a text or a float; None if it is none."""
    if type(index) is int:
        return index if index >= 0 else None
    text = isinstance(index, str) and len(index) < 10 and index.isascii() and index.isdigit()
    if text or (isinstance(index, float) and index.is_integer()):
        index = int(index)
        return index if index >= 0 else None
    return None
