"""`.requests` and `.attempts` count what was sent, `.abandoned` what was left behind; what was not begun is neither."""

from __future__ import annotations

import asyncio
import importlib
import threading
import time
from typing import TYPE_CHECKING, Any

import openai
import pytest
import tenacity
import toolfan
from loopback import KEY, USER, Bench, FaultServer, call, completion, http, raw, until
from pydantic import BaseModel, field_validator
from toolfan import (
    ConnectionFailed,
    DeadlineExceeded,
    RateLimited,
    RequestRejected,
    ToolfanError,
    Unavailable,
    UsageError,
)
from toolfan.drivers import workers

if TYPE_CHECKING:
    from collections.abc import Callable


sdk_http: Any = importlib.import_module("httpx2" if int(openai.__version__.split(".")[0]) >= 3 else "httpx")


class A(BaseModel):
    x: int = 0


ASKED: dict[str, Any] = {"model": "m", "messages": USER, "tools": (A,)}
GOOD = raw(completion(call("A", {"x": 1})))


def failed(client: toolfan.Client, kind: type[ToolfanError], **options: Any) -> tuple[int, int]:
    """The attempts and requests of the error."""
    with pytest.raises(kind) as caught:
        client.create(**{**ASKED, **options})
    assert type(caught.value) is kind
    return caught.value.attempts, caught.value.requests


def test_a_client_that_is_closed_meanwhile_has_sent_what_it_had(faulty: Callable[..., FaultServer]) -> None:
    came, closed = threading.Event(), threading.Event()

    def hold(handler: Any) -> None:
        came.set()
        closed.wait(60)

    server = faulty(hold)
    sdk = openai.OpenAI(api_key=KEY, base_url=server.url)

    def close() -> None:
        came.wait(60)
        sdk.close()
        closed.set()

    threading.Thread(target=close, daemon=True).start()
    client = toolfan.from_openai(sdk, wait=tenacity.wait_none())
    assert failed(client, ConnectionFailed) == (1, 1)
    assert len(server.requests) == 1
    assert failed(client, UsageError) == (0, 0)
    assert len(server.requests) == 1


class Odd(Exception):
    """Of the user's code, with no text."""

    def __str__(self) -> str:
        raise TypeError


def fails(*_: Any) -> Any:
    raise Odd


async def fails_later(*_: Any) -> Any:
    raise Odd


async def asked_async(sdk: openai.AsyncOpenAI, way: str) -> None:
    async with sdk:
        client = toolfan.from_openai(sdk, wait=tenacity.wait_none())
        if way == "stream":
            assert [item async for item in client.stream(**ASKED)]
        else:
            await client.create(**ASKED)


def asked(of_client: dict[str, Any], url: str, way: str, *, use_async: bool) -> None:
    """One request of a client whose HTTP client, or whose function for the key, is the user's."""
    options = {"base_url": url, "api_key": of_client.pop("api_key", KEY)}
    if use_async:
        sdk = openai.AsyncOpenAI(**options, http_client=openai.DefaultAsyncHttpxClient(**of_client))
        return asyncio.run(asked_async(sdk, way))
    with openai.OpenAI(**options, http_client=openai.DefaultHttpxClient(**of_client)) as blocking:
        client = toolfan.from_openai(blocking, wait=tenacity.wait_none())
        assert list(client.stream(**ASKED) if way == "stream" else client.create(**ASKED))
    return None


OWN_CODE: dict[str, tuple[Callable[[Any], dict[str, Any]], int, type[ToolfanError], int, int, str]] = {
    "response hook": (
        lambda own: {"event_hooks": {"response": [own]}},
        200,
        RequestRejected,
        1,
        1,
        r"an answer came \(200\), and code that handles it failed: Odd: .*\. Mend what raised it: a hook",
    ),
    "response hook, 429": (
        lambda own: {"event_hooks": {"response": [own]}},
        429,
        RateLimited,
        3,
        3,
        "the provider answered 429",
    ),
    "request hook": (
        lambda own: {"event_hooks": {"request": [own]}},
        200,
        RequestRejected,
        0,
        0,
        "did not send the request: Odd: .*token provider or a hook",
    ),
    "key": (lambda own: {"api_key": own}, 200, RequestRejected, 0, 0, "did not send the request: Odd"),
    "transport": (
        lambda own: {"transport": sdk_http.MockTransport(own)},
        200,
        RequestRejected,
        1,
        0,
        "the request may have been sent, or not: Odd: .*a transport",
    ),
}


@pytest.mark.parametrize("way", ["whole", "stream"])
@pytest.mark.parametrize("use_async", [False, True])
@pytest.mark.parametrize("row", OWN_CODE.values(), ids=OWN_CODE)
def test_code_of_the_user_s_that_fails_does_not_undo_a_request(
    faulty: Callable[..., FaultServer], row: tuple[Any, ...], use_async: bool, way: str
) -> None:
    """An answer that came may be paid for, whatever a hook of the client's makes of it."""
    of_client, status, kind, requests, seen, message = row
    server = faulty(http("{}", status))
    own = of_client(fails_later if use_async else fails)
    with pytest.raises(kind, match=message) as caught:
        asked(own, server.url, way, use_async=use_async)
    assert type(caught.value) is kind
    assert (caught.value.requests, len(server.requests)) == (requests, seen)
    cause = caught.value.__cause__
    assert isinstance(cause, Odd) or isinstance(cause and cause.__cause__, Odd)  # older SDKs wrap it


