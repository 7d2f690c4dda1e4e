"""`client.run` over the wire: what is sent after the tools ran, when it ends, what is never lost."""

from __future__ import annotations

import asyncio
import collections
import datetime
import functools
import json
import pickle
import threading
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import openai
import pydantic
import pytest
import toolfan
from google_asking import WARNINGS, genai_client
from loopback import KEY, ONCE, USER, Bench
from sdk_clients import connected
from toolfan import Tool, tool

pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]
PATIENCE = 20.0


@dataclass
class Note:
    text: str


def weather(location: str) -> str:
    if location == "Atlantis":
        raise LookupError("no such place")
    return f"sunny in {location}"


async def add(a: int, b: int) -> int:
    return a + b


def asks(name: str, *calls: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"calls": [{"name": name, "arguments": arguments} for arguments in calls], **more}


class Empty(pydantic.BaseModel):
    pass


Running = Callable[..., toolfan.Run]


@pytest.fixture(params=["sync", "async", "notebook"])
def run(request: pytest.FixtureRequest, bench: Bench) -> Iterator[Running]:
    """`client.run` with OpenAI's SDK over the bench's last server: blocking, awaited, blocking in a running loop."""
    with asyncio.Runner() as runner:

        async def awaited(options: dict[str, Any]) -> toolfan.Run:
            async with openai.AsyncOpenAI(api_key=KEY, base_url=bench.server.openai_url) as sdk:
                return await toolfan.from_openai(sdk, stop=ONCE).run(**options)

        async def nested(options: dict[str, Any]) -> toolfan.Run:
            with bench.client() as client:
                return client.run(**options)

        def run(**options: Any) -> toolfan.Run:
            options = {"model": "m", "messages": USER, "tools": (weather, add), **options}
            if request.param == "sync":
                with bench.client() as client:
                    return client.run(**options)
            return runner.run((awaited if request.param == "async" else nested)(options))

        yield run


def answers(body: Any) -> list[tuple[str, str]]:
    """The id and the content of each tool message of a request to OpenAI."""
    return [(one["tool_call_id"], one["content"]) for one in body["messages"] if one["role"] == "tool"]


def sent_ids(body: Any) -> list[str]:
    return [call["id"] for one in body["messages"] for call in one.get("tool_calls") or ()]


def test_calls_are_executed_answered_once_each_and_asked_on(bench: Bench, run: Running) -> None:
    first = asks("weather", {"location": "Oslo"}, {"location": "Atlantis"}, {"place": "Rome"}, text="Let me see.")
    first["calls"] += asks("add", {"a": 1, "b": 2})["calls"] + asks("nothing", {})["calls"]
    bench.serve(first, asks("add", {"a": 3, "b": 4}), {"text": "Sunny, 3 and 7."})
    done = run()
    assert (done.text, done.stop) == ("Sunny, 3 and 7.", "text")
    assert [one.calls.stop.kind for one in done.rounds] == ["calls", "calls", "end"]
    assert [result.value for result in done.results] == ["sunny in Oslo", None, None, 3, None, 7]
    kinds = [LookupError, toolfan.InvalidArguments, toolfan.UnknownTool]
    assert [type(result.error) for result in done.results if result.error] == kinds
    assert [result.call for result in done.results] == list(done.calls)
    assert (done.requests, done.attempts, done.abandoned) == (3, 3, ())
    assert done.usage == done.rounds[0].calls.usage + done.rounds[1].calls.usage + done.rounds[2].calls.usage
    last = bench.bodies[-1]
    told = answers(last)
    assert [call_id for call_id, _ in told] == sent_ids(last) == [call.id for call in done.calls]
    assert [told[at][1] for at in (0, 1, 3, 5)] == ["sunny in Oslo", "LookupError: no such place", "3", "7"]
    assert "location: Field required" in told[2][1]
    assert "nothing" in told[4][1]
    assert list(done.messages[:-1]) == last["messages"]
    assert done.messages[-1]["content"] == "Sunny, 3 and 7."


