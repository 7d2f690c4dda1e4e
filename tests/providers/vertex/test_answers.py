"""What comes back: calls, ids, text, stop reasons, usage, sick bodies, and the answer to the calls."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toolfan.calls import Answer, RawCall, StopReason, Usage
from toolfan.errors import BadResponse, ProviderError, RateLimited, RequestRejected, Unavailable, UsageError
from toolfan_vertex.codec import VERTEX
from vertex_samples import answer, call, parse


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ({}, "{}"),
        (None, "{}"),
        ({"z": 9007199254740993, "a": 3.0, "m": {"class_": "ü", "b": [None, 1.5, True]}}, None),
        ({"big": 10**30, "small": 1e-9}, None),
        ({"x": float("nan"), "y": float("inf"), "z": -float("inf")}, '{"x":NaN,"y":Infinity,"z":-Infinity}'),
        ({"lone": "\ud800"}, '{"lone": "\\ud800"}'),
        ([1], "[1]"),
        ("{}", '"{}"'),
    ],
)
def test_arguments_keep_digits_order_and_names(args, text):
    (only,) = parse(call(args=args)).calls
    if text is not None:
        assert only.arguments == text
    else:
        assert repr(json.loads(only.arguments)) == repr(args)


def test_a_call_without_arguments_is_a_call():
    assert parse(call("Ping")).calls == (RawCall(0, "call_0", "Ping", "{}"),)


@pytest.mark.parametrize(
    ("sent", "used"),
    [
        ([None, None], ["call_0", "call_1"]),
        (["a", "b"], ["a", "b"]),
        (["a", "a", ""], ["a", "call_1", "call_2"]),
        ([None, "call_0"], ["call_0_", "call_0"]),
        ([7, "x"], ["call_0", "x"]),
    ],
)
def test_ids_are_unique_and_the_providers_own_is_kept(sent, used):
    calls = parse(*(call(id=one) for one in sent)).calls
    assert [one.id for one in calls] == used
    assert [one.provider_id for one in calls] == [one if isinstance(one, str) and one else None for one in sent]


@pytest.mark.parametrize("key", ["functionCall", "function_call"])
def test_answers_to_calls_of_one_id_are_told_apart(key):
    """The turn goes back with the ids that the answers have; a call without one goes back, and is answered, so."""
    made = [{key: call(id=one)["functionCall"], "thoughtSignature": "c2ln"} for one in ("a", "a", None)]
    turn = VERTEX.parse_response(answer({"text": "x"}, *made))
    own, told = VERTEX.build_answer(turn, [Answer(one, one.index) for one in turn.calls])
    assert [part[key].get("id") for part in own["parts"][1:]] == ["a", "call_1", None]
    assert [part["functionResponse"].get("id") for part in told["parts"]] == ["a", "call_1", None]
    assert [part["thoughtSignature"] for part in own["parts"][1:]] == ["c2ln"] * 3
    assert turn.replay["parts"][1:] == made


def test_text_leaves_thoughts_out_and_replay_keeps_everything():
    parts = [{"text": "hm", "thought": True}, {"text": "a"}, call(), {"text": "b", "thoughtSignature": "c2ln"}]
    turn = parse(*parts)
    assert turn.text == "ab"
    assert turn.replay == {"role": "model", "parts": parts}
    body = answer(*parts)
    del body["candidates"][0]["content"]["role"]
    assert VERTEX.parse_response(body).replay == {"parts": parts, "role": "model"}


def test_snake_case_and_numbers_are_read():
    turn = VERTEX.parse_response(
        {
            "candidates": [
                {"content": {"parts": [{"function_call": {"name": "A", "args": {"x": 1}}}]}, "finish_reason": 1}
            ],
            "usage_metadata": {"prompt_token_count": 2, "candidates_token_count": "3"},
            "model_version": "m",
            "response_id": "r",
        }
    )
    assert turn.calls == (RawCall(0, "call_0", "A", '{"x":1}'),)
    assert (turn.stop, turn.usage) == (StopReason("calls", "STOP"), Usage(2, 3, 5))
    assert (turn.model, turn.response_id) == ("m", "r")


def test_usage_counts_thoughts_as_output_and_tool_prompts_as_input():
    counts = {
        "promptTokenCount": 10,
        "toolUsePromptTokenCount": 5,
        "candidatesTokenCount": 7,
        "thoughtsTokenCount": 3,
        "totalTokenCount": 25,
        "cachedContentTokenCount": 4,
        "trafficType": "ON_DEMAND",
    }
    assert VERTEX.parse_response(answer() | {"usageMetadata": counts}).usage == Usage(15, 10, 25, 4, 0, 3)
    assert VERTEX.parse_response(answer() | {"usageMetadata": None}).usage == Usage()


STOPS = {
    "STOP": "end",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "filtered",
    "RECITATION": "filtered",
    "BLOCKLIST": "filtered",
    "PROHIBITED_CONTENT": "filtered",
    "SPII": "filtered",
    "MODEL_ARMOR": "filtered",
    "IMAGE_SAFETY": "filtered",
    "IMAGE_PROHIBITED_CONTENT": "filtered",
    "IMAGE_RECITATION": "filtered",
    "MALFORMED_FUNCTION_CALL": "malformed",
    "MALFORMED_RESPONSE": "malformed",
    "UNEXPECTED_TOOL_CALL": "malformed",
    "OTHER": "other",
    "LANGUAGE": "other",
    "IMAGE_OTHER": "other",
    "NO_IMAGE": "other",
    "TOO_MANY_TOOL_CALLS": "other",
    "MISSING_THOUGHT_SIGNATURE": "other",
    "OF_TOMORROW": "other",
    "FINISH_REASON_UNSPECIFIED": "none",
}


@pytest.mark.parametrize(("word", "kind"), STOPS.items())
def test_finish_reasons(word, kind):
    assert parse({"text": "x"}, finishReason=word).stop == StopReason(kind, word)
    with_call = parse(call(), finishReason=word)
    assert with_call.stop == StopReason("calls" if word in ("STOP", "UNEXPECTED_TOOL_CALL") else kind, word)
    assert len(with_call.calls) == 1


@pytest.mark.parametrize(
    ("number", "stop"),
    [
        (1, StopReason("end", "STOP")),
        (2, StopReason("length", "MAX_TOKENS")),
        (9, StopReason("malformed", "MALFORMED_FUNCTION_CALL")),
        (15, StopReason("malformed", "UNEXPECTED_TOOL_CALL")),
        (99, StopReason("other", "99")),
        (None, StopReason("none")),
        (0, StopReason("none", "FINISH_REASON_UNSPECIFIED")),
    ],
)
def test_finish_reasons_as_numbers(number, stop):
    assert parse({"text": "x"}, finishReason=number).stop == stop


def test_what_was_odd_is_told():
    body = answer(call(), finishReason="MALFORMED_FUNCTION_CALL", finishMessage="print(x")
    body["candidates"].append({})
    warnings = VERTEX.parse_response(body).warnings
    assert warnings == ("2 candidates came; only the first is read", "MALFORMED_FUNCTION_CALL: print(x")
    assert parse(call(), finishMessage="Model generated function call(s).").warnings == ()


@pytest.mark.parametrize(("reason", "raw"), [("SAFETY", "SAFETY"), (4, "PROHIBITED_CONTENT"), (42, "42")])
def test_a_blocked_prompt_is_filtered(reason, raw):
    for candidates in ({}, {"candidates": []}):
        turn = VERTEX.parse_response(
            {"promptFeedback": {"blockReason": reason, "blockReasonMessage": "no"}, **candidates}
        )
        assert turn.stop == StopReason("filtered", raw)
        assert turn.warnings == (f"{raw}: no",)
        assert turn.replay is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "x",
        {"candidates": None},
        {"candidates": []},
        {"candidates": {}, "promptFeedback": {"blockReason": "SAFETY"}},
        {"candidates": "x"},
        {"candidates": ["x"]},
        {"candidates": [None]},
        {"candidates": [{"content": []}]},
        {"candidates": [{"content": "x"}]},
        {"candidates": [{"content": {"parts": {}}}]},
        {"candidates": [{"content": {"parts": ["x"]}}]},
        {"promptFeedback": "x"},
        {"usageMetadata": {}},
    ],
)
def test_sick_bodies_are_bad_responses_that_may_be_retried(body):
    with pytest.raises(BadResponse) as caught:
        VERTEX.parse_response(body)
    assert caught.value.retryable
    assert caught.value.adapter == "vertex"


@pytest.mark.parametrize(
    "candidate",
    [
        {},
        {"content": None},
        {"content": {}},
        {"content": {"role": "model"}},
        {"content": {"parts": None}},
        {"content": {"parts": []}},
    ],
)
def test_empty_answers_are_answers(candidate):
    turn = VERTEX.parse_response({"candidates": [{"finishReason": "STOP", **candidate}]})
    assert (turn.calls, turn.text, turn.replay) == ((), "", None)


@pytest.mark.parametrize(
    "part", [{"functionCall": None}, {"functionCall": {}}, {"functionCall": {"args": {}}}, {"text": None}, {}]
)
def test_empty_parts_are_no_calls(part):
    assert [one.name for one in parse(part, call("Ping")).calls] == ["Ping"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow"}, RateLimited),
        ({"code": 400, "status": "INVALID_ARGUMENT", "message": "no"}, RequestRejected),
        ({"status": "UNAVAILABLE"}, Unavailable),
        ("boom", Unavailable),
    ],
)
def test_an_error_object_in_a_200_is_that_error(error, kind):
    with pytest.raises(ProviderError) as caught:
        VERTEX.parse_response({"error": error, "candidates": [{}]})
    assert type(caught.value) is kind


def test_every_call_is_answered_once_in_call_order_after_the_untouched_turn():
    turn = parse({"text": "t"}, call("A", id="x") | {"thoughtSignature": "c2ln"}, call("B"), call("C"), call("D"))
    a, b, c, d = turn.calls
    given = [
        Answer(d, ["plain", 1]),
        Answer(b, {"n": 1}),
        Answer(a, '{"big": 9007199254740993, "f": 3.0}'),
        Answer(c, "units: wrong", is_error=True),
    ]
    replayed, content = VERTEX.build_answer(turn, given)
    assert replayed is turn.replay
    assert content == {
        "role": "user",
        "parts": [
            {"functionResponse": {"id": "x", "name": "A", "response": {"big": 9007199254740993, "f": 3.0}}},
            {"functionResponse": {"name": "B", "response": {"n": 1}}},
            {"functionResponse": {"name": "C", "response": {"error": "units: wrong"}}},
            {"functionResponse": {"name": "D", "response": {"result": ["plain", 1]}}},
        ],
    }


@pytest.mark.parametrize("content", [{"error": None, "rows": 3}, {"output": [1]}, {"error": "a column"}])
@pytest.mark.parametrize("form", [lambda content: content, json.dumps], ids=["object", "text"])
def test_an_object_with_a_key_that_the_service_reads_is_the_output(content, form):
    turn = parse(call())
    (part,) = VERTEX.build_answer(turn, [Answer(turn.calls[0], form(content))])[1]["parts"]
    assert part["functionResponse"]["response"] == {"output": content}


@pytest.mark.parametrize("content", ["text", '{"cut": ', '{"x": NaN}', "[1]", None, 3, 1.5, True])
def test_what_is_no_object_is_wrapped(content):
    turn = parse(call())
    (part,) = VERTEX.build_answer(turn, [Answer(turn.calls[0], content)])[1]["parts"]
    assert part["functionResponse"]["response"] == {"result": content}


def test_answers_that_do_not_fit_are_refused():
    turn = parse(call("A"), call("B"))
    a, b = (Answer(one, "x") for one in turn.calls)
    for answers in ([], [a], [a, a], [a, b, b], [a, Answer(RawCall(2, "call_9", "C", "{}"), "x")]):
        with pytest.raises(UsageError, match="do not fit"):
            VERTEX.build_answer(turn, answers)
    assert VERTEX.build_answer(parse({"text": "x"}), []) == [{"role": "model", "parts": [{"text": "x"}]}]


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
NAMES = ["candidates", "content", "parts", "functionCall", "args", "name", "id", "text", "thought", "finishReason"]
NAMES += [
    "promptFeedback",
    "blockReason",
    "usageMetadata",
    "promptTokenCount",
    "error",
    "code",
    "message",
    "finishMessage",
]
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
)


@given(ANYTHING, ANYTHING, ANYTHING)
def test_no_body_raises_anything_but_a_providers_error(body, candidate, part):
    for sick in (
        body,
        {"candidates": [candidate]},
        {"candidates": [{"content": {"parts": [part, {"functionCall": part}]}}]},
    ):
        try:
            turn = VERTEX.parse_response(sick)
        except ProviderError:
            continue
        for one in turn.calls:
            json.loads(one.arguments)
