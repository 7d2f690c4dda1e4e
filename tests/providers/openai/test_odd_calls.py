"""No call is lost: what is odd among the calls costs only itself, and the turn can be sent back."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from hypothesis import given
from hypothesis import strategies as st
from loopback import KEY, USER, Bench, call, completion, http, raw
from pydantic import BaseModel
from toolfan import BadCall, Calls, MalformedArguments, UnknownTool, load_adapter
from toolfan.calls import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopback import FaultServer


class A(BaseModel):
    x: int


class Free(BaseModel):
    x: Any = None


FORM = Iterable[A | Free]
GOOD = call("A", {"x": 1}, "good")
PHANTOM = {"id": "p", "type": "function", "function": {"name": "", "arguments": ""}}


def asked(bench: Bench, content: Any) -> Calls[Any]:
    """The calls of this body; the reply to them, which the server checks as the service would, is sent too."""
    bench.serve(raw(content), {"text": "thanks"})
    client = bench.client()
    calls: Calls[Any] = client.create(model="m", messages=USER, response_model=FORM, on_invalid="keep")
    if calls.outcomes:
        reply = calls.reply({outcome.id: "done" for outcome in calls.outcomes})
        assert client.create(model="m", messages=[*USER, *reply], response_model=FORM, on_invalid="keep").text
        answered = [message["tool_call_id"] for message in reply if message["role"] == "tool"]
        assert answered == [one.id for one in calls.turn.calls]
        assert len(set(answered)) == len(answered)
    if "NaN" not in str(content):  # which equals nothing
        assert pickle.loads(pickle.dumps(calls)) == calls
    return calls


ODD: list[Any] = [
    None,
    3,
    1.5,
    True,
    "Weather",
    [],
    [GOOD],
    {},
    {"id": "a", "type": "function"},
    {"id": "a", "type": "function", "function": None},
    {"id": "a", "type": "function", "function": "A"},
    {"id": "a", "type": "function", "function": ["A", "{}"]},
    {"id": "a", "type": "custom", "custom": None},
    {"id": "a", "type": "custom", "custom": "A"},
    {"id": "good", "type": "function", "function": 3},
    {"type": "web_search", "name": "A", "arguments": '{"x": 2}'},
]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_what_is_no_call_is_a_bad_call_and_the_good_ones_stay(bench: Bench, odd: Any) -> None:
    calls = asked(bench, completion(odd, GOOD, odd))
    assert list(calls) == [A(x=1)]
    first, good, last = calls.outcomes
    for bad in (first, last):
        assert isinstance(bad, BadCall)
        assert (type(bad.error), bad.name) == (UnknownTool, "")
        assert json.loads(bad.raw.arguments) == odd
    assert good.index == 1


@pytest.mark.parametrize("odd", [{"name": None, "arguments": '{"x":2}'}, {"name": 7, "arguments": {"x": 2}}, {"x": 2}])
def test_a_call_without_a_usable_name_is_unknown(bench: Bench, odd: Any) -> None:
    calls = asked(bench, completion({"id": "a", "type": "function", "function": odd}, GOOD, content="t"))
    if odd == {"x": 2}:  # neither name nor arguments: a phantom
        assert [one.id for one in calls.outcomes] == ["good"]
    else:
        assert [type(bad.error) for bad in calls.failed] == [UnknownTool]
        assert json.loads(calls.failed[0].raw.arguments) == {"x": 2}


@pytest.mark.parametrize("arguments", ["", "{}", None, {}, "{} ", "\n{}", " ", "{"])
@pytest.mark.parametrize("name", ["", None])
def test_a_phantom_is_dropped_beside_text_or_calls_only(bench: Bench, name: Any, arguments: Any) -> None:
    phantom = {"id": "p", "type": "function", "function": {"name": name, "arguments": arguments}}
    assert [one.id for one in asked(bench, completion(phantom, GOOD)).outcomes] == ["good"]
    beside_text = asked(bench, completion(phantom, content="Hello."))
    assert (beside_text.outcomes, beside_text.text) == ((), "Hello.")
    older = completion(content="Hello.", function_call=phantom["function"])
    assert asked(bench, older).outcomes == ()
    alone = asked(bench, completion(phantom))
    assert [(one.id, type(one.error)) for one in alone.failed] == [("p", UnknownTool)]


def test_the_turn_of_a_phantom_can_be_sent_back() -> None:
    adapter = load_adapter("openai")
    said = completion(PHANTOM, content="Hello.", function_call=PHANTOM["function"])
    assert adapter.build_answer(adapter.parse_response(said), []) == [{"role": "assistant", "content": "Hello."}]


def test_an_older_call_beside_phantoms_is_read(bench: Bench) -> None:
    calls = asked(bench, completion(PHANTOM, function_call={"name": "A", "arguments": '{"x": 5}'}))
    assert list(calls) == [A(x=5)]


def test_one_call_without_a_list_around_it_is_read(bench: Bench) -> None:
    assert list(asked(bench, completion(tool_calls=GOOD))) == [A(x=1)]


def test_custom_calls_of_any_kind_are_answered(bench: Bench) -> None:
    custom = [{"id": f"c{at}", "type": "custom", "custom": one} for at, one in enumerate([{}, {"name": "a.b"}])]
    calls = asked(bench, completion(*custom, GOOD, {"type": "custom", "custom": {"name": "s", "input": 3}}))
    assert [one.name for one in calls.outcomes] == ["", "a.b", "A", "s"]
    assert list(calls) == [A(x=1)]


@pytest.mark.parametrize("empty", [{}, {"name": "", "arguments": ""}, {"name": None, "arguments": "{}"}], ids=str)
@pytest.mark.parametrize("kind", [{"type": "custom"}, {}])
def test_an_empty_function_beside_a_custom_call_is_none(bench: Bench, empty: Any, kind: Any) -> None:
    entry = {"id": "c", **kind, "custom": {"name": "sh", "input": "ls"}, "function": empty}
    pieces = [{**entry, "index": 0, "custom": custom} for custom in ({"name": "sh", "input": "l"}, {"input": "s"})]
    calls = asked(bench, completion(entry))
    assert [(one.name, one.raw.arguments) for one in calls.outcomes] == [("sh", "ls")]
    adapter = load_adapter("openai")
    parser = adapter.stream_parser()
    for piece in pieces:
        parser.feed({"choices": [{"index": 0, "delta": {"tool_calls": [piece]}}]})
    parser.feed({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    turn = parser.close()
    assert turn.calls == tuple(one.raw for one in calls.outcomes)
    for said in (turn, calls.turn):
        (sent,) = adapter.build_answer(said, [Answer(one, "ok") for one in said.calls])[0]["tool_calls"]
        assert sent == {"id": "c", "type": "custom", "custom": {"name": "sh", "input": "ls"}}


BREAKING = {
    "surrogate in the text of the arguments": call("Free", "PLANTED", "bad"),
    "surrogate in an object": call("", "", "bad", function={"name": "Free", "arguments": {"x": "PLANTED"}}),
    "surrogate in the id": call("Free", {"x": 1}, "PLANTED"),
    "surrogate in the name": call("PLANTED", {"x": 1}, "bad"),
}


@pytest.mark.parametrize("bad", BREAKING.values(), ids=BREAKING)
def test_a_lone_surrogate_costs_one_call_at_most(bench: Bench, bad: dict[str, Any]) -> None:
    body = json.dumps(completion(GOOD, bad, content="caf\u00e9 PLANTED"))
    planted = '{\\"x\\": \\"\\ud800\\"}'
    body = body.replace('"arguments": "PLANTED"', f'"arguments": "{planted}"').replace("PLANTED", "\\ud800")
    calls = asked(bench, body)
    assert calls[0] == A(x=1)
    assert calls.text == "caf\u00e9 \ufffd"
    str(calls.outcomes).encode()
    json.loads(calls.to_json())
    if "id" in bad and bad["id"] == "bad":
        (failed,) = calls.failed
        assert type(failed.error) in (MalformedArguments, UnknownTool)


@pytest.mark.parametrize("use", ["null", "3", '{"recipient_name": "functions.Free", "parameters": {"x": %s}}'])
def test_what_is_odd_inside_a_wrapper_costs_only_itself(bench: Bench, use: str) -> None:
    good = '{"recipient_name": "functions.A", "parameters": {"x": 1}}'
    for value in (DEEP, DIGITS, '"\\ud800"'):
        bad = use.replace("%s", value)
        wrapper = call("multi_tool_use.parallel", f'{{"tool_uses": [{good}, {bad}, {good}]}}', "w")
        calls = asked(bench, completion(wrapper, GOOD))
        assert list(calls) == [A(x=1)] * 3
        (failed,) = calls.failed
        assert type(failed.error) is (MalformedArguments if "{" in use else UnknownTool)


DEEP = "[" * 10_000 + "]" * 10_000
DIGITS = "9" * 5_000


@pytest.mark.parametrize("value", [DEEP, DIGITS, "-" + DIGITS], ids=["deep", "digits", "negative"])
@pytest.mark.parametrize("shape", ["text", "object"])
def test_what_no_decoder_takes_costs_one_call(bench: Bench, shape: str, value: str) -> None:
    arguments = f'{{"x": {value}}}'
    given = json.dumps(arguments) if shape == "text" else arguments
    body = json.dumps(completion(GOOD, call("Free", "PLANTED", "bad"), GOOD | {"id": "last"}))
    calls = asked(bench, body.replace('"PLANTED"', given))
    assert list(calls) == [A(x=1), A(x=1)]
    (bad,) = calls.failed
    assert type(bad.error) is MalformedArguments
    assert bad.raw.arguments.replace(" ", "") == arguments.replace(" ", "")


@pytest.mark.parametrize(
    "extra",
    [f'"deep": {DEEP}', f'"created": {DIGITS}', f'"usage": {{"prompt_tokens": {DIGITS}}}', '"x": "\\ud800"',
     '"usage": {"prompt_tokens": NaN}', '"model": 1, "model": "m"', f'"system_fingerprint": {DIGITS}'],
    ids=["deep", "digits", "digits in usage", "surrogate", "NaN", "duplicate", "fingerprint"],
)  # fmt: skip
def test_what_is_odd_beside_the_calls_costs_nothing(bench: Bench, extra: str) -> None:
    body = json.dumps(completion(GOOD))
    assert list(asked(bench, "\ufeff" + "\n" * 500 + body[:-1] + ", " + extra + "}")) == [A(x=1)]


FIELDS = ["id", "index", "type", "function", "custom", "name", "arguments", "input"]
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
NAMES = st.sampled_from(FIELDS)
INNER = LEAVES | st.lists(LEAVES, max_size=2) | st.dictionaries(NAMES, LEAVES, max_size=5)
ENTRIES = INNER | st.lists(INNER, max_size=2) | st.dictionaries(NAMES, INNER, max_size=6)


@given(st.lists(ENTRIES, max_size=4), st.none() | st.text(max_size=2), ENTRIES)
def test_whatever_came_each_call_is_answered_once(entries: list[Any], text: str | None, legacy: Any) -> None:
    adapter = load_adapter("openai")
    body = completion(*entries, content=text, function_call=legacy)
    turn = adapter.parse_response(body)
    assert len(turn.calls) <= len(entries) + 1
    replayed, *answers = adapter.build_answer(turn, [Answer(one, "ok") for one in turn.calls])
    sent = replayed.get("tool_calls") or []
    assert [one["id"] for one in sent] == [one["tool_call_id"] for one in answers] == [one.id for one in turn.calls]
    assert len({one.id for one in turn.calls}) == len(turn.calls)
    for one in sent:
        assert isinstance(one[one["type"]]["name"], str)
        assert one[one["type"]]["name"]
        assert isinstance(one["custom"]["input"] if one["type"] == "custom" else one["function"]["arguments"], str)
    toolfan.wire.encode_json([replayed, *answers])


def test_thoughts_that_a_proxy_streams_in_pieces_are_whole_blocks(faulty: Callable[..., FaultServer]) -> None:
    """LiteLLM's proxy streams `thinking_blocks` so; its own rebuilding of a message joins them up to the signature."""
    thought, more = ({"type": "thinking", "thinking": words, "signature": f"S-{words}"} for words in ("Hm", "and so"))
    hidden = {"type": "redacted_thinking", "data": "RED=="}
    deltas: list[Any] = [
        {"role": "assistant", "thinking_blocks": [{"type": "thinking", "thinking": "H"}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "m", "signature": None}]},
        {"thinking_blocks": [{**thought, "thinking": ""}]},
        {"thinking_blocks": [hidden]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "and"}, {**more, "thinking": " so"}]},
        {"thinking_blocks": None, "tool_calls": [{"index": 0, **GOOD}]},
    ]
    choices = [*({"delta": delta} for delta in deltas), {"delta": {}, "finish_reason": "tool_calls"}]
    lines = [f"data: {json.dumps({'id': 'c', 'choices': [{'index': 0, **choice}]})}\n\n" for choice in choices]
    server = faulty(http("".join(lines), content_type="text/event-stream"))
    with openai.OpenAI(api_key=KEY, base_url=server.url) as sdk:
        calls = toolfan.from_openai(sdk).stream(model="m", messages=USER, response_model=FORM).until_done()
    assert calls.reply({"good": "done"})[0]["thinking_blocks"] == [thought, hidden, more]


