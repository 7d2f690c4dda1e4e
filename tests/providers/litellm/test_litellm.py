"""The real LiteLLM against servers on loopback: sync, async, streamed, asked again, failing."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from anthropic_samples import events as message_events
from anthropic_samples import message, on_the_wire, text, tool_use
from loopback import KEY, ONCE, USER, Bench, FaultServer, call, completion, http
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable

WHY = "toolfan-litellm has an environment of its own"
if find_spec("litellm") is None:  # not importorskip: importing it is the subject here
    pytest.skip(f"litellm is not installed: {WHY}", allow_module_level=True)
LiteLLMClient = pytest.importorskip("toolfan_litellm", reason=WHY).LiteLLMClient

# LiteLLM's modules warn when they are first used, and its connections stay open for the next caller.
pytestmark = pytest.mark.filterwarnings("ignore")
MODEL = "openai/any"
TWO = {"calls": [{"name": "A", "arguments": {"x": 1}}, {"name": "A", "arguments": {"x": 2}}]}
MODES = ["create", "stream", "create_async", "stream_async"]


class A(BaseModel):
    x: int


def ask(mode: str, url: str, *, sdk: Any = None, stop: Any = ONCE, **options: Any) -> toolfan.Calls[Any]:
    """One question in this way."""
    options = {"messages": USER, "response_model": Iterable[A], **options}
    given: dict[str, Any] = {"model": MODEL, "stop": stop, "adapter": "litellm"}
    sdk = sdk or LiteLLMClient(api_key=KEY, base_url=url)

    async def awaited() -> toolfan.Calls[Any]:
        client = toolfan.wrap_async(sdk, **given)
        if mode == "create_async":
            return await client.create(**options)
        return await client.stream(**options).until_done()

    if mode.endswith("async"):
        return asyncio.run(awaited())
    client = toolfan.wrap(sdk, **given)
    return client.create(**options) if mode == "create" else client.stream(**options).until_done()


@pytest.mark.parametrize("mode", MODES)
def test_several_typed_calls_come_out(bench: Bench, mode: str) -> None:
    server = bench.serve(TWO)
    calls = ask(mode, server.openai_url)
    assert list(calls) == [A(x=1), A(x=2)]
    assert (calls.stop.kind, calls.attempts, calls.requests) == ("calls", 1, 1)
    assert calls.usage.total_tokens
    assert calls.request_id
    (request,) = server.requests
    streamed = {"stream": True, "stream_options": {"include_usage": True}} if mode.startswith("stream") else {}
    assert request.body == streamed | {
        "model": "any",
        "messages": USER,
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "A",
                    "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]},
                },
            }
        ],
    }


@pytest.mark.parametrize("mode", MODES)
def test_failed_calls_are_asked_for_again(bench: Bench, mode: str) -> None:
    wrong = {"calls": [{"name": "A", "arguments": {"x": 1}}, {"name": "A", "arguments": {"x": "no"}}]}
    server = bench.serve(wrong, {"calls": [{"name": "A", "arguments": {"x": 2}}]})
    calls = ask(mode, server.openai_url)
    assert list(calls) == [A(x=1), A(x=2)]
    assert calls.attempts == 2
    said, accepted, told = server.requests[1].body["messages"][1:]
    assert {entry["id"] for entry in said["tool_calls"]} == {accepted["tool_call_id"], told["tool_call_id"]}
    assert "x: Input should be a valid integer" in told["content"]


def events(*choices: dict[str, Any]) -> bytes:
    """A streamed answer of chunks with these choices."""
    about = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    lines = [json.dumps({**about, "choices": [{"index": 0, **choice}]}) for choice in choices]
    return http("".join(f"data: {line}\n\n" for line in lines), content_type="text/event-stream")


@pytest.mark.parametrize("mode", MODES)
def test_thoughts_go_back_as_they_came(faulty: Callable[..., FaultServer], mode: str) -> None:
    """LiteLLM streams each block of them in pieces, the signature last; Anthropic refuses a block that was changed."""
    said = [
        {"type": "thinking", "thinking": "Let me think…", "signature": "SIG+/=abc"},
        {"type": "redacted_thinking", "data": "RED=="},
        {"type": "thinking", "thinking": "more", "signature": "S2"},
        {"type": "thinking", "thinking": "and more", "signature": "S3"},
        text("Two."),
    ]
    made = [message(*said, tool_use("t1", "A", {"x": given}), stop="tool_use") for given in ("no", 1)]
    streamed = "stream" in mode
    server = faulty(
        *(
            http(on_the_wire(message_events(one)), content_type="text/event-stream")
            if streamed
            else http(json.dumps(one))
            for one in made
        )
    )
    options = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 4000}
    url = server.url.removesuffix("/v1")
    assert list(ask(mode, url, model="anthropic/claude-sonnet-4-5", **options)) == [A(x=1)]
    _, again = [json.loads(body) for _, _, _, body in server.requests]
    assert again["messages"][1]["content"][: len(said)] == said


@pytest.mark.parametrize("mode", ["create", "create_async"])
def test_a_refusal_is_told(faulty: Callable[..., FaultServer], mode: str) -> None:
    with pytest.raises(toolfan.Refused, match="I will not"):
        ask(mode, faulty(http(json.dumps(completion(finish="stop", refusal="I will not.")))).url)


@pytest.mark.parametrize("mode", ["stream", "stream_async"])
def test_a_refusal_in_a_stream_is_told(faulty: Callable[..., FaultServer], mode: str) -> None:
    """LiteLLM hands on the piece that comes with the role, and leaves out the others."""
    pieces = [{"delta": {"role": "assistant", "refusal": "I will"}}, {"delta": {"refusal": " not."}}]
    with pytest.raises(toolfan.Refused, match="I will"):
        ask(mode, faulty(events(*pieces, {"delta": {}, "finish_reason": "stop"})).url)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"error": {"message": f"the key {KEY} is wrong"}}, toolfan.AuthenticationError),
        (429, {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, toolfan.RateLimited),
        (429, {"error": {"message": "pay first", "code": "insufficient_quota"}}, toolfan.QuotaExhausted),
        (400, {"error": {"message": "no such tool"}}, toolfan.RequestRejected),
        (404, {"error": {"message": "no such model"}}, toolfan.RequestRejected),
        (418, {"error": {"message": "a teapot"}}, toolfan.RequestRejected),
        (503, {"error": {"message": "later"}}, toolfan.Unavailable),
    ],
)
def test_an_error_of_the_service_is_told_once_and_without_the_key(
    faulty: Callable[..., FaultServer], mode: str, status: int, body: Any, kind: type[toolfan.ProviderError]
) -> None:
    server = faulty(http(json.dumps(body), status, retry_after="7", x_request_id="req-9"))
    with pytest.raises(kind) as caught:
        ask(mode, server.url)
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.adapter, error.requests, len(server.requests)) == (status, "litellm", 1, 1)
    assert error.request_id == "req-9"
    assert server.requests[0][2]["authorization"] == f"Bearer {KEY}"
    if kind is toolfan.RateLimited:
        assert error.retry_after == 7
    assert body["error"]["message"].replace(KEY, "***") in str(error)
    shown = [error]
    while shown[-1].__cause__ is not None:
        shown.append(shown[-1].__cause__)  # type: ignore[arg-type]
    assert not [one for one in shown if KEY in f"{one!s}{one!r}"]


@pytest.mark.parametrize("mode", ["stream", "stream_async"])
def test_an_odd_event_shows_no_secret(faulty: Callable[..., FaultServer], mode: str) -> None:
    """Neither the key nor what was added to the request."""
    house = "house/Value+4711"
    event = {"id": "c", "choices": [{"index": 0, "delta": {"tool_calls": f"<{KEY}> <{house}>"}}]}
    server = faulty(http(f"data: {json.dumps(event)}\n\n", content_type="text/event-stream"))
    with pytest.raises(toolfan.BadResponse, match=r"tool_calls are '<\*\*\*> <\*\*\*>'"):
        ask(mode, server.url, extra_headers={"x-house": house})


@pytest.mark.parametrize("mode", MODES)
def test_a_key_among_the_arguments_is_not_shown(faulty: Callable[..., FaultServer], mode: str) -> None:
    """LiteLLM takes a key with each request, too; this one has not the form of any."""
    key = "planted of this request"
    server = faulty(http(json.dumps({"error": {"message": f"wrong: <{key}>"}}), 401, x_echo=key))
    with pytest.raises(toolfan.AuthenticationError, match=r"wrong: <\*\*\*>") as caught:
        ask(mode, "", sdk=LiteLLMClient(base_url=server.url), extra_body={"api_key": key})
    assert server.requests[0][2]["authorization"] == f"Bearer {key}"
    assert key not in f"{caught.value!r}{vars(caught.value)}{caught.value.__cause__!r}"


def test_a_key_of_a_cache_is_no_secret(faulty: Callable[..., FaultServer]) -> None:
    """It is a word of the user's own, which may stand in any text."""
    server = faulty(http(json.dumps({"error": {"message": "no such customers"}}), 400))
    with pytest.raises(toolfan.RequestRejected, match="no such customers"):
        ask("create", server.url, prompt_cache_key="customers")


