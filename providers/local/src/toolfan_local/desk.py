"""What every dialect of one server shares: who answers, what was asked, and how an answer becomes a response.

Knows starlette's responses; not paths, not dialects, not how an answer is found.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from toolfan_local.answering import Settled
from toolfan_local.exchange import Failure
from toolfan_local.identifiers import Identifiers
from toolfan_local.recording import Recorder
from toolfan_local.streaming import rest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolfan_local.answering import Answerer
    from toolfan_local.exchange import Question, Verbatim

CLOSED = Failure(503, "the embedded server was closed before the answer's delay was over")


@dataclass(frozen=True)
class Desk:
    """What all requests of one server share.  `closing` is set when it ends, so that delayed answers do not hold it."""

    answerer: Answerer
    api_key: str | None = None
    recorder: Recorder = field(default_factory=Recorder)
    identifiers: Identifiers = field(default_factory=Identifiers)
    closing: threading.Event = field(default_factory=threading.Event)
    stored: deque[str] = field(default_factory=lambda: deque(maxlen=10_000))
    """The ids of the last answers of the Responses API."""

    async def settle(self, question: Question) -> Settled:
        """The answer, when its first byte may go out."""
        settled = self.answerer.answer(question)
        return settled if await rest(self.closing, settled.first_wait) else Settled(CLOSED)


def as_json(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A response with this body."""
    try:
        return JSONResponse(body, status, dict(headers or {}))
    except ValueError:  # a lone surrogate or NaN that came with the question: escaped, it can be sent
        return Response(json.dumps(body).encode(), status, dict(headers or {}), "application/json")


def verbatim(outcome: Verbatim) -> Response:
    """A response whose body the script gives."""
    return Response(outcome.body, outcome.status, dict(outcome.headers), outcome.content_type)
