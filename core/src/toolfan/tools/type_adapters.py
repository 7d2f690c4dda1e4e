"""A validator that keeps what pydantic's own lets slip: iterables are read as lists, NaN and infinities are no floats.

Members of a Literal are read as the schema tells them.  What can never be validated is refused.

Knows: core schemas of pydantic.  Must not know: JSON text, tools, requests.
"""

from __future__ import annotations

import collections.abc
import enum
import inspect
import math
import operator
import typing
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_core import PydanticKnownError, SchemaValidator

from ..errors import ToolDefinitionError
from ..locks import ProcessLock

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Mapping

    from pydantic import TypeAdapter

# Keys of a core schema that hold others which validation goes through: one, a list, or several by name.
_INSIDE = frozenset(
    {
        *("schema", "fields", "choices", "steps", "definitions", "lax_schema", "strict_schema", "json_schema"),
        *("python_schema", "items_schema", "keys_schema", "values_schema", "extras_schema", "extras_keys_schema"),
        *("arguments_schema", "var_args_schema", "var_kwargs_schema"),
    }
)
_CLASSES = frozenset({"model", "dataclass", "typed-dict"})
_NAMED = frozenset({"fields", "choices"})
# Inside these, and under these keys, nobody can say that what never fits is what comes.
_UNSURE = frozenset({"function-before", "function-wrap", "union", "tagged-union", "default", "nullable"})
_UNSURE_KEYS = frozenset({"definitions", "python_schema", "strict_schema", "steps"})
_hiding = ProcessLock()


class _Place(NamedTuple):
    """Where a core schema stands: the class and its field, the config of the class, and whether it makes itself.

    `sure`: whatever a call says there is validated by this schema, as it comes.
    """

    owner: Any = None
    field: str = ""
    said: str = ""
    config: Mapping[str, Any] = {}
    own_init: bool = False
    sure: bool = True


def careful(adapter: TypeAdapter[Any]) -> TypeAdapter[Any]:
    """The adapter, whose validator reads each iterable as a list and takes no NaN and no infinity for a number.

    `allow_inf_nan=True`, said of a field or a model, stands.  A validator that need not change is left alone.
    Raises ToolDefinitionError for a generator, for an iterable in a model with an `__init__` of its own, which
    validates by itself, and for a class as a value and an abstract class where nothing else may stand.
    """
    classes: set[Any] = set()
    schema = _changed(adapter.core_schema, _Place(), classes)
    if schema is not adapter.core_schema:
        adapter.validator = _compiled(schema, classes)
    return adapter


def _changed(node: Any, place: _Place, classes: set[Any]) -> Any:
    """The core schema as it shall be: itself, where nothing in it changes."""
    if not isinstance(node, dict):  # a name, or a label of a choice
        return node
    kind = node.get("type")  # a parameter has none
    if place.sure:
        _check_possible(kind, node, place)
    if kind in _CLASSES:
        own_init = bool(node.get("custom_init"))
        sure = place.sure and not own_init
        place = _Place(node.get("cls"), "", "", node.get("config", place.config), own_init, sure)
        classes.add(place.owner)
    elif kind == "dataclass-field":
        place = _of_field(node["name"], node, place)
    elif kind in _UNSURE:
        place = place._replace(sure=False)
    changes: dict[str, Any] = {}
    for key, inner in node.items():
        if key in _INSIDE:
            there = place._replace(sure=False) if key in _UNSURE_KEYS else place
            if (new := _all_changed(key, inner, there, classes)) is not inner:
                changes[key] = new
    return _mended(kind, {**node, **changes} if changes else node, place)


def _all_changed(key: str, inner: Any, place: _Place, classes: set[Any]) -> Any:
    """`_changed` of one core schema, of a list of them, or of several by name."""
    if isinstance(inner, list | tuple):
        new = [_all_changed("", one, place, classes) for one in inner]
        return inner if all(map(operator.is_, new, inner)) else type(inner)(new)
    if not (isinstance(inner, dict) and key in _NAMED):
        return _changed(inner, place, classes)
    by_name: dict[Any, Any] = {}
    for name, one in inner.items():
        by_name[name] = _changed(one, _of_field(name, one, place) if key == "fields" else place, classes)
    return inner if all(map(operator.is_, by_name.values(), inner.values())) else by_name


def _of_field(name: str, field: Mapping[str, Any], place: _Place) -> _Place:
    alias = field.get("validation_alias")
    sure = place.sure and bool(field.get("required", True))  # of a TypedDict's; others have a default
    return place._replace(field=name, said=alias if isinstance(alias, str) else name, sure=sure)


