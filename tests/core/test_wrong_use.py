"""What is passed by mistake is told: modules for clients, classes for adapters, tools twice, no model."""

from __future__ import annotations

import copy
import json
import pickle
import re
import types
from collections.abc import AsyncIterator, Generator, Iterable
from typing import Any, Optional, TypedDict, Unpack
from unittest import mock

import openai
import pytest
import toolfan
import typing_extensions
from pydantic import BaseModel
from toolfan.cli.app import app
from typer.testing import CliRunner

MESSAGES: list[Any] = [{"role": "user", "content": "hi"}]


class Weather(BaseModel):
    location: str


class Search(BaseModel):
    query: str


class Options(TypedDict):
    units: str


class Unwritable:
    def __repr__(self) -> str:
        raise KeyError


def takes_rest(location: str, *rest: str) -> str: ...  # type: ignore[empty-body]


def takes_keys(location: str, **options: Unpack[Options]) -> str: ...  # type: ignore[empty-body]


def takes_older_keys(location: str, **options: typing_extensions.Unpack[Options]) -> str: ...  # type: ignore[empty-body]


@pytest.mark.parametrize("name", [3, None, b"openai", ["openai"]])
def test_a_name_of_an_adapter_that_is_no_text(name: Any) -> None:
    with pytest.raises(toolfan.UsageError, match=r"the name of an adapter is .*, not a text"):
        toolfan.load_adapter(name)


@pytest.mark.parametrize("adapter", [3, object(), toolfan.Client, type(toolfan.load_adapter("local"))])
def test_an_adapter_that_is_none(adapter: Any) -> None:
    for wrap in (toolfan.wrap, toolfan.wrap_async):
        with pytest.raises(toolfan.UsageError, match=r"adapter is .*, no adapter"):
            wrap(openai.OpenAI(api_key="k"), adapter=adapter)


def test_a_mode_of_another_library() -> None:
    for name in ("TOOLS", "JSON", "ANTHROPIC_TOOLS"):
        with pytest.raises(toolfan.UsageError, match=rf"no Mode\.{name}: .* Leave mode= out") as caught:
            getattr(toolfan.Mode, name)
        assert isinstance(caught.value, AttributeError)
        assert not hasattr(toolfan.Mode, name)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_either_mode_is_taken_wherever_a_mode_is() -> None:
    for mode in (None, *toolfan.Mode):
        assert toolfan.from_openai(openai.OpenAI(api_key="k"), mode=mode).adapter.name == "openai"
        assert toolfan.from_vertexai(_genai(), mode=mode).adapter.name == "vertex"
    for mode in ("PARALLEL_TOOLS", 1):
        with pytest.raises(toolfan.UsageError, match=r"mode is .*\. Leave it out, or pass toolfan.Mode.PARALLEL_TOOLS"):
            toolfan.from_openai(openai.OpenAI(api_key="k"), mode=mode)  # type: ignore[call-overload]


def _genai() -> object:
    from google import genai
    from google.oauth2.credentials import Credentials

    return genai.Client(vertexai=True, project="p", location="us-central1", credentials=Credentials("t"))


def test_the_modes_are_an_enum_as_others_are() -> None:
    one, other = toolfan.Mode
    assert (one, other) == (toolfan.Mode.PARALLEL_TOOLS, toolfan.Mode.VERTEXAI_PARALLEL_TOOLS)
    assert toolfan.Mode["PARALLEL_TOOLS"] is toolfan.Mode(one.value) is pickle.loads(pickle.dumps(one)) is one
    assert copy.deepcopy(other) is other


NAMES_OF_INSTRUCTOR = [
    ("create_with_completion", "calls.raw_as(openai.types.chat.ChatCompletion)"),
    ("create_partial", "stream() gives each call as soon as it is whole"),
    ("create_iterable", "response_model=Iterable[...]"),
    ("on", "toolfan.observe()"),
]


