"""Arguments that come in pieces (`partialArgs`), each under the JSON path of its place.

Each piece costs what its own length and the depth of its place cost, however many came before.

Knows: the paths and pieces that Vertex AI writes.  Must not know: calls, events, schemas.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from pydantic_core import from_json

from .fields import field

_STEP = re.compile(
    r"""\.([^.\[\]]+) | \[\s*(?: ([0-9]{1,9}) | '((?:[^'\\]|\\.)*)' | "((?:[^"\\]|\\.)*)" )\s*\]""",
    re.VERBOSE | re.DOTALL,
)
_QUOTE = re.compile(r"""\\(.)|(")""", re.DOTALL)
_DOUBLES = frozenset({"NaN", "Infinity", "-Infinity"})  # as proto JSON writes them
_ABSENT = object()
_MOST_GAPS = 10_000

Step: TypeAlias = str | int


class _Text:
    """A text whose pieces still come."""

    __slots__ = ("pieces",)

    def __init__(self, *pieces: str) -> None:
        self.pieces = [*pieces]


class PartialArguments:
    """The arguments of one call, as far as they have come."""

    def __init__(self) -> None:
        self._root: dict[str, Any] = {}
        self._texts: list[tuple[Any, Step, _Text]] = []
        self._pieces: list[Any] = []  # as they came
        self._fits = True
        self._gaps = 0  # elements of lists that have not come
        self.in_text = False
        """Whether the last piece says that its text goes on."""

    def update(self, arguments: Any) -> None:
        """Arguments that came whole."""
        if isinstance(arguments, Mapping):
            self._root.update(arguments)
        elif arguments is not None:
            self._pieces.append(arguments)
            self._fits = False

    def add(self, piece: Any) -> None:
        """One piece: a value, or more of a text."""
        self._pieces.append(piece)
        self.in_text = isinstance(piece, Mapping) and field(piece, "willContinue") is True
        self._fits = self._fits and isinstance(piece, Mapping) and self._put(piece)

    def value(self) -> Any:
        """What was put together; where a piece fits in nowhere, all of them in a list, as they came.

        That list is no object, so the call fails with what was said, and nothing is guessed.
        """
        if not self._fits or self._gaps:
            return self._pieces
        for container, step, text in self._texts:
            container[step] = "".join(text.pieces)
        self._texts.clear()
        return self._root

    def _put(self, piece: Mapping[str, Any]) -> bool:
        steps = parse_path(field(piece, "jsonPath"))
        if not steps:
            return False
        container: Any = self._root
        for step, following in itertools.pairwise(steps):
            fresh: Any = [] if isinstance(following, int) else {}
            found = _get(container, step)
            if found is _ABSENT:
                if not self._set(container, step, fresh):
                    return False
                found = fresh
            if type(found) is not type(fresh):
                return False
            container = found
        return self._put_value(container, steps[-1], piece)

    def _put_value(self, container: Any, step: Step, piece: Mapping[str, Any]) -> bool:
        before = _get(container, step)
        text = field(piece, "stringValue")
        if isinstance(text, str):
            if isinstance(before, _Text):
                before.pieces.append(text)
                return True
            if isinstance(before, str):
                made = _Text(before, text)
            elif before is _ABSENT:
                made = _Text(text)
            else:
                return False
            return self._begin(container, step, made)
        value = _scalar(piece)
        if value is _ABSENT:  # a text that began or ended with nothing
            if before is _ABSENT and field(piece, "willContinue") is True:
                return self._begin(container, step, _Text())
            return isinstance(before, str | _Text)
        return not isinstance(before, dict | list | _Text) and self._set(container, step, value)

    def _begin(self, container: Any, step: Step, text: _Text) -> bool:
        self._texts.append((container, step, text))
        return self._set(container, step, text)

    def _set(self, container: Any, step: Step, value: Any) -> bool:
        """Whether the value has a place there: elements of a list may come in any order, but none may be missing."""
        if isinstance(step, int):
            if not isinstance(container, list) or step - len(container) + self._gaps > _MOST_GAPS:
                return False
            missing = range(len(container), step)
            container.extend(_ABSENT for _ in missing)
            self._gaps += len(missing) - (step < len(container) and container[step] is _ABSENT)
            container[step : step + 1] = [value]
            return True
        if not isinstance(container, dict):
            return False
        container[step] = value
        return True


def _scalar(piece: Mapping[str, Any]) -> Any:
    number = field(piece, "numberValue")
    if isinstance(number, int | float) and not isinstance(number, bool):
        return number
    if isinstance(number, str) and number in _DOUBLES:
        return float(number)
    if isinstance(truth := field(piece, "boolValue"), bool):
        return truth
    return None if "nullValue" in piece or "null_value" in piece else _ABSENT


def _get(container: Any, step: Step) -> Any:
    if isinstance(step, int):
        return container[step] if isinstance(container, list) and step < len(container) else _ABSENT
    return container.get(step, _ABSENT) if isinstance(container, dict) else _ABSENT


def parse_path(path: Any) -> list[Step] | None:
    """The names and indices of `$.a[0].b`, `$['a b']`, `$["a"]`; None for what is no such path."""
    if not isinstance(path, str) or not path.startswith("$"):
        return None
    steps: list[Step] = []
    at = 1
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            return None
        name, index, single, double = found.groups()
        if index is not None:
            steps.append(int(index))
        else:
            steps.append(name if name is not None else _unquoted(double if single is None else single))
        at = found.end()
    return steps


def _unquoted(text: str) -> str:
    """The name between quotes, with JSON's escapes and `\\'`."""
    if "\\" not in text:
        return text
    written = _QUOTE.sub(lambda found: '\\"' if found[2] else "'" if found[1] == "'" else found[0], text)
    try:
        return str(from_json(f'"{written}"'))
    except ValueError:  # an escape that JSON does not have
        return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
