"""The offline adapter loses no call either: what is odd among the calls of a scripted answer costs only itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
import toolfan
from pydantic import BaseModel
from toolfan import MalformedArguments, UnknownTool
from toolfan_local import LocalClient


class A(BaseModel):
    x: Any = None


GOOD = {"id": "good", "name": "A", "arguments": {"x": 1}}


def asked(body: str) -> Any:
    client = toolfan.wrap(LocalClient([{"body": {"content": body}}]))
    return client.create(messages=[{"role": "user", "content": "Go."}], tools=(A,), on_invalid="keep")


@pytest.mark.parametrize("odd", [None, 3, "text", [], [GOOD]], ids=repr)
def test_what_is_no_call_is_a_bad_call(odd: Any) -> None:
    calls = asked(json.dumps({"calls": [odd, GOOD]}))
    assert list(calls) == [A(x=1)]
    (bad,) = calls.failed
    assert (type(bad.error), bad.index, json.loads(bad.raw.arguments)) == (UnknownTool, 0, odd)
    assert len(calls.reply({one.id: "done" for one in calls.outcomes})) == 3


@pytest.mark.parametrize("value", ["[" * 5_000 + "]" * 5_000, "9" * 5_000, '"\\ud800"'], ids=["deep", "digits", "lone"])
def test_what_no_decoder_takes_costs_one_call(value: str) -> None:
    calls = asked('{"calls": [{"name": "A", "arguments": {"x": %s}}, %s]}' % (value, json.dumps(GOOD)))  # noqa: UP031
    assert list(calls) == [A(x=1)]
    assert type(calls.failed[0].error) is MalformedArguments
