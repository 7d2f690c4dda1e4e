"""Whether and when a failed request is sent again: one policy for one client, shared by all of its calls.

Full jitter, the provider's own wish honoured and capped, a pause for every call of the client after a 429, a budget
that keeps a failing provider from being asked many times as often as a healthy one.

`again` has how long to wait.

Knows: errors that say `retryable` and `retry_after`; the monotonic clock.  Must not know: providers, requests, how one
sleeps.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

from ..errors import ProviderError, RateLimited, UsageError
from ..locks import ProcessLock

if TYPE_CHECKING:
    from collections.abc import Callable

BUDGET = 100
"""Retries in advance; each answered request earns one back."""
_FITTING = {
    "stop": "Pass one of tenacity's, such as tenacity.stop_after_attempt(5), or a function that returns True or False.",
    "wait": "Pass one of tenacity's, such as tenacity.wait_fixed(2), or a function that returns seconds as a number.",
}


class Retries:
    """The retries of one client.

    `stop` and `wait` are tenacity's (`stop_after_attempt(5)`, `wait_exponential_jitter() + ...`), counted for each
    request; the defaults are three tries and full jitter up to 0.5, 1, 2 ... 8 seconds.  Raises UsageError for what
    cannot be called, a class (`tenacity.stop_after_attempt` without its number) and an async function.
    """

    longest_wait = 60.0
    """Seconds: a request for which the provider wants a longer wait is not sent again; the error has `retry_after`."""
    tries = 3

    def __init__(self, stop: Callable[[Any], bool] | None = None, wait: Callable[[Any], float] | None = None) -> None:
        for name, given in (("stop", stop), ("wait", wait)):
            if given is not None and (not callable(given) or isinstance(given, type) or _is_async(given)):
                from ..tools.definitions import in_short

                raise UsageError(f"{name} is {in_short(given)}", hint=_FITTING[name])
        self.stop, self.wait = stop, wait
        self.lock = ProcessLock()
        self.budget = float(BUDGET)
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
        until = time.monotonic() + min(seconds, self.longest_wait)
        with self.lock.here():
            self.paused_until = max(self.paused_until, until)

    def succeeded(self) -> None:
        """An answer came: part of the budget is earned back."""
        if self.budget < BUDGET:
            with self.lock.here():
                self.budget = min(self.budget + 1, BUDGET)

    def series(self) -> Series:
        """The tries of one request, which start now."""
        return Series(self)


def _is_async(function: Any) -> bool:
    from ..tools.parameters import is_coroutine_function  # only who gives one of their own needs it

    return is_coroutine_function(function)


class Series:
    """The tries of one request: how many, since when."""

    __slots__ = ("retries", "started", "tries", "waited")

    def __init__(self, retries: Retries) -> None:
        self.retries, self.started, self.tries, self.waited = retries, time.monotonic(), 0, 0.0

    def after(self, error: ProviderError) -> float | None:
        """Seconds to wait before the request is sent again after this error; None if it shall not be."""
        if isinstance(error, RateLimited) and error.retry_after:  # for the others, whether or not this one goes on
            self.retries.slow_down(error.retry_after)
        if not error.retryable:
            return None
        from .again import seconds_before  # loaded, as all that is for errors, when something fails

        return seconds_before(self, error)
