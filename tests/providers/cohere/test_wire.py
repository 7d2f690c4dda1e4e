"""Cohere's v2 chat through the real SDK, sync and async, against a server on loopback."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from cohere_asking import MODEL, asked
from cohere_wire import answer, call, events, on_the_wire, text
from loopback import KEY, USER, http, until
from wrapped_ways import WAYS, Weather

if TYPE_CHECKING:
    from collections.abc import Callable


TWO = (call("w1", "Weather", {"location": "Zürich ☔", "days": 2}), call("w2", "Weather", {"location": "Dallas"}))
VALUES = [Weather(location="Zürich ☔", days=2), Weather(location="Dallas")]
PLAN = "I will look twice."


def sent(way: str, body: dict[str, Any]) -> bytes:
    """The answer as it goes over the network."""
    if way.endswith("whole"):
        return http(json.dumps(body), x_debug_trace_id="trace-1")
    return streamed(on_the_wire(events(body)))


def streamed(content: bytes) -> bytes:
    head, _, rest = http(content, x_debug_trace_id="trace-1").partition(b"\r\n\r\n")
    return head.replace(b"application/json", b"text/event-stream") + b"\r\n\r\n" + rest


@pytest.fixture
def made(cohere_client: Callable[..., Any]) -> Callable[..., Any]:
    """`made(way, *answers)`: a client for this way, and its server; a dict is sent as the way says."""

    def make(way: str, *answers: Any, **options: Any) -> tuple[Any, Any]:
        given = [sent(way, one) if isinstance(one, dict) else one for one in answers]
        return cohere_client(*given, use_async=way.startswith("async"), **options)

    return make


@pytest.mark.parametrize("way", WAYS)
def test_calls_come_through_the_real_client(made: Callable[..., Any], way: str) -> None:
    client, server = made(way, answer(*TWO, tool_plan=PLAN))
    calls = asked(way, client, max_tokens=99, strict=True, extra_headers={"X-Team": "blue"})
    assert list(calls) == VALUES
    assert [one.id for one in calls.outcomes] == ["w1", "w2"]
    assert (calls.stop.kind, calls.usage.total_tokens, calls.request_id, calls.text) == ("calls", 118, "trace-1", "")
    assert calls.turn.replay["tool_plan"] == PLAN
    assert calls.raw["message"]["tool_plan"] == PLAN
    [(method, path, headers, body)] = server.requests
    assert (method, path, headers["authorization"], headers["x-team"]) == ("POST", "/v2/chat", f"Bearer {KEY}", "blue")
    said = json.loads(body)
    assert said["messages"] == USER
    assert (said["max_tokens"], said["strict_tools"], said["stream"]) == (99, True, "streamed" in way)
    assert "tool_choice" not in said
    [tool] = said["tools"]
    assert tool["function"]["parameters"]["required"] == ["location"]


@pytest.mark.parametrize("way", WAYS)
def test_failed_calls_are_asked_again_in_the_providers_own_form(made: Callable[..., Any], way: str) -> None:
    bad = call("w2", "Weather", {"location": "Dallas", "days": "many"})
    first = answer(TWO[0], bad, tool_plan=PLAN)
    client, server = made(way, first, answer(call("w3", "Weather", {"location": "Dallas"})))
    assert list(asked(way, client)) == VALUES
    messages = json.loads(server.requests[1][3])["messages"]
    assert messages[1] == first["message"]
    assert [(message["role"], message.get("tool_call_id")) for message in messages[2:]] == [
        ("tool", "w1"),
        ("tool", "w2"),
    ]
    assert "days" in messages[3]["content"]


def test_what_chat_style_messages_become(made: Callable[..., Any]) -> None:
    client, server = made("whole", answer(*TWO))
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "Look"},
        {"role": "assistant", "content": None, "tool_calls": [TWO[1]]},
        {"role": "tool", "tool_call_id": "w2", "content": "sunny"},
    ]
    toolfan.wrap(client, model=MODEL).create(messages=messages, tools=[Weather], tool_choice="required")
    said = json.loads(server.requests[0][3])
    assert said["tool_choice"] == "REQUIRED"
    assert said["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Look"},
        {"role": "assistant", "tool_calls": [TWO[1]]},
        messages[3],
    ]


def test_an_image_in_a_result_is_refused(made: Callable[..., Any]) -> None:
    """Cohere takes texts and documents there; in a message of the user's it goes out."""
    client, server = made("whole", answer(*TWO))
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    seen = [{"type": "text", "text": "Seen."}]
    calls = [*USER, {"role": "assistant", "tool_calls": [TWO[1]]}]
    result = {"role": "tool", "tool_call_id": "w2", "content": [*seen, image]}
    asker = toolfan.wrap(client, model=MODEL)
    with pytest.raises(toolfan.Unsupported, match=r"messages\[2\] is the result of a call, and has an image"):
        asker.create(messages=[*calls, result], tools=[Weather])
    assert not server.requests
    messages = [*calls, {**result, "content": seen}, {"role": "user", "content": [image]}]
    asker.create(messages=messages, tools=[Weather])
    assert json.loads(server.requests[0][3])["messages"] == messages


