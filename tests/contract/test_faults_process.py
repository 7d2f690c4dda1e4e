"""Processes, event loops, threads, signals and secrets: section 7 of the catalogue.

The fault server says in `model` which question it answers, so that a swapped answer shows.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import os
import pickle
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from fault_asking import GOOD, TOKEN, TOOLS, Asker
from loopback import KEY, ONCE, USER, FaultServer, completion, until
from toolfan import DeadlineExceeded, RequestRejected, UsageError
from toolfan_local import faults as fault_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # of fork, beside threads
ROWS = [
    "fork with a live client",
    "closed event loop, keep-alive",
    "40 threads, one sync client",
    "pickle / deepcopy of client and errors",
    "Ctrl-C in a sync call",
    "async cancel",
    "secrets",
    "lone surrogate or NaN in a request",
    "test interception library made for httpx",
]


@pytest.fixture
def server() -> Iterator[fault_server.FaultServer]:
    with fault_server.FaultServer() as running:
        yield running


def asked(model: str, **options: Any) -> dict[str, Any]:
    return {"model": model, "messages": USER, "tools": TOOLS, "deadline": 60, **options}


def makers(url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], toolfan.Client]]:
    """Clients that toolfan makes: from configuration, and by a function."""
    monkeypatch.setenv("PLANTED_KEY", KEY)
    return {
        "connect": lambda: toolfan.connect("openai", base_url=url, api_key_env="PLANTED_KEY"),
        "function": lambda: toolfan.from_openai(lambda: openai.OpenAI(api_key=KEY, base_url=url)),
    }


def in_children(question: Callable[[int], str | None], count: int = 4) -> list[str]:
    """What each of so many forked children says, all of them asking at once."""
    ends = []
    for n in range(count):
        read, write = os.pipe()
        if os.fork() == 0:
            try:
                os.write(write, str(question(n)).encode())
            finally:
                os._exit(0)
        os.close(write)
        ends.append(read)
    said = []
    for read in ends:
        with os.fdopen(read, "rb") as pipe:
            said.append(pipe.read().decode())
    for _ in ends:
        os.wait()
    return said


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("made", ["connect", "function"])
def test_children_of_a_live_client_get_their_own_answers(
    server: fault_server.FaultServer, made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with makers(server.openai_url, monkeypatch)[made]() as client:
        assert client.create(**asked("good@parent")).model == "good@parent"

        def question(n: int) -> str:
            return ",".join(str(client.create(**asked(f"good@{n}-{turn}")).model) for turn in range(10))

        expected = [",".join(f"good@{n}-{turn}" for turn in range(10)) for n in range(4)]
        assert in_children(question) == expected
        assert client.create(**asked("good@parent")).model == "good@parent"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_client_that_was_passed_is_refused_in_a_child(server: fault_server.FaultServer) -> None:
    with openai.OpenAI(api_key=KEY, base_url=server.openai_url) as sdk:
        client = toolfan.from_openai(sdk)
        assert list(client.create(**asked("good"))) == list(GOOD)

        def question(n: int) -> str:
            try:
                return str(client.create(**asked(f"good@{n}")).model)
            except UsageError as exc:
                return str(exc)

        for said in in_children(question):
            assert "forked" in said
            assert "Pass a function that makes the vendor's client" in said


@pytest.mark.parametrize("made", ["connect", "function"])
def test_a_closed_event_loop_breaks_no_later_one(
    server: fault_server.FaultServer, made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server keeps connections alive, and a connection is of no use outside of its loop."""
    monkeypatch.setenv("PLANTED_KEY", KEY)
    url = server.openai_url
    client = (
        toolfan.connect_async("openai", base_url=url, api_key_env="PLANTED_KEY")
        if made == "connect"
        else toolfan.from_openai(lambda: openai.AsyncOpenAI(api_key=KEY, base_url=url))
    )

    async def once(n: int) -> list[str | None]:
        answers = await asyncio.gather(*(client.create(**asked(f"good@{n}-{turn}")) for turn in range(5)))
        await client.sdk_client.close()  # this loop's; the others are closed
        return [calls.model for calls in answers]

    for n in range(3):
        assert asyncio.run(once(n)) == [f"good@{n}-{turn}" for turn in range(5)]


