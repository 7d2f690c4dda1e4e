"""What may stand in the place of a client and makes one, and what is told of that which cannot."""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from unittest import mock

import openai
import pytest
import toolfan
from loopback import KEY, ONCE, Bench
from pydantic import BaseModel
from toolfan_local import LocalClient

if TYPE_CHECKING:
    from collections.abc import Callable

ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Which?"}]}


class A(BaseModel):
    x: int


@pytest.fixture
def url(bench: Bench) -> str:
    bench.serve({"contains": "Which?", "times": "always", "calls": [{"name": "A", "arguments": {"x": 1}}]})
    return bench.server.openai_url


def sync_client(url: str) -> openai.OpenAI:
    return openai.OpenAI(api_key=KEY, base_url=url)


class Making:
    """An object that is called, as a container of dependencies has them."""

    def __init__(self, url: str, kind: type = openai.OpenAI) -> None:
        self.url, self.kind, self.count = url, kind, 0

    def __call__(self) -> Any:
        self.count += 1
        return self.kind(api_key=KEY, base_url=self.url)


class MakingOfAny(Making):
    def __call__(self, *arguments: Any, **options: Any) -> Any:
        assert not arguments
        assert not options
        return super().__call__()


KINDS: dict[str, Callable[[str], Callable[[], Any]]] = {
    "cache": lambda url: functools.cache(lambda: sync_client(url)),
    "lru_cache": lambda url: functools.lru_cache(maxsize=1)(lambda: sync_client(url)),
    "partial": lambda url: functools.partial(sync_client, url),
    "partial of a class": lambda url: functools.partial(openai.OpenAI, api_key=KEY, base_url=url),
    "object": Making,
    "object that takes any": MakingOfAny,
    "method": lambda url: Making(url).__call__,
    "mock": lambda url: mock.Mock(side_effect=lambda: sync_client(url)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrap", [toolfan.from_openai, toolfan.wrap])
def test_what_makes_a_client_stands_in_its_place(url: str, kind: str, wrap: Callable[..., toolfan.Client]) -> None:
    with wrap(KINDS[kind](url)) as client:
        assert list(client.create(**ASKED, tools=(A,))) == [A(x=1)]
        sdk: Any = client.sdk_client
    assert sdk.is_closed()  # it was made here


def test_an_object_makes_a_client_for_each_event_loop(url: str) -> None:
    making = Making(url, openai.AsyncOpenAI)
    client = toolfan.wrap_async(making)

    async def ask() -> list[A]:
        calls = await client.create(**ASKED, tools=(A,))
        await client.sdk_client.close()
        return list(calls)

    assert [asyncio.run(ask()) for _ in range(3)] == [[A(x=1)]] * 3
    assert making.count == 3


def test_one_that_gives_the_same_client_again_is_refused_in_a_second_loop(url: str) -> None:
    """That of the first loop was closed for the second one, and neither could use it any more."""
    sdk = openai.AsyncOpenAI(api_key=KEY, base_url=url)
    client = toolfan.from_openai(functools.cache(lambda: sdk), stop=ONCE)

    async def ask() -> list[A]:
        return list(await client.create(**ASKED, tools=(A,)))

    with asyncio.Runner() as runner, ThreadPoolExecutor(1) as elsewhere:
        assert runner.run(ask()) == [A(x=1)]
        for _ in range(2):
            with pytest.raises(
                toolfan.UsageError, match=r"gave the same client again\. Each process and event"
            ) as told:
                elsewhere.submit(lambda: asyncio.run(ask())).result()
            assert told.value.requests == 0
        assert not sdk.is_closed()
        assert runner.run(ask()) == [A(x=1)]
        runner.run(sdk.close())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # of fork, beside threads
def test_one_that_gives_the_same_client_again_is_refused_in_a_child(url: str) -> None:
    """The child would read the parent's answers from the connections that both hold."""
    with toolfan.from_openai(functools.cache(lambda: sync_client(url)), stop=ONCE) as client:
        assert list(client.create(**ASKED, tools=(A,))) == [A(x=1)]
        read, write = os.pipe()
        if os.fork() == 0:
            try:
                client.create(**ASKED, tools=(A,))
            except BaseException as exc:
                os.write(write, f"{type(exc).__name__}: {exc}".encode())
            finally:
                os._exit(0)
        os.wait()
        os.close(write)
        said = os.read(read, 1000).decode()
        os.close(read)
        assert said.startswith("UsageError: the function that makes the client")
        assert "gave the same client again" in said
        assert list(client.create(**ASKED, tools=(A,))) == [A(x=1)]


def test_what_holds_no_connection_may_be_given_again() -> None:
    stand_in = LocalClient()
    client = toolfan.wrap_async(lambda: stand_in)

    async def ask() -> int:
        return len(
            await client.create(messages=ASKED["messages"], tools=(A,), tool_choice="required", on_invalid="keep")
        )

    assert [asyncio.run(ask()) for _ in range(2)] == [1, 1]


async def async_function() -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key=KEY)


class AsyncObject:
    async def __call__(self) -> openai.AsyncOpenAI:
        return await async_function()


@pytest.mark.parametrize(
    ("maker", "named"),
    [
        (async_function, "async_function"),
        (functools.partial(async_function), "a partial of async_function"),
        (functools.cache(async_function), "async_function"),
        (AsyncObject(), "an object of AsyncObject"),
        (lambda *_: async_function(), "<lambda>"),
    ],
)
@pytest.mark.parametrize("wrap", [toolfan.from_openai, toolfan.wrap, toolfan.wrap_async])
def test_an_async_function_is_told_and_nothing_is_left_unawaited(
    maker: Any, named: str, wrap: Callable[[Any], Any]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(toolfan.UsageError, match=r"is async\. Pass one without async") as caught:
            wrap(maker)
        gc.collect()
    assert f"makes the client, {named}, is" in str(caught.value)


class Bound:
    def make(self, key: str) -> openai.OpenAI:
        return openai.OpenAI(api_key=key)


@pytest.mark.parametrize(
    ("maker", "missing"),
    [
        (lambda key: openai.OpenAI(api_key=key), "'key'"),
        (Bound().make, "'key'"),
        (functools.partial(lambda first, second: openai.OpenAI(api_key=first + second), KEY), "'second'"),
        (functools.cache(lambda key: openai.OpenAI(api_key=key)), "'key'"),
    ],
)
@pytest.mark.parametrize("wrap", [toolfan.from_openai, toolfan.wrap, toolfan.wrap_async])
def test_one_that_needs_arguments_is_told(maker: Any, missing: str, wrap: Callable[[Any], Any]) -> None:
    with pytest.raises(
        toolfan.UsageError, match=rf"needs arguments: .*{missing}\. Pass one without: functools"
    ) as told:
        wrap(maker)
    assert KEY not in str(told.value)


def test_what_a_function_raises_itself_comes_out() -> None:
    def make() -> openai.OpenAI:
        raise TypeError("of its own")

    for maker in (make, functools.cache(make), functools.partial(make)):
        with pytest.raises(TypeError, match="of its own"):
            toolfan.from_openai(maker)


class Vendor:
    """A client, of no known SDK, that is called to ask."""

    asked = 0

    def __call__(self, prompt: str = "") -> str:
        Vendor.asked += 1
        return prompt


def test_a_client_that_can_be_called_is_none_that_makes_one() -> None:
    for wrap, message in ((toolfan.wrap, "no installed adapter serves"), (toolfan.from_openai, "is no client of")):
        with pytest.raises(toolfan.ToolfanError, match=rf"{message}.*Vendor|Vendor {message}"):
            wrap(Vendor())
    assert Vendor.asked == 0


class CallableClient(LocalClient):
    """One that its adapter takes, and that can be called, too."""

    def __call__(self, *_: Any) -> None:
        raise AssertionError


def test_a_client_that_its_adapter_takes_is_never_called() -> None:
    for adapter in (None, "local"):
        client = toolfan.wrap(CallableClient(), adapter=adapter)
        assert (
            len(client.create(messages=ASKED["messages"], tools=(A,), tool_choice="required", on_invalid="keep")) == 1
        )
