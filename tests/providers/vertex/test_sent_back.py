"""The model's turn as it goes back: without what the service refuses to read again, with all that it signed."""

from __future__ import annotations

import json
from typing import Any

import pytest
import toolfan
from google_asking import genai_client, need
from loopback import ONCE, USER, http
from toolfan.calls import Answer
from toolfan_vertex.codec import GEMINI, VERTEX
from vertex_samples import Ping, answer, call, parse
from vertex_streams import END, chunk, read

GOOD = {**call("Ping", args={}), "thoughtSignature": "Zmlyc3Q="}
SIGNED = {"text": "", "thoughtSignature": "c2lnbmVk"}
EMPTY = [{"text": ""}, {"text": "", "thought": True}, {"text": None}, {"text": "", "thoughtSignature": ""}]


@pytest.mark.parametrize("adapter", [VERTEX, GEMINI], ids=["vertex", "gemini"])
@pytest.mark.parametrize("empty", EMPTY, ids=repr)
def test_an_empty_text_does_not_go_back_unless_it_is_signed(adapter: Any, empty: Any) -> None:
    parts = [{"text": "hm", "thought": True}, GOOD, SIGNED]
    whole = adapter.parse_response(answer(empty, *parts, empty))
    _, _, streamed = read([chunk(empty), *(chunk(part, empty) for part in parts), END], adapter)
    for turn in (whole, streamed):
        made, _ = adapter.build_answer(turn, [Answer(one, "ok") for one in turn.calls])
        assert made == {"role": "model", "parts": parts}


@pytest.mark.parametrize("empty", EMPTY, ids=repr)
def test_a_turn_of_an_empty_text_alone_does_not_go_back(empty: Any) -> None:
    assert parse(empty).replay is None
    assert VERTEX.build_answer(parse(empty), []) == []
    assert parse(SIGNED).replay == {"role": "model", "parts": [SIGNED]}


IMAGE = {"inlineData": {"mimeType": "image/png", "data": "QUJD"}, "thoughtSignature": "aW1n"}
RUN = [{"executableCode": {"language": "PYTHON", "code": "1"}}, {"codeExecutionResult": {"outcome": "OUTCOME_OK"}}]
SEARCHED = [{"toolCall": {"id": "s"}, "thoughtSignature": "Yw=="}, {"toolResponse": {"id": "s"}}]


@pytest.mark.parametrize("parts", [[IMAGE], RUN, SEARCHED], ids=["image", "code", "search"])
@pytest.mark.parametrize("way", ["whole", "stream"])
def test_a_turn_that_shows_something_goes_back_without_a_word(faulty: Any, way: str, parts: Any) -> None:
    need("gemini")
    shown, called = answer(*parts), answer(GOOD)
    form = "data: {}\r\n\r\n" if way == "stream" else "{}"
    server = faulty(*(http(form.replace("{}", json.dumps(one))) for one in (shown, shown, called)))
    sdk = genai_client("gemini", server.url.removesuffix("/v1"))
    client = toolfan.wrap(sdk, adapter="gemini", model="gemini-x", stop=ONCE)
    turn = {"role": "model", "parts": parts}
    calls = asked(client, way)
    assert (calls.outcomes, calls.text, calls.reply({})) == ((), "", [turn])
    assert [one.name for one in asked(client, way, tool_choice="required").outcomes] == ["Ping"]
    assert json.loads(server.requests[2][3])["contents"][1] == turn
    thought = [{**part, "thought": True} for part in parts]
    assert not GEMINI.goes_back(parse(*thought, SIGNED), nudged=False)


@pytest.mark.parametrize("name", ["default_api.Ping", "default_api:Ping"])
def test_a_call_in_google_s_namespace_is_answered_under_the_name_that_it_came_with(faulty: Any, name: str) -> None:
    need("gemini")
    made = {**GOOD, "functionCall": {"name": name, "args": {}}}
    server = faulty(http(json.dumps(answer(made))), http(json.dumps(answer({"text": "Done."}))))
    sdk = genai_client("gemini", server.url.removesuffix("/v1"))
    calls = asked(toolfan.wrap(sdk, adapter="gemini", model="gemini-x", stop=ONCE), "whole")
    assert [(one.name, one.value, one.repairs) for one in calls.good] == [("Ping", Ping(), ("functions_prefix",))]
    turn, answers = calls.reply({calls.good[0].id: "pong"})
    assert turn["parts"] == [made]
    assert answers["parts"] == [{"functionResponse": {"name": name, "response": {"result": "pong"}}}]


def asked(client: Any, way: str, **options: Any) -> Any:
    options = {"messages": USER, "tools": (Ping,), **options}
    if way == "whole":
        return client.create(**options)
    stream = client.stream(**options)
    list(stream)
    return stream.calls
