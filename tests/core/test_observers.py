"""Observers: what they are told, in which order, and that they can neither steer nor harm."""

from __future__ import annotations

import asyncio
import json
import logging
import types
from typing import TYPE_CHECKING, Any

import four_ways
import openai
import pytest
import tenacity
import toolfan
from four_ways import ERROR, MODES
from loopback import KEY, USER, Bench
from pydantic import BaseModel
from toolfan.hookspecs import specs as hookspecs
from toolfan.hookspecs import watched, watching
from toolfan_local import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Weather(BaseModel):
    location: str


def weather(location: str) -> str:
    if location == "Atlantis":
        raise LookupError("no such place")
    return f"sunny in {location}"


async def wind(location: str) -> str:
    return f"wind in {location}"


GOOD = {"calls": [{"name": "Weather", "arguments": {"location": place}} for place in ("Oslo", "Rome")]}
BAD = {"calls": [{"name": "Weather", "arguments": {"place": "Oslo"}}]}


class Watcher:
    """Writes down everything it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    def note(self, hook: str, /, **values: Any) -> None:
        self.told.append((hook, values))

    @toolfan.hookimpl
    def toolfan_before_send(self, adapter: str, request: Any, attempt: int) -> None:
        self.note("before_send", adapter=adapter, request=request, attempt=attempt)

    @toolfan.hookimpl
    def toolfan_call_sealed(self, adapter: str, request: Any, call: Any, attempt: int) -> None:
        self.note("call_sealed", adapter=adapter, request=request, call=call, attempt=attempt)

    @toolfan.hookimpl
    def toolfan_after_turn(self, adapter: str, request: Any, turn: Any, attempt: int) -> None:
        self.note("after_turn", adapter=adapter, request=request, turn=turn, attempt=attempt)

    @toolfan.hookimpl
    def toolfan_after_failure(self, adapter: str, request: Any, error: Any, attempt: int) -> None:
        self.note("after_failure", adapter=adapter, request=request, error=error, attempt=attempt)

    @toolfan.hookimpl
    def toolfan_after_execute(self, adapter: str | None, call: Any, result: Any) -> None:
        self.note("after_execute", adapter=adapter, call=call, result=result)

    @property
    def order(self) -> list[str]:
        return [hook for hook, _ in self.told]

    def of(self, hook: str, key: str) -> list[Any]:
        return [values[key] for name, values in self.told if name == hook]


@pytest.fixture
def observe() -> Iterator[Callable[[Any], Any]]:
    """`toolfan.observe` until the test ends; gives back the plugin."""
    known: list[Any] = []

    def observe(plugin: Any) -> Any:
        toolfan.observe(plugin)
        known.append(plugin)
        return plugin

    yield observe
    for plugin in known:
        toolfan.unobserve(plugin)


@pytest.fixture
def watcher(observe: Callable[[Any], Any]) -> Watcher:
    seen: Watcher = observe(Watcher())
    return seen


def ask(bench: Bench, mode: str, *answers: Any, **options: Any) -> toolfan.Calls[Any]:
    return four_ways.ask(bench, mode, *answers, **{"tools": (Weather,), **options})


@pytest.mark.parametrize("mode", MODES)
def test_one_request_is_told_from_its_sending_to_its_turn(bench: Bench, watcher: Watcher, mode: str) -> None:
    calls = ask(bench, mode, GOOD)
    assert watcher.order == ["before_send", "call_sealed", "call_sealed", "after_turn"]
    assert {(values["adapter"], values["attempt"]) for _, values in watcher.told} == {("openai", 1)}
    assert len({id(values["request"]) for _, values in watcher.told}) == 1
    (request,) = watcher.of("before_send", "request")
    assert request.body["messages"] == USER
    assert watcher.of("call_sealed", "call") == [outcome.raw for outcome in calls.outcomes]
    assert watcher.of("after_turn", "turn") == [calls.turn]
    assert KEY not in repr(watcher.told)


@pytest.mark.parametrize("mode", MODES)
def test_each_round_of_asking_again_is_told(bench: Bench, watcher: Watcher, mode: str) -> None:
    assert len(ask(bench, mode, BAD, GOOD)) >= 1
    assert watcher.of("before_send", "attempt") == watcher.of("after_turn", "attempt") == [1, 2]
    assert watcher.of("call_sealed", "attempt") == [1, 2, 2]


@pytest.mark.parametrize("mode", MODES)
def test_a_request_that_fails_is_told_and_so_is_the_next_one(bench: Bench, watcher: Watcher, mode: str) -> None:
    ask(bench, mode, ERROR, GOOD)
    assert watcher.order == ["before_send", "after_failure", "before_send", "call_sealed", "call_sealed", "after_turn"]
    (error,) = watcher.of("after_failure", "error")
    assert isinstance(error, toolfan.Unavailable)
    failed, sent = watcher.of("before_send", "request")
    assert watcher.of("after_failure", "request")[0] is failed
    assert watcher.of("after_turn", "request")[0] is sent


@pytest.mark.parametrize("mode", MODES)
def test_a_request_that_was_not_begun_fails(bench: Bench, watcher: Watcher, mode: str) -> None:
    with pytest.raises(toolfan.DeadlineExceeded):
        ask(bench, mode, GOOD, deadline=1e-6)
    assert watcher.order == ["before_send", "after_failure"]
    assert isinstance(watcher.of("after_failure", "error")[0], toolfan.DeadlineExceeded)


def test_a_call_of_a_stream_is_told_before_the_next_one_has_come(bench: Bench, watcher: Watcher) -> None:
    bench.serve(GOOD, pace=Pace(call=0.3))
    with bench.client().stream(model="m", messages=USER, tools=(Weather,)) as stream:
        next(iter(stream))
        assert watcher.order == ["before_send", "call_sealed"]
        stream.until_done()
    assert watcher.order == ["before_send", "call_sealed", "call_sealed", "after_turn"]


def test_a_stream_that_is_left_early_ends_once(bench: Bench, watcher: Watcher) -> None:
    bench.serve(GOOD, pace=Pace(call=0.3))
    with bench.client().stream(model="m", messages=USER, tools=(Weather,)) as stream:
        next(iter(stream))
    assert watcher.order == ["before_send", "call_sealed", "after_failure"]
    assert isinstance(watcher.of("after_failure", "error")[0], GeneratorExit)


@pytest.mark.parametrize("streaming", [False, True])
def test_a_task_that_is_cancelled_ends_its_request(bench: Bench, watcher: Watcher, streaming: bool) -> None:
    bench.serve(GOOD, pace=Pace(first_byte=5))

    async def cancelled() -> None:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=bench.server.openai_url) as sdk:
            client = toolfan.from_openai(sdk)
            options: dict[str, Any] = {"model": "m", "messages": USER, "tools": (Weather,)}
            task = asyncio.ensure_future(
                client.stream(**options).until_done() if streaming else client.create(**options)
            )
            while not bench.server.requests:
                await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.wait([task])

    asyncio.run(cancelled())
    assert watcher.order == ["before_send", "after_failure"]


TOOLS = {"calls": [{"name": "weather", "arguments": {"location": place}} for place in ("Oslo", "Atlantis")]}
WIND = {"calls": [{"name": "wind", "arguments": {"location": "Oslo"}}]}


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("is_async", [False, True])
def test_a_run_tells_its_rounds_and_what_it_executes(
    bench: Bench, watcher: Watcher, is_async: bool, early: bool
) -> None:
    bench.serve(TOOLS, WIND, {"text": "Done."})
    options: dict[str, Any] = {"model": "m", "messages": USER, "tools": (weather, wind), "early": early, "max_calls": 2}

    async def awaited() -> toolfan.Run:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=bench.server.openai_url) as sdk:
            return await toolfan.from_openai(sdk).run(**options)

    with bench.client() as client:
        done = asyncio.run(awaited()) if is_async else client.run(**options)
    assert watcher.order.count("before_send") == watcher.order.count("after_turn") == done.requests
    assert set(watcher.of("after_execute", "adapter")) == {"openai"}
    told = watcher.of("after_execute", "result")
    assert sorted(map(repr, told)) == sorted(map(repr, done.results))
    values = {result.call.value.arguments["location"]: result for result in told if result.call.name == "weather"}
    assert values["Oslo"].value == "sunny in Oslo"
    assert isinstance(values["Atlantis"].error, LookupError)
    assert [result.started for result in told if result.call.name == "wind"] == [None]  # max_calls was used up


@pytest.mark.parametrize("early", [False, True])
def test_what_an_observer_takes_out_of_a_result_is_still_told_to_the_model(
    bench: Bench, observe: Callable[[Any], Any], early: bool
) -> None:
    class Redacting:
        seen = 0

        @toolfan.hookimpl
        def toolfan_after_execute(self, call: Any, result: Any) -> None:
            assert result.call is call
            result.value.pop("token")
            call.value.arguments.clear()
            self.seen += 1

    def wind(location: str) -> dict[str, str]:
        return {"at": location, "token": "t"}

    bench.serve(WIND, {"text": "Done."})
    redacting = observe(Redacting())
    with bench.client() as client:
        done = client.run(model="m", messages=USER, tools=(wind,), early=early)
    [result] = done.results
    assert (redacting.seen, result.value) == (1, {"at": "Oslo", "token": "t"})
    assert result.call.value.arguments == {"location": "Oslo"}
    assert json.loads(bench.server.requests[1].body["messages"][-1]["content"]) == result.value


@pytest.mark.parametrize("is_async", [False, True])
def test_calls_that_are_executed_without_a_client_are_told(bench: Bench, watcher: Watcher, is_async: bool) -> None:
    calls = ask(bench, "create", TOOLS, tools=(weather,))
    results = asyncio.run(toolfan.execute_async(calls)) if is_async else toolfan.execute(calls)
    assert watcher.of("after_execute", "adapter") == [None, None]
    assert sorted(map(repr, watcher.of("after_execute", "result"))) == sorted(map(repr, results))
    assert {one.id for one in watcher.of("after_execute", "call")} == {one.id for one in calls.outcomes}


# They cannot steer


@pytest.mark.parametrize("mode", MODES)
def test_an_observer_cannot_change_what_is_sent(bench: Bench, observe: Callable[[Any], Any], mode: str) -> None:
    class Meddler:
        @toolfan.hookimpl
        def toolfan_before_send(self, request: Any) -> Any:
            request.body["messages"].clear()
            return request

        @toolfan.hookimpl
        def toolfan_after_turn(self, turn: Any) -> None:
            turn.replay.clear()

        @toolfan.hookimpl
        def toolfan_after_failure(self, error: Any) -> None:
            error.retryable = False

    observe(Meddler())
    assert len(ask(bench, mode, ERROR, BAD, GOOD)) >= 1
    _, first, second = bench.bodies
    assert first["messages"] == USER
    assert [message["role"] for message in second["messages"]] == ["user", "assistant", "tool"]


HOOKS = [name.removeprefix("toolfan_") for name in hookspecs.OBSERVER_HOOKS]


def raising(hook: str, error: BaseException) -> Watcher:
    """A watcher, one of whose hooks raises."""

    class Raising(Watcher):
        def note(self, name: str, /, **values: Any) -> None:
            super().note(name, **values)
            if name == hook:
                raise error

    return Raising()


class PanicError(BaseException):
    """What Rust code raises through PyO3 is no Exception either."""


@pytest.mark.parametrize(
    "error",
    [RuntimeError("boom"), SystemExit(3), PanicError(), asyncio.CancelledError(), GeneratorExit()],
    ids=["error", "exit", "panic", "cancelled", "left"],
)
@pytest.mark.parametrize("hook", HOOKS)
def test_an_observer_that_raises_is_logged_and_dropped(
    bench: Bench,
    observe: Callable[[Any], Any],
    caplog: pytest.LogCaptureFixture,
    hook: str,
    error: BaseException,
) -> None:
    sick, well = observe(raising(hook, error)), observe(Watcher())
    bench.serve(ERROR, TOOLS, {"text": "Done."})
    client = toolfan.from_openai(bench.sdk(), wait=tenacity.wait_none())
    with caplog.at_level(logging.ERROR, "toolfan"), client:
        run = client.run(model="m", messages=USER, tools=(weather,))
    assert run.stop == "text"
    assert {name for name, _ in well.told} == set(HOOKS)
    assert sick.order.count(hook) == 1
    assert sick.order == well.order[: len(sick.order)]
    (record,) = caplog.records
    assert record.getMessage() == f"the observer Raising raised in toolfan_{hook} and is dropped"
    assert record.exc_info is not None
    assert record.exc_info[1] is error


@pytest.mark.parametrize(("hook", "variable"), [*((hook, "HOUSE_API_KEY") for hook in HOOKS), (HOOKS[0], "HOUSE_CRED")])
def test_the_log_shows_no_key_that_an_observer_tells(
    bench: Bench,
    observe: Callable[[Any], Any],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    hook: str,
    variable: str,
) -> None:
    """Nor one in a variable that only a profile calls a key."""
    monkeypatch.setenv(variable, key := "house-abc-1234-zz")
    monkeypatch.setenv("TOOLFAN_PROFILES__HOUSE__API_KEY_ENV", "HOUSE_CRED")
    observe(raising(hook, RuntimeError(f"no such tenant: {key}")))
    bench.serve(ERROR, TOOLS, {"text": "Done."})
    client = toolfan.from_openai(bench.sdk(), wait=tenacity.wait_none())
    with caplog.at_level(logging.ERROR, "toolfan"), client:
        client.run(model="m", messages=USER, tools=(weather,))
    (record,) = caplog.records
    told = "is dropped (RuntimeError, whose text shows a secret)"
    assert record.getMessage() == f"the observer Raising raised in toolfan_{hook} and {told}"
    assert key not in caplog.text


@pytest.mark.parametrize("hook", ["before_send", "after_turn"])
def test_a_cancelled_error_of_an_observer_cancels_nothing_and_a_real_one_does(
    bench: Bench, observe: Callable[[Any], Any], hook: str
) -> None:
    """Its own is dropped with it; whoever cancels the task from within a hook cancels it."""
    bench.serve({**GOOD, "times": 2})

    class Cancelling(Watcher):
        def note(self, name: str, /, **values: Any) -> None:
            task = asyncio.current_task()
            if name == hook and task is not None:
                task.cancel()

    async def ask_and_wait(client: toolfan.AsyncClient) -> None:
        await client.create(messages=USER, tools=(Weather,))
        await asyncio.sleep(60)

    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=bench.server.openai_url, api_key=KEY) as sdk:
            client = toolfan.wrap_async(sdk, model="m")
            observe(raising(hook, asyncio.CancelledError()))
            assert len(await client.create(messages=USER, tools=(Weather,))) == 2
            observe(Cancelling())
            with pytest.raises(asyncio.CancelledError):
                await ask_and_wait(client)

    asyncio.run(main())


def test_ctrl_c_passes_through_an_observer(bench: Bench, observe: Callable[[Any], Any]) -> None:
    """It is the user's, wherever it arrives."""
    observe(raising("after_turn", KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        ask(bench, "create", GOOD)


def test_what_an_observer_asks_itself_is_told_to_nobody(bench: Bench, watcher: Watcher, observe: Any) -> None:
    bench.serve({**GOOD, "times": 2})
    client = bench.client()

    class Asking:
        @toolfan.hookimpl
        def toolfan_before_send(self) -> None:
            client.create(model="m", messages=USER, tools=(Weather,))

    observe(Asking())
    client.create(model="m", messages=USER, tools=(Weather,))
    assert len(bench.server.requests) == 2
    assert watcher.order == ["before_send", "call_sealed", "call_sealed", "after_turn"]


def test_what_cannot_be_copied_is_shown_as_it_is(bench: Bench, watcher: Watcher, monkeypatch: Any) -> None:
    """Watching must not make a request fail that would succeed without."""

    def refuse(value: Any) -> Any:
        raise TypeError("cannot be copied")

    monkeypatch.setattr(watching, "copy", types.SimpleNamespace(deepcopy=refuse))
    assert len(ask(bench, "create", GOOD)) == 2
    assert watcher.order[-1] == "after_turn"


# Registering


def test_one_that_is_registered_twice_is_told_once_and_then_no_more(bench: Bench, watcher: Watcher) -> None:
    toolfan.observe(watcher)
    client = bench.answered()
    client.create(model="m", messages=USER, tools=(Weather,))
    assert watcher.order == ["before_send", "after_turn"]
    toolfan.unobserve(watcher)
    toolfan.unobserve(watcher)
    ask(bench, "create", GOOD)
    assert len(watcher.told) == 2


def test_a_module_can_watch(bench: Bench, observe: Callable[[Any], Any]) -> None:
    told: list[Any] = []
    module = types.ModuleType("my_observer")

    @toolfan.hookimpl
    def toolfan_after_turn(turn: Any) -> None:
        told.append(turn)

    module.toolfan_after_turn = toolfan_after_turn  # type: ignore[attr-defined]
    observe(module)
    calls = ask(bench, "create", GOOD)
    assert told == [calls.turn]


class Unknown:
    @toolfan.hookimpl
    def toolfan_before_sent(self) -> None: ...


class Argument:
    @toolfan.hookimpl
    def toolfan_after_turn(self, turns: Any) -> None: ...


class Awaited:
    @toolfan.hookimpl
    async def toolfan_after_turn(self, turn: Any) -> None: ...


class Generating:
    @toolfan.hookimpl
    def toolfan_after_turn(self, turn: Any) -> Iterator[None]:
        yield


class Streaming:
    @toolfan.hookimpl
    async def toolfan_after_turn(self, turn: Any) -> Any:
        yield


class Unmarked:
    def toolfan_after_turn(self, turn: Any) -> None: ...


@pytest.mark.parametrize(
    ("plugin", "says"),
    [
        (Unknown(), "Did you mean 'toolfan_before_send'?"),
        (Argument(), "turns"),
        (Awaited(), "not a plain function"),
        (Generating(), "not a plain function"),
        (Streaming(), "not a plain function"),
        (Unmarked(), "Mark its hooks with @toolfan.hookimpl"),
        (object(), "watches nothing"),
        (Watcher, "Pass an object made from it"),
    ],
    ids=["unknown", "argument", "awaited", "generating", "streaming", "unmarked", "object", "class"],
)
def test_a_plugin_of_the_wrong_shape_is_refused(plugin: Any, says: str) -> None:
    with pytest.raises(toolfan.UsageError) as caught:
        toolfan.observe(plugin)
    assert says in str(caught.value)


def test_where_nobody_watches_nothing_is_made_for_a_request() -> None:
    """The same inert object for all: no copy, no call of a hook."""
    assert watched.watched("a", {}, 1) is watched.watched("b", {}, 2)


def test_an_observer_that_goes_while_a_request_begins_fails_nothing() -> None:
    """Another thread takes it away after it was looked at."""

    class Going(dict[str, Any]):
        def __getitem__(self, name: str) -> Any:
            value = super().__getitem__(name)
            if name == "_observed":
                self[name] = None
            return value

    names = Going(vars(watched), _observed=lambda *_: "watched")
    assert types.FunctionType(watched.watched.__code__, names)("a", {}, 1) == "watched"
    assert names["_observed"] is None
