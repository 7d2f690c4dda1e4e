"""Who may ask: the key of a request, where each dialect has it, against the server's own.

Knows headers and the services' words for a wrong key; not bodies, not answers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from toolfan_local.exchange import Failure

if TYPE_CHECKING:
    from starlette.requests import Request

_SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=(?P<id>[^/]+)/")


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def openai_refusal(api_key: str | None, request: Request, *, azure: bool = False) -> Failure | None:
    """Why a request in OpenAI's dialects is refused, None if it is not; `api_key` None takes any key."""
    key = _bearer(request) or (request.headers.get("api-key", "") if azure or "/openai" in request.url.path else "")
    if key and api_key in (None, key):
        return None
    if azure:
        return Failure(401, "Access denied due to invalid subscription key or wrong API endpoint.", code="401")
    if not key:
        return Failure(
            401,
            "You didn't provide an API key. You need to provide your API key in an Authorization "
            "header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
            type="invalid_request_error",
        )
    return Failure(401, "Incorrect API key provided.", code="invalid_api_key", type="invalid_request_error")


def anthropic_refusal(api_key: str | None, request: Request) -> Failure | None:
    """The same for Anthropic's dialect: the SDK sends `x-api-key` or, in newer versions, a bearer, and its version."""
    key = request.headers.get("x-api-key", "") or _bearer(request)
    if key and api_key in (None, key):
        if "anthropic-version" in request.headers:
            return None
        return Failure(400, "anthropic-version: header is required")
    return Failure(401, "invalid x-api-key" if key else "x-api-key header is required")


def cohere_refusal(api_key: str | None, request: Request) -> Failure | None:
    """The same for Cohere's dialect."""
    key = _bearer(request)
    if key and api_key in (None, key):
        return None
    return Failure(401, "invalid api token" if key else "no api key supplied")


def bedrock_refusal(api_key: str | None, request: Request) -> Failure | None:
    """The same for Bedrock's dialect: the key is the access key's id, or a bearer; no signature is checked."""
    signed = _SIGNED.match(request.headers.get("authorization", ""))
    key = signed["id"] if signed else _bearer(request)
    if key and api_key in (None, key):
        return None
    if key:
        message = "The security token included in the request is invalid."
        return Failure(403, message, type="UnrecognizedClientException")
    return Failure(403, "Missing Authentication Token", type="MissingAuthenticationTokenException")


def google_refusal(api_key: str | None, request: Request, *, by_key: bool) -> Failure | None:
    """The same for Google's dialects: an API key (`by_key`: the Gemini API, Vertex AI's express mode), or a bearer."""
    given = request.headers.get("x-goog-api-key") or request.query_params.get("key", "")
    if not by_key:  # without a key of the server's own, anonymous credentials are welcome on loopback
        if api_key in (None, _bearer(request) or given):
            return None
        return Failure(
            401,
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
            "cookie or other valid authentication credential.",
        )
    if not given:
        return Failure(
            403,
            "Method doesn't allow unregistered callers (callers without established identity). Please "
            "use API Key or other form of API consumer identity to call this API.",
        )
    return None if api_key in (None, given) else Failure(400, "API key not valid. Please pass a valid API key.")
