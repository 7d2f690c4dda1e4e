"""The schemas of tools as each service is sent them, over its real SDK, and what is refused before anything is sent."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any, NotRequired

import anthropic
import jsonschema
import pytest
import toolfan
from every_provider import client_of
from loopback import USER
from pydantic import BaseModel, Field, Secret, SecretBytes, SecretStr, create_model
from toolfan_local import Server
from typing_extensions import TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterator

WITHOUT_RECURSION = ("anthropic", "bedrock")
WITH_STRICT = ("openai", "openai-responses", *WITHOUT_RECURSION)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


def sent(server: Server, provider: str, tool: Any, **options: Any) -> dict[str, Any]:
    """The one tool of the request: its schema, and beside it `strict` where that was said."""
    url = server.openai_url if provider.startswith("openai") else server.base_url
    with client_of(provider, url) as client:
        client.create(messages=USER, tools=(tool,), on_invalid="keep", **options)
    body = server.requests[-1].body
    if provider == "gemini":
        return {"schema": body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"]}
    [told] = body["toolConfig"]["tools"] if provider == "bedrock" else body["tools"]
    told = told.get("function") or told.get("toolSpec") or told
    schema = told.get("parameters") or told.get("input_schema") or told["inputSchema"]["json"]
    return {"schema": schema, **{key: told[key] for key in ("strict",) if key in told}}


def refusal(server: Server, provider: str, tool: Any, **options: Any) -> toolfan.ToolDefinitionError:
    """The error, before which nothing was sent."""
    before = len(server.requests)
    with pytest.raises(toolfan.ToolDefinitionError) as caught:
        sent(server, provider, tool, **options)
    assert len(server.requests) == before
    assert caught.value.adapter == provider
    assert caught.value.hint
    return caught.value


class Node(BaseModel):
    value: int
    kids: list[Node] = []


class Forest(BaseModel):
    name: str
    trees: dict[str, list[Node]] | list[Node] | None = None


class Left(BaseModel):
    right: Right | None


class Right(BaseModel):
    left: Left | None


@pytest.mark.parametrize("provider", WITHOUT_RECURSION)
@pytest.mark.parametrize(
    ("tool", "place"),
    [
        (Node, "kids.items"),
        (create_model("Wood", node=(Node, Field(description="the first"))), "node"),
        (Forest, "trees.anyOf[0].additionalProperties.items"),
        (Left, "right.anyOf[0]"),
    ],
)
def test_a_strict_type_that_holds_itself_is_refused_where_the_service_takes_none(
    server: Server, tool: Any, place: str, provider: str
) -> None:
    error = refusal(server, provider, tool, strict=True)
    assert error.tool == tool.__name__
    assert f"{place} does not fit the strict dialect" in str(error)
    assert "holds itself" in str(error)


@pytest.mark.parametrize("provider", WITHOUT_RECURSION)
def test_without_strict_a_type_that_holds_itself_is_sent(server: Server, provider: str) -> None:
    told = sent(server, provider, Node)
    assert told.get("strict") is None
    assert told["schema"]["properties"]["kids"]["items"] == {"$ref": "#/$defs/Node"}


@pytest.mark.parametrize("provider", ["openai", "openai-responses"])
def test_openai_takes_strict_types_that_hold_themselves(server: Server, provider: str) -> None:
    told = sent(server, provider, Node, strict=True)
    assert told["strict"] is True
    assert told["schema"]["properties"]["kids"]["items"] == {"$ref": "#/$defs/Node"}


class Inner(BaseModel):
    value: int
    ref: str = Field(alias="$ref")


class Twice(BaseModel):
    """Refers to one type several times, which has a field that looks like a reference."""

    one: Inner
    two: Inner = Field(description="the other")


@pytest.mark.parametrize("provider", WITHOUT_RECURSION)
def test_a_type_that_is_referred_to_twice_does_not_hold_itself(server: Server, provider: str) -> None:
    assert sent(server, provider, Twice, strict=True)["strict"] is True


class Style(BaseModel):
    """How it looks."""

    colour: str = "red"


class Order(BaseModel):
    """Has fields of each kind that may be left out."""

    size: int | None = None
    name: Annotated[str, Field(min_length=2, description="What it is called.")] = "x"
    count: int
    style: Style = Style()
    tags: list[str] = Field(default_factory=list)


class Loose(TypedDict):
    given: int
    left_out: NotRequired[int]


def search(query: str, limit: int = 10) -> None:
    """Searches."""


class AllOptional(BaseModel):
    word: str = "x"


def test_strict_fields_that_may_be_left_out_stay_so_at_anthropic(server: Server) -> None:
    told = sent(server, "anthropic", Order, strict=True)
    assert told["strict"] is True
    style: dict[str, Any] = {"type": "object", "title": "Style", "additionalProperties": False}
    style["properties"] = {"colour": {"type": "string", "description": '{default: "red"}'}}
    assert told["schema"] == {
        "type": "object",
        "$defs": {"Style": {**style, "description": "How it looks."}},
        "properties": {
            "size": {"anyOf": [{"type": "integer"}, {"type": "null"}], "description": "{default: null}"},
            "name": {"type": "string", "description": 'What it is called.\n\n{default: "x", minLength: 2}'},
            "count": {"type": "integer"},
            "style": {**style, "description": 'How it looks.\n\n{default: {"colour": "red"}}'},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["count"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("tool", "required"), [(Loose, ["given"]), (search, ["query"]), (AllOptional, []), (Order, ["count"])]
)
def test_anthropic_is_told_what_its_sdk_would_have_it_told(server: Server, tool: Any, required: list[str]) -> None:
    schema = sent(server, "anthropic", tool, strict=True)["schema"]
    assert schema.get("required", []) == required
    theirs = anthropic.transform_schema(toolfan.Tool(tool).schema)
    assert theirs.get("required", []) == required
    assert theirs.keys() == schema.keys()
    assert theirs["properties"].keys() == schema["properties"].keys()


@pytest.mark.parametrize("tool", [Order, AllOptional, Loose])
@pytest.mark.parametrize("provider", ["openai", "openai-responses", "bedrock"])
def test_elsewhere_each_strict_field_is_required_and_has_no_default(server: Server, tool: Any, provider: str) -> None:
    schema = sent(server, provider, tool, strict=True)["schema"]
    assert schema["required"] == list(schema["properties"])
    assert "default" not in str(schema)


def test_what_the_model_leaves_out_of_a_strict_call_has_its_default() -> None:
    with (
        Server([{"calls": [{"name": "Order", "arguments": {"count": 3}}]}]) as server,
        client_of("anthropic", server.base_url) as client,
    ):
        [value] = client.create(messages=USER, tools=(Order,), strict=True)
    assert value == Order(count=3)


def aliased(name: str) -> Any:
    return create_model("House", size=(int, Field(alias=name)))


UMLAUT: dict[str, Any] = {"größe": (int, ...)}
House = create_model("House", **UMLAUT)


def build(size: Annotated[int, Field(alias="größe")]) -> None:
    """Builds."""


REFUSED = {"umlaut": House, "blanks": aliased("e-mail (work)"), "long": aliased("x" * 65), "function": build}
CLAUDES = ("anthropic.claude-sonnet-4-5-20250929-v1:0", "eu.anthropic.claude-haiku-4-5", "claude")


@pytest.mark.parametrize("strict", [None, True])
@pytest.mark.parametrize("tool", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("model", ["m", *CLAUDES])
def test_a_field_name_that_anthropic_refuses_is_not_sent(
    server: Server, tool: Any, model: str, strict: bool | None
) -> None:
    provider = "anthropic" if model == "m" else "bedrock"
    error = refusal(server, provider, tool, model=model, strict=strict)
    assert error.tool == tool.__name__
    [name] = toolfan.Tool(tool).schema["properties"]
    assert repr(name) in str(error)
    assert "[a-zA-Z0-9_.-]{1,64}" in str(error)
    assert "alias" in str(error.hint)


@pytest.mark.parametrize("tool", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("provider", ["openai", "openai-responses", "gemini", "bedrock"])
def test_elsewhere_such_a_field_name_is_sent(server: Server, provider: str, tool: Any) -> None:
    schema = toolfan.Tool(tool).schema
    assert [*sent(server, provider, tool)["schema"]["properties"]] == [*schema["properties"]]


class Room(BaseModel):
    size: int = Field(alias="größe")


class Garden(BaseModel):
    room: Room
    size: int = Field(alias="Size.in_m-2")
    long: int = Field(alias="x" * 64)


@pytest.mark.parametrize("provider", ["anthropic", "bedrock"])
def test_legal_names_and_any_name_further_inside_are_sent_to_claude(server: Server, provider: str) -> None:
    schema = sent(server, provider, Garden, model=CLAUDES[0])["schema"]
    assert [*schema["properties"]] == ["room", "Size.in_m-2", "x" * 64]
    assert [*schema["$defs"]["Room"]["properties"]] == ["größe"]


def test_where_no_tool_is_sent_no_name_is_refused(server: Server) -> None:
    with client_of("bedrock", server.base_url) as client:
        calls = client.create(messages=USER, tools=(House,), model=CLAUDES[0], tool_choice="none")
    assert list(calls) == []


class Shared(BaseModel):
    """Two fields read one argument."""

    text: str = Field(alias="x")
    number: int = Field(alias="x")
    maybe: int = Field(3, alias="x")


@dataclasses.dataclass
class SharedByDataclass:
    text: Annotated[str, Field(alias="x")]
    number: Annotated[int, Field(alias="x")]


class SharedByDict(TypedDict):
    text: Annotated[str, Field(alias="x")]
    number: Annotated[int, Field(alias="x")]


class Around(BaseModel):
    x: Shared


@pytest.mark.parametrize("tool", [Shared, SharedByDataclass, SharedByDict, Around])
@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini"])
def test_an_argument_that_two_fields_read_is_required_once(server: Server, tool: Any, provider: str) -> None:
    schema = sent(server, provider, tool)["schema"]
    assert schema["required"] == ["x"]
    assert [one["required"] for one in schema.get("$defs", {}).values()] == [["x"]] * (tool is Around)
    jsonschema.Draft202012Validator.check_schema(schema)


class Login(BaseModel):
    user: str = "me"
    password: SecretStr = SecretStr("planted-0815")


HIDDEN = SecretBytes(b"planted-0815")


@dataclasses.dataclass
class Token:
    token: SecretBytes = HIDDEN


@pytest.mark.parametrize(
    ("kind", "default"),
    [
        (SecretStr, SecretStr("planted-0815")),
        (SecretBytes, HIDDEN),
        (Secret[str], Secret[str]("planted-0815")),
        (SecretStr | None, SecretStr("planted-0815")),
        (list[SecretStr], [SecretStr("planted-0815")]),
        (set[SecretStr], {SecretStr("planted-0815")}),
        (tuple[int, SecretStr], (1, SecretStr("planted-0815"))),
        (dict[str, Login], {"a": Login()}),
        (Login, Login()),
        (Token, Token()),
        (SecretStr, Field("planted-0815", validate_default=True)),
        (list[SecretStr] | None, Field(["planted-0815"], validate_default=True)),
        (Login, Field({"password": "planted-0815"}, validate_default=True)),
    ],
)
@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini"])
def test_a_secret_default_is_not_told_as_asterisks(server: Server, provider: str, kind: Any, default: Any) -> None:
    schema = sent(server, provider, create_model("Holder", key=(kind, default)))["schema"]
    assert "default" not in schema["properties"]["key"]
    assert "required" not in schema
    assert "***" not in str(schema)
    assert "planted" not in str(schema)


def test_no_secret_default_is_told_in_words_either(server: Server) -> None:
    schema = sent(server, "anthropic", Login, strict=True)["schema"]
    assert schema["properties"]["user"] == {"type": "string", "description": '{default: "me"}'}
    assert schema["properties"]["password"] == {"type": "string", "description": '{format: "password"}'}
    assert "required" not in schema


@pytest.mark.parametrize(
    ("kind", "default", "told"),
    [
        (SecretStr, SecretStr(""), ""),
        (SecretStr | None, None, None),
        (list[SecretStr], [], []),
        (str, "**********", "**********"),
        (dict[str, list[int]], {"a": [1]}, {"a": [1]}),
    ],
)
def test_other_defaults_are_told(server: Server, kind: Any, default: Any, told: Any) -> None:
    schema = sent(server, "openai", create_model("Holder", key=(kind, default)))["schema"]
    assert schema["properties"]["key"]["default"] == told
