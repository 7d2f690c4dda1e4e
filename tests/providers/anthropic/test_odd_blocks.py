"""Blocks of a message in which there is nothing to read are told of, and harm no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from anthropic_asking import OSLO, Asker, Weather, stream, whole
from anthropic_samples import events, message, tool_use

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD = tool_use("toolu_a", "Weather", OSLO)
UNTYPED = {"id": "toolu_b", "name": "Weather", "input": OSLO}
NO_TYPE = "2 blocks of the content have no type, and were left out"
NO_BLOCK = "2 entries of the content are no blocks, and were left out"


@pytest.mark.parametrize("use_async", [False, True])
@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("odd", "warning"), [(UNTYPED, NO_TYPE), ({**UNTYPED, "type": None}, NO_TYPE), (None, NO_BLOCK), ("x", NO_BLOCK)]
)
def test_it_is_told_of(faulty: Callable[..., Any], odd: Any, warning: str, *, use_async: bool, streams: bool) -> None:
    if streams:
        begin, *rest = events(message(GOOD))
        block = [{"type": "content_block_start", "content_block": odd}, {"type": "content_block_stop"}]
        more = [{**event, "index": at} for at in (7, 8) for event in block]
        sent = stream([begin, *more, *rest])
    else:
        sent = whole(message(odd, GOOD, odd))
    calls = Asker(use_async, streams)(faulty(sent).url)
    assert list(calls) == [Weather(location="Oslo", units="metric")]
    assert calls.warnings == (warning,)
