"""What is wrong with a script, in the words of scripts: the place, what is expected there, what was found.

Knows the fields of a script by name; not what they do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolfan_local.script_values import NO_JSON

if TYPE_CHECKING:
    from collections.abc import Iterable

Step = str | int

_TEXT, _SECONDS = "a text", "a number of seconds, 0 or more"
_EXPECTED = {
    **dict.fromkeys(("model", "contains", "text", "name", "id", "message"), _TEXT),
    **dict.fromkeys(("code", "type", "param", "content_type"), _TEXT),
    **dict.fromkeys(("delay", "retry_delay", "first_byte", "chunk", "call"), _SECONDS),
    **dict.fromkeys(("prompt_tokens", "completion_tokens"), "a whole number, 0 or more"),
    "answers": "a list of answers",
    "answers[]": "an object",
    "otherwise": "'error' or 'planner'",
    "matches": "a text, a regular expression",
    "times": "a whole number, 1 or more, or 'always'",
    "pace": "a number of seconds, 0 or more, or an object with first_byte, chunk and call",
    "calls_together": "true or false",
    "calls": "a list of calls",
    "calls[]": "an object with name, arguments and id",
    "arguments": "an object, whose keys are texts, or a text that is sent as it is",
    "stop": "'calls', 'end', 'length', 'filtered', 'refused', 'malformed' or 'none'",
    "usage": "an object with prompt_tokens and completion_tokens",
    "error": "an object with status, and message, code, type, param, headers and retry_delay where they are wanted",
    "error.status": "a whole number from 400 to 599",
    "body": "an object with content, and status, content_type and headers where they are wanted",
    "body.status": "a whole number from 200 to 599",
    "headers": "an object of texts",
    "content": "a text, an object or a list",
}
_FREE = ("arguments", "content")
"""Fields whose members are the user's own: nothing inside has a name here."""


def lines(errors: Iterable[Any], script: Any, keys: Mapping[str, Iterable[str]]) -> list[str]:
    """A line for each place that is wrong; `errors` are pydantic's, `keys` the names that there are in each part."""
    found = [(_place(error, script), error) for error in sorted(errors, key=lambda error: error["type"] != NO_JSON)]
    told: dict[tuple[Step, ...], str] = {}
    for place, error in found:
        inner = any(len(other) > len(place) and other[: len(place)] == place for other, _ in found)
        if not inner:  # of the readings that a value may have, the one that goes further is meant
            told.setdefault(place, f"{position(place) or 'top level'}: {_complaint(place, error, script, keys)}")
    return list(told.values())


def position(place: Iterable[Step]) -> str:
    """A place as it is written: `answers[0].text`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".")


def _place(error: Any, script: Any) -> tuple[Step, ...]:
    """The steps that lead through the script; pydantic's own, which name a type, are none."""
    steps: Sequence[Step] = error["loc"]
    missing = error["type"] == "missing"
    place: list[Step] = []
    here = script
    for number, step in enumerate(steps):
        if place and place[-1] in _FREE:
            break
        last = missing and number == len(steps) - 1
        if (isinstance(here, Mapping) and step in here) or (isinstance(here, list | tuple) and isinstance(step, int)):
            place.append(step)
            here = here[step]  # type: ignore[index]  # a key of a mapping or a place in a list
        elif last:
            place.append(step)
    return (*place, *error["ctx"]["place"]) if error["type"] == NO_JSON else tuple(place)


def _complaint(place: tuple[Step, ...], error: Any, script: Any, keys: Mapping[str, Iterable[str]]) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] == NO_JSON:
        return f"expected JSON, but got {error['msg']}"
    names = [step for step in place if isinstance(step, str)]
    if error["type"] == "extra_forbidden":
        above = names[-2] if len(names) > 1 else ""
        return f"there is no such key; there are {', '.join(keys[above])}"
    expected = _expected(place, names)
    if error["type"] == "missing":
        return f"it is missing: expected {expected}"
    return f"expected {expected}, but got {_shown(place, script)}"


def _expected(place: tuple[Step, ...], names: list[str]) -> str:
    if not names:
        return "an object with answers, or a list of answers"
    if isinstance(place[-1], int):
        return _EXPECTED.get(f"{names[-1]}[]", "another value")
    if names[-2:-1] == ["headers"]:
        return _TEXT
    return _EXPECTED.get(".".join(names[-2:])) or _EXPECTED.get(names[-1], "another value")


def _shown(place: tuple[Step, ...], script: Any) -> str:
    here = script
    for step in place:
        here = here[step]
    if isinstance(here, Mapping):
        odd = next((key for key in here if not isinstance(key, str)), None)
        if odd is not None:
            return f"an object with the key {odd!r}"
        return "an object" if here else "an empty object"
    if isinstance(here, list | tuple):
        return "a list" if here else "an empty list"
    text = repr(here)
    return text if len(text) <= 40 else f"{text[:37]}..."
