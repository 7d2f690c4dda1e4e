"""Finish reasons of compatible servers: each means the same whole and streamed, with a message and without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import toolfan
from ended_ways import MODES, ask, choice, said_call
from loopback import FaultServer
from odd_streams import Weather
from toolfan import BadResponse, ContentFiltered, InvalidCalls, MalformedArguments, Unavailable

Start = Callable[..., FaultServer]
SILENT = {"role": "assistant"}
GOOD = choice("tool_calls", {"role": "assistant", "content": None, "tool_calls": [said_call()]})
WHOLE = [mode for mode in MODES if mode.startswith("create")]
MALFORMED = [
    "function_call_filter: MALFORMED_FUNCTION_CALL",
    "function_call_filter: UNEXPECTED_TOOL_CALL",
    "function_call_filter: NEWER_WORD",
    "MALFORMED_FUNCTION_CALL",
    "malformed_function_call",
    "Unexpected_Tool_Call",
    "MALFORMED_RESPONSE",
]
FILTERED = [
    "content_filter",
    "content_filter: PROHIBITED_CONTENT",
    "content_filter: RECITATION",
    "content_filter: SAFETY",
    "content_filter: NEWER_WORD",
    "content_filter:BLOCKLIST",
    "SAFETY",
    "recitation",
    "PROHIBITED_CONTENT",
    "BLOCKLIST",
    "SPII",
    "MODEL_ARMOR",
    "IMAGE_SAFETY",
    "sensitive",
]
FAILED = ["error", "ERROR", "abort", "insufficient_system_resource", "network_error", "timeout", "error: upstream"]
each_way = pytest.mark.parametrize("mode", MODES)


@each_way
@pytest.mark.parametrize("reason", MALFORMED)
def test_a_call_that_could_not_be_read_is_asked_for_once_more(faulty: Start, mode: str, reason: str) -> None:
    mended = ask(faulty, mode, choice(reason, SILENT), GOOD)
    assert list(mended.result) == [Weather(location="A")]
    assert reason in mended.bodies[1]["messages"][-1]["content"]
    lost = ask(faulty, mode, choice(reason, SILENT), max_attempts=5)
    assert (type(lost.error), len(lost.bodies)) == (InvalidCalls, 2)
    assert "1 of 1 calls failed: a call without a name: the model tried" in str(lost.error)
    kept = ask(faulty, mode, choice(reason, SILENT), on_invalid="keep").result
    assert "failed=['a call without a name: " in repr(kept)
    assert [type(bad.error) for bad in kept.failed] == [MalformedArguments]
    assert (kept.stop.kind, kept.stop.raw) == ("malformed", reason)


@each_way
def test_the_word_of_the_model_s_own_service_tells_an_error_apart(faulty: Start, mode: str) -> None:
    """OpenRouter's `native_finish_reason`, beside an `error` that says nothing."""
    odd = choice("error", SILENT, native_finish_reason="MALFORMED_FUNCTION_CALL")
    kept = ask(faulty, mode, odd, on_invalid="keep").result
    assert [type(bad.error) for bad in kept.failed] == [MalformedArguments]
    assert (kept.stop.kind, kept.stop.raw) == ("malformed", "error: MALFORMED_FUNCTION_CALL")
    assert list(ask(faulty, mode, odd, GOOD).result) == [Weather(location="A")]
    filtered = ask(faulty, mode, choice("error", SILENT, native_finish_reason="SAFETY"))
    assert (type(filtered.error), len(filtered.bodies)) == (ContentFiltered, 1)
    failed = ask(faulty, mode, choice("error", SILENT, native_finish_reason="BACKEND_GONE"))
    assert (type(failed.error), len(failed.bodies)) == (Unavailable, 3)
    assert "finish reason: error: BACKEND_GONE" in str(failed.error)
    for good in ("STOP", "tool_calls", "length"):  # something failed nevertheless
        failed = ask(faulty, mode, choice("error", SILENT, native_finish_reason=good))
        assert (type(failed.error), len(failed.bodies)) == (Unavailable, 3)
    ended = ask(faulty, mode, choice("tool_calls", GOOD["message"], native_finish_reason="STOP")).result
    assert (list(ended), ended.stop.raw) == ([Weather(location="A")], "tool_calls")


