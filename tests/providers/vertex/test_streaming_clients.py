"""Streams through the vendors' own clients over loopback: nothing is lost on the way, and leaving early ends them."""

from __future__ import annotations

import contextlib
import json
from threading import Event, Timer
from time import monotonic
from typing import Any

import pytest
import toolfan
from google_asking import GENAI, GRPC, HTTP, WARNINGS, GoogleClients, need
from loopback import KEY, ONCE, USER, http
from vertex_samples import GoogleSearch, Weather, call
from vertex_streams import END, as_bytes, chunk, decoded, said, streamed, wanted

pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]
TOOLS = (Weather, GoogleSearch)
WEATHER = {"location": "Toronto", "units": "metric"}
SIGNED = {**call("Weather", args={**WEATHER, "units": "x"}), "thoughtSignature": "c2lnbmVk+/=="}


def sse(*events: Any) -> bytes:
    return b"".join(f"data: {json.dumps(event)}\r\n\r\n".encode() for event in events)


def streamed_http(data: bytes, **headers: str) -> bytes:
    return http(data.decode(), content_type="text/event-stream", **headers)


@pytest.fixture
def google(request: pytest.FixtureRequest):
    """`google(address)`: clients of the kind that the test names."""
    need(request.param)
    with contextlib.ExitStack() as stack:
        yield lambda address: GoogleClients(request.param, address, stack)


def of(*kinds: str) -> Any:
    return pytest.mark.parametrize("google", kinds, indirect=True)


def asked(google: GoogleClients, **options: Any) -> tuple[list[Any], Any]:
    """What a stream delivers, and its calls."""
    options = {"messages": USER, "tools": TOOLS, **options}
    client = google.client("gemini-x", stop=ONCE)

    def ask() -> tuple[list[Any], Any]:
        stream = client.stream(**options)
        return [*stream], stream.calls

    async def ask_async() -> tuple[list[Any], Any]:
        stream = client.stream(**options)
        return [outcome async for outcome in stream], stream.calls

    return google.run(ask_async if google.runner else ask)


@of("gemini", "vertex async")
def test_recorded_streams_come_through_the_sdk_as_they_are(google, faulty):
    rows = streamed()
    server = faulty(*(http(as_bytes(row).decode(), content_type="text/event-stream") for row in rows))
    clients = google(server.url)
    for row in rows:
        delivered, calls = asked(clients, on_invalid="keep")
        assert repr(said(calls.turn)) == repr(wanted(row)), row["id"]
        assert len(delivered) == len(calls.outcomes) == len(row["expected"])
        assert calls.text == (row["text"] or "")
    assert {path.rpartition(":")[2] for _, path, _, _ in server.requests} == {"streamGenerateContent?alt=sse"}


@of("rest")
def test_recorded_streams_come_through_generative_model_as_its_protobuf_has_them(google, faulty):
    rows = streamed()
    arrays = [json.dumps(decoded(as_bytes(row))) for row in rows]
    clients = google(faulty(*map(http, arrays)).url.removesuffix("/v1"))
    for row in rows:
        _, calls = asked(clients, on_invalid="keep")
        assert said(calls.turn) == [(name, arguments, None) for name, arguments, _ in wanted(row)], row["id"]
        assert calls.text == (row["text"] or "")


@of(*GENAI)
def test_digits_order_unknown_fields_and_the_head_are_kept(google, faulty):
    arguments = {"z": 12345678901234567890, "a": 1.0, "location": "x\u2028y\x85z", "units": "metric"}
    part = {**call("Weather", args=arguments, id="call-7", newField=1), "thoughtSignature": "c2ln+/=="}
    server = faulty(streamed_http(sse(chunk(part), END), x_request_id="req-1", x_other="o"))
    _, calls = asked(google(server.url))
    (outcome,) = calls.outcomes
    assert outcome.raw.arguments == '{"z":12345678901234567890,"a":1.0,"location":"x\u2028y\x85z","units":"metric"}'
    assert (outcome.id, calls.request_id, calls.headers["x-other"]) == ("call-7", "req-1", "o")
    assert calls.turn.replay == {"role": "model", "parts": [part]}
    assert calls.raw["candidates"][0] == {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}
    (_, path, headers, body) = server.requests[0]
    assert path.endswith("models/gemini-x:streamGenerateContent?alt=sse")
    assert json.loads(body).keys() == {"contents", "tools", "toolConfig"}
    assert "content-type" in headers