RATE = {"message": f"slow down {KEY}", "type": "rate_limit_error", "code": "rate_limit_exceeded"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (RATE, toolfan.RateLimited, r"answered 429 \(rate_limit_exceeded\): slow down \*\*\*"),
        ({"message": "overloaded", "code": 503}, toolfan.Unavailable, "answered 503: overloaded"),
        ({"message": "pay first", "code": "insufficient_quota"}, toolfan.QuotaExhausted, "pay first"),
        ({"message": "oh", "code": None}, toolfan.Unavailable, "answered with an error: oh"),
        ({"message": "oh"}, toolfan.Unavailable, "answered with an error: oh"),
        ("oh", toolfan.Unavailable, "answered with an error"),
    ],
)
def test_an_error_in_a_good_answer_is_that_error(
    faulty: Callable[..., FaultServer], mode: str, error: Any, kind: type[toolfan.ProviderError], said: str
) -> None:
    """In a stream as its first event; LiteLLM makes classes of its own of both, with a status that nobody sent."""
    body = json.dumps({"error": error})
    streamed = http(f"data: {body}\n\n", content_type="text/event-stream")
    server = faulty(streamed if mode.startswith("stream") else http(body))
    with pytest.raises(kind, match=said) as caught:
        ask(mode, server.url)
    assert type(caught.value) is kind
    assert caught.value.retryable is (kind is not toolfan.QuotaExhausted)
    assert KEY not in f"{caught.value!r}{caught.value.__cause__!r}"
    assert len(server.requests) == 1


