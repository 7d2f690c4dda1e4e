"""Blocks of a message in which there is nothing to read are told of, and harm no other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from anthropic_asking import OSLO, Asker, Weather, stream, whole
from anthropic_samples import events, message, tool_use
from counting import comparisons
from toolfan_anthropic.blocks import Block

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD = tool_use("toolu_a", "Weather", OSLO)
UNTYPED = {"id": "toolu_b", "name": "Weather"}
WITHOUT_TYPE = {"id": "toolu_b", "name": "Weather", "input": OSLO}
NO_TYPE = "2 blocks of the content have no type, and were left out"
NO_BLOCK = "2 entries of the content are no blocks, and were left out"


@pytest.mark.parametrize("use_async", [False, True])
@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("odd", "warning"), [(UNTYPED, NO_TYPE), ({**UNTYPED, "type": None}, NO_TYPE), (None, NO_BLOCK), ("x", NO_BLOCK)]
)
def test_it_is_told_of(faulty: Callable[..., Any], odd: Any, warning: str, *, use_async: bool, streams: bool) -> None:
    if streams:
        begin, *rest = events(message(GOOD))
        block = [{"type": "content_block_start", "content_block": odd}, {"type": "content_block_stop"}]
        more = [{**event, "index": at} for at in (7, 8) for event in block]
        sent = stream([begin, *more, *rest])
    else:
        sent = whole(message(odd, GOOD, odd))
    calls = Asker(use_async, streams)(faulty(sent).url)
    assert list(calls) == [Weather(location="Oslo", units="metric")]
    assert calls.warnings == (warning,)


@pytest.mark.parametrize("use_async", [False, True])
@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("untyped", [WITHOUT_TYPE, {**WITHOUT_TYPE, "type": None}], ids=["missing", "null"])
def test_a_call_without_a_type_is_one(
    faulty: Callable[..., Any], untyped: Any, *, use_async: bool, streams: bool
) -> None:
    if streams:
        sent = [dict(event) for event in events(message(GOOD, tool_use("toolu_b", "Weather", OSLO)))]
        starts = [event for event in sent if event["type"] == "content_block_start"]
        starts[1]["content_block"] = {**untyped, "input": {}}
        answer = stream(sent)
    else:
        answer = whole(message(GOOD, untyped))
    calls = Asker(use_async, streams)(faulty(answer).url)
    assert list(calls) == [Weather(location="Oslo", units="metric")] * 2
    assert ([one.id for one in calls.outcomes], calls.warnings) == (["toolu_a", "toolu_b"], ())
    said, _ = calls.reply({"toolu_a": "cold", "toolu_b": "cold"})
    assert [block["type"] for block in said["content"]] == ["tool_use", "tool_use"]


@pytest.mark.parametrize("use_async", [False, True])
def test_a_start_that_is_said_twice_begins_one_block(faulty: Callable[..., Any], *, use_async: bool) -> None:
    body = message({"type": "text", "text": "Two."}, GOOD, tool_use("toolu_b", "Weather", OSLO))
    sent = []
    for event in events(body):
        sent += [event] * (2 if event["type"] == "content_block_start" else 1)
    calls = Asker(use_async, True)(faulty(stream(sent)).url)
    assert [one.id for one in calls.outcomes] == ["toolu_a", "toolu_b"]
    assert list(calls) == [Weather(location="Oslo", units="metric")] * 2
    assert (calls.text, calls.warnings) == ("Two.", ())


def test_another_start_at_an_open_index_begins_another_block(faulty: Callable[..., Any]) -> None:
    sent = events(message(GOOD))
    at, start = next((at, event) for at, event in enumerate(sent) if event["type"] == "content_block_start")
    other = {**start, "content_block": {**start["content_block"], "id": "toolu_b"}}
    calls = Asker(False, True)(faulty(stream([*sent[: at + 1], other, *sent[at + 1 :]])).url, on_invalid="keep")
    assert [one.id for one in calls.outcomes] == ["toolu_a", "toolu_b"]


@pytest.mark.parametrize("use_async", [False, True])
@pytest.mark.parametrize("same_index", [False, True])
def test_input_that_stands_whole_in_the_start(faulty: Callable[..., Any], *, use_async: bool, same_index: bool) -> None:
    """No piece of it follows, and the end of the block never comes."""
    calls = [GOOD, tool_use("toolu_b", "Weather", {**OSLO, "location": "Rome"})]
    begin, *_, told, end = events(message(GOOD))
    starts = [
        {"type": "content_block_start", "index": 0 if same_index else at, "content_block": block}
        for at, block in enumerate(calls)
    ]
    answer = Asker(use_async, True)(faulty(stream([begin, *starts, told, end])).url)
    assert [(one.id, one.value.location) for one in answer.outcomes] == [("toolu_a", "Oslo"), ("toolu_b", "Rome")]
    assert answer.warnings == ()


def delta(at: int, **said: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": at, "delta": said}


def test_a_text_under_the_index_of_a_call_is_a_text(faulty: Callable[..., Any]) -> None:
    """So some versions of SGLang; sent back in the call's block, the service refuses it."""
    sent = events(message(GOOD))
    at = next(at for at, event in enumerate(sent) if event["type"] == "content_block_stop")
    said = [delta(0, type="text_delta", text=text) for text in ("Let me", " see.")]
    calls = Asker(False, True)(faulty(stream([*sent[:at], *said, *sent[at:]])).url)
    assert (list(calls), calls.text) == ([Weather(location="Oslo", units="metric")], "Let me see.")
    assert calls.turn.replay["content"] == [GOOD, {"type": "text", "text": "Let me see."}]
    assert calls.warnings == ()


