"""The least arguments that a schema takes."""

from __future__ import annotations

import datetime  # noqa: TC003 - pydantic reads it
import enum
import uuid  # noqa: TC003 - pydantic reads it
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter
from toolfan_local.faults.minimal import minimal


class Colour(enum.Enum):
    RED = "red"


class Inner(BaseModel):
    when: datetime.datetime
    pair: tuple[int, str]


class Outer(BaseModel):
    text: Annotated[str, Field(min_length=3)]
    count: Annotated[int, Field(gt=4, multiple_of=5)]
    share: Annotated[float, Field(lt=1)]
    low: Annotated[int, Field(le=-2)]
    flag: bool
    colour: Colour
    kind: Literal["only"]
    maybe: int | None
    inner: Inner
    many: Annotated[list[Inner], Field(min_length=2)]
    names: dict[str, int]
    either: int | str
    key: uuid.UUID
    code: Annotated[str, Field(pattern=r"^[A-Z]{2}$", examples=["AB"])]
    anything: Any
    left_out: int = 1


def test_the_least_arguments_fit_any_schema() -> None:
    schema = TypeAdapter(Outer).json_schema()
    made = minimal(schema)
    assert "left_out" not in made
    assert Outer.model_validate(made).inner.pair == (1, "a")
    assert minimal({"type": ["null", "integer"]}) == 1
    assert minimal(
        {
            "$ref": "#/$defs/A",
            "$defs": {"A": {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#/$defs/A"}}}},
        }
    )
    assert minimal("no schema") == "a"