@each_way
@pytest.mark.parametrize("reason", FILTERED)
def test_a_filtered_answer_says_so(faulty: Start, mode: str, reason: str) -> None:
    found = ask(faulty, mode, choice(reason, SILENT))
    assert (type(found.error), len(found.bodies)) == (ContentFiltered, 1)
    assert reason in str(found.error)


@each_way
def test_a_call_that_was_not_expected_is_a_call_nevertheless(faulty: Start, mode: str) -> None:
    said = {"role": "assistant", "tool_calls": [said_call()]}
    found = ask(faulty, mode, choice("function_call_filter: UNEXPECTED_TOOL_CALL", said)).result
    assert (list(found), found.stop.kind, found.requests) == ([Weather(location="A")], "calls", 1)


@each_way
@pytest.mark.parametrize("message", [{}, {"message": None}], ids=["without", "null"])
@pytest.mark.parametrize("reason", ["content_filter", "content_filter: SAFETY", "prohibited_content"])
def test_a_filtered_answer_needs_no_message(faulty: Start, mode: str, reason: str, message: Any) -> None:
    found = ask(faulty, mode, choice(reason, **message))
    assert (type(found.error), len(found.bodies)) == (ContentFiltered, 1)
    assert found.error is not None
    assert found.error.calls is not None


@each_way
def test_nor_does_one_that_ended_for_its_length_or_in_a_call_that_cannot_be_read(faulty: Start, mode: str) -> None:
    cut = ask(faulty, mode, choice("length")).result
    assert (list(cut), cut.stop.kind, cut.text) == ([], "length", "")
    mended = ask(faulty, mode, choice("function_call_filter: MALFORMED_FUNCTION_CALL"), GOOD)
    assert list(mended.result) == [Weather(location="A")]


@pytest.mark.parametrize("mode", WHOLE)
@pytest.mark.parametrize("reason", ["stop", "tool_calls", "newer_word", None])
@pytest.mark.parametrize("message", [{}, {"message": None}, {"message": "text"}], ids=["without", "null", "a text"])
def test_a_choice_without_message_is_no_answer(faulty: Start, mode: str, reason: str | None, message: Any) -> None:
    found = ask(faulty, mode, choice(reason, **message))
    assert (type(found.error), len(found.bodies)) == (BadResponse, 3)
    assert "no message" in str(found.error)


@each_way
@pytest.mark.parametrize("reason", ["stop", "eos", "eos_token", "stop_sequence", "end_turn"])
def test_an_end_with_calls_is_one_by_calls(faulty: Start, mode: str, reason: str) -> None:
    found = ask(faulty, mode, choice(reason, GOOD["message"])).result
    assert (list(found), found.stop.kind, found.stop.raw) == ([Weather(location="A")], "calls", reason)


@each_way
@pytest.mark.parametrize("reason", FAILED)
def test_an_end_that_is_a_failure_is_told_and_asked_again(faulty: Start, mode: str, reason: str) -> None:
    found = ask(faulty, mode, choice(reason, SILENT))
    assert (type(found.error), len(found.bodies)) == (Unavailable, 3)
    assert found.error is not None
    assert found.error.retryable
    assert "ended with an error" in str(found.error)
    assert reason in str(found.error)
    assert list(ask(faulty, mode, choice(reason, SILENT), GOOD).result) == [Weather(location="A")]
    spoken = ask(faulty, mode, choice(reason, {"role": "assistant", "tool_calls": [said_call()]})).error
    assert type(spoken) is Unavailable
    assert list(spoken.calls or ()) == [Weather(location="A")]


