"""Answers that google-genai has parsed, as plain data.

Knows: the SDK's objects of an answer.  Must not know: what is in a body, requests, errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan.wire import encode_json

if TYPE_CHECKING:
    from toolfan.adapter import JSON

_NOT_OF_THE_ANSWER = frozenset({"sdk_http_response", "automatic_function_calling_history", "parsed"})


def dumped(parsed: Any) -> JSON:
    """A response, or a chunk of one, in the words of the wire."""
    return dict(parsed.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude=_NOT_OF_THE_ANSWER))


def came(response: Any) -> tuple[Any, str]:
    """Headers and body of a response; one that a test put in the SDK's place (`mock.patch.object`) has only fields."""
    answer = response.sdk_http_response
    if answer is None:
        return {}, encode_json(dumped(response)).decode()
    return answer.headers, answer.body or ""
