"""What a request asks for: its dialect, the model that names the fault, the tools that may be called.

It is read leniently: whether a request is one that the vendor would take is for `toolfan_local.Server` to judge.

Knows the paths and the tool fields of each dialect's requests; not faults, not answers.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from toolfan_local.bedrock_checks import specs
from toolfan_local.google_checks import spelled
from toolfan_local.google_schema import to_json_schema
from toolfan_local.google_wire import declarations

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from toolfan_local.faults.reading import Request

_AZURE = re.compile(r".*/deployments/(?P<model>[^/]+)/chat/completions$")
_CHAT = re.compile(r".*/chat/completions$")
_RESPONSES = re.compile(r".*/responses$")
_ANTHROPIC = re.compile(r".*/messages$")
_VERTEX = re.compile(r".*/publishers/anthropic/models/(?P<model>[^/:]+):(?:stream)?[rR]awPredict$")
_GOOGLE = re.compile(
    r"/(?P<version>v1|v1beta|v1beta1)/(?P<vertex>projects/.+/)?models/(?P<model>[^/:]+)"
    r":(?P<method>generateContent|streamGenerateContent)$"
)
_CONVERSE = re.compile(r".*/model/(?P<model>[^/]+)/converse(?P<stream>-stream)?$")
_COHERE = re.compile(r".*/v2/chat$")
_MODEL = re.compile(r"(?P<fault>[^@]*?)(?P<once>-once)?(?:@.*)?")
_NO_MODEL = "you must provide a model parameter"
ONCE = "-once"


@dataclass(frozen=True)
class Offer:
    """One tool of the request; `schema` is the JSON Schema of its arguments."""

    name: str
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """One request. `framing` is how the answer is asked for: whole, as server-sent events, as a JSON array
    or as the frames of an event stream.

    `turn` is the number of requests for this model, this one among them; `ids` says whether Google's calls have ids.
    """

    dialect: Literal["openai", "responses", "anthropic", "google", "bedrock", "cohere"]
    model: str
    path: str
    body: Mapping[str, Any]
    offers: tuple[Offer, ...]
    framing: Literal["none", "sse", "array", "frames"] = "none"
    limit: int | None = None
    ids: bool = True
    turn: int = 1

    @property
    def stream(self) -> bool:
        """Whether the answer is asked for in pieces."""
        return self.framing != "none"

    @property
    def fault(self) -> str:
        """The fault that the model names."""
        return split_model(self.model)[0]

    @property
    def once(self) -> bool:
        """Whether it is played for the first request alone."""
        return split_model(self.model)[1]


class Unanswerable(Exception):
    """The request cannot be answered by a fault: the message says why, `status` and `dialect` how."""

    def __init__(self, status: int, message: str, dialect: str = "openai") -> None:
        super().__init__(message)
        self.status, self.dialect = status, dialect


def split_model(model: str) -> tuple[str, bool]:
    """`name`, `name-once`, either with `@anything`, as the fault's name and whether it is played once."""
    found = _MODEL.fullmatch(model)
    return (found["fault"], bool(found["once"])) if found else (model, False)


def read_asked(request: Request) -> Asked:
    """What the request asks for. Raises Unanswerable."""
    google = _GOOGLE.match(request.path)
    if google and request.method == "POST":
        return _google(request, google)
    readers = {
        _CHAT: _openai,
        _RESPONSES: _responses,
        _ANTHROPIC: _anthropic,
        _VERTEX: _anthropic,
        _CONVERSE: _bedrock,
        _COHERE: _cohere,
    }
    read = next((read for path, read in readers.items() if path.match(request.path)), None)
    if read is not None and request.method == "POST":
        return read(request)
    dialect = "google" if "/models/" in request.path or request.path.startswith("/v1beta") else "openai"
    status = 405 if google or read else 404
    raise Unanswerable(status, f"Nothing is served here: {request.method} {request.path}", dialect)


def _decoded(request: Request, dialect: str) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as exc:
        raise Unanswerable(400, f"The body is not JSON: {exc}", dialect) from None
    if not isinstance(body, dict):
        raise Unanswerable(400, "The body is not an object.", dialect)
    return body


def _asked(
    request: Request,
    body: Mapping[str, Any],
    dialect: Literal["openai", "responses", "anthropic", "cohere"],
    model: object,
    offers: Iterator[Offer],
    *,
    missing: str,
    one: bool = False,
) -> Asked:
    """Of a dialect whose body says whether to stream; `missing` is what the service says where no model is named."""
    if not isinstance(model, str):
        raise Unanswerable(400, missing, dialect)
    framing: Literal["none", "sse"] = "sse" if body.get("stream") is True else "none"
    return Asked(dialect, model, request.path, body, tuple(offers), framing=framing, limit=1 if one else None)


