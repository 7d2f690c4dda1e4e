"""`toolfan decode` reads streams as they were recorded: server-sent events, and arrays of objects."""

from __future__ import annotations

import json
from typing import Any

import pytest
from toolfan.cli.app import app
from typer.testing import CliRunner, Result

FIRST = {"id": "a", "name": "Weather", "arguments": {"location": "Oslo"}}
SECOND = {"id": "b", "name": "Weather", "arguments": {"location": "Bergen"}}


def piece(index: int, arguments: str, **more: Any) -> dict[str, Any]:
    return {"index": index, "function": {"arguments": arguments, **({"name": "Weather"} if more else {})}, **more}


def chunk(*pieces: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"tool_calls": list(pieces)}, "finish_reason": finish}]}


def use(index: int, call: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    block = {"type": "tool_use", "id": call["id"], "name": call["name"], "input": {}}
    delta = {"type": "input_json_delta", "partial_json": json.dumps(call["arguments"])}
    return [
        ("content_block_start", {"index": index, "content_block": block}),
        ("content_block_delta", {"index": index, "delta": delta}),
        ("content_block_stop", {"index": index}),
    ]


def function_call(call: dict[str, Any], **more: Any) -> dict[str, Any]:
    part = {"functionCall": {"id": call["id"], "name": call["name"], "args": call["arguments"]}}
    return {"candidates": [{"content": {"role": "model", "parts": [part]}, **more}]}


CHUNKS = [
    chunk(piece(0, '{"loca', id="a")),
    chunk(piece(0, 'tion": "Oslo"}')),
    chunk(piece(1, '{"location": "Bergen"}', id="b")),
    chunk(finish="tool_calls"),
]
OPENAI = "".join(f"data: {json.dumps(one)}\n\n" for one in CHUNKS)
# Without a type in the data: the name of the event is all that tells it.
ANTHROPIC = "".join(
    f"event: {name}\ndata: {json.dumps(data)}\n\n"
    for name, data in [
        ("message_start", {"message": {"role": "assistant", "content": []}}),
        *use(0, FIRST),
        *use(1, SECOND),
        ("message_delta", {"delta": {"stop_reason": "tool_use"}}),
        ("message_stop", {}),
    ]
)
GEMINI_CHUNKS = [json.dumps(one) for one in (function_call(FIRST), function_call(SECOND, finishReason="STOP"))]
GEMINI = "".join(f"data: {one}\r\n\r\n" for one in GEMINI_CHUNKS)
ARRAY = "[" + ",\r\n".join(GEMINI_CHUNKS) + "]"
STREAMS = {
    "chunks": ("openai", f"{OPENAI}data: [DONE]\n\n"),
    "a comment first": ("openai", f": OPENROUTER PROCESSING\n\n{OPENAI}data: [DONE]\n\n"),
    "a byte order mark and an empty line first": ("openai", f"\ufeff\n{OPENAI}data: [DONE]"),
    "names of events": ("anthropic", ANTHROPIC),
    "whole calls": ("gemini", GEMINI),
    "an array": ("gemini", ARRAY),
    "an array after a byte order mark": ("gemini", f"\ufeff \r\n{ARRAY}\n"),
}


def run(adapter: str, stream: str, *options: str) -> tuple[Result, list[dict[str, Any]]]:
    result = CliRunner().invoke(app, ["decode", "--with", adapter, *options], input=stream.encode())
    return result, [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize(("adapter", "stream"), STREAMS.values(), ids=STREAMS)
def test_the_calls_of_a_stream(adapter: str, stream: str) -> None:
    result, lines = run(adapter, stream)
    assert (result.exit_code, result.stderr) == (0, "")
    assert lines == [{"index": 0, **FIRST}, {"index": 1, **SECOND}]


def test_a_stream_that_broke_off_gives_what_came_before_and_fails() -> None:
    whole, cut = OPENAI.split("\n\n"), '"function": {"arguments": "{\\"loc'
    stream = "\n\n".join(whole[:2]) + f'\n\ndata: {{"choices": [{{"delta": {{"tool_calls": [{{"index": 1, {cut}'
    result, lines = run("openai", stream)
    assert lines == [{"index": 0, **FIRST}]
    assert (result.exit_code, result.stderr.partition(":")[0]) == (1, "IncompleteStream")


def test_streams_one_after_another_are_all_read() -> None:
    first, second = f"{OPENAI}data: [DONE]\n\n", f"{OPENAI}data: [DONE]".replace("Oslo", "Rome")
    result, lines = run("openai", first + second)
    places = [1, 1, first.count("\n") + 1, first.count("\n") + 1]
    calls = [FIRST, SECOND, {**FIRST, "arguments": {"location": "Rome"}}, SECOND]
    assert lines == [
        {"line": line, "index": at % 2, **call} for at, (line, call) in enumerate(zip(places, calls, strict=True))
    ]
    assert (result.exit_code, result.stderr) == (0, "")


def test_what_comes_after_the_end_is_told() -> None:
    result, lines = run("openai", f'{OPENAI}data: [DONE]\n\ndata: {{"choices": []}}\n\n')
    assert lines == [{"index": 0, **FIRST}, {"index": 1, **SECOND}]
    assert (result.exit_code, result.stderr) == (
        0,
        'What comes after the end of the stream is not read: data: {"choices": []}\n',
    )


def test_an_array_that_broke_off_gives_what_came_before_and_fails() -> None:
    result, lines = run("gemini", ARRAY[:-9])
    assert lines[0] == {"index": 0, **FIRST}
    assert (result.exit_code, result.stderr.partition(":")[0]) == (1, "IncompleteStream")


def test_an_array_that_holds_an_error_is_told_as_a_live_one() -> None:
    result, lines = run("gemini", '[{"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}]')
    assert (result.exit_code, lines, result.stderr.partition(":")[0]) == (1, [], "RateLimited")


def test_an_error_in_a_stream_is_told_after_the_calls_before_it() -> None:
    begun = "\n\n".join(OPENAI.split("\n\n")[:3])
    stream = f'{begun}\n\ndata: {{"error": {{"message": "slow down", "code": 429}}}}\n\n'
    result, lines = run("openai", stream)
    assert lines[0] == {"index": 0, **FIRST}
    assert (result.exit_code, result.stderr.partition(":")[0]) == (1, "RateLimited")


def test_an_event_that_is_no_json_is_told_after_the_calls_before_it() -> None:
    result, lines = run("gemini", f"{GEMINI}data: {{oops}}\n\n")
    assert lines == [{"index": 0, **FIRST}, {"index": 1, **SECOND}]
    assert (result.exit_code, result.stderr.partition(":")[0]) == (1, "BadResponse")


def test_a_stream_without_calls_is_told_on_standard_error() -> None:
    said = {"choices": [{"index": 0, "delta": {"content": "Hello."}, "finish_reason": "stop"}]}
    result, lines = run("openai", f"data: {json.dumps(said)}\n\ndata: [DONE]\n\n")
    assert (result.exit_code, lines) == (0, [])
    assert result.stderr == "No tool was called (stop). The model said: Hello.\n"


def test_an_end_that_is_said_twice_is_the_end_of_one_stream() -> None:
    done = "data: [DONE]\n\n"
    for twice in (done + done, f"{done}: bye\n\n{done}"):
        result, lines = run("openai", f"{OPENAI}{twice}")
        assert lines == [{"index": 0, **FIRST}, {"index": 1, **SECOND}]
        assert (result.exit_code, result.stderr) == (0, "")
    result, lines = run("openai", f"{OPENAI}{done}{done}{OPENAI}{done}")
    assert [line["line"] for line in lines] == [1, 1, *[f"{OPENAI}{done}{done}".count("\n") + 1] * 2]


@pytest.mark.parametrize("form", ["calls", "ids"])
def test_an_array_of_whole_answers_is_no_stream(form: str) -> None:
    """As `jq -s` writes it: their calls were read as those of one answer."""
    text = {"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}], "responseId": "r"}
    whole = function_call(FIRST, finishReason="STOP")
    result, lines = run("gemini", json.dumps([whole, whole] if form == "calls" else [whole, text]))
    assert (result.exit_code, lines) == (1, [])
    assert "the array has 2 whole answers, not the pieces of one" in result.stderr


def test_an_array_whose_texts_each_have_an_end_is_one() -> None:
    text = {"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]}
    result, lines = run("gemini", json.dumps([text, text, function_call(FIRST, finishReason="STOP")]))
    assert (result.exit_code, lines) == (0, [{"index": 0, **FIRST}])
