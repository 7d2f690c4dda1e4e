"""Tools: what the user offers the model, each with a name, a description, a JSON schema and a validator.

Knows: Python types and functions as pydantic sees them.  Must not know: providers, wire names, conversations.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeAlias, cast, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from typing_extensions import TypeVar, is_typeddict

from ..errors import ToolDefinitionError
from ..overloads import overload
from ..schema.json_schema import Schema, check_json, has_lone_surrogate, root_object
from ..schema.of_types import TypeSchema
from ..schema.second_look import has_decimals, has_numbers
from .defining import definition_errors, in_short, is_function, not_a_tool, takes_one
from .type_adapters import careful

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Unpack

    from ..signatures.options import ToolOptions
    from .bound_calls import BoundCall

T_co = TypeVar("T_co", covariant=True, default=Any)
A = TypeVar("A")
R = TypeVar("R")
ToolKind: TypeAlias = Literal["model", "dataclass", "typeddict", "function"]


class Tool(Generic[T_co]):
    """A type or a function that a model may call.

    `model` is a pydantic model, a dataclass, a TypedDict or a function; the name is that of the type, the description
    its docstring, unless you give others.  `handler` runs a call of a type, `timeout` is in seconds, `sequential`
    tools never run beside others, `early` ones may start while the model still speaks: all for execution.
    Raises ToolDefinitionError for what no model could be offered.
    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "description",
        "early",
        "handler",
        "kind",
        "name",
        "sequential",
        "target",
        "timeout",
    )

    @overload
    def __init__(
        self, model: type[T_co], *, handler: Callable[..., Any] | None = None, **options: Unpack[ToolOptions]
    ) -> None: ...
    @overload
    def __init__(
        self: Tool[BoundCall[R]], model: Callable[..., R], *, handler: None = None, **options: Unpack[ToolOptions]
    ) -> None: ...
    def __init__(
        self,
        model: Any,
        *,
        name: str | None = None,
        description: str | None = None,
        handler: Callable[..., Any] | None = None,
        timeout: float | None = None,
        sequential: bool = False,
        early: bool = False,
    ) -> None:
        self.target: Any = model
        self.kind: ToolKind = tool_kind(model)
        _check_options(model, name=name, description=description, handler=handler, timeout=timeout)
        _check_options(model, sequential=sequential, early=early)
        self.name: str = name if name is not None else _name_of(model)
        if not self.name.strip():
            raise ToolDefinitionError(
                f"the tool made from {in_short(model)} has an empty name", hint="Give it a name=."
            )
        if handler is not None and self.kind == "function":
            raise ToolDefinitionError("a function needs no handler=", tool=self.name, hint="It is itself what runs.")
        self.description: str = description if description is not None else _description_of(model, self.kind)
        if has_lone_surrogate(self.description):
            raise ToolDefinitionError(
                "its description has a lone surrogate, which no JSON can hold", tool=self.name, hint="Change the text."
            )
        self.handler = handler
        self.timeout = timeout
        self.sequential = sequential
        self.early = early

    @functools.cached_property
    def arguments_type(self) -> Any:
        """The type that the arguments are validated against; for a function a model of its parameters."""
        with definition_errors(self.name):
            if self.kind == "typeddict":
                from .typeddicts import readable  # loaded, as what is for functions, where there is one

                return readable(self.target)
            if self.kind == "function":
                from .functions import arguments_model

                return arguments_model(self.target, self.name)
            return self.target

    @functools.cached_property
    def validator(self) -> TypeAdapter[Any]:
        """Compiled once.  Iterables are read as lists; NaN is a number only where `allow_inf_nan=True` is said."""
        with definition_errors(self.name):
            adapter: TypeAdapter[Any] = TypeAdapter(self.arguments_type)
            if not isinstance(adapter.core_schema, dict):  # put off, or a type is not defined at module level
                from .local_names import local_names

                adapter.rebuild(_types_namespace=local_names(self.target))
            return careful(adapter)

    @functools.cached_property
    def schema(self) -> Schema:
        """The JSON schema of the arguments: an object at its root, in declared order; rendered once."""
        with definition_errors(self.name):
            root = self._rendered(TypeSchema)
            check_json(root)
        return root

    @functools.cached_property
    def places(self) -> Schema:
        """The schema with each field wherever validation finds it, not only under the one name that is told."""
        from ..schema.every_name import EveryName  # for calls that need a second look

        try:
            with definition_errors(self.name):
                places = self._rendered(EveryName)
        except ToolDefinitionError:  # what was good enough to be sent is good enough here
            return self.schema
        return self.schema if places == self.schema else places

    def _rendered(self, kind: type[TypeSchema]) -> Schema:
        root = root_object(self.validator.json_schema(by_alias=True, schema_generator=kind))
        # The tool's own name and description say the same.
        for key in ("title", "description"):
            root.pop(key, None)
        return root

    @functools.cached_property
    def numeric(self) -> bool:
        """Whether an argument is asked to be a number."""
        return has_numbers(self.places)

    def is_exact(self) -> bool:
        """Whether an argument is a decimal number, which keeps all of its digits."""
        return self._has_decimals

    @functools.cached_property
    def _has_decimals(self) -> bool:
        return has_decimals(self.places)

    def bind(self, value: Any) -> T_co:
        """The validated arguments as what the user gets: themselves, or for a function a BoundCall."""
        if self.kind != "function":
            return cast("T_co", value)
        from .bound_calls import BoundCall  # for functions alone

        arguments = zip(self._parameters, map(value.__dict__.__getitem__, type(value).model_fields), strict=True)
        return cast("T_co", BoundCall(self.target, dict(arguments)))

    @functools.cached_property
    def _parameters(self) -> tuple[str, ...]:
        """The parameters' own names: a `Field(...)` may call them otherwise for the model."""
        from .parameters import signature_of

        return tuple(signature_of(self.target).parameters)

    def __repr__(self) -> str:
        return f"Tool({self.name!r}, {self.kind})"

    def __reduce__(self) -> tuple[Any, ...]:
        options: dict[str, Any] = {
            "name": self.name,
            "description": self.description,
            "handler": self.handler,
            "timeout": self.timeout,
            "sequential": self.sequential,
            "early": self.early,
        }
        from .bound_calls import picklable

        return _tool, (picklable(self.target), options)