def test_the_calls_of_one_answer_run_at_the_same_time(bench: Bench, run: Running) -> None:
    barrier = threading.Barrier(6, timeout=PATIENCE)

    def meet(n: int) -> int:
        barrier.wait()
        return n

    bench.serve(asks("meet", *[{"n": n} for n in range(6)]), {"text": "met"})
    done = run(tools=(meet,))
    assert [result.value for result in done.results] == list(range(6))
    assert all(result.started is not None and 0 < result.started <= result.ended for result in done.results)


def test_max_concurrency_bounds_them(bench: Bench, run: Running) -> None:
    now, most = [0], [0]

    async def gauge() -> None:
        now[0] += 1
        most[0] = max(most[0], now[0])
        await asyncio.sleep(0.01)
        now[0] -= 1

    bench.serve(asks("gauge", *[{}] * 9), {"text": "ok"})
    assert run(tools=(gauge,), max_concurrency=2).text == "ok"
    assert most == [2]


def test_types_run_by_their_handlers(bench: Bench, run: Running) -> None:
    noted: list[str] = []

    def write(note: Note) -> dict[str, int]:
        noted.append(note.text)
        return {"length": len(note.text)}

    bench.serve(asks("Note", {"text": "abc"}), {"text": "noted"})
    assert run(tools=(Tool(Note, handler=write),)).text == "noted"
    assert noted == ["abc"]
    assert answers(bench.bodies[-1])[0][1] == '{"length":3}'


def test_an_answer_without_calls_ends_it_at_once(bench: Bench, run: Running) -> None:
    bench.serve({"text": "Hello."})
    done = run()
    assert (done.text, done.stop, done.calls, done.requests) == ("Hello.", "text", (), 1)
    assert [message["content"] for message in done.messages] == ["Hello?", "Hello."]


def test_max_rounds_ends_it_with_every_call_answered(bench: Bench, run: Running) -> None:
    bench.serve(asks("add", {"a": 1, "b": 1}, times="always"))
    done = run(max_rounds=3)
    assert (done.stop, len(done.rounds), len(bench.bodies), done.text) == ("max_rounds", 3, 3, "")
    assert [result.value for result in done.results] == [2, 2, 2]
    assert len(answers({"messages": done.messages})) == 3


def test_max_calls_executes_no_more_and_tells_so(bench: Bench, run: Running) -> None:
    ran: list[int] = []

    def one(n: int) -> int:
        ran.append(n)
        return n

    bench.serve(asks("one", {"n": 0}, {"n": 1}), asks("one", {"n": 2}, {"n": 3}, {"n": 4}))
    done = run(tools=(one,), max_calls=3)
    assert (done.stop, sorted(ran)) == ("max_calls", [0, 1, 2])
    assert [type(result.error) for result in done.results[3:]] == [toolfan.TooManyCalls] * 2
    assert [result.started is None for result in done.results] == [False, False, False, True, True]
    told = answers({"messages": done.messages})
    assert [call_id for call_id, _ in told] == [call.id for call in done.calls]
    assert told[-1][1] == "TooManyCalls: not run: max_calls=3 is used up"


def test_too_many_calls_that_a_tool_raises_are_its_own_error(bench: Bench, run: Running) -> None:
    def nested() -> None:
        raise toolfan.TooManyCalls("the inner limit")

    bench.serve(asks("nested", {}), {"text": "ok"})
    assert run(tools=(nested,)).stop == "text"
    assert answers(bench.bodies[-1])[0][1] == "TooManyCalls: the inner limit"


def test_exactly_max_calls_is_within_the_limit(bench: Bench, run: Running) -> None:
    bench.serve(asks("add", {"a": 1, "b": 1}, {"a": 2, "b": 2}), {"text": "2 and 4"})
    assert run(max_calls=2).stop == "text"


def test_the_deadline_ends_a_hanging_tool_and_the_run(bench: Bench, run: Running) -> None:
    release = threading.Event()

    def hang() -> None:
        release.wait(60)

    bench.serve(asks("hang", {}), {"text": "never asked"})
    started = time.monotonic()
    done = run(tools=(hang,), deadline=1.0)
    assert time.monotonic() - started < PATIENCE
    release.set()
    assert (done.stop, len(bench.bodies)) == ("deadline", 1)
    (left,) = done.abandoned
    assert isinstance(left.error, TimeoutError)
    assert answers({"messages": done.messages})[0][1].startswith("TimeoutError: hang had not ended at the deadline")


