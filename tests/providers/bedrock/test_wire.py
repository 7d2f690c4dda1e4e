"""Converse and ConverseStream through boto3's real client, sync and in threads, against a server on loopback."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from bedrock_asking import MODEL, asked
from bedrock_wire import SECRET, answer, events, frames, use
from botocore import stub
from loopback import USER, http, until
from toolfan.drivers import workers
from wrapped_ways import WAYS, Weather

if TYPE_CHECKING:
    from collections.abc import Callable

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
THOUGHT = {"reasoningContent": {"reasoningText": {"text": "Two of them.", "signature": "c2lnbmVk"}}}
HIDDEN = {"reasoningContent": {"redactedContent": base64.b64encode(b"hidden").decode()}}


TWO = (use("t1", "Weather", {"location": "Zürich ☔", "days": 2}), use("t2", "Weather", {"location": "Dallas"}))
VALUES = [Weather(location="Zürich ☔", days=2), Weather(location="Dallas")]


def whole(*blocks: dict[str, Any], stop: str = "tool_use") -> bytes:
    return http(json.dumps(answer(*blocks, stop=stop)), x_amzn_requestid="req-1")


def streamed(said: list[dict[str, Any]]) -> bytes:
    about = {"content_type": "application/vnd.amazon.eventstream", "x_amzn_requestid": "req-1"}
    head, _, body = http(frames(said), **about).partition(b"\r\n\r\n")
    return head.replace(b"content-type: application/json\r\n", b"") + b"\r\n\r\n" + body


ANSWERS = {"whole": whole(THOUGHT, HIDDEN, *TWO), "streamed": streamed(events(answer(THOUGHT, HIDDEN, *TWO)))}


def kind(way: str) -> str:
    return way.removeprefix("async ")


@pytest.mark.parametrize("way", WAYS)
def test_calls_come_through_the_real_client(bedrock: Callable[..., Any], way: str) -> None:
    client, server = bedrock(ANSWERS[kind(way)])
    calls = asked(way, client, maxTokens=99)
    assert list(calls) == VALUES
    assert [call.id for call in calls.outcomes] == ["t1", "t2"]
    assert (calls.stop.kind, calls.usage.total_tokens, calls.request_id) == ("calls", 182, "req-1")
    [(_, path, headers, body)] = server.requests
    assert path == "/model/us.amazon.nova-lite-v1%3A0/" + ("converse" if "whole" in way else "converse-stream")
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=planted-id/")
    sent = json.loads(body)
    assert sent["messages"] == [{"role": "user", "content": [{"text": "Hello?"}]}]
    assert sent["inferenceConfig"] == {"maxTokens": 99}
    assert "toolChoice" not in sent["toolConfig"]
    [tool] = sent["toolConfig"]["tools"]
    assert tool["toolSpec"]["inputSchema"]["json"]["required"] == ["location"]


@pytest.mark.parametrize("way", WAYS)
def test_tools_of_the_service_and_cache_points_stand_beside_ours(bedrock: Callable[..., Any], way: str) -> None:
    client, server = bedrock(ANSWERS[kind(way)])
    more = [{"cachePoint": {"type": "default"}}, {"systemTool": {"name": "nova_grounding"}}]
    assert list(asked(way, client, extra_body={"toolConfig": {"tools": more}})) == VALUES
    [(_, _, _, body)] = server.requests
    [tool, *others] = json.loads(body)["toolConfig"]["tools"]
    assert (tool["toolSpec"]["name"], others) == ("Weather", more)
    with pytest.raises(toolfan.UsageError, match=r"extra_body sets toolConfig\.tools,"):
        asked(way, client, extra_body={"toolConfig": {"tools": more[0]}})


@pytest.mark.parametrize("way", WAYS)
def test_failed_calls_are_asked_again_in_the_providers_own_form(bedrock: Callable[..., Any], way: str) -> None:
    bad = use("t2", "Weather", {"location": "Dallas", "days": "many"})
    first, second = answer(THOUGHT, HIDDEN, TWO[0], bad), answer(use("t3", "Weather", {"location": "Dallas"}))
    bodies = [http(json.dumps(body)) if "whole" in way else streamed(events(body)) for body in (first, second)]
    client, server = bedrock(*bodies)
    assert list(asked(way, client)) == VALUES
    messages = json.loads(server.requests[1][3])["messages"]
    assert messages[1] == first["output"]["message"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    results = [block["toolResult"] for block in messages[2]["content"]]
    assert [(result["toolUseId"], result.get("status")) for result in results] == [("t1", None), ("t2", "error")]


def test_what_chat_style_messages_become(bedrock: Callable[..., Any]) -> None:
    client, server = bedrock(whole(*TWO))
    made = [
        {"id": call_id, "type": "function", "function": {"name": "Weather", "arguments": '{"location":"x"}'}}
        for call_id in ("a", "b")
    ]
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Look"}, picture]},
        {"role": "assistant", "content": "", "tool_calls": made},
        {"role": "tool", "tool_call_id": "b", "content": "second"},
        {"role": "tool", "tool_call_id": "a", "content": "first"},
        {"role": "user", "content": "Go on"},
    ]
    toolfan.wrap(client, model=MODEL).create(messages=messages, tools=[Weather], tool_choice="required")
    sent = json.loads(server.requests[0][3])
    assert sent["system"] == [{"text": "Be brief."}]
    assert sent["toolConfig"]["toolChoice"] == {"any": {}}
    assert sent["messages"] == [
        {"role": "user", "content": [{"text": "Look"}, {"image": {"format": "png", "source": {"bytes": PIXEL}}}]},
        {
            "role": "assistant",
            "content": [use("a", "Weather", {"location": "x"}), use("b", "Weather", {"location": "x"})],
        },
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": "a", "content": [{"text": "first"}]}},
                {"toolResult": {"toolUseId": "b", "content": [{"text": "second"}]}},
                {"text": "Go on"},
            ],
        },
    ]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "file", "file": {"file_id": "f"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AAAA"}},
    ],
)
def test_parts_that_converse_has_no_form_for_are_refused(bedrock: Callable[..., Any], part: dict[str, Any]) -> None:
    client, server = bedrock(whole(*TWO))
    with pytest.raises(toolfan.Unsupported, match=r"messages\[0\]"):
        asked("whole", client, messages=[{"role": "user", "content": [part]}])
    assert server.requests == []


def test_messages_in_converses_own_form_go_out_untouched(bedrock: Callable[..., Any]) -> None:
    client, server = bedrock(whole(*TWO))
    document = {"document": {"format": "txt", "name": "notes", "source": {"bytes": "aGVsbG8="}}}
    messages = [
        {"role": "user", "content": [document, {"text": "Look"}]},
        {"role": "assistant", "content": [{"type": "tool_use", **TWO[1]}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "t2", "content": [{"json": {"sun": True}}]}}]},
    ]
    asked("whole", client, messages=messages)
    said = json.loads(server.requests[0][3])["messages"]
    assert said == [messages[0], {"role": "assistant", "content": [TWO[1]]}, messages[2]]


def test_no_tools_are_sent_for_the_choice_none(bedrock: Callable[..., Any]) -> None:
    client, server = bedrock(whole({"text": "No."}, stop="end_turn"))
    calls = toolfan.wrap(client, model=MODEL).create(messages=USER, tools=[Weather], tool_choice="none")
    assert (list(calls), calls.text) == ([], "No.")
    assert "toolConfig" not in json.loads(server.requests[0][3])
    history = [*USER, {"role": "assistant", "content": [TWO[1]]}, {"role": "user", "content": "?"}]
    with pytest.raises(toolfan.Unsupported, match="tool_choice"):
        toolfan.wrap(client, model=MODEL).create(messages=history, tools=[Weather], tool_choice="none")
    assert len(server.requests) == 1


def test_a_tool_that_may_be_called_is_no_demand(bedrock: Callable[..., Any]) -> None:
    client, server = bedrock(whole({"text": "No."}, stop="end_turn"))
    choice = toolfan.ToolChoice("auto", ("Weather",))
    with pytest.raises(toolfan.Unsupported, match="without demanding it"):
        toolfan.wrap(client, model=MODEL).create(messages=USER, tools=[Weather], tool_choice=choice)
    assert server.requests == []


def test_an_extra_header_is_sent_and_an_extra_query_refused(bedrock: Callable[..., Any]) -> None:
    client, server = bedrock(whole(*TWO))
    wrapped = toolfan.wrap(client, model=MODEL)
    wrapped.create(messages=USER, tools=[Weather], extra_headers={"X-Team": "blue"})
    assert server.requests[0][2]["x-team"] == "blue"
    with pytest.raises(toolfan.Unsupported):
        wrapped.create(messages=USER, tools=[Weather], extra_query={"a": "b"})
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "code", "error", "retryable"),
    [
        (429, "ThrottlingException", toolfan.RateLimited, True),
        (429, "ModelNotReadyException", toolfan.RateLimited, True),
        (400, "ValidationException", toolfan.RequestRejected, False),
        (400, "ServiceQuotaExceededException", toolfan.QuotaExhausted, False),
        (403, "AccessDeniedException", toolfan.PermissionDenied, False),
        (403, "UnrecognizedClientException", toolfan.AuthenticationError, False),
        (403, "ExpiredTokenException", toolfan.AuthenticationError, False),
        (404, "ResourceNotFoundException", toolfan.RequestRejected, False),
        (408, "ModelTimeoutException", toolfan.Unavailable, True),
        (424, "ModelErrorException", toolfan.Unavailable, True),
        (500, "InternalServerException", toolfan.Unavailable, True),
        (503, "ServiceUnavailableException", toolfan.Unavailable, True),
    ],
)
@pytest.mark.parametrize("way", ["whole", "streamed"])
def test_errors_of_the_service_are_told_and_sent_once(
    bedrock: Callable[..., Any], way: str, status: int, code: str, error: type[toolfan.ProviderError], retryable: bool
) -> None:
    body = json.dumps({"message": "planted words"})
    client, server = bedrock(http(body, status, x_amzn_errortype=code, x_amzn_requestid="req-9"))
    with pytest.raises(error, match="planted words") as caught:
        asked(way, client)
    assert type(caught.value) is error
    assert (caught.value.code, caught.value.status, caught.value.request_id) == (code, status, "req-9")
    assert caught.value.retryable is retryable
    assert len(server.requests) == 1  # though the client's own retries are on


def test_a_quota_of_the_day_is_not_waited_for(bedrock: Callable[..., Any]) -> None:
    body = json.dumps({"message": "Too many tokens per day, please wait before trying again."})
    client, server = bedrock(http(body, 429, x_amzn_errortype="ThrottlingException"))
    with pytest.raises(toolfan.QuotaExhausted):
        toolfan.wrap(client).create(model=MODEL, messages=USER, tools=[Weather])
    assert len(server.requests) == 1


def test_toolfans_retries_are_the_only_ones(bedrock: Callable[..., Any]) -> None:
    down = http(json.dumps({"message": "down"}), 503, x_amzn_errortype="ServiceUnavailableException")
    client, server = bedrock(down, down, whole(*TWO))
    calls = toolfan.wrap(client, wait=lambda state: 0).create(model=MODEL, messages=USER, tools=[Weather])
    assert list(calls) == VALUES
    assert calls.requests == len(server.requests) == 3


def test_the_clients_own_requests_are_retried_as_before(bedrock: Callable[..., Any]) -> None:
    down = http(json.dumps({"message": "down"}), 503, x_amzn_errortype="ServiceUnavailableException")
    client, server = bedrock(down, whole(*TWO))
    toolfan.wrap(client)
    answered = client.converse(modelId=MODEL, messages=[{"role": "user", "content": [{"text": "x"}]}])
    assert answered["stopReason"] == "tool_use"
    assert len(server.requests) == 2


@pytest.mark.parametrize("way", ["streamed", "async streamed"])
def test_an_error_in_a_stream_is_told(bedrock: Callable[..., Any], way: str) -> None:
    said = [*events(answer({"text": "It"}))[:2], {"throttlingException": {"message": "slow down"}}]
    client, _ = bedrock(streamed(said))
    with pytest.raises(toolfan.RateLimited, match="slow down"):
        asked(way, client)


@pytest.mark.parametrize("way", ["streamed", "async streamed"])
@pytest.mark.parametrize("lost", [3, 40])
def test_a_stream_that_is_cut_keeps_the_calls_before(bedrock: Callable[..., Any], way: str, lost: int) -> None:
    said = [event for event in events(answer(*TWO)) if "metadata" not in event]
    client, _ = bedrock(streamed(said)[:-lost])
    with pytest.raises(toolfan.IncompleteStream) as caught:
        asked(way, client)
    assert caught.value.turn is not None
    assert [call.id for call in caught.value.turn.calls] == ["t1", "t2"]
    assert list(caught.value.calls or ()) == VALUES


@pytest.mark.parametrize("way", ["streamed", "async streamed"])
@pytest.mark.parametrize("lost", [0, 3])
def test_a_stream_that_is_cut_before_its_tokens_says_so(bedrock: Callable[..., Any], way: str, lost: int) -> None:
    """`metadata`, which tells them, follows the end of the message."""
    said = [event for event in events(answer(*TWO)) if lost or "metadata" not in event]
    client, _ = bedrock(streamed(said)[: -lost or None])
    calls = asked(way, client)
    assert (list(calls), calls.usage.total_tokens) == (VALUES, 0)
    assert calls.warnings == ("the stream ended without telling the tokens",)


@pytest.mark.parametrize("way", ["whole", "async whole", "streamed"])
@pytest.mark.parametrize("body", ["<html>nope</html>", '{"output": {"mess', "{}", "[1]", '{"output": 7}'])
def test_what_is_no_answer_is_a_bad_response(bedrock: Callable[..., Any], way: str, body: str) -> None:
    client, _ = bedrock(http(body))
    with pytest.raises((toolfan.BadResponse, toolfan.IncompleteStream)):
        asked(way, client)


@pytest.mark.parametrize("way", ["streamed", "async streamed"])
@pytest.mark.parametrize("page", ["<html>", f"<html>{SECRET}" + "nope " * 5000])
def test_what_is_no_event_stream_is_shown(bedrock: Callable[..., Any], way: str, page: str) -> None:
    client, _ = bedrock(http(page, x_amzn_requestid="r-1"))
    with pytest.raises(
        toolfan.BadResponse, match=r"is no event stream; it starts with '<html>.*endpoint_url"
    ) as caught:
        asked(way, client)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("way", ["whole", "async whole"])
def test_every_status_that_tells_of_success_does(bedrock: Callable[..., Any], way: str) -> None:
    client, _ = bedrock(http(json.dumps(answer(*TWO)), 201))
    assert list(asked(way, client)) == VALUES


@pytest.mark.parametrize(
    ("way", "reply"),
    [
        ("whole", http("<html>")),
        ("whole", http('{"message": ""}', 404)),
        ("whole", http("<html>", 302)),
        ("whole", http(json.dumps({"error": {"code": 404}}))),
        ("streamed", http('{"message": ""}', 404)),
        ("whole", b""),
    ],
)
def test_the_address_is_called_as_the_setting_is(bedrock: Callable[..., Any], way: str, reply: bytes) -> None:
    client, _ = bedrock(reply)
    with pytest.raises(toolfan.ProviderError) as caught:
        asked(way, client)
    assert "endpoint_url" in str(caught.value)
    assert "base URL" not in str(caught.value)


ODD = """{"output": {"message": {"role": "assistant", "novel": 1, "content": [
  {"novelBlock": {"a": 1}},
  {"toolUse": {"toolUseId": "t1", "name": "Weather", "input": {"location": "Zürich ☔", "days": 2}, "novel": [1]}},
  {"toolUse": {"toolUseId": 7, "name": null, "input": [[]]}},
  {"toolUse": {"toolUseId": "t3", "name": "Weather", "input": {"location": "x", "days": 1e400}}},
  {"toolUse": {"toolUseId": "t4", "name": "Weather", "input": {"location": "Dallas", "deep": DEEP}}}]}},
  "stopReason": "novel_reason", "usage": null}"""


@pytest.mark.parametrize("way", ["whole", "async whole"])
def test_what_is_odd_harms_nothing_else_and_can_be_sent_back(bedrock: Callable[..., Any], way: str) -> None:
    odd = ODD.replace("DEEP", "[" * 3000 + "]" * 3000)
    client, server = bedrock(http(odd), whole({"text": "Enough."}, stop="end_turn"))
    with pytest.raises(toolfan.InvalidCalls) as caught:
        asked(way, client, max_attempts=2)
    assert caught.value.calls is not None
    assert [call.id for call in caught.value.calls.good] == ["t1"]
    assert [call.id for call in caught.value.calls.failed] == ["7", "t3", "t4"]
    said = json.loads(server.requests[1][3])["messages"]
    assert [block["toolUse"]["toolUseId"] for block in said[1]["content"]] == ["t1", "7", "t3", "t4"]
    assert [block["toolResult"]["toolUseId"] for block in said[2]["content"]] == ["t1", "7", "t3", "t4"]


def test_a_refused_connection_is_told(bedrock: Callable[..., Any]) -> None:
    client, server = bedrock(b"")
    server.close()
    with pytest.raises(toolfan.ConnectionFailed):
        asked("whole", client)


def test_what_the_sdk_refuses_is_told_and_not_sent(bedrock: Callable[..., Any]) -> None:
    client, server = bedrock(whole(*TWO))
    with pytest.raises(toolfan.RequestRejected, match="noSuchField"):
        asked("whole", client, extra_body={"noSuchField": 1})
    assert server.requests == []


@pytest.mark.parametrize("way", WAYS)
def test_the_deadline_returns_control(bedrock: Callable[..., Any], way: str) -> None:
    free, before = threading.Event(), workers.pool.abandoned
    client, _ = bedrock(lambda handler: free.wait(20))
    started = time.monotonic()
    with pytest.raises(toolfan.DeadlineExceeded):
        asked(way, client, deadline=0.4)
    assert time.monotonic() - started < 5
    free.set()
    until(lambda: workers.pool.abandoned <= before)


@pytest.mark.parametrize("after", ["nothing", "one call"])
def test_a_cancelled_task_does_not_wait_and_the_loop_runs_on(bedrock: Callable[..., Any], after: str) -> None:
    free, reached, before = threading.Event(), threading.Event(), workers.pool.abandoned

    def hang(handler: Any) -> None:
        if after == "one call":
            handler.wfile.write(streamed(events(answer(*TWO)))[:600])
            handler.wfile.flush()
        reached.set()
        free.wait(20)

    client, _ = bedrock(hang)

    async def main() -> int:
        async def ask() -> None:
            arguments: Any = {"model": MODEL, "messages": USER, "tools": [Weather]}
            async with toolfan.wrap_async(client).stream(**arguments) as stream:
                _ = [item async for item in stream]

        task = asyncio.create_task(ask())
        ticks = 0
        while not reached.is_set():
            await asyncio.sleep(0.01)
            ticks += 1
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return ticks

    started = time.monotonic()
    assert asyncio.run(main()) > 0
    assert time.monotonic() - started < 5
    free.set()
    until(lambda: workers.pool.abandoned <= before)


def test_no_secret_is_shown(bedrock: Callable[..., Any]) -> None:
    client, _ = bedrock(http(json.dumps({"message": "key=hidden-header-9"}), 403, x_amzn_errortype="AccessDenied"))
    with pytest.raises(toolfan.PermissionDenied) as caught:
        asked("whole", client, extra_headers={"X-Token": "hidden-header-9"})
    error = caught.value
    shown = f"{error!r} {error} {error.__cause__!r} {error.__context__!r} {toolfan.wrap(client)!r}"
    assert SECRET not in shown
    assert "hidden-header-9" not in shown


@pytest.mark.parametrize("way", ["whole", "async whole"])
def test_what_the_sdks_own_stub_says_is_the_answer(bedrock: Callable[..., Any], way: str) -> None:
    client, server = bedrock(ANSWERS["whole"])
    with stub.Stubber(client) as stubbed:
        stubbed.add_response("converse", answer(*TWO, stop="tool_use") | {"metrics": {"latencyMs": 1}})
        stubbed.add_client_error("converse", "AccessDeniedException", "not this model", 403)
        assert list(asked(way, client)) == VALUES
        with pytest.raises(toolfan.PermissionDenied, match="not this model"):
            asked(way, client)
    assert server.requests == []
