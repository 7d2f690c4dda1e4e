"""The loop of `run()`: ask, execute, answer, ask again, until nothing more is called; one generator for both clients.

Knows: conversations as a whole, results, limits.  Must not know: how one asks, how calls are executed, event loops.
"""

from __future__ import annotations

import pickle
from collections.abc import Generator
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ..calls import BadCall, Call, Outcome, Result, Turn, Usage
from ..conversation.judging import without_requirement
from ..conversation.reasking import follow_up
from ..errors import DeadlineExceeded, InvalidCalls, ToolfanError, TooManyCalls, UsageError
from ..messages.rewriting import copied
from ..results.calls_type import Calls
from ..values import dataclass
from .ended_calls import note

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from ..adapter import ParallelToolsAdapter
    from ..drivers.whole import Deadline
    from ..messages.chat import Message
    from ..request.arguments import Prepared

_RAN = "Tools have run: go on from error.run.messages, not from the start."
_GO_ON = "The results of your calls are above. Go on."
Stop: TypeAlias = Literal["text", "max_rounds", "max_calls", "deadline"]


@dataclass(frozen=True, slots=True)
class RunRound:
    """One answer of the model, and what the execution of its calls gave: a result for each outcome, in call order."""

    calls: Calls[Any]
    results: tuple[Result[Any], ...] = ()


@dataclass(frozen=True, repr=False)
class Run:
    """What `client.run()` gives back: the model's last words, and everything that was called on the way.

    `stop` says why it ended: "text" (the model called nothing more), "max_rounds", "max_calls", "deadline"; None in an
    error's `.run`.  `messages` is the whole conversation, every call answered, to go on with.  `usage`, `attempts` and
    `requests` are those of all rounds.
    """

    rounds: tuple[RunRound, ...] = ()
    stop: Stop | None = None
    messages: tuple[Message, ...] = ()
    usage: Usage = field(default_factory=Usage)
    attempts: int = 0
    requests: int = 0

    @property
    def text(self) -> str:
        """The text of the last answer, after that of those which the service paused just before.

        It may be cut though `stop` is "text": `rounds[-1].calls.stop` says how that answer ended ("length": at the
        limit of output tokens).
        """
        answers = [one.calls for one in self.rounds]
        begun = next((at for at in range(len(answers) - 1, 0, -1) if answers[at - 1].stop.kind != "paused"), 0)
        return "".join(calls.text for calls in answers[begun:])

    @property
    def calls(self) -> tuple[Outcome[Any], ...]:
        """Every call that the model made, good or bad, in order."""
        return tuple(outcome for one in self.rounds for outcome in one.calls.outcomes)

    @property
    def results(self) -> tuple[Result[Any], ...]:
        """What came of every call; times are seconds since the run began."""
        return tuple(result for one in self.rounds for result in one.results)

    @property
    def abandoned(self) -> tuple[Result[Any], ...]:
        """The results of calls that could not be ended and were left behind, still running."""
        return tuple(result for result in self.results if result.abandoned)

    def picklable(self) -> Run:
        """The run, in which the repr stands for each result, or a RuntimeError with it for each error, that pickle
        would refuse."""
        kept = [replace(one, results=tuple(_picklable(result) for result in one.results)) for one in self.rounds]
        return replace(self, rounds=tuple(kept))

    def __repr__(self) -> str:
        text = f", text={self.text[:80]!r}" if self.text else ""
        left = f", abandoned={len(self.abandoned)}" if self.abandoned else ""
        return f"Run(stop={self.stop!r}, rounds={len(self.rounds)}, calls={len(self.calls)}{left}{text})"


def _picklable(result: Result[Any]) -> Result[Any]:
    if not _survives(result.value):
        result = replace(result, value=repr(result.value))
    return result if _survives(result.error) else replace(result, error=RuntimeError(repr(result.error)))


