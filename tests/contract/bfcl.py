"""The function-calling cases of BFCL: its schema dialect as pydantic models, its ground truth as calls."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field, create_model
from shared_data import shared_path
from toolfan import Tool

FILES = ("parallel", "parallel_multiple", "live_parallel", "live_parallel_multiple")
SCALARS = {"string": str, "integer": int, "float": float, "number": float, "boolean": bool, "any": Any}


@dataclass(frozen=True)
class Case:
    id: str
    messages: list[dict[str, Any]]
    functions: list[dict[str, Any]]
    truth: list[tuple[str, dict[str, Any]]]

    def tools(self) -> list[Tool[Any]]:
        return [
            Tool(model(function["name"], function["parameters"]), name=name, description=function["description"])
            for name, function in {function["name"]: function for function in self.functions}.items()
        ]


def model(name: str, schema: dict[str, Any]) -> type[BaseModel]:
    """An object schema as a model whose fields have aliases, since any text may be the name of a parameter."""
    required = set(schema.get("required", ()))
    fields: dict[str, Any] = {}
    for at, (key, child) in enumerate(schema.get("properties", {}).items()):
        kind = python_type(f"{name}_{key}", child)
        optional = key not in required
        about: Any = Field(None if optional else ..., alias=key, description=child.get("description"))
        fields[f"p{at}"] = (kind | None if optional and kind is not Any else kind, about)
    return create_model(name, **fields)


def python_type(name: str, schema: dict[str, Any]) -> Any:
    if "enum" in schema and schema["type"] not in ("array", "tuple"):
        return Literal[tuple(schema["enum"])]
    if schema["type"] in ("array", "tuple"):
        item = python_type(name, schema["items"]) if "items" in schema else Any
        return list[item]  # type: ignore[valid-type]
    if schema["type"] == "dict":
        return model(name, schema) if schema.get("properties") else dict[str, Any]
    return SCALARS[schema["type"]]


def truth_value(accepted: Any, schema: dict[str, Any]) -> Any:
    """The one value that the accepted alternatives of an object or list spell; scalars are as they are."""
    if isinstance(accepted, dict):
        children = schema.get("properties", {})
        return {key: truth_value(first(of), children.get(key, {})) for key, of in accepted.items() if first(of) != ""}
    if isinstance(accepted, list):
        return [truth_value(item, schema.get("items", {})) for item in accepted]
    return accepted


def first(accepted: Any) -> Any:
    return accepted[0] if isinstance(accepted, list) and accepted else accepted


def cases() -> list[Case]:
    found = []
    for name in FILES:
        lines = shared_path(f"bfcl/BFCL_v4_{name}.json").read_text(encoding="utf-8").splitlines()
        answers = shared_path(f"bfcl/possible_answer/BFCL_v4_{name}.json").read_text(encoding="utf-8").splitlines()
        truths = {row["id"]: row["ground_truth"] for row in map(json.loads, answers)}
        found += [_case(row, truths[row["id"]]) for row in map(json.loads, lines)]
    return found


def _case(row: dict[str, Any], truths: list[dict[str, Any]]) -> Case:
    schemas = {function["name"]: function["parameters"] for function in row["function"]}
    calls = []
    for truth in truths:
        ((name, accepted),) = truth.items()
        properties = schemas[name].get("properties", {})
        # A few rows name a parameter that the function does not have: nothing can be sent for it.
        known = {key: first(of) for key, of in accepted.items() if key in properties and first(of) != ""}
        arguments = {key: truth_value(value, properties[key]) for key, value in known.items()}
        calls.append((name, arguments))
    return Case(row["id"], [message for turn in row["question"] for message in turn], row["function"], calls)
