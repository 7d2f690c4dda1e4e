"""Every error toolfan raises, by whose fault it is.

    ToolfanError
    ├── UsageError                 the caller: fix the program or its configuration
    │   ├── ToolDefinitionError        a tool type that no model could be offered
    │   ├── ConfigError                a profile, setting or environment variable
    │   ├── AdapterNotFound            no installed distribution offers this adapter
    │   │   └── AdapterNotInstalled        one that we know of would: the message has the command
    │   ├── AdapterConflict            two distributions offer the same name
    │   ├── AdapterBroken              its plugin could not be imported or is malformed
    │   │   └── AdapterTooNew              it speaks another version of the adapter protocol
    │   └── Unsupported                the adapter says that the provider cannot do this
    ├── ProviderError              the provider or the network
    │   ├── AuthenticationError  PermissionDenied  RequestRejected  RateLimited  QuotaExhausted
    │   ├── Unavailable  DeadlineExceeded  ConnectionFailed  BadResponse  IncompleteStream
    │   └── ContentFiltered  Refused
    └── CallError                  the model: what it called, or how
        ├── UnknownTool  InvalidArguments  MalformedArguments  TruncatedCall  TooManyCalls
        └── InvalidCalls               raised; carries every outcome in `.calls`

Knows: what an error says and carries.  Must not know: SDKs, requests, headers, keys.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from .moved import moved

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from typing_extensions import Unpack

    from .calls import Turn
    from .error_details import ErrorDetails as ErrorDetails
    from .execution.running import Run
    from .results.calls_type import Calls

NOT_BEGUN = -1
"""`requests` of an error that a transport raises before anything of the request was sent: it is not counted then."""

_DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(("hint", "adapter", "tool", "call_id")),
    "retryable": False,
    "attempts": 0,
    "requests": 0,
    **dict.fromkeys(("request_id", "status", "code", "retry_after", "calls", "turn", "run")),
}


class ToolfanError(Exception):
    """Base of all errors of toolfan.

    `message` says what happened and `hint` what to do next; `adapter`, `tool` and `call_id` say where.
    `retryable`: the same request may succeed later.  `attempts` and `requests` count what was spent.
    `status` and `code` are the provider's own, `retry_after` is in seconds, `calls` holds what was good so far and
    `turn` what a cut stream, or an answer with an error in it, had said, `run` what had been executed when a `run()`
    failed.  Compares by content, pickles and copies; holds no request, header or key.
    """

    retryable_by_default = False

    hint: str | None
    adapter: str | None
    tool: str | None
    call_id: str | None
    retryable: bool
    attempts: int
    requests: int
    request_id: str | None
    status: int | None
    code: str | None
    retry_after: float | None
    calls: Calls[Any] | None
    turn: Turn | None
    run: Run | None

    def __init__(self, message: str, **details: Unpack[ErrorDetails]) -> None:
        super().__init__(message)
        unknown = details.keys() - _DEFAULTS.keys()
        if unknown:
            raise TypeError(f"{type(self).__name__}: unknown detail {', '.join(sorted(unknown))}")
        self.message = message
        self.__dict__.update(_DEFAULTS)
        self.retryable = self.retryable_by_default
        self.__dict__.update(details)

    def __str__(self) -> str:
        places = (("adapter", self.adapter), ("tool", self.tool), ("call", self.call_id), ("request", self.request_id))
        where = ", ".join(f"{label} {value}" for label, value in places if value)
        text = f"{self.message} [{where}]" if where else self.message
        return f"{as_sentence(text)} {self.hint}" if self.hint else text

    def with_details(self, **details: Unpack[ErrorDetails]) -> ToolfanError:
        """A copy of the error with these details set (the traceback and cause stay with the original)."""
        twin = copy.copy(self)
        twin.__dict__.update(details)
        return twin

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), self.message, self.call_id))

    def __reduce__(self) -> tuple[Any, ...]:
        state = self.__dict__.copy()
        if self.run is not None:
            state["run"] = self.run.picklable()
        return _rebuild, (type(self), state)

    def __copy__(self) -> ToolfanError:
        return _rebuild(type(self), self.__dict__.copy())


def as_sentence(text: str) -> str:
    """The text with a full stop behind it, unless it ends as a sentence does."""
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _rebuild(cls: type[ToolfanError], state: dict[str, Any]) -> ToolfanError:
    error = cls.__new__(cls, state["message"])
    error.args = (state["message"],)
    error.__dict__.update(state)
    return error


class UsageError(ToolfanError):
    """The program that calls toolfan, or its configuration, must change; nothing, or nothing more, was sent."""


class ToolDefinitionError(UsageError):
    """A tool type, or a set of them, cannot be offered to a model."""


class ConfigError(UsageError):
    """A profile, a setting or an environment variable is missing or wrong."""


class AdapterNotFound(UsageError):
    """No installed distribution offers an adapter of this name, or serves this client."""


class AdapterNotInstalled(AdapterNotFound):
    """A distribution that is not installed would offer this adapter; the hint has the command."""


class AdapterConflict(UsageError):
    """Two installed distributions offer an adapter of this name, or serve this client."""


class AdapterBroken(UsageError):
    """The plugin that offers this adapter cannot be imported, or is not an adapter."""


class AdapterTooNew(AdapterBroken):
    """The plugin speaks a version of the adapter protocol that this toolfan does not."""


class Unsupported(UsageError):
    """The adapter's capabilities deny this request; nothing was sent."""