def _survives(value: Any) -> bool:
    try:
        pickle.loads(pickle.dumps(value))
    except Exception:  # noqa: BLE001 - a method of the value's may raise anything
        return False
    return True


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask this; the driver answers with the Calls, or throws in what `create` would raise."""

    prepared: Prepared


@dataclass(frozen=True, slots=True)
class Execute:
    """Execute these calls, beside what was started already; the driver answers with the results by key."""

    calls: tuple[tuple[Hashable, Call[Any]], ...] = ()


RunLoop: TypeAlias = Generator[Ask | Execute, Any, Run]
Found: TypeAlias = "Mapping[Hashable, tuple[Result[Any], Any]]"  # each with what the model is told of its value


def key_of(call: Call[Any] | BadCall) -> Hashable:
    """What a call is known by within a round, when it is streamed, merged or asked for again."""
    return call.attempt, call.raw.id


@dataclass(slots=True)
class _Progress:
    """What has been said, run and spent so far."""

    messages: tuple[Message, ...]
    rounds: tuple[RunRound, ...] = ()
    usage: Usage = field(default_factory=Usage)
    attempts: int = 0
    requests: int = 0

    def spend(self, usage: Usage, attempts: int, requests: int) -> None:
        self.usage += usage
        self.attempts += attempts
        self.requests += requests

    def run(self, stop: Stop | None = None) -> Run:
        return Run(self.rounds, stop, self.messages, self.usage, self.attempts, self.requests)


def run_loop(adapter: ParallelToolsAdapter, prepared: Prepared, max_rounds: int, deadline: Deadline) -> RunLoop:
    """Ask, execute the good calls, answer every call once, and ask again, until the model calls nothing or a limit.

    Calls that fail are answered with their errors; `on_invalid="reask"` has them asked for again before anything of
    their round is executed, "raise" raises.  A required tool choice holds until a round with such a call.  An error
    carries what ran in `.run`, and the cost of all rounds.  A turn that the service paused is sent back to go on.
    """
    so_far = _Progress(copied(prepared.request.messages))  # tools run meanwhile
    try:
        while True:
            if not deadline.leaves(0):
                return so_far.run("deadline")
            calls = yield from _asked(adapter, prepared, so_far, deadline)
            if calls is None:
                return so_far.run("deadline")
            found: Found = (yield from _executed(adapter, prepared, so_far, calls)) if calls.good else {}
            _record(adapter, prepared, so_far, calls, found)
            if (stop := _stop(so_far, calls, max_rounds)) is not None:
                return so_far.run(stop)
            prepared = replace(prepared, request=without_requirement(prepared.request, calls.outcomes))
    except ToolfanError as exc:
        exc.attempts += so_far.attempts
        exc.requests += so_far.requests
        exc.run = so_far.run()
        if any(result.started is not None for result in exc.run.results):
            exc.hint = f"{exc.hint or ''} {_RAN}".strip()
        raise
    except BaseException as exc:
        if ran := [f"{one.call.name} ({one.call.id})" for one in so_far.run().results if one.started is not None]:
            note(exc, f"calls that ran in earlier rounds: {', '.join(ran)}")
        raise


def _asked(
    adapter: ParallelToolsAdapter, prepared: Prepared, so_far: _Progress, deadline: Deadline
) -> Generator[Ask | Execute, Any, Calls[Any] | None]:
    """The next answer; None if the deadline passed.  What ran while one that failed still came is recorded."""
    request = replace(prepared.request, messages=so_far.messages)
    # The first round has what the run has, so that an error tells of as much time as was given.
    policy = replace(prepared.policy, deadline=deadline.remaining()) if so_far.rounds else prepared.policy
    try:
        calls: Calls[Any] = yield Ask(replace(prepared, request=request, policy=policy))
    except ToolfanError as exc:
        if isinstance(exc, InvalidCalls) and policy.on_invalid != "raise" and exc.calls is not None:
            calls = exc.calls
        else:
            found: Found = yield Execute()
            so_far.spend(exc.calls.usage if exc.calls is not None else Usage(), exc.attempts, exc.requests)
            exc.attempts = exc.requests = 0  # they are added when it is raised
            came, is_late = exc.calls, isinstance(exc, DeadlineExceeded)
            whole = came is not None and came.rounds[0].turn is not exc.turn  # calls of it were asked for again
            if found or (is_late and whole):
                _record(adapter, prepared, so_far, _known_by_results(adapter, found) if came is None else came, found)
            if not (is_late and so_far.rounds):
                raise
            return None
    so_far.spend(calls.usage, calls.attempts, calls.requests)
    return calls


def _executed(
    adapter: ParallelToolsAdapter, prepared: Prepared, so_far: _Progress, calls: Calls[Any]
) -> Generator[Ask | Execute, Any, Found]:
    """What came of the good calls; what ran before the execution was ended is recorded."""
    try:
        found: Found = yield Execute(tuple((key_of(call), call) for call in calls.good))
    except ToolfanError as exc:
        ran: Found = yield Execute()
        if ran:
            exc.calls = calls if exc.calls is None else exc.calls
            _record(adapter, prepared, so_far, calls, ran)
        raise
    return found


def _known_by_results(adapter: ParallelToolsAdapter, found: Found) -> Calls[Any]:
    """The calls of an answer of which nothing is left but what ran."""
    outcomes = tuple(result.call for result, _ in found.values())
    return Calls(outcomes, Turn(calls=tuple(outcome.raw for outcome in outcomes)), codec=adapter)


def _record(
    adapter: ParallelToolsAdapter, prepared: Prepared, so_far: _Progress, calls: Calls[Any], found: Found
) -> None:
    """The round, with an answer to each of its calls; of an answer that broke off, to those that had come."""
    results, told = _in_order(calls, found)
    so_far.rounds += (RunRound(calls, results),)
    paused = calls.stop.kind == "paused"
    written = calls.turn.calls or any(one.turn.calls for one in calls.rounds)
    if calls.failed and not written:  # the provider could not read what the model wrote: nothing to answer
        more = follow_up(adapter, prepared.request, calls)
        said = list(more.messages) if more else []
    else:
        said = calls.reply(told)
        # Else the last word were the model's own.
        if calls.outcomes and calls.turn.text and not (calls.turn.calls or paused):
            said.append({"role": "user", "content": _GO_ON})
    so_far.messages += tuple(said)


def _in_order(calls: Calls[Any], found: Found) -> tuple[tuple[Result[Any], ...], list[Result[Any]]]:
    """One result for each outcome, after them those of calls that ran and are no outcome any more; what is told.

    What is told of a value is plain data, made when its tool returned.
    """
    rest = dict(found)
    results: list[Result[Any]] = []
    told: list[Result[Any]] = []
    for outcome in calls.outcomes:
        if isinstance(outcome, BadCall):
            results.append(Result(outcome, error=outcome.error))
            continue
        ran = rest.pop(key_of(outcome), None)
        if ran is None:
            ran = Result(outcome, error=RuntimeError(f"{outcome.name} was not started: the run ended before")), None
        result, plain = _sendable(*ran)
        told.append(Result(outcome, plain))
        results.append(replace(result, call=outcome))
    return (*results, *[result for result, _ in rest.values()]), told


def _sendable(result: Result[Any], told: Any) -> tuple[Result[Any], Any]:
    """The result, and what the model is told of it: `told`, of its value.

    One that no provider could be sent has an error that says so, so that the conversation goes on.
    """
    try:
        if result.error is None:
            untold = isinstance(told, UsageError) and told is not result.value  # the tool may have returned one
            return (replace(result, error=told) if untold else result), told
        str(result.error)
    except Exception as exc:  # noqa: BLE001 - a method of the error's that raised
        error = UsageError(f"the error of {result.call.name} cannot be written ({type(exc).__name__})")
    else:
        return result, result.error
    return replace(result, error=error), error


def _stop(so_far: _Progress, calls: Calls[Any], max_rounds: int) -> Stop | None:
    if not calls.outcomes and calls.stop.kind != "paused":
        return "text"
    late = [one for one in so_far.rounds[-1].results if isinstance(one.error, TooManyCalls) and one.started is None]
    if any(isinstance(one.call, Call) for one in late):  # and no tool raised it
        return "max_calls"
    return "max_rounds" if len(so_far.rounds) >= max_rounds else None
