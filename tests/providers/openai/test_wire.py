"""What reaches the server: every choice, option and extra field, and nothing that was not asked for."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import openai
import pytest
import toolfan
from loopback import KEY, ONCE, USER, Bench, FaultServer, call, completion, http, raw
from pydantic import BaseModel, ValidationInfo, field_validator
from toolfan import InvalidCalls, RequestRejected, Tool, ToolChoice, ToolDefinitionError, TooManyCalls, UsageError
from toolfan_openai.options import OPTION_NAMES


class A(BaseModel):
    x: int


class B(BaseModel):
    y: str = "d"


class C(BaseModel):
    free: dict[str, Any]


def lookup(z: int) -> int:
    return z


RENAMED = Tool(B, name="b.renamed")
TOOLS = (A, RENAMED, lookup)


def body(bench: Bench, tools: Any = TOOLS, messages: Any = USER, **options: Any) -> dict[str, Any]:
    """The body of the one request that `create` with these options sends; whether the service takes it is its own."""
    bench.serve({"text": "nothing to do"})
    options.setdefault("model", "m")
    with suppress(RequestRejected):
        bench.client().create(messages=messages, tools=tools, on_invalid="keep", **options)
    (sent,) = bench.bodies
    return sent


def test_a_plain_request_has_nothing_but_what_is_needed(bench: Bench) -> None:
    sent = body(bench, (A,))
    assert sent == {
        "model": "m",
        "messages": USER,
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "A",
                    "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]},
                },
            }
        ],
    }


def one(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def some(*names: str, mode: str = "required") -> dict[str, Any]:
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [one(name) for name in names]}}


CHOICES: list[tuple[Any, Any]] = [
    ("auto", "auto"),
    ("required", "required"),
    ("none", "none"),
    (A, one("A")),
    ([A], one("A")),
    (["A"], one("A")),
    (RENAMED, one("b_renamed")),
    (["b.renamed"], one("b_renamed")),
    ([B], one("b_renamed")),
    (lookup, one("lookup")),
    ((lookup, A), some("A", "lookup")),
    ({A, "lookup"}, some("A", "lookup")),
    (["b.renamed", lookup, "A", A], some("A", "b_renamed", "lookup")),
    (ToolChoice("required"), "required"),
    (ToolChoice("auto", ("lookup", "A")), some("A", "lookup", mode="auto")),
]  # fmt: skip


@pytest.mark.parametrize(("choice", "sent"), CHOICES, ids=[str(at) for at in range(len(CHOICES))])
def test_tool_choice(bench: Bench, choice: Any, sent: Any) -> None:
    """`auto` is the default of every server, and left out: some gateways refuse the field."""
    assert body(bench, tool_choice=choice).get("tool_choice", "auto") == sent
    assert ("tool_choice" in body(bench, tool_choice=choice)) is (sent != "auto")


def test_a_choice_in_the_body_beside_ones_own_is_refused(bench: Bench) -> None:
    with pytest.raises(toolfan.UsageError, match="tool_choice"):
        body(bench, extra_body={"tool_choice": "required"})


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("any", 'It is "auto"'),
        ("A", r"Write tool_choice=\['A'\]"),
        (["Aa"], "names 'Aa'.*Did you mean 'A'"),
        ([C], "names 'C'"),
        ([], "empty list"),
        (3, "names 3"),
        (None, "names None"),
        (Tool(A, name="other"), "names 'other'"),
        (ToolChoice("required", ("Nope",)), "'Nope'"),
        (ToolChoice("required", ()), "To forbid calls"),
        (ToolChoice("sometimes"), "sometimes"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_tool_choice_is_refused_before_sending(bench: Bench, choice: Any, message: str) -> None:
    bench.serve({"text": "no"})
    with pytest.raises(UsageError, match=message):
        bench.client().create(model="m", messages=USER, tools=TOOLS, tool_choice=choice)
    assert bench.bodies == []


@pytest.mark.parametrize(("parallel", "sent"), [(True, None), (False, False), (1, False), (2, None), (128, None)])
def test_parallel(bench: Bench, parallel: Any, sent: Any) -> None:
    assert body(bench, parallel=parallel).get("parallel_tool_calls") is sent


@pytest.mark.parametrize("parallel", [0, -1, 1.5, "2", None])
def test_a_wrong_parallel_is_refused(bench: Bench, parallel: Any) -> None:
    bench.serve()
    with pytest.raises(UsageError, match="parallel is"):
        bench.client().create(model="m", messages=USER, tools=TOOLS, parallel=parallel)
    assert bench.bodies == []


@pytest.mark.parametrize(("parallel", "good"), [(True, 3), (False, 1), (1, 1), (2, 2), (3, 3)])
def test_calls_beyond_the_limit_fail_and_are_not_dropped(bench: Bench, parallel: Any, good: int) -> None:
    client = bench.answered(*(call("A", {"x": at}, f"i{at}") for at in range(3)))
    calls = client.create(model="m", messages=USER, tools=TOOLS, parallel=parallel, on_invalid="keep")
    assert [value.x for value in calls] == list(range(good))
    assert [type(bad.error) for bad in calls.failed] == [TooManyCalls] * (3 - good)
    assert [outcome.id for outcome in calls.outcomes] == ["i0", "i1", "i2"]


@pytest.mark.parametrize("strict", [None, False, True])
def test_strict_selects_the_schema_dialect(bench: Bench, strict: bool | None) -> None:
    function = body(bench, (B,), strict=strict)["tools"][0]["function"]
    assert function.get("strict") is strict
    if strict:
        assert function["parameters"] == {
            "type": "object",
            "properties": {"y": {"type": "string"}},
            "additionalProperties": False,
            "required": ["y"],
        }
    else:
        assert function["parameters"] == {"type": "object", "properties": {"y": {"type": "string", "default": "d"}}}


def test_a_schema_that_strict_cannot_say_is_refused_with_its_place(bench: Bench) -> None:
    bench.serve()
    with pytest.raises(ToolDefinitionError, match=r"strict=True is not possible: free .*free keys.*tool C") as caught:
        bench.client().create(model="m", messages=USER, tools=(C,), strict=True)
    assert caught.value.tool == "C"
    assert bench.bodies == []


@pytest.mark.parametrize("strict", ["yes", 1])
def test_strict_is_a_truth_value(bench: Bench, strict: Any) -> None:
    with pytest.raises(UsageError, match="pydantic's strictness"):
        bench.client().create(model="m", messages=USER, tools=(A,), strict=strict)


class Limited(BaseModel):
    x: int

    @field_validator("x")
    @classmethod
    def within(cls, value: int, info: ValidationInfo) -> int:
        if value > info.context["limit"]:
            raise ValueError("over the limit")
        return value


def test_context_reaches_the_validators(bench: Bench) -> None:
    client = bench.answered(call("Limited", {"x": 5}, "a"), call("Limited", {"x": 9}, "b"))
    calls = client.create(
        model="m", messages=USER, response_model=Iterable[Limited], context={"limit": 7}, on_invalid="keep"
    )
    assert [value.x for value in calls] == [5]
    assert "over the limit" in str(calls.failed[0].error)


@pytest.mark.parametrize("name", sorted(OPTION_NAMES))
def test_every_provider_option_goes_out_under_its_own_name(bench: Bench, name: str) -> None:
    assert body(bench, (A,), **{name: {"any": ["value", 1]}})[name] == {"any": ["value", 1]}


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("temprature", "Did you mean 'temperature'"),
        ("max_retries", "toolfan calls it max_attempts="),
        ("validation_context", "toolfan calls it context="),
        ("timeout", "toolfan calls it deadline="),
        ("parallel_tool_calls", "toolfan calls it parallel="),
        ("response_format", "toolfan calls it response_model="),
        ("functions", "toolfan calls it tools="),
        ("function_call", "toolfan calls it tool_choice="),
        ("n", "extra_body"),
        ("mesages", "Did you mean"),
        ("wholly_unknown", r"extra_body=\{'wholly_unknown': ...\}"),
        ("hooks", r"\. toolfan has no hooks; .* toolfan\.observe\(\)\.$"),
        ("cache", r"\. toolfan keeps no answers; calls\.to_json\(\)"),
        ("autodetect_images", r"\. toolfan sends texts as texts; an image is a part of a message"),
        ("raise_on_error", r"\. on_invalid= says what becomes of bad calls"),
        ("mode", r"\. Leave it out: toolfan always asks for tool calls\.$"),
        ("stream_options", "extra_body"),
    ],
)
def test_an_unknown_option_is_refused_with_the_right_name(bench: Bench, option: str, message: str) -> None:
    bench.serve()
    with pytest.raises(UsageError, match=message):
        bench.client().create(model="m", messages=USER, tools=(A,), **{option: 1})
    assert bench.bodies == []


def test_extra_fields_headers_and_queries_arrive_unchecked(bench: Bench) -> None:
    sent = body(
        bench,
        extra_body={"vendor": {"deep": [None, 1.5]}, "n": 2},
        extra_headers={"X-House": "yes"},
        extra_query={"api": "2", "q": "a b"},
    )
    assert (sent["vendor"], sent["n"]) == ({"deep": [None, 1.5]}, 2)
    assert bench.server.requests[0].headers["x-house"] == "yes"
    assert bench.server.requests[0].query == {"api": "2", "q": "a b"}


def test_more_stream_options_join_those_of_toolfan(bench: Bench) -> None:
    bench.serve({"text": "x"})
    more = {"stream_options": {"include_obfuscation": False}}
    bench.client().stream(model="m", messages=USER, tools=(A,), extra_body=more).until_done()
    assert bench.bodies[0]["stream_options"] == {"include_usage": True, "include_obfuscation": False}


def test_a_client_may_want_no_stream_options(bench: Bench) -> None:
    """Some servers refuse the field, so that no stream came of them."""
    bench.serve({"text": "x"})
    adapter = replace(toolfan.load_adapter("openai"), stream_usage=False)  # type: ignore[type-var]
    toolfan.wrap(bench.sdk(), adapter=adapter).stream(model="m", messages=USER, tools=(A,)).until_done()
    assert bench.bodies[0]["stream"] is True
    assert "stream_options" not in bench.bodies[0]


@pytest.mark.parametrize("wanted", [True, False])
def test_a_profile_may_want_no_stream_options(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: bool
) -> None:
    bench.serve({"text": "x"})
    monkeypatch.chdir(tmp_path)
    profile = f'adapter = "openai"\nmodel = "m"\nbase_url = "{bench.server.openai_url}"\n'
    Path("toolfan.toml").write_text(f"[profiles.p]\n{profile}stream_usage = {str(wanted).lower()}\n")
    with toolfan.connect(profile="p") as client:
        client.stream(messages=USER, tools=(A,)).until_done()
    assert ("stream_options" in bench.bodies[0]) is wanted


def test_the_tools_of_extra_body_join_the_others(bench: Bench) -> None:
    search = {"type": "function", "function": {"name": "server_side", "parameters": {"type": "object"}}}
    sent = body(bench, (A,), extra_body={"tools": [search]})
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["A", "server_side"]
    assert [tool["function"]["name"] for tool in body(bench, (A,))["tools"]] == ["A"]


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        ({"model": "other"}, "model"),
        ({"messages": []}, "messages"),
        ({"tool_choice": "none"}, "tool_choice"),
        ({"temperature": 1}, "temperature"),
        ({"metadata": {"a": "2"}}, "metadata.a"),
        ({"tools": "x"}, "tools"),
    ],
)
def test_extra_body_never_replaces_what_toolfan_sets(bench: Bench, extra: dict[str, Any], field: str) -> None:
    bench.serve()
    with pytest.raises(UsageError, match=rf"extra_body sets {field},"):
        bench.client().create(
            model="m", messages=USER, tools=(A,), temperature=0, metadata={"a": "1"}, extra_body=extra
        )
    assert bench.bodies == []


def test_messages_of_every_kind_arrive_untouched(bench: Bench) -> None:
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "name": "ann", "content": [
            {"type": "text", "text": "Что это? 🌦 \u2028"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
        ]},
        {"role": "assistant", "content": None, "tool_calls": [call("A", {"x": 1}, "c1")]},
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
        {"role": "user", "content": "and now?", "vendor_field": {"kept": True}},
    ]  # fmt: skip
    assert body(bench, messages=messages)["messages"] == messages


def test_messages_may_be_an_iterator_and_objects_of_the_sdk(bench: Bench) -> None:
    from openai.types.chat import ChatCompletionMessage

    message = ChatCompletionMessage(role="assistant", content="hi")
    assert body(bench, messages=iter([*USER, message]))["messages"][1] == {"role": "assistant", "content": "hi"}


def test_the_clients_model_is_the_default(bench: Bench) -> None:
    import toolfan

    bench.serve({"text": "a", "times": "always"})
    client = toolfan.from_openai(bench.sdk(), model="house")
    client.create(messages=USER, tools=(A,))
    client.create(messages=USER, tools=(A,), model="other")
    assert [sent["model"] for sent in bench.bodies] == ["house", "other"]


def test_any_base_url_with_a_path_prefix(bench: Bench) -> None:
    server = bench.serve({"text": "a"})
    client = bench.client(base_url=f"{server.base_url}/proxy/house/v1/")
    client.create(model="m", messages=USER, tools=(A,))
    assert server.requests[0].path == "/proxy/house/v1/chat/completions"


def test_one_attempt_is_one_request(bench: Bench) -> None:
    bench.serve(raw(completion(call("A", {"x": "no"}))), {"text": "never asked"})
    with pytest.raises(InvalidCalls) as caught:
        bench.client().create(model="m", messages=USER, tools=(A,), max_attempts=1)
    assert (caught.value.requests, caught.value.attempts, len(bench.bodies)) == (1, 1, 1)


def test_the_callers_objects_are_never_changed(bench: Bench) -> None:
    messages, extra, metadata = [{"role": "user", "content": "x"}], {"a": {"b": 1}, "tools": []}, {"k": "v"}
    body(bench, messages=messages, extra_body=extra, metadata=metadata)
    assert (messages, extra, metadata) == (
        [{"role": "user", "content": "x"}],
        {"a": {"b": 1}, "tools": []},
        {"k": "v"},
    )


def test_no_key_in_what_the_client_shows(bench: Bench) -> None:
    client = bench.client()
    assert KEY not in repr(client) + str(client)


@pytest.mark.skipif("admin_api_key" not in signature(openai.OpenAI).parameters, reason="an SDK without admin keys")
@pytest.mark.parametrize(("key", "sent"), [("", 0), (KEY, 1)])
def test_an_admin_key_is_not_sent_in_the_place_of_a_key(bench: Bench, key: str, sent: int) -> None:
    bench.serve({"text": "nothing to do"})
    admin: Any = {"admin_api_key": "sk-admin-of-the-house"}
    client = toolfan.from_openai(bench.sdk(api_key=key, base_url=bench.server.openai_url, **admin), stop=ONCE)
    with suppress(RequestRejected):
        client.create(model="m", messages=USER, tools=(A,))
    assert len(bench.bodies) == sent


def test_a_client_that_names_a_header_for_it_sends_an_idempotency_key_with_each_request(
    bench: Bench, faulty: Callable[..., FaultServer]
) -> None:
    server = faulty(http(json.dumps(completion(call("A", {"x": 1})))))
    sdk = bench.sdk(base_url=server.url, max_retries=0)
    sdk._idempotency_header = "Idempotency-Key"
    client = toolfan.from_openai(sdk, stop=ONCE)
    for _ in range(2):
        random.seed(17)  # as programs do that are to give the same again: it is theirs
        before = random.getstate()
        client.create(model="m", messages=USER, tools=(A,))
        assert random.getstate() == before
    first, second = (headers["idempotency-key"] for _, _, headers, _ in server.requests)
    assert first != second
