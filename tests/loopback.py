"""Real SDK clients against servers on loopback: a scripted one, and one that answers with any bytes.

Fixtures: `bench` (scripted), `faulty` (raw bytes).  A conftest.py imports them where they are wanted.
"""

from __future__ import annotations

import contextlib
import functools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import openai
import pytest
import toolfan
from tenacity import stop_after_attempt
from toolfan_local import Server

KEY = "sk-planted-key-4711"
ONCE = stop_after_attempt(1)
"""For clients that shall send no request again."""
USER = [{"role": "user", "content": "Hello?"}]


def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    """Wait for a condition, which must then hold."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def call(name: str, arguments: Any, call_id: Any = "default", **more: Any) -> dict[str, Any]:
    """One call as chat completions spell it; `arguments` that are no text are written as JSON; id None: without."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    made = {"id": f"id-{name}" if call_id == "default" else call_id, "type": "function"}
    made["function"] = {"name": name, "arguments": text}
    if call_id is None:
        del made["id"]
    return made | more


def completion(*calls: dict[str, Any], finish: str | None = "tool_calls", **message: Any) -> dict[str, Any]:
    """A chat completion with these calls."""
    said: dict[str, Any] = {"role": "assistant", "content": None, **message}
    if calls:
        said["tool_calls"] = list(calls)
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "m-2026",
        "choices": [{"index": 0, "message": said, "logprobs": None, "finish_reason": finish}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }


def raw(content: Any, **more: Any) -> dict[str, Any]:
    """A scripted answer with this body."""
    return {"body": {"content": content, **more}}


@functools.cache
def shared_sdk() -> openai.OpenAI:
    """One client for many tests: making one takes longer than a call.  Closed at the end by `closing`."""
    return openai.OpenAI(api_key=KEY, base_url="http://127.0.0.1:9/v1")


class Bench:
    """Servers and clients that are closed after the test."""

    def __init__(self, stack: contextlib.ExitStack, closing: list[Thread]) -> None:
        self.stack, self.closing = stack, closing
        self.server: Server = None  # type: ignore[assignment]

    def serve(self, *answers: dict[str, Any], **options: Any) -> Server:
        """A server that gives these answers, each one time."""
        self.server = Server(list(answers), **options).start()
        self.stack.callback(self._close, self.server)
        return self.server

    def _close(self, server: Server) -> None:
        # In the background: a server takes a tenth of a second to stop.
        self.closing.append(Thread(target=server.close, daemon=True))
        self.closing[-1].start()

    def sdk(self, **options: Any) -> openai.OpenAI:
        """An SDK client of the last server."""
        options.setdefault("base_url", self.server.openai_url if self.server else "http://127.0.0.1:9/v1")
        if options.keys() == {"base_url"}:
            return shared_sdk().with_options(**options)
        client = openai.OpenAI(**{"api_key": KEY, **options})
        self.stack.callback(client.close)
        return client

    def client(self, **options: Any) -> toolfan.Client:
        """A toolfan client over the real SDK and the last server, which sends no request again."""
        return toolfan.from_openai(self.sdk(**options), stop=ONCE)

    def answered(self, *calls: dict[str, Any], finish: str = "tool_calls", **message: Any) -> toolfan.Client:
        """A client whose server answers once, with these calls."""
        self.serve(raw(completion(*calls, finish=finish, **message)))
        return self.client()

    @property
    def bodies(self) -> list[Any]:
        """The bodies of the requests that reached the last server."""
        return [request.body for request in self.server.requests]


@pytest.fixture(scope="session")
def closing() -> Iterator[list[Thread]]:
    threads: list[Thread] = []
    yield threads
    shared_sdk().close()
    for thread in threads:
        thread.join(10)


@pytest.fixture
def bench(closing: list[Thread]) -> Iterator[Bench]:
    with contextlib.ExitStack() as stack:
        yield Bench(stack, closing)


Faulty = Callable[[BaseHTTPRequestHandler], None]


def http(body: bytes | str = b"", status: int = 200, *, length: int | None = None, **headers: str) -> bytes:
    """A whole HTTP response; `length` may lie."""
    data = body.encode() if isinstance(body, str) else body
    fields = {"content-type": "application/json", "content-length": str(len(data) if length is None else length)}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} X\r\n{head}connection: close\r\n\r\n".encode() + data


class FaultServer:
    """Answers every POST with the next of `answers`, the last one again and again.

    Bytes go out as they are, then the connection is closed; a function is given the handler.
    """

    def __init__(self, *answers: bytes | Faulty) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[str, str, Mapping[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.requests.append((self.command, self.path, headers, body))
                answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                self.close_connection = True
                with contextlib.suppress(OSError):
                    if isinstance(answer, bytes):
                        self.wfile.write(answer)
                    else:
                        answer(self)

            do_POST = do_GET = do_CONNECT = handle_any

            def log_message(self, *args: Any) -> None: ...

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.block_on_close = False
        self._thread = Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)


@pytest.fixture
def faulty() -> Iterator[Callable[..., FaultServer]]:
    """`faulty(*answers)`: a FaultServer."""
    servers: list[FaultServer] = []

    def start(*answers: bytes | Faulty) -> FaultServer:
        servers.append(FaultServer(*answers))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
