"""What an author gives the suite: answers of the provider, and what they say.

Knows: plain frozen data.  Must not know: adapters, laws.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolfan.errors import ProviderError

if TYPE_CHECKING:
    from toolfan.calls import StopKind, Usage


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One answer of the provider, whole and (if it streams) in pieces, and what it says.

    `body` is the decoded answer, as a transport's `send` gives it.  `calls` are its calls in order, each the name on
    the wire and the decoded arguments (or, if they are no JSON, the text); `ids` the provider's ids of them, None where
    it sent none.  `text`, `stop` (`StopReason.kind`), `refusal` and `usage` are those of the turn; `usage` None is not
    compared.

    `events` is the same answer as a transport's `stream` gives it: decoded events, the last ones included.
    `stream_bytes` is the same as it comes over the network; where it is given, `events` may be left out; `stream_type`
    is its content type, where its first bytes do not tell: server-sent events, JSON and Amazon's frames are known.
    `body_bytes` is the whole answer as it comes over the network, where that is no JSON (XML, say).
    """

    name: str
    body: Mapping[str, Any]
    calls: Sequence[tuple[str, Any]] = ()
    ids: Sequence[str | None] = ()
    text: str = ""
    stop: StopKind = "calls"
    refusal: str | None = None
    usage: Usage | None = None
    events: Sequence[Mapping[str, Any]] | None = None
    stream_bytes: bytes | None = None
    body_bytes: bytes | None = None
    stream_type: str | None = None

    def __post_init__(self) -> None:
        """Raises TypeError and ValueError for what cannot be right: every law would stumble over it."""
        _check_answer(self)
        if self.calls and len(self.ids) not in (0, len(self.calls)):
            raise ValueError(f"the sample {self.name!r} has {len(self.calls)} calls and {len(self.ids)} ids")


@dataclass(frozen=True, kw_only=True)
class ErrorSample:
    """An error that the provider sends in place of an answer, and the class of error it becomes.

    `body` is what comes inside an answer that HTTP calls a success, `events` the same in a stream, whose last event is
    the error; one of them may be None.  `body_bytes`, `stream_bytes` and `stream_type` are those of `Sample`: the same
    as it comes over the network, where that is no JSON, or more than `data:` lines, or lines of JSON, alone.
    """

    name: str
    error: type[ProviderError]
    body: Mapping[str, Any] | None = None
    events: Sequence[Mapping[str, Any]] | None = None
    stream_bytes: bytes | None = None
    body_bytes: bytes | None = None
    stream_type: str | None = None

    def __post_init__(self) -> None:
        """Raises TypeError and ValueError for what cannot be right, and for a sample that shows nothing."""
        _check_answer(self)
        if not (isinstance(self.error, type) and issubclass(self.error, ProviderError)):
            raise TypeError(f"{_shown(self, 'error')}, and should be a class of error: error=toolfan.RateLimited.")
        if self.body is None and not self.events:
            raise ValueError(f"the sample {self.name!r} has neither a body nor events: it would show nothing")


def _check_answer(sample: Sample | ErrorSample) -> None:
    """Raises TypeError for a body or events that are not decoded; what can be read only once becomes a tuple."""
    if sample.body is None and isinstance(sample, ErrorSample):
        pass
    elif not isinstance(sample.body, Mapping):
        raise TypeError(f"{_shown(sample, 'body')}, and should be the decoded answer: write json.loads(...) around it.")
    for field in ("stream_bytes", "body_bytes"):
        if not isinstance(getattr(sample, field), bytes | None):
            raise TypeError(f"{_shown(sample, field)}, and should be bytes: write b'...', or .encode().")
    if isinstance(sample.events, Iterator):
        object.__setattr__(sample, "events", tuple(sample.events))
    if sample.events is None:
        return
    if not isinstance(sample.events, Sequence) or isinstance(sample.events, str | bytes):
        raise TypeError(f"{_shown(sample, 'events')}, and should be a list of events; bytes are stream_bytes.")
    for at, event in enumerate(sample.events):
        if not isinstance(event, Mapping):
            raise TypeError(
                f"events[{at}] of the sample {sample.name!r} is {event!r:.60}, and should be a decoded event: write "
                "json.loads(...) around it. For `data: [DONE]` that is `toolfan.framing.DONE`."
            )


def _shown(sample: Sample | ErrorSample, field: str) -> str:
    return f"the {field} of the sample {sample.name!r} is {getattr(sample, field)!r:.60}"


def whole_of(sample: Sample | ErrorSample) -> str | None:
    """Its `body_bytes`, as Latin-1."""
    return None if sample.body_bytes is None else sample.body_bytes.decode("latin-1")