def test_an_error_of_anthropic_in_a_good_answer_was_sent_by_someone(faulty: Callable[..., FaultServer]) -> None:
    server = faulty(http(json.dumps({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}})))
    with pytest.raises(toolfan.Unavailable, match="busy") as caught:
        ask("create", server.url.removesuffix("/v1"), model="anthropic/claude-sonnet-4-5", max_tokens=9)
    assert caught.value.retryable


@pytest.mark.parametrize("mode", MODES)
def test_a_failed_connection_is_told(mode: str) -> None:
    with pytest.raises(toolfan.ConnectionFailed):
        ask(mode, "http://127.0.0.1:9/v1")


@pytest.mark.parametrize("mode", MODES)
def test_the_deadline_holds(faulty: Callable[..., FaultServer], mode: str) -> None:
    def hang(handler: Any) -> None:
        handler.rfile.read(1)

    with pytest.raises(toolfan.DeadlineExceeded):
        ask(mode, faulty(hang).url, deadline=0.5)


@pytest.mark.parametrize("mode", ["create", "create_async"])
def test_an_answer_that_is_no_json_is_told(faulty: Callable[..., FaultServer], mode: str) -> None:
    with pytest.raises(toolfan.BadResponse):
        ask(mode, faulty(http("<html>")).url)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("model", [MODEL, "anthropic/claude-sonnet-4-5"])
def test_a_page_of_html_is_no_answer(faulty: Callable[..., FaultServer], mode: str, model: str) -> None:
    server = faulty(http("<html>hi</html>", content_type="text/html"))
    with pytest.raises(toolfan.BadResponse) as caught:
        ask(mode, server.url, model=model)
    assert caught.value.hint
    assert "base URL" in caught.value.hint


@pytest.mark.parametrize("mode", ["stream", "stream_async"])
def test_a_stream_without_an_end_is_incomplete(faulty: Callable[..., FaultServer], mode: str) -> None:
    """LiteLLM makes up a finish reason, and calls it a whole answer."""
    entry = {**call("A", {"x": 1}), "index": 0}
    server = faulty(events({"delta": {"role": "assistant", "tool_calls": [entry]}}))
    with pytest.raises(toolfan.IncompleteStream) as caught:
        ask(mode, server.url)
    assert list(caught.value.calls) == [A(x=1)]