@pytest.mark.parametrize("nothing", [None, ""])
@pytest.mark.parametrize("typed", [True, False])
def test_fields_of_other_pieces_that_say_nothing_are_none(
    faulty: Callable[..., Any], nothing: str | None, *, typed: bool
) -> None:
    """Gateways write every field of every piece."""
    thought = {"type": "thinking", "thinking": "Cold?", "signature": "sig"}
    said = [thought, {"type": "text", "text": "It is sunny."}, GOOD]
    sent = [dict(event) for event in events(message(*said))]
    for event in sent:
        if event["type"] == "content_block_delta":
            known = {key: value for key, value in event["delta"].items() if typed or key != "type"}
            event["delta"] = {"partial_json": nothing, "text": nothing, "thinking": nothing, **known}
    calls = Asker(False, True)(faulty(stream(sent)).url)
    assert (list(calls), calls.text) == ([Weather(location="Oslo", units="metric")], "It is sunny.")
    assert calls.turn.replay["content"] == said
    assert calls.warnings == ()


def test_arguments_under_the_index_of_a_text_are_those_of_the_open_call(faulty: Callable[..., Any]) -> None:
    text = {"type": "text", "text": "Well."}
    sent = [dict(event) for event in events(message(text, GOOD))]
    for event in sent:
        if event["type"] == "content_block_delta" and "partial_json" in event["delta"]:
            event["index"] = 0
    calls = Asker(False, True)(faulty(stream(sent)).url)
    assert (list(calls), calls.text) == ([Weather(location="Oslo", units="metric")], "Well.")
    assert calls.turn.replay["content"] == [text, GOOD]
    assert calls.warnings == ()


def test_a_call_of_the_services_own_tool_that_was_cut_stays_behind(faulty: Callable[..., Any]) -> None:
    """The service takes no input but an object."""
    own = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "Oslo"}}
    sent = events(message(GOOD, own, stop="max_tokens"))
    del sent[max(at for at, event in enumerate(sent) if event["type"] == "content_block_delta")]
    calls = Asker(False, True)(faulty(stream(sent)).url)
    said, _ = calls.reply({"toolu_a": "cold"})
    assert (list(calls), said["content"]) == ([Weather(location="Oslo", units="metric")], [GOOD])


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("words", "kept"), [(["\n\n"], []), (["\n", " "], []), (["\n", "I look."], ["\n", "I look."]), ([" ", ""], [])]
)
def test_blank_texts_go_back_only_beside_another(
    faulty: Callable[..., Any], words: list[str], kept: list[str], *, streams: bool
) -> None:
    """ "Text content blocks must contain non-whitespace text", says the service of what its own model said."""
    said = [{"type": "text", "text": word} for word in words]
    ask = Asker(False, streams)
    calls = ask(faulty(ask.good(message(*said, GOOD))).url)
    turn, _ = calls.reply({"toolu_a": "cold"})
    assert turn["content"] == [*({"type": "text", "text": word} for word in kept), GOOD]
    assert calls.text == "".join(words)


