"""What is told to the model about each of its calls: one answer a call on the wire.

Knows: calls, outcomes, errors.  Must not know: any provider's form of an answer, when one is sent.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set, ValuesView
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json, to_jsonable_python

from ..calls import Answer, Call
from ..errors import InvalidArguments, TooManyCalls, UsageError, as_sentence
from ..secrets.masking import text_of
from ..wire import json_faults, well_formed

if TYPE_CHECKING:
    from ..adapter import ParallelToolsAdapter
    from ..calls import BadCall, Outcome, RawCall, Turn
    from ..errors import CallError

ACCEPTED = "Accepted. Do not repeat this call."
_LONGEST_INPUT = 200
_LONGEST_ERROR = 20_000  # characters of what a tool raised
_MOST_FAULTS = 500  # of one call: a list of a million wrong items would be told in a hundred times its size


def wire_answers(calls: Sequence[RawCall], answers: Mapping[str, Answer]) -> list[Answer]:
    """The answer to each call on the wire; a wrapper call gets those of the calls inside it, in one."""
    inside: defaultdict[str, list[Answer]] = defaultdict(list)
    for key in answers.keys() - {call.id for call in calls}:
        wrapper, _, number = key.rpartition(":")
        if number.rstrip("_").isdecimal():  # as `validation` names them
            inside[wrapper].append(answers[key])
    return [answers.get(call.id) or _wrapped(call, inside[call.id]) for call in calls]


def _wrapped(call: RawCall, found: Sequence[Answer]) -> Answer:
    content = {answer.call.id: answer.content for answer in sorted(found, key=lambda answer: answer.call.index)}
    return Answer(call, content, is_error=bool(found) and all(answer.is_error for answer in found))


def result_answer(raw: RawCall, result: Any) -> Answer:
    """The answer with what the tool returned; an exception is told as an error.

    Raises UsageError for what is no JSON.
    """
    if isinstance(result, BaseException):
        return Answer(raw, _exception_text(result), is_error=True)
    return Answer(raw, plain_result(raw.name, result))


def _exception_text(exc: BaseException) -> str:
    said = text_of(exc)
    if not said and type(exc).__repr__ is not BaseException.__repr__:  # a dataclass says its fields there alone
        text = well_formed(text_of(exc, repr))
    else:
        text = well_formed(f"{type(exc).__name__}: {said}")
    if len(text) <= _LONGEST_ERROR:
        return text
    return f"{text[:_LONGEST_ERROR]}... (cut after {_LONGEST_ERROR} of {len(text)} characters)"


def plain_result(name: str, result: Any) -> Any:
    """What the tool of this name returned, as plain JSON data, with U+FFFD for each lone surrogate.

    Raises UsageError for what JSON cannot say, whatever a provider would take: NaN and the infinities too.
    """
    if isinstance(result, str):
        return well_formed(result)
    plain: Any = None
    try:
        plain = to_jsonable_python(result, fallback=_plainer)
        text = json.dumps(plain, ensure_ascii=False, allow_nan=False)
    except Exception as exc:  # noqa: BLE001 - no JSON, circular, too deep, or a method of the value's that raised
        where, what = next(json_faults(plain), ("", str(exc) if isinstance(exc, _NoJsonError) else type(exc).__name__))
        why = f"{where}: {what}" if where else what
        said = f"the result of {name} cannot be written as JSON ({why})"
        raise UsageError(said, hint="Return plain data, or text.") from None
    mended = well_formed(text)
    return plain if mended is text else json.loads(mended)


def _plainer(value: Any) -> Any:
    """What pydantic does not know, but is a sequence, a set, a mapping, bytes or an exception all the same."""
    if isinstance(value, BaseException):  # as `gather(..., return_exceptions=True)` returns them
        return _exception_text(value)
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence | Set | ValuesView):
        return list(value)
    raise _NoJsonError(f"{type(value).__name__} is not a JSON type")


class _NoJsonError(TypeError):
    """A value that has no form in JSON; what a value's own methods raise is another matter."""


