"""What a handler of a signal raised, in the midst of whatever ran: Ctrl-C, SIGTERM's SystemExit, a soft limit of time.

Knows: exceptions, what led to them, their frames, signals.  Must not know: who makes what of an exception.
"""

from __future__ import annotations

import inspect
import signal
import threading
import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

_LONGEST_CHAIN = 8


def chain(exc: BaseException) -> Iterator[BaseException]:
    """The exception and what led to it; not what the user's code was handling when it asked."""
    one: BaseException | None = exc
    passed: set[FrameType] = set()
    for _ in range(_LONGEST_CHAIN):
        if one is None:
            break
        yield one
        passed.update(frames(one))
        before = one.__context__
        began = before.__traceback__ if before is not None else None
        one = one.__cause__ or (before if began is None or began.tb_frame in passed else None)


def of_signal(exc: BaseException) -> BaseException | None:
    """What led to `exc`, if a handler of a signal raised that, in the midst of whatever ran; else None."""
    if threading.current_thread() is not threading.main_thread():  # where handlers never run
        return None
    handlers = _codes_of_handlers()
    return next((one for one in chain(exc) if _was_interrupted(one, handlers)), None)


def raise_what_a_signal_did(exc: BaseException) -> None:
    """Raises that exception as it is, whatever an SDK made of it: its owner waits for it, and no request failed."""
    if (own := of_signal(exc)) is not None:
        context = own.__context__
        try:
            raise own
        finally:
            own.__context__ = context


def _was_interrupted(exc: BaseException, handlers: set[CodeType]) -> bool:
    before: FrameType | None = None
    for frame in frames(exc):
        if before is not None and (frame.f_code in handlers or _is_given(frame, before)):
            return True
        before = frame
    return False


def _is_given(frame: FrameType, other: FrameType) -> bool:
    """Whether a function has this frame, of what called it, as its last positional argument: so handlers are called."""
    code = frame.f_code
    last, extra = code.co_argcount - 1, code.co_argcount + code.co_kwonlyargcount
    if last >= 0 and frame.f_locals.get(code.co_varnames[last]) is other:
        return True
    if not code.co_flags & inspect.CO_VARARGS:
        return False
    more = frame.f_locals.get(code.co_varnames[extra])
    return isinstance(more, tuple) and bool(more) and more[-1] is other


def _codes_of_handlers() -> set[CodeType]:
    """Of functions and methods; any other thing that can be called ends in one that is given the frame."""
    handlers: list[Any] = [signal.getsignal(number) for number in signal.valid_signals()]
    codes = (getattr(getattr(handler, "__func__", handler), "__code__", None) for handler in handlers)
    return {code for code in codes if code is not None}


def frames(exc: BaseException) -> Iterator[FrameType]:
    return (frame for frame, _ in traceback.walk_tb(exc.__traceback__))