@of(*GENAI)
def test_what_the_client_sends_along_by_itself_is_sent_once(google, faulty):
    server = faulty(streamed_http(sse(chunk(call("GoogleSearch", args={"query": "q"})), END)))
    clients = google(server.url)
    options = clients._sdk._api_client._http_options
    options.extra_body = {"tools": [{"googleSearch": {}}], "labels": {"a": "b"}}
    asked(clients, extra_headers={"x-mine": "1"})
    (_, _, headers, body) = server.requests[0]
    sent = json.loads(body)
    assert [*map(list, sent["tools"])] == [["functionDeclarations"], ["googleSearch"]]
    assert (sent["labels"], headers["x-mine"]) == ({"a": "b"}, "1")


@of(*GENAI)
def test_the_model_s_turn_goes_back_in_one_content_with_its_signatures(google, faulty):
    """Asked again after a stream: all parts of all chunks, in order, and one answer for each call."""
    first = sse(
        chunk({"text": "Let me"}),
        chunk({"text": " see."}),
        chunk(SIGNED),
        chunk(call("GoogleSearch", args={"query": "q"})),
        END,
    )
    again = sse(chunk({**call("Weather", args=WEATHER), "thoughtSignature": "bmV4dA=="}), END)
    server = faulty(streamed_http(first), streamed_http(again))
    delivered, calls = asked(google(server.url))
    assert [(outcome.index, outcome.attempt) for outcome in delivered] == [(0, 1), (1, 1), (0, 2)]
    assert list(calls) == [Weather(**WEATHER), GoogleSearch(query="q")]
    _, model, answers = json.loads(server.requests[1][3])["contents"]
    parts = [{"text": "Let me see."}, SIGNED, call("GoogleSearch", args={"query": "q"})]
    assert model == {"role": "model", "parts": parts}
    assert [part["functionResponse"]["name"] for part in answers["parts"]] == ["Weather", "GoogleSearch"]


@of("vertex", "vertex async")
def test_arguments_come_in_pieces_where_they_are_asked_for(google, serve):
    server = serve({"calls": [{"name": "Weather", "arguments": WEATHER}]})
    wanted = {"toolConfig": {"functionCallingConfig": {"streamFunctionCallArguments": True}}}
    _, calls = asked(google(server.base_url), extra_body=wanted)
    assert list(calls) == [Weather(**WEATHER)]
    (part,) = calls.turn.replay["parts"]
    assert part["functionCall"]["args"] == WEATHER
    assert server.requests[0].body["toolConfig"]["functionCallingConfig"]["streamFunctionCallArguments"] is True


@of(*GENAI)
def test_an_error_in_the_stream_shows_no_secret(google, faulty):
    error = {"code": 400, "message": f"No such key: {KEY}", "status": "INVALID_ARGUMENT"}
    clients = google(faulty(streamed_http(sse({"error": error}))).url)
    with pytest.raises(toolfan.RequestRejected, match="No such key") as caught:
        asked(clients, extra_headers={"x-goog-api-key": KEY})
    assert KEY not in str(caught.value)


@of(*GENAI)
def test_without_the_inner_methods_the_sdk_s_own_stream_serves(google, faulty, monkeypatch):
    monkeypatch.setattr("toolfan_vertex.genai._Sender._hands_out_unread", False)
    piece = {"jsonPath": "$.query", "nullValue": "NULL_VALUE"}
    events = [
        chunk({"text": "Hm", "thought": True}),
        chunk({**call("Weather", args={**WEATHER, "n": 12345678901234567890}, id="x"), "thoughtSignature": "c2ln"}),
        chunk({"functionCall": {"name": "GoogleSearch", "partialArgs": [piece], "willContinue": True}}),
        {**END, "usageMetadata": {"promptTokenCount": 3}, "modelVersion": "m"},
    ]
    server = faulty(streamed_http(sse(*events)))
    _, calls = asked(google(server.url), on_invalid="keep")
    assert [outcome.raw.arguments for outcome in calls.outcomes] == [
        '{"location":"Toronto","units":"metric","n":12345678901234567890}',
        '{"query":null}',
    ]
    assert (calls.outcomes[0].id, calls.usage.input_tokens, calls.stop.kind) == ("x", 3, "calls")
    assert [part.get("thoughtSignature") for part in calls.turn.replay["parts"]] == [None, "c2ln", None]
    assert len(server.requests) == 1
    with pytest.raises(toolfan.RateLimited):
        asked(google(faulty(http(json.dumps({"error": {"code": 429, "message": "m"}}), 429)).url))


