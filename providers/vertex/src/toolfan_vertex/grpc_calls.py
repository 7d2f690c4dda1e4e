"""Calls over gRPC that end when nobody waits for their answer any more.

A call that blocks its thread cannot be ended from another one.  So a whole answer is waited for on its future, and the
call of a stream is known before its first chunk is there: google-api-core lets a timeout, which may be an object, wrap
what is called.

Knows: grpc's calls, google-api-core's timeouts.  Must not know: models, requests and answers.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, cast

import grpc
from google.api_core.grpc_helpers import wrap_errors
from google.api_core.timeout import TimeToDeadlineTimeout
from toolfan.drivers.pooled_sockets import Served

if TYPE_CHECKING:
    from collections.abc import Callable


class ServedCall(Served):
    """A request over gRPC; `leave` cancels its call."""

    __slots__ = ("_call", "_call_lock", "_is_left")

    def __init__(self) -> None:
        super().__init__()
        self._call: Any = None
        self._is_left = False
        self._call_lock = threading.Lock()

    def by_call(self, call: Any) -> Any:
        """From now on `call` serves the request; it is returned, cancelled if nobody waits for it."""
        with self._call_lock:
            self._call, left = call, self._is_left
        if left:
            call.cancel()
        return call

    def leave(self) -> bool:
        """End the request, from any thread; one that is not sent yet ends when it is."""
        with self._call_lock:
            self._is_left, call = True, self._call
        if call is not None:
            call.cancel()
        return True


class Ending:
    """A timeout for google-api-core, under which the calls of a request are known to what ends them.

    `timeout` is in seconds; None is none.
    """

    def __init__(self, timeout: float | None, served: Served) -> None:
        assert isinstance(served, ServedCall)
        self._timed: Any = cast("Any", TimeToDeadlineTimeout)(timeout)
        self._served = served

    def __call__(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """`func`, which `wrap_errors` made, under this timeout."""
        inner, wrapped = getattr(func, "__wrapped__", None), cast("Any", wrap_errors)
        if isinstance(inner, grpc.UnaryUnaryMultiCallable):
            func = wrapped(_Whole(inner, self._served))
        elif isinstance(inner, grpc.UnaryStreamMultiCallable):
            func = wrapped(_Streamed(inner, self._served))
        timed: Callable[..., Any] = self._timed(func)
        return timed


class _Whole:
    def __init__(self, inner: Any, served: ServedCall) -> None:
        self._inner, self._served = inner, served

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self._served.by_call(self._inner.future(*given, **named)).result()


class _Streamed(grpc.UnaryStreamMultiCallable):  # type: ignore[misc]  # pyright: ignore[reportMissingTypeArgument]
    def __init__(self, inner: Any, served: ServedCall) -> None:
        self._inner, self._served = inner, served

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self._served.by_call(self._inner(*given, **named))