@pytest.mark.parametrize("sdk", [openai.OpenAI, openai.AsyncOpenAI])
def test_a_client_says_what_stands_in_the_place_of_instructors_names(sdk: Any) -> None:
    client = toolfan.from_openai(sdk(api_key="k"))
    for owner in (client, client.chat, client.chat.completions):
        for name, said in NAMES_OF_INSTRUCTOR:
            with pytest.raises(AttributeError, match=rf"'\w+' object has no attribute '{name}'\. .*{re.escape(said)}"):
                getattr(owner, name)
            assert not hasattr(owner, name)


def test_other_names_of_a_client_are_refused_as_by_any_object() -> None:
    client = toolfan.from_openai(openai.OpenAI(api_key="k"))
    for owner, name in ((client, "cretae"), (client, "__copy__"), (client.chat, "_secret"), (client, "__len__")):
        with pytest.raises(AttributeError) as caught:
            getattr(owner, name)
        assert str(caught.value) == f"{type(owner).__name__!r} object has no attribute {name!r}"
        assert (caught.value.name, caught.value.obj) == (name, owner)
    half_made = toolfan.Client.__new__(toolfan.Client)
    with pytest.raises(AttributeError, match="no attribute 'adapter'"):
        half_made.adapter
    with pytest.raises(toolfan.UsageError, match="cannot be pickled"):
        copy.copy(client)
    with pytest.raises(AttributeError, match="no attribute '_binding'"):  # what a property raises comes out
        half_made.sdk_client
    assert mock.create_autospec(client).create.return_value is not None
    assert not hasattr(mock.Mock(spec=client), "create_partial")


def test_a_module_in_place_of_a_client() -> None:
    with pytest.raises(toolfan.AdapterNotFound, match="openai is a module, not a client") as caught:
        toolfan.wrap(openai)
    assert caught.value.hint == "Pass openai.OpenAI()."
    with pytest.raises(toolfan.AdapterNotFound, match="house is a module") as caught:
        toolfan.wrap(types.ModuleType("house"))
    assert caught.value.hint == "Pass one made from it."


class Compatible:
    """As SDKs of services that speak OpenAI's API have it."""

    @property
    def chat(self) -> object:
        raise AssertionError("nobody asked for it")


class Lazy:
    """As Speakeasy makes SDKs, Mistral's for one: parts are declared, and made when they are asked for."""

    chat: "NotLoaded"  # type: ignore[name-defined]  # noqa: F821, UP037

    def __getattr__(self, name: str) -> object:
        raise AssertionError("nobody asked for it")


class Unbound:
    """As a proxy whose object is not there yet."""

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("nothing is bound")


def test_a_client_of_a_service_that_is_compatible() -> None:
    for one in (Compatible(), Lazy()):
        with pytest.raises(toolfan.AdapterNotFound, match="no installed adapter serves") as caught:
            toolfan.wrap(one)
        assert "pass openai.OpenAI(base_url=...)" in str(caught.value)
    for other in (object(), Unbound()):
        with pytest.raises(toolfan.AdapterNotFound) as caught:
            toolfan.wrap(other)
        assert "base_url" not in str(caught.value)
    with pytest.raises(toolfan.UsageError, match=r"Compatible is no client .* with base_url="):
        toolfan.from_openai(Compatible())  # type: ignore[call-overload]


class Traced:
    """As tools that trace requests make one of a client."""

    def __init__(self, client: object) -> None:
        self._note, self._client = "one of many attributes", client

    def __getattr__(self, name: str) -> object:
        return getattr(self._client, name)


def test_what_is_around_a_client() -> None:
    for sdk, name in ((openai.OpenAI(api_key="k"), "openai.OpenAI"), (openai.AsyncOpenAI(api_key="k"), "AsyncOpenAI")):
        with pytest.raises(toolfan.AdapterNotFound, match=r"no installed adapter serves a .*Traced") as caught:
            toolfan.wrap(Traced(sdk))
        assert f"{name}), but of another class: pass the client that it was made from" in str(caught.value.hint)
    with pytest.raises(toolfan.AdapterNotFound) as caught:
        toolfan.wrap(Traced(object()))
    assert "made from" not in str(caught.value)


