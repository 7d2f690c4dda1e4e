"""The JSON Schema of a type with each field wherever validation finds it, for a second look at arguments.

Knows: core schemas of pydantic.  Must not know: what a model is told, tools, requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import core_schema

from .of_types import TypeSchema, paths_of
from .second_look import DECIMAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic.json_schema import JsonSchemaValue


class EveryName(TypeSchema):
    """The same with each field at every place where validation finds it: what arguments are held against.

    A decimal number has a type of its own, whatever the model is told of it.
    """

    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        # The fast way; a definition with a name has to be registered under it.
        plain = schema["type"] == "decimal" and "ref" not in schema
        return {"type": DECIMAL} if plain else super().generate_inner(schema)

    def decimal_schema(self, schema: Any) -> JsonSchemaValue:
        return {"type": DECIMAL}

    def _named(self, schema: Any) -> Any:
        fields: dict[str, Any] = {}
        for name, field in schema["fields"].items():
            for first, *inner in self._places(name, field):
                there = {key: value for key, value in field.items() if key != "validation_alias"}
                there["schema"] = _inside(inner, field["schema"])
                if first in fields:
                    there["schema"] = core_schema.union_schema([fields[first]["schema"], there["schema"]])
                fields[first] = there
        return {**schema, "fields": fields}

    def _places(self, name: str, field: Any) -> list[Any]:
        alias, config = field.get("validation_alias"), self._read_by[-1]
        if alias is None:
            return [[name]]
        by_alias = paths_of(alias) if config.get("validate_by_alias", True) else []
        return [*by_alias, [name]] if config.get("validate_by_name") else by_alias


def _inside(path: Sequence[str | int], schema: Any) -> Any:
    """What holds the value of such a schema at the end of the path."""
    for step in reversed(path):
        if isinstance(step, str):
            schema = core_schema.typed_dict_schema({step: core_schema.typed_dict_field(schema)})
        elif step < 0:
            schema = core_schema.list_schema(schema)
        else:
            before = [core_schema.any_schema()] * step
            schema = core_schema.tuple_schema([*before, schema, core_schema.any_schema()], variadic_item_index=step + 1)
    return schema
