"""No call is lost: what is odd among the parts costs only itself, and the turn can be sent back."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import tenacity
import toolfan
from google_asking import WARNINGS, genai_client, generative_model, need
from hypothesis import given
from hypothesis import strategies as st
from loopback import ONCE, http
from pydantic import BaseModel
from toolfan.calls import Answer, StopReason
from toolfan.errors import BadResponse, ContentFiltered, InvalidArguments, MalformedArguments, UnknownTool
from toolfan.wire import encode_json
from toolfan_vertex.codec import VERTEX
from vertex_samples import Ping, answer, call, parse

genai = pytest.importorskip("google.genai")
pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]

ASK = [{"role": "user", "content": "Go."}]
GOOD = call("Free", args={"x": 1})


class Free(BaseModel):
    x: Any = None


@pytest.fixture
def asked(serve: Any) -> Any:
    """`asked(body)`: the calls of this body; the reply to them, which the server checks, is sent too."""

    def ask(body: Any) -> Any:
        server = serve({"body": {"content": body}}, {"text": "thanks"})
        sdk = genai.Client(vertexai=False, api_key="k", http_options={"base_url": server.base_url})
        client = toolfan.wrap(sdk, adapter="gemini", model="gemini-x", stop=ONCE)
        given = {"tools": (Free, Ping), "on_invalid": "keep"}
        calls = client.create(messages=ASK, **given)
        if calls.outcomes:
            reply = calls.reply({one.id: "done" for one in calls.outcomes})
            assert client.create(messages=[*ASK, *reply], **given).text == "thanks"
            made, answered = (content["parts"] for content in server.requests[1].body["contents"][1:])
            names = [part["functionCall"]["name"] for part in made if part.get("functionCall")]
            assert names == [part["functionResponse"]["name"] for part in answered]
            assert all(names)
        return calls

    return ask


@pytest.mark.parametrize("odd", [None, 3, "text", True, [], [GOOD]], ids=repr)
def test_a_part_that_is_none_is_skipped_and_told(asked: Any, odd: Any) -> None:
    calls = asked(answer(odd, GOOD, odd))
    assert list(calls) == [Free(x=1)]
    assert [warning.split(",")[0].split(" is ")[0] for warning in calls.warnings] == ["parts[0]", "parts[2]"]
    assert "was skipped" in calls.warnings[0]
    with pytest.raises(BadResponse, match=r"`content.parts` is a list .*not a list of objects"):
        parse(odd)


@pytest.mark.parametrize("odd", ["Free", 3, True, [], ["Free"]], ids=repr)
def test_a_call_that_is_no_object_is_a_bad_call(asked: Any, odd: Any) -> None:
    calls = asked(answer({"functionCall": odd}, GOOD))
    assert list(calls) == [Free(x=1)]
    (bad,) = calls.failed
    assert (type(bad.error), bad.index, json.loads(bad.raw.arguments)) == (UnknownTool, 0, odd)
    assert calls.warnings[0].startswith("functionCall 0 is ")


@pytest.mark.parametrize("odd", [{"args": {"x": 2}}, {"name": "", "args": {"x": 2}}, {"name": None, "args": {"x": 2}}])
def test_a_call_without_a_name_is_a_bad_call(asked: Any, odd: Any) -> None:
    calls = asked(answer({"functionCall": odd}, GOOD))
    assert [type(bad.error) for bad in calls.failed] == [UnknownTool]
    assert calls.failed[0].raw.arguments == '{"x":2}'


@pytest.mark.parametrize("odd", [[1], "text", 3, False], ids=repr)
def test_arguments_that_are_no_object_are_not_sent_back(asked: Any, odd: Any) -> None:
    calls = asked(answer(GOOD, call("Free", args=odd)))
    assert [type(bad.error) for bad in calls.failed] == [InvalidArguments]
    assert calls.turn.replay["parts"][1] == {"functionCall": {"name": "Free"}}


@pytest.mark.parametrize("phantom", [{}, {"name": ""}, {"name": None, "args": {}}, {"id": "p"}], ids=repr)
def test_a_phantom_is_dropped_beside_text_or_calls_only(asked: Any, phantom: Any) -> None:
    part = {"functionCall": phantom}
    assert [one.name for one in asked(answer(part, GOOD)).outcomes] == ["Free"]
    beside_text = asked(answer({"text": "Hello."}, part))
    assert (beside_text.outcomes, beside_text.text) == ((), "Hello.")
    assert beside_text.turn.replay == {"role": "model", "parts": [{"text": "Hello."}]}
    assert [type(bad.error) for bad in asked(answer(part)).failed] == [UnknownTool]


def test_null_is_an_absent_call(asked: Any) -> None:
    calls = asked(answer({"functionCall": None, "text": "t"}, GOOD, {"functionCall": None}, {}))
    assert (len(calls.outcomes), calls.text) == (1, "t")
    assert calls.turn.replay["parts"] == [{"functionCall": None, "text": "t"}, GOOD]
    assert parse({"functionCall": None}).calls == ()


@pytest.mark.parametrize(
    ("content", "seen"),
    [([], r"\[\]"), ("x", "a str"), ([GOOD], "a list"), ({"parts": {}}, r"\{\}"), ({"parts": "x"}, "a str")],
)
def test_a_content_that_is_none_is_told_as_it_was(content: Any, seen: str) -> None:
    with pytest.raises(BadResponse, match=rf"`content(.parts)?` is {seen}.*not .* object"):
        VERTEX.parse_response({"candidates": [{"content": content}]})


DEEP = "[" * 10_000 + "]" * 10_000
DIGITS = "9" * 5_000


@pytest.mark.parametrize("value", [DEEP, DIGITS, '"\\ud800"'], ids=["deep", "digits", "surrogate"])
@pytest.mark.parametrize("place", ["args", "a value", "a key"])
def test_what_no_decoder_takes_costs_one_call(asked: Any, place: str, value: str) -> None:
    if place == "a key":
        value = '{"\\ud800": %s}' % value  # noqa: UP031
    written = value if place == "args" else '{"x": [%s]}' % value  # noqa: UP031
    body = json.dumps(answer(GOOD, call("Free", args="PLANTED"), call("Ping")))
    calls = asked(body.replace('"PLANTED"', written))
    assert list(calls) == [Free(x=1), Ping()]
    (bad,) = calls.failed
    if place != "args" or value == DEEP:
        assert type(bad.error) is MalformedArguments
        assert bad.raw.arguments.replace(" ", "") == written.replace(" ", "")


@pytest.mark.parametrize(
    "extra",
    [f'"deep": {DEEP}', f'"createTime": {DIGITS}', '"x": "\\ud800"', '"usageMetadata": {"promptTokenCount": NaN}',
     f'"usageMetadata": {{"promptTokenCount": {DIGITS}}}', f'"usageMetadata": {{"promptTokenCount": "{DIGITS}"}}'],
    ids=["deep", "digits", "surrogate", "NaN", "digits in usage", "text in usage"],
)  # fmt: skip
def test_what_is_odd_beside_the_calls_costs_nothing(asked: Any, extra: str) -> None:
    calls = asked("\ufeff" + "\n" * 500 + json.dumps(answer(GOOD))[:-1] + ", " + extra + "}")
    assert list(calls) == [Free(x=1)]
    assert calls.usage.input_tokens == 0


def test_text_with_a_lone_surrogate_can_be_printed_and_sent(asked: Any) -> None:
    calls = asked(json.dumps(answer({"text": "caf\u00e9 PLANTED"}, GOOD)).replace("PLANTED", "\\ud800"))
    assert calls.text == "caf\u00e9 \ufffd"


REASONS = ["MISSING_THOUGHT_SIGNATURE", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "OF_TOMORROW", 15, 77, "15"]


@pytest.mark.parametrize("reason", REASONS)
def test_calls_stay_whatever_the_reason(asked: Any, reason: Any) -> None:
    calls = asked(answer(GOOD, finishReason=reason, finishMessage="why it ended"))
    assert list(calls) == [Free(x=1)]
    word = "UNEXPECTED_TOOL_CALL" if reason == 15 else str(reason)
    assert (calls.stop.raw, calls.warnings) == (word, (f"{word}: why it ended",))


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", 9])
def test_the_message_of_a_malformed_call_is_a_warning(asked: Any, reason: Any) -> None:
    body = {"candidates": [{"content": {}, "finishReason": reason, "finishMessage": "Malformed: print(x"}]}
    turn = VERTEX.parse_response(body)
    assert turn.warnings == ("MALFORMED_FUNCTION_CALL: Malformed: print(x",)
    assert turn.stop == StopReason("malformed", "MALFORMED_FUNCTION_CALL")


@pytest.mark.parametrize("reason", ["SAFETY", 5, "OF_TOMORROW"])
def test_a_blocked_prompt_says_why(asked: Any, reason: Any) -> None:
    with pytest.raises(ContentFiltered) as caught:
        asked({"promptFeedback": {"blockReason": reason, "blockReasonMessage": "not this"}})
    assert caught.value.turn is not None
    word = caught.value.turn.stop.raw
    assert caught.value.turn.warnings == (f"{word}: not this",)
    assert caught.value.message == f"the provider's filter stopped the answer ({word}): not this"


@pytest.mark.parametrize("words", [{}, {"finishMessage": "The answer spoke of it."}])
def test_an_answer_that_the_filter_stopped_says_why(asked: Any, words: Any) -> None:
    with pytest.raises(ContentFiltered) as caught:
        asked({"candidates": [{"finishReason": "MODEL_ARMOR", **words}, {"finishReason": "STOP"}]})
    said = ": The answer spoke of it." if words else ""
    assert caught.value.message == f"the provider's filter stopped the answer (MODEL_ARMOR){said}"


@pytest.mark.parametrize("kind", ["gemini", "gemini async", "rest"])
@pytest.mark.parametrize("way", ["whole", "stream"])
@pytest.mark.parametrize(
    ("feedback", "genai_word"),
    [
        ({}, "BLOCKED_REASON_UNSPECIFIED"),
        ({"blockReason": "OF_TOMORROW"}, "OF_TOMORROW"),
        ({"safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "HIGH"}]}, None),
    ],
)
def test_a_block_for_an_unknown_reason_is_one_and_not_asked_again(
    faulty: Any, kind: str, way: str, feedback: Any, genai_word: str | None
) -> None:
    need(kind)
    body: Any = {"promptFeedback": feedback, "usageMetadata": {"promptTokenCount": 5}}
    text = json.dumps([body] if way == "stream" and kind == "rest" else body)
    server = faulty(http(f"data: {text}\n\n" if way == "stream" and kind != "rest" else text))
    with pytest.raises(ContentFiltered) as caught:
        said(kind, way, server.url)
    error = caught.value
    word = "BLOCKED_REASON_UNSPECIFIED" if kind == "rest" or genai_word is None else genai_word
    assert (error.turn.stop, error.retryable) == (StopReason("filtered", word), False)
    assert error.requests == len(server.requests) == 1
    assert error.turn.usage.input_tokens == 5


@pytest.mark.parametrize("kind", ["gemini", "gemini async", "rest"])
@pytest.mark.parametrize("reason", [{"finishReason": "OF_TOMORROW"}, {}], ids=["unknown", "none"])
def test_an_answer_with_nothing_that_ends_for_no_known_reason_says_so(faulty: Any, kind: str, reason: Any) -> None:
    need(kind)
    server = faulty(http(json.dumps({"candidates": [{"content": {"role": "model", "parts": []}, **reason}]})))
    calls = said(kind, "whole", server.url)
    word = "with 'OF_TOMORROW'" if reason and kind != "rest" else "without a reason"
    assert calls.warnings == (f"the answer ends {word}, but there is no call in it, and no text",)


@pytest.mark.parametrize("kind", ["gemini", "gemini async"])
@pytest.mark.parametrize("status", [201, 202, 206, 299])
def test_any_success_is_one(faulty: Any, kind: str, status: int) -> None:
    need(kind)
    server = faulty(http(json.dumps({**answer(GOOD), "n": 1.0}), status, x_request_id="req-7"))
    calls = said(kind, "whole", server.url)
    assert (list(calls), calls.request_id, len(server.requests)) == ([Free(x=1)], "req-7", 1)
    server = faulty(http("<html>", status))
    with pytest.raises(BadResponse, match="html") as caught:
        said(kind, "whole", server.url)
    assert caught.value.requests == len(server.requests)


@pytest.mark.parametrize("name", [3.7, ["Free"], {"a": 1}, True, "", None], ids=repr)
def test_a_name_that_is_no_text_is_the_same_in_the_call_and_in_its_result(asked: Any, name: Any) -> None:
    calls = asked(answer(GOOD, {"functionCall": {"name": name, "args": {"x": 2}}}))
    assert list(calls) == [Free(x=1)]
    assert len(calls.failed) == 1


@pytest.mark.parametrize("status", [300, 304])
def test_a_redirect_to_nowhere_names_no_address(faulty: Any, status: int) -> None:
    need("gemini")
    with pytest.raises(BadResponse) as caught:
        said("gemini", "whole", faulty(http("{}", status)).url)
    assert "base URL" in (caught.value.hint or "")
    assert "leads to" not in (caught.value.hint or "")


def said(kind: str, way: str, url: str) -> Any:
    """The calls of one request of this kind of client, whole or as a stream."""
    sdk = generative_model("m", url, "rest") if kind == "rest" else genai_client(kind, url)
    options: Any = {"adapter": "vertex" if kind == "rest" else "gemini", "model": "m", "wait": tenacity.wait_none()}
    ask: Any = {"messages": ASK, "tools": (Free,)}
    if "async" not in kind:
        client = toolfan.wrap(sdk, **options)
        if way == "whole":
            return client.create(**ask)
        stream = client.stream(**ask)
        list(stream)
        return stream.calls

    async def asked() -> Any:
        client = toolfan.wrap_async(sdk, **options)
        try:
            if way == "whole":
                return await client.create(**ask)
            stream = client.stream(**ask)
            _ = [one async for one in stream]
            return stream.calls
        finally:
            await sdk.aio.aclose()

    return asyncio.run(asked())


FIELDS = ["functionCall", "function_call", "name", "args", "id", "text", "thought", "thoughtSignature"]
PARTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=8,
)


@given(st.lists(PARTS, max_size=4))
def test_whatever_came_each_call_is_answered_once(parts: list[Any]) -> None:
    try:
        turn = parse(*parts)
    except BadResponse:
        assert not any(isinstance(part, dict) for part in parts)
        return
    said = VERTEX.build_answer(turn, [Answer(one, "ok") for one in turn.calls])
    encode_json(said)
    if turn.calls:
        replayed, answers = said
        made = [part.get("functionCall") or part.get("function_call") for part in replayed["parts"]]
        assert len([one for one in made if one]) == len(turn.calls) == len(answers["parts"])
        assert all(isinstance(one, dict) and one["name"] for one in made if one)


def test_what_json_has_no_number_for_goes_back_as_a_text_and_nothing_else_changes():
    odd = {"x": [float("nan"), {"y": float("inf")}], "z": -float("inf"), "w": 1.0}
    signed = {"thoughtSignature": "c2ln"}
    turn = parse(call("NaN", args={"x": "Infinity"}), call("Odd", id="o", args=odd) | signed)
    said, _ = VERTEX.build_answer(turn, [Answer(one, "r", is_error=False) for one in turn.calls])
    spelt = {"x": ["NaN", {"y": "Infinity"}], "z": "-Infinity", "w": 1.0}
    assert said["parts"] == [call("NaN", args={"x": "Infinity"}), call("Odd", id="o", args=spelt) | signed]
