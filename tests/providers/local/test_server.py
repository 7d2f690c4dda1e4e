"""The life of the server: starting, stopping, ports, recording, unknown routes."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from toolfan_local.recording import Recorder
from toolfan_local.server import Server, ServerError


def call(url: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any, dict[str, str]]:
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"authorization": "Bearer k", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read()), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read()), dict(error.headers)


def test_several_servers_run_at_once_and_stop_cleanly() -> None:
    before = set(threading.enumerate())
    with Server() as first, Server() as second:
        assert first.base_url != second.base_url
        assert {call(server.openai_url + "/models")[0] for server in (first, second)} == {200}
    assert set(threading.enumerate()) <= before
    with pytest.raises(ServerError, match="not running"):
        _ = first.base_url
    with first:
        assert call(first.openai_url + "/models")[0] == 200
    first.close()


def test_a_taken_port_is_a_clear_error() -> None:
    with (
        Server() as first,
        pytest.raises(ServerError, match=rf"cannot listen on 127\.0\.0\.1:{first.port}.*another port"),
    ):
        Server(port=first.port).start()
    with pytest.raises(ServerError, match="cannot listen"):
        Server(port=99999).start()


def test_a_running_server_is_not_started_again() -> None:
    with Server() as server, pytest.raises(ServerError, match="already running"):
        server.start()


def test_without_grpc_there_is_no_target() -> None:
    with Server() as server, pytest.raises(ServerError, match="Server\\(grpc=True\\)"):
        _ = server.grpc_target


def test_requests_are_recorded_without_secrets() -> None:
    with Server() as server:
        call(
            server.base_url + "/v1beta/models/m:generateContent?key=hidden&a=b",
            {"contents": []},
            {"x-goog-api-key": "hidden", "x-own": "kept"},
        )
        call(server.openai_url + "/chat/completions", b"{broken")
    first, second = server.requests
    assert (first.method, first.path, first.query) == ("POST", "/v1beta/models/m:generateContent", {"a": "b"})
    assert first.headers["x-own"] == "kept"
    assert first.body == {"contents": []}
    assert second.body == "{broken"
    assert "hidden" not in repr(server.requests)
    assert "Bearer" not in repr(server.requests)


def test_the_record_is_bounded() -> None:
    recorder = Recorder(limit=3)
    for number in range(5):
        recorder.record("GET", f"/{number}")
    assert [request.path for request in recorder.snapshot()] == ["/2", "/3", "/4"]


def test_unknown_routes_are_answered_in_the_shape_of_the_dialect() -> None:
    with Server() as server:
        status, body, _ = call(server.openai_url + "/nowhere", {})
        assert status == 404
        assert body["error"] == {
            "message": "Invalid URL (POST /v1/nowhere)",
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
        status, body, _ = call(server.base_url + "/v1beta/nowhere", {})
        assert (status, body["error"]["code"], body["error"]["status"]) == (404, 404, "NOT_FOUND")
        status, body, _ = call(server.base_url + "/v1beta/models/m:countTokens?key=k", {})
        assert (status, body["error"]["status"]) == (501, "UNIMPLEMENTED")


def test_a_scripted_delay_does_not_hold_up_other_questions() -> None:
    script = [{"text": "slow", "model": "slow", "delay": 3600}, {"text": "fast", "model": "fast"}]

    statuses: list[int] = []

    def ask(server: Server, model: str) -> Any:
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
        status, answer, _ = call(server.openai_url + "/chat/completions", body)
        statuses.append(status)
        return answer["choices"][0]["message"]["content"] if status == 200 else None

    with Server(script) as server:
        slow = threading.Thread(target=ask, args=(server, "slow"))
        slow.start()
        for _ in range(3000):
            if server.requests:
                break
            time.sleep(0.01)
        assert ask(server, "fast") == "fast"
    slow.join(30)  # closing the server ended the question that was still waiting
    assert statuses == [200, 503]


def test_serve_runs_in_the_foreground_and_says_where() -> None:
    code = "from toolfan_local.server import serve; serve(0, [{'text': 'scripted'}])"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split()[2]
            _, body, _ = call(
                address + "/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "q"}]}
            )
            assert body["choices"][0]["message"]["content"] == "scripted"
        finally:
            process.terminate()
