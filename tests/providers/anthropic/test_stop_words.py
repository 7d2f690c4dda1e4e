"""Stop reasons of gateways that put this API before chat completions and leave that one's words as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from anthropic_asking import OSLO, Asker, Weather, stream, whole
from anthropic_samples import events, message, text, tool_use
from toolfan import ContentFiltered

if TYPE_CHECKING:
    from collections.abc import Callable

CALL = tool_use("toolu_a", "Weather", OSLO)


def sent(body: dict[str, Any], *, streams: bool) -> Any:
    return stream(events(body)) if streams else whole(body)


@pytest.mark.parametrize("use_async", [False, True])
@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("word", "block", "kind"),
    [
        ("stop", text("It rains."), "end"),
        ("stop", CALL, "calls"),
        ("tool_calls", CALL, "calls"),
        ("length", CALL, "length"),
    ],
)
def test_it_means_what_it_means_there(
    faulty: Callable[..., Any], word: str, block: Any, kind: str, *, use_async: bool, streams: bool
) -> None:
    calls = Asker(use_async, streams)(faulty(sent(message(block, stop=word), streams=streams)).url)
    assert (calls.stop.kind, calls.stop.raw, calls.warnings) == (kind, word, ())
    assert list(calls) == ([Weather(location="Oslo", units="metric")] if block is CALL else [])


@pytest.mark.parametrize("use_async", [False, True])
@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("said", [[], [CALL]])
def test_a_filter_that_stopped_the_answer_is_told(
    faulty: Callable[..., Any], said: list[Any], *, use_async: bool, streams: bool
) -> None:
    server = faulty(sent(message(*said, stop="content_filter"), streams=streams))
    with pytest.raises(ContentFiltered) as caught:
        Asker(use_async, streams)(server.url)
    assert list(caught.value.calls or ()) == [Weather(location="Oslo", units="metric")] * len(said)
