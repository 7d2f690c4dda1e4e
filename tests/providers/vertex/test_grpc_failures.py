"""Statuses and answers of gRPC that the fault servers do not give, from a server of bare bytes."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import tenacity
import toolfan
from google_asking import WARNINGS, generative_model, grpc_client
from loopback import ONCE, USER, http, until
from toolfan.errors import AuthenticationError, BadResponse, ProviderError, RateLimited, RequestRejected, Unavailable
from vertex_samples import Ping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

grpc = pytest.importorskip("grpc", reason="grpcio is not installed")
pytest.importorskip("vertexai", reason="google-cloud-aiplatform is not installed")
pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]

TOKEN = "planted/Access+0815"
ASKED: dict[str, Any] = {"messages": USER, "tools": (Ping,)}


class BareServer(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Answers every call with `answer(context)`, bytes or an abort, and counts them."""

    def __init__(self) -> None:
        self.seen = 0
        self.answer: Any = None

    def service(self, details: Any) -> Any:
        if "Stream" in details.method:
            return grpc.unary_stream_rpc_method_handler(lambda _, context: iter([self.answered(context)]))
        return grpc.unary_unary_rpc_method_handler(lambda _, context: self.answered(context))

    def answered(self, context: Any) -> bytes:
        self.seen += 1
        return bytes(self.answer(context))


@pytest.fixture
def bare() -> Iterator[tuple[BareServer, str]]:
    handler = BareServer()
    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool, handlers=(handler,))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield handler, f"127.0.0.1:{port}"
        server.stop(None).wait()


def failure(target: str, kind: str) -> ProviderError:
    """What asking this server raises."""
    from google.oauth2.credentials import Credentials

    options: dict[str, Any] = {"adapter": "vertex", "model": "m", "wait": tenacity.wait_none()}
    sdk = generative_model("m", target, "grpc", Credentials(TOKEN))  # type: ignore[no-untyped-call]

    async def ask_async() -> None:
        sdk._prediction_async_client = grpc_client(target, use_async=True)
        client = toolfan.wrap_async(sdk, **options)
        try:
            if "stream" in kind:
                assert [one async for one in client.stream(**ASKED)] == "never"
            await client.create(**ASKED)
        finally:
            await sdk._prediction_async_client.transport.close()

    def ask() -> None:
        sdk._prediction_client = grpc_client(target, use_async=False)
        client = toolfan.wrap(sdk, **options)
        try:
            if "stream" in kind:
                assert [*client.stream(**ASKED)] == "never"
            client.create(**ASKED)
        finally:
            sdk._prediction_client.transport.close()

    with pytest.raises(ProviderError) as caught:
        asyncio.run(ask_async()) if "async" in kind else ask()
    return caught.value


def differs(context: Any) -> bytes:
    """A status whose details tell of another one."""
    context.set_trailing_metadata((("grpc-status-details-bin", b"\x08\x08\x12\x05other"),))
    return bytes(context.abort(grpc.StatusCode.UNAVAILABLE, "later"))


def aborts(name: str) -> Any:
    return lambda context: context.abort(grpc.StatusCode[name], "words of the server")


@pytest.mark.parametrize("kind", ["sync", "sync stream", "async", "async stream"])
@pytest.mark.parametrize(
    ("answer", "error", "requests"),
    [
        (aborts("UNKNOWN"), Unavailable, 3),
        (aborts("DATA_LOSS"), Unavailable, 3),
        (aborts("UNIMPLEMENTED"), Unavailable, 1),
        (differs, Unavailable, 3),
        (lambda _: b"\xff\xff no protobuf", BadResponse, 3),
        (lambda _: bytes(4 * 1024 * 1024 + 1), BadResponse, 1),
    ],
    ids=["UNKNOWN", "DATA_LOSS", "UNIMPLEMENTED", "differs", "junk", "large"],
)
def test_what_the_server_saw_was_sent(
    bare: tuple[BareServer, str], kind: str, answer: Any, error: Any, requests: int
) -> None:
    handler, target = bare
    handler.answer = answer
    raised = failure(target, kind)
    assert isinstance(raised, error)
    assert (raised.requests, handler.seen, raised.retryable) == (requests, requests, requests > 1)


