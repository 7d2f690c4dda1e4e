"""Errors, most of them inside a 200 or a stream, as OpenAI and the servers that are compatible with it write them.

Knows: the shapes of error objects.  Must not know: what else is in an answer, the SDK, retries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolfan.errors import ProviderError


_CODES = ("code", "error_code", "status_code", "statusCode", "status")
_RAW_STATUS = "raw_status_code"  # Mistral's, a number; its codes are no statuses ("1910")
_STATUS = re.compile("[45][0-9]{2}")
# Source: ErrorCode in FastChat's constants.py; a status with two more digits, where 403 is not about permissions.
_LONGER = re.compile("([45])([0-9]{2})[0-9]{2}")
_NAMED = re.compile(rb'"param"\s*:\s*"[^"]*stream_options')
_FINE = re.compile("0+|2[0-9]{2}|ok|success|none|null|no error", re.IGNORECASE)
_WORDS = ("message", "msg", "status_msg")
_PLAIN = frozenset({*_CODES, *_WORDS, "type", "param"})
_LITELLM_FILTER = re.compile(r"(litellm\.\w+: ){0,3}(litellm\.)?ContentPolicyViolationError\b")
# Source: the table of error codes in MiniMax's API reference.
_MINIMAX = {
    "1002": "429",
    "1004": "401",
    "1008": "402",
    "1039": "429",
    "2013": "400",
    "2049": "401",
    "1026": "content_filter",
    "1027": "content_filter",
}


def says_something(error: Any) -> bool:
    """Whether what stands under `error` beside an answer is one: not where all its words are those of a success."""
    if not isinstance(error, Mapping):
        return bool(error)
    said = {key: value for key, value in error.items() if value}
    return bool(said) and not (said.keys() <= _PLAIN and all(map(_is_fine, said.values())))


def filter_code(about: Mapping[str, Any]) -> str | None:
    """OpenAI's code of a filter, if the error is one's that says so elsewhere: Azure, OpenRouter, LiteLLM's proxy."""
    inner, told, message = (
        about.get("innererror") or about.get("inner_error"),
        about.get("metadata"),
        about.get("message"),
    )
    found = (
        (isinstance(inner, Mapping) and inner.get("code") == "ResponsibleAIPolicyViolation")
        or (isinstance(told, Mapping) and (told.get("flagged_input") or told.get("reasons")))
        or (isinstance(message, str) and _LITELLM_FILTER.match(message))
    )
    return "content_filter" if found else None


# What a server answers, with 200, to a path that it does not have: LM Studio's words, to a base URL without its /v1.
_NO_SUCH_PATH = re.compile(
    r"\b(unexpected endpoint or method|(unknown|unsupported|no such) (endpoint|route))\b(?! (error|failure))",
    re.IGNORECASE,
)

WITHOUT_USAGE = (
    "A server that refuses stream_options is asked without them by stream_usage=False: of connect(), in the profile, "
    'or as in wrap(client, adapter=dataclasses.replace(toolfan.load_adapter("openai"), stream_usage=False)).'
)


def refuses_usage(response: Any, said: str) -> bool:
    """Whether the refusal of a stream names that it was asked for its usage; `said` are its words."""
    try:
        asked, told = response.request.content, response.content
    except Exception:  # noqa: BLE001 - of a client that streams its requests, or a hook that left the answer unread
        return False
    named = "stream_options" in said or _NAMED.search(told)
    return bool(named) and b'"include_usage"' in asked


class Unnamed(str):
    """Words in place of an answer that say neither that they are an error nor of which kind."""


def error_told(body: Mapping[str, Any]) -> Any:
    """What a body, or an event of a stream, tells as its error, for `error_from_body`; None if it tells none.

    Beside choices only an `error` counts, and only if it says something, Groq's and MiniMax's own fields for it too.
    """
    error, choices = body.get("error"), body.get("choices")
    if says_something(error) if choices else error:
        if isinstance(error, str) and not choices:  # its code stands beside it; xAI's is a sentence
            return {"message": error, **_beside(body)}
        return body if isinstance(error, bool | int) else error
    if isinstance(groq := body.get("x_groq"), Mapping) and groq.get("error"):
        return groq["error"]
    if isinstance(status := body.get("base_resp"), Mapping) and not _is_fine(code := status.get("status_code")):
        return {"message": status.get("status_msg"), "code": _MINIMAX.get(str(code), code), "type": str(code)}
    return None if choices else _nameless(body)


