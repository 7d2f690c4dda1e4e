"""Failed calls that are made again: each is yielded, and starts, as soon as it is sure which one it stands for."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from loopback import KEY, ONCE, USER, FaultServer
from pydantic import BaseModel
from tenacity import wait_none
from test_run_early import says, stream, whole

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 10.0
Told = list[tuple[int, int, str]]


class Weather(BaseModel):
    place: str
    day: int = 1


class Search(BaseModel):
    query: str


class Asked:
    """A server whose answer of the second round stops after some calls until these were seen; `seen` says if so."""

    def __init__(
        self, faulty: Callable[..., FaultServer], first: list[Any], *second: Any, finish: str | None = "tool_calls"
    ) -> None:
        self.came = threading.Event()
        self.seen: list[bool] = []
        steps = [self.wait if step is WAIT else step for step in second]
        self.server = faulty(stream(*first), stream(*steps, finish=finish), says("done"))

    def wait(self) -> None:
        self.seen.append(self.came.wait(PATIENCE))

    def note(self, told: Told, outcome: Any, until: int) -> None:
        said = repr(outcome.value) if isinstance(outcome, toolfan.Call) else type(outcome.error).__name__
        told.append((outcome.index, outcome.attempt, said))
        if sum(attempt == 2 for _, attempt, _ in told) == until:
            self.came.set()


WAIT = object()


@pytest.fixture(params=["sync", "async"])
def streamed(request: pytest.FixtureRequest) -> Callable[..., Told]:
    """`streamed(asked, until)`: what is yielded; the answer goes on after `until` of the second round."""

    async def awaited(asked: Asked, told: Told, until: int, options: dict[str, Any]) -> Any:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=asked.server.url) as sdk:
            made = toolfan.from_openai(sdk, model="m", wait=wait_none()).stream(messages=USER, **options)
            async for outcome in made:
                asked.note(told, outcome, until)
            return made.calls

    def streamed(asked: Asked, until: int, told: Told | None = None, **options: Any) -> Told:
        told = [] if told is None else told
        options.setdefault("tools", (Weather, Search))
        if request.param == "async":
            calls = asyncio.run(awaited(asked, told, until, options))
        else:
            with openai.OpenAI(api_key=KEY, base_url=asked.server.url) as sdk:
                made = toolfan.from_openai(sdk, model="m", wait=wait_none()).stream(messages=USER, **options)
                for outcome in made:
                    asked.note(told, outcome, until)
                calls = made.calls
        last = {index: (index, attempt, said) for index, attempt, said in told}
        ended: Told = []
        for outcome in calls.outcomes:
            asked.note(ended, outcome, -1)
        assert [last[index] for index in sorted(last)] == ended
        return told

    return streamed


OSLO, ROME = {"place": "Oslo", "day": "x"}, {"place": "Rome", "day": "x"}
SURE = {
    "the only one of its tool": (
        [whole(0, "Weather", day=1), whole(1, "Search", q=1)],
        [whole(0, "Search", "n0", query="a"), WAIT, whole(1, "Weather", "n1", place="Oslo")],
        [(1, 2, "Search(query='a')"), (0, 2, "Weather(place='Oslo', day=1)")],
    ),
    "under its own id": (
        [whole(0, "Weather", "a", day=1), whole(1, "Search", "b", q=1)],
        [whole(0, "Search", "b", query="a"), WAIT, whole(1, "Weather", "a", place="Oslo")],
        [(1, 2, "Search(query='a')"), (0, 2, "Weather(place='Oslo', day=1)")],
    ),
    "by the arguments that were in order": (
        [whole(0, "Weather", **OSLO), whole(1, "Weather", **ROME)],
        [whole(0, "Weather", "n0", place="Rome", day=2), WAIT, whole(1, "Weather", "n1", place="Oslo", day=3)],
        [(1, 2, "Weather(place='Rome', day=2)"), (0, 2, "Weather(place='Oslo', day=3)")],
    ),
    "nothing tells them apart": (
        [whole(0, "Search"), whole(1, "Search")],
        [whole(0, "Search", "n0", query="a"), WAIT, whole(1, "Search", "n1", query="b")],
        [(0, 2, "Search(query='a')"), (1, 2, "Search(query='b')")],
    ),
    "of an unknown tool": (
        [whole(0, "Find", query="a"), whole(1, "Weather", day=1)],
        [whole(0, "Search", "n0", query="a"), WAIT, whole(1, "Weather", "n1", place="Oslo")],
        [(0, 2, "Search(query='a')"), (1, 2, "Weather(place='Oslo', day=1)")],
    ),
    "behind one that repeats a good call": (
        [whole(0, "Search", query="a"), whole(1, "Weather", day=1)],
        [whole(0, "Search", "n0", query="a"), whole(1, "Weather", "n1", place="Oslo"), WAIT],
        [(1, 2, "Weather(place='Oslo', day=1)")],
    ),
    "more than was asked for": (
        [whole(0, "Search", query="a"), whole(1, "Weather", day=1)],
        [whole(0, "Weather", "n1", place="Oslo"), whole(1, "Search", "n0", query="b"), WAIT],
        [(1, 2, "Weather(place='Oslo', day=1)"), (2, 2, "Search(query='b')")],
    ),
}


@pytest.mark.parametrize(("first", "second", "mended"), SURE.values(), ids=SURE)
def test_it_is_yielded_while_the_rest_still_comes(
    faulty: Callable[..., FaultServer], streamed: Callable[..., Told], first: Any, second: Any, mended: Told
) -> None:
    asked = Asked(faulty, first, *second)
    told = streamed(asked, until=len(mended) if second[-1] is WAIT else 1)
    assert asked.seen == [True], "it came only when its answer had ended"
    assert [one for one in told if one[1] == 2] == mended


DOUBTFUL = {
    "two of a tool that it may stand for": (
        [whole(0, "Weather", place="Oslo"), whole(1, "Weather", **OSLO), whole(2, "Weather", **ROME)],
        [whole(0, "Weather", "n0", place="Bergen"), whole(1, "Weather", "n1", place="Oslo", day=2)],
        [(2, 2, "Weather(place='Bergen', day=1)"), (1, 2, "Weather(place='Oslo', day=2)")],
    ),
    "it failed again, and is made better in the same answer": (
        [whole(0, "Weather", day=1)],
        [whole(0, "Weather", "n0", day=2), whole(1, "Weather", "n1", place="Oslo")],
        [(0, 2, "Weather(place='Oslo', day=1)"), (1, 2, "InvalidArguments")],
    ),
    "the server numbers calls anew": (
        [whole(0, "Weather", "id_0", place="Oslo"), whole(1, "Weather", "id_1", day=1)],
        [whole(0, "Weather", "id_0", place="Oslo, Norway"), whole(1, "Weather", "id_1", place="Rome")],
        [(1, 2, "Weather(place='Rome', day=1)"), (2, 2, "Weather(place='Oslo, Norway', day=1)")],
    ),
}


@pytest.mark.parametrize(("first", "second", "mended"), DOUBTFUL.values(), ids=DOUBTFUL)
def test_what_is_in_doubt_waits_for_the_whole_answer(
    faulty: Callable[..., FaultServer], streamed: Callable[..., Told], first: Any, second: Any, mended: Told
) -> None:
    asked = Asked(faulty, first, *second)
    assert sorted(one for one in streamed(asked, until=-1, max_attempts=2) if one[1] == 2) == sorted(mended)


def test_a_required_call_that_was_missing_comes_at_once(
    faulty: Callable[..., FaultServer], streamed: Callable[..., Told]
) -> None:
    asked = Asked(faulty, [{"content": "Well."}], whole(0, "Search", query="a"), WAIT, whole(1, "Search", query="b"))
    told = streamed(asked, until=1, tool_choice="required")
    assert asked.seen == [True]
    assert told == [(0, 2, "Search(query='a')"), (1, 2, "Search(query='b')")]


def answered(messages: Any) -> dict[str, str]:
    """What each call of these messages is told, in short; each is told something once."""
    asked = [call["id"] for one in messages for call in one.get("tool_calls") or ()]
    told = [(one["tool_call_id"], one["content"].partition(":")[0]) for one in messages if one["role"] == "tool"]
    assert [call_id for call_id, _ in told] == asked
    return dict(told)


FIRST = [whole(0, "Weather", day=1), whole(1, "Search", q=1), whole(2, "Search", query="a")]
MENDED = whole(0, "Weather", "n0", place="Oslo")


def test_an_answer_that_breaks_behind_it_is_not_asked_for_again(
    faulty: Callable[..., FaultServer], streamed: Callable[..., Told]
) -> None:
    asked, told = Asked(faulty, FIRST, MENDED, WAIT, finish=None), []
    with pytest.raises(toolfan.IncompleteStream) as caught:
        streamed(asked, 1, told)
    assert len(asked.server.requests) == 2
    assert [one for one in told if one[1] == 2] == [(0, 2, "Weather(place='Oslo', day=1)")]
    assert caught.value.calls is not None
    assert list(caught.value.calls) == [Weather(place="Oslo"), Search(query="a")]


def test_who_leaves_behind_it_keeps_it(faulty: Callable[..., FaultServer]) -> None:
    asked = Asked(faulty, FIRST, MENDED, WAIT)
    with openai.OpenAI(api_key=KEY, base_url=asked.server.url) as sdk:
        with toolfan.from_openai(sdk, model="m").stream(messages=USER, tools=(Weather, Search)) as made:
            mended = next(outcome for outcome in made if outcome.attempt == 2)
        asked.came.set()
    calls = made.calls
    assert calls.outcomes[0] == mended
    assert answered(calls.reply({"id_0": "sunny", "id_2": "found"})) == {
        "id_0": "Invalid arguments",
        "id_1": "Invalid arguments",
        "id_2": "found",
        "n0": "sunny",
    }
    assert toolfan.Calls.from_json(calls.to_json(), tools=(Weather, Search)) == calls
    assert list(calls) == [Weather(place="Oslo"), Search(query="a")]
    assert (calls.attempts, calls.requests, [bad.index for bad in calls.failed]) == (2, 2, [1])


@pytest.mark.parametrize("breaks", [False, True])
def test_what_was_handed_out_of_an_answer_stays(faulty: Callable[..., FaultServer], *, breaks: bool) -> None:
    """Also a call that failed, was not asked for, and has a place of its own; also the text beside."""
    second = [{"content": "Well."}, whole(0, "Search", "n0", q=2), MENDED, WAIT]
    asked = Asked(faulty, [whole(0, "Weather", day=1)], *second, finish=None if breaks else "tool_calls")
    told: list[Any] = []
    with openai.OpenAI(api_key=KEY, base_url=asked.server.url) as sdk:
        made = toolfan.from_openai(sdk, model="m", stop=ONCE).stream(messages=USER, tools=(Weather, Search))
        with contextlib.suppress(toolfan.IncompleteStream), made:
            for outcome in made:
                told.append(outcome)
                if (outcome.index, outcome.attempt) == (1, 2):
                    asked.came.set()
                    if not breaks:
                        break
    assert [(one.index, one.attempt) for one in told[:2]] == [(0, 1), (1, 2)]
    assert [one for one in made.calls.outcomes if one.index == 1] == [told[1]]
    assert made.text == "Well."
    assert len(made.calls.rounds) == 2


class Ran:
    """Tools: `book` waits for whole answers, `look` and `pay` start early, `pay` one at a time; what has run."""

    def __init__(self, asked: Asked) -> None:
        self.all: list[str] = []

        def book(n: int) -> None:
            self.all.append(f"book {n}")

        def look(n: int) -> None:
            self.all.append(f"look {n}")
            asked.came.set()

        def pay(n: int) -> None:
            self.all.append(f"pay {n}")
            asked.came.set()

        self.tools = (book, toolfan.tool(look, early=True), toolfan.tool(pay, early=True, sequential=True))


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Callable[..., toolfan.Run]:
    """`run(asked, tools, **options)`: `client.run`, which has failed calls made again."""

    async def awaited(asked: Asked, options: dict[str, Any]) -> toolfan.Run:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=asked.server.url) as sdk:
            return await toolfan.from_openai(sdk, model="m", wait=wait_none()).run(**options)

    def run(asked: Asked, tools: Any, **more: Any) -> toolfan.Run:
        options: dict[str, Any] = {"messages": USER, "tools": tools, "on_invalid": "reask", **more}
        if request.param == "async":
            return asyncio.run(awaited(asked, options))
        with (
            openai.OpenAI(api_key=KEY, base_url=asked.server.url) as sdk,
            toolfan.from_openai(sdk, model="m", wait=wait_none()) as client,
        ):
            return client.run(**options)

    return run


@pytest.mark.parametrize("name", ["look", "pay"])
def test_it_runs_while_the_rest_still_comes(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run], name: str
) -> None:
    first = [whole(0, name, m=1), whole(1, "book", m=1)]
    asked = Asked(faulty, first, whole(0, name, "n0", n=1), WAIT, whole(1, "book", "n1", n=2))
    ran = Ran(asked)
    done = run(asked, ran.tools)
    assert asked.seen == [True], "it ran only when its answer had ended"
    assert ran.all == [f"{name} 1", "book 2"]
    assert (done.text, done.requests) == ("done", 3)
    assert [(result.call.index, result.call.attempt, result.error) for result in done.results] == [
        (0, 2, None),
        (1, 2, None),
    ]


def test_it_overtakes_none_that_waits(faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run]) -> None:
    """A sequential call keeps its turn behind a call of the first answer that waits for the whole, or failed."""
    first = [whole(0, "book", n=0), whole(1, "pay", m=1)]
    asked = Asked(faulty, first, whole(0, "pay", "n0", n=1), lambda: ran.all.append("the end of the answer"))
    ran = Ran(asked)
    run(asked, ran.tools)
    assert ran.all == ["the end of the answer", "book 0", "pay 1"]


def test_what_ran_is_told_when_its_answer_breaks(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run]
) -> None:
    first = [whole(0, "look", m=1), whole(1, "book", m=1)]
    asked = Asked(faulty, first, whole(0, "look", "n0", n=1), WAIT, finish=None)
    ran = Ran(asked)
    with pytest.raises(toolfan.IncompleteStream) as caught:
        run(asked, ran.tools)
    assert (ran.all, len(asked.server.requests)) == (["look 1"], 2), "it was asked for again, or ran twice"
    assert caught.value.run is not None
    assert [(result.call.name, result.started is not None) for result in caught.value.run.results] == [
        ("look", True),
        ("book", False),
    ]
    assert "go on from error.run.messages, not from the start" in str(caught.value)
    told = answered(caught.value.run.messages)
    assert told == {"id_0": "Invalid arguments", "id_1": "Invalid arguments", "n0": "null"}


def test_while_nothing_of_it_has_run_it_is_sent_again(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run]
) -> None:
    """Also when calls of the first answer have run."""
    asked = Asked(faulty, [whole(0, "look", n=0), whole(1, "book", m=1), whole(2, "pay", m=1)])
    asked.server.answers[1:] = [
        stream(whole(0, "book", "n0", n=1), finish=None),
        stream(whole(0, "book", "k0", n=2), whole(1, "pay", "k1", n=3)),
        says("done"),
    ]
    ran = Ran(asked)
    done = run(asked, ran.tools)
    assert (done.text, done.requests, ran.all) == ("done", 4, ["look 0", "book 2", "pay 3"])


def test_what_had_come_whole_is_kept_at_the_deadline(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run]
) -> None:
    """An answer of which calls are asked for again when the time is over; what of it did not run is told so."""
    asked, over = Asked(faulty, [whole(0, "book", n=0)]), threading.Event()
    asked.server.answers[1:] = [
        stream({"content": "Second."}, whole(0, "book", "r0", n=1), whole(1, "book", "r1", m=1)),
        stream(lambda: over.wait(PATIENCE)),
    ]
    ran = Ran(asked)
    done = run(asked, ran.tools, deadline=3.0)
    over.set()
    assert (done.stop, done.text, ran.all) == ("deadline", "Second.", ["book 0"])
    assert [(one.call.id, one.started is not None) for one in done.results] == [
        ("id_0", True),
        ("r0", False),
        ("r1", False),
    ]
    assert answered(done.messages).keys() == {"id_0", "r0", "r1"}
    assert (done.requests, done.attempts) == (3, 3)
