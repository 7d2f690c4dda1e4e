"""The messages that answer the calls of one result: `Calls.reply`.

Knows: results, what is told about one call.  Must not know: any provider's form of an answer.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from ..calls import Answer, BadCall, Call, RawCall, Result
from ..errors import CallError, UsageError
from ..tools.bound_calls import BoundCall
from .answering import goes_back, reask_answer, result_answer, wire_answers

if TYPE_CHECKING:
    from ..messages.chat import Message
    from .calls_type import Calls


def replies(calls: Calls[Any], results: Any) -> list[Message]:
    """What `Calls.reply` returns, and raises."""
    if calls.codec is None:
        raise UsageError("these calls do not know their adapter", hint="Use the Calls that create() returned.")
    ids = {outcome.id for outcome in calls.outcomes}
    bad = {outcome.id: outcome.error for outcome in calls.failed}
    given = _by_id(results)
    told = {key: result for key, result in given.items() if not _is_same_error(_content(result), bad.get(key))}
    missing = [outcome.id for outcome in calls.outcomes if outcome.id not in told and outcome.id not in bad]
    unknown = [key for key in told if key not in ids]
    if missing or unknown:
        faults = [f"no result for {', '.join(missing)}"] if missing else []
        faults += [f"no call has the id {', '.join(map(repr, unknown))}"] if unknown else []
        raise UsageError(
            "; ".join(faults), hint="Every call is answered once, by its id: calls.reply({call.id: result, ...})."
        )
    final = {(outcome.attempt, outcome.raw.id): outcome.id for outcome in calls.outcomes}
    said: list[Message] = []
    for number, one in enumerate(calls.rounds, start=1):
        answers = {}
        for outcome in one.outcomes:
            call_id = final.get((number, outcome.raw.id), "")
            if call_id in told:
                answers[outcome.raw.id] = _answer(outcome.raw, told[call_id], call_id)
            else:  # failed, or mended since, or a repetition of a call that is answered elsewhere
                answers[outcome.raw.id] = reask_answer(outcome)
        if goes_back(calls.codec, one.turn, nudged=bool(one.nudge)):
            said += calls.codec.build_answer(one.turn, wire_answers(one.turn.calls, answers))
        if one.nudge:
            said.append({"role": "user", "content": one.nudge})
    return said


def _by_id(results: Any) -> Mapping[str, Any]:
    """What was given to `reply`, a Result or a value by the id of each call.  Raises UsageError if it is no results."""
    if isinstance(results, Mapping):
        return cast("Mapping[str, Any]", results)
    hint = "Pass {call.id: result, ...}, or what toolfan.execute(calls) returned."
    if isinstance(results, str | bytes) or not isinstance(results, Iterable):
        raise UsageError(f"results is {type(results).__name__}", hint=hint)
    given = list(results)
    for at, one in enumerate(given):
        if not isinstance(one, Result):
            raise UsageError(f"results[{at}] is {type(one).__name__}, not a toolfan.Result", hint=hint)
    return {one.call.id: one for one in given}


def _content(result: Any) -> Any:
    return result.content if isinstance(result, Result) else result


def _answer(raw: RawCall, result: Any, call_id: str) -> Answer:
    """The answer with this result; what a tool that was executed returned, and is no JSON, is told as an error.

    Raises UsageError for any other value that is none: what is wrong is then the program that gives it.
    """
    if isinstance(result, Call | BadCall | RawCall):  # which pydantic writes as JSON, as any dataclass
        said = f"the result of {raw.name} is a {type(result).__name__}"
        raise UsageError(said, tool=raw.name, call_id=call_id, hint=_instead_of(result))
    try:
        return result_answer(raw, _content(result))
    except UsageError as exc:
        if isinstance(result, Result):
            return Answer(raw, f"UsageError: {exc}", is_error=True)
        raise UsageError(exc.message, tool=raw.name, call_id=call_id, hint=_instead_of(result)) from None


def _instead_of(value: Any) -> str:
    if isinstance(value, BoundCall):
        return "It is the call itself: give what its .run() returns, or what `await` of its .arun() does."
    if isinstance(value, Call | BadCall | RawCall):
        return "It is the call itself: give what came of it."
    if inspect.isawaitable(value):
        return "It was not awaited: give what `await` of it returns."
    return "Give plain data or a text, or an exception to have the model told that the call failed."


def _is_same_error(result: Any, error: CallError | None) -> bool:
    return isinstance(result, CallError) and result == error
