"""What is wrong with the definition of a tool, in the words of toolfan.

Loaded when something is.

Knows: what pydantic, inspect and typing raise.  Must not know: tools, schemas.
"""

from __future__ import annotations

import collections.abc
import functools
import inspect
import types
import typing
from typing import Any, get_args, get_origin

from pydantic import PydanticUserError
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUndefinedAnnotation

from ..errors import ToolDefinitionError

_PLAIN = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, type)
_OF_FUNCTIONS = {"input_schema", "toolSpec", "functionDeclarations", "function_declarations"}  # keys of other forms
_ITERATORS = (collections.abc.Iterator, collections.abc.AsyncIterable)


def not_a_tool(target: Any) -> ToolDefinitionError:
    """The error of what cannot be a tool, with what to write in its place."""
    return ToolDefinitionError(f"{in_short(target)} cannot be a tool", hint=_hint_for(target))


def _hint_for(target: Any) -> str:
    if isinstance(target, collections.abc.Mapping):
        if target.get("type") == "function" or not _OF_FUNCTIONS.isdisjoint(target):
            return "It tells of a class or a function: pass that itself, for its calls could not be read else."
        return 'A tool of the provider\'s own goes out beside yours: extra_body={"tools": [...]}.'
    if isinstance(target, classmethod | types.MethodType):
        return "Leave the decorator @tool out, and offer the method as the class has it: tool(MyClass.my_method)."
    if any(base.__module__.startswith("pydantic.v1.") for base in getattr(target, "__mro__", ())):
        return "It is a model of pydantic.v1: derive it from pydantic.BaseModel."
    if origin := get_origin(target):
        arguments = get_args(target)
        several = ", ".join(map(in_short, arguments))
        if origin in (typing.Union, types.UnionType):
            if type(None) in arguments:
                return "A model may always call nothing; leave None (Optional) out."
            return f"It is several: write tools=({several}), or response_model=Iterable[...] around it."
        if origin is collections.abc.Iterable:
            return "It is a form of response_model=; in tools= they stand side by side: tools=(Weather, GoogleSearch)."
        if arguments and isinstance(origin, type) and issubclass(origin, _ITERATORS):
            return (
                f"Write response_model=Iterable[{in_short(arguments[0])}]; client.stream() gives each call as it comes."
            )
    return (
        "A tool is a pydantic model, a dataclass, a TypedDict or a function; several are spelled "
        "Iterable[Weather | GoogleSearch] or tools=(Weather, GoogleSearch)."
    )


def in_short(value: Any) -> str:
    """What was given, as it may stand in an error: of an object its type alone, since its repr may show a token."""
    if isinstance(value, type):
        return value.__qualname__
    if get_origin(value) is not None or type(value).__module__ in ("typing", "typing_extensions"):
        return repr(value)
    if isinstance(value, collections.abc.Mapping):
        return "a dict"
    if hasattr(value, "__qualname__") or (callable(value) and not isinstance(value, types.MethodType)):
        from .parameters import told

        return told(value)
    from ..secrets.redaction import shown

    return shown(value, ())


def takes_one(handler: Any) -> bool:
    """Whether it can be called with one argument, as far as is known; what a decorator passes on is not."""
    if not callable(handler):
        return False
    called = handler.func if isinstance(handler, functools.partial) else handler
    if getattr(called, "__signature__", None) is not None:  # written by a decorator, of what it decorates
        return True
    asked, given = handler, [None]
    if type(called) not in _PLAIN:  # an object, which may say to be the function that it stands for
        asked, given = type(handler).__call__, [handler, None]
    try:
        signature = inspect.signature(asked, follow_wrapped=False)
    except (TypeError, ValueError):  # of a builtin that tells none
        return True
    try:
        signature.bind(*given)
    except TypeError:
        return False
    return True


def raise_for(exc: BaseException, tool: str) -> None:
    """Raises ToolDefinitionError for what pydantic, inspect and typing say of a bad definition."""
    if isinstance(exc, ToolDefinitionError):
        raise exc.with_details(tool=exc.tool or tool) from exc.__cause__
    if isinstance(exc, PydanticInvalidForJsonSchema):
        place = ".".join(getattr(exc, "fields", ()))
        field = f"the field {place!r}" if place else "a field"
        raise ToolDefinitionError(
            f"{field} has no JSON schema: {exc.message}", tool=tool, hint="Use a type that JSON can carry."
        ) from exc
    if isinstance(exc, PydanticUserError) and exc.code == "schema-for-unknown-type":
        raise ToolDefinitionError(
            f"a type in its annotations is none of pydantic's: {exc.message.partition('. ')[0]}",
            tool=tool,
            hint="Use a type that JSON can carry: for an iterator list[...] or Iterable[...].",
        ) from exc
    if isinstance(exc, PydanticUserError) and exc.code == "typed-dict-version":
        raise ToolDefinitionError(
            "a TypedDict in it is one of typing, which pydantic reads from Python 3.12 on",
            tool=tool,
            hint="Write `from typing_extensions import TypedDict` where it, or one inside it, is defined.",
        ) from exc
    undefined = isinstance(exc, PydanticUserError) and exc.code == "class-not-fully-defined"
    if undefined or isinstance(exc, PydanticUndefinedAnnotation | NameError):
        raise ToolDefinitionError(
            f"a type in its annotations is not defined: {getattr(exc, 'message', exc)}",
            tool=tool,
            hint="Define the tool, and the types it names, at module level; import them outside `TYPE_CHECKING`.",
        ) from exc
    if isinstance(exc, RecursionError):
        raise ToolDefinitionError(
            "its definition is nested too deep, or holds itself",
            tool=tool,
            hint="Write what repeats as a model of its own; it may refer to itself.",
        ) from exc
    if isinstance(exc, KeyError) and "#" in str(exc):  # how pydantic says it
        raise ToolDefinitionError(
            f"its schema refers to {exc}, which is not there", tool=tool, hint="Correct the $ref."
        ) from exc
    if isinstance(exc, Exception):
        from ..signals import raise_what_a_signal_did

        raise_what_a_signal_did(exc)
        said = getattr(exc, "message", exc)
        named = "" if isinstance(exc, PydanticUserError | TypeError | ValueError) else f"{type(exc).__name__}: "
        raise ToolDefinitionError(f"it cannot be a tool: {named}{said}", tool=tool) from exc
