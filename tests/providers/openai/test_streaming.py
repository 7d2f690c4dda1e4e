"""Recorded streams of chat completions: the calls that were expected, by the codec alone and through the public door.

And what is made of them: cut anywhere, with their pieces in another order, under other indices.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import openai
import pytest
import toolfan
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import KEY, ONCE, USER, http
from pydantic import BaseModel
from shared_data import corpus, judge
from toolfan import IncompleteStream, ProviderError
from toolfan.adapter import Answer
from toolfan.framing.decoder import EventDecoder
from toolfan_openai.streaming import ChatStreamParser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from loopback import FaultServer
    from toolfan.calls import RawCall, Turn

JSON = dict[str, Any]
ADAPTER: Any = toolfan.load_adapter("openai")
ROWS = [row for row in corpus("openai-chat") if row["streaming"]]
SPLICED = {"5395abf43e3046b4"}
"""Recordings of several answers, each with its end: cut between two of them, one is whole."""
NO_CALLS = [row for row in corpus("nocall") if row["api"] == "openai-chat" and row["streaming"]]
each = pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])


class Sing(BaseModel):
    note: str


def bytes_of(row: JSON) -> bytes:
    assert row["transport"] == "sse"
    return row["response"].encode()  # type: ignore[no-any-return]


def events_of(pieces: Iterable[bytes]) -> list[JSON]:
    decoder = EventDecoder(adapter="openai")
    events = [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()
    assert decoder.error is None
    return events


class Parsed:
    """What the parser makes of events: the calls as they were sealed, the turn or the error that carries it."""

    def __init__(self, events: Iterable[JSON]) -> None:
        self.parser = ChatStreamParser("openai")
        self.sealed: list[RawCall] = []
        self.error: IncompleteStream | None = None
        for event in events:
            self.sealed += self.parser.feed(event)
        try:
            self.turn: Turn = self.parser.close()
        except IncompleteStream as exc:
            self.turn, self.error = cast("Turn", exc.turn), exc
        assert [call for call in self.sealed if call not in self.turn.calls] == [], "a sealed call never changes"


def value(arguments: str) -> Any:
    try:
        return json.loads(arguments) if arguments.strip() else {}
    except ValueError:
        return None


def check_calls(calls: Iterable[RawCall], row: JSON) -> None:
    found = [(call.name, call.provider_id or None, value(call.arguments)) for call in calls]
    assert found == [(one["name"], one["id"] or None, one["arguments"]) for one in row["expected"]]


def test_the_recordings_are_there() -> None:
    assert len(ROWS) > 100
    assert len(NO_CALLS) > 3


@each
def test_every_call_comes_out(row: JSON) -> None:
    parsed = Parsed(events_of([bytes_of(row)]))
    assert parsed.error is None
    check_calls(parsed.turn.calls, row)
    assert parsed.turn.text == (row["text"] or "")
    assert [call.index for call in parsed.turn.calls] == list(range(len(row["expected"])))


@each
def test_the_bytes_may_come_one_by_one(row: JSON) -> None:
    data = bytes_of(row)
    assert events_of(data[at : at + 1] for at in range(len(data))) == events_of([data])


@each
def test_the_stream_is_the_whole_answer_that_it_adds_up_to(row: JSON) -> None:
    """`parser.body` is one, and says the same, also in what is sent back."""
    parsed = Parsed(events_of([bytes_of(row)]))
    turn = ADAPTER.parse_response(json.loads(json.dumps(parsed.parser.body)))
    assert turn == replace(parsed.turn, warnings=turn.warnings)  # of how it was streamed


@pytest.mark.parametrize("row", NO_CALLS, ids=lambda row: row["id"])
def test_an_answer_without_calls_has_none(row: JSON) -> None:
    try:
        parsed = Parsed(events_of([bytes_of(row)]))
    except ProviderError:
        assert '"error"' in row["response"]
        return
    assert parsed.turn.calls == ()


@each
def test_what_is_sent_back_is_what_the_service_takes(row: JSON) -> None:
    """The judge is OpenAI's own document; what other servers put in beside is allowed by it."""
    turn = Parsed(events_of([bytes_of(row)])).turn
    message, *answers = ADAPTER.build_answer(turn, [Answer(call, "done", False) for call in turn.calls])
    assert not judge("openapi_judge").why({"model": "m", "messages": [*USER, message, *answers]})
    assert [answer["tool_call_id"] for answer in answers] == [call.id for call in turn.calls]


