"""Functions as tools: their parameters as a pydantic model.

Knows: signatures and annotations.  Must not know: tools, schemas.
"""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any

import typing_extensions
from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.fields import FieldInfo

from ..errors import ToolDefinitionError
from .local_names import hints_of
from .parameters import innermost, signature_of
from .typeddicts import readable

if TYPE_CHECKING:
    import inspect
    from collections.abc import Callable


def arguments_model(function: Callable[..., Any], name: str) -> type[BaseModel]:
    """A model with one aliased field a parameter, so that no parameter name can clash with pydantic's own.

    A `Field(...)` means what it means to `validate_call`, as a default too.
    Raises ToolDefinitionError for parameters that no model can fill by name or that are annotated as attributes of a
    class, and what inspect and typing raise.
    """
    signature, inner = signature_of(function), innermost(function)
    hints = hints_of(inner)
    if next(iter(signature.parameters), None) == "self" and _stands_in_a_class(inner):
        raise ToolDefinitionError(
            "it is a method without its object: the model would have to fill in self",
            hint=f"Pass the method of an object, such as my_object.{getattr(function, '__name__', 'method')}; "
            "above a method there is no @tool: tool(...) takes that of the object, too.",
        )
    fields: dict[str, Any] = {}
    for at, (parameter_name, parameter) in enumerate(signature.parameters.items()):
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise _nameless(parameter, hints.get(parameter_name))
        default = parameter.default
        if not isinstance(default, FieldInfo):
            default = Field() if default is parameter.empty else Field(default)
        fields[f"p{at}"] = (_aliased(readable(hints.get(parameter_name, Any)), parameter_name), default)
    model: type[BaseModel] = create_model(name, __config__=ConfigDict(arbitrary_types_allowed=False), **fields)
    for field, parameter_name in zip(fields, signature.parameters, strict=True):
        if field not in model.model_fields:  # pydantic took it for an attribute of the class: ClassVar, Final
            raise ToolDefinitionError(
                f"the parameter {parameter_name!r} is annotated as an attribute of a class",
                hint="Annotate it with the type alone: int for ClassVar[int] or Final[int].",
            )
    return model


def _nameless(parameter: inspect.Parameter, hint: Any) -> ToolDefinitionError:
    stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
    what = "a parameter with a name for each thing that it may be given"
    if stars == "**" and typing.get_origin(hint) in (typing.Unpack, typing_extensions.Unpack):
        unpacked = typing.get_args(hint)[0]
        what = f"each key of {getattr(unpacked, '__name__', unpacked)} as a parameter of its own"
    return ToolDefinitionError(
        f"the function takes {stars}{parameter.name}, which no model can fill by name",
        hint=f"Write {what} in its place.",
    )


def _aliased(hint: Any, name: str) -> Any:
    """The annotation, whose field is called `name` unless a `Field(...)` of its own says otherwise: the last counts."""
    parts = (hint.__origin__, *hint.__metadata__) if typing.get_origin(hint) is typing.Annotated else (hint,)
    annotated: Any = typing.Annotated
    return annotated[(parts[0], Field(alias=name), *parts[1:])]


def _stands_in_a_class(function: Callable[..., Any]) -> bool:
    outer = getattr(function, "__qualname__", "").rpartition(".")[0]
    return bool(outer) and not outer.endswith("<locals>")
