"""A request of a sync client leaves in one piece, its head with its body; one with a large body is whole, too."""

from __future__ import annotations

import json
import socket
from threading import Thread
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from loopback import KEY, ONCE, call, completion, http
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator


class City(BaseModel):
    name: str


class Server:
    """Answers one connection after another; keeps what the first read of each request gave, and the bodies."""

    def __init__(self) -> None:
        self.first: list[bytes] = []
        self.bodies: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/v1"
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                while data := connection.recv(1 << 20):
                    self._answer(connection, data)

    def _answer(self, connection: socket.socket, data: bytes) -> None:
        self.first.append(data)
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-l"))
        while len(body) < length:
            body += connection.recv(1 << 20)
        self.bodies.append(body)
        answer = http(json.dumps(completion(call("City", {"name": "Rome"}))))
        connection.sendall(answer.replace(b"connection: close\r\n", b""))

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    yield one
    one.close()


def ask(url: str, text: str) -> list[Any]:
    """What two requests give, with this question."""
    messages = [{"role": "user", "content": text}]
    with openai.OpenAI(base_url=url, api_key=KEY) as sdk:
        client = toolfan.from_openai(sdk, stop=ONCE)
        return [list(client.create(model="m", messages=messages, tools=(City,), deadline=10)) for _ in range(2)]


def test_the_head_leaves_with_the_body(server: Server) -> None:
    assert ask(server.url, "And in Rome?") == [[City(name="Rome")]] * 2
    assert [first.partition(b"\r\n\r\n")[2] for first in server.first] == server.bodies
    assert all(json.loads(body)["messages"][0]["content"] == "And in Rome?" for body in server.bodies)


def test_a_large_body_is_whole(server: Server) -> None:
    text = "And in Rome? " * 100_000
    assert ask(server.url, text) == [[City(name="Rome")]] * 2
    assert [json.loads(body)["messages"][0]["content"] for body in server.bodies] == [text] * 2