def test_the_error_of_a_first_answer_that_is_late_tells_of_the_deadline_that_was_given(
    bench: Bench, run: Running
) -> None:
    bench.serve({"text": "late", "delay": 30})
    with pytest.raises(toolfan.DeadlineExceeded, match=r"within the deadline of 0\.5 s\b"):
        run(deadline=0.5)


def test_the_deadline_ends_a_late_answer(bench: Bench, run: Running) -> None:
    bench.serve(asks("add", {"a": 1, "b": 1}), {"text": "late", "delay": 30})
    done = run(deadline=1.0)
    assert (done.stop, [result.value for result in done.results]) == ("deadline", [2])
    assert (done.requests, done.attempts) == (2, 2)


def test_a_deadline_before_any_answer_is_an_error(bench: Bench, run: Running) -> None:
    bench.serve({"text": "late", "delay": 30})
    with pytest.raises(toolfan.DeadlineExceeded) as caught:
        run(deadline=0.5)
    assert caught.value.run is not None
    assert caught.value.run.rounds == ()


def test_a_tools_own_time_is_told_to_the_model(bench: Bench, run: Running) -> None:
    async def slow() -> None:
        await asyncio.sleep(60)

    bench.serve(asks("slow", {}), {"text": "pity"})
    assert run(tools=(tool(slow, timeout=0.1),)).text == "pity"
    assert answers(bench.bodies[-1])[0][1] == "TimeoutError: slow took longer than 0.1 s"


def test_a_later_error_carries_what_ran(bench: Bench, run: Running) -> None:
    bench.serve(asks("weather", {"location": "Oslo"}), {"error": {"status": 400, "message": "no"}})
    with pytest.raises(toolfan.RequestRejected) as caught:
        run()
    error = caught.value
    assert error.run is not None
    assert [result.value for result in error.run.results] == ["sunny in Oslo"]
    assert (error.run.stop, error.requests, error.attempts) == (None, 2, 2)
    assert list(error.run.messages) == bench.bodies[-1]["messages"]
    assert "go on from error.run.messages" in str(error), "once what was refused is mended"
    assert pickle.loads(pickle.dumps(error)) == error


def test_an_error_can_be_pickled_whatever_the_tools_gave(bench: Bench, run: Running) -> None:
    class Odd(Exception):
        def __init__(self, one: str, other: str) -> None:
            super().__init__(one)

    def lock() -> Any:
        return threading.Lock()

    def odd() -> None:
        raise Odd("a", "b")

    tools = (lock, odd, paid)
    asked = {"calls": [{"name": tool.__name__, "arguments": {}} for tool in tools]}
    bench.serve(asked, {"error": {"status": 400, "message": "no"}})
    types = tuple(Tool(Empty, name=tool.__name__, handler=lambda _, tool=tool: tool()) for tool in tools)
    with pytest.raises(toolfan.RequestRejected) as caught:
        run(tools=types)
    again = pickle.loads(pickle.dumps(caught.value))
    first, second, third = again.run.results
    assert "lock object" in first.value
    assert (type(second.error), third.value) == (RuntimeError, "paid")
    assert "Odd(" in str(second.error)
    assert type(caught.value.with_details(tool="x").run.results[1].error) is Odd  # type: ignore[union-attr]


def test_what_a_tool_raises_is_told_in_bounds(bench: Bench, run: Running) -> None:
    def fails() -> None:
        raise ValueError("y" * 2_000_000)

    bench.serve(asks("fails", {}), {"text": "ok"})
    run(tools=(fails,))
    told = answers(bench.bodies[-1])[0][1]
    assert told.startswith("ValueError: yyy")
    assert told.endswith("... (cut after 20000 of 2000012 characters)")
    assert len(told) < 20_100


def test_on_invalid_says_when_failed_calls_are_asked_again(bench: Bench, run: Running) -> None:
    bad = asks("weather", {"location": "Oslo"}, {"place": "Rome"})
    bench.serve(bad, asks("weather", {"location": "Rome"}), {"text": "both"})
    done = run(on_invalid="reask")
    assert (done.text, len(done.rounds), done.requests, done.attempts) == ("both", 2, 3, 3)
    assert [result.value for result in done.results] == ["sunny in Oslo", "sunny in Rome"]
    assert sorted(sent_ids(bench.bodies[-1])) == sorted(call_id for call_id, _ in answers(bench.bodies[-1]))
    bench.serve(bad, bad, {"text": "one"})
    done = run(on_invalid="reask", max_attempts=2)
    assert (done.text, [result.value for result in done.results]) == ("one", ["sunny in Oslo", None])
    bench.serve(bad)
    with pytest.raises(toolfan.InvalidCalls) as caught:
        run(on_invalid="raise")
    assert caught.value.run is not None


