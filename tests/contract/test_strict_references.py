"""Strict schemas: a reference stands alone, whatever refers to whatever, and what is made stays small."""

from __future__ import annotations

import enum
import json
import time
from typing import Annotated, Any, Generic, Literal, Optional, TypeVar

import jsonschema
import pytest
from pydantic import BaseModel, Field, Json, SecretStr, WithJsonSchema, create_model
from toolfan import ToolDefinitionError, ToolSet, load_adapter
from typing_extensions import TypeAliasType

PROVIDERS = ("openai", "openai-responses", "anthropic", "bedrock")
WITHOUT_RECURSION = ("anthropic", "bedrock")
T = TypeVar("T")
NOTHING: Any = None


class Link(BaseModel):
    value: int
    following: Optional[Annotated[Link, Field(description="the one behind")]]  # noqa: UP045


class Tree(BaseModel):
    value: int
    left: Optional[Annotated[Tree, Field(description="smaller")]] = None  # noqa: UP045
    right: Optional[Annotated[Tree, Field(description="larger", min_length=1)]] = None  # noqa: UP045


class Sloppy(BaseModel):
    value: int
    left: "Sloppy" = Field(NOTHING, description="smaller", examples=[{"value": 1}])  # noqa: UP037
    right: "Sloppy" = Field(NOTHING, description="larger")  # noqa: UP037


class Branch(BaseModel):
    value: int
    branches: list[Annotated[Branch, Field(description="one of many")]]


class Chicken(BaseModel):
    egg: Optional[Annotated[Egg, Field(description="laid by it")]]  # noqa: UP045
    first: Optional[Annotated[Egg, Field(description="which it came from")]]  # noqa: UP045


class Egg(BaseModel):
    chicken: Optional[Annotated[Chicken, Field(description="inside")]]  # noqa: UP045


class Box(BaseModel, Generic[T]):
    content: Annotated[T, Field(description="what it holds")]
    inner: Optional[Annotated[Box[T], Field(description="a smaller one")]]  # noqa: UP045


class Plain(BaseModel):
    street: str


class Boxes(BaseModel):
    one: Annotated[Box[Plain], Field(description="of addresses")]
    other: Annotated[Box[int], Field(description="of numbers")]


class Number(BaseModel):
    kind: Literal["number"]
    number: float


class Sum(BaseModel):
    kind: Literal["sum"]
    parts: list[Annotated[Number | Sum, Field(discriminator="kind", description="a part")]]


class Formula(BaseModel):
    root: Annotated[Number | Sum, Field(discriminator="kind", description="all of it")]
    only: Annotated[Sum, Field(description="no number alone")]


Name = TypeAliasType("Name", Plain)


class Order(BaseModel):
    """Refers without recursion: each reference is merged with what stands beside it, at every level."""

    ship_to: Plain = Field(description="where to", examples=[{"street": "Main St"}])
    old: Plain = Field(deprecated=True)
    alias: Annotated[Name, Field(description="by another name")]
    marked: Plain = Field(json_schema_extra={"x-shown": True})
    nested: "Order.Part" = Field(description="a part")  # noqa: UP037

    class Part(BaseModel):
        where: Plain = Field(description="of the part")


def ladder(steps: int) -> type[BaseModel]:
    """Each step refers to the next one twice: 2**steps copies, if all were copied."""
    step: Any = Plain
    for number in range(steps):
        step = create_model(
            f"Step{number}", a=(step, Field(description="the one")), b=(step, Field(description="the other"))
        )
    made: type[BaseModel] = step
    return made


def clique(size: int) -> type[BaseModel]:
    """Each refers to all the others, described."""
    names = [f"Friend{number}" for number in range(size)]
    fields: dict[str, Any] = {
        name.lower(): (Optional[Annotated[name, Field(description="a friend")]], ...)  # noqa: UP045
        for name in names
    }
    made: dict[str, type[BaseModel]] = {name: create_model(name, **fields) for name in names}
    for one in made.values():
        one.model_rebuild(_types_namespace=made)
    return next(iter(made.values()))


SHAPES: dict[str, type[BaseModel]] = {
    **{one.__name__: one for one in (Link, Tree, Sloppy, Branch, Chicken, Boxes, Formula, Order)},
    "Box": Box[Plain],
    "Ladder": ladder(40),
    "Clique": clique(7),
}
RECURSIVE = [name for name in SHAPES if name not in ("Order", "Ladder")]


