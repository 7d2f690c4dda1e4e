"""`Calls[T]`: what one request for tool calls gives back.

Knows: outcomes, turns, how a result is stored as JSON.  Must not know: providers, how calls were asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any

from pydantic import PydanticUndefinedAnnotation, PydanticUserError, TypeAdapter, ValidationError
from typing_extensions import TypeForm, TypeVar

from ..calls import JSON, BadCall, Call, Outcome, Result, Round, StopReason, Turn, Usage
from ..errors import BadResponse, UsageError
from ..overloads import overload
from ..values import dataclass

if TYPE_CHECKING:
    from ..adapter import ParallelToolsAdapter
    from ..messages.chat import Message
    from ..signatures.forms import E, M
    from ..tools.toolset import ToolSet

T_co = TypeVar("T_co", covariant=True)
S = TypeVar("S")


@dataclass(frozen=True, repr=False)
class Calls(Sequence[T_co]):
    """The calls of one answer: a sequence of the good values, in call order, iterable again and again.

    `outcomes` has every call the model made, good or bad, in call order.  `text` is the text beside the calls, `usage`
    the tokens summed over attempts, `stop` why the answer ended, `raw` the provider's last answer as plain JSON,
    `headers` its response headers (lower-case names; rate limits are there).  `attempts` counts the rounds of asking,
    `requests` every request made; `rounds` has each round's turn and calls as they came, before the calls of later
    rounds went into the failed slots of earlier ones.  `tools` are those that were offered; they are not pickled.
    Frozen, comparable, picklable.
    """

    outcomes: tuple[Outcome[T_co], ...] = ()
    turn: Turn = field(default_factory=Turn)
    usage: Usage = field(default_factory=Usage)
    attempts: int = 1
    requests: int = 1
    request_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: JSON = field(default_factory=dict)
    rounds: tuple[Round, ...] = ()
    codec: ParallelToolsAdapter | None = field(default=None, compare=False)
    tools: ToolSet[Any] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        outcomes: Any = self.outcomes
        if not isinstance(outcomes, tuple) and any(not isinstance(one, Call | BadCall) for one in outcomes):
            raise UsageError(
                "Calls are made of outcomes, not of values; pydantic makes them so for Sequence[...]",
                hint="Write list[...] in the field, or as what the function returns, and give it list(calls).",
            )
        if not self.rounds:
            object.__setattr__(self, "rounds", (Round(self.turn, self.outcomes),))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "tools": None}  # a handler may be any function, also one that cannot be pickled

    @property
    def good(self) -> tuple[Call[T_co], ...]:
        """The valid calls."""
        return tuple(outcome for outcome in self.outcomes if isinstance(outcome, Call))

    @property
    def failed(self) -> tuple[BadCall, ...]:
        """The calls that are not valid, each with its error."""
        return tuple([outcome for outcome in self.outcomes if isinstance(outcome, BadCall)])

    @property
    def text(self) -> str:
        """The text beside the calls, of all rounds; empty if there was none."""
        if len(self.rounds) < 2:
            return self.turn.text
        return "\n".join(one.turn.text for one in self.rounds if one.turn.text)

    @property
    def stop(self) -> StopReason:
        """Why the answer ended."""
        return self.turn.stop

    @property
    def model(self) -> str | None:
        """The model that answered, as the provider names it."""
        return self.turn.model

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was odd about the answers but cost nothing."""
        if len(self.rounds) < 2:
            return self.turn.warnings
        return tuple(warning for one in self.rounds for warning in one.turn.warnings)

    def __iter__(self) -> Iterator[T_co]:
        return iter([outcome.value for outcome in self.outcomes if isinstance(outcome, Call)])

    def __len__(self) -> int:
        return len([outcome for outcome in self.outcomes if isinstance(outcome, Call)])

    @overload
    def __getitem__(self, index: int) -> T_co: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T_co]: ...
    def __getitem__(self, index: int | slice) -> T_co | Sequence[T_co]:
        return tuple(self)[index]

    def __repr__(self) -> str:
        parts = [repr(list(self))]
        if self.failed:
            faults = [f"{bad.name or 'a call without a name'}: {bad.error.message}" for bad in self.failed]
            parts.append(f"failed={faults}")
        if self.text:
            parts.append(f"text={self.text[:80]!r}")
        return f"Calls({', '.join(parts)})"

    def raw_as(self, type_: TypeForm[S]) -> S:
        """`raw` as the vendor's own type, for example `calls.raw_as(openai.types.chat.ChatCompletion)`.

        Raises BadResponse if the answer does not fit that type, UsageError if pydantic cannot read the type.
        """
        from_dict = getattr(type_, "from_dict", None)
        if from_dict is not None and not hasattr(type_, "model_validate"):
            return from_dict(self.raw)  # type: ignore[no-any-return]  # vertexai's classes
        try:
            adapter: TypeAdapter[S] = TypeAdapter(type_)
            return adapter.validate_python(self.raw)
        except (PydanticUserError, PydanticUndefinedAnnotation) as exc:
            raise UsageError(
                f"the answer cannot be read as {type_!r}, which is no type", hint="Pass the vendor's class itself."
            ) from exc
        except ValidationError as exc:
            many = exc.error_count()
            raise BadResponse(
                f"the answer does not fit {getattr(type_, '__name__', type_)}: {many} fault{'s' * (many > 1)}, first: "
                f"{exc.errors(include_url=False)[0]['msg']}",
                hint="Read .raw, the plain JSON, instead.",
            ) from exc

    def reply(self, results: Mapping[str, Any] | Iterable[Result[Any]]) -> list[Message]:
        """The messages that answer every call exactly once, in the provider's own form, to be sent after yours.

        `results` is what `execute` returned, or has the result of each call by its id; an exception is told to the
        model as an error, and a failed call without a result is answered with its own error.  Raises UsageError for ids
        that are missing or unknown, for results that are neither, and for one that is no JSON (a coroutine, NaN): only
        where it is in a `Result`, as `execute` returned it, is that told to the model as an error of its call.
        """
        from .replies import replies  # not everyone replies

        return replies(self, results)

    def to_json(self) -> str:
        """The result as JSON text; see `from_json`."""
        from .storage import calls_to_json  # the one door upwards: storing needs tools and the registry

        return calls_to_json(self)

    @overload
    @staticmethod
    def from_json(text: str, response_model: TypeForm[M], *, context: Any = None) -> Calls[M]: ...
    @overload
    @staticmethod
    def from_json(text: str, response_model: TypeForm[Iterable[E]], *, context: Any = None) -> Calls[E]: ...
    @overload
    @staticmethod
    def from_json(text: str, response_model: TypeForm[Sequence[S]], *, context: Any = None) -> Calls[S]: ...
    @overload
    @staticmethod
    def from_json(text: str, response_model: TypeForm[S], *, context: Any = None) -> Calls[S]: ...
    @overload
    @staticmethod
    def from_json(
        text: str, response_model: None = None, *, tools: Iterable[Any], context: Any = None
    ) -> Calls[Any]: ...
    @staticmethod
    def from_json(
        text: str, response_model: Any = None, *, tools: Iterable[Any] | None = None, context: Any = None
    ) -> Calls[Any]:
        """What `to_json` wrote, with the values validated again; `context` goes to pydantic, as in `create`.

        Raises UsageError if the text is none of ours, or a call is no longer valid for these tools.
        """
        from .storage import calls_from_json

        return calls_from_json(text, response_model, tools, context)