@pytest.mark.parametrize("empty", ["{}", ""])
def test_what_a_stream_handed_out_is_answered(empty: str) -> None:
    """An entry that comes without its function is a call at once; what follows may show that nothing was called."""
    parser = load_adapter("openai").stream_parser()
    nobody = [{"index": 0, "id": "a", "type": "function"}, {"index": 0, "function": {"name": "", "arguments": empty}}]
    pieces = [*nobody, {"index": 1, "id": "b", "type": "function", "function": {"name": "A", "arguments": '{"x": 1}'}}]
    for piece in pieces:
        parser.feed({"choices": [{"index": 0, "delta": {"tool_calls": [piece]}}]})
    parser.feed({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    turn = parser.close()
    assert [(one.id, one.name) for one in turn.calls] == [("a", ""), ("b", "A")]
    said, *results = load_adapter("openai").build_answer(turn, [Answer(one, "done") for one in turn.calls])
    assert [one["id"] for one in said["tool_calls"]] == [one["tool_call_id"] for one in results] == ["a", "b"]
    assert said["tool_calls"][1]["function"] == {"name": "A", "arguments": '{"x": 1}'}


@pytest.mark.parametrize(("times", "often"), [(2, "twice"), (3, "3 times"), (5, "5 times")])
def test_calls_without_ids_under_one_index_are_counted(
    faulty: Callable[..., FaultServer], times: int, often: str
) -> None:
    """Which of them is meant once more, and which is another call, nobody can know: how many came is told."""
    one = {"index": 0, "type": "function", "function": {"name": "A", "arguments": '{"x": 1}'}}
    chunks: list[Any] = [{"choices": [{"index": 0, "delta": {"tool_calls": [one]}}]}] * times
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    body = "".join(f"data: {json.dumps(sent)}\n\n" for sent in chunks)
    server = faulty(http(f"{body}data: [DONE]\n\n", content_type="text/event-stream"))
    with openai.OpenAI(api_key=KEY, base_url=server.url) as sdk:
        calls = toolfan.from_openai(sdk).stream(model="m", messages=USER, response_model=FORM).until_done()
    assert list(calls) == [A(x=1)]
    assert calls.warnings == (f"call 0: it came {often}, under one index and no id, and was read as one call",)