LARGER = " message larger than max (9 vs. 4)"


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        ("CLIENT: Received", BadResponse, "the answer is larger than this client's own gRPC channel takes"),
        ("Received", BadResponse, r"options=\[\('grpc.max_receive_message_length', -1\)"),
        ("CLIENT: Sent", RequestRejected, "request is larger than this client's.*'grpc.max_send_message_length'"),
        ("SERVER: Received", RequestRejected, "request is larger than the service's gRPC takes: SERVER"),
        ("SERVER: Sent", RequestRejected, "the answer is larger than the service's gRPC takes"),
        ("grpc: received", RequestRejected, r"the service's gRPC takes: grpc: .* \(9 vs. 4\) \[adapter"),
    ],
)
def test_a_limit_of_size_is_no_limit_of_rate(bare: tuple[BareServer, str], words: str, error: Any, said: str) -> None:
    handler, target = bare
    handler.answer = lambda context: context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, words + LARGER)
    raised = failure(target, "sync")
    assert (type(raised), raised.retryable, handler.seen) == (error, False, 1)
    assert re.search(said, str(raised))


STATUSES = {"UNAUTHENTICATED": AuthenticationError, "RESOURCE_EXHAUSTED": RateLimited, "UNAVAILABLE": Unavailable}
RETRY_INFO = b"\n(type.googleapis.com/google.rpc.RetryInfo\x12\x02\xff\xff"
DETAILS = {
    "no status": b"\xff\xff",
    "another status": b"\x08\x05\x12\x05other",
    "other words": b"\x08%c\x12\x05other",
    "no detail": b"\x08%c\x12\x13words of the server\x1a" + bytes([len(RETRY_INFO)]) + RETRY_INFO,
}


@pytest.mark.parametrize("kind", ["sync", "sync stream", "async", "async stream"])
@pytest.mark.parametrize("details", DETAILS)
@pytest.mark.parametrize("status", STATUSES)
def test_a_status_counts_although_its_details_cannot_be_read(
    bare: tuple[BareServer, str], kind: str, details: str, status: str
) -> None:
    def answer(context: Any) -> bytes:
        code = grpc.StatusCode[status]
        context.set_trailing_metadata(
            (("grpc-status-details-bin", DETAILS[details].replace(b"%c", bytes([code.value[0]]))),)
        )
        return bytes(context.abort(code, "words of the server"))

    handler, target = bare
    handler.answer = answer
    raised = failure(target, kind)
    assert (type(raised), raised.code) == (STATUSES[status], status)
    assert "words of the server" in str(raised)
    assert raised.requests == handler.seen == (1 if status == "UNAUTHENTICATED" else 3)


@pytest.mark.parametrize("kind", ["sync", "sync stream", "async", "async stream"])
def test_bytes_that_are_no_message_are_told_in_the_same_words(bare: tuple[BareServer, str], kind: str) -> None:
    handler, target = bare
    handler.answer = lambda _: b"\xff\xff no protobuf"
    raised = failure(target, kind)
    assert (type(raised), raised.retryable) == (BadResponse, True)
    assert "the answer cannot be read: its bytes are no message of generateContent" in str(raised)
    assert "NoneType" not in str(raised)


@pytest.mark.parametrize("kind", ["sync", "sync stream", "async", "async stream"])
@pytest.mark.parametrize("status", ["INVALID_ARGUMENT", "UNKNOWN", "OUT_OF_RANGE", "UNAUTHENTICATED"])
def test_an_access_token_of_any_form_is_not_shown(bare: tuple[BareServer, str], kind: str, status: str) -> None:
    handler, target = bare
    handler.answer = lambda context: context.abort(grpc.StatusCode[status], f"not with {TOKEN}")
    raised = failure(target, kind)
    assert "not with ***" in str(raised)
    assert TOKEN not in "".join([*traceback.format_exception(raised), repr(vars(raised))])


