"""Blocks of Converse in which there is nothing to read are told of, and harm no other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from bedrock_asking import asked
from bedrock_wire import answer, events, frames, use
from loopback import USER, http
from toolfan import load_adapter
from wrapped_ways import WAYS, Weather

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD = use("t1", "Weather", {"location": "Oslo"})


@pytest.mark.parametrize("odd", [None, "x", 7, [], {}, {"toolUse": None}], ids=str)
@pytest.mark.parametrize("way", ["whole", "async whole"])
def test_of_a_whole_answer(bedrock: Callable[..., Any], way: str, odd: Any) -> None:
    client, _ = bedrock(http(json.dumps(answer(odd, GOOD, odd))))
    calls = asked(way, client)
    assert list(calls) == [Weather(location="Oslo")]
    assert calls.warnings == ("2 entries of the content are no blocks, and were left out",)


@pytest.mark.parametrize("way", ["streamed", "async streamed"])
def test_of_a_stream(bedrock: Callable[..., Any], way: str) -> None:
    """Of others botocore itself makes a BadResponse."""
    said, at = events(answer(GOOD)), {"contentBlockIndex": 7}
    block = [{"contentBlockStart": {**at, "start": None}}, {"contentBlockStop": at}]
    client, _ = bedrock(http(frames([*said[:1], *block, *said[1:]]), content_type="application/vnd.amazon.eventstream"))
    calls = asked(way, client)
    assert list(calls) == [Weather(location="Oslo")]
    assert calls.warnings == ("1 entries of the content are no blocks, and were left out",)


@pytest.mark.parametrize("way", WAYS)
def test_an_end_in_calls_without_a_call(bedrock: Callable[..., Any], way: str) -> None:
    body = answer({"text": "Hm."})
    streamed = http(frames(events(body)), content_type="application/vnd.amazon.eventstream")
    client, _ = bedrock(http(json.dumps(body)) if way.endswith("whole") else streamed)
    calls = asked(way, client)
    assert (list(calls), calls.text) == ([], "Hm.")
    assert calls.warnings == ("the answer ends with 'tool_use', but there is no call in it",)


def image_events(*deltas: Any) -> list[dict[str, Any]]:
    at = {"contentBlockIndex": 0}
    said: list[dict[str, Any]] = [{"messageStart": {"role": "assistant"}}]
    said.append({"contentBlockStart": {**at, "start": {"image": {"format": "png"}}}})
    said += [{"contentBlockDelta": {**at, "delta": {"image": delta}}} for delta in deltas]
    return [*said, {"contentBlockStop": at}, {"messageStop": {"stopReason": "end_turn"}}]


PLACE = {"s3Location": {"uri": "s3://b/k"}}
BROKEN = {"error": {"message": "no place for it"}}
IMAGES: list[tuple[list[Any], Any]] = [
    ([{"source": {"bytes": "AAE="}}, {"source": {"bytes": "AgM="}}], {"source": {"bytes": "AAECAw=="}}),
    ([{"source": {"bytes": "AAE="}}], {"source": {"bytes": "AAE="}}),
    ([{"source": PLACE}], {"source": PLACE}),
    ([{"source": {"bytes": "AAE="}}, BROKEN], {"source": {"bytes": "AAE="}, **BROKEN}),
    ([BROKEN], BROKEN),
]


@pytest.mark.parametrize(("deltas", "wanted"), IMAGES, ids=json.dumps)
def test_an_image_that_comes_in_pieces_is_one(deltas: list[Any], wanted: Any) -> None:
    """The service says that each has more of it, or why there is none; only one that is there goes back."""
    codec = load_adapter("bedrock")
    parser = codec.stream_parser()
    for said in image_events(*deltas):
        parser.feed(said)
    turn = parser.close()
    assert turn.replay["content"] == [{"image": {"format": "png", **wanted}}]
    assert codec.build_answer(turn, []) == ([turn.replay] if "source" in wanted else [])


KINDS: dict[str, tuple[Any, list[Any], Any]] = {
    "a new kind": ({"brandNew": {}}, [{"brandNew": {"a": 1}}, {"brandNew": {"b": 2}}], {"brandNew": {"a": 1, "b": 2}}),
    "a new kind without a start": (None, [{"brandNew": {"a": 1}}], {"brandNew": {"a": 1}}),
    "a new kind of thought": (None, [{"reasoningContent": {"new": "a"}}], {"reasoningContent": {"new": "a"}}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
def test_a_block_that_says_nothing_to_us_is_one(bedrock: Callable[..., Any], way: str, kind: str) -> None:
    """It has no warning, streamed or whole, and does not go back."""
    start, deltas, whole = KINDS[kind]
    at, said = {"contentBlockIndex": 0}, events(answer({"text": ""}, GOOD))
    block: list[Any] = [] if start is None else [{"contentBlockStart": {**at, "start": start}}]
    block += [{"contentBlockDelta": {**at, "delta": delta}} for delta in deltas]
    sent = frames([said[0], *block, *said[1:]])
    streamed = http(sent, content_type="application/vnd.amazon.eventstream")
    first = http(json.dumps(answer(whole, GOOD))) if way.endswith("whole") else streamed
    client, server = bedrock(first, http(json.dumps(answer({"text": "Ah."}))))
    calls = asked(way, client)
    assert (list(calls), calls.text, calls.warnings) == ([Weather(location="Oslo")], "", ())
    asked("whole", client, messages=[*USER, *calls.reply({"t1": "rain"})])
    assert json.loads(server.requests[1][3])["messages"][1]["content"] == [GOOD]


def test_a_text_that_begins_and_says_nothing_is_one() -> None:
    codec, at = load_adapter("bedrock"), {"contentBlockIndex": 0}
    parser, said = codec.stream_parser(), events(answer({"text": ""}, GOOD))
    for event in [said[0], {"contentBlockStart": {**at, "start": {}}}, *said[1:]]:
        parser.feed(event)
    turn, whole = parser.close(), codec.parse_response(answer({"text": ""}, GOOD))
    assert (turn.calls, turn.replay, turn.warnings) == (whole.calls, whole.replay, ())


NO_EVENTS = dict.fromkeys(("contentBlockStart", "contentBlockDelta", "messageStop", "metadata", "validationException"))
NO_PIECES = dict.fromkeys(("text", "toolUse", "reasoningContent", "citation", "toolResult", "image"))
NO_THOUGHTS = dict.fromkeys(("text", "signature", "redactedContent"))


def test_what_is_null_beside_a_piece_says_nothing() -> None:
    """So gateways that write every member; the text was lost, and a call without a name came in its place."""
    codec = load_adapter("bedrock")
    thought = {"reasoningContent": {"reasoningText": {"text": "Cold?", "signature": "sig"}}}
    body = answer(thought, {"text": "It is sunny."}, GOOD)
    parser = codec.stream_parser()
    for event in events(body):
        ((kind, said),) = event.items()
        if "delta" in said:
            delta = {**NO_PIECES, **said["delta"]}
            if delta["reasoningContent"] is not None:
                delta["reasoningContent"] = {**NO_THOUGHTS, **delta["reasoningContent"]}
            said = {**said, "delta": delta}
        parser.feed({**NO_EVENTS, kind: said})
    turn, whole = parser.close(), codec.parse_response(body)
    assert (turn.calls, turn.text, turn.warnings) == (whole.calls, "It is sunny.", ())
    assert (turn.replay, turn.stop, turn.usage) == (whole.replay, whole.stop, whole.usage)


UNKNOWN: list[Any] = [
    {"reasoningContent": {"brandNew": {"a": 1}}},
    {"image": {"format": "png", "source": {"brandNew": {"a": 1}}}},
    {"citationsContent": {"content": [{"text": "So."}], "citations": [{"location": {"brandNew": {"a": 1}}}]}},
]


@pytest.mark.parametrize("block", UNKNOWN, ids=json.dumps)
def test_what_the_sdk_does_not_know_inside_a_block_is_not_sent_back(bedrock: Callable[..., Any], block: Any) -> None:
    """It refuses to; the rest of the turn goes back."""
    client, server = bedrock(http(json.dumps(answer(block, GOOD))), http(json.dumps(answer({"text": "Ah."}))))
    calls = asked("whole", client)
    asked("whole", client, messages=[*USER, *calls.reply({"t1": "rain"})])
    sent = json.loads(server.requests[1][3])["messages"][1]["content"]
    left = (
        [{"citationsContent": {"content": [{"text": "So."}], "citations": []}}] if "citationsContent" in block else []
    )
    assert sent == [*left, GOOD]