def error_of(told: Any, *, adapter: str) -> ProviderError:
    """The ProviderError of what `error_told` found, or of an error object."""
    from toolfan.errors import BadResponse, RequestRejected
    from toolfan.translation.statuses import error_from_body, excerpt, innermost  # loaded when something fails

    if isinstance(told, Unnamed):
        hint = "Check the base URL and the name of the model."
        return BadResponse(f"in place of an answer came: {excerpt(told)}", adapter=adapter, hint=hint)
    if isinstance(told, Mapping) and (code := filter_code(innermost(told))):
        told = {**innermost(told), "code": code}
    alone = told
    if isinstance(told, Mapping) and [key for key, value in told.items() if value] == ["message"]:
        alone = told["message"]
    if isinstance(alone, str) and _NO_SUCH_PATH.search(alone):
        return RequestRejected(
            f"the provider answered with an error: {excerpt(alone)}",
            adapter=adapter,
            requests=1,
            hint="Check the path of the base URL: that of most servers ends in /v1.",
        )
    return error_from_body(told, adapter=adapter)


def _is_fine(code: Any) -> bool:
    """Whether the code is that of a success, or none."""
    return not code or _FINE.fullmatch(str(code)) is not None


def _nameless(body: Mapping[str, Any]) -> Any:
    """An error that is not under `error`."""
    code = _code(body)
    if errors := body.get("errors"):
        from toolfan.translation.statuses import provider_words

        first = errors[0] if isinstance(errors, list) else errors
        return {"message": provider_words(errors), **_named(first.get("code") if isinstance(first, Mapping) else code)}
    words = next((body[key] for key in _WORDS if body.get(key) and isinstance(body[key], str)), None)
    told = (
        "error" in (body.get("object"), body.get("type"))
        or body.get("error_code")
        or body.get("error_msg")
        or (words and _failed(body, code))
    )
    alone = body.keys() - {"request_id"} in ({"detail"}, {"message"})
    if not told and not (alone and (words or body.get("detail"))):
        return None
    from toolfan.translation.statuses import provider_words

    if not told:
        return Unnamed(provider_words(body))
    text = body.get("text") if not words else None
    named = _named(code)
    if isinstance(kind := body.get("type"), str) and kind != "error":
        named["type"] = kind
    if body.get(_RAW_STATUS):
        named[_RAW_STATUS] = body[_RAW_STATUS]
    return {"message": text if isinstance(text, str) and text else words or provider_words(body), **named}


def _code(body: Mapping[str, Any]) -> Any:
    return next((body[key] for key in _CODES if body.get(key)), None)


def _beside(body: Mapping[str, Any]) -> dict[str, Any]:
    """The code and the status beside an error that is a text; not those of a success, nor how far the answer is."""
    from toolfan.translation.error_words import status_of

    said = [(key, body[key]) for key in _CODES if type(body.get(key)) in (str, int) and not _is_fine(body[key])]
    known = [one for _, one in said if _STATUS.fullmatch(str(one)) or status_of(str(one))]
    code = next((one for key, one in said if key != "status" or one in known or _LONGER.fullmatch(str(one))), None)
    named = _named(code)
    return {**named, "status": known[0]} if known and known[0] != code and named else named


def _failed(body: Mapping[str, Any], code: Any) -> bool:
    """Whether what is said beside a message is that it is an error; a mere `status` may tell how far the answer is."""
    named = any(not _is_fine(body.get(key)) for key in _CODES if key != "status")
    return named or body.get("success") is False or code == "error" or _STATUS.fullmatch(str(code)) is not None


def _named(code: Any) -> dict[str, Any]:
    """The code, with the status that it means, if it is a longer one."""
    longer = _LONGER.fullmatch(str(code))
    if longer is None:
        return {} if code in (None, "error") else {"code": code}
    status = f"{longer[1]}{longer[2]}"
    return {"code": status if status in ("401", "429") else f"{longer[1]}00", "type": str(code)}
