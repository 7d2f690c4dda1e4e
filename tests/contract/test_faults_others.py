"""Every fault of the catalogue through Bedrock's, Cohere's and LiteLLM's SDKs, whole and streamed, sync and async.

What must come of it is what comes of it through OpenAI's SDK, which the tests of each section say; where the other SDK
tells less, or another error, `OTHERWISE` has it.
"""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any

import pytest
from fault_asking import TOOLS, WEATHER, Fails, Good, GoogleSearch, asking
from loopback import USER
from other_asking import DIALECTS, PROVIDERS, SDKS, Other, sdk_of, streamed
from pydantic import BaseModel
from stream_asking import kept
from toolfan import (
    BadResponse,
    Call,
    ConnectionFailed,
    DeadlineExceeded,
    IncompleteStream,
    InvalidCalls,
    Unavailable,
)
from toolfan_local.faults import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fault_asking import Asked
    from toolfan_local.faults import Fault, FaultServer

    Others = Callable[[str, str], Other]

pytestmark = pytest.mark.filterwarnings("ignore")  # LiteLLM's, when it is first used
MODES = ("sync", "async")


class Booking(BaseModel):
    days: int
    price: float


NUMBERS = ("nan", "infinity", "1e999", "5000-digits", "float-for-int", "text-for-int")
OPTIONS: dict[str, dict[str, Any]] = {
    **{f"arguments-{name}": {"tools": (Booking, GoogleSearch)} for name in NUMBERS},
    # Else the next request may go into the connection that the server is about to close.
    "short-content-length": {"extra_headers": {"connection": "close"}},
}
WAITS = tuple(f"429-retry-after-{wish}" for wish in ("0.2", "1", "date", "skewed"))
APART = ("hang", "slow", *WAITS, "arguments-10-mb", "sse-200", "sse-400")
"""What takes long: these have tests of their own, here and for every provider in test_deadlines_everywhere.py."""
LARGE = ("arguments-17-mb", "1000-calls", "sse-100-calls")

NOT_PLAYED = (
    ("litellm", "302-to-itself"),  # it follows redirects
    ("litellm", "short-content-length"),  # it goes on in a connection that is about to close
    ("bedrock", "short-content-length"),  # so does botocore, whatever the header says, when the server is slow
)

READ_BY_BOTOCORE = {  # which does not look at the length of an answer, asks for no compression and reads frames alone
    "whole": {
        "close-in-headers": (BadResponse, 3),
        "close-in-body": (BadResponse, 3),
        "close-in-body-early": (BadResponse, 3),
    },
    "streamed": {
        "close-in-headers": (IncompleteStream, 3),
        "close-in-body-early": (IncompleteStream, 3),
        "truncated-gzip": (BadResponse, 3),
        "event-stream-for-json": (BadResponse, 3),
        "empty-object": (BadResponse, 3),
        "body-list": (BadResponse, 3),
        "null-message": (BadResponse, 3),
        "sse-index-reversed": ("calls", 1),  # in the order in which the blocks came
    },
}
READ_BY_LITELLM = {  # what it cannot read, changes, or keeps to itself
    "whole": {
        "json-nan-usage": (BadResponse, 3),
        "arguments-depth-10000": (BadResponse, 3),
        "arguments-5000-digits": (BadResponse, 3),
        "parallel-wrapper": ("calls", 1),
        "missing-ids": ("calls", 1),
        "null-ids": ("calls", 1),
        "unknown-finish": ("calls", 1),
        "null-finish": ("calls", 1),
    },
    "streamed": {
        **dict.fromkeys(
            ("json-for-stream", "json-text-plain", "json-bom", "json-nan-usage", "json-duplicate-keys"),
            (IncompleteStream, 3),
        ),
        "json-leading-newlines": (IncompleteStream, 3),
        "sse-empty-data": (BadResponse, 3),
        "sse-retry-only": (BadResponse, 3),
        "sse-last-without-blank-line": (IncompleteStream, 1),
        "sse-done-without-finish": (IncompleteStream, 1),
        "sse-error-in-choice": (Unavailable, 1),
        "unknown-finish": ("calls", 1),
        "null-finish": (IncompleteStream, 1),
        "refusal": ("end", 1),
        "body-list": (BadResponse, 3),
    },
}
OTHERWISE: dict[str, dict[str, dict[str, tuple[Any, int]]]] = {
    "bedrock": READ_BY_BOTOCORE,
    "cohere": {"whole": {}, "streamed": {"null-message": (BadResponse, 3)}},
    "litellm": READ_BY_LITELLM,
}


def is_played(adapter: str, fault: Fault) -> bool:
    if (adapter, fault.name) in NOT_PLAYED:
        return False
    return DIALECTS[adapter] in fault.dialects and "openai" in fault.dialects and not fault.name.startswith(APART)


def ways(fault: Fault) -> list[tuple[str, str]]:
    """The modes and forms: all of them where the connection is at fault; what the answer says is read alike."""
    if fault.section == "3":
        return [(mode, "streamed") for mode in MODES]
    if fault.section.startswith("4."):
        return [("sync", "whole"), ("async", "streamed")]
    return [(mode, form) for mode in MODES for form in ("whole", "streamed")]


def played() -> Iterator[Any]:
    for adapter in SDKS:
        if adapter not in PROVIDERS:
            mark = pytest.mark.skip(reason=f"{SDKS[adapter]} is not installed in this environment")
            yield pytest.param(adapter, "sync", "whole", "good", marks=mark)
            continue
        for fault in CATALOGUE.values():
            for mode, form in ways(fault) if is_played(adapter, fault) else ():
                if fault.name not in LARGE or (adapter != "litellm" and mode == "sync"):
                    yield adapter, mode, form, fault.name