def router(*urls: str) -> Any:
    """LiteLLM's Router over these servers: each but the first is the fallback of the one before."""
    from toolfan_litellm.client import load  # which keeps LiteLLM from asking the network

    models = [
        {"model_name": f"m{at}", "litellm_params": {"model": MODEL, "api_key": KEY, "api_base": url}}
        for at, url in enumerate(urls)
    ]
    fallbacks = [{f"m{at}": [f"m{at + 1}"]} for at in range(len(urls) - 1)]
    return load().Router(model_list=models, fallbacks=fallbacks, num_retries=0)


@pytest.mark.parametrize("mode", MODES)
def test_the_router_serves_whole_and_streamed(bench: Bench, mode: str) -> None:
    sdk = router(bench.serve(TWO).openai_url)
    assert list(ask(mode, "", sdk=sdk, model="m0")) == [A(x=1), A(x=2)]


@pytest.mark.parametrize("mode", ["stream", "stream_async"])
def test_a_stream_of_the_router_without_an_end_is_incomplete(faulty: Callable[..., FaultServer], mode: str) -> None:
    """The Router hands on the finish reason that LiteLLM made up, in a stream that does not tell so."""
    entry = {**call("A", {"x": 1}), "index": 0}
    server = faulty(events({"delta": {"role": "assistant", "tool_calls": [entry]}}))
    with pytest.raises(toolfan.IncompleteStream) as caught:
        ask(mode, "", sdk=router(server.url), model="m0")
    assert list(caught.value.calls) == [A(x=1)]


@pytest.mark.parametrize("mode", ["stream", "stream_async"])
@pytest.mark.parametrize("ended", [True, False])
def test_the_fallback_of_a_router_is_told_as_it_ends(
    faulty: Callable[..., FaultServer], mode: str, *, ended: bool
) -> None:
    broken = http('data: {"error": {"message": "overloaded", "code": 500}}\n\n', content_type="text/event-stream")
    entry = {**call("A", {"x": 1}), "index": 0}
    pieces = [{"delta": {"role": "assistant", "tool_calls": [entry]}}]
    pieces += [{"delta": {}, "finish_reason": "tool_calls"}] if ended else []
    sdk = router(faulty(broken).url, faulty(events(*pieces)).url)
    if ended:
        assert list(ask(mode, "", sdk=sdk, model="m0")) == [A(x=1)]
    else:
        with pytest.raises(toolfan.IncompleteStream):
            ask(mode, "", sdk=sdk, model="m0")


@pytest.mark.parametrize("mode", ["stream", "stream_async"])
def test_a_stream_of_the_router_that_is_left_ends_its_connection(faulty: Callable[..., FaultServer], mode: str) -> None:
    entries = [{**call("A", {"x": at}), "index": at} for at in (0, 1)]
    sent = events(*({"delta": {"role": "assistant", "tool_calls": [entry]}} for entry in entries))
    ended = threading.Event()

    def answer(handler: Any) -> None:
        handler.wfile.write(sent.replace(b"content-length", b"x-length"))
        handler.connection.settimeout(20)
        assert not handler.connection.recv(1)
        ended.set()

    sdk = router(faulty(answer).url)
    given: dict[str, Any] = {"messages": USER, "response_model": Iterable[A]}

    async def awaited() -> None:
        async with toolfan.wrap_async(sdk, model="m0", adapter="litellm").stream(**given) as stream:
            assert (await anext(stream)).value == A(x=0)
        assert await asyncio.to_thread(ended.wait, 20)

    if mode == "stream_async":
        asyncio.run(awaited())
        return
    with toolfan.wrap(sdk, model="m0", adapter="litellm").stream(**given) as stream:
        assert next(stream).value == A(x=0)
    assert ended.wait(20)


def test_what_is_passed_stays_as_it_is(bench: Bench) -> None:
    server = bench.serve(TWO)
    messages = [{"role": "user", "content": [{"type": "text", "text": "Hello?"}]}]
    before = json.dumps(messages)
    ask("create", server.openai_url, messages=messages, temperature=0.5, parallel=False, extra_headers={"x-trace": "t"})
    assert json.dumps(messages) == before
    (request,) = server.requests
    assert (request.body["temperature"], request.body["parallel_tool_calls"]) == (0.5, False)
    assert request.headers["x-trace"] == "t"


