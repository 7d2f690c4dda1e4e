"""Strict schemas: what a service's dialect lacks is told in words, and all else stays as it was."""

from __future__ import annotations

import pathlib  # noqa: TC003 - pydantic reads it
import uuid  # noqa: TC003
from decimal import Decimal  # noqa: TC003
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field
from toolfan import ToolSet, load_adapter
from toolfan.adapter import ToolRequest


class Order(BaseModel):
    """Has a field whose name is a keyword."""

    minLength: Annotated[int, Field(ge=1, lt=9, description="How long.")]
    tags: set[str]
    name: Annotated[str, Field(min_length=2, max_length=5, pattern="^[a-z]+$")]
    word: Annotated[str, Field(json_schema_extra={"pattern": r"^\(?[a-z]+(?!x)"})]
    path: pathlib.Path
    key: uuid.UUID
    price: Annotated[Decimal, Field(ge=0)]
    rows: Annotated[list[Annotated[int, Field(multiple_of=5)]], Field(min_length=2, max_length=4)]


def properties(provider: str, *, strict: bool | None) -> dict[str, Any]:
    request = ToolRequest("m", ({"role": "user", "content": "x"},), ToolSet([Order]), strict=strict)
    body = load_adapter(provider).build_request(request).body
    (tool,) = body["toolConfig"]["tools"] if provider == "bedrock" else body["tools"]
    tool = tool.get("function") or tool.get("toolSpec") or tool
    schema = tool.get("parameters") or tool.get("input_schema") or tool["inputSchema"]["json"]
    return dict(schema["properties"])


def left(node: Any, names: tuple[str, ...]) -> set[str]:
    """Which of these keywords a schema still has."""
    if isinstance(node, list):
        return set().union(*(left(one, names) for one in node))
    if not isinstance(node, dict):
        return set()
    return {name for name in names if name in node}.union(*(left(one, names) for one in node.values()))


LENGTHS = ("minLength", "maxLength", "uniqueItems")
BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems")


@pytest.mark.parametrize(
    ("provider", "lacking", "kept"),
    [
        ("openai", LENGTHS, {"exclusiveMaximum", "minimum", "multipleOf", "minItems", "maxItems"}),
        ("openai-responses", LENGTHS, {"exclusiveMaximum", "minimum", "multipleOf", "minItems", "maxItems"}),
        ("bedrock", BOUNDS, {"minLength", "maxLength", "uniqueItems"}),
        ("anthropic", (*LENGTHS, *BOUNDS, "pattern"), set()),
    ],
)
def test_bounds_that_a_dialect_lacks_are_told_in_words(provider: str, lacking: tuple[str, ...], kept: set[str]) -> None:
    made = properties(provider, strict=True)
    assert list(made) == list(Order.model_fields)
    assert left(list(made.values()), lacking) == set()
    assert left(list(made.values()), tuple(kept)) == kept
    told = {"tags": "uniqueItems: true", "rows": "maxItems: 4", "name": "minLength: 2"}
    for field, words in told.items():
        assert (words in made[field].get("description", "")) is (words.partition(":")[0] in lacking)
    assert left(properties(provider, strict=None), (*LENGTHS, *BOUNDS)) >= {"maxLength", "uniqueItems", "multipleOf"}


def test_a_description_comes_before_what_is_told() -> None:
    assert properties("bedrock", strict=True)["minLength"] == {
        "type": "integer",
        "description": "How long.\n\n{exclusiveMaximum: 9, minimum: 1}",
    }


@pytest.mark.parametrize("provider", ["openai", "openai-responses"])
def test_formats_and_patterns_that_openai_refuses_are_told_in_words(provider: str) -> None:
    made = properties(provider, strict=True)
    assert made["path"] == {"type": "string", "description": '{format: "path"}'}
    assert made["key"]["format"] == "uuid"
    assert made["name"]["pattern"] == "^[a-z]+$"
    assert "pattern" not in made["word"]
    assert "(?!x)" in made["word"]["description"]
    assert "(?!" not in str([one.get("pattern") for one in made["price"]["anyOf"]])