@pytest.mark.parametrize("made", ["passed", "connect", "function"])
def test_forty_threads_share_one_client(
    server: fault_server.FaultServer, made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with openai.OpenAI(api_key=KEY, base_url=server.openai_url) as sdk:
        kinds = {**makers(server.openai_url, monkeypatch), "passed": lambda: toolfan.from_openai(sdk)}
        got: dict[int, list[str | None]] = {}
        with kinds[made]() as client:

            def ask(n: int) -> None:
                got[n] = [client.create(**asked(f"good@{n}-{turn}")).model for turn in range(3)]

            threads = [threading.Thread(target=ask, args=(n,)) for n in range(40)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
    assert got == {n: [f"good@{n}-{turn}" for turn in range(3)] for n in range(40)}


def test_a_client_says_why_it_cannot_be_pickled_or_copied(ask: Asker) -> None:
    """It holds connections and a key; errors can, which `ask` checks of each one that it sees."""
    for copied in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(UsageError, match="Make one in each process"):
            copied(ask.client())  # type: ignore[operator]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals")
@pytest.mark.parametrize("deadline", [None, 600])
def test_ctrl_c_returns_at_once(server: fault_server.FaultServer, deadline: float | None) -> None:
    """Out of a server that hangs, with or without a deadline; what is left behind ends with the connection."""
    main = threading.main_thread().ident or 0

    def interrupt() -> None:
        until(lambda: server.requests("hang-in-body") == 1, 60)
        time.sleep(0.3)
        signal.pthread_kill(main, signal.SIGINT)

    with openai.OpenAI(api_key=KEY, base_url=server.openai_url) as sdk:
        client = toolfan.from_openai(sdk)
        threading.Thread(target=interrupt, daemon=True).start()
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            client.create(**asked("hang-in-body", deadline=deadline))
        assert time.monotonic() - started < 60
        assert client.create(**asked("good")).model == "good"
        server.close()
        until(lambda: client.abandoned == 0, 60)


@pytest.mark.parametrize("how", ["cancel", "timeout"])
def test_cancelling_ends_the_request_and_is_never_swallowed(faulty: Callable[..., FaultServer], how: str) -> None:
    closed, begun = threading.Event(), threading.Event()

    def wait(handler: Any) -> None:
        begun.set()
        handler.connection.settimeout(60)
        if handler.connection.recv(1) == b"":
            closed.set()

    server = faulty(wait)

    async def main() -> None:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=server.url) as sdk:
            task = asyncio.ensure_future(toolfan.from_openai(sdk).create(**asked("m")))
            while not begun.is_set():
                await asyncio.sleep(0.01)
            if how == "cancel":
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            else:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(task, 0.1)
            assert closed.wait(30), "the connection stayed open"
            assert len(server.requests) == 1

    asyncio.run(main())


def test_no_secret_is_in_what_is_shown_or_logged(ask: Asker, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "toolfan")
    caplog.set_level(logging.DEBUG, "openai")
    client = ask.client()
    for fault in ("good", "401", "500", "reset-in-body", "refusal", "arguments-malformed", "hang-before-headers"):
        ask(fault, client=client, deadline=1)  # which looks into the result or error
    assert KEY not in f"{client!r} {client} {client.chat!r} {client.adapter!r}"
    assert KEY not in caplog.text
    error = ask("401", client=client).raised
    held = [type(value).__module__ for value in vars(error).values()]
    assert {module.partition(".")[0] for module in held} <= {"builtins", "toolfan"}


ECHO = {"error": {"message": f"Incorrect API key provided: {KEY}. {TOKEN} is no token.", "code": "invalid_api_key"}}


def test_a_provider_that_says_the_key_again_is_not_quoted(ask: Asker, bench: Any) -> None:
    server = bench.serve({"body": {"content": ECHO, "status": 401}})
    error = ask("good", base_url=server.openai_url).raised
    assert type(error) is toolfan.AuthenticationError
    assert "Incorrect API key provided" in str(error)


@pytest.mark.parametrize(
    "content", ["half a pair: \ud83d", float("nan"), float("inf")], ids=["surrogate", "NaN", "inf"]
)
def test_what_json_cannot_say_is_refused_before_it_is_sent(ask: Asker, content: Any) -> None:
    message = {"role": "user", "content": content if isinstance(content, str) else "x", "weight": content}
    asked = ask("good", messages=[message])
    error = asked.error
    assert type(error) is RequestRejected
    assert (error.requests, error.retryable) == (0, False)
    assert "messages[0]" in str(error)


def test_a_mock_transport_of_the_sdks_own_library_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given every request; none goes to the network, which here is not there."""
    httpx: Any = pytest.importorskip("httpx2" if openai.__version__.startswith("3") else "httpx")
    seen: list[str] = []

    def handler(request: Any) -> Any:
        seen.append(str(request.url))
        return httpx.Response(200, json=completion(finish="stop", content="mocked"))

    def no_network(*args: Any, **options: Any) -> Any:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket, "create_connection", no_network)
    with httpx.Client(transport=httpx.MockTransport(handler)) as http_client:
        client = toolfan.from_openai(openai.OpenAI(api_key=KEY, http_client=http_client), stop=ONCE)
        assert client.create(**asked("m")).text == "mocked"
        with pytest.raises(DeadlineExceeded):
            client.create(**asked("m", deadline=1e-6))
    assert seen[0] == "https://api.openai.com/v1/chat/completions"
