"""What goes out: tools, choices, options, extra fields; golden files, judged by Google's discovery document."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

import pytest
import toolfan
from shared_data import judge
from toolfan.adapter import ToolChoice
from toolfan.errors import ToolDefinitionError, UsageError
from toolfan.tools.tool_type import Tool
from toolfan.tools.toolset import ToolSet, tool_set
from toolfan_local import Server
from toolfan_vertex.codec import GEMINI, VERTEX
from toolfan_vertex.options import OPTION_NAMES
from vertex_samples import (
    USER,
    Adopt,
    Aliased,
    Box,
    GoogleSearch,
    Node,
    Options,
    Order,
    Ping,
    Point,
    Weather,
    add,
    body,
    request,
)

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "vertex"
ALL = (Weather, GoogleSearch, Ping, Order, Node, Adopt, Aliased, Box[int], Point, Options, add)
SYSTEM = {"role": "system", "content": "Be brief."}
CASES = {
    "auto": request(Weather, GoogleSearch, messages=(SYSTEM, USER)),
    "every_shape": request(*ALL),
    "required": request(Weather, GoogleSearch, tool_choice=ToolChoice("required")),
    "none": request(Weather, tool_choice=ToolChoice("none")),
    "subset": request(Weather, Box[int], tool_choice=ToolChoice("required", ("Box[int]",))),
    "strict": request(Weather, strict=True),
    "options": request(
        Weather,
        options={
            "temperature": 0,
            "maxOutputTokens": 9,
            "thinking_config": {"thinkingBudget": 0},
            "labels": {"a": "b"},
        },
        extra_body={"tools": [{"googleSearch": {}}], "tool_config": {"retrieval_config": {"languageCode": "en"}}},
    ),
    "one_at_most": request(Weather, parallel=False),
}


@pytest.mark.parametrize("name", CASES)
def test_requests_are_the_golden_ones_to_the_byte(name):
    built = VERTEX.build_request(CASES[name])
    text = json.dumps(built.body, indent=1, ensure_ascii=False) + "\n"
    path = GOLDEN / f"{name}.json"
    if os.environ.get("TOOLFAN_WRITE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
    assert built.model == "gemini-x"
    assert GEMINI.build_request(CASES[name]) == built


@pytest.mark.parametrize("name", CASES)
def test_googles_discovery_document_knows_every_field(name):
    allowed = (
        ".toolConfig.retrieval_config: unknown field (snake_case of retrievalConfig, which the service accepts too)"
    )
    assert [
        fault
        for fault in judge("discovery_judge").why("request", VERTEX.build_request(CASES[name]).body)
        if fault != allowed
    ] == []


def test_schemas_go_out_whole():
    declarations = body(*ALL)["tools"][0]["functionDeclarations"]
    for tool, declaration in zip(ToolSet(ALL), declarations, strict=True):
        assert declaration["parametersJsonSchema"] == tool.schema
        assert declaration["parametersJsonSchema"]["type"] == "object"
        assert "description" not in declaration or declaration["description"] == tool.description != ""


def test_tools_are_rendered_once_for_a_set():
    tools = tool_set(Iterable[Weather | GoogleSearch])
    assert VERTEX.render_tools(tools, strict=None) is GEMINI.render_tools(tools, strict=True)


def test_names_are_made_legal_and_map_back():
    tools = ToolSet([Box[int], Tool(Weather, name="wétter.heute:x"), Tool(Ping, name="9"), Tool(Point, name="p" * 70)])
    names = tools.names(VERTEX.capabilities.name_pattern, VERTEX.capabilities.max_name_length)
    wire = [declaration["name"] for declaration in VERTEX.render_tools(tools, strict=None)[0]["functionDeclarations"]]
    assert wire[:3] == ["Box_int_", "w_tter_heute_x", "t_9"]
    assert len(wire[3]) == 64
    assert [names.to_tool[name] for name in wire] == list(tools.by_name)


def test_two_tools_with_one_wire_name_are_refused():
    with pytest.raises(ToolDefinitionError, match="both be sent as 'a_b'"):
        body(Tool(Weather, name="a.b"), Tool(Ping, name="a:b"))


@pytest.mark.parametrize(
    ("choice", "strict", "calling"),
    [
        (ToolChoice(), None, {"mode": "AUTO"}),
        (ToolChoice(), False, {"mode": "AUTO"}),
        (ToolChoice(), True, {"mode": "VALIDATED"}),
        (ToolChoice("required"), None, {"mode": "ANY"}),
        (ToolChoice("required"), True, {"mode": "ANY"}),
        (ToolChoice("none"), True, {"mode": "NONE"}),
        (ToolChoice("auto", ("Weather",)), None, {"mode": "VALIDATED", "allowedFunctionNames": ["Weather"]}),
        (ToolChoice("required", ("Weather",)), True, {"mode": "ANY", "allowedFunctionNames": ["Weather"]}),
    ],
)
def test_choices(choice, strict, calling):
    assert body(Weather, Ping, tool_choice=choice, strict=strict)["toolConfig"] == {"functionCallingConfig": calling}


def test_options_take_both_spellings_and_find_their_place():
    built = body(options={"top_p": 0.5, "topK": 3, "generation_config": {"seed": 1}, "safety_settings": {"H": "OFF"}})
    assert built["generationConfig"] == {"topP": 0.5, "topK": 3, "seed": 1}
    assert built["safetySettings"] == [{"category": "H", "threshold": "OFF"}]
    for name in ("temperature", "max_output_tokens", "maxOutputTokens", "thinking_config", "cached_content", "labels"):
        assert name in OPTION_NAMES
    assert VERTEX.option_names == OPTION_NAMES
    for wrong in ("x", ["x"], 7):
        with pytest.raises(UsageError, match=f"generation_config is a {type(wrong).__name__}"):
            body(options={"generation_config": wrong})
    assert "generationConfig" not in body(options={"generation_config": None})
    with pytest.raises(UsageError, match="topP is given twice"):
        body(options={"top_p": 0.5, "topP": 0.5})


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        ({"contents": []}, "contents"),
        ({"system_instruction": {"parts": []}}, "systemInstruction"),
        ({"generation_config": {"top_p": 1}}, "generationConfig.topP"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}, "toolConfig.functionCallingConfig.mode"),
    ],
)
def test_extra_fields_never_replace_what_toolfan_sets(extra, field):
    with pytest.raises(UsageError, match=field):
        body(messages=(SYSTEM, USER), options={"top_p": 0.5}, extra_body=extra)


def test_extra_fields_pass_with_their_own_keys():
    built = body(extra_body={"tools": [{"googleSearch": {}}], "labels": {"my_team": "a"}, "new_thing": {"a_b": 1}})
    assert built["tools"][1] == {"googleSearch": {}}
    assert built["labels"] == {"my_team": "a"}
    assert built["new_thing"] == {"a_b": 1}
    assert len(body()["tools"]) == 1


@pytest.mark.parametrize("own", [{"maxOutputTokens": 100}, {"max_output_tokens": 100}])
@pytest.mark.parametrize("given", [{}, {"maxOutputTokens": 4}, {"max_output_tokens": 4}])
def test_an_option_of_a_call_stands_for_the_clients_in_either_spelling(own, given, monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "k")
    with Server([{"calls": [{"name": "Ping"}]}]) as server:
        with toolfan.connect("gemini:m", base_url=server.base_url, options={**own, "top_k": 3}) as client:
            client.create(messages=[{"role": "user", "content": "Go."}], tools=(Ping,), **given)
        sent = server.requests[-1].body["generationConfig"]
    assert sent == {"maxOutputTokens": 4 if given else 100, "topK": 3}
