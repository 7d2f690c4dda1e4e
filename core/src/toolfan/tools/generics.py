"""Types with other arguments: those of a generic alias in the places of its variables.

Knows: typing's forms, generic models of pydantic.  Must not know: tools, schemas.
"""

from __future__ import annotations

import functools
import operator
import types
import typing
from typing import Any, get_args, get_origin


def with_arguments(form: Any, arguments: tuple[Any, ...]) -> Any:
    """The same form of these, such as `list[B]` of `list[A]`."""
    if isinstance(form, types.UnionType):
        return functools.reduce(operator.or_, arguments)
    if get_origin(form) is typing.Annotated:
        annotated: Any = typing.Annotated
        return annotated[arguments]
    origin: Any = get_origin(form)
    return types.GenericAlias(origin, arguments) if isinstance(form, types.GenericAlias) else form.copy_with(arguments)


def alias_of(alias: Any, arguments: tuple[Any, ...]) -> Any:
    """What a generic alias such as `type Several[T] = Iterable[T]` is with these arguments; None if they do not fit."""
    variables = alias.__type_params__
    if len(variables) != len(arguments) or not all(isinstance(variable, typing.TypeVar) for variable in variables):
        return None
    return _filled_in(alias.__value__, dict(zip(variables, arguments, strict=True)))


def _filled_in(form: Any, given: dict[Any, Any]) -> Any:
    if isinstance(form, typing.TypeVar):
        return given.get(form, form)
    arguments = get_args(form)
    if not arguments:  # pydantic's generic models are classes
        own = getattr(form, "__pydantic_generic_metadata__", {}).get("parameters")
        return form[tuple(given.get(variable, variable) for variable in own)] if own else form
    if get_origin(form) is typing.Literal:
        return form
    types_in = arguments[:1] if get_origin(form) is typing.Annotated else arguments
    filled = (*(_filled_in(one, given) for one in types_in), *arguments[len(types_in) :])
    same = all(one is other for one, other in zip(filled, arguments, strict=True))
    return form if same else with_arguments(form, filled)
