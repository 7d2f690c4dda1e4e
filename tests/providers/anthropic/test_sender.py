"""The real anthropic SDK over loopback: what goes out, what comes back, and every kind of failure."""

from __future__ import annotations

import asyncio
import json
import pickle
import time
import traceback
from typing import TYPE_CHECKING, Any

import anthropic
import pytest
import toolfan
from anthropic_asking import GOOD, OSLO, TOKEN, VALUES, Asker, Search, Weather, failed, stream, whole
from anthropic_samples import COUNTED, events, message, on_the_wire, text, tool_use
from loopback import KEY, USER, http

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

    from loopback import FaultServer


@pytest.fixture(params=["sync", "async", "sync stream", "async stream"])
def ask(request: pytest.FixtureRequest) -> Asker:
    return Asker("async" in request.param, "stream" in request.param)


def sent(server: FaultServer) -> list[Any]:
    return [json.loads(body) for _, _, _, body in server.requests]


def test_calls_come_typed_with_what_was_said_about_them(ask: Asker, faulty: Any):
    server = faulty(ask.good())
    calls = ask(server.url)
    assert list(calls) == VALUES
    assert (calls.usage, calls.request_id, calls.model) == (COUNTED, "req_1", "claude-x-2026")
    assert calls.stop == toolfan.StopReason("calls", "tool_use")
    [(method, path, headers, _)] = server.requests
    assert (method, path) == ("POST", "/v1/messages")
    assert KEY in headers.get("x-api-key", "") + headers.get("authorization", "")
    assert headers["x-house-token"] == TOKEN
    [body] = sent(server)
    assert [tool["name"] for tool in body["tools"]] == ["Weather", "Search"]
    assert body.get("stream", False) is ask.streams


def test_only_what_failed_is_asked_again_and_the_turn_goes_back_as_it_came(ask: Asker, faulty: Any):
    thought = {"type": "thinking", "thinking": "Two of them.", "signature": "c2lnbmF0dXJl"}
    hidden = {"type": "redacted_thinking", "data": "c2VjcmV0"}
    wrong = tool_use("toolu_b", "Search", {"words": "rain"})
    first = message(thought, hidden, tool_use("toolu_a", "Weather", OSLO), wrong)
    second = message(tool_use("toolu_c", "Search", {"query": "rain"}))
    server = faulty(ask.good(first), ask.good(second))
    calls = ask(server.url)
    assert list(calls) == VALUES
    assert calls.usage == COUNTED + COUNTED
    user, assistant, results = sent(server)[1]["messages"]
    assert user["role"] == "user"
    assert assistant == {"role": "assistant", "content": first["content"]}
    accepted, refused = results["content"]
    assert (accepted["type"], accepted["tool_use_id"]) == ("tool_result", "toolu_a")
    assert "is_error" not in accepted
    assert (refused["tool_use_id"], refused["is_error"]) == ("toolu_b", True)
    assert "query" in refused["content"]


def test_a_turn_without_calls_is_asked_again(ask: Asker, faulty: Any):
    server = faulty(ask.good(message(text("I think."), stop="end_turn")), ask.good())
    assert list(ask(server.url, tool_choice="required")) == VALUES
    roles = [one["role"] for one in sent(server)[1]["messages"]]
    assert roles == ["user", "assistant", "user"]


@pytest.mark.parametrize(
    "fault",
    [failed(529, "overloaded_error"), failed(500, "api_error"), failed(429, "rate_limit_error", retry_after="0")],
)
def test_what_may_pass_is_asked_again(ask: Asker, faulty: Any, fault: bytes):
    server = faulty(fault, ask.good())
    calls = ask(server.url)
    assert list(calls) == VALUES
    assert (calls.requests, len(server.requests)) == (2, 2)


