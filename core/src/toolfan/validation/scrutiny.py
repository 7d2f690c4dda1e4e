"""A second look at arguments that passed validation, for what lax validation passes over in silence.

That is: a key that comes twice with different values, of which the last one wins; NaN, an infinity or a number beyond
all floats where a number was asked for; 3.0 where an integer was, or a float that says another integer; the digits of a
decimal number that a float has no room for.

Knows: JSON text, JSON Schema by its shape.  Must not know: tools, how a call is judged.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic_core import InitErrorDetails, PydanticCustomError

from ..schema.json_schema import resolve
from ..schema.second_look import DECIMAL, MOST_FAULTS, is_exact, keeps_digits
from .numerals import Numerals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Path: TypeAlias = tuple[str | int, ...]
Schemas: TypeAlias = "list[Mapping[str, Any]]"


class _Near(float):
    """A float that is near the number which its text says, and not that number."""

    __slots__ = ("text",)
    text: str


class SecondLook:
    """What is found in the JSON text of an object that passed.

    `faults` fail the call; `integral_float` says that an integer was written as a float; `digits` are the decimal
    numbers whose digits got lost, by their places.  `numeric` is what `has_numbers` says of the schema.  It takes its
    time: first ask `is_plain`.
    """

    __slots__ = ("_mixed", "_more", "_odd", "_schema", "digits", "faults", "integral_float")

    def __init__(self, text: str, schema: Mapping[str, Any], *, numeric: bool) -> None:
        self.faults: list[InitErrorDetails] = []
        self.digits: dict[Path, str] = {}
        self._mixed: dict[Path, str] = {}
        self.integral_float = self._odd = False
        self._schema, self._more = schema, 0
        numbers: dict[str, Any] = {"parse_float": self._number, "parse_constant": self._number} if numeric else {}
        try:
            value = json.loads(text, object_pairs_hook=self._once_each, **numbers)
        except (ValueError, RecursionError):  # another parser, other limits
            return
        if self._odd and isinstance(value, dict | list):
            self._look_at_numbers(value)
        if self._mixed:  # with its digits as a text it would be a text
            self._lose(self._mixed)
        if self._more:  # the last one makes room for it
            error = PydanticCustomError("too_many_errors", "{more} more errors are not told", {"more": self._more + 1})
            self.faults[-1] = InitErrorDetails(type=error, input=None)

    def _once_each(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            first: dict[str, Any] = {}
            for key, value in pairs:
                if key in first and repr(first[key]) != repr(value):
                    error = PydanticCustomError("duplicate_key", "The key comes twice, with different values")
                    self._found(InitErrorDetails(type=error, loc=(key,), input=[first[key], value]))
                first.setdefault(key, value)
        return made

    def _found(self, fault: InitErrorDetails) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(fault)
        else:
            self._more += 1

    def _number(self, text: str) -> float:
        number = float(text)
        if not (is_exact if number.is_integer() else keeps_digits)(number, text):
            number = near = _Near(text)
            near.text = text
        self._odd = self._odd or not math.isfinite(number) or number.is_integer() or isinstance(number, _Near)
        return number

    def _look_at_numbers(self, value: Any) -> None:
        stack: list[tuple[Any, Schemas, Path]] = [(value, [self._schema], ())]
        while stack:
            item, schemas, path = stack.pop()
            branches = _chosen(item, list(_branches(schemas, self._schema)), self._schema)
            for keys, below in _parts(item, branches):
                kinds = {kind for one in _branches(below, self._schema) for kind in _types(one)}
                for key in keys:
                    child = item[key]
                    if isinstance(child, float):
                        self._judge(child, kinds, path, key)
                    elif isinstance(child, dict | list):
                        stack.append((child, below, (*path, key)))

    def _judge(self, number: float, kinds: set[str], path: Path, key: str | int) -> None:
        if not math.isfinite(number):
            if kinds & {"number", DECIMAL}:
                self._found(InitErrorDetails(type="finite_number", loc=(*path, key), input=number))
        elif DECIMAL in kinds and "number" not in kinds:
            if isinstance(number, _Near) and not keeps_digits(number, number.text):
                self.digits[*path, key] = number.text
                if "string" in kinds:
                    self._mixed[*path, key] = number.text
        elif "integer" in kinds and "number" not in kinds and number % 1 == 0:
            if isinstance(number, _Near):
                error = PydanticCustomError(
                    "inexact_integer",
                    "Input should be an integer in digits alone: as a float it is another one",
                )
                self._found(InitErrorDetails(type=error, loc=(*path, key), input=number.text))
            self.integral_float = True

    def with_digits(self, text: str) -> str:
        """The JSON text with the decimal numbers whose digits would get lost as texts, which lose none."""
        numerals = Numerals(text)
        found = [numeral for place in self.digits if (numeral := numerals.at(place)) is not None]
        return numerals.rewritten({numeral.order: f'"{numeral}"' for numeral in found})

    def inexact(self) -> None:
        """Let those numbers be faults."""
        self._lose(self.digits)

    def _lose(self, digits: Mapping[Path, str]) -> None:
        error = PydanticCustomError("inexact_decimal", "Input should be a text: a number of so many digits loses some")
        for place, text in digits.items():
            self._found(InitErrorDetails(type=error, loc=place, input=text))


def _branches(schemas: Iterable[Mapping[str, Any]], root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schemas, and those that they refer to or choose from."""
    stack, seen = list(schemas), set[str]()
    while stack:
        node = stack.pop()
        yield node
        for key in ("anyOf", "oneOf", "allOf"):
            stack.extend(one for one in node.get(key, ()) if isinstance(one, dict))
        ref = node.get("$ref")
        if isinstance(ref, str) and ref not in seen:
            seen.add(ref)
            stack.append(resolve(ref, root))


