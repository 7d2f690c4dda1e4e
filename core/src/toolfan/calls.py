"""The values that a model's answer becomes: calls, failures, usage, the turn.

Knows: plain frozen data.  Must not know: providers, schemas, how a call is validated or sent.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from dataclasses import field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias

from typing_extensions import TypeVar

from .errors import UsageError
from .overloads import overload
from .values import dataclass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from .errors import CallError

T_co = TypeVar("T_co", covariant=True)
R_co = TypeVar("R_co", covariant=True)
X = TypeVar("X")

JSON: TypeAlias = dict[str, Any]
"""A JSON object."""

StopKind: TypeAlias = Literal["calls", "end", "paused", "length", "filtered", "refused", "malformed", "other", "none"]


@dataclass(frozen=True, slots=True)
class RawCall:
    """One call as the model made it, before validation.

    `arguments` is JSON text: what came, or the JSON encoding of the object that came.  `id` is unique in its turn
    (`call_<index>` where the provider sent none, an empty or a repeated one); `provider_id` keeps what came.
    """

    index: int
    id: str
    name: str
    arguments: str
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class Call(Generic[T_co]):
    """A call that is valid: `value` is the typed object.

    `repairs` names the lossless repairs that its arguments needed, `attempt` the round of asking that produced it
    (from 1), `duplicate_of` the index of an earlier call of this answer with the same tool and
    arguments, whatever the order of their keys.
    """

    index: int
    id: str
    name: str
    value: T_co
    raw: RawCall
    repairs: tuple[str, ...] = ()
    attempt: int = 1
    duplicate_of: int | None = None


@dataclass(frozen=True, slots=True)
class BadCall:
    """A call that failed: `error` says why, `raw` has what the model sent."""

    index: int
    id: str
    name: str
    raw: RawCall
    error: CallError
    attempt: int = 1


Outcome: TypeAlias = "Call[T_co] | BadCall"
"""What became of one call."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the text beside the calls, as it came in a stream."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, as the provider counted them; what it does not report is 0.

    `cache_read_tokens` and `cache_write_tokens` are part of `input_tokens`, `reasoning_tokens` of `output_tokens`.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.total_tokens + other.total_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
        )


@dataclass(frozen=True, slots=True)
class StopReason:
    """Why the answer ended: `kind` is ours, `raw` the provider's own word."""

    kind: StopKind
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """What an adapter reads from one response.

    `replay` is the provider's own assistant turn, opaque, to be sent back verbatim: it carries thought signatures.
    """

    calls: tuple[RawCall, ...] = ()
    text: str = ""
    stop: StopReason = StopReason("none")
    usage: Usage = Usage()
    refusal: str | None = None
    replay: Any = None
    warnings: tuple[str, ...] = ()
    model: str | None = None
    response_id: str | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """One round of asking: the provider's turn and what became of each of its calls, as they came.

    `nudge` is what the model was told after a turn without calls, where it was asked again.
    """

    turn: Turn
    outcomes: tuple[Outcome[Any], ...] = ()
    nudge: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is told to the model about one call: its result, or what was wrong with it."""

    call: RawCall
    content: Any
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Result(Generic[T_co]):
    """What became of executing one call: `value`, or the `error` that it ended with.

    A failed call (`BadCall`) is not executed; its own error is the `error`.  TimeoutError: a limit of time passed.
    `started` and `ended` are seconds since the execution began; `started` is None for what never ran.  `abandoned`: it
    could not be ended and still ran when this was made.  Compares by content, the error by its type and arguments.
    """

    call: Call[T_co] | BadCall
    value: Any = None
    error: BaseException | None = None
    started: float | None = None
    ended: float = 0.0
    abandoned: bool = False

    @property
    def seconds(self) -> float:
        """How long it ran; 0 if it never did."""
        return 0.0 if self.started is None else self.ended - self.started

    @property
    def content(self) -> Any:
        """What the model is told: the error if there is one, else the value."""
        return self.value if self.error is None else self.error

    def _compared(self) -> tuple[Any, ...]:
        error = None if self.error is None else (type(self.error), self.error.args)
        return self.call, self.value, error, self.started, self.ended, self.abandoned

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Result) and self._compared() == other._compared()

    def __hash__(self) -> int:
        return hash((self.call.id, self.started, self.ended))


@dataclass(frozen=True, eq=True)
class BoundCall(Generic[R_co]):
    """A function that the model called, with its validated arguments; running it is up to you.

    `R` is what the function returns as it stands: a coroutine, if it is a coroutine function.
    """

    function: Callable[..., R_co]
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def _bound(self) -> inspect.BoundArguments:
        signature = inspect.signature(self.function)
        positional = [
            self.arguments[name]
            for name, parameter in signature.parameters.items()
            if parameter.kind is parameter.POSITIONAL_ONLY and name in self.arguments
        ]
        named = {
            name: value
            for name, value in self.arguments.items()
            if signature.parameters[name].kind is not inspect.Parameter.POSITIONAL_ONLY
        }
        return signature.bind(*positional, **named)

    def run(self) -> R_co:
        """Call the function and return its result; whatever it raises passes.  A coroutine function is refused."""
        if inspect.iscoroutinefunction(self.function):
            raise UsageError(
                f"{getattr(self.function, '__qualname__', self.function)} is a coroutine function",
                hint="Use `await call.arun()`.",
            )
        bound = self._bound()
        return self.function(*bound.args, **bound.kwargs)

    @overload
    async def arun(self: BoundCall[Awaitable[X]]) -> X: ...
    @overload
    async def arun(self: BoundCall[X]) -> X: ...
    async def arun(self) -> Any:
        """Call the function, await it if it is a coroutine function, and return its result."""
        bound = self._bound()
        result = self.function(*bound.args, **bound.kwargs)
        return await result if inspect.isawaitable(result) else result

    def __reduce__(self) -> tuple[Any, ...]:
        return _bound_call, (picklable(self.function), self.arguments)

    def __repr__(self) -> str:
        name = getattr(self.function, "__name__", repr(self.function))
        return f"{name}({', '.join(f'{key}={value!r}' for key, value in self.arguments.items())})"


def _bound_call(function: Any, arguments: Mapping[str, Any]) -> BoundCall[Any]:
    return BoundCall(unpickled(function), arguments)


def picklable(function: Any) -> Any:
    """`function`, or its module and name where `@tool` has put a tool in its place, so that pickle would refuse it."""
    try:
        at = function.__module__, function.__qualname__
        return at if getattr(_named(*at), "target", None) is function else function
    except (AttributeError, ImportError, TypeError):
        return function


def unpickled(function: Any) -> Any:
    """The function that `picklable` was given."""
    return _named(*function).target if isinstance(function, tuple) else function


def _named(module: str, name: str) -> Any:
    return functools.reduce(getattr, name.split("."), importlib.import_module(module))