# Cut.


def cut_places(data: bytes) -> list[int]:
    """Every place in short streams, else places all over, and around each line's end."""
    if len(data) < 1500:
        return list(range(len(data)))
    ends = [at for at, byte in enumerate(data) if byte == 10]
    return sorted(
        {*range(0, len(data), 97), *(at + off for at in ends[-60:] for off in (-1, 0, 1, 2) if at + off < len(data))}
    )


@each
def test_cut_anywhere_it_is_incomplete_or_the_whole_answer(row: JSON) -> None:
    data = bytes_of(row)
    whole = Parsed(events_of([data]))
    events = events_of([data])
    for at in cut_places(data):
        cut_events = events_of([data[:at]])
        assert cut_events == events[: len(cut_events)]
        parsed = Parsed(cut_events)
        assert whole.sealed[: len(parsed.sealed)] == parsed.sealed
        if parsed.error is None:
            assert row["id"] in SPLICED or parsed.turn.calls == whole.turn.calls
            assert row["id"] in SPLICED or parsed.turn.text == whole.turn.text
        else:
            assert parsed.error.retryable
            # What is cut itself is the last one.
            assert set(parsed.sealed) <= set(parsed.turn.calls)


# In other forms.


def call_pieces(events: list[JSON]) -> tuple[list[JSON], list[JSON], list[JSON]]:
    """The events before those with calls, the pieces of calls, and the events after; [] for pieces of another kind."""
    carrying = [
        at
        for at, event in enumerate(events)
        if any((choice.get("delta") or {}).get("tool_calls") for choice in event.get("choices") or ())
    ]
    if not carrying:
        return events, [], []
    pieces = []
    for at in carrying:
        (choice,) = events[at]["choices"]
        if choice.get("finish_reason"):
            return events, [], []
        pieces += [(events[at], piece) for piece in choice["delta"]["tool_calls"]]
    made = []
    for event, piece in pieces:
        one = copy.deepcopy(event)
        one["choices"][0]["delta"] = {"tool_calls": [copy.deepcopy(piece)]}
        made.append(one)
    return (
        events[: carrying[0]],
        made,
        [event for event in events[carrying[0] :] if event not in [events[at] for at in carrying]],
    )


def index_of(event: JSON) -> Any:
    return event["choices"][0]["delta"]["tool_calls"][0].get("index")


PARALLEL = []
for _row in ROWS:
    _before, _pieces, _after = call_pieces(events_of([bytes_of(_row)]))
    if _pieces and sorted({index_of(one) for one in _pieces}, key=str) == list(range(len(_row["expected"]))):
        PARALLEL.append((_row, _before, _pieces, _after))


def test_enough_recordings_can_be_written_otherwise() -> None:
    assert len([row for row, *_ in PARALLEL if len(row["expected"]) > 1]) >= 5
    assert len(PARALLEL) > 50


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_the_pieces_may_come_in_any_order_that_keeps_each_call(data: st.DataObject) -> None:
    """The pieces of different calls in turn, the calls in another order, other indices: the same calls."""
    row, before, pieces, after = data.draw(st.sampled_from(PARALLEL))
    groups = [[one for one in pieces if index_of(one) == at] for at in range(len(row["expected"]))]
    order = data.draw(st.permutations([at for at, group in enumerate(groups) for _ in group]))
    left = [list(group) for group in groups]
    made = [copy.deepcopy(left[at].pop(0)) for at in order]
    shift, gap = data.draw(st.integers(0, 2)), data.draw(st.integers(1, 3))
    for one in made:
        one["choices"][0]["delta"]["tool_calls"][0]["index"] = shift + gap * index_of(one)
    parsed = Parsed([*before, *made, *after])
    assert parsed.error is None
    check_calls(parsed.turn.calls, row)