def _check_possible(kind: Any, node: Mapping[str, Any], place: _Place) -> None:
    """Raises ToolDefinitionError for what no arguments can ever be."""
    where = f"the field {place.said!r}" if place.said else "it"
    if kind == "is-subclass":
        raise ToolDefinitionError(
            f"{where} is a class itself, which no arguments are",
            hint="Write Literal[...] or an Enum of the names of the classes.",
        )
    cls: Any = node.get("cls") if kind in ("model", "dataclass") else None
    if inspect.isabstract(cls) and cls.__new__ is object.__new__:
        raise ToolDefinitionError(
            f"{where} is of an abstract class, {cls.__name__}, of which there are no values",
            hint="Write the classes that are derived from it.",
        )


def _mended(kind: Any, node: Any, place: _Place) -> Any:
    if kind == "generator":
        _check_iterable(place)
        return {**node, "type": "list"}
    if kind in ("float", "complex"):
        allowed = node.get("allow_inf_nan", place.config.get("allow_inf_nan"))
        if allowed is None and kind == "float":
            return {**node, "allow_inf_nan": False}
        if not allowed and kind == "complex":
            return {"type": "function-after", "function": {"type": "no-info", "function": _finite}, "schema": node}
    if kind == "literal" and (told := _told_members(node["expected"])):
        function = {"type": "no-info", "function": partial(_member, told)}
        return {"type": "function-before", "function": function, "schema": node}
    if kind == "tagged-union" and (told := _told_members(node["choices"])):
        return {**node, "choices": {**node["choices"], **{tag: node["choices"][one] for (_, tag), one in told.items()}}}
    return node


def _told_members(members: Collection[Any]) -> dict[tuple[type, Any], Any]:
    """The members that pydantic takes for no JSON, by what the schema tells of them: Enums that are no texts, bytes."""
    told: dict[tuple[type, Any], Any] = {}
    for one in members:
        if isinstance(one, enum.Enum) and not isinstance(one, str | int):
            value = one.value
        elif isinstance(one, bytes):
            value = one.decode(errors="replace")
        else:
            continue
        if (value is None or isinstance(value, str | int | float)) and value not in members:
            told.setdefault((type(value), value), one)
    return told


def _member(told: Mapping[Any, Any], given: Any) -> Any:
    plain = given is None or isinstance(given, str | int | float)
    return told.get((type(given), given), given) if plain else given


def _finite(number: complex) -> complex:
    if not (math.isfinite(number.real) and math.isfinite(number.imag)):  # cmath is a library of its own to load
        raise PydanticKnownError("finite_number")
    return number


def _check_iterable(place: _Place) -> None:
    where = f"the field {place.said!r}" if place.said else "a value"
    if place.own_init:
        raise ToolDefinitionError(
            f"{where} is an iterable that can be read only once, in a model with an __init__ of its own",
            hint="Write list[...] or Sequence[...] for Iterable[...].",
        )
    if any(map(_is_generator, _annotations(place))):
        raise ToolDefinitionError(
            f"{where} is a generator, which no arguments are", hint="Write list[...] or Iterable[...]."
        )


def _annotations(place: _Place) -> list[Any]:
    """Of the field, or of all of them where nobody knows which it is."""
    fields = getattr(place.owner, "model_fields", None)
    if fields is not None:
        hints = {name: field.annotation for name, field in fields.items()}
    else:
        try:
            hints = typing.get_type_hints(place.owner, include_extras=True)
        except (NameError, TypeError):  # pydantic has found them elsewhere
            return []
    return [hints[place.field]] if place.field in hints else list(hints.values())


def _is_generator(hint: Any) -> bool:
    hint = getattr(hint, "__value__", hint)  # of `type X = ...`
    if collections.abc.Generator in (hint, typing.get_origin(hint)):
        return True
    arguments = typing.get_args(hint) if typing.get_origin(hint) is not typing.Literal else ()
    return any(map(_is_generator, arguments))


def _compiled(schema: Any, classes: set[Any]) -> SchemaValidator:
    # Else the core takes the validators that the classes inside have, in which nothing is changed.
    with suppress(TypeError):  # pydantic before 2.13 takes no such argument
        return SchemaValidator(schema, _use_prebuilt=False)
    with _hiding.here(), ExitStack() as stack:
        for one in classes:
            if one is not None and one.__dict__.get("__pydantic_complete__"):
                stack.enter_context(_hidden(one))
        return SchemaValidator(schema)


@contextmanager
def _hidden(one: Any) -> Generator[None]:
    """The core takes no validator of a class that says it is not complete; before pydantic 2.13 it asks no more."""
    one.__pydantic_complete__ = False
    try:
        yield
    finally:
        one.__pydantic_complete__ = True
