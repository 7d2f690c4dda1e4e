"""Errors inside a stream or a 200, in every shape that servers write: words and code come out, and what was whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from loopback import KEY, ONCE, USER, call, completion, http
from odd_streams import CALL, DONE, END, TOOLS, A, Hear, Weather, chunk, event, heard, piece
from toolfan import BadResponse, ContentFiltered, PermissionDenied, RateLimited, RequestRejected, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopback import FaultServer

__all__ = ["heard"]

JSON = dict[str, Any]
BESIDE = chunk(content="", finish="error", error={"code": 502, "message": "Provider disconnected"})
SHAPES: dict[str, tuple[JSON, type[toolfan.ProviderError], str, str | None]] = {
    "beside choices": (BESIDE, Unavailable, "502: Provider disconnected", None),
    "beside choices, a text": (chunk(error="gone"), Unavailable, "gone", None),
    "a text in the choice": ({"choices": [{"index": 0, "delta": {}, "error": "gone"}]}, Unavailable, "gone", None),
    "a text, its code beside it": (
        {"code": "The service is unavailable", "error": "timed out"},
        Unavailable,
        "error: timed out",
        "The service is unavailable",
    ),
    "a text, its status beside it": ({"error": "slow", "code": 429}, RateLimited, "429: slow", None),
    "a text, its code and its status beside it": (
        {"error": "slow", "code": "my_limit", "status": 429},
        RateLimited,
        "429 (my_limit): slow",
        "my_limit",
    ),
    "a text, a word of the status": ({"error": "slow", "status": "RESOURCE_EXHAUSTED"}, RateLimited, "slow", None),
    "a text, a number that is no status": ({"error": "gone", "code": 1302}, Unavailable, "error: gone", "1302"),
    "a text alone": ({"error": "gone", "status": "error"}, Unavailable, "error: gone", None),
    "vllm": (
        {"object": "error", "message": "too long", "type": "BadRequestError", "param": None, "code": 400},
        RequestRejected,
        "400 (BadRequestError): too long",
        "BadRequestError",
    ),
    "mistral": (
        {"object": "error", "message": "slow", "type": "rate_limited", "param": None, "code": "1300"},
        RateLimited,
        "429 (rate_limited): slow",
        "rate_limited",
    ),
    "mistral, a type that is unknown": (
        {"object": "error", "message": "no", "type": "tier_gone", "code": "1910", "raw_status_code": 403},
        PermissionDenied,
        "403 (tier_gone): no",
        "tier_gone",
    ),
    "mistral, under `error`": (
        {"error": {"object": "error", "message": "full", "type": "tier", "code": "3505", "raw_status_code": 429}},
        RateLimited,
        "429 (tier): full",
        "tier",
    ),
    "mistral, a status that is none": (
        {"object": "error", "message": "no", "type": "odd", "code": "1910", "raw_status_code": 0},
        Unavailable,
        "error: no",
        "1910",
    ),
    "fastchat": ({"text": "NETWORK ERROR", "error_code": 50002}, Unavailable, "(50002): NETWORK ERROR", "50002"),
    "fastchat, the context": (
        {"object": "error", "message": "too long", "code": 40303},
        RequestRejected,
        "(40303): too long",
        "40303",
    ),
    "fastchat, the rate": ({"text": "slow", "error_code": 42901}, RateLimited, "(42901): slow", "42901"),
    "error_msg": ({"error_code": 336003, "error_msg": "too much input"}, Unavailable, "too much input", "336003"),
    "errors": ({"errors": [{"message": "no model", "code": 404}]}, RequestRejected, "404: no model", None),
    "status": ({"status": "error", "message": "boom"}, Unavailable, "boom", None),
    "success": ({"success": False, "message": "boom"}, Unavailable, "boom", None),
    "statusCode": ({"message": "bad", "statusCode": 400}, RequestRejected, "400: bad", None),
    "detail": ({"detail": "Not Found"}, BadResponse, "in place of an answer came: Not Found", None),
    "message": ({"message": "no Route", "request_id": "r"}, BadResponse, "came: no Route", None),
    "groq": (chunk(finish="stop", x_groq={"id": "r", "error": "over capacity"}), Unavailable, "over capacity", None),
    "minimax": (
        {"choices": None, "base_resp": {"status_code": 1002, "status_msg": "rate limit"}},
        RateLimited,
        "429 (1002): rate limit",
        "1002",
    ),
    "minimax, the filter": (
        chunk(base_resp={"status_code": 1027, "status_msg": "output new_sensitive"}),
        ContentFiltered,
        "output new_sensitive",
        "content_filter",
    ),
    "minimax, unknown": ({"base_resp": {"status_code": 1000, "status_msg": "why"}}, Unavailable, "error: why", "1000"),
    "status_msg": ({"status_code": 1000, "status_msg": "why"}, Unavailable, "why", "1000"),
    "dashscope": (
        {"code": "Throttling.RateQuota", "message": "too many", "request_id": "r"},
        RateLimited,
        "429 (Throttling.RateQuota): too many",
        "Throttling.RateQuota",
    ),
    "a code": ({"code": 50505, "message": "overloaded", "data": None}, Unavailable, "overloaded", "50505"),
    "a word": ({"code": "InternalError", "message": "boom"}, Unavailable, "boom", "InternalError"),
    "msg": ({"code": 500, "msg": "boom", "success": False}, Unavailable, "500: boom", None),
    "type": ({"type": "error", "message": "slow", "code": "rate_limit_exceeded"}, RateLimited, "slow", None),
}
each = pytest.mark.parametrize("shape", SHAPES)


@each
@pytest.mark.parametrize("after", [b"", DONE], ids=["last", "done"])
def test_after_a_call_the_call_is_kept_and_the_error_told(heard: Hear, shape: str, after: bytes) -> None:
    error, kind, words, code = SHAPES[shape]
    torn = event(chunk(piece(1, "b", "Weather", '{"loc')))
    found = heard(CALL + torn + event(error) + after)
    assert (type(found.error), found.requests) == (kind, 1)
    assert words in str(found.error)
    assert code in (None, found.error.code)
    assert [one.value for one in found.outcomes] == [Weather(location="A")]
    assert found.said[0] == ("a", Weather(location="A"))


@each
def test_first_it_is_sent_again_only_if_that_may_help(heard: Hear, shape: str) -> None:
    error, kind, words, _ = SHAPES[shape]
    found = heard(event(error) + DONE)
    assert (type(found.error), found.requests) == (kind, 2 if kind.retryable_by_default else 1)
    assert words in str(found.error)
    assert kind is not BadResponse or "later" not in str(found.error)


@each
def test_in_a_whole_answer_it_is_the_same(faulty: Callable[..., FaultServer], shape: str) -> None:
    error, kind, words, code = SHAPES[shape]
    if error.get("choices"):
        choice = {"index": 0, "finish_reason": "error", "message": {"role": "assistant", "content": "part"}}
        error = {**error, "choices": [{**error["choices"][0], **choice}]}
    with openai.OpenAI(api_key=KEY, base_url=faulty(http(json.dumps(error))).url) as sdk:
        client = toolfan.from_openai(sdk, stop=ONCE)
        with pytest.raises(kind) as caught:
            client.create(model="m", messages=USER, tools=TOOLS)
    assert words in str(caught.value)
    assert code in (None, caught.value.code)
    assert type(caught.value) is kind


def test_an_end_by_an_error_is_no_end(heard: Hear, faulty: Callable[..., FaultServer]) -> None:
    found = heard(CALL + event(chunk(finish="error")) + DONE)
    assert (type(found.error), found.requests) == (Unavailable, 1)
    assert "ended with an error" in str(found.error)
    assert found.said == [("a", Weather(location="A"))]
    told = heard(CALL + event(chunk(finish="error"), {"error": {"message": "up", "code": 502}}))
    assert "502: up" in str(told.error)
    assert told.said == [("a", Weather(location="A"))]
    answer = {"choices": [{"index": 0, "finish_reason": "error", "message": {"role": "assistant", "content": "part"}}]}
    with openai.OpenAI(api_key=KEY, base_url=faulty(http(json.dumps(answer))).url) as sdk:
        client = toolfan.from_openai(sdk, stop=ONCE)
        with pytest.raises(Unavailable, match="ended with an error"):
            client.create(model="m", messages=USER, tools=TOOLS)


NOTHING = [None, {}, "", False, {"code": None, "message": ""}, {"code": 0, "message": "success"}]
NOTHING += [{"code": None, "message": "ok", "type": "none"}, {"code": 200, "message": "OK", "param": None}]


@pytest.mark.parametrize("error", NOTHING, ids=str)
def test_an_error_that_says_nothing_is_none(heard: Hear, faulty: Callable[..., FaultServer], error: Any) -> None:
    found = heard(event(chunk(piece(0, "a", "Weather", A), error=error)) + END)
    assert (found.error, found.said) == (None, [("a", Weather(location="A"))])
    good = completion(call("Weather", {"location": "A"}))
    choices = [{**choice, "error": error} for choice in good["choices"]]
    url = faulty(http(json.dumps({**good, "choices": choices, "error": error}))).url
    with openai.OpenAI(api_key=KEY, base_url=url) as sdk:
        answer = toolfan.from_openai(sdk, stop=ONCE).create(model="m", messages=USER, tools=TOOLS)
    assert list(answer) == [Weather(location="A")]


SOMETHING = [{"code": 0, "message": "boom"}, {"code": 0, "why": "x"}, {"message": "ok", "code": 5}]


@pytest.mark.parametrize("error", SOMETHING, ids=str)
def test_one_that_says_something_is_one(heard: Hear, error: Any) -> None:
    found = heard(event(chunk(piece(0, "a", "Weather", A), error=error)) + END)
    assert type(found.error) is Unavailable


FINE = {
    "minimax": {"choices": [], "base_resp": {"status_code": 0, "status_msg": ""}},
    "groq": {"choices": [], "x_groq": {"id": "r", "error": None}},
    "a number": {"code": 200, "message": "ok"},
    "a zero": {"code": "0", "message": "success", "request_id": "r"},
    "a word": {"code": "Success", "msg": "done"},
    "how far it is": {"status": "processing", "message": "still at it"},
}


@pytest.mark.parametrize("said", FINE)
def test_a_code_of_success_is_no_error(heard: Hear, said: str) -> None:
    found = heard(event(FINE[said]) + CALL + event(FINE[said]) + END + event(FINE[said]))
    assert (found.error, found.said) == (None, [("a", Weather(location="A"))])


GOOGLE = [{"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}]
LISTS = {
    "data": event(GOOGLE),
    "named": b"event: error\n" + event(GOOGLE),
    "two": event(GOOGLE * 2),
    "a line": json.dumps(GOOGLE).encode() + b"\n",
    "a line without an end": json.dumps(GOOGLE).encode(),
    "lines": json.dumps(GOOGLE, indent=2).encode() + b"\n",
    "lines, then the end": json.dumps(GOOGLE, indent=2).replace("[\n  {", "[{").encode() + b"\n\n" + DONE,
}


@pytest.mark.parametrize("form", LISTS)
def test_errors_in_a_list_are_told(heard: Hear, form: str) -> None:
    """So Google's interface that is compatible with OpenAI's."""
    found = heard(CALL + LISTS[form])
    assert (type(found.error), found.error.status, found.said) == (Unavailable, 503, [("a", Weather(location="A"))])
    assert "The model is overloaded." in str(found.error)
    slow = heard(b": hi\n\n" + LISTS[form].replace(b"503", b"429").replace(b"UNAVAILABLE", b"RESOURCE_EXHAUSTED"))
    assert (type(slow.error), slow.error.status, slow.requests) == (RateLimited, 429, 2)


def test_a_list_of_other_things_is_no_event(heard: Hear) -> None:
    for listed in ([], [1], [chunk(content="a"), 1], [*GOOGLE, 1]):
        assert type(heard(CALL + event(listed)).error) is BadResponse


def test_an_error_in_a_line_of_its_own(heard: Hear) -> None:
    """So llama.cpp: `error: {...}`."""
    line = b'error: {"code": %d, "message": "no more context", "type": "%b"}\n\n'
    first = heard(line % (400, b"invalid_request_error"))
    assert (type(first.error), first.requests, first.error.code) == (RequestRejected, 1, "invalid_request_error")
    assert "400 (invalid_request_error): no more context" in str(first.error)
    after = heard(CALL + line % (500, b"server_error") + DONE)
    assert (type(after.error), after.requests, after.error.status) == (Unavailable, 1, 500)
    assert after.said == [("a", Weather(location="A"))]


@pytest.mark.parametrize(
    "beside",
    [{"code": 200}, {"status": "200"}, {"code": "success"}, {"status": "in_progress"}, {"code": ["x"]}, {"code": True}],
    ids=str,
)
def test_what_is_no_code_of_an_error_is_not_told_as_one(heard: Hear, beside: JSON) -> None:
    found = heard(event({"error": "gone", **beside}) + DONE)
    assert isinstance(found.error, Unavailable)
    assert ("error: gone" in str(found.error), found.error.code) == (True, None)


def test_what_the_model_wrote_is_told_in_a_stream_too(heard: Hear) -> None:
    """As Groq tells of a call that its server could not read."""
    told = {"message": "failed to call a function", "code": "tool_use_failed", "failed_generation": "<f>{}</f>"}
    found = heard(CALL + event({"error": told}))
    assert found.said == [("a", Weather(location="A"))]
    assert "failed to call a function (the model wrote: <f>{}</f>)" in str(found.error)
