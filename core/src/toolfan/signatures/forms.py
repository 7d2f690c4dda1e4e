"""The forms of `messages`, of `response_model` and of `tools` (tuples of one to eight), as type checkers see them.

Each shape and each order here is there because mypy, pyright, ty and pyrefly must all read it the same;
`tests/typing` holds them to it.

Knows: types.  Must not know: what happens at run time; nothing here is used there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Protocol, TypeAlias

from pydantic import BaseModel
from typing_extensions import TypeVar

from ..tools.bound_calls import BoundCall
from ..tools.tool_type import Tool


class _ModelMessage(Protocol):
    """A message object of the openai or google-genai SDK."""

    def model_dump(self) -> dict[str, Any]: ...


class _ProtoMessage(Protocol):
    """A message object of the vertexai SDK."""

    def to_dict(self) -> dict[str, Any]: ...


# A text is an iterable of texts and a single message one of its keys: neither fits.
Messages: TypeAlias = Iterable[Mapping[str, Any] | _ModelMessage | _ProtoMessage]


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


# What is one call by itself, though a checker finds most of it iterable (a model gives pairs, a TypedDict its keys).
Record: TypeAlias = BaseModel | Mapping[str, Any] | _Dataclass
M = TypeVar("M", bound=Record)
# What `Iterable[...]` may hold.  Bound, so that a bare union of TypedDicts is not taken for an iterable of texts: mypy
# answers Any where two overloads match.
E = TypeVar("E", bound=Record)
S = TypeVar("S")

K: TypeAlias = type[S] | Tool[S]
"""A class, or what `tool()` and `Tool()` gave."""
F: TypeAlias = Callable[..., S]
B: TypeAlias = BoundCall[S]

T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
T5 = TypeVar("T5")
T6 = TypeVar("T6")
T7 = TypeVar("T7")
T8 = TypeVar("T8")

K1: TypeAlias = tuple[K[T1]]
K2: TypeAlias = tuple[K[T1], K[T2]]
K3: TypeAlias = tuple[K[T1], K[T2], K[T3]]
K4: TypeAlias = tuple[K[T1], K[T2], K[T3], K[T4]]
K5: TypeAlias = tuple[K[T1], K[T2], K[T3], K[T4], K[T5]]
K6: TypeAlias = tuple[K[T1], K[T2], K[T3], K[T4], K[T5], K[T6]]
K7: TypeAlias = tuple[K[T1], K[T2], K[T3], K[T4], K[T5], K[T6], K[T7]]
K8: TypeAlias = tuple[K[T1], K[T2], K[T3], K[T4], K[T5], K[T6], K[T7], K[T8]]

F1: TypeAlias = tuple[F[T1]]
F2: TypeAlias = tuple[F[T1], F[T2]]
F3: TypeAlias = tuple[F[T1], F[T2], F[T3]]
F4: TypeAlias = tuple[F[T1], F[T2], F[T3], F[T4]]
F5: TypeAlias = tuple[F[T1], F[T2], F[T3], F[T4], F[T5]]
F6: TypeAlias = tuple[F[T1], F[T2], F[T3], F[T4], F[T5], F[T6]]
F7: TypeAlias = tuple[F[T1], F[T2], F[T3], F[T4], F[T5], F[T6], F[T7]]
F8: TypeAlias = tuple[F[T1], F[T2], F[T3], F[T4], F[T5], F[T6], F[T7], F[T8]]

# A class or a Tool beside a bare function is typed when the function is written `tool(function)`.  Without this form
# the class would pass for a function that returns its instance.
_T: TypeAlias = type[Any] | Tool[Any]
_O: TypeAlias = _T | Callable[..., Any]
MixedTools: TypeAlias = (
    tuple[_T, *tuple[_O, ...]]
    | tuple[_O, _T, *tuple[_O, ...]]
    | tuple[_O, _O, _T, *tuple[_O, ...]]
    | tuple[_O, _O, _O, _T, *tuple[_O, ...]]
    | tuple[_O, _O, _O, _O, _T, *tuple[_O, ...]]
    | tuple[_O, _O, _O, _O, _O, _T, *tuple[_O, ...]]
    | tuple[_O, _O, _O, _O, _O, _O, _T, *tuple[_O, ...]]
    | tuple[_O, _O, _O, _O, _O, _O, _O, _T, *tuple[_O, ...]]
)
