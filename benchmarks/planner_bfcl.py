"""Measures the offline planner on rows of the Berkeley Function Calling Leaderboard (parallel categories).

    python benchmarks/planner_bfcl.py [PATH OF THE DATA] [--show KIND]

Prints for each file and in all: the share of rows whose multiset of tool names is right, and the share whose calls are
right in every argument, by the rules of the data's own README. The planner knows nothing of the data: it gets plain
JSON Schema. Knows the data's form and how answers are compared; the figures judge rules, not a model.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolfan_local.planner import PlannedCall, PlannerTool, plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "bfcl"
FILES = (
    "BFCL_v4_parallel.json",
    "BFCL_v4_parallel_multiple.json",
    "BFCL_v4_live_parallel.json",
    "BFCL_v4_live_parallel_multiple.json",
)
_TYPES = {"dict": "object", "float": "number", "tuple": "array"}


@dataclass(frozen=True)
class Row:
    """One question with its tools and the expected calls."""

    id: str
    text: str
    tools: tuple[PlannerTool, ...]
    expected: tuple[Mapping[str, Mapping[str, Sequence[Any]]], ...]


@dataclass(frozen=True)
class Judged:
    """A row and what the planner made of it."""

    row: Row
    calls: tuple[PlannedCall, ...]
    names_right: bool
    all_right: bool


def read_rows(folder: Path, file: str) -> Iterator[Row]:
    """The rows of one file, their schemas turned into JSON Schema."""
    answers = {row["id"]: row["ground_truth"] for row in _lines(folder / "possible_answer" / file)}
    for row in _lines(folder / file):
        tools = tuple(
            PlannerTool(one["name"], one["description"], to_json_schema(one["parameters"])) for one in row["function"]
        )
        text = next(message["content"] for message in reversed(row["question"][0]) if message["role"] == "user")
        yield Row(row["id"], text, tools, tuple(answers[row["id"]]))


def _lines(path: Path) -> Iterator[Any]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def to_json_schema(schema: Any) -> Any:
    """The data's schema dialect (dict, float, tuple, any) as JSON Schema."""
    if not isinstance(schema, dict):
        return schema
    converted = dict(schema)
    if converted.get("type") == "any":
        del converted["type"]
    elif isinstance(converted.get("type"), str):
        converted["type"] = _TYPES.get(converted["type"], converted["type"])
    if isinstance(converted.get("properties"), dict):
        converted["properties"] = {name: to_json_schema(below) for name, below in converted["properties"].items()}
    if "items" in converted:
        converted["items"] = to_json_schema(converted["items"])
    return converted


def judge(row: Row) -> Judged:
    """Plans a row's text and compares the calls with the expected ones."""
    calls = tuple(plan(row.tools, row.text))
    expected = Counter(name for call in row.expected for name in call)
    names_right = Counter(call.name for call in calls) == expected
    return Judged(row, calls, names_right, names_right and _all_fit(row, list(calls)))


def _all_fit(row: Row, calls: list[PlannedCall]) -> bool:
    for one in row.expected:
        fitting = next((call for call in calls if call.name in one and _call_fits(row, call, one[call.name])), None)
        if fitting is None:
            return False
        calls.remove(fitting)
    return not calls


def _call_fits(row: Row, call: PlannedCall, accepted: Mapping[str, Sequence[Any]]) -> bool:
    schema = next(tool.parameters for tool in row.tools if tool.name == call.name)
    if any(name not in call.arguments for name in schema.get("required", [])):
        return False
    if any(name not in accepted for name in call.arguments):
        return False
    return all(
        _value_fits(call.arguments[name], values) if name in call.arguments else "" in values
        for name, values in accepted.items()
    )


def _value_fits(value: Any, accepted: Sequence[Any]) -> bool:
    return any(_equal(value, one) for one in accepted)


def _equal(value: Any, accepted: Any) -> bool:
    if isinstance(accepted, dict) and isinstance(value, dict):
        # inside an object every member lists its own accepted values
        return set(value) <= set(accepted) and all(
            _value_fits(value[name], one) if name in value else "" in one
            for name, one in accepted.items()
            if isinstance(one, list)
        )
    if isinstance(accepted, list) and isinstance(value, list):
        return len(value) == len(accepted) and all(map(_equal, value, accepted))
    if isinstance(accepted, str) and isinstance(value, str):
        return _plain(value) == _plain(accepted)
    if isinstance(accepted, float) and type(value) is int:
        return value == accepted
    return type(value) is type(accepted) and bool(value == accepted)


def _plain(text: str) -> str:
    return re.sub(r"[ ,./\-_*^]", "", text).lower().replace("'", '"')


def measure(folder: Path = DATA) -> dict[str, list[Judged]]:
    """Every row of every file, judged. Raises FileNotFoundError when the data is not there."""
    return {file: [judge(row) for row in read_rows(folder, file)] for file in FILES}


def _figures(name: str, rows: Sequence[Judged]) -> str:
    names, full = sum(row.names_right for row in rows), sum(row.all_right for row in rows)
    count = max(len(rows), 1)
    return (
        f"{name:<36} {len(rows):>4} rows   names {names:>4} ({names / count:6.1%})   "
        f"all arguments {full:>4} ({full / count:6.1%})"
    )


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("path", nargs="?", type=Path, default=DATA, help="folder with the BFCL files")
    parser.add_argument("--show", choices=("names", "arguments"), help="print the rows that fail")
    options = parser.parse_args()
    if not (options.path / FILES[0]).is_file():
        print(f"skipped: no BFCL data in {options.path}")
        return
    results = measure(options.path)
    for file, rows in results.items():
        print(_figures(file, rows))
    every = [row for rows in results.values() for row in rows]
    print(_figures("all", every))
    for row in every:
        if (options.show == "names" and not row.names_right) or (
            options.show == "arguments" and row.names_right and (not row.all_right)
        ):
            _show(row)


def _show(judged: Judged) -> None:
    print(f"\n{judged.row.id}: {judged.row.text}")
    for one in judged.row.expected:
        print(f"  expected {json.dumps(one, ensure_ascii=False)}")
    for call in judged.calls:
        print(f"  planned  {call.name} {json.dumps(call.arguments, ensure_ascii=False)}")


if __name__ == "__main__":
    main()