def test_a_client_of_another_copy_of_the_sdk() -> None:
    copied = type("OpenAI", (), {"__module__": "openai", "__init__": lambda self: None})
    with pytest.raises(toolfan.UsageError, match=rf"of another copy of the openai SDK \({__name__}\).*`import openai`"):
        toolfan.from_openai(copied())


@pytest.mark.parametrize(
    "tools",
    [
        [{"type": "function", "function": {"name": "Weather"}}],
        [{"type": "function", "function": {"name": "a"}}, {"type": "function", "function": {"name": "a"}}],
        [{"name": "Weather", "input_schema": {}}],
        [{"toolSpec": {"name": "Weather"}}],
    ],
)
def test_a_second_tool_of_one_name(tools: Any) -> None:
    with toolfan.connect("local") as client, pytest.raises(toolfan.UsageError, match="is a second tool '") as caught:
        client.create(messages=MESSAGES, tools=(Weather,), extra_body={"tools": tools})
    assert caught.value.adapter == "local"


def test_tools_of_the_providers_own_may_repeat_a_type() -> None:
    from toolfan_local import Server

    own = [{"type": "custom", "custom": {"name": "one"}}, {"type": "custom", "custom": {"name": "two"}}]
    with (
        Server([{"text": "Hi."}]) as server,
        toolfan.connect("openai:m", base_url=server.openai_url) as client,
    ):
        assert client.create(messages=MESSAGES, tools=(Weather,), extra_body={"tools": own}).text == "Hi."


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"n": 2}, "Of several choices only the first would be read"),
        ({"max_attempts": 0}, "max_attempts is 0"),
        ({"extra_headers": {"a b": "c"}}, "cannot be sent as a header"),
        ({"tool_choice": "maybe"}, "tool_choice is 'maybe'"),
        ({"tool_choice": {"type": "function", "function": {"name": "Weather"}}}, r"Write tool_choice=\[\"Weather\"\]"),
        ({"tool_choice": {"type": "tool", "name": "Weather"}}, r"Write tool_choice=\[\"Weather\"\]"),
        ({"tool_choice": {"type": "any"}}, 'is a dict, .* It is "auto", "required", "none" or a list of tools'),
        ({"tool_choice": {"name": []}}, "tool_choice is a dict"),
    ],
)
def test_wrong_arguments_name_the_adapter(given: Any, says: str) -> None:
    with toolfan.connect("local") as client, pytest.raises(toolfan.UsageError, match=says) as caught:
        client.create(messages=MESSAGES, tools=(Weather,), **given)
    assert caught.value.adapter == "local"


@pytest.mark.parametrize("name", ["deadline", "model", "on_invalid", "repairs", "strict"])
def test_what_cannot_be_written_is_told_as_what_it_is(name: str) -> None:
    long, unwritable = f"{name} is a number of more digits than Python writes", f"{name} is a value of type Unwritable"
    with toolfan.connect("local") as client:
        for given, says in ((10**5000, long), (Unwritable(), unwritable)):
            options: Any = {name: given}
            with pytest.raises(toolfan.UsageError, match=says):
                client.create(messages=MESSAGES, tools=(Weather,), **options)


