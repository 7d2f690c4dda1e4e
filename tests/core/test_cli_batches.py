"""`toolfan decode` reads the lines of the vendors' batch files."""

from __future__ import annotations

import json
from typing import Any

import pytest
from toolfan.cli.app import app
from typer.testing import CliRunner

CALL = {"id": "a", "type": "function", "function": {"name": "Weather", "arguments": '{"location": "Oslo"}'}}
CHAT = {"choices": [{"finish_reason": "tool_calls", "message": {"role": "assistant", "tool_calls": [CALL]}}]}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "error": None,
    "output": [{"type": "function_call", "call_id": "a", "name": "Weather", "arguments": '{"location": "Oslo"}'}],
}
MESSAGE = {
    "type": "message",
    "role": "assistant",
    "stop_reason": "tool_use",
    "content": [{"type": "tool_use", "id": "a", "name": "Weather", "input": {"location": "Oslo"}}],
}
PART = {"functionCall": {"name": "Weather", "args": {"location": "Oslo"}, "id": "a"}}
CANDIDATE = {"candidates": [{"content": {"role": "model", "parts": [PART]}, "finishReason": "STOP"}]}
USE = {"toolUse": {"toolUseId": "a", "name": "Weather", "input": {"location": "Oslo"}}}
CONVERSE = {"output": {"message": {"role": "assistant", "content": [USE]}}, "stopReason": "tool_use"}


def answered(status: int, body: Any) -> dict[str, Any]:
    return {"status_code": status, "request_id": "req_1", "body": body}


def of_openai(body: Any) -> dict[str, Any]:
    return {"id": "batch_req_1", "custom_id": "row-1", "response": answered(200, body), "error": None}


GOOD: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "openai": ("openai", of_openai(CHAT), {"custom_id": "row-1"}),
    "openai-responses": ("openai-responses", of_openai(RESPONSE), {"custom_id": "row-1"}),
    "anthropic": (
        "anthropic",
        {"custom_id": "row-1", "result": {"type": "succeeded", "message": MESSAGE}},
        {"custom_id": "row-1"},
    ),
    "gemini": ("gemini", {"key": "row-1", "response": CANDIDATE}, {"key": "row-1"}),
    "vertex": ("vertex", {"status": "", "processed_time": "t", "request": {"contents": []}, "response": CANDIDATE}, {}),
    "bedrock": ("bedrock", {"recordId": "row-1", "modelInput": {}, "modelOutput": CONVERSE}, {"recordId": "row-1"}),
}
LIMITED = {"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}
BAD: dict[str, tuple[str, Any, str, str]] = {
    "openai's own answer": (
        "openai",
        {**of_openai({"error": {"message": "no such field", "code": "bad"}}), "response": answered(400, {"error": {
            "message": "no such field", "code": "bad"}})},
        "RequestRejected",
        "no such field",
    ),
    "openai's batch": (
        "openai",
        {"custom_id": "row-1", "response": None, "error": {"code": "batch_expired", "message": "ran out of time"}},
        "Unavailable",
        "ran out of time",
    ),
    "anthropic": (
        "anthropic",
        {"custom_id": "row-1", "result": {"type": "errored", "error": {"type": "error", "error": {
            "type": "invalid_request_error", "message": "max_tokens"}}}},
        "RequestRejected",
        "max_tokens",
    ),
    "anthropic's batch": ("anthropic", {"custom_id": "row-1", "result": {"type": "expired"}}, "Unavailable", "expired"),
    "gemini": ("gemini", {"key": "row-1", "error": LIMITED["error"]}, "RateLimited", "slow down"),
    "vertex": (
        "vertex",
        {"status": f"Too Many Requests: {json.dumps(LIMITED)}", "request": {}, "response": {}},
        "RateLimited",
        "slow down",
    ),
    "vertex in words": ("vertex", {"status": "Internal", "request": {}, "response": {}}, "Unavailable", "Internal"),
    "bedrock": (
        "bedrock",
        {"recordId": "row-1", "modelInput": {}, "error": {"errorCode": 400, "errorMessage": "bad request"}},
        "RequestRejected",
        "bad request",
    ),
    "openai's refusal": (
        "openai",
        of_openai({"choices": [{"finish_reason": "stop", "message": {"role": "assistant", "refusal": "I will not"}}]}),
        "Refused",
        "I will not",
    ),
    "openai's filter": (
        "openai",
        of_openai({"choices": [{"finish_reason": "content_filter", "message": {"role": "assistant"}}]}),
        "ContentFiltered",
        "content_filter",
    ),
    "anthropic's refusal": (
        "anthropic",
        {"custom_id": "row-1", "result": {"type": "succeeded", "message": {**MESSAGE, "stop_reason": "refusal",
            "content": []}}},
        "Refused",
        "refusal",
    ),
    "gemini's blocked prompt": (
        "gemini",
        {"key": "row-1", "response": {"promptFeedback": {"blockReason": "SAFETY"}}},
        "ContentFiltered",
        "SAFETY",
    ),
    "gemini's malformed call": (
        "gemini",
        {"key": "row-1", "response": {"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL",
            "finishMessage": "print(x"}]}},
        "MalformedArguments",
        "print(x",
    ),
    "no UTF-8": ("openai", b'{"custom_id": "row-2", "\xff": 1}', "BadResponse", "invalid unicode"),
    "neither": ("openai", {"custom_id": "row-1", "response": None, "error": None}, "BadResponse", "batch files"),
}  # fmt: skip