def test_a_required_choice_holds_for_the_first_round(bench: Bench, run: Running) -> None:
    bench.serve(asks("add", {"a": 1, "b": 1}), asks("add", {"a": 1, "b": 1}), {"text": "2"})
    assert run(tool_choice="required").text == "2"
    assert [body.get("tool_choice") for body in bench.bodies] == ["required", None, None]


def test_a_result_that_cannot_be_sent_is_told_as_an_error(bench: Bench, run: Running) -> None:
    circle: list[Any] = []
    circle.append(circle)

    def round_and_round() -> list[Any]:
        return circle

    def thing() -> object:
        return {"it": object()}

    bench.serve({"calls": [{"name": name, "arguments": {}} for name in ("round_and_round", "thing")]}, {"text": "ok"})
    done = run(tools=(round_and_round, thing))
    assert done.text == "ok"
    assert [type(result.error) for result in done.results] == [toolfan.UsageError] * 2
    told = [content for _, content in answers(bench.bodies[-1])]
    assert all("cannot be written as JSON" in content for content in told)
    assert "object is not a JSON type" in told[1]
    assert "0x" not in str(bench.bodies[-1])


def test_an_exception_that_is_returned_is_told_as_the_error_that_it_is(bench: Bench, run: Running) -> None:
    def closed(shop: str) -> Exception:
        return LookupError(f"{shop} is closed")

    def misused() -> Exception:
        return toolfan.UsageError("not like this")

    async def gathered() -> list[Any]:
        return await asyncio.gather(add(1, 2), asyncio.wait_for(asyncio.sleep(9), 0), return_exceptions=True)

    def nested() -> dict[str, Any]:
        return {"found": 1, "failed": [LookupError("\ud800" + 30_000 * "x")]}

    named = {"closed": {"shop": "Harrods"}, "misused": {}, "gathered": {}, "nested": {}}
    bench.serve({"calls": [{"name": name, "arguments": named[name]} for name in named]}, {"text": "ok"})
    done = run(tools=(closed, misused, gathered, nested))
    assert (done.text, [result.error for result in done.results]) == ("ok", [None] * 4)
    assert repr(done.results[0].value) == "LookupError('Harrods is closed')"
    assert type(done.results[1].value) is toolfan.UsageError
    assert [type(item) for item in done.results[2].value] == [int, TimeoutError]
    told = [content for _, content in answers(bench.bodies[-1])]
    assert told[:2] == ["LookupError: Harrods is closed", "UsageError: not like this"]
    assert json.loads(told[2]) == [3, "TimeoutError: "]
    assert json.loads(told[3])["failed"][0].startswith("LookupError: \ufffdxxx")
    assert len(told[3]) < 20_200


def test_an_exception_that_is_a_dataclass_is_told_with_its_fields(bench: Bench, run: Running) -> None:
    """Python keeps fields given by their names out of the text of an exception."""

    @dataclass
    class Closed(Exception):
        shop: str

    def returned(shop: str) -> Exception:
        return Closed(shop=shop)

    def raised(shop: str) -> str:
        raise Closed(shop=shop)

    named = [{"name": name, "arguments": {"shop": "Harrods"}} for name in ("returned", "raised")]
    bench.serve({"calls": named}, {"text": "ok"})
    run(tools=(returned, raised))
    for _, content in answers(bench.bodies[-1]):
        assert content.endswith("Closed(shop='Harrods')")


def test_the_model_is_told_that_a_returned_exception_is_an_error(bench: Bench) -> None:
    def closed() -> Exception:
        return LookupError("closed today")

    bench.serve({"calls": [{"name": "closed", "arguments": {}}]}, {"text": "ok"})
    with connected(bench, "anthropic") as client:
        done = client.run(model="m", messages=USER, tools=(closed,))
    assert type(done.results[0].value) is LookupError
    (answer,) = bench.bodies[-1]["messages"][-1]["content"]
    assert (answer["content"], answer["is_error"]) == ("LookupError: closed today", True)


