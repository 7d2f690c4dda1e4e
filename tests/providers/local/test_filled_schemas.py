"""What the planner fills in satisfies the schema wherever the schema alone tells how, asked through the SDKs."""

from __future__ import annotations

import json
from decimal import Decimal  # noqa: TC003 -- pydantic reads it
from typing import TYPE_CHECKING, Annotated, Any, Literal

import jsonschema
import pydantic
import pytest
import toolfan
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from test_google_dialect import VERTEX, post
from test_openai_dialect import client
from toolfan_local.planner import PlannerTool, plan

if TYPE_CHECKING:
    from toolfan_local.server import Server

TEXTS = [
    "hello",
    "Use it for Lima, with 500 and 'a quoted text', on 2024-05-01 at 2 pm, please",
    "put Lima, Quito and 3 and 7 into it",
]
TEXT_FORMATS = [
    "date", "date-time", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uuid",
]  # fmt: skip
SCHEMAS: list[dict[str, Any]] = [
    {"type": "string", "minLength": 12},
    {"type": "string", "maxLength": 2},
    *({"type": "string", "format": one} for one in TEXT_FORMATS),
    {"type": "string", "pattern": "^[A-Z]{3}$"},
    {"type": "string", "pattern": r"^\d{3,5}-[^a-z]+\.[xyz]?$", "minLength": 12},
    {"type": "string", "pattern": r"[+]\w*", "maxLength": 4},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "number", "minimum": 0.25, "maximum": 0.75},
    {"type": "number", "exclusiveMinimum": 1e6},
    {"type": "integer", "multipleOf": 7, "exclusiveMinimum": 7},
    {"type": "integer", "multipleOf": 7, "maximum": -1},
    {"type": "integer", "exclusiveMaximum": 0},
    {"type": "number", "multipleOf": 0.25, "exclusiveMinimum": 0, "maximum": 0.5},
    {"type": "integer", "minimum": 10, "maximum": 20},
    {"type": "array", "items": {"type": "integer", "maximum": 5}, "minItems": 3, "maxItems": 4, "uniqueItems": True},
    {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 2, "maxItems": 2, "uniqueItems": True},
    {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"$ref": "#/$defs/Leaf"}, "minItems": 1},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string", "minLength": 9}], "items": False,
     "minItems": 2},
    {"type": "object", "additionalProperties": {"type": "integer", "minimum": 4}, "minProperties": 2},
    {"type": "object", "propertyNames": {"enum": ["left", "right"]}, "minProperties": 1},
    {"type": "object", "patternProperties": {"^[A-Z]+$": {"const": 1}}, "additionalProperties": False,
     "minProperties": 2},
    {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "boolean"}}, "minProperties": 2},
    {"allOf": [{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
               {"type": "object", "properties": {"b": {"type": "null"}}, "required": ["b"]}]},
    {"$ref": "#/$defs/Tree"},
    {"$ref": "#/$defs/Sum"},
    {"anyOf": [{"type": "null"}, {"type": "string", "minLength": 3}]},
]  # fmt: skip
DEFS = {
    "Leaf": {"type": "object", "properties": {"size": {"type": "number", "minimum": 3}}, "required": ["size"]},
    "Tree": {
        "type": "object",
        "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Tree"}, {"type": "null"}]}},
        "required": ["next"],
    },
    "Sum": {
        "type": "object",
        "properties": {"left": {"oneOf": [{"$ref": "#/$defs/Sum"}, {"type": "integer"}]}},
        "required": ["left"],
    },
}


def whole(schema: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"value": schema}, "required": ["value"], "$defs": DEFS}


def complaints(arguments: Any, schema: Any) -> list[str]:
    known = jsonschema.Draft202012Validator.FORMAT_CHECKER
    checker = jsonschema.Draft202012Validator(schema, format_checker=known)
    return [error.message for error in checker.iter_errors(arguments)]


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: json.dumps(schema)[:60])
def test_required_arguments_satisfy_their_schema(server: Server, schema: Any) -> None:
    tool: Any = {"type": "function", "function": {"name": "take", "parameters": whole(schema)}}
    with client(server) as sdk:
        for text in TEXTS:
            messages: Any = [{"role": "user", "content": text}]
            answer = sdk.chat.completions.create(model="m", messages=messages, tools=[tool], tool_choice="required")
            for call in answer.choices[0].message.tool_calls or []:
                arguments = json.loads(call.function.arguments)  # type: ignore[union-attr]
                assert complaints(arguments, whole(schema)) == [], (text, arguments)


