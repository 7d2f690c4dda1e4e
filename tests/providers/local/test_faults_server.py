"""The fault server itself: names of models, counts, the good answer for any tool, its life, its limits."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest
from fault_client import (
    GEMINI,
    GOOD,
    OTHERS,
    VERTEX,
    ask,
    google_calls,
    google_request,
    openai_calls,
    openai_request,
    request,
    typed_calls,
    typed_request,
)
from loopback import until
from toolfan_local import Server, ServerError
from toolfan_local.faults import CATALOGUE, FaultServer, FaultServerError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


def statuses(server: FaultServer, model: str, count: int = 3) -> list[int]:
    return [ask(server, openai_request(model)).status for _ in range(count)]


def test_once_and_names_of_ones_own(server: FaultServer) -> None:
    assert statuses(server, "503") == [503, 503, 503]
    assert statuses(server, "503-once") == [503, 200, 200]
    assert statuses(server, "503-once@a") == [503, 200, 200]
    assert statuses(server, "503-once@b/c d", 2) == [503, 200]
    assert statuses(server, "503@once", 2) == [503, 503]
    assert [server.requests(name) for name in ("503-once@a", "503-once@b/c d", "never")] == [3, 2, 0]
    assert openai_calls(ask(server, openai_request("503-once@a"))) == GOOD


@pytest.mark.parametrize("fault", [name for name in CATALOGUE if CATALOGUE[name].section in ("4.2", "4.3")])
def test_after_once_comes_the_good_answer(server: FaultServer, fault: str) -> None:
    """Whatever was played before it, in every dialect that the fault has."""
    if "openai" in CATALOGUE[fault].dialects:
        ask(server, openai_request(f"{fault}-once@o"))
        assert openai_calls(ask(server, openai_request(f"{fault}-once@o"))) == GOOD
    if "google" in CATALOGUE[fault].dialects:
        ask(server, google_request(f"{fault}-once@g"))
        assert google_calls(ask(server, google_request(f"{fault}-once@g"))) == GOOD
    for dialect in {*OTHERS} & {*CATALOGUE[fault].dialects}:
        ask(server, typed_request(dialect, f"{fault}-once@{dialect}"))
        assert typed_calls(ask(server, typed_request(dialect, f"{fault}-once@{dialect}"))) == GOOD


def test_reset_forgets(server: FaultServer) -> None:
    ask(server, openai_request("good@counted", temperature=0))
    assert server.requests("good@counted") == 1
    assert server.bodies("good@counted")[0]["temperature"] == 0
    with FaultServer() as other:
        assert statuses(other, "500-once", 2) == [500, 200]
        other.reset()
        assert (other.requests("500-once"), other.bodies("500-once")) == (0, [])
        assert statuses(other, "500-once", 2) == [500, 200]


def test_ids_do_not_repeat_in_a_conversation(server: FaultServer) -> None:
    answers = [ask(server, openai_request("good@ids")).json for _ in range(2)]
    ids = [call["id"] for answer in answers for call in answer["choices"][0]["message"]["tool_calls"]]
    assert ids == ["call_1_0", "call_1_1", "call_2_0", "call_2_1"]


@pytest.mark.parametrize(
    ("model", "status", "part"),
    [
        ("close-in-bod", 404, "Did you mean 'close-in-body'? `toolfan serve --faults --list` lists them."),
        ("gpt-4o-mini", 404, "The model 'gpt-4o-mini' names no fault."),
        ("google-safety", 400, "'google-safety' is not played in this dialect, only in: google, grpc."),
    ],
)
def test_a_name_that_is_no_fault_here(server: FaultServer, model: str, status: int, part: str) -> None:
    seen = ask(server, openai_request(model))
    assert seen.status == status
    assert part in seen.json["error"]["message"]


def test_an_unknown_model_in_googles_dialect(server: FaultServer) -> None:
    seen = ask(server, google_request("goood", prefix=VERTEX))
    assert (seen.status, seen.json["error"]["status"]) == (404, "NOT_FOUND")
    assert "'good'" in seen.json["error"]["message"]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request("/v1/chat/completions", []), 400),
        (request("/v1/chat/completions", {"messages": []}), 400),
        (request("/v1/nowhere", {}), 404),
        (request(GEMINI + "good:countTokens", {}), 404),
        (b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 5\r\n\r\n{nope", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: -5\r\n\r\n", 400),
        (b"hello\r\n\r\n", 400),
        (b"GET /v1/chat/completions HTTP/1.1\r\n\r\n", 405),
    ],
)
def test_requests_that_cannot_be_answered(server: FaultServer, data: bytes, status: int) -> None:
    seen = ask(server, data)
    assert (seen.status, seen.end) == (status, "closed")
    assert seen.json["error"]["message"]


def test_azure_and_other_prefixes(server: FaultServer) -> None:
    body = json.loads(openai_request("ignored").partition(b"\r\n\r\n")[2])
    for path in (
        "/openai/deployments/good@azure/chat/completions?api-version=1",
        "/openai/deployments/429/chat/completions",
    ):
        assert ask(server, request(path, body)).status == (429 if "429" in path else 200)
    assert server.requests("good@azure") == 1
    assert openai_calls(ask(server, request("/openai/v1/chat/completions", body | {"model": "good"}))) == GOOD
    for prefix in (GEMINI, GEMINI.replace("beta", ""), VERTEX, VERTEX.replace("v1", "v1beta1")):
        assert google_calls(ask(server, google_request("good", prefix=prefix))) == GOOD


def test_models_are_listed(server: FaultServer) -> None:
    seen = ask(server, b"GET /v1/models HTTP/1.1\r\nconnection: close\r\n\r\n")
    assert [model["id"] for model in seen.json["data"]] == [*CATALOGUE]


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({"tool_choice": "none"}, []),
        ({"tools": []}, []),
        ({"tool_choice": {"type": "function", "function": {"name": "GoogleSearch"}}}, ["GoogleSearch"]),
        ({"parallel_tool_calls": False}, ["Weather"]),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {"tools": [{"type": "function", "function": {"name": "Weather"}}]},
                }
            },
            ["Weather"],
        ),
    ],
)
def test_the_good_answer_keeps_to_the_tool_choice(server: FaultServer, more: Any, names: list[str]) -> None:
    message = ask(server, openai_request("good", **more)).json["choices"][0]["message"]
    assert [call["function"]["name"] for call in message.get("tool_calls", [])] == names
    assert bool(message["content"]) is not bool(names)


def test_google_s_tool_choice(server: FaultServer) -> None:
    for config, names in (
        ({"mode": "NONE"}, []),
        ({"mode": "ANY", "allowedFunctionNames": ["GoogleSearch"]}, ["GoogleSearch"]),
    ):
        seen = ask(server, google_request("good", toolConfig={"functionCallingConfig": config}))
        assert [name for name, _ in google_calls(seen)] == names


@pytest.mark.parametrize(
    "name", [name for name, fault in CATALOGUE.items() if fault.section in ("3", "4.1", "4.2", "4.3", "6")]
)
def test_without_tools_nothing_breaks_in_the_server(server: FaultServer, name: str) -> None:
    for stream in (False, True):
        if "openai" in CATALOGUE[name].dialects:
            assert ask(server, openai_request(name, tools=[], stream=stream)).complete
        for dialect in {*OTHERS} & {*CATALOGUE[name].dialects}:
            assert ask(server, typed_request(dialect, name, tools=[], stream=stream)).complete
    for framing in ("none", "sse", "array"):
        if "google" in CATALOGUE[name].dialects:
            assert ask(server, google_request(name, tools=[], framing=framing)).complete


@pytest.mark.parametrize(
    ("dialect", "more", "names"),
    [
        ("responses", {"tool_choice": "none"}, []),
        ("responses", {"tool_choice": {"type": "function", "name": "GoogleSearch"}}, ["GoogleSearch"]),
        ("responses", {"tool_choice": {"type": "allowed_tools", "tools": [{"name": "Weather"}]}}, ["Weather"]),
        ("responses", {"parallel_tool_calls": False}, ["Weather"]),
        ("anthropic", {"tool_choice": {"type": "none"}}, []),
        ("anthropic", {"tool_choice": {"type": "tool", "name": "GoogleSearch"}}, ["GoogleSearch"]),
        ("anthropic", {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}, ["Weather"]),
        ("bedrock", {"toolChoice": {"tool": {"name": "GoogleSearch"}}}, ["GoogleSearch"]),
        ("cohere", {"tool_choice": "NONE"}, []),
    ],
)
def test_the_tool_choice_where_events_have_types(
    server: FaultServer, dialect: str, more: Any, names: list[str]
) -> None:
    assert [name for name, _ in typed_calls(ask(server, typed_request(dialect, "good", **more)))] == names


@pytest.mark.parametrize("dialect", OTHERS)
def test_what_cannot_be_answered_where_events_have_types(server: FaultServer, dialect: str) -> None:
    assert ask(server, typed_request(dialect, "no-fault")).status == 404
    assert ask(server, typed_request(dialect, "google-safety")).status == 400
    assert ask(server, typed_request(dialect, None)).status == (404 if dialect == "bedrock" else 400)


def test_claude_on_vertex(server: FaultServer) -> None:
    """The model is part of the path."""
    path = "/v1/projects/p/locations/l/publishers/anthropic/models/good@vertex:rawPredict"
    body = json.loads(typed_request("anthropic", "ignored").partition(b"\r\n\r\n")[2])
    assert typed_calls(ask(server, request(path, body))) == GOOD
    assert server.requests("good@vertex") == 1


def test_connections_are_kept(server: FaultServer) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    ports = set()
    for model in ("good", "429", "sse-crlf", "arguments-malformed", "good"):
        body = openai_request(model, stream=True).partition(b"\r\n\r\n")[2]
        connection.request("POST", "/v1/chat/completions", body)
        answer = connection.getresponse()
        assert answer.read()
        ports.add(connection.sock.getsockname() if connection.sock else None)
    connection.close()
    assert len(ports) == 1


def test_a_chunked_request_and_one_that_waits_for_leave(server: FaultServer) -> None:
    body = openai_request("good").partition(b"\r\n\r\n")[2]
    head = b"POST /v1/chat/completions HTTP/1.1\r\nconnection: close\r\n"
    chunked = head + b"transfer-encoding: chunked\r\n\r\n" + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    assert openai_calls(ask(server, chunked)) == GOOD
    seen = ask(server, head + f"expect: 100-continue\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
    assert seen.raw.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


def own_threads() -> set[threading.Thread]:
    """The threads that run, but for those of event loops of other tests."""
    return {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio")}


@pytest.mark.parametrize("pace", ["x", None, True, -1, float("nan"), float("inf")])
def test_what_is_no_time_is_refused(pace: Any) -> None:
    with pytest.raises(ValueError, match="a pace is in seconds, a number of 0 or more, not"):
        FaultServer(pace=pace)
    with pytest.raises(ValueError, match="a pace is in seconds"):
        Server(pace=pace)


@pytest.mark.parametrize("port", ["x", None, 1.5, -1, 65536])
def test_what_is_no_port_is_refused(port: Any) -> None:
    for server in (FaultServer(port), Server(port=port)):
        with pytest.raises((FaultServerError, ServerError), match=r"cannot listen on .*[^.]\. Choose another port"):
            server.start()


def test_several_servers_run_at_once_and_end_cleanly() -> None:
    before = own_threads()
    with FaultServer() as first, FaultServer() as second:
        assert first.base_url != second.base_url
        assert ask(first, openai_request("good")).status == ask(second, openai_request("good")).status == 200
        with pytest.raises(FaultServerError, match="already running"):
            first.start()
        with pytest.raises(FaultServerError, match=rf"cannot listen on 127\.0\.0\.1:{first.port}"):
            FaultServer(first.port).start()
    until(lambda: own_threads() <= before)
    assert first.requests("good") == 1
    with pytest.raises(FaultServerError, match="not running"):
        _ = first.base_url
    first.close()
    with first:
        assert ask(first, openai_request("good")).status == 200


def test_closing_ends_whatever_is_going_on() -> None:
    names = ("hang-before-headers", "hang-in-body", "slow-drip-headers", "slow-drip-pings")
    before = own_threads()
    with FaultServer(pace=3600) as server:
        waiting = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in (*names, "idle")]
        for name, connection in zip(names, waiting, strict=False):
            connection.sendall(openai_request(name))
        while any(not server.requests(name) for name in names):
            time.sleep(0.01)
    for connection in waiting:
        with connection, contextlib.suppress(ConnectionResetError):  # which is an end, too
            while connection.recv(65536):
                pass
    until(lambda: own_threads() <= before)


def test_a_client_that_leaves_ends_a_hang(server: FaultServer) -> None:
    before = threading.active_count()
    for name in ("hang-before-headers@left", "slow-drip-headers@left"):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(openai_request(name))
            while not server.requests(name):
                time.sleep(0.01)
    for _ in range(3000):
        if threading.active_count() <= before:
            break
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_connections_beyond_the_limit_wait_for_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolfan_local.faults.server.MOST_CONNECTIONS", 4)
    with FaultServer() as server:
        idle = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(4)]
        late = socket.create_connection(("127.0.0.1", server.port), timeout=0.5)
        late.sendall(openai_request("good"))
        with pytest.raises(TimeoutError):
            late.recv(1)
        for connection in idle:
            connection.close()
        late.settimeout(30)
        with late:
            assert late.recv(12) == b"HTTP/1.1 200"


def test_an_address_that_refuses(server: FaultServer) -> None:
    port = int(server.refused_url.rpartition(":")[2].removesuffix("/v1"))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
