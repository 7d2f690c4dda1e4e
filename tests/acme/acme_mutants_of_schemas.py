"""Adapters that keep something of each schema from the model: all break the law of what a schema says, and no other."""

from __future__ import annotations

from typing import Any

from acme_mutants import MUTANTS, breaks, suite_of
from toolfan_acme import AcmeAdapter

LAW = "test_what_a_schema_says_shows"
NAMES = ("properties", "$defs")
DROPPED = (
    ("type",),
    ("items",),
    ("prefixItems",),
    ("anyOf",),
    ("oneOf",),
    ("additionalProperties",),
    ("default",),
    ("format",),
    ("pattern",),
    ("minimum", "maximum"),
    ("exclusiveMinimum",),
    ("maxLength",),
    ("minItems", "maxItems"),
    ("uniqueItems",),
)


def walked(schema: Any, change: Any) -> Any:
    """The schema, each schema in it changed."""
    if isinstance(schema, list):
        return [walked(one, change) for one in schema]
    if not isinstance(schema, dict):
        return schema
    changed = change(schema)
    return {
        key: {name: walked(one, change) for name, one in value.items()} if key in NAMES else walked(value, change)
        for key, value in changed.items()
    }


class Changing(AcmeAdapter):
    """`change` has the fault: it is given each schema, at every depth."""

    def change(self, schema: dict[str, Any]) -> dict[str, Any]:
        return schema

    def render(self, tools: Any, strict: bool | None) -> Any:
        return [{**one, "takes": walked(one["takes"], self.change)} for one in super().render(tools, strict)]


def dropping(keywords: tuple[str, ...]) -> type[AcmeAdapter]:
    """An adapter that drops these keywords from every schema."""

    def change(self: Changing, schema: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in schema.items() if key not in keywords}

    return type("Drops" + "And".join(one[0].upper() + one[1:] for one in keywords), (Changing,), {"change": change})


def added(fault: type[AcmeAdapter]) -> None:
    globals()[fault.__name__] = breaks(LAW)(fault)  # where pickle looks for it


for keywords in DROPPED:
    added(dropping(keywords))


def all_texts(kind: str) -> type[AcmeAdapter]:
    """An adapter to which every value of this type is a text."""

    def change(self: Changing, schema: dict[str, Any]) -> dict[str, Any]:
        return {**schema, "type": "string"} if schema.get("type") == kind else schema

    return type(f"{kind.title()}IsText", (Changing,), {"change": change})


for kind in ("integer", "number", "boolean", "array"):
    added(all_texts(kind))


@breaks(LAW)
class RefersToNothing(Changing):
    def change(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in schema.items() if key != "$ref"}


@breaks(LAW)
class NeverNull(Changing):
    def change(self, schema: dict[str, Any]) -> dict[str, Any]:
        arms = [arm for arm in schema.get("anyOf", ()) if arm != {"type": "null"}]
        return {**schema, "anyOf": arms} if arms else schema


@breaks(LAW)
class NeverNullAndFlat(Changing):
    def change(self, schema: dict[str, Any]) -> dict[str, Any]:
        arms = [arm for arm in schema.get("anyOf", ()) if arm != {"type": "null"}]
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        return {**rest, **arms[0]} if len(arms) == 1 else {**rest, "anyOf": arms} if arms else schema


@breaks(LAW)
class ClosesEveryTool(AcmeAdapter):
    """Also those that take further arguments, and though nobody asked for strict."""

    def render(self, tools: Any, strict: bool | None) -> Any:
        told = super().render(tools, strict)
        return told if strict else [{**one, "takes": {**one["takes"], "additionalProperties": False}} for one in told]


class Unpatterned(Changing):
    """Its dialect has no patterns."""

    def change(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in schema.items() if key != "pattern"}


SAID = suite_of(Unpatterned, dropped_keywords={"pattern": "Acme knows no patterns"})


@breaks(LAW, dropped_keywords={"pattern": "Acme knows no patterns"})
class PatternedAfterAll(AcmeAdapter):
    """Its conformance class says that patterns are dropped."""


@breaks(LAW, dropped_keywords={"patern": "a misspelling"})
class DropsWhatIsNone(AcmeAdapter):
    """Its conformance class names no keyword."""


MUTANTS["DropsWithoutReason"] = (suite_of(Unpatterned, dropped_keywords={"pattern": " "}), LAW)