class Leaving:
    """A server that streams one call and then tells whether the connection was closed."""

    def __init__(self) -> None:
        self.closed = Event()

    def __call__(self, handler: Any) -> None:
        event = json.dumps(chunk(call("GoogleSearch", args={"query": "q"}))).encode()
        data = b"data: %b\r\n\r\n" % event if "alt=sse" in handler.path else b"[%b,\r\n" % event
        handler.wfile.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n"
            % (len(data), data)
        )
        handler.connection.settimeout(10)
        with contextlib.suppress(ConnectionResetError):
            assert handler.connection.recv(1) == b""
        self.closed.set()


def left(google: GoogleClients) -> None:
    """The first call of a stream, which is then left."""
    client = google.client("gemini-x")

    def leave() -> None:
        with client.stream(messages=USER, tools=TOOLS) as stream:
            assert next(stream).value == GoogleSearch(query="q")

    async def leave_async() -> None:
        async with client.stream(messages=USER, tools=TOOLS) as stream:
            assert (await anext(stream)).value == GoogleSearch(query="q")

    google.run(leave_async if google.runner else leave)


@of(*HTTP)
def test_leaving_early_closes_the_connection(google, faulty):
    leaving = Leaving()
    left(google(faulty(leaving).url.removesuffix("/v1")))
    assert leaving.closed.wait(5)


@of("gemini", "rest")
def test_another_thread_that_closes_a_silent_stream_ends_it(google, faulty):
    """At once, though the thread that reads waits for the service."""
    leaving = Leaving()
    client = google(faulty(leaving).url.removesuffix("/v1")).client("gemini-x")
    stream = client.stream(messages=USER, tools=TOOLS)
    assert next(stream).value == GoogleSearch(query="q")
    Timer(0.1, stream.close).start()
    started = monotonic()
    assert list(stream) == []
    assert monotonic() - started < 5
    assert leaving.closed.wait(5)


@of(*GRPC)
def test_leaving_early_cancels_the_call_of_grpc(google):
    from concurrent.futures import ThreadPoolExecutor

    import grpc
    from google.cloud.aiplatform_v1 import GenerateContentRequest, GenerateContentResponse

    cancelled = Event()

    def stream(_: Any, context: Any) -> Any:
        context.add_callback(cancelled.set)
        yield GenerateContentResponse.from_json(json.dumps(chunk(call("GoogleSearch", args={"query": "q"}))))
        cancelled.wait(10)

    handler = grpc.unary_stream_rpc_method_handler(
        stream, GenerateContentRequest.deserialize, GenerateContentResponse.serialize
    )
    service = "google.cloud.aiplatform.v1.PredictionService"
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {"StreamGenerateContent": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        left(google(f"127.0.0.1:{port}"))
        assert cancelled.wait(5)
    finally:
        server.stop(None)


@of(*HTTP)
def test_a_stream_has_a_system_instruction_too(google, faulty):
    array = [chunk(call("GoogleSearch", args={"query": "q"})), END]
    server = faulty(http(json.dumps(array)))
    messages = [{"role": "system", "content": "Be brief."}, *USER]
    _, calls = asked(google(server.url.removesuffix("/v1")), messages=messages)
    assert list(calls) == [GoogleSearch(query="q")]
    (_, _, _, body) = server.requests[0]
    assert json.loads(body)["systemInstruction"]["parts"] == [{"text": "Be brief."}]


@of(*GENAI)
@pytest.mark.parametrize("goes_on", [True, False], ids=["text goes on", "text is whole"])
@pytest.mark.parametrize("ending", ["a finish reason", "another call"])
def test_a_text_that_was_to_go_on_makes_a_call_that_was_cut(google, faulty, goes_on, ending):
    piece = {"jsonPath": "$.query", "stringValue": "where to e", **({"willContinue": True} if goes_on else {})}
    events = [chunk({"functionCall": {"name": "GoogleSearch", "partialArgs": [piece], "willContinue": True}})]
    if ending == "another call":
        events.append(chunk(call("Weather", args=WEATHER)))
    server = faulty(streamed_http(sse(*events, END)))
    _, calls = asked(google(server.url), on_invalid="keep")
    first, *others = calls.outcomes
    assert isinstance(first, toolfan.BadCall) is goes_on
    assert first.raw.arguments == ('{"query":"where to e"' if goes_on else '{"query":"where to e"}')
    assert [one.value for one in others] == ([Weather(**WEATHER)] if ending == "another call" else [])