@each_way
@pytest.mark.parametrize("reason", ["newer_word", "repetition_truncation", "newer: word", 7])
def test_an_unknown_end_of_nothing_has_a_warning(faulty: Start, mode: str, reason: Any) -> None:
    empty = ask(faulty, mode, choice(reason, SILENT)).result
    (warning,) = empty.warnings
    assert f"ends with '{reason}'" in warning
    assert "no text" in warning
    assert (empty.stop.kind, empty.stop.raw, list(empty)) == ("other", str(reason), [])
    for said in ({"content": "Hello."}, {"tool_calls": [said_call()]}):
        assert ask(faulty, mode, choice(reason, {**SILENT, **said})).result.warnings == ()


@each_way
def test_reasoning_that_is_counted_beside_the_output_is_part_of_it(faulty: Start, mode: str) -> None:
    """As xAI counts; others count it within, which their totals show."""
    details = {"completion_tokens_details": {"reasoning_tokens": 30}}
    beside = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 45, **details}
    within = {"prompt_tokens": 10, "completion_tokens": 35, "total_tokens": 45, **details}
    for usage in (beside, within):
        found = ask(faulty, mode, {"choices": [GOOD], "usage": usage})
        assert found.result.usage == toolfan.Usage(10, 35, 45, reasoning_tokens=30)


@each_way
@pytest.mark.parametrize("total", [{"total_tokens": 71}, {}])
def test_more_reasoning_than_output_was_counted_beside_it(faulty: Start, mode: str, total: dict[str, int]) -> None:
    """So some gateways, whose totals leave it out, too."""
    details = {"completion_tokens_details": {"reasoning_tokens": 96}}
    usage = {"prompt_tokens": 61, "completion_tokens": 10, **total, **details}
    found = ask(faulty, mode, {"choices": [GOOD], "usage": usage})
    assert found.result.usage == toolfan.Usage(61, 106, 167, reasoning_tokens=96)


IN = {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105}
CACHES: dict[str, tuple[dict[str, Any], tuple[int, int]]] = {
    "Moonshot": ({"cached_tokens": 80}, (80, 0)),
    "Mistral": ({"num_cached_tokens": 80, "prompt_tokens_details": {"cached_tokens": 0}}, (80, 0)),
    "DeepSeek": ({"prompt_cache_hit_tokens": 80, "prompt_cache_miss_tokens": 20}, (80, 0)),
    "in both places": ({"cached_tokens": 70, "prompt_tokens_details": {"cached_tokens": 80}}, (80, 0)),
    "OpenRouter": ({"prompt_tokens_details": {"cached_tokens": 80, "cache_write_tokens": 9}}, (80, 9)),
    "LiteLLM": ({"prompt_tokens_details": {"cached_tokens": 0, "cache_creation_tokens": 9}}, (0, 9)),
    "Alibaba": ({"prompt_tokens_details": {"cache_creation_input_tokens": 9}}, (0, 9)),
    "Vercel": ({"prompt_tokens_details": {"cached_tokens": 80}, "cache_creation_input_tokens": 9}, (80, 9)),
    "no number first": ({"cached_tokens": "none", "prompt_cache_hit_tokens": 80}, (80, 0)),
    "no numbers": ({"cached_tokens": [1], "prompt_tokens_details": "none", "cache_creation_input_tokens": {}}, (0, 0)),
}


@each_way
@pytest.mark.parametrize("service", CACHES)
def test_what_was_cached_is_counted_wherever_it_stands(faulty: Start, mode: str, service: str) -> None:
    more, (read, written) = CACHES[service]
    usage = ask(faulty, mode, {"choices": [GOOD], "usage": {**IN, **more}}).result.usage
    assert usage == toolfan.Usage(100, 5, 105, cache_read_tokens=read, cache_write_tokens=written)
