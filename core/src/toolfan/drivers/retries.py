"""Whether and when a failed request is sent again: one policy for one client, shared by all of its calls.

Full jitter, the provider's own wish honoured and capped, a pause for every call of the client after a 429, a budget
that keeps a failing provider from being asked many times as often as a healthy one.

Knows: errors that say `retryable` and `retry_after`; tenacity's stop and wait; the monotonic clock.
Must not know: providers, requests, how one sleeps.
"""

from __future__ import annotations

import math
import random
import time
from typing import TYPE_CHECKING, Any

from ..errors import ProviderError, RateLimited, UsageError
from ..locks import ProcessLock

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_WAIT = 60.0
"""Seconds: a request for which the provider wants a longer wait is not sent again; the error carries `retry_after`."""
TRIES = 3
BUDGET = 100
"""Retries in advance; each answered request earns one back."""
_FITTING = {
    "stop": "Pass one of tenacity's, such as tenacity.stop_after_attempt(5), or a function that returns True or False.",
    "wait": "Pass one of tenacity's, such as tenacity.wait_fixed(2), or a function that returns seconds as a number.",
}
_SPENT = "It was not sent again: the retries of this client are used up, and only answers earn new ones."


class Retries:
    """The retries of one client.

    `stop` and `wait` are tenacity's (`stop_after_attempt(5)`, `wait_exponential_jitter() + ...`), counted for each
    request; the defaults are three tries and full jitter up to 0.5, 1, 2 ... 8 seconds.  Raises UsageError for what
    cannot be called, a class (`tenacity.stop_after_attempt` without its number) and an async function.
    """

    def __init__(self, stop: Callable[[Any], bool] | None = None, wait: Callable[[Any], float] | None = None) -> None:
        for name, given in (("stop", stop), ("wait", wait)):
            if given is not None and (not callable(given) or isinstance(given, type) or _is_async(given)):
                from ..tools.definitions import in_short

                raise UsageError(f"{name} is {in_short(given)}", hint=_FITTING[name])
        self._stop, self._wait = stop, wait
        self._lock = ProcessLock()
        self._budget = float(BUDGET)
        self.paused_until = 0.0
        """Until when this client sends nothing, on the monotonic clock."""

    def pause(self) -> float:
        """Seconds for which this client sends nothing, because the provider asked it to slow down."""
        return max(0.0, self.paused_until - time.monotonic())

    def spread(self, seconds: float) -> float:
        """A wait of a little more, so that not all calls of this client send at the same moment."""
        return seconds * random.uniform(1.0, 1.1)

    def slow_down(self, seconds: float) -> None:
        """Let every call of this client wait so long, or as long as any wait may be."""
        until = time.monotonic() + min(seconds, LONGEST_WAIT)
        with self._lock.here():
            self.paused_until = max(self.paused_until, until)

    def succeeded(self) -> None:
        """An answer came: part of the budget is earned back."""
        if self._budget < BUDGET:
            with self._lock.here():
                self._budget = min(self._budget + 1, BUDGET)

    def series(self) -> Series:
        """The tries of one request, which start now."""
        return Series(self)

    def after(self, error: ProviderError, state: Any) -> float | None:
        """Seconds to wait before the request is sent again; None if it shall not be."""
        wish = error.retry_after
        if not error.retryable or (wish is not None and wish > LONGEST_WAIT):
            return None
        seconds = max(self._backoff(state), wish or 0.0)
        state.upcoming_sleep = seconds
        if self._stopped(state):
            return None
        with self._lock.here():
            spent = self._budget < 1
            self._budget -= 0 if spent else 1
        if spent:
            error.hint = f"{error.hint or ''} {_SPENT}".strip()
            return None
        if isinstance(error, RateLimited):
            self.slow_down(seconds)
        return seconds

    def _stopped(self, state: Any) -> bool:
        if self._stop is None:
            return bool(state.attempt_number >= TRIES)
        return bool(_said("stop", self._stop, state, lambda value: isinstance(value, bool)))

    def _backoff(self, state: Any) -> float:
        if self._wait:
            return float(min(_said("wait", self._wait, state, _is_seconds), 1e9))
        import tenacity

        return tenacity.wait_random_exponential(multiplier=0.5, max=8)(state)


def _is_async(function: Any) -> bool:
    from ..tools.parameters import is_coroutine_function  # only who gives one of their own needs it

    return is_coroutine_function(function)


def _is_seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not math.isnan(value)


def _said(name: str, function: Callable[[Any], Any], state: Any, fits: Callable[[Any], bool]) -> Any:
    """What the user's function says.  Raises UsageError if it raises, or says what it may not."""
    error: ProviderError = state.outcome.exception()
    try:
        value = function(state)
    except Exception as exc:
        what = f"{name}= raised {type(exc).__name__}: {exc}"
        raise _fault(what, f"Mend the function in {name}=.", error) from exc
    if fits(value):
        return value
    if hasattr(value, "close"):  # a coroutine, which nobody will await
        value.close()
    what = "NaN" if isinstance(value, float) and math.isnan(value) else type(value).__name__
    wanted = "seconds as a number" if name == "wait" else "True or False"
    raise _fault(f"{name}= returned {what}", f"It returns {wanted}, at once.", error) from error


def _fault(what: str, hint: str, error: ProviderError) -> UsageError:
    """It is told with the error that the function was asked about, and carries what that one brought."""
    what += f"; it was asked after {type(error).__name__}: {error.message}"
    return UsageError(what, hint=hint, calls=error.calls, turn=error.turn, request_id=error.request_id)


class Series:
    """The tries of one request: how many, since when."""

    __slots__ = ("_retries", "_started", "_tries", "_waited")

    def __init__(self, retries: Retries) -> None:
        self._retries, self._started, self._tries, self._waited = retries, time.monotonic(), 0, 0.0

    def after(self, error: ProviderError) -> float | None:
        """Seconds to wait before the request is sent again after this error; None if it shall not be."""
        if isinstance(error, RateLimited) and error.retry_after:  # for the others, whether or not this one goes on
            self._retries.slow_down(error.retry_after)
        if not error.retryable:
            return None
        import tenacity

        self._tries += 1
        state = tenacity.RetryCallState(tenacity.Retrying(), None, (), {})
        state.attempt_number, state.start_time, state.idle_for = self._tries, self._started, self._waited
        state.set_exception((type(error), error, None))
        seconds = self._retries.after(error, state)
        self._waited += seconds or 0.0
        return seconds
