"""Answers that a limit of output tokens cuts, by where it cuts them, and a server that gives them.

Fixture: `scripted`, of one module.

Knows: scripts, what a limit leaves of them.  Must not know: dialects, clients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from toolfan_local import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = "I look for the weather of both places, one after the other, and tell you of it. "
FIRST, SECOND = {"location": "Oslo", "units": "metric"}, {"location": "Bergen", "units": "metric"}
CALLS = [{"name": "Weather", "arguments": said} for said in (FIRST, SECOND)]
SCRIPT: list[dict[str, Any]] = [
    {"model": "plain", "times": "always", "text": TEXT},
    {"model": "counted", "times": "always", "text": TEXT, "usage": {"prompt_tokens": 7, "completion_tokens": 200}},
    {"model": "odd", "times": "always", "calls": [{"name": "Weather", "arguments": '{"location": Oslo, "units": 1}'}]},
    {"times": "always", "text": TEXT, "calls": CALLS},
]
# 20 tokens of text; then 2 for the name of each call, 10 and 11 for its arguments.
WHOLE = 45
CASES: dict[str, tuple[int, int, str, str | None]] = {
    "one token": (1, 1, TEXT[:4], None),
    "in the text": (17, 17, TEXT[:68], None),
    "between text and calls": (21, 20, TEXT, None),
    "between calls": (33, 32, TEXT, ""),
    "before the second call's arguments": (34, 34, TEXT, "0"),
    "in the second call's first field": (36, 36, TEXT, '{"locati'),
    "in the second call's second field": (41, 41, TEXT, '{"location": "Bergen", "unit'),
    "one too few": (44, 44, TEXT, '{"location": "Bergen", "units": "metric"'),
}
"""The limit, the tokens of usage, the text; the second call's arguments, or "0" for none of them, "" for the first call
alone, None for no call."""
KEPT = {"one too few": SECOND, "in the second call's second field": {"location": "Bergen"}}
"""What is whole of the second call's arguments, where that is anything."""


@pytest.fixture(scope="module")
def scripted() -> Iterator[Server]:
    """A server with these answers."""
    with Server(SCRIPT) as running:
        yield running


def cases(provider: str) -> list[str]:
    """Those that a provider is asked for: the Responses API takes no limit below 16."""
    return [name for name, (most, *_) in CASES.items() if most >= 16 or provider != "openai-responses"]
