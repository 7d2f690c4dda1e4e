"""A tool's schema read as a flat list of fields, with the words that speak of each.

Knows JSON Schema ($ref, anyOf, enum, nested objects); not the user's text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from toolfan_local.bounds import is_telling
from toolfan_local.lexicon import FREE_TEXT_WORDS, PLACE_WORDS, SOURCE_WORDS, TARGET_WORDS
from toolfan_local.words import content_stems, identifier_words, stem

MAX_DEPTH = 4  # recursive schemas end here
MAX_FIELDS = 200

_ROW_END = re.compile(r"_?(?:\d+|[A-Z]|(?<=_)[a-z]|(?<![a-z])[a-z])$")
_NUMBER_OF = re.compile(r"\b(?:number|count|amount|quantity) of ((?:\w+ ?){1,3})", re.IGNORECASE)
_ALTERNATIVES = ("anyOf", "oneOf", "allOf")
Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    """One value to fill: `path` leads to it through nested objects.

    `kind` is its JSON type, `item` that of an array's items.
    """

    path: tuple[str, ...]
    kind: str
    item: str
    required: bool  # in every call
    needed: bool  # in its own object, wherever that object is there
    parent_required: bool
    enum: tuple[Any, ...]
    default: Any
    has_default: bool
    schema: Schema
    item_schema: Schema = field(default_factory=dict)
    description: str = ""
    name_words: tuple[str, ...] = ()
    name_stems: frozenset[str] = field(default_factory=frozenset)
    text_stems: frozenset[str] = field(default_factory=frozenset)

    @property
    def name(self) -> str:
        """The field's own name."""
        return self.path[-1]

    @property
    def scalar(self) -> str:
        """The JSON type of one value: the item's for an array."""
        return self.item if self.kind == "array" else self.kind

    @property
    def scalar_schema(self) -> Schema:
        """The schema of one value: the item's for an array."""
        return self.item_schema if self.kind == "array" else self.schema

    def speaks_of(self, words: frozenset[str]) -> bool:
        """Whether the name, or the first words of the description, hold one of these words."""
        return bool(words & set(self.name_words)) or bool(words & set(identifier_words(self.description)[:12]))

    def is_place(self) -> bool:
        """Whether the field asks for a place."""
        return self.scalar == "string" and self.speaks_of(PLACE_WORDS)

    def takes_phrases(self) -> bool:
        """Whether lower-case words of the text may become the value: a required plain text."""
        return self.required and self.scalar == "string" and not self.enum and not self.is_free_text()

    def is_free_text(self) -> bool:
        """Whether the field takes a whole sentence, as a search query does."""
        return self.scalar == "string" and bool(FREE_TEXT_WORDS & {*self.name_words, self.name.lower()})

    def is_source(self) -> bool:
        """Whether the field is the first of a pair: from, origin, start."""
        return bool(SOURCE_WORDS & set(self.name_words))

    def is_target(self) -> bool:
        """Whether the field is the second of a pair: to, destination, end."""
        return bool(TARGET_WORDS & set(self.name_words))

    def is_sibling(self, other: Field) -> bool:
        """Whether two fields are a pair or a row: `a1` and `a2`, `from_x` and `to_x`, `start_x` and `end_x`."""
        if self.scalar != other.scalar or self.kind != other.kind or self.enum or self.is_date() != other.is_date():
            return False
        pair = (self.is_source() and other.is_target()) or (self.is_target() and other.is_source())
        return pair or _ROW_END.sub("", self.name) == _ROW_END.sub("", other.name)

    def counted_stems(self) -> frozenset[str]:
        """The stems of what the field counts, by "number of ..." in its description."""
        return frozenset(
            stem(word) for words in _NUMBER_OF.findall(self.description[:600]) for word in identifier_words(words)
        )

    def is_telling(self) -> bool:
        """Whether the form of a text alone tells that it is meant for this field, by its pattern or format."""
        return self.scalar == "string" and not self.enum and is_telling(self.scalar_schema)

    def is_date(self) -> bool:
        """Whether the field asks for a calendar day."""
        return (
            self.schema.get("format") in ("date", "date-time")
            or bool({"date", "day", "when", "dates"} & set(self.name_words))
            or "yyyy" in self.description.lower()
        )

    def is_time(self) -> bool:
        """Whether the field asks for a time of day."""
        return self.schema.get("format") == "time" or (
            bool({"time", "hour"} & set(self.name_words)) and self.scalar == "string"
        )


