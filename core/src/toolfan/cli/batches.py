"""The lines of the vendors' batch files: whose answer a line holds, and the answer or the error in it.

Told apart by shape alone, so that one adapter reads live bodies and files.

Knows: the envelopes of OpenAI, Anthropic, Gemini, Vertex AI and Bedrock.  Must not know: adapters, what an answer says.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ProviderError, Unavailable
from ..translation.statuses import error_from_body, error_from_status, innermost, provider_words

_NAMES = ("custom_id", "key", "recordId")


@dataclass(frozen=True)
class Entry:
    """What a line holds: `names` are the file's own for it, and `error` stands where there is no answer."""

    names: dict[str, str]
    body: Any
    error: ProviderError | None = None


def opened(line: Any, *, adapter: str) -> Entry:
    """What is in a line of a batch file; any other line is an answer by itself, without names."""
    if not isinstance(line, Mapping):
        return Entry({}, line)
    names = {name: line[name] for name in _NAMES if isinstance(line.get(name), str)}
    if "recordId" in line and ("modelOutput" in line or "error" in line):
        return Entry(names, line.get("modelOutput"), _of_bedrock(line.get("error"), adapter))
    if "custom_id" in line and isinstance(line.get("result"), Mapping):
        return Entry(names, line["result"].get("message"), _of_anthropic(line["result"], adapter))
    if "custom_id" in line and ("response" in line or "error" in line):
        answer = line["response"] if isinstance(line.get("response"), Mapping) else {}
        return Entry(names, answer.get("body"), _of_openai(answer, line.get("error"), adapter))
    if ("key" in line or "request" in line) and ("response" in line or line.get("error") or line.get("status")):
        return Entry(names, line.get("response"), _of_google(line.get("error"), line.get("status"), adapter))
    return Entry({}, line)


def _of_openai(answer: Mapping[str, Any], error: Any, adapter: str) -> ProviderError | None:
    if error:
        return error_from_body(error, adapter=adapter)
    status, body = answer.get("status_code"), answer.get("body")
    if not isinstance(status, int) or status < 400:
        return None
    code, request_id = innermost(body).get("code"), answer.get("request_id")
    return error_from_status(
        status,
        provider_words(body),
        adapter=adapter,
        code=code if isinstance(code, str) else None,
        request_id=request_id if isinstance(request_id, str) else None,
    )


def _of_anthropic(result: Mapping[str, Any], adapter: str) -> ProviderError | None:
    kind = result.get("type")
    if kind in ("canceled", "expired"):
        return Unavailable(f"the batch {kind} before this request", adapter=adapter, hint="Send it again.")
    told = result.get("error")
    inner = told.get("error") if isinstance(told, Mapping) else None
    return error_from_body(inner or told or result, adapter=adapter) if kind == "errored" else None


def _of_google(error: Any, status: Any, adapter: str) -> ProviderError | None:
    """Vertex AI writes the error, a text with JSON in it, where an empty `status` would mean success."""
    told = error or status
    if isinstance(told, str):
        _, bracket, rest = told.partition("{")
        with contextlib.suppress(ValueError, RecursionError):
            told = json.loads(bracket + rest)
    return error_from_body(told, adapter=adapter) if told else None


def _of_bedrock(error: Any, adapter: str) -> ProviderError | None:
    if not error:
        return None
    status = error.get("errorCode") if isinstance(error, Mapping) else None
    if not isinstance(status, int):
        return error_from_body(error, adapter=adapter)
    return error_from_status(status, str(error.get("errorMessage") or ""), adapter=adapter)