@pytest.mark.parametrize("use_async", [False, True])
def test_a_proxy_that_refuses_the_login_is_asked_once(faulty: Callable[..., FaultServer], use_async: bool) -> None:
    proxy = faulty(http("", 407, proxy_authenticate="Basic"))
    client: dict[str, Any] = {"proxy": proxy.url.removesuffix("/v1")}
    with pytest.raises(
        RequestRejected, match=r"answered 407: the proxy refuses to connect.*login of the proxy"
    ) as caught:
        asked(client, "https://x.invalid/v1", "whole", use_async=use_async)
    assert (caught.value.requests, caught.value.retryable, len(proxy.requests)) == (1, False, 1)


@pytest.mark.parametrize("seconds", [1e-9, 1e-4, 1e-3])
def test_nothing_is_begun_for_which_no_time_is_left(bench: Bench, seconds: float) -> None:
    bench.serve({**GOOD, "times": "always"})
    assert failed(bench.client(), DeadlineExceeded, deadline=seconds) == (0, 0)
    hooks = {"request": [lambda request: None]}
    with_worker = bench.client(http_client=openai.DefaultHttpxClient(event_hooks=hooks))
    assert failed(with_worker, DeadlineExceeded, deadline=seconds) == (0, 0)

    async def ask() -> None:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=bench.server.openai_url) as sdk:
            with pytest.raises(DeadlineExceeded) as caught:
                await toolfan.from_openai(sdk).create(**ASKED, deadline=seconds)
            assert (caught.value.attempts, caught.value.requests) == (0, 0)

    asyncio.run(ask())
    assert bench.bodies == []


@pytest.mark.parametrize("pool", ["pool", "connecting"])
def test_what_finds_no_thread_is_neither_counted_nor_tried_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, pool: str
) -> None:
    """A thread for the whole request, or for looking up the host alone."""
    tried: list[int] = []

    class Full(workers.WorkerPool):
        def run(self, *args: Any) -> Any:
            tried.append(1)
            return super().run(*args)

    monkeypatch.setattr(workers, pool, Full(max_abandoned=0))
    bench.serve(GOOD)
    hooks = {"request": [lambda request: None]}
    own = {"http_client": openai.DefaultHttpxClient(event_hooks=hooks)} if pool == "pool" else {"max_retries": 0}
    client = toolfan.from_openai(bench.sdk(**own), wait=tenacity.wait_none())
    with pytest.raises(Unavailable, match="still running") as caught:
        client.create(**ASKED)
    assert (caught.value.attempts, caught.value.requests, caught.value.retryable) == (0, 0, True)
    assert tried == [1]
    assert bench.bodies == []


def test_jobs_under_way_may_be_left_behind_beyond_the_bound() -> None:
    """As many as threads wait at once; none that starts later."""
    pool, release, begun = workers.WorkerPool(max_abandoned=2), threading.Event(), threading.Barrier(6)
    told: list[int] = []
    late: list[BaseException] = []

    def job() -> None:
        begun.wait(60)
        release.wait(60)

    def wait() -> None:
        with pytest.raises(TimeoutError) as caught:
            pool.run(job, 2, told.append)
        late.append(caught.value)

    threads = [threading.Thread(target=wait) for _ in range(5)]
    for thread in threads:
        thread.start()
    begun.wait(60)
    for thread in threads:
        thread.join(60)
    assert (len(late), pool.abandoned) == (5, 5)
    with pytest.raises(workers.TooManyAbandoned):
        pool.run(lambda: 1, 1, told.append)
    release.set()
    until(lambda: pool.abandoned == 0)
    assert pool.run(lambda: 1, 1, told.append) == 1


def test_a_paused_client_has_asked_for_nothing(bench: Bench) -> None:
    bench.serve(GOOD)
    client = bench.client()
    client._retries.paused_until = time.monotonic() + 30
    assert failed(client, RateLimited, deadline=1) == (0, 0)
    client._retries.paused_until = 0.0
    assert client.create(**ASKED).requests == 1


def test_a_later_round_without_time_is_no_attempt(bench: Bench) -> None:
    """What was asked for before stays counted."""

    class Slow(BaseModel):
        x: int

        @field_validator("x")
        @classmethod
        def _judged(cls, value: int) -> int:
            time.sleep(0.6)
            raise ValueError("no")

    bench.serve(raw(completion(call("Slow", {"x": 1}))))
    assert failed(bench.client(), DeadlineExceeded, tools=(Slow,), deadline=0.5) == (1, 1)
    assert len(bench.bodies) == 1


@pytest.mark.parametrize(
    ("told", "read"),
    [("2", 2), (2.0, 2), ("", 0), ("-2", 0), ("2.5", 0), ("\u0662", 0), ("9" * 30, 0), (None, 0), ([], 0)],
)
def test_tokens_that_are_told_as_a_text_are_counted(told: Any, read: int) -> None:
    """One body of each provider: the same number, whatever it is called there."""
    said: dict[str, dict[str, Any]] = {
        "openai": {"choices": [{"message": {"content": "x"}}], "usage": {"completion_tokens": told}},
        "openai-responses": {"output": [], "status": "completed", "usage": {"output_tokens": told}},
        "anthropic": {"type": "message", "content": [], "usage": {"output_tokens": told}},
        "bedrock": {"output": {"message": {"role": "assistant", "content": []}}, "usage": {"outputTokens": told}},
        "cohere": {"message": {"content": []}, "usage": {"tokens": {"output_tokens": told}}},
        "gemini": {"candidates": [{"content": {}}], "usageMetadata": {"candidatesTokenCount": told}},
    }
    for name, body in said.items():
        assert toolfan.load_adapter(name).parse_response(body).usage.output_tokens == read, name