@pytest.mark.parametrize("blank", [None, "", " \n", []], ids=repr)
def test_earlier_calls_with_a_blank_content_go_out_without_one(made: Callable[..., Any], blank: Any) -> None:
    client, server = made("whole", answer(*TWO))
    calls = {"role": "assistant", "tool_calls": [TWO[1]]}
    kept = [{"role": "tool", "tool_call_id": "w2", "content": "sunny"}, {**calls, "content": "And?"}]
    messages = [*USER, {**calls, "content": blank}, *kept, kept[0], {"role": "user", "content": "Go."}]
    toolfan.wrap(client, model=MODEL).create(messages=messages, tools=[Weather])
    assert json.loads(server.requests[0][3])["messages"] == [*USER, calls, *kept, kept[0], messages[-1]]


def test_a_blank_result_is_told_in_a_text_that_is_not_empty(made: Callable[..., Any]) -> None:
    client, server = made("whole", answer(*TWO), answer(content=text("done")))

    @toolfan.tool(name="Weather")
    def weather(location: str, days: int = 1) -> str:
        return "" if days > 1 else " "

    done = toolfan.wrap(client, model=MODEL).run(messages=USER, tools=[weather])
    assert [result.value for result in done.results] == ["", " "]
    said = json.loads(server.requests[1][3])["messages"]
    assert [one["content"] for one in said[2:]] == ['{"result":""}', '{"result":" "}']


@pytest.mark.parametrize("way", ["whole", "streamed", "async streamed"])
@pytest.mark.parametrize(
    ("status", "error", "retryable"),
    [
        (400, toolfan.RequestRejected, False),
        (401, toolfan.AuthenticationError, False),
        (402, toolfan.QuotaExhausted, False),
        (403, toolfan.PermissionDenied, False),
        (404, toolfan.RequestRejected, False),
        (429, toolfan.RateLimited, True),
        (498, toolfan.ContentFiltered, False),
        (500, toolfan.Unavailable, True),
        (503, toolfan.Unavailable, True),
    ],
)
def test_errors_of_the_service_are_told_and_sent_once(
    made: Callable[..., Any], way: str, status: int, error: type[toolfan.ProviderError], retryable: bool
) -> None:
    body = json.dumps({"id": "e-1", "message": f"planted words, and your key {KEY}"})
    client, server = made(way, http(body, status, x_debug_trace_id="trace-9", retry_after="7"))
    with pytest.raises(error, match="planted words") as caught:
        asked(way, client)
    assert type(caught.value) is error
    assert (caught.value.status, caught.value.request_id) == (status, "trace-9")
    assert caught.value.retryable is retryable
    assert len(server.requests) == 1  # though the client's own retries are on
    assert KEY not in f"{caught.value!r} {caught.value} {caught.value.__cause__} {client!r}"


def test_toolfans_retries_are_the_only_ones(made: Callable[..., Any]) -> None:
    down = http(json.dumps({"message": "down"}), 503)
    client, server = made("whole", down, down, answer(*TWO))
    calls = toolfan.wrap(client, wait=lambda state: 0).create(model=MODEL, messages=USER, tools=[Weather])
    assert list(calls) == VALUES
    assert calls.requests == len(server.requests) == 3


