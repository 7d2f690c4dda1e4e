"""The HTTP face of the server: which path speaks which dialect, who may ask, and how an outcome becomes a response.

Knows starlette and the dialects' functions; not uvicorn, not gRPC, not how an answer is found.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from toolfan_local import (
    anthropic_wire,
    bedrock_wire,
    cohere_wire,
    google_stream,
    google_wire,
    keys,
    models,
    openai_stream,
    openai_wire,
    responses_stream,
    responses_wire,
)
from toolfan_local.desk import CLOSED, Desk, as_json, verbatim
from toolfan_local.exchange import Failure, Refused, Verbatim
from toolfan_local.faces import ANTHROPIC, BEDROCK, COHERE
from toolfan_local.streaming import as_array, as_events, rest, stream_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request


_AZURE = re.compile(r".*/deployments/(?P<deployment>[^/]+)/chat/completions$")
_CHAT = re.compile(r".*/chat/completions$")
_RESPONSES = re.compile(r".*/responses$")
_MESSAGES = re.compile(r".*/v1/messages$")
_CONVERSE = re.compile(r".*/model/(?P<model>.+)/converse(?P<stream>-stream)?$")
_COHERE = re.compile(r".*/v2/chat$")
_VERTEX = re.compile(  # without a project: the express mode, which goes by a key
    r"/(?P<version>v1|v1beta1)/(?P<project>projects/[^/]+/locations/[^/]+/)?"
    r"(?:publishers/[^/]+/models|endpoints)/(?P<model>[^/:]+):(?P<method>\w+)$"
)
_GEMINI = re.compile(r"/(?P<version>v1|v1beta)/(?:models|tunedModels)/(?P<model>[^/:]+):(?P<method>\w+)$")


def make_app(desk: Desk) -> Starlette:
    """The application: one route that looks at the path, so that any prefix works."""

    async def handle(request: Request) -> Response:
        try:
            return await dispatch(desk, request)
        except ClientDisconnect:  # in the middle of the body: nobody is there to be answered
            return Response(status_code=400)

    return Starlette(routes=[Route("/{path:path}", handle, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])])


async def dispatch(desk: Desk, request: Request) -> Response:
    """Records the request and hands it to the dialect that its path speaks."""
    body = await request.body()
    path = unquote(request.url.path)
    desk.recorder.record(
        request.method, path, query=request.query_params.items(), headers=request.headers.items(), body=body
    )
    vertex = _VERTEX.match(path)
    google = vertex or _GEMINI.match(path)
    if google and request.method == "POST":
        return await _answer_google(desk, request, google.groupdict(), body, vertex=vertex is not None)
    if _CHAT.match(path) and request.method == "POST":
        return await _answer_openai(desk, request, body)
    if _RESPONSES.match(path) and request.method == "POST":
        return await _answer_responses(desk, request, body)
    if _MESSAGES.match(path) and request.method == "POST":
        return await ANTHROPIC.answer(desk, request, lambda: anthropic_wire.read(body))
    if _COHERE.match(path) and request.method == "POST":
        return await COHERE.answer(desk, request, lambda: cohere_wire.read(body))
    if (converse := _CONVERSE.match(path)) and request.method == "POST":
        stream = converse["stream"] is not None
        return await BEDROCK.answer(desk, request, lambda: bedrock_wire.read(body, converse["model"], stream=stream))
    if "/v1/messages/" in path:
        return _count_anthropic(desk, request, path, body)
    if request.method == "GET" and (named := models.PATH.match(path)):
        return _list_models(desk, request, named["name"], google=named["google"] is not None)
    if ("/models/" in path and ":" in path) or path.startswith(("/v1beta", "/v1/projects/")):
        return as_json(google_wire.render_failure(Failure(404, f"Not found: {request.method} {path}")), 404)
    message = f"Invalid URL ({request.method} {path})"
    return _openai_failure(desk, Failure(404, message, type="invalid_request_error"))


def _list_models(desk: Desk, request: Request, name: str | None, *, google: bool) -> Response:
    if google or "x-goog-api-key" in request.headers or "key" in request.query_params:
        refused = keys.google_refusal(desk.api_key, request, by_key=True)
        return _google_failure(refused) if refused else as_json(models.google_models(name))
    if "anthropic-version" in request.headers:
        if refused := keys.anthropic_refusal(desk.api_key, request):
            return ANTHROPIC.failed(desk, refused)
        return as_json(models.anthropic_models(name), headers=anthropic_wire.answer_headers(desk.identifiers))
    if refused := keys.openai_refusal(desk.api_key, request):
        return _openai_failure(desk, refused)
    return as_json(models.openai_models(name), headers=openai_wire.answer_headers(desk.identifiers))


async def _answer_openai(desk: Desk, request: Request, body: bytes) -> Response:
    azure = _AZURE.match(request.url.path)
    refused = keys.openai_refusal(desk.api_key, request, azure=azure is not None)
    if refused:
        return _openai_failure(desk, refused)
    try:
        question = openai_wire.read(body, azure["deployment"] if azure else None)
    except Refused as exc:
        return _openai_failure(desk, exc.failure)
    settled = await desk.settle(question)
    outcome = settled.outcome
    if isinstance(outcome, Failure):
        return _openai_failure(desk, outcome)
    if isinstance(outcome, Verbatim):
        return verbatim(outcome)
    completion = openai_wire.render(question, outcome, desk.identifiers)
    headers = openai_wire.answer_headers(desk.identifiers)
    chunks = openai_stream.chunks(completion, usage=question.stream_usage, together=settled.together)
    if question.stream:
        pieces = as_events(settled.pace.paced(chunks), "\n", openai_stream.DONE)
        return stream_response(desk.closing, pieces, "text/event-stream; charset=utf-8", headers)
    if not await rest(desk.closing, settled.pace.total(chunks)):
        return _openai_failure(desk, CLOSED)
    return as_json(completion, headers=headers)


async def _answer_responses(desk: Desk, request: Request, body: bytes) -> Response:
    refused = keys.openai_refusal(desk.api_key, request)
    if refused:
        return _openai_failure(desk, refused)
    try:
        question = responses_wire.read(body, desk.stored)
    except Refused as exc:
        return _openai_failure(desk, exc.failure)
    settled = await desk.settle(question)
    outcome = settled.outcome
    if isinstance(outcome, Failure):
        return _openai_failure(desk, outcome)
    if isinstance(outcome, Verbatim):
        desk.stored.extend(responses_wire.stored_ids(outcome.body))
        return verbatim(outcome)
    response = responses_wire.render(question, outcome, desk.identifiers, body)
    if response["store"]:
        desk.stored.append(response["id"])
    headers = openai_wire.answer_headers(desk.identifiers)
    chunks = responses_stream.chunks(response, together=settled.together)
    if question.stream:
        pieces = as_events(settled.pace.paced(chunks), "\n", named=True)
        return stream_response(desk.closing, pieces, "text/event-stream; charset=utf-8", headers)
    if not await rest(desk.closing, settled.pace.total(chunks)):
        return _openai_failure(desk, CLOSED)
    return as_json(response, headers=headers)


def _count_anthropic(desk: Desk, request: Request, path: str, body: bytes) -> Response:
    """The number of tokens; of what else is below the messages, such as batches, there is nothing."""
    refused = keys.anthropic_refusal(desk.api_key, request)
    if refused is None and not (path.endswith("/v1/messages/count_tokens") and request.method == "POST"):
        refused = Failure(404, f"Not found: {request.method} {path}")
    if refused is not None:
        return ANTHROPIC.failed(desk, refused)
    try:
        return as_json(anthropic_wire.count(body), headers=anthropic_wire.answer_headers(desk.identifiers))
    except Refused as exc:
        return ANTHROPIC.failed(desk, exc.failure)


async def _answer_google(
    desk: Desk, request: Request, path: Mapping[str, str | None], body: bytes, *, vertex: bool
) -> Response:
    integer_enums = vertex and "enum-encoding=int" in unquote(request.url.query)
    flavour = google_wire.Flavour(
        vertex, call_ids=not vertex or path["version"] == "v1beta1", integer_enums=integer_enums
    )
    method, model = str(path["method"]), str(path["model"])
    framing = _framing(request, method)
    array = framing == "array"
    refused = keys.google_refusal(desk.api_key, request, by_key=not (vertex and path["project"]))
    if refused:
        return _google_failure(refused, array=array)
    if framing is None:
        message = f"The method {method} is not served here: only generateContent and streamGenerateContent."
        return _google_failure(Failure(501, message))
    try:
        question = google_wire.read(body, model)
    except Refused as exc:
        return _google_failure(exc.failure, array=array)
    settled = await desk.settle(question)
    outcome = settled.outcome
    if isinstance(outcome, Failure):
        return _google_failure(outcome, array=array)
    if isinstance(outcome, Verbatim):
        return verbatim(outcome)
    response = google_wire.render(question, outcome, flavour, desk.identifiers)
    partial = vertex and framing != "whole" and question.partial_arguments
    chunks = google_stream.chunks(response, together=settled.together, partial=partial)
    if framing == "whole":
        done = await rest(desk.closing, settled.pace.total(chunks))
        return as_json(response) if done else _google_failure(CLOSED)
    paced = settled.pace.paced(chunks)
    if array:
        return stream_response(desk.closing, as_array(paced), "application/json; charset=UTF-8")
    return stream_response(desk.closing, as_events(paced, "\r\n"), "text/event-stream")


def _framing(request: Request, method: str) -> Literal["whole", "events", "array"] | None:
    """How the answer is framed; None for a method that is not served."""
    if method == "streamGenerateContent":
        return "events" if request.query_params.get("alt") == "sse" else "array"
    return "whole" if method == "generateContent" else None


def _openai_failure(desk: Desk, failure: Failure) -> Response:
    headers = {**openai_wire.answer_headers(desk.identifiers), **failure.headers}
    return as_json(openai_wire.render_failure(failure), failure.status, headers)


def _google_failure(failure: Failure, *, array: bool = False) -> Response:
    """The failure; where an array was asked for, it is the array's one element."""
    body = google_wire.render_failure(failure)
    return as_json([body] if array else body, failure.status, failure.headers)