def paid() -> str:
    return "paid"


def stats() -> dict[str, Any]:
    return {"mean": float("nan")}


def bound() -> float:
    return float("-inf")


@pytest.mark.parametrize("kind", ["openai", "openai-responses", "anthropic", "gemini", "vertex", "rest"])
def test_nan_is_told_as_the_error_of_one_call_whoever_asks(bench: Bench, kind: str) -> None:
    bench.serve({"calls": [{"name": name, "arguments": {}} for name in ("paid", "stats", "bound")]}, {"text": "ok"})
    with connected(bench, kind) as client:
        done = client.run(model="gemini-2.5-flash", messages=USER, tools=(paid, stats, bound))
    assert (done.stop, done.text) == ("text", "ok")
    assert [type(result.error) for result in done.results] == [type(None), toolfan.UsageError, toolfan.UsageError]
    told = json.dumps(bench.bodies[-1])
    assert "the result of stats cannot be written as JSON (mean: nan is not a JSON number)" in told
    assert "the result of bound cannot be written as JSON (-inf is not a JSON number)" in told
    assert "paid" in told


def deep() -> Any:
    return functools.reduce(lambda inner, _: {"a": inner}, range(200), "end")  # type: ignore[arg-type, return-value]


def large() -> dict[str, int]:
    return {"n": 10**400}


def text() -> str:
    return '{"n": 1e999}'


@pytest.mark.parametrize("kind", ["openai", "gemini", "vertex", "rest"])
def test_what_a_struct_cannot_hold_reaches_google_as_text(bench: Bench, kind: str) -> None:
    bench.serve({"calls": [{"name": name, "arguments": {}} for name in ("deep", "large", "text")]}, {"text": "ok"})
    with connected(bench, kind) as client:
        done = client.run(model="gemini-2.5-flash", messages=USER, tools=(deep, large, text))
    assert [result.error for result in done.results] == [None, None, None]
    told = json.dumps(bench.bodies[-1]).replace("\\", "")
    assert all(part in told for part in ("}" * 200, f'{{"n":{10**400}}}', '{"n": 1e999}'))


@dataclass
class Page:
    lines: Any


def mapped() -> Any:
    return map(str.upper, ["a", "b"])


def within() -> Any:
    return {"names": iter(["a"]), "pairs": (zip("ab", "cd", strict=True),)}


async def awaited() -> Any:
    return reversed([1, 2])


def page() -> Page:
    return Page(iter(["x"]))


def test_what_can_be_read_once_is_told_whole(bench: Bench, run: Running) -> None:
    tools = (mapped, within, awaited, page)
    asked = {"calls": [{"name": tool.__name__, "arguments": {}} for tool in tools]}
    bench.serve(asked, {"text": "ok"}, asked)
    done = run(tools=tools)
    wanted = ['["A","B"]', '{"names":["a"],"pairs":[[["a","c"],["b","d"]]]}', "[2,1]", '{"lines":["x"]}']
    assert [content for _, content in answers(bench.bodies[-1])] == wanted
    names = {"names": ["a"], "pairs": ([("a", "c"), ("b", "d")],)}
    assert [result.value for result in done.results[:3]] == [["A", "B"], names, [2, 1]]
    with bench.client() as client:
        calls = client.create(model="m", messages=USER, tools=tools)
    results = toolfan.execute(calls)
    for _ in range(2):
        assert [content for _, content in answers({"messages": calls.reply(results)})][:3] == wanted[:3]


@pytest.mark.parametrize("early", [False, True])
def test_what_a_tool_changes_later_is_told_as_it_was(bench: Bench, run: Running, early: bool) -> None:
    basket: list[str] = []

    def put(item: str) -> list[str]:
        basket.append(item)
        return basket

    async def put_async(item: str) -> list[str]:
        return put(item)

    bench.serve(
        {"calls": [{"name": name, "arguments": {"item": name[-1]}} for name in ("put_a", "put_b", "put_c")]},
        {"text": "ok"},
    )
    tools = [toolfan.tool(put, name=f"put_{end}", sequential=True) for end in "ab"]
    done = run(tools=(*tools, toolfan.tool(put_async, name="put_c", sequential=True)), early=early)
    assert [content for _, content in answers(bench.bodies[-1])] == ['["a"]', '["a","b"]', '["a","b","c"]']
    assert done.results[0].value == ["a", "b", "c"]


