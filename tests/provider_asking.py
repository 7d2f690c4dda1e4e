"""Asking the fault server through the SDKs of Anthropic and of OpenAI's Responses API, whole and streamed.

Fixture: `askers`.  A conftest.py imports it where it is wanted.

Knows: the SDKs' clients, the fault server, where their requests hold a turn and what was answered.  Must not know: any
row of the catalogue of faults.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import anthropic
import openai
import pytest
from fault_asking import Asker
from loopback import KEY
from stream_asking import StreamAsker
from toolfan_local.faults import CATALOGUE, FaultServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DIALECTS = {"anthropic": "anthropic", "openai-responses": "responses"}
"""The adapters, and what the fault server calls their dialect."""
MODES = ("sync", "async")
SDKS: dict[str, tuple[Any, Any]] = {
    "anthropic": (anthropic.Anthropic, anthropic.AsyncAnthropic),
    "openai-responses": (openai.OpenAI, openai.AsyncOpenAI),
}
PLAYED: set[tuple[str, str]] = set()
"""The adapters and the faults of all tests that `played` makes."""
Askers = dict[tuple[str, str], tuple[Asker, StreamAsker]]


def url_of(adapter: str, server: FaultServer) -> str:
    return server.anthropic_url if adapter == "anthropic" else server.openai_url


def played(cases: Sequence[Any]) -> Any:
    """A test for each adapter and each case whose fault is played in its dialect."""
    pairs = []
    for adapter, dialect in DIALECTS.items():
        for case in cases:
            fault = case if isinstance(case, str) else case.fault
            if dialect in CATALOGUE[fault.removesuffix("-once")].dialects:
                pairs.append(pytest.param(adapter, case, id=f"{adapter}-{fault}"))
                PLAYED.add((adapter, fault.removesuffix("-once")))
    return pytest.mark.parametrize(("adapter", "case"), pairs)


@pytest.fixture(scope="session")
def askers(faults: FaultServer) -> Iterator[Askers]:
    """By adapter and mode: one that asks for whole answers, one that asks for streams."""
    with contextlib.ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        made: Askers = {}
        for adapter, (sync, asynchronous) in SDKS.items():
            options = {"api_key": KEY, "base_url": url_of(adapter, faults)}
            sdks = stack.enter_context(sync(**options)), asynchronous(**options)
            stack.callback(lambda sdk=sdks[1]: runner.run(sdk.close()))
            for mode, sdk, loop in zip(MODES, sdks, (None, runner), strict=True):
                pair = Asker(faults, sdk, loop), StreamAsker(faults, sdk, loop)
                for one in pair:
                    one.adapter = adapter
                made[adapter, mode] = pair
        yield made


def turn_of(adapter: str, body: dict[str, Any]) -> tuple[list[Any], dict[str, tuple[str, str]]]:
    """The last turn of the model in a request, and by the id of each call its name and what it was answered."""
    if adapter == "anthropic":
        said, answered = body["messages"][-2]["content"], body["messages"][-1]["content"]
        calls = {block["id"]: block["name"] for block in said if block["type"] == "tool_use"}
        told = [(one["tool_use_id"], one["content"]) for one in answered]
    else:
        items = body["input"]
        answered = [one for one in items if one.get("type") == "function_call_output"]
        said = [one for one in items if one not in answered and one.get("role") != "user"]
        calls = {item["call_id"]: item["name"] for item in said if item["type"] == "function_call"}
        told = [(one["call_id"], one["output"]) for one in answered]
    assert [call_id for call_id, _ in told] == list(calls), "each call is answered once, in call order"
    return said, {call_id: (calls[call_id], text) for call_id, text in told}