def test_calls_of_an_answer_of_litellm_go_back_inside_a_message(bench: Bench) -> None:
    server = bench.serve(TWO, TWO)
    tool = {"type": "function", "function": {"name": "A", "parameters": A.model_json_schema()}}
    client = LiteLLMClient(KEY, server.openai_url)
    said = client.completion(model=MODEL, messages=USER, tools=[tool], _skip_mcp_handler=True).choices[0].message
    results = [{"role": "tool", "tool_call_id": one.id, "content": "1"} for one in said.tool_calls]
    history = {"role": "assistant", "content": None, "tool_calls": said.tool_calls}
    ask("create", server.openai_url, messages=[*USER, history, *results])
    sent = server.requests[1].body["messages"][1]["tool_calls"]
    assert [json.loads(entry["function"]["arguments"]) for entry in sent] == [{"x": 1}, {"x": 2}]
    assert [entry["id"] for entry in sent] == [one.id for one in said.tool_calls]


def test_connect_and_the_module_itself(faulty: Callable[..., FaultServer], monkeypatch: pytest.MonkeyPatch) -> None:
    import litellm

    server = faulty(http(json.dumps(completion(call("A", {"x": 1})))))
    monkeypatch.setenv("HOUSE_KEY", KEY)
    question: Any = {"messages": USER, "response_model": Iterable[A]}
    with toolfan.connect(f"litellm:{MODEL}", base_url=server.url, api_key_env="HOUSE_KEY") as client:
        assert list(client.create(**question)) == [A(x=1)]
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    assert list(toolfan.wrap(litellm, adapter="litellm", model=MODEL).create(**question)) == [A(x=1)]
    assert {headers["authorization"] for _, _, headers, _ in server.requests} == {f"Bearer {KEY}"}
    with toolfan.connect(f"litellm:{MODEL}", base_url=server.url) as client:
        client.create(**question)
    assert server.requests[-1][2]["authorization"] == "Bearer none"
    assert KEY not in repr(LiteLLMClient(api_key=KEY))
    with pytest.raises(toolfan.UsageError, match="completion"):
        toolfan.wrap(object(), adapter="litellm")
    with pytest.raises(toolfan.Unsupported, match="extra query"):
        toolfan.wrap(litellm, adapter="litellm", model=MODEL).create(**question, extra_query={"a": "b"})


@pytest.mark.parametrize(("value", "said"), [(None, "is not set"), ("a\nb", "cannot be a key")])
def test_a_key_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, value: str | None, said: str) -> None:
    monkeypatch.delenv("HOUSE_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("HOUSE_KEY", value)
    with pytest.raises(toolfan.ConfigError, match=f"HOUSE_KEY {said}"):
        toolfan.connect("litellm:openai/any", api_key_env="HOUSE_KEY")


def test_the_variable_of_the_key_is_known_where_the_profile_names_it() -> None:
    """Else it is LiteLLM that chooses, by the vendor in the model's name."""
    adapter: Any = toolfan.load_adapter("litellm")
    assert adapter.key_variables(adapter.settings_model()) == ()
    assert adapter.key_variables(adapter.settings_model(base_url="http://localhost:4000")) == ()
    assert adapter.key_variables(adapter.settings_model(api_key_env="HOUSE_KEY")) == ("HOUSE_KEY",)
    (remark,) = adapter.key_remarks(adapter.settings_model())
    assert "variables of the model's vendor" in remark
    assert adapter.key_remarks(adapter.settings_model(api_key_env="HOUSE_KEY")) == ()
    assert adapter.key_remarks(adapter.settings_model(base_url="http://localhost:4000")) == ()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("model", "variable"),
    [
        (MODEL, "OPENAI_API_KEY"),
        ("azure/any", "AZURE_API_KEY"),
        ("gemini/any", "GEMINI_API_KEY"),
        ("anthropic/any", "ANTHROPIC_API_KEY"),
    ],
)
def test_a_missing_key_is_told_and_nothing_sent_again(
    monkeypatch: pytest.MonkeyPatch, mode: str, model: str, variable: str
) -> None:
    """LiteLLM says 500 of most, with a traceback in the text, though nobody answered."""
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_TOKEN", "_ADMIN_KEY")):
            monkeypatch.delenv(name)
    with pytest.raises(toolfan.AuthenticationError, match="found no key, and sent nothing") as caught:
        ask(mode, "", model=model, sdk=LiteLLMClient(), stop=None)
    error = caught.value
    assert (error.status, error.requests, error.retryable) == (None, 1, False)
    assert error.hint
    assert variable in error.hint
    assert "Traceback" not in str(error)
    assert "litellm/" not in str(error)


