"""Raw calls to outcomes: a typed `Call` or a `BadCall` that says why.  Never raises on what a model said.

Knows: tools, repairs, JSON text.  Must not know: providers, requests, how often to ask again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import from_json

from ..assembly.sealing import WRAPPERS
from ..calls import BadCall, Call, Outcome, RawCall
from ..errors import CallError, InvalidArguments, TooManyCalls, TruncatedCall
from ..schema.second_look import is_plain
from ..values import dataclass
from .duplicates import Repeats

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..tools.tool_type import Tool
    from ..tools.toolset import NameMap, ToolSet
    from .scrutiny import SecondLook

MAX_ARGUMENT_CHARACTERS = 16 * 1024 * 1024
"""Of one call; in UTF-8 that is up to four times as many bytes."""
WANTED_ALL_THE_SAME = "A call of this tool is required: make it again."
"""What the model is told of a required call that came beyond the limit."""
_NONE: tuple[str, ...] = ()
_FIRST = object()
_NOT_ALLOWED = ("decimal_", "greater_than", "less_than", "multiple_of")  # of a number that is one
_NO_FIELDS = frozenset({"type", "title", "description", "required"})


@dataclass(slots=True)
class Rules:
    """How calls are judged.

    `limit` is the largest number of calls (None: any), `cut` says that the answer ended too early, `context` goes to
    pydantic's validators, `attempt` counts the rounds of asking from 1.  `empty_may_be_cut`: the provider gives
    arguments as values, so that `{}` may also mean that a call was cut before its arguments, and a field that is
    missing that it was cut before that one.  `required`: the tools of which one must be called.
    """

    adapter: str
    names: NameMap
    repairs: bool = True
    context: Any = None
    limit: int | None = None
    cut: bool = False
    attempt: int = 1
    empty_may_be_cut: bool = False
    required: Sequence[str] = ()


def validate(raw_calls: Sequence[RawCall], tools: ToolSet[Any], rules: Rules) -> tuple[Outcome[Any], ...]:
    """One outcome for each call, in call order; wrapper calls are unwrapped into theirs."""
    judged = Judged(tools, rules, taken=[call.id for call in raw_calls])
    final = len(raw_calls) - 1
    for at, call in enumerate(raw_calls):
        judged.add(call, len(judged.outcomes), cut=rules.cut and at == final)
    return tuple(judged.outcomes)


class Judged:
    """The outcomes of one answer, call by call, in the order in which they are added.

    `taken` are ids of calls to come, as far as they are known: no call inside a wrapper gets one of them.
    """

    __slots__ = ("_ids", "_rules", "_seen", "_tools", "_within", "outcomes")

    def __init__(self, tools: ToolSet[Any], rules: Rules, *, taken: Iterable[str] = ()) -> None:
        self.outcomes: list[Outcome[Any]] = []
        self._tools, self._rules = tools, rules
        self._ids = set(taken)
        self._seen = Repeats()
        self._within: set[str] = set()  # the tools called within the limit

    def add(self, call: RawCall, at: int, *, cut: bool = False) -> int:
        """Judge a call, which is the one at the place `at`; how many it was: those inside a wrapper count.

        `cut`: the answer ended too early, maybe inside this call.
        """
        rules = self._rules
        if rules.repairs and call.name in WRAPPERS and (inner := _unwrapped(call, rules.names)):
            for number, (part, made) in enumerate(inner):
                call_id = part.id
                while call_id in self._ids:  # of a call that the provider named so
                    call_id += "_"
                named = RawCall(at + number, call_id, part.name, part.arguments, part.provider_id)
                # What the wrapper leaves out is not cut: it is whole JSON.
                last = number == len(inner) - 1 and part.arguments not in ("", "{}")
                self._judge(named, cut=cut and last, repairs=made)
            return len(inner)
        if at != call.index:
            call = RawCall(at, call.id, call.name, call.arguments, call.provider_id)
        self._judge(call, cut=cut)
        return 1

    def add_if_whole(self, call: RawCall, at: int) -> int:
        """`add`, while nobody knows yet if the answer is cut; 0, and nothing is judged, if it depends on that."""
        count = len(self.outcomes)
        added = self.add(call, at, cut=True)
        last = self.outcomes[-1]
        if not (isinstance(last, BadCall) and isinstance(last.error, TruncatedCall)):
            return added
        for outcome in self.outcomes[count:]:
            self._ids.discard(outcome.id)
            if isinstance(outcome, Call) and outcome.duplicate_of is None:
                self._seen.forget(outcome.name, outcome.raw.arguments, outcome.index)
        del self.outcomes[count:]
        return 0

    def _judge(self, call: RawCall, *, cut: bool, repairs: tuple[str, ...] = _NONE) -> None:
        at = call.index
        self._ids.add(call.id)
        rules = self._rules
        outcome: Outcome[Any]
        if rules.limit is not None and at >= rules.limit:  # whatever it says: no validator of the user's shall run
            name = _meant(call.name, rules)[0] or call.name
            outcome = _bad(call, name, rules, self._too_many(name))
        else:
            outcome = _outcome(call, self._tools, rules, cut=cut)
        if isinstance(outcome, Call):
            first = self._seen.first(outcome.name, call.arguments, at)
            if first != at or repairs:
                outcome = Call(
                    at,
                    call.id,
                    outcome.name,
                    outcome.value,
                    call,
                    tuple(dict.fromkeys((*repairs, *outcome.repairs))),
                    outcome.attempt,
                    None if first == at else first,
                )
        if rules.limit is not None and at < rules.limit:
            self._within.add(outcome.name)
        self.outcomes.append(outcome)

    def _too_many(self, name: str) -> TooManyCalls:
        """The error of a call beyond the limit; if it is the required one, and none came before it, it is wanted."""
        rules = self._rules
        wanted = name in rules.required and self._within.isdisjoint(rules.required)
        hint = WANTED_ALL_THE_SAME if wanted else None
        return TooManyCalls(f"the model made more calls than {rules.limit}", hint=hint)


def _unwrapped(call: RawCall, names: NameMap) -> list[tuple[RawCall, tuple[str, ...]]] | None:
    from .wrappers import unwrap  # loaded, as all repairs, where there is something to mend

    return unwrap(call, names.to_tool)


def _broken(wrapper: RawCall, *, cut: bool) -> CallError | None:
    from .call_errors import broken_wrapper
    from .repairs import opened

    return broken_wrapper(opened(wrapper.arguments)[0], cut=cut)


def _meant(name: str, rules: Rules) -> tuple[str | None, tuple[str, ...]]:
    """The tool that is meant by this name, if there is one, and the repairs made."""
    repairs = _NONE
    if rules.repairs and name not in rules.names.to_tool:
        from .repairs import repair_name

        name, repairs = repair_name(name, rules.names)
    return rules.names.to_tool.get(name), repairs


def _outcome(call: RawCall, tools: ToolSet[Any], rules: Rules, *, cut: bool) -> Outcome[Any]:
    tool_name, repairs = rules.names.to_tool.get(call.name), _NONE
    if tool_name is None:
        tool_name, repairs = _meant(call.name, rules)
    if tool_name is None:
        from .call_errors import unknown_tool  # loaded, as repairs, for calls that need it

        broken = _broken(call, cut=cut) if rules.repairs and call.name in WRAPPERS else None
        return _bad(call, call.name, rules, broken or unknown_tool(call.name, rules.names))
    tool = tools.by_name[tool_name]
    if len(call.arguments) > MAX_ARGUMENT_CHARACTERS:
        error: CallError = InvalidArguments(f"the arguments are longer than {MAX_ARGUMENT_CHARACTERS} characters")
        return _bad(call, tool_name, rules, error)
    if cut and rules.empty_may_be_cut and call.arguments == "{}" and _takes_something(tool):
        from .call_errors import cut_before_arguments

        return _bad(call, tool_name, rules, cut_before_arguments())
    try:
        value, more = read_arguments(tool, call.arguments, repairs=rules.repairs, context=rules.context, cut=cut)
    except Exception as exc:  # noqa: BLE001 - a user's validator may raise anything; the call fails, not the answer
        from .call_errors import argument_error

        return _bad(call, tool_name, rules, argument_error(exc, call, tool, cut=cut, as_values=rules.empty_may_be_cut))
    return Call(call.index, call.id, tool_name, value, call, repairs + more, rules.attempt)


def read_arguments(
    tool: Tool[Any], text: str, *, repairs: bool, context: Any, cut: bool = False
) -> tuple[Any, tuple[str, ...]]:
    """The typed value of the arguments, and the repairs they needed.

    `cut`: where there are none, nobody knows if there were to be some, unless the tool takes none.  Raises pydantic's
    ValidationError, and whatever a validator of the user's raises.
    """
    made = _NONE
    if repairs and text[:1] != "{":  # an object needs none of these
        from .repairs import repair_arguments

        unsaid = cut and not text.strip("\ufeff \t\r\n") and _takes_something(tool)
        text, made = repair_arguments(text, may_be_empty=not unsaid and not tool.schema.get("required"))
    whole = None
    validator = tool.validator.validator  # the core's own: what TypeAdapter adds costs a quarter more
    try:
        value = validator.validate_json(text, context=context)
    except ValidationError as exc:
        from .repairs import integral_floats

        places = _wanting_integers(exc) if repairs else ()
        whole = integral_floats(text, places) if places else None
        if whole is None:
            raise
        try:
            value = validator.validate_json(whole, context=context)
        except Exception:  # noqa: BLE001 - the first error is the one to tell
            raise exc from None
        made = (*made, "integral_float")
    if not is_plain(text, tool.is_exact):
        from .scrutiny import SecondLook

        look = SecondLook(text, tool.places if tool.numeric else {}, numeric=tool.numeric)
        if look.digits and not look.faults:
            exact = _exactly(tool, whole or text, look, context, keeps_first=repairs)
            value, made = (value, (*made, "inexact_decimal")) if exact is _FIRST else (exact, made)
        if look.faults:
            raise ValidationError.from_exception_data(tool.name, look.faults, "json")
        if look.integral_float and repairs and "integral_float" not in made:
            made = (*made, "integral_float")
    return tool.bind(value), made


def _takes_something(tool: Tool[Any]) -> bool:
    return any(said for key, said in tool.schema.items() if key not in _NO_FIELDS)


def _wanting_integers(exc: ValidationError) -> list[list[str | int]]:
    """Where a strict model asks for an integer: lax validation takes 3.0 for one by itself, which `scrutiny` finds."""
    text = _faults(exc)
    return [fault["loc"] for fault in from_json(text) if fault["type"] == "int_type"] if '"int_type"' in text else []


def _faults(exc: ValidationError) -> str:
    """As JSON: `errors()` makes objects of all."""
    try:
        return exc.json(include_url=False, include_context=False, include_input=False)
    except Exception:  # noqa: BLE001 - it tells words of the user's, which may be no text at all
        return "[]"


def _exactly(tool: Tool[Any], text: str, look: SecondLook, context: Any, *, keeps_first: bool) -> Any:
    """The value again, with the digits of decimal numbers that a float has no room for.

    `_FIRST` if a validator of the user's takes no such text, and `keeps_first`; else a fault where that fails.  Raises
    ValidationError if the exact number is not allowed.
    """
    try:
        return tool.validator.validator.validate_json(look.with_digits(text), context=context)
    except ValidationError as exc:
        kinds = {fault["type"] for fault in from_json(_faults(exc))}
        if kinds and all(kind.startswith(_NOT_ALLOWED) for kind in kinds):
            raise
        of_validators = kinds <= {"value_error", "assertion_error"}
    except Exception:  # noqa: BLE001 - a validator of the user's that wants a number
        of_validators = True
    if of_validators and keeps_first:  # the model can send no text that would help
        return _FIRST
    look.inexact()
    return None


def _bad(call: RawCall, tool: str, rules: Rules, error: CallError) -> BadCall:
    # Set in place: the error was made for this call a moment ago.
    error.adapter, error.tool, error.call_id = rules.adapter, tool, call.id
    return BadCall(call.index, call.id, tool, call, error, rules.attempt)