def story(asked: Asked) -> tuple[Any, ...]:
    """What became of it, but for the words."""
    error = asked.error
    calls = asked.calls if error is None else error.calls
    said = [
        (one.name, one.id, one.value, one.repairs) if isinstance(one, Call) else (one.name, one.id, type(one.error))
        for one in (calls.outcomes if calls is not None else ())
    ]
    if error is None:
        assert calls is not None
        return calls.stop.kind, calls.requests, said
    about = getattr(error, "status", None), getattr(error, "retry_after", None)
    return type(error), error.requests, error.retryable, about, said


def asked_for(fault: str) -> dict[str, Any]:
    """The options to ask with; calls that fail are asked for again elsewhere."""
    keep = {"on_invalid": "keep"} if CATALOGUE[fault].section.startswith("4.") else {}
    return {**keep, **OPTIONS.get(fault, {})}


@pytest.fixture(scope="module")
def to_openai(faults: FaultServer) -> Iterator[Callable[[str, str], tuple[Any, ...]]]:
    """`to_openai(fault, form)`: the story as OpenAI's SDK tells it."""
    with asking("sync", faults) as asker:

        @functools.cache
        def tell(fault: str, form: str) -> tuple[Any, ...]:
            ask = asker if form == "whole" else streamed(asker)
            return story(ask(fault, **asked_for(fault)))

        yield tell


@pytest.mark.parametrize(("adapter", "mode", "form", "fault"), list(played()))
def test_it_is_what_it_is_to_openai(
    others: Others, to_openai: Callable[[str, str], tuple[Any, ...]], adapter: str, mode: str, form: str, fault: str
) -> None:
    other = others(adapter, mode)
    told = story((other if form == "whole" else streamed(other))(fault, **asked_for(fault)))
    wanted, otherwise = to_openai(fault, form), OTHERWISE[adapter][form].get(fault)
    if otherwise is None:
        assert told == wanted
    else:
        assert told != wanted, "it is no exception any more"
        assert told[:2] == otherwise
        if otherwise in (("calls", 1), (IncompleteStream, 1)):
            assert {repr(one[2]) for one in told[-1]} == {repr(one[2]) for one in wanted[-1]}


BAD_ONCE = ("arguments-malformed", "arguments-second-bad", "arguments-null", "unknown-tool", "duplicate-ids")


@pytest.mark.parametrize("form", ["whole", "streamed"])
@pytest.mark.parametrize("fault", BAD_ONCE)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("adapter", PROVIDERS)
def test_asked_again_every_call_is_answered_once(
    others: Others, adapter: str, mode: str, fault: str, form: str
) -> None:
    other = others(adapter, mode)
    ask = other if form == "whole" else streamed(other)
    asked = ask(f"{fault}-once")
    Good(1 if fault == "duplicate-ids" else 2).check(asked)
    for body in ask.server.bodies(asked.model)[1:]:
        made, answered = answers(adapter, body["messages"])
        assert made == answered
        assert len(set(made)) == 2


def answers(adapter: str, messages: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """The ids of the calls of the model's turn, and those of the answers that follow it."""
    at = next(place for place, message in enumerate(messages) if message["role"] == "assistant")
    turn, after = messages[at], messages[at + 1 :]
    if adapter != "bedrock":
        told = [message["tool_call_id"] for message in after if message["role"] == "tool"]
        return [call["id"] for call in turn["tool_calls"]], told
    calls = [block["toolUse"]["toolUseId"] for block in turn["content"] if "toolUse" in block]
    results = [block["toolResult"] for message in after for block in message["content"] if "toolResult" in block]
    return calls, [result["toolUseId"] for result in results]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("adapter", PROVIDERS)
def test_what_stays_bad_ends_with_the_good_calls(others: Others, adapter: str, mode: str) -> None:
    for ask in (other := others(adapter, mode), streamed(other)):
        asked = ask("arguments-second-bad")
        Fails(InvalidCalls, 3, retryable=False).check(asked)
        assert kept(asked.raised) == [WEATHER]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("adapter", PROVIDERS)
def test_a_stream_that_hangs_keeps_its_calls(others: Others, adapter: str, mode: str) -> None:
    """Whatever the framing: urllib3 would wait for 64 kB of an answer that is not in chunks."""
    asked = streamed(others(adapter, mode))("hang-in-body", deadline=0.6)
    Fails(DeadlineExceeded, 1, retryable=False).check(asked)
    assert kept(asked.raised) == [WEATHER]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("adapter", [name for name in PROVIDERS if name != "litellm"])
def test_the_wait_that_the_provider_wishes_for(others: Others, adapter: str, mode: str) -> None:
    asked = others(adapter, mode)("429-retry-after-0.2-once")
    Good(2).check(asked)
    assert asked.seconds >= 0.2


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("adapter", PROVIDERS)
def test_nothing_is_listening(others: Others, adapter: str, mode: str, faults: FaultServer) -> None:
    runner = others(adapter, mode).runner
    with contextlib.ExitStack() as stack:
        sdk = sdk_of(adapter, faults.refused_url.removesuffix("/v1"), stack, runner)
        other = Other(adapter, faults, sdk, runner)
        for ask in (other, streamed(other)):
            with pytest.raises(ConnectionFailed) as caught:
                ask.create(ask.client(), model="m", messages=USER, tools=TOOLS, deadline=20)
            assert (caught.value.requests, caught.value.retryable) == (3, True)
