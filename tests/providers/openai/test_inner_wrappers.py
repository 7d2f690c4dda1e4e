"""A call that holds others may hold one of its kind: all that is inside comes out, whole and streamed alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ended_ways import MODES, ask, choice
from loopback import FaultServer
from odd_streams import Weather
from toolfan import UnknownTool

Start = Callable[..., FaultServer]


def use(location: Any) -> dict[str, Any]:
    return {"recipient_name": "functions.Weather", "parameters": {"location": location}}


def holding(*uses: dict[str, Any]) -> dict[str, Any]:
    return {"recipient_name": "multi_tool_use.parallel", "parameters": {"tool_uses": list(uses)}}


def wrapper(
    *uses: dict[str, Any], arguments: str | None = None, name: str = "multi_tool_use.parallel"
) -> dict[str, Any]:
    text = json.dumps({"tool_uses": list(uses)}) if arguments is None else arguments
    function = {"name": name, "arguments": text}
    message = {"role": "assistant", "tool_calls": [{"id": "w", "type": "function", "function": function}]}
    return choice("tool_calls", message)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("prefix", ["", "functions.", "functions_"])
def test_calls_in_an_inner_wrapper_come_out_in_order(faulty: Start, mode: str, prefix: str) -> None:
    inner = holding(use("B"), {**holding(use("C")), "recipient_name": f"{prefix}parallel"})
    said = wrapper(use("A"), inner, use("D"), name=f"{prefix}multi_tool_use.parallel")
    found = ask(faulty, mode, said).result
    assert list(found) == [Weather(location=name) for name in "ABCD"]
    assert [one.id for one in found.outcomes] == ["w:0", "w:1", "w:2", "w:3"]
    assert all("unwrapped" in call.repairs for call in found.good)


@pytest.mark.parametrize("mode", MODES)
def test_the_failed_ones_are_asked_for_again_and_the_wrapper_is_answered_once(faulty: Start, mode: str) -> None:
    mended = wrapper(use("B"))
    found = ask(faulty, mode, wrapper(use("A"), holding(use(7), use("C"))), mended)
    assert list(found.result) == [Weather(location=name) for name in "ABC"]
    (answer,) = [one for one in found.bodies[1]["messages"] if one["role"] == "tool"]
    assert answer["tool_call_id"] == "w"
    assert list(json.loads(answer["content"])) == ["w:0", "w:1", "w:2"]


@pytest.mark.parametrize("mode", MODES)
def test_the_depth_is_bounded_and_the_others_stay(faulty: Start, mode: str) -> None:
    deep = use("deep")
    for _ in range(30):
        deep = holding(deep)
    found = ask(faulty, mode, wrapper(use("A"), deep, use("B")), on_invalid="keep").result
    assert list(found) == [Weather(location="A"), Weather(location="B")]
    assert [type(bad.error) for bad in found.failed] == [UnknownTool]
