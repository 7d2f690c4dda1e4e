"""Calls in pieces that are open side by side, through the real SDK: each has its own pieces, and doubt is told."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
import toolfan
from google_asking import WARNINGS, genai_client
from loopback import ONCE, USER, http
from pydantic import BaseModel
from toolfan_vertex.open_calls import _OpenCall
from vertex_streams import chunk

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopback import FaultServer

pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]


class City(BaseModel):
    name: str | None = None
    tags: list[str] = []


def call(call_id: str | None = None, *pieces: dict[str, Any], name: str | None = None, goes_on: bool = True) -> Any:
    said: dict[str, Any] = {"id": call_id, "name": name, "partialArgs": [*pieces] or None, "willContinue": goes_on}
    return {"functionCall": {key: value for key, value in said.items() if value not in (None, False)}}


def text(piece: str | None, *, goes_on: bool = False, path: str = "$.name") -> dict[str, Any]:
    said = {} if piece is None else {"stringValue": piece}
    return {"jsonPath": path, **said, **({"willContinue": True} if goes_on else {})}


@pytest.fixture
def asked(faulty: Callable[..., FaultServer]) -> Callable[..., toolfan.Calls[Any]]:
    """The calls of an answer that comes in these parts, each in an event of its own."""

    def ask(*parts: Any) -> toolfan.Calls[Any]:
        events = [*map(chunk, parts), chunk(finishReason="STOP")]
        data = "".join(f"data: {json.dumps(event)}\r\n\r\n" for event in events)
        server = faulty(http(data, content_type="text/event-stream"))
        client = toolfan.wrap(genai_client("gemini", server.url.removesuffix("/v1")), model="gemini-x", stop=ONCE)
        return client.stream(messages=USER, tools=(City,), on_invalid="keep").until_done()

    return ask


Asking: TypeAlias = "Callable[..., toolfan.Calls[Any]]"


@pytest.mark.parametrize("name", [None, "City"])
def test_calls_with_ids_are_open_side_by_side(asked: Asking, name: str | None) -> None:
    calls = asked(
        call("1", name="City"),
        call("2", name="City"),
        call("1", text("Tor", goes_on=True), name=name),
        call("2", text("Dal", goes_on=True), name=name),
        call("1", text("onto"), name=name),
        call("2", text("las"), name=name, goes_on=False),
        call("1", goes_on=False),
    )
    assert [(one.id, one.value.name) for one in calls.good] == [("1", "Toronto"), ("2", "Dallas")]
    assert (len(calls.outcomes), calls.warnings) == (2, ())


def test_a_whole_call_in_between_ends_no_call_with_an_id(asked: Asking) -> None:
    whole = {"functionCall": {"name": "City", "args": {"name": "Rome"}}}
    opened = call("1", text("Tor", goes_on=True), name="City")
    calls = asked(opened, whole, call("1", text("onto"), goes_on=False))
    assert [city.name for city in calls] == ["Toronto", "Rome"]


def test_one_without_id_ends_where_another_begins_and_it_is_told(asked: Asking) -> None:
    calls = asked(
        call(None, name="City"),
        call(None, text("Toronto")),
        call(None, name="City"),
        call(None, text("Dal", goes_on=True)),
        call(None, name="City"),
        call(None, goes_on=False),
    )
    assert [one.value.name for one in calls.good] == ["Toronto", None]
    assert [type(one.error) for one in calls.failed] == [toolfan.MalformedArguments]
    told = "call {} was to go on when another one began"
    assert calls.warnings == (told.format(0), told.format(1))


def test_one_that_was_to_go_on_and_has_nothing_is_no_valid_call(asked: Asking) -> None:
    """It would be run on its defaults."""
    calls = asked(call(None, name="City"), call(None, name="City"), call(None, text("Dallas"), goes_on=False))
    assert [type(one.error) for one in calls.failed] == [toolfan.MalformedArguments]
    assert [city.name for city in calls] == ["Dallas"]
    assert calls.warnings == ("call 0 was to go on when another one began",)
    for call_id in (None, "1"):
        (alone,) = asked(call(call_id, name="City")).outcomes
        assert isinstance(alone, toolfan.BadCall)
        assert list(asked(call(call_id, name="City"), call(call_id, goes_on=False))) == [City()]


@pytest.mark.parametrize("call_id", [None, "1"])
def test_a_name_on_each_piece_begins_no_other_call(asked: Asking, call_id: str | None) -> None:
    again = {"name": "City"}
    pieces = [call(None, text(piece, goes_on=True), **again) for piece in ("Tor", "on")]
    calls = asked(
        call(call_id, name="City"), *pieces, call(None, text("to"), **again), call(None, goes_on=False, **again)
    )
    assert [city.name for city in calls] == ["Toronto"]


def test_pieces_that_may_belong_to_several_fail_them_all(asked: Asking) -> None:
    calls = asked(
        call("1", name="City"),
        call("2", name="City"),
        call("1", text("Toronto")),
        call(None, text("Dallas")),
        call("1", goes_on=False),
        call("2", goes_on=False),
    )
    assert [type(one.error) for one in calls.failed] == [toolfan.MalformedArguments] * 2
    assert calls.warnings == ("arguments came that say not to which of 2 open calls they belong",)


def test_ids_at_the_start_alone_are_enough_one_after_another(asked: Asking) -> None:
    calls = asked(
        call("1", name="City"), call(None, text("Toronto")), call("2", name="City"), call(None, text("Dallas"))
    )
    assert [city.name for city in calls] == ["Toronto", "Dallas"]


def test_pieces_after_the_end_of_their_call_are_a_failed_one(asked: Asking) -> None:
    calls = asked(call("1", name="City", goes_on=False), call("1", text("Toronto"), goes_on=False))
    assert [type(one.error) for one in calls.failed] == [toolfan.UnknownTool]


def test_a_text_may_begin_with_nothing_and_elements_come_in_any_order(asked: Asking) -> None:
    opened = call(None, text(None, goes_on=True), text("Rome", goes_on=True), text(None), name="City")
    tags = [text(tag, path=f"$.tags[{at}]") for at, tag in ((2, "c"), (0, "a"), (1, "b"))]
    calls = asked(opened, call(None, *tags, goes_on=False))
    assert [*calls] == [City(name="Rome", tags=["a", "b", "c"])]
    missing = asked(call(None, text("c", path="$.tags[2]"), name="City", goes_on=False))
    assert [type(one.error) for one in missing.failed] == [toolfan.InvalidArguments]


TOWN = call("1", text("Oslo"), name="City", goes_on=False)
BEGUN, END = call(name="City"), {"functionCall": {}}


@pytest.mark.parametrize("use_async", [False, True])
@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([TOWN], [City(name="Oslo")]),
        ([BEGUN, call(None, text("Os", goes_on=True)), call(None, text("lo")), END], [City(name="Oslo")]),
        ([call("1", name="City"), TOWN, call("2", text("Bo"), name="City", goes_on=False)], ["Oslo", "Bo"]),
        ([BEGUN, {"text": "Wait."}, call(None, text("Os", goes_on=True))], [None]),
        ([BEGUN], [None]),
    ],
    ids=["one", "pieces", "two", "cut", "begun"],
)
def test_a_whole_answer_that_has_pieces_says_what_a_stream_says(
    faulty: Callable[..., FaultServer], asked: Asking, parts: list[Any], said: list[Any], *, use_async: bool
) -> None:
    """The arguments were dropped, and the tool was run on its defaults."""
    server = faulty(http(json.dumps(chunk(*parts, finishReason="STOP"))))
    sdk, given = genai_client("gemini", server.url.removesuffix("/v1")), {"tools": (City,), "on_invalid": "keep"}
    if use_async:
        client = toolfan.wrap_async(sdk, model="gemini-x", stop=ONCE)
        whole = asyncio.run(client.create(messages=USER, **given))
    else:
        whole = toolfan.wrap(sdk, model="gemini-x", stop=ONCE).create(messages=USER, **given)
    towns = [city if city is None or isinstance(city, City) else City(name=city) for city in said]
    assert [one.value if one in whole.good else None for one in whole.outcomes] == towns
    streamed = asked(*parts)
    assert [one.raw for one in whole.outcomes] == [one.raw for one in streamed.outcomes]
    assert (whole.text, whole.warnings) == (streamed.text, streamed.warnings)
    assert whole.turn.replay == streamed.turn.replay


@pytest.mark.parametrize("ends", ["by their ids", "by their names", "without a word", "never"])
def test_thousands_of_open_calls_are_not_looked_through(monkeypatch: pytest.MonkeyPatch, ends: str) -> None:
    """Each piece finds its call, and the end of each the others, without a look at all that are open."""
    looks = 0

    def slot(one: Any) -> Any:
        nonlocal looks
        looks += 1
        return vars(one)["kept"]

    def equal(one: object, other: object) -> bool:
        nonlocal looks
        looks += 1
        return one is other

    monkeypatch.setattr(
        _OpenCall, "slot", property(slot, lambda one, value: vars(one).update(kept=value)), raising=False
    )
    monkeypatch.setattr(_OpenCall, "__eq__", equal)
    parser = toolfan.load_adapter("gemini").stream_parser()
    for at in range(1000):
        parser.feed(chunk(call(f"c{at}", name=f"City{at}")))
    pieces: dict[str, Any] = {
        "by their ids": lambda at: call(f"c{at}", text("Oslo"), goes_on=False),
        "by their names": lambda at: call(None, text("Oslo"), name=f"City{at}", goes_on=False),
        "without a word": lambda at: call(None if at else "c0", text("Oslo")),
    }
    sealed = [one for at in range(1000) if ends in pieces for one in parser.feed(chunk(pieces[ends](at)))]
    assert len(sealed) == (1000 if ends.startswith("by") else 0)
    parser.feed(chunk(finishReason="STOP"))
    assert len(parser.close().calls) == 1000
    assert looks < 40_000  # each with each is half a million
