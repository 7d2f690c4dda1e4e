"""Bad input: each a clear error before a request is sent."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from typing import Any, Optional

import openai
import pytest
import tenacity
import toolfan
from loopback import KEY, USER, Bench
from pydantic import BaseModel, create_model
from toolfan import ConfigError, RequestRejected, Tool, ToolDefinitionError, ToolfanError, UsageError


class A(BaseModel):
    x: int = 0


class B(BaseModel):
    y: int = 0


class Alpha(BaseModel):
    z: int = 0


class Free(BaseModel):
    data: dict[str, Any]


class Refusal:
    """One bad `create()`: what is passed, which error comes, what it says."""

    def __init__(self, error: type[ToolfanError], message: str, **arguments: Any) -> None:
        self.error, self.message = error, message
        self.arguments: dict[str, Any] = {"model": "m", "messages": USER, **arguments}
        if not {"response_model", "tools"} & arguments.keys():
            self.arguments["response_model"] = Iterable[A]


def circular() -> dict[str, Any]:
    message: dict[str, Any] = {"role": "user", "content": "x"}
    message["self"] = message
    return message


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def many(count: int) -> list[Any]:
    return [create_model(f"Tool{at}", x=(int, ...)) for at in range(count)]


def said(content: Any, **more: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content, **more}]


REFUSALS = {
    "tenacity's stop": Refusal(
        UsageError, "stop= of a call is a function.*give it to connect", stop=tenacity.stop_never
    ),
    "tenacity's wait": Refusal(
        UsageError, "wait= of a call is a function.*for all calls of a client", wait=tenacity.wait_fixed(1)
    ),
    "int as response_model": Refusal(ToolDefinitionError, "cannot be a tool", response_model=int),
    "text as response_model": Refusal(ToolDefinitionError, "is a text", response_model="Weather"),
    "text inside": Refusal(ToolDefinitionError, "is a text", response_model=Iterable["Weather"]),  # noqa: F821
    "an instance": Refusal(ToolDefinitionError, "cannot be a tool", response_model=A()),
    "bare Iterable": Refusal(ToolDefinitionError, "of what", response_model=Iterable),
    "bare list": Refusal(ToolDefinitionError, "of what", response_model=list),
    "a dict": Refusal(ToolDefinitionError, "cannot be a tool", response_model=dict[str, int]),
    "a fixed tuple": Refusal(ToolDefinitionError, "fixes the number", response_model=tuple[A, B]),
    "Optional": Refusal(ToolDefinitionError, "None is no tool", response_model=Optional[A]),  # noqa: UP045
    "Iterable of Optional": Refusal(ToolDefinitionError, "None is no tool", response_model=Iterable[A | None]),
    "a tuple as response_model": Refusal(ToolDefinitionError, r"tools=\(Weather", response_model=(A, B)),
    "a list as response_model": Refusal(ToolDefinitionError, r"tools=\(Weather", response_model=[A, B]),
    "Any": Refusal(ToolDefinitionError, "cannot be a tool", response_model=Iterable[Any]),
    "neither": Refusal(UsageError, "either response_model= or tools=", response_model=None),
    "both": Refusal(UsageError, "not both", response_model=Iterable[A], tools=(A,)),
    "no tools": Refusal(ToolDefinitionError, "tools= is empty", tools=()),
    "tools is a class": Refusal(ToolDefinitionError, "not a sequence of tools", tools=A),
    "tools is a text": Refusal(ToolDefinitionError, "not a sequence of tools", tools="A"),
    "tools as JSON": Refusal(ToolDefinitionError, "cannot be a tool", tools=[{"type": "function"}]),
    "one name twice": Refusal(ToolDefinitionError, "two tools have the name 'A'", tools=(A, Tool(B, name="A"))),
    "wire names that collide": Refusal(
        ToolDefinitionError, "both be sent as 'a_b'", tools=(Tool(A, name="a.b"), Tool(B, name="a_b"))
    ),
    "129 tools": Refusal(ToolDefinitionError, "129 tools .* takes 128", tools=many(129)),
    "no messages": Refusal(UsageError, "messages is empty", messages=[]),
    "messages is a text": Refusal(UsageError, "not str", messages="Hello"),
    "messages is one message": Refusal(UsageError, "not dict", messages=USER[0]),
    "messages is None": Refusal(UsageError, "not NoneType", messages=None),
    "a message is a text": Refusal(UsageError, r"messages\[1\] is str", messages=[*USER, "x"]),
    "no role": Refusal(UsageError, r"messages\[0\] has the role None", messages=[{"content": "x"}]),
    "unknown role": Refusal(UsageError, "has the role 'model'", messages=[{"role": "model", "content": "x"}]),
    "a role that is a list": Refusal(UsageError, "has the role", messages=[{"role": ["user"], "content": "x"}]),
    "no content": Refusal(UsageError, "has no content", messages=[{"role": "user"}]),
    "content is a number": Refusal(UsageError, "a content of type int", messages=said(3)),
    "content is texts": Refusal(UsageError, r"messages\[0\].content\[0\] is a str", messages=said(["x"])),
    "no tool_call_id": Refusal(UsageError, "no tool_call_id", messages=[*USER, {"role": "tool", "content": "x"}]),
    "tool_calls is a number": Refusal(
        UsageError, r"messages\[0\]", messages=[{"role": "assistant", "content": "x", "tool_calls": 3}]
    ),
    "tool_calls of texts": Refusal(
        UsageError, r"tool_calls\[0\] is str", messages=[{"role": "assistant", "content": "x", "tool_calls": ["x"]}]
    ),
    "no model": Refusal(UsageError, "no model is named", model=None),
    "an empty model": Refusal(UsageError, "no model is named", model=""),
    "a model that is no text": Refusal(UsageError, "model is 3", model=3),
    "a lone surrogate": Refusal(RequestRejected, r"messages\[0\].content.*surrogate", messages=said("a\ud800")),
    "a surrogate as key": Refusal(RequestRejected, "surrogate", messages=said("a", **{"k\ud800": 1})),
    "a surrogate in the model": Refusal(RequestRejected, "surrogate", model="m\udfff"),
    "NaN in a message": Refusal(RequestRejected, r"messages\[0\].weight.*nan", messages=said("a", weight=float("nan"))),
    "NaN in an option": Refusal(RequestRejected, "temperature.*nan", temperature=float("nan")),
    "infinity in extra_body": Refusal(
        RequestRejected, r"vendor.top\[1\].*inf", extra_body={"vendor": {"top": [1, float("inf")]}}
    ),
    "bytes in extra_body": Refusal(RequestRejected, "vendor.*bytes", extra_body={"vendor": b"x"}),
    "a date in a message": Refusal(RequestRejected, "date", messages=said("x", at=datetime.date(2026, 1, 1))),
    "a set in an option": Refusal(RequestRejected, "stop.*set", stop={"a"}),
    "a circle in messages": Refusal(RequestRejected, "circular|nested", messages=[circular()]),
    "a circle in extra_body": Refusal(RequestRejected, "circular|nested", extra_body={"a": circular()}),
    "too deep": Refusal(RequestRejected, "nested more than 500", messages=said("x", deep=deep(100_000))),
    "extra_body is a list": Refusal(UsageError, "extra_body is list", extra_body=[1]),
    "extra_headers is a text": Refusal(UsageError, "extra_headers is str", extra_headers="X: y"),
    "a header that is no text": Refusal(UsageError, "extra_headers", extra_headers={"X": 3}),
    "a header with a line break": Refusal(UsageError, "extra_headers", extra_headers={"X": "a\r\nY: b"}),
    "a header outside of latin 1": Refusal(UsageError, "extra_headers", extra_headers={"X": "☃"}),
    "a length of the body": Refusal(UsageError, "says where the body ends", extra_headers={"Content-Length": "3"}),
    "chunks of the body": Refusal(UsageError, "says where", extra_headers={"transfer-encoding": "chunked"}),
    "a header name with a blank": Refusal(UsageError, "extra_headers", extra_headers={"X Y": "b"}),
    "an object in extra_query": Refusal(UsageError, r"extra_query\.a .*object is not", extra_query={"a": object()}),
    "bytes in a list in extra_query": Refusal(UsageError, r"extra_query\.a\[1\].*bytes", extra_query={"a": [1, b"x"]}),
    "a tool_choice in other letters": Refusal(UsageError, "Did you mean 'Alpha'", tools=[Alpha], tool_choice="alpha"),
    "a tool_choice nearly a mode": Refusal(UsageError, "Did you mean 'required'", tool_choice="requred"),
    "extra_query is a text": Refusal(UsageError, "extra_query is str", extra_query="a=b"),
    "deadline is a text": Refusal(UsageError, "deadline is 'soon'", deadline="soon"),
    "deadline is 0": Refusal(UsageError, "deadline is 0", deadline=0),
    "deadline is NaN": Refusal(UsageError, "deadline is nan", deadline=float("nan")),
    "deadline is infinite": Refusal(UsageError, "deadline is inf.*None for no limit", deadline=float("inf")),
    "deadline is a truth value": Refusal(UsageError, "deadline is True", deadline=True),
    "on_invalid is unknown": Refusal(UsageError, "on_invalid is 'ignore'", on_invalid="ignore"),
    "max_attempts is 0": Refusal(UsageError, "max_attempts is 0", max_attempts=0),
    "repairs is a text": Refusal(UsageError, "repairs is 'no'", repairs="no"),
    "stream is a text": Refusal(UsageError, "stream is .yes.", stream="yes"),
}


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS)
def test_bad_input_is_refused_before_a_request(bench: Bench, case: Refusal) -> None:
    bench.serve({"text": "x"})
    with pytest.raises(case.error, match=rf"(?s){case.message}") as caught:
        bench.client().create(**case.arguments)
    assert bench.server.requests == []
    assert caught.value.requests in (0, 1)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS)
def test_bad_input_is_refused_by_a_stream_too(bench: Bench, case: Refusal) -> None:
    bench.serve({"text": "x"})
    with pytest.raises(case.error, match=rf"(?s){case.message}") as caught:
        bench.client().stream(**case.arguments).until_done()
    assert bench.server.requests == []
    assert KEY not in str(caught.value)


def test_a_shared_substructure_is_no_circle(bench: Bench) -> None:
    part = {"type": "text", "text": "x"}
    bench.serve({"text": "x"})
    bench.client().create(model="m", messages=said([part, part]), response_model=A)
    assert bench.bodies[0]["messages"][0]["content"] == [part, part]


def test_128_tools_are_taken(bench: Bench) -> None:
    bench.serve({"text": "x"})
    bench.client().create(model="m", messages=USER, tools=many(128))
    assert len(bench.bodies[0]["tools"]) == 128


def test_a_broken_generator_of_messages_shows_its_own_error(bench: Bench) -> None:
    def messages() -> Iterator[Any]:
        yield USER[0]
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        bench.client().create(model="m", messages=messages(), response_model=A)


BAD_KEYS = ["sk-a\nb", "sk-a\r", " sk-a", "sk-a ", "sk-ä", "sk-\x00"]


@pytest.mark.parametrize("key", BAD_KEYS)
@pytest.mark.parametrize("kind", [openai.OpenAI, openai.AsyncOpenAI])
def test_a_client_with_a_key_that_no_header_can_carry(kind: Any, key: str) -> None:
    with pytest.raises(ConfigError, match="the key in the client") as caught:
        toolfan.from_openai(kind(api_key=key))
    assert key.strip() not in str(caught.value)


@pytest.mark.parametrize("key", [key for key in BAD_KEYS if "\x00" not in key])
def test_a_key_from_the_environment_that_no_header_can_carry(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY") as caught:
        toolfan.connect("openai:m")
    assert key.strip() not in str(caught.value)


@pytest.mark.parametrize("key", [None, "", "  "])
def test_no_key_says_which_variable_to_set(monkeypatch: pytest.MonkeyPatch, key: str | None) -> None:
    if key is None:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    else:
        monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ConfigError, match="Set OPENAI_API_KEY"):
        toolfan.connect("openai:m")


def test_a_closed_client(bench: Bench) -> None:
    bench.serve({"text": "x"})
    with bench.client() as client:
        pass
    with pytest.raises(UsageError, match="the client is closed"):
        client.create(model="m", messages=USER, response_model=A)
    assert bench.bodies == []
    client.close()


def test_a_closed_sdk_client(bench: Bench) -> None:
    bench.serve({"text": "x"})
    sdk = bench.sdk(max_retries=0)
    client = toolfan.from_openai(sdk)
    sdk.close()
    with pytest.raises(ToolfanError, match="closed"):
        client.create(model="m", messages=USER, response_model=A)


def test_closing_leaves_the_clients_own_sdk_client_open(bench: Bench) -> None:
    bench.serve({"text": "x", "times": "always"})
    sdk = bench.sdk(max_retries=0)
    toolfan.from_openai(sdk).close()
    assert toolfan.wrap(sdk).create(model="m", messages=USER, response_model=A).text == "x"


@pytest.mark.parametrize(
    "sdk_client", ["openai", None, 3, object(), openai.OpenAI, {"api_key": "x"}], ids=list("abcdef")
)
def test_what_is_no_client_is_refused(sdk_client: Any) -> None:
    with pytest.raises(UsageError, match=r"client|is a class"):
        toolfan.wrap(sdk_client)
    with pytest.raises(UsageError, match=r"client|is a class"):
        toolfan.from_openai(sdk_client)


def test_an_async_client_is_refused_by_wrap_and_a_sync_one_by_wrap_async() -> None:
    with pytest.raises(UsageError, match=r"AsyncOpenAI is not sync.*wrap_async"):
        toolfan.wrap(openai.AsyncOpenAI(api_key="k"))  # type: ignore[arg-type]
    with openai.OpenAI(api_key="k") as sdk, pytest.raises(UsageError, match=r"OpenAI is not async.*wrap\(\)"):
        toolfan.wrap_async(sdk)


def test_a_wrong_mode_is_refused(bench: Bench) -> None:
    with pytest.raises(UsageError, match="PARALLEL_TOOLS"):
        toolfan.from_openai(bench.sdk(), "TOOLS")  # type: ignore[call-overload]
    with pytest.raises(UsageError, match="VERTEXAI_PARALLEL_TOOLS"):
        toolfan.from_vertexai(bench.sdk(), "TOOLS")  # type: ignore[call-overload]
