"""Every function of BFCL is sent as a tool, and its ground truth, as the provider would answer, comes back equal."""

from __future__ import annotations

import functools
import json
import re
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from loopback import Bench, call, completion, raw
from toolfan import Calls, WireResponse, load_adapter
from toolfan.conversation.generator import converse
from toolfan.drivers.retries import Retries
from toolfan.request.arguments import prepare

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bfcl import cases

ALL = {case.id: case for case in cases()}
# Its truth sorts a list of texts, which its schema says are integers.
CONTRADICTORY = "parallel_multiple_94"
CASES = [name for name in ALL if name != CONTRADICTORY]
Sent = list[tuple[str, dict[str, Any]]]


def openai_tools(body: dict[str, Any]) -> Sent:
    return [(tool["function"]["name"], tool["function"]["parameters"]) for tool in body["tools"]]


def google_tools(body: dict[str, Any]) -> Sent:
    (tools,) = body["tools"]
    return [(tool["name"], tool["parametersJsonSchema"]) for tool in tools["functionDeclarations"]]


def openai_answer(calls: Sent) -> dict[str, Any]:
    return completion(*(call(name, arguments, f"id{at}") for at, (name, arguments) in enumerate(calls)))


def google_answer(calls: Sent) -> dict[str, Any]:
    parts = [{"functionCall": {"name": name, "args": arguments}} for name, arguments in calls]
    return {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}


PROVIDERS: dict[str, tuple[Any, Any]] = {
    "openai": (openai_tools, openai_answer),
    "vertex": (google_tools, google_answer),
    "gemini": (google_tools, google_answer),
}


@functools.cache
def exchanged(adapter_name: str, case_id: str) -> tuple[Calls[Any], Sent]:
    """What `create()` does, without a network: the calls, and the tools as they were sent."""
    case = ALL[case_id]
    adapter = load_adapter(adapter_name)
    sent_tools, answer = PROVIDERS[adapter_name]
    tools = case.tools()
    prepared = prepare(adapter, {}, messages=case.messages, tools=tools, options={"model": "m", "on_invalid": "keep"})
    conversation = converse(adapter, prepared.request, prepared.policy, Retries())
    sent = sent_tools(next(conversation).request.body)
    wire_names = {tool.name: name for tool, (name, _) in zip(tools, sent, strict=True)}
    body = json.loads(json.dumps(answer([(wire_names[name], arguments) for name, arguments in case.truth])))
    with pytest.raises(StopIteration) as stop:
        conversation.send(WireResponse(body))
    return stop.value.value, sent


def plain(value: Any) -> Any:
    return value.model_dump(by_alias=True, exclude_unset=True)


def test_the_cases_are_there() -> None:
    assert len(ALL) == 220
    assert sum("." in function["name"] for case in ALL.values() for function in case.functions) > 100


def test_a_truth_that_contradicts_its_schema_fails_alone() -> None:
    calls, _ = exchanged("openai", CONTRADICTORY)
    assert [bad.name for bad in calls.failed] == ["sort_list"]
    assert len(calls) == 3


# One test for all providers of a case: its tools are made once.
@pytest.mark.parametrize("case_id", CASES)
def test_the_ground_truth_comes_back_equal(case_id: str) -> None:
    came = {name: exchanged(name, case_id)[0] for name in PROVIDERS}
    truth = ALL[case_id].truth
    found = {name: [(good.name, plain(good.value)) for good in calls.good] for name, calls in came.items()}
    assert found == dict.fromkeys(PROVIDERS, truth)
    assert [calls.failed for calls in came.values()] == [()] * len(PROVIDERS)
    for name in PROVIDERS:
        _sent_as_it_must_be(ALL[case_id], exchanged(name, case_id)[1])


def _sent_as_it_must_be(case: Any, sent: Sent) -> None:
    """Names are legal, and schemas take the ground truth."""
    assert [name for name, _ in sent if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}", name)] == []
    assert len({name for name, _ in sent}) == len(sent)
    schemas = {tool.name: schema for tool, (_, schema) in zip(case.tools(), sent, strict=True)}
    for name, arguments in case.truth:
        jsonschema.Draft202012Validator(schemas[name]).validate(arguments)


def test_all_of_them_through_the_real_sdk(bench: Bench) -> None:
    chosen = [ALL[case_id] for case_id in CASES]
    legal = re.compile(r"[^a-zA-Z0-9_-]")
    answers = [
        raw(openai_answer([(legal.sub("_", name), arguments) for name, arguments in case.truth])) for case in chosen
    ]
    bench.serve(*answers)
    client = bench.client()
    for case in chosen:
        calls = client.create(model="m", messages=case.messages, tools=case.tools())
        assert [(good.name, plain(good.value)) for good in calls.good] == case.truth, case.id
    assert len(bench.bodies) == len(CASES)
