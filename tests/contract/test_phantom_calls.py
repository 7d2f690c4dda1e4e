"""A call without name and arguments is dropped beside text or other calls, whole and streamed alike.

One that has either is a call, and so is one that stands alone: it fails, and shows what came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from toolfan.adapter import Answer
from toolfan_local.faults import anthropic_form, responses_form
from toolfan_local.faults.answers import MISSING, SaidCall, Text
from toolfan_local.faults.asking import Asked

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMS: dict[str, Any] = {"anthropic": anthropic_form, "openai-responses": responses_form}
ASKED = Asked("anthropic", "m", "/", {}, ())
REAL = SaidCall("Weather", {"x": 1}, "real")
NOTHING = [SaidCall("", Text(""), "p"), SaidCall(None, Text("{}"), "p"), SaidCall(MISSING, MISSING, "p")]
SOMETHING = [SaidCall("", {"x": 1}, "p"), SaidCall("Weather", Text(""), "p"), SaidCall(None, Text("{x"), "p")]


def ids(adapter: str, calls: Sequence[SaidCall], text: str | None) -> list[str]:
    """The ids of the calls that came, whole and streamed: all of them are in the turn that is sent back."""
    codec, form = toolfan.load_adapter(adapter), FORMS[adapter]
    body = form.body(ASKED, calls, text)
    parser = codec.stream_parser()
    sealed = [call for event in form.events(ASKED, body) for call in parser.feed(event)]
    turns = codec.parse_response(body), parser.close()
    assert [one.id for one in turns[0].calls] == [one.id for one in turns[1].calls]
    assert all(call in turns[1].calls for call in sealed)
    for turn in turns:
        said = codec.build_answer(turn, [Answer(call, "ok", is_error=False) for call in turn.calls])
        blocks = [block for one in said for block in (one["content"] if adapter == "anthropic" else [one])]
        named = [block.get("id" if adapter == "anthropic" else "call_id") for block in blocks if "name" in block]
        assert named == [one.id for one in turn.calls]
    return [one.id for one in turns[0].calls]


@pytest.mark.parametrize("phantom", NOTHING, ids=["empty", "null", "missing"])
@pytest.mark.parametrize("adapter", FORMS)
def test_it_is_dropped_beside_anything(adapter: str, phantom: SaidCall) -> None:
    assert ids(adapter, [phantom, REAL], None) == ids(adapter, [REAL, phantom], "Hm.") == ["real"]
    assert ids(adapter, [phantom, phantom], "Hm.") == []
    assert ids(adapter, [phantom], None) == ["p"]


@pytest.mark.parametrize("call", SOMETHING, ids=["arguments", "name", "cut"])
@pytest.mark.parametrize("adapter", FORMS)
def test_what_says_something_is_a_call(adapter: str, call: SaidCall) -> None:
    assert ids(adapter, [call, REAL], None) == ["p", "real"]
    assert ids(adapter, [REAL, call], "Hm.") == ["real", "p"]
