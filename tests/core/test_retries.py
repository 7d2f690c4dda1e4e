"""What is sent again and what never: the real SDKs against a scripted server."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import openai
import pytest
import tenacity
import toolfan
from loopback import KEY, USER, Bench, FaultServer, call, completion, http, raw
from pydantic import BaseModel
from toolfan.drivers import retries

Start = Callable[..., FaultServer]


class A(BaseModel):
    x: int


class B(BaseModel):
    y: int


GOOD = raw(completion(call("A", {"x": 1})))
AT_ONCE = {"wait": tenacity.wait_none()}


def error(status: int, **more: Any) -> dict[str, Any]:
    return {"error": {"status": status, **more}}


def client_of(bench: Bench, **options: Any) -> toolfan.Client:
    return toolfan.from_openai(bench.sdk(), **{**AT_ONCE, **options})


def create(client: toolfan.Client, **options: Any) -> toolfan.Calls[A]:
    return client.create(model="m", messages=USER, response_model=A, **options)


RETRIED = [408, 409, 429, 500, 502, 503, 504, 529]
FINAL = [400, 401, 402, 403, 404, 413, 422]


@pytest.mark.parametrize("status", RETRIED)
def test_what_failed_for_now_is_sent_again_unchanged(bench: Bench, status: int) -> None:
    bench.serve(error(status), error(status), GOOD)
    calls = create(client_of(bench))
    assert list(calls) == [A(x=1)]
    assert (calls.attempts, calls.requests) == (1, 3)
    assert bench.bodies[0] == bench.bodies[1] == bench.bodies[2]


@pytest.mark.parametrize("status", RETRIED)
def test_three_tries_are_the_default(bench: Bench, status: int) -> None:
    bench.serve({**error(status), "times": "always"})
    with pytest.raises(toolfan.ProviderError) as caught:
        create(client_of(bench))
    assert (caught.value.status, caught.value.attempts, caught.value.requests) == (status, 1, 3)
    assert len(bench.bodies) == 3


FINAL_ERRORS = [error(status) for status in FINAL] + [
    error(429, code="insufficient_quota"),
    error(500, headers={"x-should-retry": "false"}),
    error(429, headers={"retry-after": "300"}),
    error(429, headers={"retry-after": "9" * 400}),
    error(503, headers={"retry-after": "inf"}),
    error(503, headers={"retry-after-ms": "1e999"}),
    raw(completion(finish="content_filter")),
    raw(completion(finish="stop", refusal="No.")),
]


@pytest.mark.parametrize("answer", FINAL_ERRORS, ids=str)
def test_what_waiting_does_not_mend_is_never_sent_again(bench: Bench, answer: dict[str, Any]) -> None:
    bench.serve(answer, GOOD)
    with pytest.raises(toolfan.ProviderError) as caught:
        create(client_of(bench))
    assert caught.value.requests == 1
    assert len(bench.bodies) == 1


def test_a_longer_wait_than_the_cap_is_told(bench: Bench) -> None:
    bench.serve(error(429, headers={"retry-after": "300"}), GOOD)
    client = client_of(bench)
    with pytest.raises(toolfan.RateLimited) as caught:
        create(client)
    assert (caught.value.requests, caught.value.retry_after) == (1, 300)


@pytest.mark.parametrize("body", ["", "<html>", '{"choices": [', {"choices": []}, {}, [1]])
def test_an_answer_that_cannot_be_read_is_asked_for_again(bench: Bench, body: Any) -> None:
    bench.serve({"body": {"content": body}}, GOOD)
    calls = create(client_of(bench))
    assert (list(calls), calls.requests) == ([A(x=1)], 2)


def test_a_broken_connection_is_made_again(bench: Bench, faulty: Start) -> None:
    import json

    from loopback import http

    good = http(json.dumps(completion(call("A", {"x": 1}))))
    server = faulty(b"", b"HTTP/1.1 200 OK\r\ncontent-le", good)
    calls = create(toolfan.from_openai(bench.sdk(base_url=server.url), **AT_ONCE))
    assert (list(calls), calls.requests, len(server.requests)) == ([A(x=1)], 3, 3)


def test_the_async_client_does_the_same(bench: Bench) -> None:
    bench.serve(error(503), error(429, headers={"retry-after-ms": "20"}), GOOD, {**error(500), "times": "always"})

    async def main() -> None:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=bench.server.openai_url) as sdk:
            client = toolfan.from_openai(sdk, wait=tenacity.wait_none())
            calls = await client.create(model="m", messages=USER, response_model=A)
            assert (list(calls), calls.requests) == ([A(x=1)], 3)
            with pytest.raises(toolfan.Unavailable) as caught:
                await client.create(model="m", messages=USER, response_model=A)
            assert caught.value.requests == 3

    asyncio.run(main())


def test_the_providers_wish_is_waited_for(bench: Bench) -> None:
    bench.serve(error(429, headers={"retry-after": "0.3"}), GOOD)
    started = time.monotonic()
    assert create(client_of(bench)).requests == 2
    assert time.monotonic() - started >= 0.3


def test_digits_that_are_not_ascii_are_no_wish(bench: Bench, faulty: Start) -> None:
    server = faulty(http("{}", 429, retry_after="\u0663"))
    client = toolfan.from_openai(bench.sdk(base_url=server.url), stop=tenacity.stop_after_attempt(1))
    with pytest.raises(toolfan.RateLimited) as caught:
        create(client)
    assert caught.value.retry_after is None


def test_a_429_pauses_every_call_of_the_client(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.serve(error(429, headers={"retry-after": "0.6"}), {**GOOD, "times": "always"})
    client, other = client_of(bench), client_of(bench)
    ended: dict[str, float] = {}
    started = time.monotonic()

    def ask(name: str, of: toolfan.Client) -> None:
        create(of)
        ended[name] = time.monotonic() - started

    first = threading.Thread(target=ask, args=("first", client))
    first.start()
    while not bench.bodies:
        time.sleep(0.01)
    time.sleep(0.1)
    ask("same client", client)
    assert ended["same client"] >= 0.5
    first.join(60)
    client._retries.paused_until = time.monotonic() + 30
    monkeypatch.setattr(retries.random, "uniform", lambda low, high: high)
    with pytest.raises(toolfan.RateLimited, match="send nothing for another") as caught:
        create(client, deadline=1)
    assert caught.value.retry_after is not None
    assert (caught.value.requests, 20 < caught.value.retry_after <= 30) == (0, True), "what was asked for, no more"
    create(other)


def test_a_pause_that_begins_while_another_ends_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = retries.Retries()
    policy.slow_down(-1)
    clock = time.monotonic

    def looked_at() -> float:
        monkeypatch.setattr(retries.time, "monotonic", clock)
        now = clock()
        policy.slow_down(30)  # another thread's
        return now

    monkeypatch.setattr(retries.time, "monotonic", looked_at)
    assert policy.pause() == 0
    assert policy.pause() > 20
    policy.slow_down(1)
    assert policy.pause() > 20


@pytest.mark.parametrize("stream", [False, True])
def test_who_waits_out_a_pause_waits_out_what_others_are_told_meanwhile(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    bench.serve({**GOOD, "times": "always"})
    client, slept, here, real = client_of(bench), list[float](), threading.current_thread(), time.sleep

    def sleep(seconds: float) -> None:
        if threading.current_thread() is not here:
            return real(seconds)
        slept.append(seconds)
        if len(slept) == 1:
            client._retries.slow_down(20)  # another call's 429
        return None

    client._retries.slow_down(3)
    monkeypatch.setattr(time, "sleep", sleep)
    if stream:
        client.stream(model="m", messages=USER, tools=(A,)).until_done()
    else:
        create(client)
    first, second = slept  # and not on and on, where nobody sleeps
    assert first < 4 < 15 < second


@pytest.mark.parametrize("headers", [{"retry-after": "300"}, {"retry-after": "30", "x-should-retry": "false"}])
def test_a_429_that_is_not_sent_again_pauses_the_others_all_the_same(bench: Bench, headers: dict[str, str]) -> None:
    bench.serve(error(429, headers=headers), {**GOOD, "times": "always"})
    client, other = client_of(bench), client_of(bench)
    wish = float(headers["retry-after"])
    failed: list[toolfan.RateLimited] = []

    def ask() -> None:
        with pytest.raises(toolfan.RateLimited) as caught:
            create(client, deadline=9)
        failed.append(caught.value)

    ask()
    assert (failed[0].requests, failed[0].retry_after) == (1, wish)
    started = time.monotonic()
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert time.monotonic() - started < 9  # which they did not wait for
    assert len(failed) == 9
    for one in failed[1:]:
        assert (one.requests, "send nothing for another" in one.message) == (0, True)
        assert one.retry_after is not None
        assert min(wish, 60) - 9 < one.retry_after <= 1.1 * min(wish, 60)
    assert len(bench.bodies) == 1
    create(other)


def test_no_time_is_left_for_another_try(bench: Bench) -> None:
    bench.serve(error(503, headers={"retry-after": "20"}), GOOD)
    started = time.monotonic()
    with pytest.raises(toolfan.Unavailable) as caught:
        create(client_of(bench), deadline=5)
    assert time.monotonic() - started < 5
    assert (caught.value.requests, caught.value.retry_after) == (1, 20)


def test_tenacitys_stop_and_wait_are_the_users_to_choose(bench: Bench) -> None:
    states: list[Any] = []

    def wait(state: Any) -> float:
        states.append((state.attempt_number, type(state.outcome.exception())))
        return 0.0

    bench.serve({**error(500), "times": "always"})
    with pytest.raises(toolfan.Unavailable):
        create(client_of(bench, stop=tenacity.stop_after_attempt(2), wait=wait))
    assert states == [(1, toolfan.Unavailable), (2, toolfan.Unavailable)]
    with pytest.raises(toolfan.Unavailable) as caught:
        create(client_of(bench, stop=tenacity.stop_after_delay(0)))
    assert caught.value.requests == 1
    with pytest.raises(toolfan.Unavailable) as caught:
        create(client_of(bench, stop=tenacity.stop_never | tenacity.stop_after_attempt(50)), max_attempts=2)
    assert caught.value.requests == 5  # the ceiling of one create()


async def later(state: Any) -> bool:
    return True


class Later:
    async def __call__(self, state: Any) -> bool:
        return True


@pytest.mark.parametrize("given", [3, tenacity.stop_after_attempt, tenacity.wait_fixed, float, later, Later()])
@pytest.mark.parametrize(("name", "hint"), [("stop", r"stop_after_attempt\(5\)"), ("wait", r"wait_fixed\(2\)")])
def test_what_can_be_no_stop_or_wait_is_refused_when_the_client_is_made(
    bench: Bench, name: str, given: Any, hint: str
) -> None:
    with pytest.raises(toolfan.UsageError, match=rf"{name} is .*{hint}"):
        client_of(bench, **{name: given})


def test_connect_takes_them_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K", KEY)
    bench.serve(error(500), GOOD)
    with toolfan.connect("openai:m", base_url=bench.server.openai_url, api_key_env="K", **AT_ONCE) as client:
        assert create(client).requests == 2


def test_one_ceiling_for_all_rounds(bench: Bench) -> None:
    bad = raw(completion(call("A", {"x": 1}, "g"), call("B", {}, "b")))
    bench.serve(bad, error(500), error(500), bad, error(500), error(500), bad, GOOD)
    with pytest.raises(toolfan.InvalidCalls) as caught:
        client_of(bench).create(model="m", messages=USER, tools=(A, B))
    assert (caught.value.attempts, caught.value.requests) == (3, 7)
    assert caught.value.calls is not None
    assert list(caught.value.calls) == [A(x=1)]


def test_a_budget_ends_the_retries_of_a_failing_provider(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "BUDGET", 3)
    bench.serve(*[error(500)] * 5, GOOD, error(500), GOOD)
    client = client_of(bench)
    spent = []
    for _ in range(2):
        with pytest.raises(toolfan.Unavailable) as caught:
            create(client)
        told = "It was not sent again: the retries of this client are used up" in str(caught.value)
        spent.append((caught.value.requests, told))
    assert spent == [(3, False), (2, True)]  # two retries, then the last one
    assert create(client).requests == 1  # an answer earns one back
    assert create(client).requests == 2


def test_backoff_is_full_jitter_within_growing_bounds() -> None:
    policy = retries.Retries()
    failure = toolfan.Unavailable("x")
    for tries, most in ((1, 0.5), (2, 1.0)):
        waits = set()
        for _ in range(50):
            series = policy.series()
            policy.budget = 100
            seconds = [series.after(failure) for _ in range(tries)][-1]
            assert seconds is not None
            assert 0 <= seconds <= most
            waits.add(seconds)
        assert len(waits) > 10
    series = policy.series()
    assert [series.after(failure) is None for _ in range(3)] == [False, False, True]


def raising(state: Any) -> float:
    raise ValueError("mine")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"wait": raising}, "wait= raised ValueError: mine"),
        ({"wait": lambda state: None}, "wait= returned NoneType"),
        ({"wait": lambda state: float("nan")}, "wait= returned NaN"),
        ({"wait": lambda state: timedelta(seconds=1)}, "wait= returned timedelta"),
        ({"stop": lambda state, later=later: later(state)}, "stop= returned coroutine"),
        ({"stop": lambda state: 1.0}, "stop= returned float"),
        ({"stop": raising}, "stop= raised ValueError"),
    ],
)
def test_a_faulty_stop_or_wait_is_told_and_loses_nothing(bench: Bench, option: dict[str, Any], said: str) -> None:
    bench.serve(raw(completion(call("A", {"x": 1}, "g"), call("B", {}, "b"))), error(500))
    with pytest.raises(toolfan.UsageError, match=said) as caught:
        client_of(bench, **option).create(model="m", messages=USER, tools=(A, B))
    assert caught.value.calls is not None
    assert list(caught.value.calls) == [A(x=1)]
    assert (caught.value.attempts, caught.value.requests) == (2, 2)
    assert "it was asked after Unavailable: the provider answered 500" in caught.value.message
    assert isinstance(caught.value.__cause__, ValueError if "raised" in said else toolfan.Unavailable)


def test_what_an_error_had_brought_is_not_lost_to_a_faulty_wait(bench: Bench) -> None:
    broken = completion(call("A", {"x": 1}))
    broken["choices"][0]["error"] = {"code": 502, "message": "upstream"}
    bench.serve(raw(broken))
    with pytest.raises(toolfan.UsageError, match=r"after Unavailable: .*upstream") as caught:
        create(client_of(bench, wait=raising))
    assert caught.value.turn is not None
    assert caught.value.calls is not None
    assert list(caught.value.calls) == [A(x=1)]
    assert caught.value.requests == 1
