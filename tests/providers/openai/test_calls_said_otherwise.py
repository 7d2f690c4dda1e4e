"""Calls that chunks say in two forms, or in none that is known: what comes is what the whole answer gives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from loopback import KEY, ONCE, USER, Bench, completion, http, raw
from odd_streams import DONE, END, TOOLS, A, B, Hear, Now, Pay, Weather, chunk, event, heard, piece

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopback import FaultServer

__all__ = ["heard"]

WEATHER = Weather(location="A")
LEGACY = {"name": "Weather", "arguments": A}
CALL = piece(0, "a", "Weather", A)


def delta(finish: Any = None, **said: Any) -> dict[str, Any]:
    return {**chunk(), "choices": [{"index": 0, "delta": said, "finish_reason": finish}]}


def whole(bench: Bench, **message: Any) -> toolfan.Calls[Any]:
    bench.serve(raw(completion(**message)))
    return bench.client().create(model="m", messages=USER, tools=TOOLS, on_invalid="keep")


def outcomes(calls: toolfan.Calls[Any]) -> list[tuple[Any, ...]]:
    return [(one.raw, getattr(one, "value", None), type(getattr(one, "error", None))) for one in calls.outcomes]


@pytest.mark.parametrize("order", [("function_call", "tool_calls"), ("tool_calls", "function_call")])
def test_a_call_in_both_forms_is_one(heard: Hear, bench: Bench, order: tuple[str, str]) -> None:
    forms = {"function_call": LEGACY, "tool_calls": [CALL]}
    said = {key: forms[key] for key in order}
    found = heard(event(delta(**said)) + END)
    assert found.said == [("a", WEATHER)]
    assert outcomes(found.stream.calls) == outcomes(whole(bench, **said))


def test_each_piece_in_both_forms_is_one_call(heard: Hear) -> None:
    """As llama-cpp-python streams."""
    chunks = [delta(function_call=None, tool_calls=None)]
    for part in (A[:3], A[3:9], A[9:]):
        legacy = {"name": "Weather", "arguments": part}
        chunks.append(delta(function_call=legacy, tool_calls=[piece(0, "a", "Weather", part)]))
    found = heard(event(*chunks, delta("tool_calls", function_call=None, tool_calls=None)) + DONE)
    assert found.said == [("a", WEATHER)]
    assert found.stream.calls.warnings == ()


@pytest.mark.parametrize("legacy_first", [True, False])
def test_a_call_in_both_forms_in_two_chunks_is_one(heard: Hear, *, legacy_first: bool) -> None:
    chunks = [delta(function_call=LEGACY), delta(tool_calls=[CALL])]
    assert heard(event(*(chunks if legacy_first else reversed(chunks))) + END).said == [("a", WEATHER)]


OTHERS: list[dict[str, Any]] = [
    {"name": "Pay", "arguments": '{"k": 1}'},
    {"name": "Weather", "arguments": B},
    {"name": "Now"},
    {"name": "Weather", "parameters": {"location": "B"}},
]


@pytest.mark.parametrize("legacy_first", [True, False])
@pytest.mark.parametrize("other", OTHERS, ids=json.dumps)
def test_another_call_in_the_older_form_is_one_too(
    heard: Hear, bench: Bench, other: dict[str, Any], *, legacy_first: bool
) -> None:
    """It comes after those of `tool_calls`, and goes back among them."""
    calls = whole(bench, function_call=other, tool_calls=[piece(1, "b", "Pay", '{"k": 7}'), CALL])
    assert (list(calls)[:2], len(calls), calls.failed) == ([WEATHER, Pay(k=7)], 3, ())
    chunks = [
        delta(function_call=other),
        delta(tool_calls=[piece(1, "b", "Pay", '{"k": 7}')]),
        delta(tool_calls=[CALL]),
    ]
    found = heard(event(*(chunks if legacy_first else [*chunks[1:], chunks[0]])) + END).stream.calls
    assert outcomes(found) == outcomes(calls)
    for came in (calls, found):
        turn, *answers = came.reply(dict.fromkeys(("a", "b", "call_2"), "done"))
        assert (
            [one["id"] for one in turn["tool_calls"]]
            == [one["tool_call_id"] for one in answers]
            == ["a", "b", "call_2"]
        )
        assert "function_call" not in turn


COPIES: list[Any] = [
    {"name": "Weather", "arguments": {"location": "A"}},
    {"name": "Weather", "arguments": '{ "location":"A" }'},
    {"name": "Weather", "arguments": A[:9]},
    {"name": "Weather"},
    {"name": "", "arguments": A},
    "auto",
]


@pytest.mark.parametrize("copy", COPIES, ids=json.dumps)
def test_a_copy_of_a_call_in_the_older_form_is_none(heard: Hear, bench: Bench, copy: Any) -> None:
    assert [one.id for one in whole(bench, function_call=copy, tool_calls=[CALL]).outcomes] == ["a"]
    assert heard(event(delta(function_call=copy), delta(tool_calls=[CALL])) + END).said == [("a", WEATHER)]


def test_one_and_true_are_two_calls(heard: Hear, bench: Bench) -> None:
    said = {
        "function_call": {"name": "Pay", "arguments": '{"k": true}'},
        "tool_calls": [piece(0, "a", "Pay", '{"k": 1}')],
    }
    assert len(whole(bench, **said).outcomes) == len(heard(event(delta(**said)) + END).said) == 2


def test_a_call_in_both_forms_runs_once(faulty: Callable[..., FaultServer]) -> None:
    ran: list[int] = []

    def pay(k: int) -> str:
        """Pays."""
        ran.append(k)
        return "paid"

    said = {"function_call": {"name": "pay", "arguments": '{"k": 1}'}, "tool_calls": [piece(0, "a", "pay", '{"k": 1}')]}
    answers = [event(delta(**said)) + END, event(chunk(content="Bye.", finish="stop")) + DONE]
    server = faulty(*(http(answer, content_type="text/event-stream") for answer in answers))
    with openai.OpenAI(api_key=KEY, base_url=server.url) as sdk:
        toolfan.from_openai(sdk, stop=ONCE).run(model="m", messages=USER, tools=(pay,), early=True)
    assert ran == [1]


@pytest.mark.parametrize("beside", [{}, {"tool_calls": []}, {"tool_calls": [piece(0, "p", "", "")]}])
def test_a_legacy_call_alone_is_read(heard: Hear, bench: Bench, beside: dict[str, Any]) -> None:
    pieces = [delta(function_call={"name": "Weather", "arguments": ""}, **beside)]
    pieces += [delta(function_call={"arguments": part}) for part in (A[:5], A[5:])]
    found = heard(event(*pieces, delta("function_call")) + DONE)
    assert outcomes(found.stream.calls) == outcomes(whole(bench, function_call=LEGACY, **beside))
    assert [value for _, value in found.said] == [WEATHER]


def test_a_legacy_call_is_given_with_the_finish_reason(faulty: Callable[..., FaultServer]) -> None:
    """Not only with the end of the stream."""
    parser = toolfan.load_adapter("openai").stream_parser()
    assert not parser.feed(delta(function_call=LEGACY))
    assert [call.name for call in parser.feed(delta("function_call"))] == ["Weather"]


PLACE = {"location": "A"}
FLAT: list[dict[str, Any]] = [
    {"id": "a", "type": "function", "name": "Weather", "arguments": A},
    {"id": "a", "type": "function", "function": None, "name": "Weather", "arguments": PLACE},
    {"id": "a", "name": "Weather", "parameters": PLACE},
    {"id": "a", "name": "Weather", "input": PLACE},
    {"id": "a", "type": "tool_use", "name": "Weather", "input": PLACE},
    {"id": "a", "type": "tool_call", "name": "Weather", "args": PLACE},
    {"id": "a", "type": "function", "function": {"name": "Weather", "args": PLACE}},
    {"id": "a", "name": "Weather", "arguments": "", "parameters": A},
    {"id": "a", "type": "function", "function": {"name": "Weather", "parameters": PLACE}},
    {"id": "a", "type": "function", "function": {"name": "Weather", "arguments": None, "parameters": A}},
]


@pytest.mark.parametrize("entry", FLAT, ids=json.dumps)
def test_arguments_that_stand_elsewhere_are_read(heard: Hear, bench: Bench, entry: dict[str, Any]) -> None:
    calls = whole(bench, tool_calls=[entry, {"id": "n", "name": "Now"}])
    assert (list(calls), [one.id for one in calls.outcomes]) == ([WEATHER, Now()], ["a", "n"])
    chunks = [chunk({"index": 0, **entry}), chunk({"index": 1, "id": "n", "name": "Now"})]
    found = heard(event(*chunks) + END).stream.calls
    assert list(found) == list(calls)
    function = {"name": "Weather", "arguments": calls.outcomes[0].raw.arguments}
    for came in (calls, found):
        assert came.reply({"a": "1", "n": "2"})[0]["tool_calls"][0] == {
            "id": "a",
            "type": "function",
            "function": function,
        }


@pytest.mark.parametrize("index", [{"index": 0}, {}])
def test_pieces_without_a_function_around_them_are_read(heard: Hear, index: dict[str, int]) -> None:
    pieces = [{"id": "a", "name": "Weather", "arguments": ""}, {"arguments": A[:5]}, {"name": None, "arguments": A[5:]}]
    assert heard(event(*(chunk({**index, **one}) for one in pieces)) + END).said == [("a", WEATHER)]


@pytest.mark.parametrize("kind", ["web_search", "custom"])
def test_a_call_of_another_type_is_not_taken_for_one(bench: Bench, kind: str) -> None:
    calls = whole(bench, tool_calls=[{"id": "a", "type": kind, "name": "Weather", "arguments": A}])
    assert (list(calls), [one.id for one in calls.failed]) == ([], ["a"])


def test_a_call_without_arguments_is_told_so(bench: Bench) -> None:
    (bad,) = whole(bench, tool_calls=[{"id": "a", "type": "function", "function": {"name": "Weather"}}]).failed
    assert bad.error.message == "the call has no arguments"


BARE: list[Any] = [
    {"id": "a", "type": "function"},
    {"id": "a", "type": "function", "function": None},
    {"id": "a", "type": None, "role": "", "x": 1},
    {"id": "a", "type": "function", "function": json.dumps(LEGACY)},
    {"id": "a", "type": "custom", "custom": "A"},
    {"x": 1},
    3,
    "Weather",
]


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("bare", BARE, ids=str)
def test_an_entry_without_a_function_is_kept_as_in_a_whole_answer(
    heard: Hear, bench: Bench, bare: Any, *, index: bool
) -> None:
    good = piece(1, "b", "Pay", '{"k": 1}') if index else piece(call_id="b", name="Pay", arguments='{"k": 1}')
    entry = {"index": 0, **bare} if index and isinstance(bare, dict) else bare
    marked = index or not isinstance(bare, dict) or "id" in bare  # what has no mark at all goes on with the next piece
    for sent in ([entry, good], [entry]) if marked else ([entry],):
        found = heard(event(*(chunk(one) for one in sent)) + END)
        plain = [bare, *sent[1:]]
        assert outcomes(found.stream.calls) == outcomes(whole(bench, tool_calls=plain))
        assert (Pay(k=1) in [value for _, value in found.said]) is (good in sent)


def test_a_function_may_follow_its_entry(heard: Hear) -> None:
    for first in ({"index": 0, "id": "a", "type": "function"}, {"index": 0, "id": "a", "function": None}):
        found = heard(event(chunk(first), chunk(piece(0, name="Weather", arguments=A))) + END)
        assert found.said == [("a", WEATHER)]


def test_an_entry_without_a_function_may_follow_one(heard: Hear) -> None:
    more = {"index": 0, "extra": 1}
    found = heard(event(chunk(piece(0, "a", "Weather", A[:4])), chunk(more), chunk(piece(0, arguments=A[4:]))) + END)
    assert found.said == [("a", WEATHER)]
    assert found.stream.calls.turn.replay["tool_calls"][0]["extra"] == 1


def test_an_odd_entry_does_not_harm_the_call_before_it(heard: Hear) -> None:
    for odd, call_id in ((3, "call_1"), ("x", "call_1"), ({"id": "x", "function": 3}, "x")):
        found = heard(event(chunk(piece(0, "a", "Weather", B[:4])), chunk(odd), chunk(piece(0, arguments=B[4:]))) + END)
        assert found.said == [("a", Weather(location="B")), (call_id, toolfan.UnknownTool)]


@pytest.mark.parametrize("calls", ["[]", json.dumps([CALL]), 7])
def test_tool_calls_that_are_no_list_are_refused(heard: Hear, bench: Bench, calls: Any) -> None:
    with pytest.raises(toolfan.BadResponse) as refused:
        whole(bench, tool_calls=calls)
    found = heard(event(delta(tool_calls=calls)) + END)
    assert type(found.error) is toolfan.BadResponse
    assert found.error.message == refused.value.message


def choice(finish: str, index: int = 0, **said: Any) -> dict[str, Any]:
    return {"index": index, "finish_reason": finish, "message": {"role": "assistant", "content": None, **said}}


def test_calls_that_stand_in_another_choice_than_the_text_are_read(heard: Hear, bench: Bench) -> None:
    """As some gateways write them: chunks of a stream with the same number are one choice."""
    both = [choice("tool_calls", content="I look."), choice("tool_calls", tool_calls=[CALL])]
    bench.serve(raw({**completion(), "choices": both}))
    calls = bench.client().create(model="m", messages=USER, tools=TOOLS)
    assert (list(calls), calls.text, calls.stop.kind) == ([WEATHER], "I look.", "calls")
    assert calls.warnings == ("the answer has 2 choices; the calls of another were read as the first's",)
    turn = calls.reply({"a": "done"})[0]
    assert (turn["content"], [one["id"] for one in turn["tool_calls"]]) == ("I look.", ["a"])
    found = heard(event(delta(content="I look."), delta("tool_calls", tool_calls=[CALL])) + DONE)
    assert outcomes(found.stream.calls) == outcomes(calls)


@pytest.mark.parametrize(
    "choices",
    [
        [choice("stop", content="Hi."), choice("tool_calls", tool_calls=[CALL])],
        [choice("tool_calls", content="Hi."), choice("tool_calls", 1, tool_calls=[CALL])],
        [choice("tool_calls", content="Hi."), choice("stop", content="Ho."), None, {"index": 0}],
    ],
)
def test_those_of_another_answer_are_not(bench: Bench, choices: list[Any]) -> None:
    bench.serve(raw({**completion(), "choices": choices}))
    calls = bench.client().create(model="m", messages=USER, tools=TOOLS)
    assert (list(calls), calls.text) == ([], "Hi.")
    assert f"the answer has {len(choices)} choices; only the first was read" in calls.warnings
