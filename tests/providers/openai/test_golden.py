"""Requests to the byte, for every choice and shape: golden files, judged by OpenAI's own document.

TOOLFAN_WRITE_GOLDEN=1 writes the files anew.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from shapes import SHAPES, Aliased, Box, Empty, Node, Paint, Person, Point, Weather
from shared_data import judge
from toolfan import Tool, ToolDefinitionError, load_adapter
from toolfan.request.arguments import prepare
from toolfan.wire import encode_json

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "openai"
USER = {"role": "user", "content": "Weather in Zürich? ☔"}
SYSTEM = {"role": "developer", "content": "Be brief."}
PICTURE = {
    "role": "user",
    "content": [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "low"}},
    ],
}
PLAYED = [
    USER,
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "Weather", "arguments": '{"location":"Zürich"}'}}
        ],
    },
    {"role": "tool", "tool_call_id": "a", "content": "rain"},
]


def add(left: int, right: int = 1) -> int:
    """Adds."""
    return left + right


TWO = (Weather, Empty)
LEFT_OUT = ("nested-class", "scalars")  # a second Weather; the schema of a Decimal differs between pydantic's releases
CASES: dict[str, dict[str, Any]] = {
    "auto": {"tools": TWO, "messages": [SYSTEM, USER]},
    "every_shape": {"tools": (*(shape.tool for name, shape in SHAPES.items() if name not in LEFT_OUT), add)},
    "required": {"tools": TWO, "tool_choice": "required"},
    "none": {"tools": TWO, "tool_choice": "none"},
    "one_of_them": {"tools": (*TWO, Box[int]), "tool_choice": Box[int]},
    "some_of_them": {"tools": (*TWO, Box[int]), "tool_choice": [Box[int], "Weather"]},
    "strict": {"tools": (Weather, Paint, Node, Aliased, Point), "strict": True},
    "not_strict": {"tools": TWO, "strict": False},
    "one_at_most": {"tools": TWO, "parallel": False},
    "at_most_three": {"tools": TWO, "parallel": 3},
    "options": {"tools": TWO, "temperature": 0, "max_completion_tokens": 9, "metadata": {"a": "b"}, "stop": ["x"]},
    "extra": {"tools": TWO, "extra_body": {"n": 1, "logit_bias": {"1": 2}}},
    "messages": {"tools": TWO, "messages": [SYSTEM, *PLAYED, PICTURE]},
    "names": {"tools": (Tool(Weather, name="wétter.heute:x"), Tool(Empty, name="p" * 70), Tool(Point, name="☔"))},
}


@functools.cache
def built(name: str) -> Any:
    options = {"model": "gpt-x", "messages": [USER], **CASES[name]}
    messages, tools = options.pop("messages"), options.pop("tools")
    adapter = load_adapter("openai")
    return adapter.build_request(prepare(adapter, {}, messages=messages, tools=tools, options=options).request)


def text(name: str) -> str:
    return json.dumps(built(name).body, indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", CASES)
def test_requests_are_the_golden_ones_to_the_byte(name: str) -> None:
    path = GOLDEN / f"{name}.json"
    if os.environ.get("TOOLFAN_WRITE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(name), encoding="utf-8")
    assert text(name) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_openais_document_accepts_them(name: str) -> None:
    assert judge("openapi_judge").why(built(name).body) is None


@pytest.mark.parametrize("name", CASES)
def test_the_tools_as_bytes_are_the_tools(name: str) -> None:
    assert built(name).tools_json in (None, encode_json(built(name).body["tools"]))


def test_every_golden_file_has_a_case() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(CASES)


PRINT = "import test_golden as t, hashlib; print(hashlib.sha256(''.join(map(t.text, t.CASES)).encode()).hexdigest())"


def test_they_are_the_same_in_every_process() -> None:
    tests = Path(__file__).resolve().parents[2]
    path = os.pathsep.join([str(tests), str(Path(__file__).resolve().parent)])
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PRINT],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
        )
        for seed in ("0", "1")
    ]
    first, second = (process.communicate(timeout=60)[0] for process in running)
    assert first == second != b""


def strictly(tool: Any) -> dict[str, Any]:
    adapter = load_adapter("openai")
    request = prepare(adapter, {}, messages=[USER], tools=(tool,), options={"model": "m", "strict": True}).request
    function = adapter.build_request(request).body["tools"][0]["function"]
    assert function["strict"] is True
    schema: dict[str, Any] = function["parameters"]
    return schema


NOT_STRICT = {
    "nested": "by_name.*free keys",
    "scalars": "prefixItems",
    "typings-typeddict": "by_day.*free keys",
    "named-tuple-inside": "prefixItems",
    "new-type-and-alias": "free keys",
}


@pytest.mark.parametrize("name", [name for name in SHAPES if name not in NOT_STRICT])
def test_every_object_of_a_strict_schema_is_closed_and_wholly_required(name: str) -> None:
    schema = strictly(SHAPES[name].tool)
    jsonschema.Draft202012Validator.check_schema(schema)
    found: list[dict[str, Any]] = []
    _objects(schema, found.append)
    assert found
    for node in found:
        assert node["additionalProperties"] is False
        assert node["required"] == list(node["properties"])
    words = json.dumps(schema)
    assert [word for word in ('"default"', '"oneOf"', '"discriminator"') if word in words] == []


def _objects(node: Any, found: Callable[[dict[str, Any]], None]) -> None:
    if isinstance(node, dict):
        if node.get("type") == "object":
            found(node)
        for child in node.values():
            _objects(child, found)
    elif isinstance(node, list):
        for child in node:
            _objects(child, found)


@pytest.mark.parametrize(("name", "message"), NOT_STRICT.items())
def test_what_strict_cannot_say_is_refused_with_its_place(name: str, message: str) -> None:
    with pytest.raises(ToolDefinitionError, match=f"strict=True is not possible: .*{message}") as caught:
        strictly(SHAPES[name].tool)
    assert caught.value.tool == SHAPES[name].tool.__name__


def test_a_tool_set_is_rendered_once() -> None:
    assert built("required").body["tools"] is built("none").body["tools"]
    assert built("required").tools_json is built("none").tools_json
    assert Person.__name__ in [tool["function"]["name"] for tool in built("every_shape").body["tools"]]
