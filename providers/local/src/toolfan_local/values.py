"""A mention turned into a value of a field's type and form; the values of fields that the text does not decide.

Knows JSON types, dates, percentages and enums; not which mention belongs to which field.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from toolfan_local.bounds import nearest, text_sample

if TYPE_CHECKING:
    from toolfan_local.fields import Field
    from toolfan_local.mentions import Mention

DEFAULT_YEAR = 2024  # for dates written without a year, so that answers do not depend on the day


def value_of(mention: Mention, one: Field) -> Any:
    """The value for a field, in its JSON type."""
    kind = one.scalar
    if mention.kind == "list":
        return [float(item) if kind == "number" and not isinstance(item, str) else item for item in mention.value]
    if kind in ("integer", "number"):
        return _number(mention, one)
    if mention.kind == "date":
        return _date(mention.value, one)
    if mention.kind == "number":
        return f"{mention.value} {mention.unit}".strip() if mention.unit.isalpha() else f"{mention.value}"
    text = str(mention.value)
    if mention.kind in ("name", "phrase") and one.is_place():
        return capitalised(text)
    return text


def capitalised(text: str) -> str:
    """A place name as it is written: every lower-case word with a capital."""
    return re.sub(r"(?<![\w'])[^\W\d_]", lambda letter: letter[0].upper(), text)


def _number(mention: Mention, one: Field) -> int | float:
    number = mention.value[0] or DEFAULT_YEAR if mention.kind == "date" else mention.value
    if mention.unit in ("%", "percent", "percentage") and one.scalar == "number" and not _wants_percent(one):
        return round(number / 100, 10)
    if one.scalar == "number":
        return float(number)
    return int(number)


def _wants_percent(one: Field) -> bool:
    return "percent" in one.description.lower() or "percent" in one.name.lower()


def _date(date: tuple[int | None, int, int], one: Field) -> str:
    year, month, day = date
    form = re.search(r"[YMD]{1,4}[-/.][YMD]{1,4}[-/.][YMD]{1,4}", one.description, re.IGNORECASE)
    pattern = form[0].upper() if form else "YYYY-MM-DD"
    filled = re.sub("Y+", f"{year or DEFAULT_YEAR:04d}", pattern)
    filled = re.sub("D+", f"{day:02d}", re.sub("M+", f"{month:02d}", filled))
    return f"{filled}T00:00:00Z" if one.schema.get("format") == "date-time" and form is None else filled


def undecided(one: Field, turn: int) -> Any:
    """A value for a required field of which the text says nothing: the default, else a plain value of the type.

    Enum values nobody mentions are taken in turn, last first, so that repeated calls exercise every value: `turn` is
    the number of the call among the calls of its tool. What else the schema asks for is `sampling`'s.
    """
    if one.has_default:
        return one.default
    if one.enum:
        value = one.enum[-1 - turn % len(one.enum)]
        return [value] if one.kind == "array" else value
    if one.kind in ("integer", "number"):
        return nearest(one.schema, whole=one.kind == "integer")
    if one.kind == "string":
        return text_sample(one.schema)
    plain: dict[str, Any] = {"boolean": False, "array": [], "object": {}, "null": None}
    return plain.get(one.kind, "")
