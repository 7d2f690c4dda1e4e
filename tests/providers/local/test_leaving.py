"""Clients that leave in the middle of their streams, or of their requests, leave the server quiet."""

from __future__ import annotations

import json
import logging
import socket
import struct
import time
from typing import TYPE_CHECKING

from toolfan_local.server import Server

if TYPE_CHECKING:
    import pytest

_BODY = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "hello"}]}).encode()
_HEAD = (
    f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\ncontent-length: {len(_BODY)}\r\n\r\n"
)
_RESET = struct.pack("ii", 1, 0)


def test_many_that_leave_at_once_are_not_written_to(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with Server([{"text": "word " * 400, "times": "always"}], pace=0.001) as server:
        clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(40)]
        for client in clients:
            client.sendall(_HEAD.encode() + _BODY)
        time.sleep(0.3)
        for client in clients:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            client.close()
        time.sleep(0.7)
    assert [record.message for record in caplog.records] == []


def test_one_that_leaves_in_the_middle_of_its_body(capfd: pytest.CaptureFixture[str]) -> None:
    with Server() as server:
        for sent in (_HEAD.encode(), _HEAD.encode() + _BODY[:9]):
            with socket.create_connection(("127.0.0.1", server.port)) as client:
                client.sendall(sent)
                client.shutdown(socket.SHUT_WR)
                assert client.recv(100) == b""  # it was seen
        assert server.requests == []
    assert capfd.readouterr().err == ""  # where uvicorn's own log goes