FIRST, SECOND = ({"type": "thinking", "thinking": word, "signature": "c2ln"} for word in ("Hm.", "Ah."))
HIDDEN = {"type": "redacted_thinking", "data": "aGlkZGVu"}
BLANK, WORDS = {"type": "text", "text": "\n\n"}, {"type": "text", "text": "I look."}


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ([FIRST, BLANK, GOOD], [FIRST, GOOD]),
        ([FIRST, BLANK, SECOND, GOOD], [FIRST, BLANK, SECOND, GOOD]),
        ([BLANK, HIDDEN, BLANK, GOOD], [BLANK, HIDDEN, GOOD]),
        ([FIRST, WORDS, GOOD, SECOND], [FIRST, WORDS, GOOD]),
        ([FIRST, GOOD, BLANK, HIDDEN], [FIRST, GOOD]),
    ],
)
def test_no_thought_gets_another_place_or_stands_at_the_end(
    faulty: Callable[..., Any], said: list[Any], kept: list[Any], *, streams: bool
) -> None:
    """ "The final block in an assistant message cannot be `thinking`", says the service, and "cannot be modified"."""
    ask = Asker(False, streams)
    calls = ask(faulty(ask.good(message(*said))).url)
    turn, _ = calls.reply({"toolu_a": "cold"})
    assert turn["content"] == kept
    assert calls.turn.replay["content"] == said


@pytest.mark.parametrize("said", [[FIRST, BLANK], [FIRST, BLANK, SECOND], [BLANK], [HIDDEN, BLANK, BLANK]])
def test_a_turn_that_says_nothing_is_none(faulty: Callable[..., Any], said: list[Any]) -> None:
    calls = Asker(False, False)(faulty(whole(message(*said, stop="end_turn"))).url)
    assert calls.reply({}) == []


def test_a_blank_text_of_a_history_is_left_out(faulty: Callable[..., Any]) -> None:
    made = {"id": "c1", "type": "function", "function": {"name": "Weather", "arguments": "{}"}}
    history = [
        {"role": "user", "content": "Hello?"},
        {"role": "assistant", "content": "\n", "tool_calls": [made]},
        {"role": "tool", "tool_call_id": "c1", "content": "cold"},
    ]
    server = faulty(whole(message(GOOD)))
    Asker(False, False)(server.url, messages=history)
    body = json.loads(server.requests[0][3])
    assert [block["type"] for block in body["messages"][1]["content"]] == ["tool_use"]


def test_thousands_of_calls_without_a_start_are_not_held_against_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = comparisons(monkeypatch, Block)
    parser = toolfan.load_adapter("anthropic").stream_parser()
    for at in range(1000):
        delta = {"type": "input_json_delta", "partial_json": "[]"}
        parser.feed({"type": "content_block_delta", "index": at, "delta": delta})
    parser.feed({"type": "message_stop"})
    assert len(parser.close().calls) == 1000
    assert len(compared) < 5000  # each with each is half a million


@pytest.mark.parametrize(("kind", "piece"), [("text", "partial_json"), ("tool_use", "text")])
def test_pieces_of_thousands_of_others_are_not_held_against_each_open_block(
    monkeypatch: pytest.MonkeyPatch, kind: str, piece: str
) -> None:
    """Arguments under the indices of texts, and texts under those of calls."""
    looks = 0

    def looked(block: Any) -> Any:
        nonlocal looks
        looks += 1
        return kept.__get__(block)

    kept: Any = vars(Block)["slot"]
    kept_about: Any = vars(Block)["about"]

    def looked_about(block: Any) -> Any:
        nonlocal looks
        looks += 1
        return kept_about.__get__(block)

    monkeypatch.setattr(Block, "slot", property(looked, kept.__set__))
    monkeypatch.setattr(Block, "about", property(looked_about, kept_about.__set__))
    parser = toolfan.load_adapter("anthropic").stream_parser()
    for at in range(1000):
        block = (
            {"type": kind, "text": ""} if kind == "text" else {"type": kind, "id": f"t{at}", "name": "a", "input": {}}
        )
        parser.feed({"type": "content_block_start", "index": at, "content_block": block})
    for at in range(1000):
        delta = {"type": "a_delta", piece: '{"a": 1}' if piece == "partial_json" else "so "}
        parser.feed({"type": "content_block_delta", "index": at, "delta": delta})
    parser.feed({"type": "message_stop"})
    turn = parser.close()
    assert (len(turn.calls), turn.text) == ((1000, "") if kind == "text" else (1000, 1000 * "so "))
    assert looks < 40_000  # each with each is a million
