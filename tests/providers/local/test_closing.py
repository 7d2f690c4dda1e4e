"""Closing the server while answers are delayed: at once, and without a word; scripts that could not be sent."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from toolfan_local import Script, ScriptError, Server, load_script

if TYPE_CHECKING:
    from pathlib import Path

DELAYED: list[Any] = [{"text": "late", "delay": 3600, "times": "always"}]
BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def post(url: str, body: Any) -> tuple[int, Any]:
    headers = {"authorization": "Bearer k", "content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def until_asked(server: Server) -> None:
    end = time.monotonic() + 30
    while not server.requests:
        assert time.monotonic() < end, "the question never came"
        time.sleep(0.01)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1beta/models/m:generateContent?key=k"])
def test_a_delayed_answer_ends_when_the_server_closes(path: str, capfd: pytest.CaptureFixture[str]) -> None:
    server, got = Server(DELAYED).start(), list[Any]()
    body = BODY if "chat" in path else {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    url = server.base_url + path
    asking = threading.Thread(target=lambda: got.append(post(url, body)))
    asking.start()
    until_asked(server)
    server.close()
    asking.join(30)
    ((status, answer),) = got
    assert status == 503
    assert "closed" in answer["error"]["message"]
    assert capfd.readouterr() == ("", "")


def test_a_server_that_was_closed_delays_again() -> None:
    with Server([{"text": "first"}, {"text": "second", "delay": 0.1}]) as server:
        assert post(server.openai_url + "/chat/completions", BODY)[0] == 200
    with server:
        assert post(server.openai_url + "/chat/completions", BODY)[0] == 200


def test_a_delayed_answer_over_grpc_ends_too() -> None:
    grpc = pytest.importorskip("grpc")
    aiplatform = pytest.importorskip("google.cloud.aiplatform_v1")
    server, codes = Server(DELAYED, grpc=True).start(), list[Any]()
    channel = grpc.insecure_channel(server.grpc_target)
    method = channel.unary_unary(
        "/google.cloud.aiplatform.v1.PredictionService/GenerateContent",
        request_serializer=aiplatform.GenerateContentRequest.pb().SerializeToString,
        response_deserializer=aiplatform.GenerateContentResponse.pb().FromString,
    )
    contents = [{"role": "user", "parts": [{"text": "hi"}]}]
    asked = aiplatform.GenerateContentRequest(model="m", contents=contents)
    call = method.future(aiplatform.GenerateContentRequest.pb(asked), timeout=60)
    call.add_done_callback(lambda done: codes.append(done.code()))
    until_asked(server)
    began = time.monotonic()
    server.close()
    assert time.monotonic() - began < 30  # it would have waited for the hour to pass
    assert isinstance(call.exception(timeout=30), grpc.RpcError)
    channel.close()


FOREGROUND = """
from toolfan_local import recording, server

record = recording.Recorder.record

def told(*arguments, **options):
    record(*arguments, **options)
    print("asked", flush=True)

recording.Recorder.record = told
server.serve(0, [{"text": "late", "delay": 3600}])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_the_server_in_the_foreground_ends_quietly() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FOREGROUND], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        address, got = process.stdout.readline().split()[2].decode(), list[Any]()
        asking = threading.Thread(target=lambda: got.append(post(address + "/v1/chat/completions", BODY)))
        asking.start()
        assert process.stdout.readline() == b"asked\n"
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
        asking.join(30)
    assert [status for status, _ in got] == [503]
    assert errors == b""


SURROGATES: list[tuple[Any, str]] = [
    ([{"text": "\ud800"}], "script: answers[0].text"),
    ([{"text": "a"}, {"text": "b\udfff"}], "script: answers[1].text"),
    ({"answers": [{"body": {"content": "\ud800"}}]}, "script: answers[0].body.content"),
    ([{"calls": [{"name": "a", "arguments": {"x": [1, {"y": "\udc00"}]}}]}], "answers[0].calls[0].arguments.x[1].y"),
    ([{"calls": [{"name": "a", "arguments": {"k\ud800": 1}}]}], "script: answers[0].calls[0].arguments.k\\ud800"),
    ([{"error": {"status": 500, "message": "\ud800"}}], "script: answers[0].error.message"),
]


@pytest.mark.parametrize(("script", "position"), SURROGATES, ids=ascii)
def test_a_lone_surrogate_is_refused_when_the_script_is_loaded(script: Any, position: str) -> None:
    for load in (load_script, Server):
        with pytest.raises(ScriptError, match="holds a lone surrogate") as caught:
            load(script)
        assert position in str(caught.value)


def test_a_file_with_a_lone_surrogate(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text('[{"text": "\\ud800"}]')
    with pytest.raises(ScriptError) as caught:
        Server(path)
    assert str(caught.value).startswith(f"{path}: answers[0].text: it holds a lone surrogate")


@pytest.mark.parametrize("headers", [{"X": "a\nb"}, {"X Y": "a"}, {"X": "\N{SNOWMAN}"}, {"": "a"}, {"X": " a"}])
@pytest.mark.parametrize("kind", ["error", "body"])
def test_headers_that_cannot_be_sent(headers: dict[str, str], kind: str) -> None:
    answer = {"status": 500, "headers": headers} | ({"content": "x"} if kind == "body" else {})
    with pytest.raises(ScriptError, match=rf"answers\[0\].{kind}.headers.*cannot be sent as a header"):
        load_script([{kind: answer}])


def test_escapes_in_scripted_text_arguments_stay() -> None:
    script = load_script([{"calls": [{"name": "a", "arguments": '{"x": "\\ud800"}'}]}])
    assert isinstance(script, Script)
    with Server(script) as server:
        _, answer = post(server.openai_url + "/chat/completions", BODY)
    call = answer["choices"][0]["message"]["tool_calls"][0]
    assert call["function"]["arguments"] == '{"x": "\\ud800"}'


@pytest.mark.parametrize("arguments", ['{"query": "\\ud800"}', '{"query": NaN}'])
def test_what_json_cannot_say_is_no_error_of_the_server(arguments: str) -> None:
    """It comes as the service would have to write it: escaped, or as JavaScript has it."""
    with Server([{"calls": [{"name": "a", "arguments": arguments}]}]) as server:
        url = server.base_url + "/v1beta/models/m:generateContent?key=k"
        status, answer = post(url, {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]})
    assert status == 200
    assert list(answer["candidates"][0]["content"]["parts"][0]["functionCall"]["args"]) == ["query"]