def _chosen(item: Any, branches: Schemas, root: Mapping[str, Any]) -> Schemas:
    """The branches without those that the object's own constants rule out; all, where they rule out every one."""
    if not isinstance(item, dict):
        return branches
    fitting = [one for one in branches if "properties" not in one or not _has_other_constants(item, one, root)]
    return fitting if any("properties" in one for one in fitting) else branches


def _has_other_constants(item: dict[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    for key in item.keys() & schema["properties"].keys():
        said = schema["properties"][key]
        if isinstance(said, dict) and isinstance(said.get("$ref"), str):
            said = resolve(said["$ref"], root)
        if isinstance(said, dict) and ("const" in said or "enum" in said):
            allowed = said["enum"] if "enum" in said else [said["const"]]
            if item[key] not in allowed:
                return True
    return False


def _types(schema: Mapping[str, Any]) -> Iterable[str]:
    kind = schema.get("type", ())
    return (kind,) if isinstance(kind, str) else kind


def _of_key(schema: Mapping[str, Any], key: str) -> Iterable[Any]:
    if key in (named := schema.get("properties", {})):
        return (named[key],)
    # Validation let the key pass, so that it fits the pattern, of which pydantic writes one.
    return (*schema.get("patternProperties", {}).values(), schema.get("additionalProperties"))


def _parts(item: Any, branches: Schemas) -> Iterator[tuple[Iterable[Any], Schemas]]:
    """The keys of an object, or the places of a list, that have the same schemas, with these."""
    if isinstance(item, dict):
        for key in item:
            of_key = [said for one in branches for said in _of_key(one, key)]
            yield (key,), [one for one in of_key if isinstance(one, dict)]
        return
    tuples = [one["prefixItems"] for one in branches if "prefixItems" in one]
    fixed = min(len(item), max(map(len, tuples), default=0))
    for at in range(fixed):
        yield (at,), [one[at] for one in tuples if at < len(one) and isinstance(one[at], dict)]
    yield range(fixed, len(item)), [one["items"] for one in branches if isinstance(one.get("items"), dict)]