def _tool(target: Any, options: dict[str, Any]) -> Tool[Any]:
    from .bound_calls import unpickled

    return Tool(unpickled(target), **options)


def _check_options(target: Any, **options: Any) -> None:
    for option, value in options.items():
        if option in ("sequential", "early"):
            good, what = isinstance(value, bool), "True or False"
        elif value is None:
            continue
        elif option == "timeout":
            number = isinstance(value, int | float) and not isinstance(value, bool)
            good, what = number and 0 < value < math.inf, "a number of seconds above 0, or None for no limit"
        elif option == "handler":
            good, what = takes_one(value), "a function that is called with the call's value alone"
        else:
            good, what = isinstance(value, str), "a text"
        if not good:
            tool_name = getattr(target, "__name__", None)
            raise ToolDefinitionError(
                f"{option}= of a tool is {in_short(value)}", tool=tool_name, hint=f"It is {what}."
            )


def tool_kind(target: Any) -> ToolKind:
    """What kind of tool `target` would be.  Raises ToolDefinitionError, with the right spelling, if it is none."""
    origin = get_origin(target) or target
    if isinstance(origin, type) and issubclass(origin, BaseModel):
        if origin is BaseModel:
            raise ToolDefinitionError("BaseModel itself is no tool", hint="Derive a model from it.")
        return "model"
    if is_typeddict(origin):
        return "typeddict"
    if dataclasses.is_dataclass(origin) and isinstance(origin, type):
        return "dataclass"
    if not isinstance(origin, type) and get_origin(target) is None and is_function(target):
        return "function"
    raise not_a_tool(target)


def _name_of(target: Any) -> str:
    origin = get_origin(target)
    if origin is not None:  # a parametrised dataclass or TypedDict; pydantic's generic models are real classes
        return f"{origin.__name__}[{', '.join(getattr(arg, '__name__', repr(arg)) for arg in get_args(target))}]"
    name = getattr(target, "__name__", None)
    if not isinstance(name, str) or name == "<lambda>":
        raise ToolDefinitionError(f"{in_short(target)} has no name", hint="Wrap it: toolfan.tool(function, name=...).")
    return name


def _description_of(target: Any, kind: ToolKind) -> str:
    if kind == "function":
        from .parameters import documented

        target = documented(target)
    origin = get_origin(target) or target
    doc = inspect.cleandoc(getattr(origin, "__doc__", None) or "")
    owner = origin if isinstance(origin, type) else type(origin)
    if dataclasses.is_dataclass(owner) and doc.startswith(f"{owner.__name__}("):
        return ""  # what the dataclass decorator writes when there is no docstring: it shows the defaults
    inherited = {"model": BaseModel.__doc__, "typeddict": dict.__doc__}.get(kind)
    return "" if inherited and doc == inspect.cleandoc(inherited) else doc


class _Decorator(Protocol):
    @overload
    def __call__(self, function: type[A], /) -> Tool[A]: ...  # type: ignore[overload-overlap]  # a class is callable too
    @overload
    def __call__(self, function: Callable[..., R], /) -> Tool[BoundCall[R]]: ...


@overload
def tool(function: type[A], /, **options: Unpack[ToolOptions]) -> Tool[A]: ...  # type: ignore[overload-overlap]  # a class is callable too
@overload
def tool(function: Callable[..., R], /, **options: Unpack[ToolOptions]) -> Tool[BoundCall[R]]: ...
@overload
def tool(**options: Unpack[ToolOptions]) -> _Decorator: ...
def tool(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    timeout: float | None = None,
    sequential: bool = False,
    early: bool = False,
    handler: Any = None,
) -> Any:
    """A function as a tool: `tool(function, ...)`, or as a decorator, `@tool` and `@tool(name=...)`.

    Calls of it come back as `BoundCall`.  For the options and what is raised see `Tool`.
    """
    if handler is not None:
        raise ToolDefinitionError(
            "tool() makes tools of functions and takes no handler=", hint="Write Tool(type, handler=function)."
        )
    make = functools.partial(
        Tool, name=name, description=description, timeout=timeout, sequential=sequential, early=early
    )
    return make if function is None else make(function)
