"""The JSON Schema of a type as pydantic writes it: each field under a name that validation takes.

Knows: core schemas of pydantic.  Must not know: dialects of providers, tools, requests.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Set
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Secret, SecretBytes, SecretStr
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.json_schema import GenerateJsonSchema, JsonRef, NoDefault
from pydantic_core import PydanticSerializationError

from ..errors import ToolDefinitionError

if TYPE_CHECKING:
    from collections.abc import Generator

    from pydantic.json_schema import JsonSchemaValue

_SECRETS = (Secret, SecretStr, SecretBytes)
# Core schemas that never take None; what is left out may.
_NOT_NONE = frozenset(
    {
        *("bool", "bytes", "complex", "dataclass", "date", "datetime", "decimal", "dict", "float", "frozenset", "int"),
        *("list", "model", "multi-host-url", "set", "str", "time", "timedelta", "tuple", "typed-dict", "url", "uuid"),
    }
)


_NAME = "toolfan_name"


@contextmanager
def _naming(field: Mapping[str, Any]) -> Generator[None]:
    """Errors of a field know where it is: `fields`, from the outermost."""
    try:
        yield
    except PydanticInvalidForJsonSchema as exc:
        vars(exc)["fields"] = (str(field.get(_NAME)), *getattr(exc, "fields", ()))
        raise


class TypeSchema(GenerateJsonSchema):
    """Pydantic's JSON Schema, but for what it announces and validation does not take, and for titles it makes up.

    That is: an alias where only the name of the field is read, a field that a dataclass sets itself, a default None
    where None is refused.  Titles that you set stay.  Raises ToolDefinitionError for a field that is read only from
    inside another value (`AliasPath`): no name of a property says so.  A default that JSON has no word for, such as an
    `object()` that means "not given", is left out as pydantic does it, without its warning; so is one with a secret in
    it, for which pydantic writes asterisks, which a model would send, or the secret itself.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.ignored_warning_kinds = {*self.ignored_warning_kinds, "non-serializable-default"}
        self._read_by: list[Mapping[str, Any]] = [{}]
        self._kinds: dict[str, str] = {}

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def field_is_present(self, field: Any) -> bool:
        return field.get("init", True) and super().field_is_present(field)

    def get_default_value(self, schema: Any) -> Any:
        default, inner = super().get_default_value(schema), schema["schema"]
        kind = self._kinds.get(inner.get("schema_ref"), inner["type"])
        return NoDefault if default is None and kind in _NOT_NONE else default

    def encode_default(self, dft: Any) -> Any:
        # Of a `Secret[str]` pydantic 2.12.0 does not know the type; of other things it finds out whether they end.
        encoded = None if isinstance(dft, _SECRETS) else super().encode_default(dft)
        if _is_hidden(dft):
            raise PydanticSerializationError("the default is secret")  # pydantic leaves it out then
        return encoded if encoded is not None else super().encode_default(dft)

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if made.get("default") and self._is_write_only(made, set()):  # plain, of a field that is validated to a secret
            del made["default"]
        return made

    def _is_write_only(self, made: Any, seen: set[str]) -> bool:
        """Whether something that this schema allows is a secret."""
        if isinstance(made, list):
            return any(self._is_write_only(one, seen) for one in made)
        if not isinstance(made, dict):
            return False
        ref = made.get("$ref")
        if isinstance(ref, str) and ref not in seen:
            seen.add(ref)
            if self._is_write_only(self.get_schema_from_definitions(JsonRef(ref)), seen):
                return True
        return made.get("writeOnly") is True or any(
            self._is_write_only(one, seen) for key, one in made.items() if key not in ("default", "examples")
        )

    def definitions_schema(self, schema: Any) -> JsonSchemaValue:
        self._kinds |= {definition["ref"]: definition["type"] for definition in schema["definitions"]}
        return super().definitions_schema(schema)

    def model_schema(self, schema: Any) -> JsonSchemaValue:
        with self._reading(schema):
            return super().model_schema(schema)

    def dataclass_schema(self, schema: Any) -> JsonSchemaValue:
        with self._reading(schema):
            return super().dataclass_schema(schema)

    def model_fields_schema(self, schema: Any) -> JsonSchemaValue:
        return _each_once(super().model_fields_schema(self._named(schema)))

    def typed_dict_schema(self, schema: Any) -> JsonSchemaValue:
        with self._reading(schema):
            return _each_once(super().typed_dict_schema(self._named(schema)))

    def dataclass_args_schema(self, schema: Any) -> JsonSchemaValue:
        fields = self._named({"fields": {field["name"]: field for field in schema["fields"]}})["fields"]
        named: Any = {**schema, "fields": [{**field, "name": name} for name, field in fields.items()]}
        return _each_once(super().dataclass_args_schema(named))

    @contextmanager
    def _reading(self, schema: Mapping[str, Any]) -> Generator[None]:
        """How the fields inside are found: a core schema without a config has that of what it stands in."""
        self._read_by.append(schema.get("config") or self._read_by[-1])
        yield
        self._read_by.pop()

    def _named(self, schema: Any) -> Any:
        fields = {name: self._under_its_name(name, field) for name, field in schema["fields"].items()}
        return {**schema, "fields": fields}

    def model_field_schema(self, schema: Any) -> JsonSchemaValue:
        with _naming(schema):
            return super().model_field_schema(schema)

    def typed_dict_field_schema(self, schema: Any) -> JsonSchemaValue:
        with _naming(schema):
            return super().typed_dict_field_schema(schema)

    def dataclass_field_schema(self, schema: Any) -> JsonSchemaValue:
        with _naming(schema):
            return super().dataclass_field_schema(schema)

    def _under_its_name(self, name: str, field: Any) -> Any:
        told = self._told(name, field)
        return {**told, _NAME: told.get("validation_alias", name)}

    def _told(self, name: str, field: Any) -> Any:
        """The field with the one name that the model is told."""
        alias, config = field.get("validation_alias"), self._read_by[-1]
        if alias is None or not field.get("init", True):
            return field
        by_alias = config.get("validate_by_alias", True)
        paths = paths_of(alias)
        plain = [path[0] for path in paths if len(path) == 1]
        if by_alias and plain:
            return {**field, "validation_alias": plain[0]}
        if by_alias and not config.get("validate_by_name"):
            path = ", ".join(map(repr, paths[0]))
            raise ToolDefinitionError(
                f"a field is read at AliasPath({path}) alone, which is no name of a property",
                hint=f"Give it a name beside: validation_alias=AliasChoices('...', AliasPath({path})).",
            )
        return {key: value for key, value in field.items() if key != "validation_alias"}


def _is_hidden(value: Any) -> bool:
    """Whether the JSON form of a default, which ends, has asterisks for a secret in it."""
    if isinstance(value, _SECRETS):
        return value.get_secret_value() not in ("", b"")
    inside: Any = ()
    if isinstance(value, BaseModel):
        inside = [*vars(value).values(), *(value.model_extra or {}).values()]
    elif dataclasses.is_dataclass(value):
        inside = [getattr(value, field.name, None) for field in dataclasses.fields(value)]
    elif isinstance(value, Mapping):
        inside = [*value, *value.values()]
    elif isinstance(value, list | tuple | Set):
        inside = value
    return any(map(_is_hidden, inside))


def _each_once(schema: JsonSchemaValue) -> JsonSchemaValue:
    """The schema with each required name once: two fields may have one alias, and JSON Schema takes no name twice."""
    if "required" in schema:
        schema["required"] = list(dict.fromkeys(schema["required"]))
    return schema


def paths_of(alias: Any) -> list[Any]:
    paths = alias if isinstance(alias, list) and isinstance(alias[0], list) else [alias]
    return [[path] if isinstance(path, str) else path for path in paths]
