"""One answer is one result: asked sync or async, decoded from its stored body, written as JSON and read back."""

from __future__ import annotations

import contextlib
import json
import math
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from fault_asking import TOOLS, asking
from loopback import USER, call, completion
from toolfan.adapter import WireResponse
from toolfan.cli.app import app
from toolfan.cli.output import no_call_text, outcome_json
from toolfan.conversation.generator import converse
from toolfan.drivers.retries import Retries
from toolfan.request.arguments import prepare
from toolfan_local.faults import CATALOGUE, FaultServer
from typer.testing import CliRunner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fault_asking import Asker


def printed(body: Any) -> tuple[list[Any], str]:
    """What `toolfan decode` prints of a stored body: its lines, and what it says on standard error."""
    command = ["decode", "--with", "openai", "--tools", "fault_asking:TOOLS"]
    done = CliRunner().invoke(app, command, input=json.dumps(body))
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


UNREADABLE = {"empty-choices", "null-choices", "empty-object", "null-message", "body-list", "body-string"}
DECLINED = {"content-filter", "content-filter-one-call", "refusal", "error-in-200"}
READABLE = [
    fault.name
    for fault in CATALOGUE.values()
    if fault.section.startswith("4.") and "openai" in fault.dialects and fault.name not in UNREADABLE | DECLINED
]


def said(calls: toolfan.Calls[Any]) -> tuple[Any, ...]:
    """All of the result but its headers, which have the time."""
    return (
        calls.outcomes,
        calls.text,
        calls.stop,
        calls.usage,
        calls.warnings,
        calls.raw,
        calls.attempts,
        calls.requests,
    )


def decoded(body: Any) -> toolfan.Calls[Any]:
    """What the adapter makes of a stored body, without a client."""
    adapter = toolfan.load_adapter("openai")
    prepared = prepare(adapter, {}, messages=USER, tools=TOOLS, options={"model": "m", "on_invalid": "keep"})
    conversation = converse(adapter, prepared.request, prepared.policy, Retries())
    next(conversation)
    try:
        conversation.send(WireResponse(body, None, {}))
    except StopIteration as stop:
        result: toolfan.Calls[Any] = stop.value
        return result
    raise AssertionError("it asked again")


@pytest.fixture(scope="module")
def askers() -> Iterator[list[Asker]]:
    """One of each mode, with servers that count apart."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(FaultServer()) for _ in range(2)]
        yield [stack.enter_context(asking(mode, one)) for mode, one in zip(("sync", "async"), servers, strict=True)]


@pytest.mark.parametrize("fault", READABLE)
def test_the_same_answer_is_the_same_result(askers: list[Asker], fault: str) -> None:
    options = {"model": fault, "messages": USER, "tools": TOOLS, "on_invalid": "keep"}
    calls, asynchronous = (ask.create(ask.client(), **options) for ask in askers)
    assert said(calls) == said(asynchronous) == said(decoded(calls.raw))
    assert toolfan.Calls.from_json(calls.to_json(), tools=TOOLS) == calls
    lines, told = printed(calls.raw)
    assert lines == [outcome_json(outcome) for outcome in calls.outcomes]
    assert told == ("" if lines else f"{no_call_text(calls)}\n")


@pytest.mark.parametrize("fault", sorted(DECLINED - {"error-in-200"}))
def test_what_was_declined_is_told_of_a_stored_body_too(askers: list[Asker], fault: str) -> None:
    with pytest.raises(toolfan.ProviderError) as caught:
        askers[0].create(askers[0].client(), model=fault, messages=USER, tools=TOOLS)
    calls = caught.value.calls
    assert calls is not None
    lines, told = printed(calls.raw)
    assert lines == [outcome_json(outcome) for outcome in calls.outcomes]
    assert told.startswith(f"{type(caught.value).__name__}: {caught.value.message}")


def test_nan_crosses_processes_and_equals_nothing(bench: Any) -> None:
    body = json.dumps({**completion(call("GoogleSearch", {"query": "x"})), "usage": {"prompt_tokens": float("nan")}})
    bench.serve({"body": {"content": body}})
    calls = bench.client().create(model="m", messages=USER, tools=TOOLS)
    assert calls == calls
    again = pickle.loads(pickle.dumps(calls))
    assert math.isnan(again.raw["usage"]["prompt_tokens"])
    assert again.to_json() == calls.to_json()
    assert replace(again, raw={}) == replace(calls, raw={})