def error_answer(bad: BadCall) -> Answer:
    """The answer to a failed call: everything that is wrong with it."""
    return Answer(bad.raw, error_text(bad.error), is_error=True)


def error_text(error: CallError) -> str:
    """The error as the model is told it: all faults, and what to do, without words that are for the caller."""
    if isinstance(error, TooManyCalls):
        return f"Not run: {as_sentence(error.message)} {error.hint or 'Do not repeat this call.'}"
    if isinstance(error, InvalidArguments) and error.errors:
        faults = "\n".join(f"- {_fault(fault)}" for fault in error.errors[:_MOST_FAULTS])
        if len(error.errors) > _MOST_FAULTS:
            counted = error.errors[-1].get("type") != "too_many_errors"
            faults += f"\n- and {len(error.errors) - _MOST_FAULTS if counted else 'many'} more"
        return f"Invalid arguments:\n{faults}\nCall the tool again with all arguments corrected."
    hint = f" {error.hint}" if error.hint else ""
    return f"Failed: {as_sentence(error.message)}{hint} Make this call again, corrected."


def _fault(fault: Mapping[str, Any]) -> str:
    from ..validation.call_errors import place_of  # for calls that failed

    where = place_of(fault)
    if "input" not in fault:
        return f"{where}: {fault.get('msg')}"
    given = json.dumps(fault.get("input"), ensure_ascii=False, default=repr)
    shown = given if len(given) <= _LONGEST_INPUT else f"{given[:_LONGEST_INPUT]}..."
    return f"{where}: {fault.get('msg')} (given: {shown})"


def reask_answer(outcome: Outcome[Any], *, still_owed: str = "") -> Answer:
    """The answer to one call when others are asked again; `still_owed` reminds of calls of earlier rounds."""
    if isinstance(outcome, Call):
        return Answer(outcome.raw, f"{ACCEPTED}{still_owed}")
    answer = error_answer(outcome)
    return Answer(answer.call, f"{answer.content}{still_owed}", is_error=True)


def goes_back(adapter: ParallelToolsAdapter, turn: Turn, *, nudged: bool) -> bool:
    """Whether the turn is sent back: a service refuses one that says nothing; what else is said, adapters know.

    `nudged` says that a word of the user's follows it, which asks again.
    """
    if turn.calls or turn.text or turn.refusal or turn.stop.kind == "paused":
        return True
    knows = getattr(adapter, "goes_back", None)
    return knows is not None and bool(knows(turn, nudged=nudged))


def with_ids(listed: Sequence[Any], calls: Sequence[RawCall], field: str) -> list[Any]:
    """The calls of a turn as they came, in call order, each an object with its `RawCall.id` in this field.

    For turns that go back: an id that is missing, or another call's, becomes the one by which the call is answered;
    what has the right one is as it came.  Where there are more entries than calls, or fewer, so is the list.
    """
    if len(listed) != len(calls):
        return list(listed)
    entries = [one if isinstance(one, Mapping) else {} for one in listed]
    return [{**entry, field: call.id} for entry, call in zip(entries, calls, strict=True)]


def check_answers(turn: Turn, answers: Sequence[Answer], *, adapter: str) -> None:
    """Raises UsageError unless there is one answer for each call of the turn, in call order."""
    if [answer.call.id for answer in answers] != [call.id for call in turn.calls]:
        raise UsageError("the answers do not fit the calls", adapter=adapter, hint="One answer a call, in order.")


def answer_text(answer: Answer, *, adapter: str) -> str:
    """What the model is told: a text as it is, all else as JSON.  Raises UsageError for what JSON cannot say."""
    if isinstance(answer.content, str):
        return answer.content
    try:
        return to_json(answer.content, fallback=str).decode()
    except ValueError as exc:  # a lone surrogate, a circular structure
        raise UsageError(
            f"the result of the call {answer.call.id} cannot be written as JSON: {exc}",
            adapter=adapter,
            call_id=answer.call.id,
            hint="Mend the result, or give it as text.",
        ) from None