class ProviderError(ToolfanError):
    """The provider answered with an error, or could not be reached."""


class AuthenticationError(ProviderError):
    """The provider does not accept the credentials (HTTP 401)."""


class PermissionDenied(ProviderError):
    """The credentials are known but may not do this (HTTP 403)."""


class RequestRejected(ProviderError):
    """The provider refuses this request (HTTP 400, 404, 409, 413, 422), or it cannot be written as JSON."""


class RateLimited(ProviderError):
    """Too many requests for now (HTTP 429); `retry_after` has the provider's wish in seconds."""

    retryable_by_default = True


class QuotaExhausted(ProviderError):
    """The account's quota (of a day, or for good) or credit is used up (HTTP 402, or 429 that says so)."""


class Unavailable(ProviderError):
    """The provider failed on its side (HTTP 408, 425, 499, 5xx)."""

    retryable_by_default = True


class DeadlineExceeded(ProviderError):
    """The total deadline passed before the answer was complete."""


class ConnectionFailed(ProviderError):
    """No connection, or it broke before the answer was complete."""

    retryable_by_default = True


class BadResponse(ProviderError):
    """The answer is not what the provider's interface promises (not JSON, cut, wrong shape)."""

    retryable_by_default = True


_CUT = "The server, or a proxy before it, ended it too early: the same request may succeed later."
_EMPTY = "Nothing of an answer came: look at the server's log, or ask for a whole answer, which may say why."


class IncompleteStream(ProviderError):
    """The stream ended without its terminal event; `turn` has what came before."""

    retryable_by_default = True

    @classmethod
    def of(cls, turn: Turn, *, begun: bool, adapter: str, settled: bool = False) -> Self:
        """The error of a stream parser that has no end to tell.

        `begun`: something of the answer had come; `settled`: no call was open, and the adapter has `needs_end`.
        """
        what = "before the answer was complete" if begun else "without an answer"
        hint = where(turn) or (_CUT if begun else _EMPTY)
        if where(turn) and settled:
            hint += " Set needs_end=False on the adapter if this server ends all its streams so."
        return cls(f"the stream ended {what}", adapter=adapter, turn=turn, hint=hint)


def where(turn: Turn | None) -> str | None:
    """The hint that says where a user finds what had come; None if nothing did."""
    if turn is None or not (turn.calls or turn.text):
        return None
    return "What came whole is in .calls." if turn.calls else "The text that had come is in .turn.text."


class ContentFiltered(ProviderError):
    """The provider's filter stopped the prompt or the answer."""


class Refused(ProviderError):
    """The model refused; the message has its words."""


class CallError(ToolfanError):
    """What the model called, or how, is wrong."""


class UnknownTool(CallError):
    """The model called a tool that was not offered."""


class InvalidArguments(CallError):
    """The arguments are JSON but not what the tool accepts; `errors` lists every fault as pydantic reports it.

    A fault whose `loc` has other names than the schema has its place in those of the schema beside it, as `told`.
    Of more than 1,000 it has the first 1,000, and an entry of type `too_many_errors` that counts the others.
    """

    errors: tuple[dict[str, Any], ...]

    def __init__(self, message: str, *, errors: Sequence[dict[str, Any]] = (), **details: Unpack[ErrorDetails]) -> None:
        super().__init__(message, **details)
        self.errors = tuple(errors)


class MalformedArguments(CallError):
    """The arguments are not JSON."""


class TruncatedCall(CallError):
    """The answer was cut inside this call."""


class TooManyCalls(CallError):
    """More calls than `parallel` allows."""


class InvalidCalls(CallError):
    """Some calls failed; `calls` has every outcome, the good ones included."""


if not TYPE_CHECKING:
    __getattr__, __dir__ = moved(__name__, {"error_details": "ErrorDetails"})