@pytest.mark.parametrize(
    ("answer", "error", "attributes"),
    [
        (failed(400, "invalid_request_error"), toolfan.RequestRejected, {"status": 400}),
        (failed(401, "authentication_error"), toolfan.AuthenticationError, {"status": 401}),
        (failed(402, "billing_error"), toolfan.QuotaExhausted, {"code": "billing_error"}),
        (failed(403, "permission_error"), toolfan.PermissionDenied, {"status": 403}),
        (failed(404, "not_found_error"), toolfan.RequestRejected, {"code": "not_found_error"}),
        (failed(413, "request_too_large"), toolfan.RequestRejected, {"status": 413}),
        (failed(429, "rate_limit_error", retry_after="99"), toolfan.RateLimited, {"retry_after": 99.0}),
        (failed(307, "moved", location="http://127.0.0.1:9/"), toolfan.BadResponse, {"status": 307}),
    ],
    ids=lambda value: None,
)
def test_what_does_not_pass_is_told(
    ask: Asker, faulty: Any, answer: bytes, error: type[toolfan.ProviderError], attributes: dict[str, Any]
):
    server = faulty(answer)
    with pytest.raises(error) as caught:
        ask(server.url)
    assert {name: getattr(caught.value, name) for name in attributes} == attributes
    assert caught.value.request_id == "req_1"
    assert (caught.value.requests, len(server.requests)) == (1, 1)


def test_an_overloaded_server_gives_up_after_three_tries(ask: Asker, faulty: Any):
    server = faulty(failed(529, "overloaded_error", "Overloaded"))
    with pytest.raises(toolfan.Unavailable, match=r"529 \(overloaded_error\): Overloaded") as caught:
        ask(server.url)
    assert (caught.value.requests, len(server.requests)) == (3, 3)


@pytest.mark.parametrize("body", ["<html>a proxy</html>", '{"id": "msg_1", "content": [', "", "[]", '{"hello": 1}'])
def test_what_is_no_message_is_a_bad_response(faulty: Any, body: str):
    for use_async in (False, True):
        with pytest.raises((toolfan.BadResponse, toolfan.ConnectionFailed)):
            Asker(use_async, streams=False)(faulty(http(body)).url, max_attempts=1)


def test_an_error_event_before_the_first_call_is_asked_again(faulty: Any):
    broken = [*events(GOOD)[:2], {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}]
    for use_async in (False, True):
        server = faulty(stream(broken), stream(GOOD))
        assert list(Asker(use_async, streams=True)(server.url)) == VALUES
        assert len(server.requests) == 2


@pytest.mark.parametrize("use_async", [False, True])
def test_a_stream_that_breaks_off_keeps_what_came(use_async: bool, faulty: Any):
    made = events(GOOD)
    at = next(index for index, event in enumerate(made) if event["type"] == "content_block_stop") + 1
    with pytest.raises(toolfan.IncompleteStream) as caught:
        Asker(use_async, streams=True)(faulty(stream(made[:at])).url)
    assert caught.value.calls is not None
    assert list(caught.value.calls) == VALUES[:1]
    assert caught.value.turn is not None
    assert caught.value.request_id == "req_1"


@pytest.mark.parametrize("use_async", [False, True])
def test_a_connection_that_stays_open_after_the_end_is_not_waited_for(use_async: bool, faulty: Any):
    def held(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + on_the_wire(events(GOOD)))
        handler.wfile.flush()
        time.sleep(3)

    started = time.monotonic()
    assert list(Asker(use_async, streams=True)(faulty(held).url)) == VALUES
    assert time.monotonic() - started < 2.5


def test_a_server_that_drips_is_left_at_the_deadline(ask: Asker, faulty: Any):
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
        for _ in range(100):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.1)

    started = time.monotonic()
    with pytest.raises(toolfan.DeadlineExceeded):
        ask(faulty(drip).url, deadline=0.4)
    assert time.monotonic() - started < 4


def test_a_client_of_the_sdk_keeps_the_deadline_by_itself(faulty: Any):
    adapter = toolfan.load_adapter("anthropic")
    with anthropic.Anthropic(api_key=KEY, base_url=faulty(whole(GOOD)).url) as sdk:
        transport: Any = adapter.transport(sdk, use_async=False)
        assert transport.keeps_deadline


