"""Secrets, and mappings that hold some, as local variables may have them: what shows these does not show their values.

Test runners and trackers of errors show the local variables of a traceback.  Most ask for their `repr`; some (Sentry)
walk what is a tuple, a list, a set or a mapping by themselves.

Knows: how local variables are shown.  Must not know: what is secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping


class Secrets:
    """What must not be shown: to be iterated over, and nothing that is walked unasked.  Pickled, it is empty."""

    __slots__ = ("_each", "_number")  # no attribute holds a text, as some show attributes, too

    def __init__(self, values: Iterable[str] = ()) -> None:
        held = tuple(values)
        self._each: Callable[[], Iterator[str]] = held.__iter__
        self._number = len(held)

    def __iter__(self) -> Iterator[str]:
        return self._each()

    def __len__(self) -> int:
        return self._number

    def __repr__(self) -> str:
        return f"<secrets: {self._number}>"

    def __deepcopy__(self, memo: object) -> Secrets:
        return self

    def __reduce__(self) -> tuple[type[Secrets], tuple[()]]:
        return Secrets, ()


class Hidden(dict[str, Any]):
    """Headers, or parts of a query, of which what shows local variables shows the names alone.

    HTTP libraries need a dict; Sentry asks one with a `__sentry_repr__` for that, and does not walk it.
    """

    __slots__ = ()

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Hidden:
        """The values; themselves, if they are hidden already."""
        return values if isinstance(values, Hidden) else cls(values)

    def __repr__(self) -> str:
        return f"<values not shown: {', '.join(map(str, self))}>"

    __sentry_repr__ = __repr__
