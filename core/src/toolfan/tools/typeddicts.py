"""TypedDicts of `typing` as pydantic takes them: before Python 3.12 it reads only those of `typing_extensions`.

Knows: typing's forms.  Must not know: tools, schemas.
"""

from __future__ import annotations

import sys
import typing
from typing import TYPE_CHECKING, Any, get_args, get_origin

import typing_extensions

from .generics import with_arguments
from .local_names import hints_of

if TYPE_CHECKING:
    from collections.abc import Callable

_REQUIRED = (typing.Required, typing_extensions.Required)
_NOT_REQUIRED = (typing.NotRequired, typing_extensions.NotRequired)


def readable(target: Any) -> Any:
    """`target`, or where pydantic would refuse it its twin of `typing_extensions`; values are plain dicts anyway."""
    return target if sys.version_info >= (3, 12) else _twin(target, ())


def _twin(form: Any, inside: tuple[Any, ...]) -> Any:
    if type(form).__module__ == "typing" and typing_extensions.is_typeddict(form):
        return form if form in inside else _rebuilt(form, (*inside, form))
    arguments = get_args(form)
    if not arguments or get_origin(form) is typing.Literal:
        return form
    twins = tuple(_twin(argument, inside) for argument in arguments)
    if all(twin is argument for twin, argument in zip(twins, arguments, strict=True)):
        return form
    return with_arguments(form, twins)


def _rebuilt(form: Any, inside: tuple[Any, ...]) -> Any:
    fields: dict[str, Any] = {}
    for name, hint in hints_of(form).items():
        # A mark inside a text, as `from __future__ import annotations` makes it, is not in `__required_keys__`.
        marked = get_origin(hint) in (*_REQUIRED, *_NOT_REQUIRED)
        required = get_origin(hint) in _REQUIRED if marked else name in form.__required_keys__
        twin = _twin(get_args(hint)[0] if marked else hint, inside)
        mark: Any = typing_extensions.Required if required else typing_extensions.NotRequired
        fields[name] = mark[twin]
    make = typing.cast("Callable[..., Any]", typing_extensions.TypedDict)
    twin = make(form.__name__, fields)
    twin.__doc__, twin.__module__, twin.__qualname__ = form.__doc__, form.__module__, form.__qualname__
    if hasattr(form, "__pydantic_config__"):
        twin.__pydantic_config__ = form.__pydantic_config__
    return twin
