"""Right adapters of unlike forms: what the suite makes up of their samples they need not take for something else."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from acme_samples import AcmeSuite, lines
from toolfan import ConnectionFailed
from toolfan.adapter import WireRequest
from toolfan.testing import AdapterConformance, Sample, giving, sending, ways
from toolfan_acme import AcmeAdapter
from toolfan_local import LocalAdapter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

GIVEN: Sequence[Mapping[str, Any]] = ({"location": "Oslo"}, {"location": "Bergen"})
CALLS = [{"id": f"c{at}", "name": "Weather", "arguments": one} for at, one in enumerate(GIVEN)]
END = {"id": "r1", "model": "m", "stop": "calls", "usage": {"input": 1, "output": 2}}
SAYS = ["Two ", "places."]


class Otherwise(LocalAdapter):
    """A service with another wire form: what comes is made the local one, and then read."""

    plain: ClassVar[Callable[[Any], Any]]
    plain_event: ClassVar[Callable[[Any], Any]]

    def parse_response(self, body: Any) -> Any:
        return super().parse_response(type(self).plain(body))

    def stream_parser(self) -> Any:
        adapter = type(self)

        class Parser(type(super().stream_parser())):  # type: ignore[misc]
            def feed(self, event: Any) -> Any:
                return super().feed(adapter.plain_event(event))

        return Parser(self.name)


def suite(
    body: Any, events: Any, plain: Callable[[Any], Any], plain_event: Callable[[Any], Any], text: str = ""
) -> AdapterConformance:
    """The conformance class of such an adapter, and of one sample."""
    given: dict[str, Any] = {"plain": staticmethod(plain), "plain_event": staticmethod(plain_event)}
    sample = Sample(name="two", body=body, events=events, calls=[("Weather", one) for one in GIVEN], text=text)
    attributes = {"adapter": type("Other", (Otherwise,), given)(), "stream_field": False, "samples": (sample,)}
    return type("TestOther", (AdapterConformance,), attributes)()


def holds(one: AdapterConformance) -> None:
    one.test_an_answer_says_what_its_sample_says()
    one.test_a_stream_says_what_the_whole_answer_says()
    one.test_pieces_in_turn_are_told_apart()
    one.test_the_turn_is_sent_back_untouched()


def same(value: Any) -> Any:
    return value


def test_a_list_of_choices_is_no_list_of_calls() -> None:
    """Each event has the only choice, with one call; a second one would be another answer."""

    def event(one: Any) -> Any:
        if not isinstance(one, dict) or not one.get("choices"):
            return one
        choice = one["choices"][0]
        return {"calls": [choice["call"]]} if "call" in choice else choice

    events = [*({"choices": [{"call": one}]} for one in CALLS), {"choices": [{**END, "end": True}]}]
    holds(suite({**END, "text": None, "calls": CALLS}, events, same, event))


@pytest.mark.parametrize("counted", [True, False])
def test_a_number_beside_the_list_may_say_which_call_it_is(counted: bool) -> None:
    """One that counts all events does not."""
    seen: list[Any] = []

    def event(one: Any) -> Any:
        if "calls" in one:
            seen.append(len(one["calls"]))
            one = {**one, "calls": [{**call, "id": f"c{one['at']}"} for call in one["calls"]]} if not counted else one
        return one

    said: list[Any] = [*({"calls": [one], "at": at} for at, one in enumerate(CALLS)), {**END, "end": True}]
    events = [{**one, "at": at} for at, one in enumerate(said)] if counted else said
    holds(suite({**END, "text": None, "calls": CALLS}, events, same, event))
    assert (2 in seen) is counted


@pytest.mark.parametrize(
    "last", [{"kind": "thought", "text": ""}, {"kind": "call", "text": ""}, {"part": 1, "kind": "text", "text": ""}]
)
def test_an_empty_text_of_something_else_stays_empty(last: Any) -> None:
    """What stands in its field is no text of the answer, if it is of a thought, or of another part."""

    def event(one: Any) -> Any:
        other = one.get("kind") != "text" or one.get("part", 0) != 0
        return {**one, "text": None if other else one["text"]} if "text" in one else one

    said = [*({"part": 0, "kind": "text", "text": piece} for piece in SAYS), *({"calls": [one]} for one in CALLS)]
    body = {**END, "text": "".join(SAYS), "calls": CALLS}
    holds(suite(body, [*said, {**END, **last, "end": True}], same, event, "".join(SAYS)))


@pytest.mark.parametrize("text", [None, "Two places."])
def test_what_goes_back_may_be_said_in_other_words(text: str | None) -> None:
    """Who speaks, when, and what a call is; arguments in pairs go back as an object."""

    def plain(body: Any) -> Any:
        reply = body.get("reply") if isinstance(body, dict) else None
        if not isinstance(reply, dict):
            return body
        calls = [{**call, "arguments": dict(call["arguments"])} for call in reply["calls"]]
        for call in calls:
            del call["type"]
        return {**END, "text": reply.get("text"), "calls": calls}

    calls = [{**one, "type": "tool_call", "arguments": [[*pair] for pair in one["arguments"].items()]} for one in CALLS]
    reply = {"who": "ai", "at": "2026-01-01T10:00:00Z", "text": text, "calls": calls}
    one = suite({**END, "reply": reply}, None, plain, same, text or "")
    one.test_an_answer_says_what_its_sample_says()
    one.test_the_turn_is_sent_back_untouched()


def at_once(timeout: float) -> None:
    """It is sent by an SDK that knows no event loop."""
    time.sleep(timeout)


async def waiting(timeout: float) -> None:
    await asyncio.sleep(timeout)


async def in_a_thread(timeout: float) -> None:
    await asyncio.to_thread(at_once, timeout)


async def begins_late(timeout: float) -> None:
    """As long as modules load, or others have the processors, the first deadline passes; the timer began before."""
    async with asyncio.timeout(timeout):
        time.sleep(2 * sending.DEADLINE)
        await asyncio.sleep(10)


async def refuses_late(timeout: float) -> None:
    time.sleep(2 * sending.DEADLINE)


async def blocking(timeout: float) -> None:
    at_once(timeout)


async def blocking_after_a_turn(timeout: float) -> None:
    await asyncio.sleep(0)
    at_once(timeout)


async def blocking_after_some_turns(timeout: float) -> None:
    for _ in range(5):
        await asyncio.sleep(0.001)
    at_once(timeout)


@pytest.mark.parametrize(
    ("wait", "stands"),
    [
        (blocking_after_some_turns, True),
        (waiting, False),
        (in_a_thread, False),
        (begins_late, False),
        (refuses_late, False),
        (blocking, True),
        (blocking_after_a_turn, True),
    ],
)
def test_a_busy_machine_does_not_look_like_a_blocked_event_loop(wait: Any, stands: bool) -> None:
    class Sender:
        async def send(self, request: Any, *, timeout: float, **_: Any) -> Any:
            await wait(timeout)
            raise ConnectionFailed("no answer", adapter="acme")

        async def close(self) -> None:
            pass

    adapter = AcmeAdapter(capabilities=replace(AcmeAdapter.capabilities, streaming=False))
    service: Any = SimpleNamespace(reply=None, outlasted=False, goes_on=threading.Event())
    [said] = [sending.waited(way, WireRequest("m", {}), service) for way in ways._awaited(adapter, Sender())]
    assert said["stood"] is stands
    assert said["known"]


FRAME = bytes.fromhex("0000001d0000000d83e3f0e7")
SSE, JSON, BYTES = "text/event-stream", "application/json", "application/octet-stream"


@pytest.mark.parametrize(
    ("begins", "kind"),
    [
        (b"data: {}\n\n", SSE),
        (b"id: 0\ndata: {}\n\n", SSE),
        (b": a comment\n\ndata: {}\n\n", SSE),
        (b":\n\n", SSE),
        (b"retry: 10\n\n", SSE),
        (b"\r\nevent:ping\n\n", SSE),
        (b"\xef\xbb\xbfdata: {}\n\n", SSE),
        (b'{"a": 1}\n', JSON),
        (b' [{"a": 1},\n', JSON),
        (FRAME + bytes(17), "application/vnd.amazon.eventstream"),
        (b"\x00\x00\x00\x05hello", BYTES),
        (b"<answer>", BYTES),
        (b"", BYTES),
    ],
)
def test_a_stream_is_sent_as_what_it_begins_with(begins: bytes, kind: str) -> None:
    assert giving.kind_of(begins) == kind


def test_a_stream_is_sent_as_its_sample_says() -> None:
    """Whatever it begins with."""
    body = {"reply": {"who": "robot", "says": "It rains."}, "why": "done"}
    sample = Sample(
        name="x", body=body, text="It rains.", stop="end", stream_bytes=lines(body), stream_type="application/x-ndjson"
    )
    [told, *_] = giving.samples_of(type("SuiteNamed", (AcmeSuite,), {"samples": (sample,)})())
    assert giving.reply_of(told, "", "key", streams=True, pauses=False).kind == "application/x-ndjson"
