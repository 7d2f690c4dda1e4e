"""What the handler of a signal raises (a soft limit of time, an alarm) ends a request as it ends any other code."""

from __future__ import annotations

import functools
import importlib
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from every_provider import PROVIDERS, client_of
from loopback import KEY, USER, until
from odd_streams import Weather
from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals between threads here")
ASKED: dict[str, Any] = {"messages": USER, "tools": (Weather,), "deadline": 20}
SECONDS = 0.1


class SoftLimit(Exception):
    """As a queue of tasks raises it."""


@pytest.fixture
def alarm() -> Iterator[Callable[[Any], None]]:
    """`alarm(handler)`: what the signal calls, which `ringing` sends."""
    before = signal.getsignal(signal.SIGALRM)
    yield lambda handler: signal.signal(signal.SIGALRM, handler)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def ringing(faulty: Callable[..., Any]) -> Iterator[Any]:
    """A server that does not answer: it sends the signal to who waits for it."""
    free = threading.Event()

    def hold(handler: Any) -> None:
        time.sleep(SECONDS)  # until the main thread waits, and for nothing else
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)
        free.wait(30)

    yield faulty(hold)
    free.set()


def handlers(own: Exception) -> dict[str, Any]:
    def plain(number: int, frame: Any) -> None:
        raise own

    def tidy(number: int, frame: Any) -> None:
        del number, frame
        raise own

    def deep(*_: Any) -> None:
        plain(0, None)

    class Of:
        def method(self, number: int, frame: Any) -> None:
            raise own

        def __call__(self, number: int, frame: Any) -> None:
            raise own

    partial = functools.partial(lambda name, *_: plain(0, None), "name")
    return {"function": plain, "tidy": tidy, "deep": deep, "method": Of().method, "object": Of(), "partial": partial}


def ask(client: Any, way: str, **options: Any) -> None:
    asked = {**ASKED, **options}
    if way == "stream":
        list(client.stream(**asked))
    else:
        client.create(**asked)


@pytest.mark.parametrize("way", ["create", "stream"])
@pytest.mark.parametrize("own", [SoftLimit("soft"), TimeoutError("the job took too long"), OSError("mine")], ids=repr)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_it_comes_out_as_it_is_and_the_request_ends(
    ringing: Any, alarm: Callable[[Any], None], provider: str, own: Exception, way: str
) -> None:
    own = type(own)(*own.args)
    with client_of(provider, ringing.url, stop=None) as client:
        alarm(handlers(own)["function"])
        with pytest.raises(type(own)) as caught:
            ask(client, way)
        assert caught.value is own
        assert (own.__cause__, own.__context__) == (None, None)
        assert len(ringing.requests) == 1
        until(lambda: client.abandoned == 0)


@pytest.mark.parametrize("deadline", [20, None])
@pytest.mark.parametrize("name", list(handlers(SoftLimit())))
@pytest.mark.parametrize("provider", ["openai", "anthropic", "bedrock"])
def test_whatever_form_the_handler_has(
    ringing: Any, alarm: Callable[[Any], None], provider: str, name: str, deadline: float | None
) -> None:
    own = SoftLimit()
    with client_of(provider, ringing.url) as client:
        alarm(handlers(own)[name])
        with pytest.raises(SoftLimit) as caught:
            ask(client, "create", deadline=deadline)
        assert caught.value is own


def test_an_error_while_the_callers_code_handles_it_is_told_as_what_it_is(
    ringing: Any, alarm: Callable[[Any], None]
) -> None:
    own = SoftLimit()
    with client_of("openai", ringing.url) as client, client_of("openai", "http://127.0.0.1:9/v1") as other:
        alarm(handlers(own)["function"])
        try:
            ask(client, "create")
        except SoftLimit:
            with pytest.raises(toolfan.ConnectionFailed):
                ask(other, "create")


def test_what_a_hook_raises_that_looks_at_its_caller_is_no_signals(faulty: Callable[..., Any]) -> None:
    sdk_http: Any = importlib.import_module("httpx2" if int(openai.__version__.split(".")[0]) >= 3 else "httpx")

    def hook(request: Any) -> None:
        import sys

        frame = sys._getframe(1)
        raise SoftLimit(frame.f_code.co_name)

    http_client = sdk_http.Client(event_hooks={"request": [hook]})
    with openai.OpenAI(api_key=KEY, base_url=faulty(b"").url, http_client=http_client) as sdk:
        client = toolfan.from_openai(sdk, model="m")
        with pytest.raises(toolfan.RequestRejected, match="did not send the request: SoftLimit") as caught:
            client.create(**ASKED)
    cause = caught.value.__cause__
    assert isinstance(cause, SoftLimit) or isinstance(cause and cause.__cause__, SoftLimit)  # in the SDK's own error


@pytest.mark.parametrize("use_async", [False, True])
@pytest.mark.parametrize("raised", [SystemExit, SoftLimit])
def test_it_comes_out_as_it_is_while_a_client_is_made(
    alarm: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch, raised: type[BaseException], *, use_async: bool
) -> None:
    """It was a ConfigError: the SDK cannot make a client."""
    made = openai.OpenAI.__init__

    def slow(self: Any, *given: Any, **named: Any) -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)
        made(self, *given, **named)

    def handler(*_: object) -> None:
        raise raised("now")

    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(openai.AsyncOpenAI if use_async else openai.OpenAI, "__init__", slow)
    alarm(handler)
    with pytest.raises(raised, match="now"):
        (toolfan.connect_async if use_async else toolfan.connect)("openai:m", base_url="http://127.0.0.1:9/v1")


def test_it_comes_out_as_it_is_while_a_tool_is_compiled(alarm: Callable[[Any], None]) -> None:
    class Long:
        @classmethod
        def __get_pydantic_core_schema__(cls, *given: Any) -> Any:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)
            raise AssertionError("never")

    class Tool(BaseModel):
        model_config = ConfigDict(defer_build=True)
        long: Long

    own = SoftLimit()
    with client_of("openai", "http://127.0.0.1:9/v1") as client:
        alarm(handlers(own)["function"])
        with pytest.raises(SoftLimit) as caught:
            client.create(**{**ASKED, "tools": (Tool,)})
        assert caught.value is own