def test_messages_that_a_tool_changes_are_sent_as_they_were(bench: Bench, run: Running) -> None:
    messages: list[Any] = [{"role": "user", "content": [{"type": "text", "text": "Go."}]}]

    def forgets() -> str:
        messages[0]["content"][0]["text"] = messages[0]["role"] = "changed"
        return "done"

    bench.serve(asks("forgets", {}), {"text": "ok"})
    done = run(tools=(forgets,), messages=messages)
    assert bench.bodies[-1]["messages"][0] == bench.bodies[0]["messages"][0] == done.messages[0]
    assert "changed" not in str(done.messages)


def test_an_iterator_that_raises_is_its_tools_error(bench: Bench, run: Running) -> None:
    def fails() -> Any:
        return map(int, ["1", "x"])

    bench.serve(asks("fails", {}), {"text": "ok"})
    assert isinstance(run(tools=(fails,)).results[0].error, ValueError)


def test_views_and_ranges_are_told_as_lists_and_objects(bench: Bench, run: Running) -> None:
    plain = {"a": 1}
    odd = {
        "range": range(2),
        "bytes": memoryview(b"ab"),
        "frozen": types.MappingProxyType(plain),
        "keys": plain.keys(),
        "values": plain.values(),
        "items": [collections.UserList(["x"]), collections.ChainMap(plain)],
    }

    def views(name: str) -> Any:
        return odd[name]

    bench.serve(asks("views", *[{"name": name} for name in odd]), {"text": "ok"})
    done = run(tools=(views,))
    wanted = ["[0,1]", "ab", '{"a":1}', '["a"]', "[1]", '[["x"],{"a":1}]']
    assert [content for _, content in answers(bench.bodies[-1])] == wanted
    assert [result.value for result in done.results] == list(odd.values())


def test_half_a_character_in_a_result_is_replaced(bench: Bench, run: Running) -> None:
    def half() -> str:
        return "\ud83d"

    def within() -> dict[str, Any]:
        return {"a": ["x\ud83d", datetime.date(2026, 1, 2)]}

    bench.serve({"calls": [{"name": name, "arguments": {}} for name in ("half", "within")]}, {"text": "ok"})
    done = run(tools=(half, within))
    assert [result.error for result in done.results] == [None, None]
    assert [content for _, content in answers(bench.bodies[-1])] == ["\ufffd", '{"a":["x\ufffd","2026-01-02"]}']


def test_keyboard_interrupt_of_a_tool_passes_and_tells_what_ran(bench: Bench, run: Running) -> None:
    def stops() -> None:
        raise KeyboardInterrupt

    bench.serve(asks("add", {"a": 1, "b": 1}), asks("stops", {}))
    with pytest.raises(KeyboardInterrupt) as caught:
        run(tools=(add, stops))
    ran, earlier = caught.value.__notes__
    assert "stops" in ran
    assert "add" in earlier


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tools": (weather, Note)}, "Note cannot be executed"),
        ({"tools": None, "response_model": Note}, "Note cannot be executed"),
        ({"max_rounds": 0}, "max_rounds is 0"),
        ({"max_calls": 0}, "max_calls is 0"),
        ({"max_concurrency": -1}, "max_concurrency is -1"),
        ({"early": "yes"}, "early is 'yes'"),
        ({"stream": True}, "stream is no option of run"),
        ({"tempratur": 1}, "tempratur= is no option"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_is_sent(
    bench: Bench, run: Running, options: dict[str, Any], says: str
) -> None:
    bench.serve({"text": "never"})
    with pytest.raises(toolfan.UsageError, match=says) as caught:
        run(**options)
    assert (bench.bodies, caught.value.requests) == ([], 0)


def test_a_closed_client_runs_nothing(bench: Bench) -> None:
    bench.serve({"text": "never"})
    client = bench.client()
    client.close()
    with pytest.raises(toolfan.UsageError, match="closed"):
        client.run(model="m", messages=USER, tools=(add,))


def test_cancelling_a_run_cancels_its_tools(bench: Bench) -> None:
    bench.serve(asks("waits", {}))
    running, cleaned = threading.Event(), threading.Event()

    async def waits() -> None:
        running.set()
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.set()

    async def main() -> None:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=bench.server.openai_url) as sdk:
            task = asyncio.create_task(toolfan.from_openai(sdk).run(model="m", messages=USER, tools=(waits,)))
            while not running.is_set():
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert cleaned.is_set()

    asyncio.run(main())