@pytest.mark.parametrize("change", ["missing", None, 0])
@pytest.mark.parametrize(("row", "before", "pieces", "after"), PARALLEL, ids=[one[0]["id"] for one in PARALLEL])
def test_the_index_may_tell_nothing(row: JSON, before: Any, pieces: Any, after: Any, change: Any) -> None:
    made = copy.deepcopy(pieces)
    for one in made:
        piece = one["choices"][0]["delta"]["tool_calls"][0]
        if change == "missing":
            del piece["index"]
        else:
            piece["index"] = change
    check_calls(Parsed([*before, *made, *after]).turn.calls, row)


@pytest.mark.parametrize(("row", "before", "pieces", "after"), PARALLEL, ids=[one[0]["id"] for one in PARALLEL])
def test_all_pieces_may_come_in_one_chunk_and_each_may_repeat_all_before(
    row: JSON, before: Any, pieces: Any, after: Any
) -> None:
    together = copy.deepcopy(pieces[0])
    together["choices"][0]["delta"]["tool_calls"] = [one["choices"][0]["delta"]["tool_calls"][0] for one in pieces]
    check_calls(Parsed([*before, together, *after]).turn.calls, row)
    made, so_far = copy.deepcopy(pieces), {}
    for one in made:
        said = one["choices"][0]["delta"]["tool_calls"][0].get("function") or {}
        text = so_far.get(index_of(one), "") + (said.get("arguments") or "")
        so_far[index_of(one)] = said["arguments"] = text
    texts = [
        next(
            text
            for one in made
            if index_of(one) == at and (text := one["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"])
        )
        for at in so_far
    ]
    # After these, what begins like its object may be an object in it.
    if not any(text.rstrip().endswith((":", "[", ",")) for text in texts):
        check_calls(Parsed([*before, *made, *after]).turn.calls, row)


# Through the public door.


def served(row: JSON) -> bytes:
    return http(bytes_of(row), content_type="text/event-stream")


@pytest.mark.parametrize("row", ROWS[::4], ids=lambda row: row["id"])
def test_the_public_door_gives_the_same(row: JSON, faulty: Callable[..., FaultServer]) -> None:
    """Sync and async: each call once, as an outcome; no tool of ours is among them, so all of them are unknown."""
    server = faulty(served(row))
    asked: JSON = {"model": "m", "messages": USER, "tools": (Sing,), "on_invalid": "keep"}
    with (
        openai.OpenAI(api_key=KEY, base_url=server.url) as sdk,
        toolfan.from_openai(sdk, stop=ONCE).stream(**asked) as stream,
    ):
        outcomes = list(stream)
        calls = stream.calls

    async def main() -> Any:
        async with (
            openai.AsyncOpenAI(api_key=KEY, base_url=server.url) as async_sdk,
            toolfan.from_openai(async_sdk, stop=ONCE).stream(**asked) as stream,
        ):
            return [outcome async for outcome in stream], stream.calls

    assert asyncio.run(main()) == (outcomes, calls)
    assert sorted(outcomes, key=lambda outcome: outcome.index) == list(calls.outcomes)
    check_calls([outcome.raw for outcome in calls.outcomes], row)
    assert calls.text == (row["text"] or "")
    assert calls.requests == 1


def test_a_recording_cut_after_its_first_call_carries_it(faulty: Callable[..., FaultServer]) -> None:
    for row, *_ in [one for one in PARALLEL if len(one[0]["expected"]) > 1][:5]:
        data = bytes_of(row)
        lines = data.split(b"\n\n")
        at = next(at for at in itertools.count(1) if Parsed(events_of([b"\n\n".join(lines[:at]) + b"\n\n"])).sealed)
        server = faulty(http(b"\n\n".join(lines[:at]) + b"\n\n", content_type="text/event-stream"))
        with openai.OpenAI(api_key=KEY, base_url=server.url) as sdk:
            stream = toolfan.from_openai(sdk).stream(model="m", messages=USER, tools=(Sing,), on_invalid="keep")
            with pytest.raises(IncompleteStream) as caught:
                list(stream)
        assert caught.value.requests == 1
        assert caught.value.calls == stream.calls
        assert stream.calls.outcomes[0].raw.name == row["expected"][0]["name"]
