"""`toolfan decode` reads streams as they were recorded: server-sent events, arrays of objects, and JSON lines."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from toolfan.calls import RawCall, StopReason, Turn
from toolfan.cli.app import app
from toolfan.errors import BadResponse, IncompleteStream
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


class Piecewise:
    """Reads a service that frames its streams as JSON lines, each in the form of an answer, as Ollama does."""

    name = "piecewise"
    capabilities = SimpleNamespace(streaming=True)

    def parse_response(self, body: dict[str, Any]) -> Turn:
        if "said" not in body:
            raise BadResponse("it says nothing", adapter=self.name)
        return self.turn([body])

    def stream_parser(self) -> Piecewise:
        parser = Piecewise()
        parser.fed = []
        return parser

    fed: list[dict[str, Any]]

    def feed(self, event: dict[str, Any]) -> list[RawCall]:
        self.fed.append(event)
        return []

    def close(self) -> Turn:
        turn = self.turn(self.fed)
        if turn.stop.kind == "none":
            raise IncompleteStream.of(turn, begun=True, settled=True, adapter=self.name)
        return turn

    def turn(self, bodies: list[dict[str, Any]]) -> Turn:
        uses = [use for body in bodies for use in body.get("uses", ())]
        return Turn(
            calls=tuple(RawCall(at, f"c{at}", use, '{"location": "Oslo"}') for at, use in enumerate(uses)),
            text="".join(body.get("said", "") for body in bodies),
            stop=StopReason("end", "stop") if any(body.get("done") for body in bodies) else StopReason("none"),
        )


@pytest.fixture
def _piecewise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolfan.cli.decode.load_adapter", lambda name: Piecewise())


def in_lines(*bodies: Any) -> str:
    return "".join(f"{json.dumps(body)}\n" for body in bodies)


OSLO = {"said": "", "uses": ["Weather"], "done": False}
HELLO = {"said": "Hello ", "done": False}
END = {"said": "", "done": True}


def place(at: int) -> dict[str, Any]:
    return {"index": at, "id": f"c{at}", "name": "Weather", "arguments": {"location": "Oslo"}}


@pytest.mark.usefixtures("_piecewise")
@pytest.mark.parametrize(
    ("given", "calls"),
    [((OSLO, OSLO, END), 2), ((HELLO, OSLO, END), 1), ((OSLO, {**END, "uses": ["Weather"]}), 2), ((HELLO, END), 0)],
)
def test_lines_that_are_pieces_are_one_answer(given: tuple[Any, ...], calls: int) -> None:
    """Though each can be read by itself."""
    result, lines = run("piecewise", in_lines(*given))
    assert lines == [place(at) for at in range(calls)]
    told = "" if calls else "No tool was called (stop). The model said: Hello \n"
    assert (result.exit_code, result.stderr) == (0, told)


WHOLE = {**OSLO, "done": True}


@pytest.mark.usefixtures("_piecewise")
@pytest.mark.parametrize(
    ("given", "numbers"),
    [
        ((WHOLE, WHOLE), [1, 2]),
        ((WHOLE, OSLO), [1, 2]),
        (({"said": "Hi", "done": True}, WHOLE), [2]),
        ((OSLO, WHOLE, WHOLE), [1, 2, 3]),
        (({"custom_id": "a", "result": {"message": OSLO}}, {"custom_id": "b", "result": {"message": WHOLE}}), [1, 2]),
    ],
)
def test_lines_that_are_answers_stay_such(given: tuple[Any, ...], numbers: list[int]) -> None:
    result, lines = run("piecewise", in_lines(*given))
    assert [line["line"] for line in lines] == numbers
    assert result.exit_code == 0
    assert "cut stream" not in result.stderr


@pytest.mark.usefixtures("_piecewise")
def test_lines_that_may_be_either_are_answers_and_it_is_told() -> None:
    """An answer may lack the word of its end, and a stream may have broken off."""
    result, lines = run("piecewise", in_lines(OSLO, OSLO))
    assert [line["line"] for line in lines] == [1, 2]
    assert result.stderr == "No line has the end of an answer: each is read as one, or they are a cut stream.\n"


@pytest.mark.usefixtures("_piecewise")
def test_a_line_that_is_nothing_does_not_make_a_stream_of_an_answer() -> None:
    result, lines = run("piecewise", in_lines({"foo": 1}, WHOLE))
    assert [(line["line"], line.get("error", {}).get("type")) for line in lines] == [(1, "BadResponse"), (2, None)]
    assert result.exit_code == 1
    result, lines = run("piecewise", in_lines(OSLO, WHOLE) + "{oops\n")
    assert [line["line"] for line in lines] == [1, 2, 3]


EVENTS = [
    {"type": name, **json.loads(data.removeprefix("data: "))}
    for name, data in zip(
        [line.removeprefix("event: ") for line in ANTHROPIC.splitlines() if line.startswith("event:")],
        [line for line in ANTHROPIC.splitlines() if line.startswith("data:")],
        strict=True,
    )
]


@pytest.mark.parametrize(
    ("adapter", "stream"),
    {
        "chunks": ("openai", in_lines(*CHUNKS)),
        "events": ("anthropic", in_lines(*EVENTS)),
        "whole calls": ("gemini", "\n\n".join(GEMINI_CHUNKS)),
        "a byte order mark": ("gemini", "\ufeff" + "\r\n".join(GEMINI_CHUNKS)),
    }.values(),
)
def test_events_that_were_kept_as_lines(adapter: str, stream: str) -> None:
    """As a program may write them that reads a stream of the provider's."""
    result, lines = run(adapter, stream)
    assert (result.exit_code, result.stderr) == (0, "")
    assert lines == [{"index": 0, **FIRST}, {"index": 1, **SECOND}]


def test_lines_that_broke_off_give_what_came_before() -> None:
    """Where each is nothing by itself."""
    result, lines = run("openai", in_lines(*CHUNKS[:3]))
    assert lines == [{"index": 0, **FIRST}, {"index": 1, **SECOND}]
    assert (result.exit_code, result.stderr.partition(":")[0]) == (1, "IncompleteStream")


@pytest.mark.parametrize("stream", [in_lines(*CHUNKS[:3]), OPENAI[: OPENAI.rindex("data:")]], ids=["lines", "events"])
def test_no_profile_is_recommended_to_a_command_that_reads_none(stream: str) -> None:
    result, _ = run("openai", stream)
    assert result.stderr.startswith("IncompleteStream: the stream ended before the answer was complete")
    assert result.stderr.endswith("What came whole is printed.\n")


def test_lines_with_ids_of_their_own_are_answers() -> None:
    one, other = (json.loads(chunk) | {"responseId": name} for chunk, name in zip(GEMINI_CHUNKS, "ab", strict=True))
    result, lines = run("gemini", in_lines(one, other))
    assert [line["line"] for line in lines] == [1, 2]
    result, lines = run("gemini", in_lines(one, {**other, "responseId": "a"}))
    assert (result.exit_code, [line["index"] for line in lines]) == (0, [0, 1])
