"""`client.run` with early tools over streams that break: sent again while nothing has run, and only then."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from loopback import KEY, USER, FaultServer
from tenacity import wait_none
from test_run_early import says, stream, whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.server import BaseHTTPRequestHandler

CUT = None
"""In place of a finish reason: the connection breaks."""
PATIENCE = 20.0


def events(*lines: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer that begins with the call `book(1)` and goes on with these lines."""
    begun = stream(whole(0, "book", n=1), finish=CUT)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        begun(handler)
        handler.wfile.write("".join(f"{line}\n\n" for line in lines).encode())

    return answer


class Tools:
    """`book` keeps to the whole answer, `look` and `pay` may start early; `pay` is sequential.  `ran` says what did."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.looked = threading.Event()

        def book(n: int) -> None:
            self.ran.append(f"book {n}")

        def look(n: int) -> None:
            self.ran.append(f"look {n}")
            self.looked.set()

        def pay(n: int) -> None:
            self.ran.append(f"pay {n}")

        self.all = (book, toolfan.tool(look, early=True), toolfan.tool(pay, early=True, sequential=True))


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Callable[..., toolfan.Run]:
    """`run(server, **options)`: `client.run` with OpenAI's SDK, whose requests are sent up to three times."""

    async def awaited(url: str, options: dict[str, Any]) -> toolfan.Run:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=url) as sdk:
            return await toolfan.from_openai(sdk, wait=wait_none()).run(**options)

    def run(server: FaultServer, **options: Any) -> toolfan.Run:
        options = {"model": "m", "messages": USER, **options}
        if request.param == "async":
            return asyncio.run(awaited(server.url, options))
        with openai.OpenAI(api_key=KEY, base_url=server.url) as sdk:
            return toolfan.from_openai(sdk, wait=wait_none()).run(**options)

    return run


BROKEN = {
    "cut behind a call": stream(whole(0, "book", n=1), finish=CUT),
    "cut behind a failed call": stream(whole(0, "book", m=1), finish=CUT),
    "cut behind a failed call of an early tool": stream(whole(0, "look", m=1), finish=CUT),
    "cut behind one that keeps its turn": stream(whole(0, "book", n=1), whole(1, "pay", n=1), finish=CUT),
    "an error": events('data: {"error": {"message": "overloaded", "type": "server_error", "code": 503}}'),
    "an event that is no JSON": events('data: {"choices": ['),
    "an end that is an error": stream(whole(0, "book", n=1), finish="error"),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_the_same_request_is_sent_again_while_nothing_has_run(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run], broken: Any
) -> None:
    """As without early tools: what had come is forgotten, and the next answer is read from its own beginning."""
    tools = Tools()
    server = faulty(broken, stream(whole(0, "look", "a", n=2), whole(1, "pay", "b", n=3)), says("done"))
    done = run(server, tools=tools.all)
    assert (done.text, done.requests, sorted(tools.ran)) == ("done", 3, ["look 2", "pay 3"])
    assert [(call.index, call.id, call.attempt) for call in done.calls] == [(0, "a", 1), (1, "b", 1)]
    assert [result.error for result in done.results] == [None, None]
    assert len({body for *_, body in server.requests[:2]}) == 1
    assert done.attempts == 2


def test_calls_of_the_next_answer_keep_their_own_turn(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run]
) -> None:
    """A call of the answer that broke off, for which sequential ones had to wait, holds none up any more."""
    tools = Tools()
    seen: list[list[str]] = []

    def look_about() -> None:
        end = time.monotonic() + PATIENCE
        while not tools.ran and time.monotonic() < end:
            time.sleep(0.01)
        seen.append([*tools.ran])

    broken = stream(whole(0, "book", n=1), whole(1, "pay", n=1), finish=CUT)
    server = faulty(broken, stream(whole(0, "pay", n=2), look_about, whole(1, "book", n=3)), says("done"))
    assert run(server, tools=tools.all).text == "done"
    assert seen == [["pay 2"]], "it did not start before the rest had come"
    assert tools.ran == ["pay 2", "book 3"]


def test_once_a_call_has_begun_the_error_tells_it(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run]
) -> None:
    tools = Tools()
    breaks = stream(whole(0, "book", n=1), whole(1, "look", n=2), lambda: tools.looked.wait(PATIENCE), finish=CUT)
    server = faulty(stream(whole(0, "book", n=1), finish=CUT), breaks, says("never asked for"))
    with pytest.raises(toolfan.IncompleteStream) as caught:
        run(server, tools=tools.all)
    error = caught.value
    assert (len(server.requests), error.requests, tools.ran) == (2, 2, ["look 2"])
    assert error.run is not None
    assert [(result.call.name, result.started is not None) for result in error.run.results] == [
        ("book", False),
        ("look", True),
    ]
    assert "go on from error.run.messages, not from the start" in str(error)


def test_when_all_tries_break_off_the_error_has_what_came_and_nothing_ran(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run]
) -> None:
    tools = Tools()
    server = faulty(stream(whole(0, "book", n=1), finish=CUT))
    with pytest.raises(toolfan.IncompleteStream) as caught:
        run(server, tools=tools.all)
    assert (len(server.requests), tools.ran) == (3, [])
    assert caught.value.calls is not None
    assert [call.name for call in caught.value.calls.outcomes] == ["book"]
    assert caught.value.run is not None
    assert caught.value.run.results == ()


def test_what_would_fail_again_is_not_sent_again(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run]
) -> None:
    tools = Tools()
    server = faulty(events('data: {"error": {"message": "no", "type": "invalid_request_error", "code": 401}}'))
    with pytest.raises(toolfan.AuthenticationError):
        run(server, tools=tools.all)
    assert (len(server.requests), tools.ran) == (1, [])


def test_the_calls_of_a_stream_that_others_read_are_theirs(faulty: Callable[..., FaultServer]) -> None:
    """Of `stream()` nothing that was handed out is forgotten, as before."""
    server = faulty(stream(whole(0, "book", n=1), finish=CUT), says("never asked for"))
    with openai.OpenAI(api_key=KEY, base_url=server.url) as sdk:
        coming = toolfan.from_openai(sdk).stream(model="m", messages=USER, tools=Tools().all)
        assert next(coming).name == "book"
        with pytest.raises(toolfan.IncompleteStream):
            next(coming)
    assert len(server.requests) == 1


def test_observers_are_told_of_each_request_by_itself(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run]
) -> None:
    told: list[Any] = []

    class Watcher:
        @toolfan.hookimpl
        def toolfan_before_send(self, request: Any) -> None:
            told.append("sent")

        @toolfan.hookimpl
        def toolfan_call_sealed(self, call: Any) -> None:
            told.append((call.index, call.id))

        @toolfan.hookimpl
        def toolfan_after_failure(self, error: Exception) -> None:
            told.append(type(error))

        @toolfan.hookimpl
        def toolfan_after_turn(self, turn: Any) -> None:
            told.append([call.id for call in turn.calls])

    watcher = Watcher()
    server = faulty(stream(whole(0, "book", "a", n=1), finish=CUT), stream(whole(0, "look", "b", n=2)))
    toolfan.observe(watcher)
    try:
        run(server, tools=Tools().all, max_rounds=1)
    finally:
        toolfan.unobserve(watcher)
    assert told == ["sent", (0, "a"), toolfan.IncompleteStream, "sent", (0, "b"), ["b"]]