@pytest.mark.parametrize("way", ["streamed", "async streamed"])
def test_an_error_in_a_stream_is_told(made: Callable[..., Any], way: str) -> None:
    said = events(answer(content=text("It")))[:3]
    said.append({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": f"it broke: {KEY}"}})
    client, _ = made(way, streamed(on_the_wire(said)))
    with pytest.raises(toolfan.Unavailable, match="it broke") as caught:
        asked(way, client)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("reason", ["ERROR", "TIMEOUT", "error"])
def test_an_answer_that_ends_with_an_error_is_no_success(made: Callable[..., Any], reason: str) -> None:
    """Though it does not say which."""
    for way in WAYS:
        body = answer(*TWO, finish=reason)
        client, _ = made(way, body if way.endswith("whole") else streamed(on_the_wire(events(body))))
        with pytest.raises(toolfan.Unavailable, match=f"ended with {reason}") as caught:
            asked(way, client)
        assert list(caught.value.calls or ()) == VALUES


@pytest.mark.parametrize("way", ["streamed", "async streamed"])
@pytest.mark.parametrize("cut", ["between events", "the connection"])
def test_a_stream_that_is_cut_keeps_the_calls_before(made: Callable[..., Any], way: str, cut: str) -> None:
    content = on_the_wire(events(answer(*TWO))[:-1]).replace(b"data: [DONE]\n\n", b"")
    body = streamed(content)
    if cut == "the connection":
        body = body.replace(b"content-length: %d" % len(content), b"content-length: %d" % (len(content) + 500))
    client, _ = made(way, body)
    with pytest.raises(toolfan.IncompleteStream) as caught:
        asked(way, client)
    assert list(caught.value.calls or ()) == VALUES
    assert caught.value.turn is not None
    assert [one.id for one in caught.value.turn.calls] == ["w1", "w2"]


@pytest.mark.parametrize("way", ["whole", "async whole", "streamed"])
@pytest.mark.parametrize("body", ["<html>nope</html>", '{"message": {"cont', "{}", "[1]", '{"message": 7}'])
def test_what_is_no_answer_is_a_bad_response(made: Callable[..., Any], way: str, body: str) -> None:
    client, _ = made(way, http(body))
    with pytest.raises((toolfan.BadResponse, toolfan.IncompleteStream)):
        asked(way, client)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_odd_harms_nothing_else(made: Callable[..., Any], way: str) -> None:
    odd = answer(TWO[0], call("w2", "Weather", '{"location": "Dallas"'), call("w3", "Nope", {}), TWO[1])
    client, server = made(way, odd, answer(finish="COMPLETE", content=text("Enough.")))
    with pytest.raises(toolfan.InvalidCalls) as caught:
        asked(way, client, max_attempts=2)
    assert caught.value.calls is not None
    assert [one.value for one in caught.value.calls.good] == VALUES
    said = json.loads(server.requests[1][3])["messages"]
    ids = [one["id"] for one in said[1]["tool_calls"]]
    assert len(set(ids)) == 4
    assert [message["tool_call_id"] for message in said[2:]] == ids


@pytest.mark.parametrize("at_once", [False, True])
def test_calls_that_come_in_a_list_are_read(made: Callable[..., Any], at_once: bool) -> None:
    """Each in a list of one, or all in one list."""
    begun, *_, ended = events(answer(*TWO))
    lists = [list(TWO)] if at_once else [[one] for one in TWO]
    said = [
        event
        for at, calls in enumerate(lists)
        for event in (
            {"type": "tool-call-start", "index": at, "delta": {"message": {"tool_calls": calls}}},
            {"type": "tool-call-end", "index": at},
        )
    ]
    client, _ = made("streamed", streamed(on_the_wire([begun, *said, ended])))
    calls = asked("streamed", client)
    assert list(calls) == VALUES
    assert [call.id for call in calls.outcomes] == ["w1", "w2"]


@pytest.mark.parametrize("way", ["streamed", "async streamed"])
def test_a_whole_answer_where_events_were_asked_for_is_read(made: Callable[..., Any], way: str) -> None:
    body = answer(*TWO, tool_plan=PLAN, content=text("Two places."))
    client, _ = made(way, http(json.dumps(body)))
    calls = asked(way, client)
    assert (list(calls), calls.text, calls.stop.kind) == (VALUES, "Two places.", "calls")
    assert calls.usage.total_tokens == 118
    assert calls.reply({"w1": "a", "w2": "b"})[0] == body["message"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("arguments", ["", "{", "null"])
@pytest.mark.parametrize("call_id", ["w1", ""])
def test_a_call_without_a_name_is_not_lost_beside_text(
    made: Callable[..., Any], way: str, arguments: str, call_id: str
) -> None:
    client, _ = made(way, answer(call(call_id, "", arguments), TWO[1], content=text("Two places.")))
    calls = asked(way, client, on_invalid="keep")
    assert [(one.id, type(one)) for one in calls.outcomes] == [
        (call_id or "call_0", toolfan.BadCall),
        ("w2", toolfan.Call),
    ]


@pytest.mark.parametrize("function", [{}, {"function": None}])
def test_a_call_without_a_function_keeps_its_id(made: Callable[..., Any], function: dict[str, Any]) -> None:
    """As in a stream: the SDK's own type lets the function be missing."""
    entry = {"id": "w1", "type": "function", **function}
    client, _ = made("whole", answer(entry, TWO[1]))
    calls = asked("whole", client, on_invalid="keep")
    assert [(one.id, one.name) for one in calls.outcomes] == [("w1", ""), ("w2", "Weather")]
    assert json.loads(calls.failed[0].raw.arguments) == entry
    parser = toolfan.load_adapter("cohere").stream_parser()
    for event in ("tool-call-start", "tool-call-end", "message-end"):
        parser.feed({"type": event, "index": 0, "delta": {"message": {"tool_calls": entry}}})
    assert [(one.id, one.name) for one in parser.close().calls] == [("w1", "")]


def test_a_refused_connection_is_told(made: Callable[..., Any]) -> None:
    client, server = made("whole", b"")
    server.close()
    with pytest.raises(toolfan.ConnectionFailed):
        asked("whole", client)


@pytest.mark.parametrize("way", WAYS)
def test_the_deadline_returns_control(made: Callable[..., Any], way: str) -> None:
    free = threading.Event()
    client, _ = made(way, lambda handler: free.wait(20))
    started = time.monotonic()
    with pytest.raises(toolfan.DeadlineExceeded):
        asked(way, client, deadline=0.4)
    assert time.monotonic() - started < 5
    free.set()


@pytest.mark.parametrize("way", ["streamed", "async streamed"])
def test_a_stream_that_is_left_closes_its_connection(made: Callable[..., Any], way: str) -> None:
    gone = threading.Event()

    def endless(handler: Any) -> None:
        head, _, _ = streamed(b"").partition(b"\r\n\r\n")
        try:
            handler.wfile.write(head.replace(b"content-length: 0\r\n", b"") + b"\r\n\r\n")
            handler.wfile.write(on_the_wire(events(answer(*TWO))[:-3]).replace(b"data: [DONE]\n\n", b""))
            while not gone.is_set():
                handler.wfile.write(b": still here\n\n")
                time.sleep(0.01)
        except OSError:
            gone.set()

    client, _ = made(way, endless)
    arguments: dict[str, Any] = {"model": MODEL, "messages": USER, "tools": [Weather]}
    if way == "streamed":
        with toolfan.wrap(client).stream(**arguments) as stream:
            assert next(iter(stream)).value == VALUES[0]
    else:

        async def main() -> None:
            async with toolfan.wrap_async(client).stream(**arguments) as stream:
                async for one in stream:
                    assert one.value == VALUES[0]
                    break
            await client._client_wrapper.httpx_client.httpx_client.aclose()

        asyncio.run(main())
    until(gone.is_set)


@pytest.mark.parametrize("way", ["streamed", "async streamed"])
def test_the_end_of_the_answer_is_the_end(made: Callable[..., Any], way: str) -> None:
    """Though the server keeps the connection open."""

    def linger(handler: Any) -> None:
        said = on_the_wire(events(answer(*TWO))).removesuffix(b"data: [DONE]\n\n")
        handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + said)
        handler.wfile.flush()
        time.sleep(6)

    client, _ = made(way, linger)
    started = time.monotonic()
    assert list(asked(way, client, deadline=30)) == VALUES
    assert time.monotonic() - started < 3


def test_closing_a_stream_from_another_thread_ends_the_read(made: Callable[..., Any]) -> None:
    free, waiting = threading.Event(), threading.Event()

    def hang(handler: Any) -> None:
        head, _, _ = streamed(b"").partition(b"\r\n\r\n")
        handler.wfile.write(head.replace(b"content-length: 0\r\n", b"") + b"\r\n\r\n")
        handler.wfile.write(on_the_wire(events(answer(*TWO))[:-3]).replace(b"data: [DONE]\n\n", b""))
        handler.wfile.flush()
        free.wait(20)

    client, _ = made("streamed", hang)
    stream = toolfan.wrap(client).stream(model=MODEL, messages=USER, tools=[Weather])
    found: list[Any] = []

    def read() -> None:
        for one in stream:
            found.append(one)
            waiting.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    assert waiting.wait(5)
    time.sleep(0.1)
    stream.close()
    reader.join(5)
    assert not reader.is_alive()
    assert [one.value for one in found] == VALUES[:1]
    free.set()