def test_a_run_that_is_cancelled_twice_tells_what_ran_and_what_still_runs(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    two = {"calls": [{"name": "add", "arguments": {"a": 1, "b": 2}}, {"name": "hangs", "arguments": {}}]}
    bench.serve(asks("add", {"a": 3, "b": 4}), two)
    running, freed = threading.Event(), threading.Event()

    def hangs() -> None:
        running.set()
        freed.wait(60)

    async def main() -> BaseException:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=bench.server.openai_url) as sdk:
            task = asyncio.create_task(toolfan.from_openai(sdk).run(model="m", messages=USER, tools=(add, hangs)))
            while not running.is_set():
                await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            return caught.value

    try:
        ran, still, earlier = asyncio.run(main()).__notes__
    finally:
        freed.set()
    assert "calls that ran: add" in ran
    assert "still run: hangs" in still
    assert "earlier rounds: add" in earlier
    assert "hangs" in caplog.text


def test_twenty_threads_share_a_client_and_its_portal(bench: Bench) -> None:
    answered = [asks("add", {"a": n, "b": n}, contains=f"={n}=", times="always") for n in range(20)]
    bench.serve(*answered)
    client = bench.client()
    sums: dict[int, Any] = {}

    def one(n: int) -> None:
        messages = [{"role": "user", "content": f"={n}="}]
        sums[n] = client.run(model="m", messages=messages, tools=(add,), max_rounds=2).results[-1].value

    threads = [threading.Thread(target=one, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    client.close()
    assert sums == {n: 2 * n for n in range(20)}


@pytest.mark.parametrize("kind", ["gemini", "vertex"])
def test_google_is_given_all_responses_in_one_content(bench: Bench, kind: str) -> None:
    first = asks("weather", {"location": "Oslo"}, {"location": "Atlantis"}, {"place": "Rome"})
    first["calls"] += asks("add", {"a": 1, "b": 2})["calls"]
    bench.serve(first, {"text": "Sunny."})
    client = toolfan.wrap(genai_client(kind, bench.server.base_url), stop=ONCE)
    done = client.run(model="gemini-2.5-flash", messages=USER, tools=(weather, add))
    assert (done.text, done.stop) == ("Sunny.", "text")
    question, turn, answered = bench.bodies[-1]["contents"]
    assert (question["role"], turn["role"], answered["role"]) == ("user", "model", "user")
    responses = [part["functionResponse"] for part in answered["parts"]]
    names = [part["functionCall"]["name"] for part in turn["parts"] if "functionCall" in part]
    assert [response["name"] for response in responses] == names == ["weather", "weather", "weather", "add"]
    assert responses[0]["response"] == {"result": "sunny in Oslo"}
    assert responses[1]["response"] == {"error": "LookupError: no such place"}
    assert "location: Field required" in responses[2]["response"]["error"]
    assert responses[3]["response"] == {"result": 3}


def test_google_is_asked_again_after_a_call_that_it_could_not_read(bench: Bench) -> None:
    bench.serve({"stop": "malformed"}, asks("add", {"a": 1, "b": 2}), {"text": "3"})
    client = toolfan.wrap(genai_client("gemini", bench.server.base_url), stop=ONCE)
    done = client.run(model="gemini-2.5-flash", messages=USER, tools=(add,))
    assert (done.text, done.stop, len(done.rounds)) == ("3", "text", 3)
    assert [type(result.error) for result in done.results] == [toolfan.MalformedArguments, type(None)]
    told = cast("list[Any]", bench.bodies[1]["contents"])
    assert [one["role"] for one in told] == ["user", "user"]
    assert "could not" in json.dumps(told[-1]) or "failed" in json.dumps(told[-1])
