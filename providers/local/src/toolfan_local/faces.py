"""The dialects of Anthropic, Bedrock and Cohere over HTTP, which differ in nothing but their functions.

Knows the dialects' functions; not paths, not OpenAI's and Google's dialects, not how an answer is found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolfan_local import (
    anthropic_stream,
    anthropic_wire,
    bedrock_stream,
    bedrock_wire,
    cohere_stream,
    cohere_wire,
    keys,
)
from toolfan_local.desk import CLOSED, as_json, verbatim
from toolfan_local.exchange import Failure, Refused, Verbatim
from toolfan_local.streaming import as_events, rest, stream_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from toolfan_local.desk import Desk
    from toolfan_local.exchange import Question, Reply
    from toolfan_local.identifiers import Identifiers
    from toolfan_local.pacing import Chunk
    from toolfan_local.streaming import Timed

JSON = dict[str, Any]
_EVENTS = "text/event-stream; charset=utf-8"


@dataclass(frozen=True)
class Face:
    """One dialect: who may ask, how a reply and a failure are written, how an answer becomes a stream."""

    refusal: Callable[[str | None, Request], Failure | None]
    render: Callable[[Question, Reply, Identifiers], JSON]
    failure: Callable[[Failure], JSON]
    headers: Callable[[Identifiers, Failure | None], dict[str, str]]
    chunks: Callable[..., Iterator[Chunk]]
    framed: Callable[[Iterable[Timed]], Iterator[tuple[float, bytes]]]
    content_type: str = _EVENTS

    def failed(self, desk: Desk, failure: Failure) -> Response:
        """The response that tells a failure."""
        headers = {**self.headers(desk.identifiers, failure), **failure.headers}
        return as_json(self.failure(failure), failure.status, headers)

    async def answer(self, desk: Desk, request: Request, read: Callable[[], Question]) -> Response:
        """The response to a request; `read` gives the question in it."""
        if refused := self.refusal(desk.api_key, request):
            return self.failed(desk, refused)
        try:
            question = read()
        except Refused as exc:
            return self.failed(desk, exc.failure)
        settled = await desk.settle(question)
        outcome = settled.outcome
        if isinstance(outcome, Failure):
            return self.failed(desk, outcome)
        if isinstance(outcome, Verbatim):
            return verbatim(outcome)
        body = self.render(question, outcome, desk.identifiers)
        chunks = self.chunks(body, together=settled.together)
        headers = self.headers(desk.identifiers, None)
        if question.stream:
            return stream_response(desk.closing, self.framed(settled.pace.paced(chunks)), self.content_type, headers)
        if not await rest(desk.closing, settled.pace.total(chunks)):
            return self.failed(desk, CLOSED)
        return as_json(body, headers=headers)


def _anthropic_headers(identifiers: Identifiers, _: Failure | None) -> dict[str, str]:
    return anthropic_wire.answer_headers(identifiers)


def _bedrock_headers(identifiers: Identifiers, failure: Failure | None) -> dict[str, str]:
    about = {"x-amzn-requestid": identifiers.take(36).lower()}
    return about if failure is None else {**about, "x-amzn-errortype": bedrock_wire.error_code(failure)}


ANTHROPIC = Face(
    keys.anthropic_refusal,
    anthropic_wire.render,
    anthropic_wire.render_failure,
    _anthropic_headers,
    anthropic_stream.chunks,
    lambda events: as_events(events, "\n", named=True),
)
BEDROCK = Face(
    keys.bedrock_refusal,
    bedrock_wire.render,
    lambda failure: {"message": failure.message},
    _bedrock_headers,
    bedrock_stream.chunks,
    bedrock_stream.as_frames,
    bedrock_stream.CONTENT_TYPE,
)
COHERE = Face(
    keys.cohere_refusal,
    cohere_wire.render,
    lambda failure: {"message": failure.message},
    lambda identifiers, _: {"x-debug-trace-id": identifiers.take(32).lower()},
    cohere_stream.chunks,
    lambda events: as_events(events, "\n", cohere_stream.DONE, named=True),
)
