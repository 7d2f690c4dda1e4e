"""The catalogue of faults in the dialects of Anthropic and of OpenAI's Responses API: sections 1 to 4.

The tables are those of the chat completions; what another wire form says otherwise stands here.  Each case is asked for
with the sync and the async client of the real SDK, and, where it says something of streams, as a stream.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import test_faults_arguments as arguments
import test_faults_names as names
import test_faults_shapes as shapes
import test_faults_status as status
import test_faults_streamed as streamed
import test_faults_transport as transport
import toolfan
from fault_asking import SEARCH, TOOLS, WEATHER, Asked, Asker, Case, Fails, Good
from loopback import USER
from provider_asking import DIALECTS, MODES, PLAYED, Askers, played
from stream_asking import StreamAsker, kept
from toolfan import BadResponse, ContentFiltered, IncompleteStream, QuotaExhausted, Refused, TruncatedCall, Unavailable
from toolfan_local.faults import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Callable

BILLING = Fails(QuotaExhausted, 1, False, "waiting does not help", {"status": 402, "code": "billing_error"})
FAILED = Fails(Unavailable, 1, says="The server had an error.")
NOTHING = Fails(BadResponse, 3)
OTHERWISE: dict[tuple[str, str], Good | Fails] = {
    ("anthropic", "429-insufficient-quota"): BILLING,
    ("anthropic", "429-insufficient-quota-once"): BILLING,
    ("anthropic", "corrupt-gzip"): NOTHING,
    ("openai-responses", "corrupt-gzip"): NOTHING,
    ("anthropic", "sse-error-object"): FAILED,
    ("openai-responses", "sse-error-object"): FAILED,
    ("openai-responses", "sse-error-in-choice"): FAILED,
    # The service has one word for a filter and a refusal: beside calls it stopped the answer.
    ("anthropic", "content-filter"): Fails(Refused, 1, False, "(refusal)"),
    ("anthropic", "content-filter-one-call"): Fails(ContentFiltered, 1, False, "(refusal)"),
    # No entry is an answer that says nothing, not one of another shape; one that is null stands beside the calls.
    ("anthropic", "empty-choices"): Good(values=()),
    ("openai-responses", "empty-choices"): Good(values=()),
    ("anthropic", "null-message"): Good(),
    ("openai-responses", "null-message"): Good(),
    ("anthropic", "null-choices"): NOTHING,
    ("openai-responses", "null-choices"): NOTHING,
    ("anthropic", "empty-object"): NOTHING,
    ("openai-responses", "empty-object"): NOTHING,
    ("anthropic", "error-in-200"): Fails(Unavailable, 3, says="The server had an error."),
    ("openai-responses", "error-in-200"): Fails(Unavailable, 3, says="The server had an error."),
    # Blocks are in the order in which they begin: nobody is known who sends another.
    ("anthropic", "sse-index-reversed"): Good(values=(SEARCH, WEATHER)),
}
WARNED = {("anthropic", "sse-null-choices"), *((one, "sse-done-without-finish") for one in DIALECTS)}
"""Blocks that are none are left out with a warning in a whole answer, too."""


def expected(adapter: str, case: Any) -> Any:
    return OTHERWISE.get((adapter, case.fault), case.expected)


LARGE = dict.fromkeys(("arguments-10-mb", "arguments-17-mb", "1000-calls"), 2)
"""These are asked for with the sync clients only: an answer takes a second."""


def each(askers: Askers, adapter: str, *, stream: bool, whole: bool = True) -> list[Asker]:
    """Those who ask: with either client, for whole answers and streams."""
    kinds = [at for at, wanted in enumerate((whole, stream)) if wanted]
    return [askers[adapter, mode][at] for mode in MODES for at in kinds]


# Sections 1 and 2.


@played([*transport.CASES, *status.CASES])
def test_a_connection_a_body_or_a_status(askers: Askers, adapter: str, case: Case) -> None:
    for ask in each(askers, adapter, stream=False):
        expected(adapter, case).check(ask(case.fault, **case.options))


@played([*streamed.TRANSPORT, *streamed.FATAL])
def test_the_same_where_a_stream_was_asked(askers: Askers, adapter: str, case: Case) -> None:
    wanted = OTHERWISE.get((adapter, case.fault), case.expected)
    for ask in each(askers, adapter, stream=True, whole=False):
        wanted.check(ask(case.fault))
        if wanted.retryable:
            Good(2).check(ask(f"{case.fault}-once"))


@played(streamed.IN_BODY)
def test_a_connection_that_breaks_after_a_call(askers: Askers, adapter: str, case: str) -> None:
    for ask in each(askers, adapter, stream=True, whole=False):
        asked = ask(case, **streamed.ALONE)
        Fails(IncompleteStream, 1).check(asked)
        assert kept(asked.raised) == [WEATHER]
        assert asked.raised.request_id == "req_1"


@played(streamed.WHOLE)
def test_a_whole_answer_in_place_of_a_stream(askers: Askers, adapter: str, case: str) -> None:
    for ask in each(askers, adapter, stream=True, whole=False):
        Good().check(ask(case))


WAITS: list[Case] = [
    Case("", "slow-but-good", Good(1), {"least": 0.3}),
    Case("", "429-retry-after-150-ms-once", Good(2), {"least": 0.15}),
    Case("", "429-retry-after-0.2-once", Good(2), {"least": 0.2}),
    Case("", "429-retry-after-1", Fails(toolfan.RateLimited, 1, more={"retry_after": 1.0}), {"deadline": 0.9}),
    *(
        Case("", f"429-retry-after-{kind}", Fails(toolfan.RateLimited, 1, more={"retry_after": 2.0}), {"deadline": 1.5})
        for kind in ("date", "skewed-date")
    ),
]


@played(WAITS)
def test_what_is_waited_for(askers: Askers, adapter: str, case: Case) -> None:
    """A wait that the deadline does not leave is told at once."""
    for ask in each(askers, adapter, stream=False):
        asked = ask(case.fault, deadline=case.options.get("deadline", 30))
        case.expected.check(asked)
        assert asked.seconds >= case.options.get("least", 0)


@pytest.mark.parametrize("adapter", DIALECTS)
def test_nothing_is_listening(askers: Askers, adapter: str) -> None:
    for ask in each(askers, adapter, stream=True):
        Fails(toolfan.ConnectionFailed, 3).check(ask("good", base_url=ask.server.refused_url))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("adapter", DIALECTS)
def test_a_server_that_hangs_or_drips(askers: Askers, adapter: str, mode: str, *, stream: bool) -> None:
    """All of them at once."""
    ask = askers[adapter, mode][stream]
    found = at_once(ask, [case.fault for case in transport.HANGS])
    assert len(found) == len(transport.HANGS)
    for fault, error in found.items():
        assert type(error) is toolfan.DeadlineExceeded, (fault, error)
        assert (error.requests, error.retryable) == (1, False)
        assert kept(error) == ([WEATHER] if stream and fault == "hang-in-body" else [])


def at_once(ask: Asker, faults: list[str]) -> dict[str, Any]:
    """The errors of these faults, all of which come on time."""
    options = {"messages": USER, "tools": TOOLS, "deadline": 0.5}
    found: dict[str, Any] = {}

    def told(fault: str) -> None:
        again = type(ask)(ask.server, ask.sdk, None)
        again.adapter = ask.adapter
        found[fault] = again(fault, deadline=0.5).raised

    async def read(client: Any, fault: str) -> None:
        got = await client.create(model=fault, stream=isinstance(ask, StreamAsker), **options)
        async with got:
            [outcome async for outcome in got]

    async def awaited(client: Any, fault: str) -> None:
        with pytest.raises(toolfan.ToolfanError) as caught:
            await asyncio.wait_for(read(client, fault), 3)
        found[fault] = caught.value

    async def all_of_them() -> None:
        client = toolfan.wrap_async(ask.sdk, adapter=ask.adapter)
        await asyncio.gather(*(awaited(client, fault) for fault in faults))

    if ask.runner is not None:
        ask.runner.run(all_of_them())
    else:
        with ThreadPoolExecutor(len(faults)) as pool:
            list(pool.map(told, faults))
    return found


# Section 3.


@played([*streamed.EXACT, *(Case("", fault, Good()) for fault in streamed.SAME)])
def test_an_odd_stream_is_read_as_what_it_means(askers: Askers, adapter: str, case: Case) -> None:
    for ask in each(askers, adapter, stream=True, whole=False):
        assert isinstance(ask, StreamAsker)
        asked = ask(case.fault)
        expected(adapter, case).check(asked)
        assert sorted(ask.delivered, key=lambda outcome: outcome.index) == list(asked.result.outcomes)
        told = case in streamed.EXACT and bool(asked.result.warnings)
        assert told == (case in streamed.EXACT and (adapter, case.fault) in WARNED)


@played(streamed.AFTER_FIRST)
def test_what_breaks_after_a_call_is_told_with_the_call(askers: Askers, adapter: str, case: Case) -> None:
    for ask in each(askers, adapter, stream=True, whole=False):
        assert isinstance(ask, StreamAsker)
        asked = ask(case.fault)
        expected(adapter, case).check(asked)
        assert [outcome.value for outcome in ask.delivered if isinstance(outcome, toolfan.Call)] == [WEATHER]
        assert kept(asked.raised) == [WEATHER]
        assert asked.raised.turn is not None


@played(streamed.BEFORE_FIRST)
def test_what_breaks_before_a_call_is_retried(askers: Askers, adapter: str, case: Case) -> None:
    for ask in each(askers, adapter, stream=True, whole=False):
        case.expected.check(ask(case.fault))
        Good(2).check(ask(f"{case.fault}-once"))


NUMBERS = {"sse-unicode-separators": 2, "sse-index-reused": 4} | {f"sse-{n}-calls": n for n in (50, 100, 200, 400)}


@played(list(NUMBERS))
def test_texts_indices_and_numbers(askers: Askers, adapter: str, case: str) -> None:
    for ask in each(askers, adapter, stream=True, whole=False):
        calls = ask(case).result
        wanted = NUMBERS[case]
        assert len(calls) == len({outcome.id for outcome in calls.outcomes}) == wanted
        assert calls[0].location == WEATHER.location + ("\u2028\u2029\x85" if wanted == 2 else "")


# Section 4.


def told_late(adapter: str, ask: Asker, fault: str) -> bool:
    """Whether a stream has handed out the call already when the rest comes, which it warns of then."""
    return adapter == "anthropic" and isinstance(ask, StreamAsker) and fault in streamed.TRAILING


def failed(adapter: str, ask: Asker, case: arguments.Bad) -> type[toolfan.CallError]:
    """A block that begins with `{}`, and has no pieces, says `{}`."""
    begun = adapter == "anthropic" and isinstance(ask, StreamAsker) and case.fault == "arguments-empty"
    return toolfan.InvalidArguments if begun else case.error


@played(arguments.BAD)
def test_arguments_that_fail_alone_and_are_asked_for_again(askers: Askers, adapter: str, case: arguments.Bad) -> None:
    for ask in each(askers, adapter, stream=True)[: LARGE.get(case.fault)]:
        calls = ask(case.fault, tools=case.tools, on_invalid="keep").result
        if told_late(adapter, ask, case.fault):
            assert "were left out" in calls.warnings[0]
            continue
        (bad,) = calls.failed
        assert (bad.index, type(bad.error)) == (case.at, failed(adapter, ask, case))
        assert case.says in str(bad.error)
        assert list(calls) == [value for at, value in enumerate(case.good) if at != case.at]
        if case.good and case.fault not in LARGE:
            Good(2, case.good).check(ask(f"{case.fault}-once", tools=case.tools))


@played(arguments.READ)
def test_arguments_that_can_be_read(askers: Askers, adapter: str, case: arguments.Read) -> None:
    for ask in each(askers, adapter, stream=True)[: LARGE.get(case.fault)]:
        asked = ask(case.fault, tools=case.tools)
        Good(1, case.values).check(asked)
        begun = adapter == "anthropic" and isinstance(ask, StreamAsker) and case.fault == "arguments-empty"
        assert [call.repairs for call in asked.result.good[:2]] == [() if begun else case.repairs, ()]


@played(names.UNKNOWNS)
def test_calls_of_no_tool(askers: Askers, adapter: str, case: names.Unknown) -> None:
    for ask in each(askers, adapter, stream=True):
        calls = ask(case.fault, on_invalid="keep").result
        (bad,) = calls.failed
        assert (bad.index, bad.name, type(bad.error)) == (0, case.name, toolfan.UnknownTool)
        assert list(calls) == [SEARCH]
        Good(2).check(ask(f"{case.fault}-once"))


@played(names.READ)
def test_names_and_types_that_can_be_read(askers: Askers, adapter: str, case: names.Read) -> None:
    for ask in each(askers, adapter, stream=True):
        asked = ask(case.fault)
        Good(1, case.values).check(asked)
        assert asked.result.good[0].repairs == case.repairs
        assert asked.result.text == case.text


@played(names.NUMBERED)
def test_ids_are_made_up(askers: Askers, adapter: str, case: names.Ids) -> None:
    for ask in each(askers, adapter, stream=True):
        asked = ask(case.fault)
        Good(1).check(asked)
        assert tuple(one.id for one in asked.result.outcomes) == case.ids
        assert tuple(one.raw.provider_id for one in asked.result.outcomes) == case.given


KINDS = {
    "text-only": "end",
    "unknown-finish": "other",
    "null-finish": "none",
    "length-whole": "length",
}


@played(shapes.READ)
def test_answers_that_are_odd_but_whole(askers: Askers, adapter: str, case: shapes.Read) -> None:
    for ask in each(askers, adapter, stream=True):
        asked = ask(case.fault)
        Good(1, case.values).check(asked)
        assert (asked.result.text, asked.result.stop.kind) == (case.text, KINDS.get(case.fault, "calls"))


@played([*shapes.UNREADABLE, *shapes.DECLINED])
def test_answers_of_another_shape_or_declined(askers: Askers, adapter: str, case: Case) -> None:
    for ask in each(askers, adapter, stream=False):
        asked = ask(case.fault)
        expected(adapter, case).check(asked)
        if asked.error is not None and asked.raised.retryable:
            Good(2).check(ask(f"{case.fault}-once"))
        if case in shapes.DECLINED:
            assert kept(asked.raised) == ([WEATHER] if case.row == shapes.FILTERED_CALL else [])


@played([*shapes.UNREADABLE, *shapes.DECLINED])
def test_the_same_of_a_stream(askers: Askers, adapter: str, case: Case) -> None:
    ends: dict[str, Callable[[Asked], None]] = {
        "body-list": Good().check,
        "body-string": NOTHING.check,
        "empty-object": Fails(IncompleteStream, 3).check,
    }
    for ask in each(askers, adapter, stream=True, whole=False):
        asked = ask(case.fault)
        ends.get(case.fault, expected(adapter, case).check)(asked)


@pytest.mark.parametrize("adapter", DIALECTS)
def test_a_cut_answer_loses_only_the_call_that_was_cut(askers: Askers, adapter: str) -> None:
    for ask in each(askers, adapter, stream=True):
        calls = ask("length-cut", on_invalid="keep").result
        (bad,) = calls.failed
        assert (list(calls), bad.index, type(bad.error)) == ([WEATHER], 1, TruncatedCall)
        assert calls.stop.kind == "length"
        Good(2).check(ask("length-cut-once"))


@pytest.mark.parametrize(("adapter", "dialect"), DIALECTS.items())
def test_every_fault_of_the_dialect_is_played(adapter: str, dialect: str) -> None:
    others = {"good", "length-cut", *(case.fault for case in transport.HANGS)}
    known = [fault.name for fault in CATALOGUE.values() if dialect in fault.dialects and fault.name not in others]
    assert len(known) > 100
    assert [name for name in known if (adapter, name) not in PLAYED] == []