def read_fields(parameters: Any) -> list[Field]:
    """The fields of a tool's parameters, required ones first within each object, in declared order. Never raises."""
    found: list[Field] = []
    if isinstance(parameters, Mapping):
        _collect(parameters, parameters, (), True, found)
    return found


def _collect(schema: Schema, root: Schema, path: tuple[str, ...], required: bool, found: list[Field]) -> None:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or len(path) >= MAX_DEPTH:
        return
    needed = schema.get("required")
    needed = [name for name in needed if isinstance(name, str)] if isinstance(needed, list) else []
    for name, raw in properties.items():
        if len(found) >= MAX_FIELDS or not isinstance(name, str):
            return
        below = resolve(raw, root)
        wanted = required and name in needed
        if isinstance(below.get("properties"), Mapping) and below["properties"] and len(path) + 1 < MAX_DEPTH:
            _collect(below, root, (*path, name), wanted, found)
        else:
            found.append(_field((*path, name), below, root, (wanted, name in needed, required)))


def _field(path: tuple[str, ...], schema: Schema, root: Schema, needs: tuple[bool, bool, bool]) -> Field:
    description = schema.get("description")
    description = description if isinstance(description, str) else ""
    items = resolve(schema.get("items"), root)
    enum = schema.get("enum") if isinstance(schema.get("enum"), list) else items.get("enum")
    name_words = tuple(identifier_words(path[-1]))
    return Field(
        path=path,
        kind=json_type(schema),
        item=json_type(items) if items else "string",
        required=needs[0],
        needed=needs[1],
        parent_required=needs[2],
        enum=tuple(enum) if isinstance(enum, list) else (schema["const"],) if "const" in schema else (),
        default=schema.get("default"),
        has_default="default" in schema,
        schema=schema,
        item_schema=items,
        description=description,
        name_words=name_words,
        name_stems=frozenset(stem(word) for word in name_words),
        text_stems=frozenset(content_stems(description)),
    )


def json_type(schema: Schema) -> str:
    """The JSON type of a schema, null left aside; taken from the enum or the form where none is named."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "string")
    if isinstance(kind, str):
        return kind
    values = schema.get("enum") if isinstance(schema.get("enum"), list) else [schema.get("const")]
    first = values[0] if values else None
    if isinstance(first, bool):
        return "boolean"
    if isinstance(first, (int, float)):
        return "integer" if isinstance(first, int) else "number"
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema else "string"


def resolve(schema: Any, root: Schema, *, ending: bool = False) -> Schema:
    """A schema with its $ref followed and the first alternative that is not null taken in its place. Never raises.

    `ending`: null, else the last alternative, so that what refers to itself comes to an end.
    """
    for _ in range(8):
        if not isinstance(schema, Mapping):
            return {}
        key, alternatives = next(
            ((one, schema[one]) for one in _ALTERNATIVES if isinstance(schema.get(one), list) and schema[one]),
            ("", None),
        )
        if isinstance(schema.get("$ref"), str):
            chosen: Any = _at(root, schema["$ref"])
        elif alternatives is not None and key == "allOf":
            chosen = _together([resolve(one, root, ending=ending) for one in alternatives])
        elif alternatives is not None:
            chosen = _alternative(alternatives, ending=ending)
        else:
            return schema
        if not isinstance(chosen, Mapping):
            return {}
        kept = {name: value for name, value in schema.items() if name not in ("$ref", *_ALTERNATIVES)}
        schema = {**chosen, **kept}
    return {}


def _alternative(alternatives: list[Any], *, ending: bool) -> Any:
    known = [one for one in alternatives if isinstance(one, Mapping)]
    if ending:
        return next((one for one in known if one.get("type") == "null"), known[-1] if known else {})
    return next((one for one in known if one.get("type") != "null"), {})


def _together(schemas: list[Schema]) -> Schema:
    """One schema in place of all: members and what is required of each, else what the last one says."""
    whole: dict[str, Any] = {}
    for schema in schemas:
        for key, value in schema.items():
            before = whole.get(key)
            if key == "properties" and isinstance(before, Mapping) and isinstance(value, Mapping):
                whole[key] = {**before, **value}
            elif key == "required" and isinstance(before, list) and isinstance(value, list):
                whole[key] = [*before, *value]
            else:
                whole[key] = value
    return whole


def _at(root: Schema, reference: str) -> Any:
    value: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        value = value.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(value, Mapping) else None
    return value
