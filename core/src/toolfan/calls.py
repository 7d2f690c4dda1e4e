"""The values that a model's answer becomes: calls, failures, usage, the turn.

Knows: plain frozen data.  Must not know: providers, schemas, how a call is validated or sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias

from typing_extensions import TypeVar

from .moved import moved
from .values import dataclass

if TYPE_CHECKING:
    from .errors import CallError
    from .tools.bound_calls import BoundCall as BoundCall

T_co = TypeVar("T_co", covariant=True)

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


Outcome: TypeAlias = Call[T_co] | BadCall
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


if not TYPE_CHECKING:
    __getattr__, __dir__ = moved(__name__, {"tools.bound_calls": "BoundCall picklable unpickled"})