def test_counts_that_googles_schema_has_as_texts(server: Server) -> None:
    values = {"type": "ARRAY", "items": {"type": "STRING", "minLength": "4"}, "minItems": "2"}
    parameters = {"type": "OBJECT", "properties": {"values": values}, "required": ["values"]}
    body = {
        "contents": [{"role": "user", "parts": [{"text": "hello"}]}],
        "tools": [{"functionDeclarations": [{"name": "take", "parameters": parameters}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
    }
    part = post(server, "v1/" + VERTEX, body).json()["candidates"][0]["content"]["parts"][0]
    assert [len(text) for text in part["functionCall"]["args"]["values"]] == [4, 4]


class Order(BaseModel):
    """Places an order."""

    code: Annotated[str, Field(pattern="^[A-Z]{2}[0-9]{4}$")]
    share: Annotated[float, Field(gt=0, lt=1)]
    price: Decimal
    sizes: Annotated[set[Literal["s", "m"]], Field(min_length=2)]
    pair: tuple[int, str]
    counts: Annotated[dict[str, int], Field(min_length=1)]
    link: pydantic.HttpUrl
    data: pydantic.Json[Any]


def test_a_model_with_constraints_is_filled_at_the_first_attempt() -> None:
    with toolfan.connect("local") as model:
        messages = [{"role": "user", "content": "hello Lima"}]
        calls = model.create(messages=messages, tools=(Order,), tool_choice="required", max_attempts=1)
    assert [type(one) for one in calls] == [Order]


def test_what_the_text_says_goes_where_it_is_allowed() -> None:
    fields = {
        "id": {"type": "string", "format": "uuid"},
        "when": {"type": "string", "format": "date-time"},
        "city": {"type": "string"},
        "seats": {"type": "integer", "maximum": 9},
    }
    schema = {"type": "object", "properties": fields, "required": list(fields)}
    arguments = plan([PlannerTool("book", "", schema)], "book 12 seats in Lima on 2031-02-03", choice="required")[0]
    assert arguments.arguments == {
        "id": "00000000-0000-4000-8000-000000000000", "when": "2031-02-03T00:00:00Z", "city": "Lima", "seats": 9,
    }  # fmt: skip


_numbers = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number"])},
    optional={key: st.integers(-3, 3) for key in ("minimum", "exclusiveMinimum")} | {"multipleOf": st.integers(1, 4)},
)
_texts = st.fixed_dictionaries(
    {"type": st.just("string")},
    optional={"minLength": st.integers(0, 4), "pattern": st.sampled_from(["^a+$", r"^\d{2}x?\d*$", "b"])},
)
_schemas = st.recursive(
    _numbers | _texts,
    lambda below: (
        st.fixed_dictionaries({"type": st.just("array"), "items": below}, optional={"minItems": st.integers(0, 3)})
        | st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.fixed_dictionaries({"a": below}), "required": st.just(["a"])},
            optional={"minProperties": st.integers(0, 3)},
        )
    ),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None)
@given(_schemas, st.sampled_from(TEXTS))
def test_any_schema_of_these_is_satisfied(schema: Any, text: str) -> None:
    calls = plan([PlannerTool("take", "", whole(schema))], text, choice="required")
    assert calls
    for call in calls:
        assert complaints(call.arguments, whole(schema)) == []


_keywords = st.sampled_from(
    ["type", "properties", "required", "items", "anyOf", "allOf", "oneOf", "$ref", "enum", "const", "default",
     "minItems", "maxItems", "minLength", "pattern", "format", "multipleOf", "prefixItems", "uniqueItems",
     "minProperties", "a"]
)  # fmt: skip
_members: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(_keywords, below, max_size=4),
    max_leaves=15,
)


@settings(max_examples=300, deadline=None)
@given(_members, st.sampled_from(["string", "integer", "number", "array", "object", "odd"]))
def test_no_schema_is_too_strange(schema: Any, kind: str) -> None:
    for one in (schema, {**schema, "type": kind} if isinstance(schema, dict) else schema):
        assert isinstance(plan([PlannerTool("take", "", whole(one))], TEXTS[1], choice="required"), list)
        assert isinstance(plan([PlannerTool("take", "", one)], TEXTS[1], choice="required"), list)
