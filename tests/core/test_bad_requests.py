"""Messages and extra fields that no provider takes: refused with their position before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest
from loopback import USER, Bench, call, completion, raw
from pydantic import BaseModel
from toolfan import UsageError


class A(BaseModel):
    x: int = 0


TEXT = {"type": "text", "text": "x"}
PARTS = "a text or a list of parts"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], r"messages\[1\] has a content without any part"),
        ((), r"messages\[1\] has a content without any part"),
        (["x"], r"messages\[1\].content\[0\] is a str, not a part"),
        ([TEXT, None], r"messages\[1\].content\[1\] is a NoneType, not a part"),
        ([TEXT, {}], r"messages\[1\].content\[1\] names no type"),
        ([TEXT, {"text": "x"}], r"messages\[1\].content\[1\] names no type"),
        ([{"type": 5}], r"messages\[1\].content\[0\] names no type"),
        ([{"type": "text"}], r"messages\[1\].content\[0\] is a part of type 'text' without a text"),
        ([{"type": "text", "text": None}], r"messages\[1\].content\[0\] is a part of type 'text' without a text"),
        (5, r"messages\[1\] has a content of type int"),
    ],
)
@pytest.mark.parametrize("role", ["user", "system", "assistant", "tool"])
def test_content_that_is_none(bench: Bench, role: str, content: Any, said: str) -> None:
    bench.serve({"text": "x"})
    message = {"role": role, "content": content, "tool_call_id": "c"}
    with pytest.raises(UsageError, match=rf"{said}.*{PARTS}"):
        bench.client().create(model="m", messages=[*USER, message], response_model=A)
    assert bench.bodies == []


@pytest.mark.parametrize("content", [[], [{"text": "x"}]])
def test_what_a_server_said_beside_calls_goes_back_as_it_came(bench: Bench, content: Any) -> None:
    odd = completion(call("A", {"x": 1}, "c1"), content=content)
    bench.serve(raw(odd), raw(completion()))
    client = bench.client()
    calls = client.create(model="m", messages=USER, response_model=A)
    client.create(model="m", messages=[*USER, *calls.reply({"c1": "done"})], response_model=A)
    assert bench.bodies[1]["messages"][1]["content"] == content


def test_parts_of_any_type_pass(bench: Bench) -> None:
    bench.serve({"text": "x"})
    parts = [TEXT, {"type": "file", "file": {"file_id": "f"}}, {"type": "of_tomorrow", "n": 1}]
    bench.client().create(model="m", messages=[{"role": "user", "content": parts}], response_model=A)
    assert bench.bodies[0]["messages"][0]["content"] == parts


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"stream": True}, "extra_body sets stream.*Leave it out"),
        ({"tools": [5]}, r"extra_body.tools\[0\] is of the type int.*own form"),
        ({"tools": [{"type": "x"}, A]}, r"extra_body.tools\[1\] is of the type ModelMetaclass.*tools="),
        ({"tools": {"type": "x"}}, "extra_body sets tools, which toolfan sets"),
    ],
)
def test_extra_fields_that_cannot_work(bench: Bench, extra: dict[str, Any], said: str) -> None:
    bench.serve({"text": "x"})
    with pytest.raises(UsageError, match=said):
        bench.client().create(model="m", messages=USER, response_model=A, extra_body=extra)
    assert bench.bodies == []


def test_tools_of_the_providers_own_pass(bench: Bench) -> None:
    bench.serve({"text": "x"})
    own = {"type": "function", "function": {"name": "own", "parameters": {"type": "object", "properties": {}}}}
    bench.client().create(model="m", messages=USER, response_model=A, extra_body={"tools": [own], "stream": False})
    assert bench.bodies[0]["tools"][1] == own