def decoded(adapter: str, *lines: Any) -> tuple[int, list[dict[str, Any]]]:
    given = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    done = CliRunner().invoke(app, ["decode", "--with", adapter], input=given)
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(("adapter", "line", "names"), GOOD.values(), ids=GOOD)
def test_an_entry_is_opened_and_named(adapter: str, line: dict[str, Any], names: dict[str, str]) -> None:
    for lines in ([line], [line, line]):
        status, got = decoded(adapter, *lines)
        assert status == 0
        for number, one in enumerate(got, 1):
            place = {"line": number} if len(lines) > 1 else {}
            call = {"index": 0, "id": "a", "name": "Weather", "arguments": {"location": "Oslo"}}
            assert {**one, "id": "a"} == {**place, **names, **call}
        assert len(got) == len(lines)


@pytest.mark.parametrize(("adapter", "line", "kind", "words"), BAD.values(), ids=BAD)
def test_an_entry_that_failed_is_an_error_of_its_own(adapter: str, line: Any, kind: str, words: str) -> None:
    good = next(other for name, other, _ in GOOD.values() if name == adapter)
    status, (first, failed, last) = decoded(adapter, good, line, good)
    assert status == 1
    assert (failed["line"], failed["error"]["type"]) == (2, kind)
    assert words in failed["error"]["message"]
    assert [first["name"], last["name"]] == ["Weather", "Weather"]
    names = () if isinstance(line, bytes) else {"custom_id", "key", "recordId"} & line.keys()
    assert {key: failed.get(key) for key in names} == dict.fromkeys(names, "row-1")


def test_a_call_beside_a_filter_is_printed_before_the_error() -> None:
    stopped = {"candidates": [{**CANDIDATE["candidates"][0], "finishReason": "SAFETY"}]}
    status, (call, failed) = decoded("gemini", {"key": "row-1", "response": stopped})
    assert (status, call["name"], failed["error"]["type"]) == (1, "Weather", "ContentFiltered")


def test_an_entry_without_a_call_is_told_on_standard_error() -> None:
    line = of_openai({"choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "No."}}]})
    given = f"{json.dumps(line)}\n{json.dumps(CHAT)}"
    done = CliRunner().invoke(app, ["decode", "--with", "openai"], input=given)
    assert (done.exit_code, len(done.stdout.splitlines())) == (0, 1)
    assert done.stderr == "line 1: custom_id row-1: No tool was called (stop). The model said: No.\n"


def test_a_body_is_still_one_whatever_it_holds() -> None:
    assert decoded("openai-responses", RESPONSE)[1][0]["name"] == "Weather"
    assert decoded("openai", {**CHAT, "error": None, "key": 1})[1][0]["name"] == "Weather"


def test_what_is_no_answer_is_told_with_a_hint_for_files() -> None:
    done = CliRunner().invoke(app, ["decode", "--with", "openai"], input="{}")
    assert done.exit_code == 1
    assert "base URL" not in done.stderr
    assert "batch files" in done.stderr