def test_no_secret_is_told(ask: Asker, faulty: Any):
    echo = f"your key {KEY} and x-house-token {TOKEN}"
    error = {"type": "error", "error": {"type": "api_error", "message": echo}}
    for answer in (failed(401, "authentication_error", echo), stream([error]) if ask.streams else whole(error)):
        with pytest.raises(toolfan.ProviderError) as caught:
            ask(faulty(answer).url)
        told = [str(caught.value), repr(caught.value), "".join(traceback.format_exception(caught.value))]
        for secret in (KEY, TOKEN):
            assert not [one for one in told if secret in one]
            assert secret.encode() not in pickle.dumps(caught.value)


def test_a_refusal_is_told(ask: Asker, faulty: Any):
    details = {"type": "refusal", "category": "cyber", "explanation": "It could do harm."}
    server = faulty(ask.good(message(text("I"), stop="refusal", stop_details=details)))
    with pytest.raises(toolfan.Refused, match="It could do harm"):
        ask(server.url)
    assert len(server.requests) == 1


def test_a_call_that_was_cut_damages_no_other(faulty: Any):
    made = events(message(tool_use("toolu_a", "Weather", OSLO), tool_use("toolu_b", "Search", {"query": "rain"})))
    last = max(at for at, event in enumerate(made) if event.get("delta", {}).get("type") == "input_json_delta")
    made[-2]["delta"]["stop_reason"] = "max_tokens"
    for use_async in (False, True):
        server = faulty(stream([*made[:last], *made[last + 1 :]]))
        calls = Asker(use_async, streams=True)(server.url, on_invalid="keep")
        assert list(calls) == VALUES[:1]
        assert [type(bad.error) for bad in calls.failed] == [toolfan.TruncatedCall]


def test_early_results_of_tools_go_back(faulty: Any):
    def add(left: int, right: int) -> int:
        return left + right

    first = message(
        tool_use("toolu_a", "add", {"left": 1, "right": 2}), tool_use("toolu_b", "add", {"left": 3, "right": 4})
    )
    server = faulty(stream(first), stream(message(text("3 and 7"), stop="end_turn")))
    with anthropic.Anthropic(api_key=KEY, base_url=server.url.removesuffix("/v1")) as sdk:
        run = toolfan.wrap(sdk).run(model="m", messages=USER, tools=(add,), early=True)
    assert (run.stop, [result.value for result in run.results]) == ("text", [3, 7])
    results = sent(server)[1]["messages"][-1]["content"]
    assert [(one["tool_use_id"], one["content"]) for one in results] == [("toolu_a", "3"), ("toolu_b", "7")]


@pytest.mark.parametrize("use_async", [False, True])
def test_vertex_clients_of_the_sdk_are_served(use_async: bool, faulty: Any):
    vertex: Any = pytest.importorskip("anthropic.lib.vertex")
    kind = vertex.AsyncAnthropicVertex if use_async else vertex.AnthropicVertex
    server = faulty(whole(GOOD))
    sdk = kind(region="r", project_id="p", access_token=TOKEN, base_url=server.url)
    wire = toolfan.load_adapter("anthropic").build_request(
        toolfan.adapter.ToolRequest("claude-x", tuple(USER), toolfan.ToolSet([Weather, Search]))
    )
    transport: Any = toolfan.load_adapter("anthropic").transport(sdk, use_async=use_async)
    sending = transport.send(wire, timeout=5, headers={}, query={})
    answer = asyncio.run(sending) if use_async else sending
    assert answer.body == GOOD
    [(_, path, headers, _)] = server.requests
    assert path == "/v1/projects/p/locations/r/publishers/anthropic/models/claude-x:rawPredict"
    assert headers["authorization"] == f"Bearer {TOKEN}"
    [body] = sent(server)
    assert "model" not in body
    assert wire.body["model"] == "claude-x"