def strictly(model: type[BaseModel], provider: str = "openai") -> dict[str, Any]:
    (tool,) = load_adapter(provider).render_tools(ToolSet([model]), strict=True)
    tool = tool.get("function") or tool.get("toolSpec") or tool
    return tool.get("parameters") or tool.get("input_schema") or tool["inputSchema"]["json"]  # type: ignore[no-any-return]


def nodes(schema: Any) -> list[dict[str, Any]]:
    """All schemas in a schema."""
    below = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values(), *schema.get("anyOf", [])]
    below += [schema["items"]] if "items" in schema else []
    return [schema, *(node for one in below for node in nodes(one))]


TAKEN = {
    "$ref",
    "$defs",
    "title",
    "description",
    "type",
    "enum",
    "const",
    "anyOf",
    "items",
    "properties",
    "required",
} | {"additionalProperties"}


@pytest.mark.parametrize(
    ("shape", "provider"),
    [(shape, one) for shape in SHAPES for one in PROVIDERS if shape not in RECURSIVE or one not in WITHOUT_RECURSION],
)
def test_a_reference_stands_alone_and_the_schema_stays_small(shape: str, provider: str) -> None:
    before = time.process_time()
    schema = strictly(SHAPES[shape], provider)
    assert time.process_time() - before < 5
    written = json.dumps(schema)
    assert len(written) < 5_000 * (1 + json.dumps(SHAPES[shape].model_json_schema()).count("$ref"))
    for node in nodes(schema):
        assert "$ref" not in node or len(node) == 1
        assert {"$ref", "anyOf", "type"} & node.keys()
        assert node.keys() <= TAKEN | ({"minLength"} if provider == "bedrock" else set())
        if node.get("type") == "object":
            assert node["additionalProperties"] is False
            assert node["required"] == list(node["properties"])  # none of the shapes that Anthropic takes has defaults
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("provider", WITHOUT_RECURSION)
@pytest.mark.parametrize("shape", RECURSIVE)
def test_what_holds_itself_is_refused_where_the_dialect_has_no_recursion(shape: str, provider: str) -> None:
    with pytest.raises(ToolDefinitionError, match="leads to a type that holds itself") as caught:
        strictly(SHAPES[shape], provider)
    assert (caught.value.adapter, caught.value.tool) == (provider, SHAPES[shape].__name__)


@pytest.mark.parametrize("shape", [name for name in SHAPES if name not in ("Box", "Boxes", "Order", "Ladder")])
def test_what_holds_itself_is_not_copied(shape: str) -> None:
    """The root alone is there twice, as without strict."""
    assert len(json.dumps(strictly(SHAPES[shape]))) < 3 * len(json.dumps(SHAPES[shape].model_json_schema()))


@pytest.mark.parametrize("shape", SHAPES)
def test_what_fields_are_for_is_still_said(shape: str) -> None:
    original = SHAPES[shape].model_json_schema()
    told = {one["description"] for one in nodes(original) if "$ref" in one and "description" in one}
    made = " ".join(one.get("description", "") for one in nodes(strictly(SHAPES[shape])))
    assert [one for one in told if one not in made] == []


leaf = {"value": 1, "left": None, "right": None}
number = {"kind": "number", "number": 1.5}
GOOD: dict[str, dict[str, Any]] = {
    "Link": {"value": 1, "following": {"value": 2, "following": {"value": 3, "following": None}}},
    "Tree": {"value": 1, "left": leaf, "right": {**leaf, "left": leaf}},
    "Branch": {"value": 1, "branches": [{"value": 2, "branches": [{"value": 3, "branches": []}]}]},
    "Chicken": {"egg": {"chicken": {"egg": {"chicken": None}, "first": None}}, "first": None},
    "Box": {"content": {"street": "x"}, "inner": {"content": {"street": "y"}, "inner": None}},
    "Boxes": {
        "one": {"content": {"street": "x"}, "inner": {"content": {"street": "y"}, "inner": None}},
        "other": {"content": 1, "inner": {"content": 2, "inner": None}},
    },
    "Formula": {
        "root": {"kind": "sum", "parts": [number, {"kind": "sum", "parts": [number]}]},
        "only": {"kind": "sum", "parts": []},
    },
    "Order": {
        **{name: {"street": "x"} for name in ("ship_to", "old", "alias", "marked")},
        "nested": {"where": {"street": "y"}},
    },
}


def spoiled(value: Any) -> list[Any]:
    """The value with each of its texts, numbers and nulls, one at a time, as a list."""
    if isinstance(value, dict):
        return [{**value, key: wrong} for key, one in value.items() for wrong in spoiled(one)]
    if isinstance(value, list):
        return [[*value[:at], wrong, *value[at + 1 :]] for at, one in enumerate(value) for wrong in spoiled(one)]
    return [[True]]