def _openai(request: Request) -> Asked:
    body, azure = _decoded(request, "openai"), _AZURE.match(request.path)
    model, one = azure["model"] if azure else body.get("model"), body.get("parallel_tool_calls") is False
    return _asked(request, body, "openai", model, _openai_offers(body), missing=_NO_MODEL, one=one)


def _openai_offers(body: Mapping[str, Any]) -> Iterator[Offer]:
    choice, allowed = body.get("tool_choice"), None
    if choice == "none":
        return
    if isinstance(choice, dict):
        named = choice.get("allowed_tools", {}).get("tools") if choice.get("type") == "allowed_tools" else [choice]
        allowed = {tool.get("function", {}).get("name") for tool in named or []}
    for tool in body.get("tools") or []:
        function = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(function, dict) and (allowed is None or function.get("name") in allowed):
            yield Offer(str(function.get("name")), function.get("parameters") or {})


def _responses(request: Request) -> Asked:
    body = _decoded(request, "responses")
    model, one = body.get("model"), body.get("parallel_tool_calls") is False
    return _asked(request, body, "responses", model, _responses_offers(body), missing=_NO_MODEL, one=one)


def _responses_offers(body: Mapping[str, Any]) -> Iterator[Offer]:
    choice, allowed = body.get("tool_choice"), None
    if choice == "none":
        return
    if isinstance(choice, dict):
        allowed = {tool.get("name") for tool in choice.get("tools") or [choice]}
    for tool in body.get("tools") or []:
        if isinstance(tool, dict) and tool.get("name") and (allowed is None or tool["name"] in allowed):
            yield Offer(str(tool["name"]), tool.get("parameters") or {})


def _anthropic(request: Request) -> Asked:
    body, vertex = _decoded(request, "anthropic"), _VERTEX.match(request.path)
    choice = body.get("tool_choice") or {}
    model, one = vertex["model"] if vertex else body.get("model"), choice.get("disable_parallel_tool_use") is True
    offers = _anthropic_offers(body, choice)
    return _asked(request, body, "anthropic", model, offers, missing="model: Field required", one=one)


def _anthropic_offers(body: Mapping[str, Any], choice: Mapping[str, Any]) -> Iterator[Offer]:
    named = choice.get("name") if choice.get("type") == "tool" else None
    for tool in body.get("tools") or () if choice.get("type") != "none" else ():
        if isinstance(tool, dict) and "input_schema" in tool and named in (None, tool.get("name")):
            yield Offer(str(tool.get("name")), tool["input_schema"])


def _bedrock(request: Request) -> Asked:
    body = _decoded(request, "bedrock")
    path = _CONVERSE.match(request.path)
    assert path is not None
    config = body.get("toolConfig") or {}
    named = ((config.get("toolChoice") or {}).get("tool") or {}).get("name")
    offers = tuple(
        Offer(str(spec.get("name")), (spec.get("inputSchema") or {}).get("json") or {})
        for spec in specs(config)
        if named in (None, spec.get("name"))
    )
    framing: Literal["none", "frames"] = "frames" if path["stream"] else "none"
    return Asked("bedrock", path["model"], request.path, body, offers, framing=framing)


def _cohere(request: Request) -> Asked:
    body = _decoded(request, "cohere")
    tools = () if body.get("tool_choice") == "NONE" else body.get("tools")
    offers = _openai_offers({"tools": tools})
    return _asked(request, body, "cohere", body.get("model"), offers, missing="model is required")


def _google(request: Request, path: re.Match[str]) -> Asked:
    body = _decoded(request, "google")
    stream = path["method"] == "streamGenerateContent"
    return google_asked(
        body,
        path["model"],
        path=request.path,
        ids=not path["vertex"] or path["version"] == "v1beta1",
        framing="none" if not stream else "sse" if request.query.get("alt") == "sse" else "array",
    )


def google_asked(
    body: Mapping[str, Any], model: str, *, path: str, ids: bool, framing: Literal["none", "sse", "array"]
) -> Asked:
    """What a request in Google's dialect asks for, whichever way it came."""
    return Asked("google", model, path, body, tuple(_google_offers(body)), framing=framing, ids=ids)


def _google_offers(body: Mapping[str, Any]) -> Iterator[Offer]:
    config: Any = body
    for name in ("toolConfig", "functionCallingConfig"):
        config = spelled(config, name) if isinstance(config, dict) else None
    config = config if isinstance(config, dict) else {}
    if config.get("mode") in ("NONE", 3):
        return
    allowed = spelled(config, "allowedFunctionNames")
    for declaration in declarations(body):
        if not allowed or declaration.get("name") in allowed:
            schema = spelled(declaration, "parametersJsonSchema")
            if schema is None:
                schema = to_json_schema(declaration.get("parameters") or {})
            yield Offer(str(declaration.get("name")), schema)