@pytest.mark.parametrize(
    ("tool", "says"),
    [
        ({"type": "web_search_preview"}, r'goes out beside yours: extra_body=\{"tools": \[\.\.\.\]\}'),
        (Weather | Search, r"It is several: write tools=\(Weather, Search\)"),
        (Optional[Weather], r"leave None \(Optional\) out"),  # noqa: UP045 - this very spelling
        (Iterable[Weather], "It is a form of response_model="),
        (Generator[Weather, None, None], r"Write response_model=Iterable\[Weather\]"),
        (AsyncIterator[Weather], r"Write response_model=Iterable\[Weather\]"),
        (takes_rest, r"takes \*rest, .* Write a parameter with a name for each thing"),
        (takes_keys, r"takes \*\*options, .* Write each key of Options as a parameter of its own"),
        (takes_older_keys, r"takes \*\*options, .* Write each key of Options as a parameter of its own"),
        (3, "A tool is a pydantic model, a dataclass, a TypedDict or a function"),
    ],
)
def test_what_is_no_tool_says_where_it_belongs(tool: Any, says: str) -> None:
    with toolfan.connect("local") as client, pytest.raises(toolfan.ToolDefinitionError, match=says):
        client.create(messages=MESSAGES, tools=[tool])


@pytest.mark.parametrize("type_", ["x", object(), Iterable["Nowhere"]])  # noqa: F821 - it shall not be there
def test_an_answer_is_read_as_a_type_alone(type_: Any) -> None:
    with toolfan.connect("local") as client:
        calls = client.create(messages=MESSAGES, tools=(Weather,))
    with pytest.raises(toolfan.UsageError, match="which is no type"):
        calls.raw_as(type_)


@pytest.mark.parametrize("name", ["", " ", ":m", " :m"])
def test_a_name_that_is_empty(name: str) -> None:
    with pytest.raises(toolfan.AdapterNotFound, match=r'the name of the adapter is empty.*"openai:gpt-4o-mini"'):
        toolfan.connect(name)


@pytest.mark.parametrize("key", ["sk-proj-very-secret-123", "AIzaVerySecret123", "sk-proj-very-secret-123:gpt"])
def test_a_key_in_place_of_a_name_is_not_shown(key: str) -> None:
    cases: list[tuple[dict[str, Any], str]] = [({"target": key}, "looks like a key"), ({"profile": key}, "not exist")]
    for given, says in cases:
        with pytest.raises(toolfan.UsageError, match=says) as caught:
            toolfan.connect(**given)
        assert "ecret" not in f"{caught.value!r} {caught.value}"


def request(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["request", "hi", "--tools", f"{__name__}:Weather", *arguments])


def test_request_refuses_as_call_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's services have the model in the address, not in the body."""
    for adapter in ("gemini", "vertex", "openai"):
        done = request("--with", adapter)
        assert done.exit_code == 2
        assert "no model is named" in done.stderr
    assert "--with vertex:MODEL" in request("--with", "vertex").stderr
    assert request("--with", "gemini:m").exit_code == 0
    assert request("--with", "local").exit_code == 0


def test_request_shows_the_body_of_a_stream() -> None:
    assert "stream" not in json.loads(request("--with", "openai:m").stdout)
    assert json.loads(request("--with", "openai:m", "--stream").stdout)["stream"] is True


def test_a_gemini_server_of_someone_else_gets_no_key_of_googles(monkeypatch: pytest.MonkeyPatch) -> None:
    from toolfan_local import Server

    monkeypatch.setenv("GEMINI_API_KEY", "googles-own")
    monkeypatch.setenv("HOUSE", "house-key")
    with Server(
        [{"calls": [{"name": "Weather", "arguments": {"location": "Oslo"}}]}] * 3, api_key="house-key"
    ) as server:
        with toolfan.connect("gemini:m", base_url=server.base_url, api_key_env="HOUSE") as client:
            assert list(client.create(messages=MESSAGES, tools=(Weather,))) == [Weather(location="Oslo")]
        with toolfan.connect("gemini:m", base_url=server.base_url) as client:
            assert client.sdk_client._api_client.api_key == "none"
            with pytest.raises(toolfan.ProviderError):
                client.create(messages=MESSAGES, tools=(Weather,))


def test_json_is_a_public_name() -> None:
    assert dict[str, Any] == toolfan.JSON