def test_a_package_that_litellm_lacks_is_told_and_nothing_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.auth", None)
    with pytest.raises(toolfan.RequestRejected, match="did not send the request: ImportError: Google") as caught:
        ask("create", "", model="vertex_ai/gemini-2.5-flash", sdk=LiteLLMClient(), stop=None)
    assert (caught.value.status, caught.value.requests) == (None, 0)


@pytest.mark.parametrize("mode", ["create", "create_async"])
@pytest.mark.parametrize(
    ("model", "body"), [(MODEL, {"choices": [{"message": None}]}), ("anthropic/claude-sonnet-4-5", {"odd": 1})]
)
def test_an_answer_of_another_shape_is_no_status_of_the_service(
    faulty: Callable[..., FaultServer], mode: str, model: str, body: Any
) -> None:
    with pytest.raises(toolfan.BadResponse, match=r"could read no answer: [A-Z][a-z]+Error: ") as caught:
        ask(mode, faulty(http(json.dumps(body))).url, model=model)
    assert (caught.value.status, caught.value.retryable) == (None, True)
    assert "Traceback" not in str(caught.value)


def test_an_unknown_vendor_is_told() -> None:
    client = toolfan.wrap(LiteLLMClient(), stop=ONCE)
    with pytest.raises(toolfan.RequestRejected, match="LLM Provider NOT provided"):
        client.create(model="nonsense", messages=USER, response_model=Iterable[A])


OFFLINE = """
import os, socket, sys
tried = []
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        tried.append((event, arguments[1:]))
        raise OSError("there is no network")
sys.addaudithook(refuse)
import toolfan
client = toolfan.connect("litellm:openai/any", base_url="http://127.0.0.1:9/v1")
assert "litellm" in sys.modules
assert not tried, tried
assert "LITELLM_LOCAL_MODEL_COST_MAP" not in os.environ
print('none')
"""


def test_importing_litellm_tries_no_network() -> None:
    """In a process where every connection, and every look-up of a name, is refused and counted."""
    done = subprocess.run([sys.executable, "-c", OFFLINE], capture_output=True, text=True, timeout=120, check=False)
    assert (done.stdout, done.returncode) == ("none\n", 0), done.stderr


@pytest.mark.parametrize("mode", MODES)
def test_connections_are_used_again(bench: Bench, mode: str) -> None:
    """Whatever is left of the deadline: LiteLLM makes a client, and a connection, for each other timeout."""
    timeouts = set()

    class Noting(LiteLLMClient):  # type: ignore[misc, valid-type]
        def completion(self, **arguments: Any) -> Any:
            timeouts.add(arguments["timeout"])
            return super().completion(**arguments)

        async def acompletion(self, **arguments: Any) -> Any:
            timeouts.add(arguments["timeout"])
            return await super().acompletion(**arguments)

    sdk = Noting(api_key=KEY, base_url=bench.serve(*[TWO] * 3).openai_url)
    for deadline in (20, 19.5, 17):
        assert list(ask(mode, "", sdk=sdk, deadline=deadline)) == [A(x=1), A(x=2)]
    assert timeouts == {20.0}


def test_while_it_is_imported_others_wait() -> None:
    """A thread that found it half imported failed at what was missing."""
    code = """if True:
        import threading, toolfan_litellm.client as client
        found = []
        threads = [threading.Thread(target=lambda: found.append(client.load().completion)) for _ in range(2)]
        threads[0].start()
        import sys, time
        while "litellm" not in sys.modules:
            time.sleep(0.001)
        while not hasattr(sys.modules["litellm"], "acompletion"):
            time.sleep(0.001)
        threads[1].start()
        assert client.load().custom_provider_map is not None
        for thread in threads:
            thread.join()
        assert len(found) == 2"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=120)