@pytest.mark.parametrize("shape", GOOD)
def test_the_strict_schema_takes_what_the_model_takes(shape: str) -> None:
    original, strict = (
        jsonschema.Draft202012Validator(one) for one in (SHAPES[shape].model_json_schema(), strictly(SHAPES[shape]))
    )
    assert original.is_valid(GOOD[shape])
    strict.validate(GOOD[shape])
    wrong = spoiled(GOOD[shape])
    assert len(wrong) > 1
    for one in wrong:
        assert not original.is_valid(one)
        assert not strict.is_valid(one)


class Mixed(enum.Enum):
    NAME = "name"
    NUMBER = 1


class Odd(BaseModel):
    """Fields whose schemas no service documents."""

    either: Literal["a", 1, None]
    described: Mixed = Field(description="one of both", examples=["name"])
    plain: Mixed
    old: Annotated[str, Field(deprecated=True, json_schema_extra={"x-widget": "area", "readOnly": True})]
    secret: SecretStr
    written: Annotated[Json[Plain], Field(description="An address.")]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_constants_tell_their_type_and_notes_for_others_go(provider: str) -> None:
    schema = strictly(Odd, provider)
    fields = schema["properties"]
    assert fields["either"]["anyOf"] == [
        {"type": "string", "enum": ["a"]},
        {"type": "integer", "enum": [1]},
        {"type": "null", "enum": [None]},
    ]
    assert fields["described"]["description"] == "one of both"
    assert fields["described"]["anyOf"] == schema["$defs"]["Mixed"]["anyOf"]
    assert fields["plain"] == {"$ref": "#/$defs/Mixed"}
    assert fields["old"] == {"type": "string", "description": "{deprecated: true}"}
    assert "writeOnly" not in fields["secret"]
    assert fields["written"]["description"].startswith("An address.\n\n{contentMediaType: ")
    assert all(node.keys() <= TAKEN | {"format"} for node in nodes(schema))
    good = {"either": 1, "described": "name", "plain": 1, "old": "x", "secret": "x", "written": "{}"}
    jsonschema.validate(good, schema)
    for name, wrong in (("either", 2), ("described", "1"), ("plain", None)):
        assert not jsonschema.Draft202012Validator(schema).is_valid({**good, name: wrong})


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class Size(enum.IntEnum):
    SMALL = 1


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ({"enum": list(Colour)}, {"type": "string", "enum": ["red", "blue"]}),
        ({"type": "string", "enum": tuple(Colour)}, {"type": "string", "enum": ["red", "blue"]}),
        ({"const": Size.SMALL}, {"type": "integer", "const": 1}),
        (
            {"enum": [Size.SMALL, True, Colour.RED]},
            {
                "anyOf": [
                    {"type": kind, "enum": [one]}
                    for kind, one in (("integer", 1), ("boolean", True), ("string", "red"))
                ]
            },
        ),
    ],
)
def test_members_of_enums_in_a_schema_of_ones_own_are_texts_and_numbers(
    said: dict[str, Any], sent: dict[str, Any], provider: str
) -> None:
    model = create_model("Holder", field=(Annotated[Any, WithJsonSchema(said)], ...))
    assert json.loads(json.dumps(strictly(model, provider)))["properties"]["field"] == sent


@pytest.mark.parametrize("uses", [2, 30])
@pytest.mark.parametrize("form", [Plain, enum.Enum("Country", {f"C{at}": f"C{at}" for at in range(250)})])
def test_copies_do_not_multiply_what_services_count(form: Any, uses: int) -> None:
    """OpenAI takes 1,000 constants and 5,000 properties in all; both are counted wherever they stand."""
    fields: dict[str, Any] = {f"f{at}": (form, Field(description=f"number {at}")) for at in range(uses)}
    made = strictly(create_model("Holder", **fields))
    assert [one["description"] for one in made["properties"].values()] == [f"number {at}" for at in range(uses)]
    assert sum(len(node.get("enum", ())) for node in nodes(made)) < 1_000
    assert all(("anyOf" in one) is (form is not Plain and uses == 30) for one in made["properties"].values())


class Pairs(enum.Enum):
    ONE = (1, 2)
    TWO = (3, 4)


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ((Pairs, ...), "an object or a list"),
        ((Link, Field(json_schema_extra={"anyOf": [{"type": "null"}]})), "both #/.defs/Link and one of several"),
    ],
)
def test_what_cannot_be_said_is_refused(field: Any, told: str) -> None:
    with pytest.raises(ToolDefinitionError, match=told):
        strictly(create_model("Holder", field=field))
