"""Arguments in pieces under JSON paths: whatever an object is cut into comes back equal, to the digit and the order."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toolfan_vertex.codec import VERTEX
from toolfan_vertex.partial_arguments import PartialArguments, parse_path

PLAIN = re.compile(r"[A-Za-z_$][^.\[\]\s]*")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(st.text(), inner, min_size=1, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=4)  # no empty object or list: no piece can say so


def quoted(name: str, style: int) -> str:
    """A step to this name: after a dot where that can be, in double or in single quotes."""
    if style == 0 and PLAIN.fullmatch(name):
        return f".{name}"
    text = json.dumps(name, ensure_ascii=style == 1)
    if style == 1:
        return f"[{text}]"
    inner = text[1:-1].replace('\\"', '"').replace("'", "\\'")
    return f"['{inner}']"


def pieces(draw: Any, value: Any, path: str = "$") -> list[dict[str, Any]]:
    """One value, cut as a service might cut it."""
    if isinstance(value, dict):
        return [
            piece
            for name, inner in value.items()
            for piece in pieces(draw, inner, path + quoted(name, draw(st.integers(0, 2))))
        ]
    if isinstance(value, list):
        return [piece for at, inner in enumerate(value) for piece in pieces(draw, inner, f"{path}[{at}]")]
    if isinstance(value, str):
        cuts = sorted(draw(st.lists(st.integers(0, len(value)), max_size=3)))
        parts = [value[a:b] for a, b in zip([0, *cuts], [*cuts, len(value)], strict=True)]
        more = [{"jsonPath": path, "stringValue": part, "willContinue": True} for part in parts[:-1]]
        return [*more, {"jsonPath": path, "stringValue": parts[-1]}]
    if value is None:
        return [{"jsonPath": path, "nullValue": draw(st.sampled_from(["NULL_VALUE", None, 0]))}]
    return [{"jsonPath": path, "boolValue" if isinstance(value, bool) else "numberValue": value}]


def chunk(call: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": [{"functionCall": call}]}, **more}]}


@st.composite
def streams(draw: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Arguments, and the chunks in which their call comes."""
    arguments = draw(OBJECTS)
    left = pieces(draw, arguments)
    events = [chunk({"name": "f", "id": "x", "willContinue": True})]
    while left:
        taken = draw(st.integers(1, 3))
        events.append(chunk({"partialArgs": left[:taken], "willContinue": True}))
        left = left[taken:]
    ending = draw(st.sampled_from(["empty", "false", "last", "none"]))
    if ending == "empty":
        events.append(chunk({}))
    elif ending == "false":
        events.append(chunk({"willContinue": False}))
    elif ending == "last":
        del events[-1]["candidates"][0]["content"]["parts"][0]["functionCall"]["willContinue"]
    return arguments, [*events, {"candidates": [{"finishReason": "STOP"}]}]


@given(streams())
def test_what_was_cut_into_pieces_comes_back(stream: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    arguments, events = stream
    if len(events) == 2:
        arguments, events = {}, [chunk({"name": "f", "id": "x"}), events[-1]]
    parser = VERTEX.stream_parser()
    sealed = [call for event in events for call in parser.feed(event)]
    turn = parser.close()
    (call,) = turn.calls
    assert repr(json.loads(call.arguments)) == repr(arguments)
    assert (call.name, call.id) == ("f", "x")
    assert sealed in ([], [call])
    assert turn == VERTEX.parse_response(parser.body)
    assert turn.replay["parts"] == [{"functionCall": {"name": "f", "id": "x", "args": arguments}}] or not arguments


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$.a", ["a"]),
        ("$.a[0].b", ["a", 0, "b"]),
        ("$['a b'][\"c.d\"][12]", ["a b", "c.d", 12]),
        (r"$['it\'s']['a\"b']['\\']", ["it's", 'a"b', "\\"]),
        (r"$['\u00e9\n']['\q']", ["é\n", "q"]),
        ("$.é-1$", ["é-1$"]),
        ("$", []),
        ("a.b", None),
        ("$.a[b]", None),
        ("$.a[-1]", None),
        ("$..a", None),
        ("$.a.", None),
        ("$['a]", None),
        (None, None),
        (7, None),
    ],
)
def test_paths(path: Any, steps: Any) -> None:
    assert parse_path(path) == steps


@pytest.mark.parametrize(
    "odd",
    [
        {"jsonPath": "$.a.b", "stringValue": "below a text"},
        {"jsonPath": "$.list[5]", "numberValue": 1},
        {"jsonPath": "$.list.b", "numberValue": 1},
        {"jsonPath": "$[0]", "numberValue": 1},
        {"jsonPath": "$.list", "stringValue": "over a list"},
        {"jsonPath": "$.list", "numberValue": 1},
        {"jsonPath": "$.a", "boolValue": True},
        {"jsonPath": "$", "stringValue": "the whole"},
        {"jsonPath": "nonsense", "numberValue": 1},
        {"jsonPath": "$.b"},
        {"jsonPath": "$.b", "numberValue": "12"},
        {"numberValue": 1},
        "no piece",
        None,
    ],
)
def test_a_piece_that_fits_nowhere_spoils_its_call_and_is_kept(odd: Any) -> None:
    given_pieces = [
        {"jsonPath": "$.a", "stringValue": "x", "willContinue": True},
        {"jsonPath": "$.list[0]", "numberValue": 1},
        odd,
        {"jsonPath": "$.c", "numberValue": 2},
    ]
    arguments = PartialArguments()
    for piece in given_pieces:
        arguments.add(piece)
    assert arguments.value() == given_pieces


def test_values_of_every_kind_in_either_spelling() -> None:
    arguments = PartialArguments()
    arguments.update({"whole": {"b": "x"}})
    for piece in (
        {"json_path": "$.a", "string_value": "T", "will_continue": True},
        {"jsonPath": "$.a"},
        {"jsonPath": "$.a", "stringValue": "or"},
        {"jsonPath": "$.n", "numberValue": 12345678901234567890},
        {"json_path": "$.z", "null_value": None},
        {"jsonPath": "$.inf", "numberValue": "Infinity"},
        {"jsonPath": "$.whole.b", "stringValue": "y"},
    ):
        arguments.add(piece)
    value = {"whole": {"b": "xy"}, "a": "Tor", "n": 12345678901234567890, "z": None, "inf": float("inf")}
    assert arguments.value() == value


def test_a_hundred_thousand_pieces_cost_what_they_weigh() -> None:
    arguments, started = PartialArguments(), time.perf_counter()
    for at in range(50_000):
        arguments.add({"jsonPath": "$.a.long", "stringValue": "x" * 50, "willContinue": True})
        arguments.add({"jsonPath": f"$.list[{at}]", "numberValue": at})
    value = arguments.value()
    assert time.perf_counter() - started < 20
    assert len(value["a"]["long"]) == 2_500_000
    assert value["list"][-1] == 49_999
