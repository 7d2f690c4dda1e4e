"""What an author gives the suite: answers of the provider, and what they say.

Knows: plain frozen data.  Must not know: adapters, laws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolfan.calls import StopKind, Usage
    from toolfan.errors import ProviderError


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One answer of the provider, whole and (if it streams) in pieces, and what it says.

    `body` is the decoded answer, as a transport's `send` gives it.  `calls` are its calls in order, each the name on
    the wire and the decoded arguments (or, if they are no JSON, the text); `ids` the provider's ids of them, None where
    it sent none.  `text`, `stop` (`StopReason.kind`), `refusal` and `usage` are those of the turn; `usage` None is not
    compared.

    `events` is the same answer as a transport's `stream` gives it: decoded events, the last ones included.
    `stream_bytes` is the same as it comes over the network; where it is given, `events` may be left out.
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

    def __post_init__(self) -> None:
        if self.calls and len(self.ids) not in (0, len(self.calls)):
            raise ValueError(f"the sample {self.name!r} has {len(self.calls)} calls and {len(self.ids)} ids")


@dataclass(frozen=True, kw_only=True)
class ErrorSample:
    """An error that the provider sends in place of an answer, and the class of error it becomes.

    `body` is what comes inside an answer that HTTP calls a success, `events` the same in a stream, whose last event is
    the error; either may be None.
    """

    name: str
    error: type[ProviderError]
    body: Mapping[str, Any] | None = None
    events: Sequence[Mapping[str, Any]] | None = None