REST = {
    "400": http(json.dumps({"error": {"code": 400, "message": f"not with {TOKEN}", "status": "FAILED"}}), 400),
    "escaped": http(json.dumps({"error": {"code": 400, "message": f"not with {TOKEN}"}}).replace("/", "\\/"), 400),
    "page": http(f"<p>not with {TOKEN}</p>", 403),
    "page for an answer": http(f"<p>not with {TOKEN}</p>"),
    "odd": http(json.dumps({"x": f"not with {TOKEN}"}), 500),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", REST)
def test_nor_over_rest(faulty: Callable[..., Any], kind: str, *, stream: bool) -> None:
    from google.oauth2.credentials import Credentials

    url = faulty(REST[kind]).url.removesuffix("/v1")
    sdk = generative_model("m", url, "rest", Credentials(TOKEN))  # type: ignore[no-untyped-call]
    client = toolfan.wrap(sdk, adapter="vertex", model="m", stop=ONCE)
    with pytest.raises(ProviderError) as caught:
        list(client.stream(**ASKED) if stream else client.create(**ASKED))
    assert "***" in str(caught.value) or kind in ("page for an answer", "odd")  # the SDK tells nothing of these
    shown = [*traceback.format_exception(caught.value), repr(vars(caught.value))]
    assert TOKEN not in "".join(shown)
    assert TOKEN.replace("/", "\\/") not in "".join(shown)


@pytest.mark.parametrize("stream", [False, True])
def test_a_good_answer_is_kept_without_it(faulty: Callable[..., Any], *, stream: bool) -> None:
    from google.oauth2.credentials import Credentials

    said = {"role": "model", "parts": [{"functionCall": {"name": "Ping", "args": {}}}, {"text": TOKEN}]}
    body = {"candidates": [{"content": said, "finishReason": "STOP"}], "modelVersion": f"m-{TOKEN}"}
    url = faulty(http(json.dumps([body] if stream else body))).url.removesuffix("/v1")
    sdk = generative_model("m", url, "rest", Credentials(TOKEN))  # type: ignore[no-untyped-call]
    client = toolfan.wrap(sdk, adapter="vertex", model="m", stop=ONCE)
    calls = client.stream(**ASKED).until_done() if stream else client.create(**ASKED)
    assert (list(calls), calls.model, calls.text) == ([Ping()], "m-***", TOKEN)
    assert f"m-{TOKEN}" not in f"{calls.raw} {calls.to_json()}"


@pytest.fixture
def hanging(bare: tuple[BareServer, str]) -> Iterator[tuple[Any, threading.Event, threading.Event]]:
    """A client of a server that does not answer; what is set when it is asked, and when it sees that the call ended."""
    handler, target = bare
    asked, left = threading.Event(), threading.Event()

    def hang(context: Any) -> bytes:
        context.add_callback(left.set)
        asked.set()
        left.wait(20)
        return b""

    handler.answer = hang
    sdk = generative_model("m", target, "grpc")
    sdk._prediction_client = grpc_client(target, use_async=False)
    yield toolfan.wrap(sdk, adapter="vertex", model="m", stop=ONCE), asked, left
    sdk._prediction_client.transport.close()
    assert handler.seen == 1


class Around:
    """What a program puts around the client in a model, and calculates with the timeout."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def generate_content(self, *given: Any, timeout: float, **named: Any) -> Any:
        return self.inner.generate_content(*given, timeout=min(timeout, 60), **named)

    def stream_generate_content(self, *given: Any, timeout: float, **named: Any) -> Any:
        return self.inner.stream_generate_content(*given, timeout=min(timeout, 60), **named)


@pytest.mark.parametrize("stream", [False, True])
def test_what_a_program_puts_around_the_client_is_given_a_number(bare: tuple[BareServer, str], *, stream: bool) -> None:
    handler, target = bare
    handler.answer = aborts("INVALID_ARGUMENT")
    sdk = generative_model("m", target, "grpc")
    sdk._prediction_client = Around(grpc_client(target, use_async=False))
    client = toolfan.wrap(sdk, adapter="vertex", model="m", stop=ONCE)
    with pytest.raises(RequestRejected, match="words of the server"):
        asks(client, stream=stream, deadline=5)
    sdk._prediction_client.transport.close()


def asks(client: Any, *, stream: bool, **options: Any) -> None:
    client.stream(**ASKED, **options).until_done() if stream else client.create(**ASKED, **options)


@pytest.mark.parametrize("stream", [False, True])
def test_a_request_that_nobody_waits_for_any_more_ends(
    hanging: tuple[Any, threading.Event, threading.Event], *, stream: bool
) -> None:
    client, _, left = hanging
    started = time.monotonic()
    with pytest.raises(toolfan.DeadlineExceeded):
        asks(client, stream=stream, deadline=0.3)
    assert time.monotonic() - started < 1.2
    assert left.wait(10)
    until(lambda: client.abandoned == 0)


@pytest.mark.parametrize("deadline", [600, None])
@pytest.mark.parametrize("stream", [False, True])
def test_ctrl_c_ends_the_call(
    hanging: tuple[Any, threading.Event, threading.Event], *, stream: bool, deadline: float | None
) -> None:
    client, asked, left = hanging
    main = threading.main_thread().ident or 0

    def interrupt() -> None:
        asked.wait(20)
        time.sleep(0.2)  # until the main thread waits for the worker
        signal.pthread_kill(main, signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        asks(client, stream=stream, deadline=deadline)
    assert left.wait(10), "the call goes on"
    until(lambda: client.abandoned == 0)
