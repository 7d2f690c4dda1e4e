"""Pieces of calls to calls: exactly those that were made, in order, each as soon as its JSON closes, never changed."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toolfan.assembly.assembler import CallAssembler, seal
from toolfan.framing.scanning import Scanner

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolfan.calls import RawCall

Delta = tuple[Any, Any, Any, Any]
"""Index, id, name, arguments of one piece."""
X, Y = '{"x": 1}', '{"y": [2, {"z": "}"}]}'


def assembled(*deltas: Delta) -> tuple[list[list[RawCall]], list[RawCall], CallAssembler]:
    """What each piece sealed (and the end, last), and the calls in call order; what holds of any is checked."""
    calls = CallAssembler()
    sealed = []
    for delta in deltas:
        calls.delta(*delta)
        sealed.append(calls.take())
    calls.finish()
    sealed.append(calls.take())
    final = [slot.call for slot in calls.in_order() if slot.call is not None]
    given = [call for piece in sealed for call in piece]
    assert sorted(given, key=lambda call: call.index) == final, "what was sealed is what there is"
    assert [call.index for call in final] == list(range(len(final)))
    assert len({call.id for call in final}) == len(final)
    assert calls.take() == []
    return sealed, final, calls


def said(calls: Sequence[RawCall]) -> list[tuple[str | None, str, str]]:
    return [(call.provider_id, call.name, call.arguments) for call in calls]


AX, BY = ("a", "A", X), ("b", "B", Y)
ROWS: dict[str, tuple[list[Delta], list[tuple[str | None, str, str]]]] = {
    "as documented": (
        [(0, "a", "A", ""), (0, None, None, '{"x"'), (0, None, None, ": 1}"), (1, "b", "B", ""), (1, None, None, Y)],
        [AX, BY],
    ),
    "index missing": ([(None, "a", "A", X[:3]), (None, None, None, X[3:]), (None, "b", "B", Y)], [AX, BY]),
    "index missing, the id in each piece": (
        [(None, "a", "A", X[:3]), (None, "a", None, X[3:]), (None, "b", "B", Y[:9]), (None, "b", None, Y[9:])],
        [AX, BY],
    ),
    "index missing, in turn by their ids": (
        [(None, "a", "A", X[:3]), (None, "b", "B", Y[:9]), (None, "a", None, X[3:]), (None, "b", None, Y[9:])],
        [AX, BY],
    ),
    "index and id missing": (
        [(None, None, "A", X[:3]), (None, None, None, X[3:]), (None, None, "B", Y)],
        [(None, "A", X), (None, "B", Y)],
    ),
    "index and id missing, one tool twice": (
        [(None, None, "A", X), (None, None, "A", Y)],
        [(None, "A", X), (None, "A", Y)],
    ),
    "index and id missing, one call twice": (
        [(None, None, "A", X), (None, None, "A", X)],
        [(None, "A", X), (None, "A", X)],
    ),
    "index and id missing, one tool twice, in pieces": (
        [(None, None, "A", ""), (None, None, None, X), (None, None, "A", ""), (None, None, None, Y)],
        [(None, "A", X), (None, "A", Y)],
    ),
    "index and id missing, another tool while one is open": (
        [(None, None, "A", X[:3]), (None, None, "B", Y)],
        [(None, "A", X[:3]), (None, "B", Y)],
    ),
    "index no number": ([("0", "a", "A", X), (-1, "b", "B", Y), (True, "c", "C", X)], [AX, BY, ("c", "C", X)]),
    "index all zero, new ids": ([(0, "a", "A", X[:3]), (0, None, None, X[3:]), (0, "b", "B", Y)], [AX, BY]),
    "index all zero, new ids, while one is open": ([(0, "a", "A", X[:3]), (0, "b", "B", Y)], [("a", "A", X[:3]), BY]),
    "index all zero, no ids": (
        [(0, None, "A", X), (0, None, "B", Y[:5]), (0, None, None, Y[5:])],
        [(None, "A", X), (None, "B", Y)],
    ),
    "index all zero, no ids, one tool twice, in pieces": (
        [(0, None, "A", ""), (0, None, None, X), (0, None, "A", ""), (0, None, None, Y)],
        [(None, "A", X), (None, "A", Y)],
    ),
    "index from one": ([(1, "a", "A", X), (2, "b", "B", Y)], [AX, BY]),
    "index reversed": ([(1, "b", "B", Y), (0, "a", "A", X)], [AX, BY]),
    "index with a gap": ([(0, "a", "A", X), (5, "b", "B", Y)], [AX, BY]),
    "index all zero, in turn by their ids": (
        [(0, "a", "A", X[:3]), (0, "b", "B", Y[:9]), (0, "a", None, X[3:]), (0, "b", None, Y[9:])],
        [AX, BY],
    ),
    "index all zero, in turn by their ids, with their names": (
        [(0, "a", "A", X[:3]), (0, "b", "B", Y[:9]), (0, "a", "A", X[3:]), (0, "b", "B", Y[9:]), (0, "a", "A", "")],
        [AX, BY],
    ),
    "index all zero, the first id with a new name": (
        [(0, "a", "A", X), (0, "b", "B", Y), (0, "a", "C", X)],
        [AX, BY, ("a", "C", X)],
    ),
    "index used again with a new id": ([(0, "a", "A", X), (1, "b", "B", Y), (0, "c", "C", X)], [AX, BY, ("c", "C", X)]),
    "interleaved": (
        [(0, "a", "A", X[:3]), (1, "b", "B", Y[:4]), (0, None, None, X[3:]), (1, None, None, Y[4:])],
        [AX, BY],
    ),
    "id late": ([(0, None, "A", X[:3]), (0, "a", None, X[3:])], [AX]),
    "id late, index missing": ([(None, None, "A", X[:3]), (None, "a", None, X[3:])], [AX]),
    "id repeated": ([(0, "a", "A", X[:3]), (0, "a", None, X[3:])], [AX]),
    "id late, index missing, one tool twice": (
        [(None, None, "A", ""), (None, "a", None, X), (None, None, "A", ""), (None, "b", None, Y)],
        [AX, ("b", "A", Y)],
    ),
    "id late, index missing, one tool twice, in pieces": (
        [
            *((None, None, "A", ""), (None, "a", None, X[:3]), (None, None, None, X[3:])),
            *((None, None, "A", None), (None, "b", None, Y[:9]), (None, None, None, Y[9:])),
        ],
        [AX, ("b", "A", Y)],
    ),
    "id late and alone, index all zero, one tool twice": (
        [
            *((0, None, "A", None), (0, "a", None, None), (0, None, None, X)),
            *((0, None, "A", None), (0, "b", None, None), (0, None, None, Y)),
        ],
        [AX, ("b", "A", Y)],
    ),
    "id late, index missing, one tool without arguments twice": (
        [(None, None, "A", ""), (None, "a", None, "{}"), (None, None, "A", ""), (None, "b", None, {})],
        [("a", "A", "{}"), ("b", "A", "{}")],
    ),
    "name again after the end, then a new id with nothing": (
        [(0, "a", "A", X), (0, None, "A", ""), (0, "p", None, "{}")],
        [AX],
    ),
    "name again after the end, then a new id with its name to come": (
        [(0, "a", "A", X), (0, None, "A", ""), (0, "b", None, ""), (0, None, "B", Y)],
        [AX, BY],
    ),
    "name late, index missing, of two calls": (
        [(None, "a", None, X), (None, None, "A", None), (None, "b", None, Y), (None, None, "B", None)],
        [AX, BY],
    ),
    "id late, after the end, with the name": ([(1, None, "B", Y), (1, "b", "B", ""), (0, "a", "A", X)], [AX, BY]),
    "id late, after the end, and another call": (
        [(None, None, "A", X), (None, "a", "A", ""), (None, "b", "B", Y)],
        [(None, "A", X), BY],
    ),
    "id missing, then one with the name of the next call": (
        [(None, None, "A", ""), (None, None, None, X), (None, "a", "A", ""), (None, "a", None, Y)],
        [(None, "A", X), ("a", "A", Y)],
    ),
    "id missing, then one with the name of the next call alone": (
        [(None, "", "A", X), (None, "a", "A", None), (None, None, None, X[:3]), (None, None, None, X[3:])],
        [(None, "A", X), AX],
    ),
    "id missing, then others, index all zero": (
        [(0, None, "A", X), (0, "a", "A", ""), (0, None, None, Y), (0, "b", "A", ""), (0, "b", None, X)],
        [(None, "A", X), ("a", "A", Y), ("b", "A", X)],
    ),
    "id missing, then one with a name and no arguments, and another": (
        [(None, None, "A", X), (None, "a", "A", ""), (None, "b", "A", ""), (None, "b", None, Y)],
        [(None, "A", X), ("b", "A", Y)],
    ),
    "id empty later": ([(0, "a", "A", X[:3]), (0, "", "", X[3:])], [AX]),
    "id empty": ([(0, "", "A", X), (1, "", "B", Y)], [(None, "A", X), (None, "B", Y)]),
    "id no text": ([(0, 7, "A", X), (1, 8, "B", Y)], [("7", "A", X), ("8", "B", Y)]),
    "ids equal": ([(0, "a", "A", X), (1, "a", "B", Y)], [AX, ("a", "B", Y)]),
    "name in pieces": (
        [(0, "a", "get_", None), (0, None, "weather", ""), (0, None, None, X)],
        [("a", "get_weather", X)],
    ),
    "name and id repeated": ([(0, "a", "A", X[:3]), (0, "a", "A", X[3:6]), (0, "a", "A", X[6:])], [AX]),
    "name and id repeated after the end": ([(0, "a", "A", X), (0, "a", "A", "")], [AX]),
    "name and id repeated after the end, index missing": (
        [(None, "a", "A", X), (None, "a", "A", ""), (None, "b", "B", Y)],
        [AX, BY],
    ),
    "name cumulative": ([(0, "a", "get", ""), (0, "a", "get_weather", X)], [("a", "get_weather", X)]),
    "name late": ([(0, "a", None, X), (0, None, "A", None)], [AX]),
    "name late, index missing, while the arguments are open": (
        [(None, "a", None, X[:3]), (None, None, "A", X[3:5]), (None, None, None, X[5:]), (None, "b", "B", Y)],
        [AX, BY],
    ),
    "name of another call, index and id missing, while arguments without a name are open": (
        [(None, None, None, X[:3]), (None, None, "B", ""), (None, None, None, Y)],
        [(None, "", X[:3]), (None, "B", Y)],
    ),
    "name no text": ([(0, "a", 3, X)], [("a", "3", X)]),
    "arguments null first": ([(0, "a", "A", None), (0, None, None, X)], [AX]),
    "arguments null": ([(0, "a", "A", None)], [("a", "A", "")]),
    "arguments empty": ([(0, "a", "A", ""), (1, "b", "B", Y)], [("a", "A", ""), BY]),
    "arguments an object": ([(0, "a", "A", {"x": 1})], [("a", "A", '{"x":1}')]),
    "arguments a list": ([(0, "a", "A", [])], [("a", "A", "[]")]),
    "arguments cumulative": (
        [(0, "a", "A", X[:2]), (0, None, None, X[:5]), (0, None, None, X), (0, None, None, X)],
        [AX],
    ),
    "arguments cumulative, from a place where an object may start": (
        [(0, "a", "A", '{"x":'), (0, None, None, '{"x": '), (0, None, None, '{"x": [1'), (0, None, None, '{"x": [1]}')],
        [("a", "A", '{"x": [1]}')],
    ),
    "arguments cumulative, in two pieces": (
        [(0, "a", "A", '{"x": ['), (0, None, None, '{"x": [1]}\n'), (1, "b", "B", Y)],
        [("a", "A", '{"x": [1]}'), BY],
    ),
    "arguments cumulative, indented": (
        [(0, "a", "A", '{\n  "x'), (0, None, None, '{\n  "x": "1'), (0, None, None, '{\n  "x": "12"\n}')],
        [("a", "A", '{\n  "x": "12"\n}')],
    ),
    "arguments cumulative, spaced": (
        [(0, "a", "A", '{ "x'), (0, None, None, '{ "x": "1'), (0, None, None, '{ "x": "12" }')],
        [("a", "A", '{ "x": "12" }')],
    ),
    "a text that looks like its object, spaced": (
        [(0, "a", "A", '{ "'), (0, None, None, '{ ": 1}')],
        [("a", "A", '{ "{ ": 1}')],
    ),
    "arguments cumulative, cut": (
        [(0, "a", "A", '{"x":'), (0, None, None, '{"x": 1'), (0, None, None, '{"x": 1, "y')],
        [("a", "A", '{"x": 1, "y')],
    ),
    "arguments whole once more": ([(0, "a", "A", X), (0, "a", "A", X)], [AX]),
    "arguments said from the start, then whole": ([(0, "a", "A", '{"'), (0, None, None, X)], [AX]),
    "a key that looks like its object": ([(0, "a", "A", '{"'), (0, None, None, '{":1}')], [("a", "A", '{"{":1}')]),
    "an object that begins like its parent": (
        [(0, "a", "A", '{"a":'), (0, None, None, '{"a":1}'), (0, None, None, "}")],
        [("a", "A", '{"a":{"a":1}}')],
    ),
    "objects that begin like their parents": (
        [(0, "a", "A", '{"a":'), (0, None, None, '{"a":'), (0, None, None, '{"a":1}'), (0, None, None, "}}")],
        [("a", "A", '{"a":{"a":{"a":1}}}')],
    ),
    "an object that begins like its parent and goes on": (
        [(0, "a", "A", '{"a":'), (0, None, None, '{"a":{"a'), (0, None, None, '":1}}'), (0, None, None, "}")],
        [("a", "A", '{"a":{"a":{"a":1}}}')],
    ),
    "arguments with blanks": (
        [(0, "a", "A", " \n"), (0, None, None, X + "\n"), (0, None, None, " ")],
        [("a", "A", " \n" + X)],
    ),
    "arguments in a fence": (
        [(0, "a", "A", "```json\n"), (0, None, None, X), (0, None, None, "\n```")],
        [("a", "A", f"```json\n{X}\n```")],
    ),
    "arguments encoded twice": (
        [(0, "a", "A", '"{\\"x\\"'), (0, None, None, ': 1}"'), (1, "b", "B", Y)],
        [("a", "A", '"{\\"x\\": 1}"'), BY],
    ),
    "arguments a number": ([(0, "a", "A", "1"), (0, None, None, "2"), (1, "b", "B", Y)], [("a", "A", "12"), BY]),
    "arguments cut": ([(0, "a", "A", X), (1, "b", "B", Y[:5])], [AX, ("b", "B", Y[:5])]),
    "a phantom beside a call": ([(0, None, "", ""), (0, "a", "A", X)], [AX]),
    "a phantom": ([(0, None, "", "{}"), (1, "a", "A", X)], [AX]),
    "no name": ([(0, "a", "", X), (1, "b", "B", Y)], [("a", "", X), BY]),
    "a call told again, in another spelling": (
        [(0, "a", "A", " " + X + "\n"), (0, "a", "A", '{"x":1.0}'), (0, "a", "A", {"x": 1}), (1, "b", "B", Y)],
        [("a", "A", " " + X), BY],
    ),
    "a call told again, cumulative, with a newline": (
        [(0, "a", "A", (X + "\n")[: at + 1]) for at in range(len(X) + 1)],
        [AX],
    ),
    "a call told again, with what follows its end": (
        [(0, "a", "A", X + "}"), (0, "a", "A", X + "}")],
        [AX],
    ),
    "a call that is nearly told again": (
        [(0, "a", "A", X), (0, "a", "A", '{"x": true}'), (0, "a", "A", '{"x": [1]}')],
        [AX, ("a", "A", '{"x": true}'), ("a", "A", '{"x": [1]}')],
    ),
    "other ids on the later pieces": (
        [(0, "a", "A", ""), (0, "p", None, X[:3]), (0, "q", None, X[3:]), (1, "b", "B", Y[:5]), (1, "r", "", Y[5:])],
        [AX, BY],
    ),
    "other ids on the later pieces, after an empty object": (
        [(0, "a", "A", "{}"), (0, "p", None, X[:3]), (0, "q", None, X[3:])],
        [AX],
    ),
    "index a text or a float": (
        [("1", "b", "B", Y[:4]), (0.0, "a", "A", X[:3]), ("0", None, None, X[3:]), (1, None, None, Y[4:])],
        [AX, BY],
    ),
    "an empty object first": (
        [(0, "a", "A", "{}"), (0, None, None, X[:3]), (0, None, None, X[3:]), (1, "b", "B", Y)],
        [AX, BY],
    ),
    "an empty object first, as a value": ([(0, "a", "A", {}), (0, None, None, X)], [AX]),
    "objects that grow": (
        [(0, "a", "A", {}), (0, "a", "A", {"x": 1}), (0, "a", "A", {"x": 1, "y": 2}), (1, "b", "B", Y)],
        [("a", "A", '{"x":1,"y":2}'), BY],
    ),
    "objects that grow, without the name": (
        [(0, "a", "A", {}), (0, None, None, {"x": 1}), (0, None, None, {"x": 1, "y": 2})],
        [("a", "A", '{"x":1,"y":2}')],
    ),
    "objects of one id that are others": (
        [(0, "a", "A", {}), (0, "a", "A", {"x": 1}), (0, "a", "A", {"y": 2}), (0, "a", "A", '{"z": 3}')],
        [("a", "A", '{"x":1}'), ("a", "A", '{"y":2}'), ("a", "A", '{"z": 3}')],
    ),
    "an object, and its text": (
        [(0, "a", "A", {}), (0, "a", "A", {"x": 1}), (0, "a", "A", X)],
        [("a", "A", '{"x":1}')],
    ),
    "an empty object first, with name and id on each": (
        [(None, "a", "A", "{}"), (None, "a", "A", X[:3]), (None, "a", "A", X[3:])],
        [AX],
    ),
    "an empty object, and then other calls": (
        [(0, "a", "A", "{}"), (0, None, None, "{}"), (0, None, None, "\n"), (0, "b", "B", Y), (0, "c", "A", "{}")],
        [("a", "A", "{}"), BY, ("c", "A", "{}")],
    ),
    "an empty object, and another call of the tool without an id": (
        [(0, None, "A", "{}"), (0, None, "A", X)],
        [(None, "A", "{}"), (None, "A", X)],
    ),
    "arguments under an index of their own": (
        [(0, "a", "A", ""), (1, None, "", X), (2, "b", "B", None), (3, None, None, Y[:4]), (3, None, None, Y[4:])],
        [AX, BY],
    ),
    "each piece under the next index": (
        [(0, "a", "A", ""), (1, None, None, X[:3]), (2, None, None, X[3:]), (3, "b", "B", ""), (4, None, None, Y)],
        [AX, BY],
    ),
    "an index used again, and the rest under another": (
        [(0, "a", "A", ""), (0, None, None, X), (0, "b", "B", Y[:4]), (1, None, None, Y[4:])],
        [AX, BY],
    ),
    "the place among the tools, then among the calls": (
        [(2, "a", "A", ""), (0, None, None, X[:3]), (0, None, None, X[3:]), (1, "b", "B", ""), (1, None, None, Y)],
        [AX, BY],
    ),
    "one id under two indices": ([(0, "a", "A", ""), (1, "a", "", X), (2, "b", "B", ""), (3, "b", None, Y)], [AX, BY]),
    "another id with each piece, and no index": (
        [(None, "a", "A", ""), (None, "c", None, X[:3]), (None, "d", None, X[3:]), (None, "b", "B", Y)],
        [AX, BY],
    ),
    "a call without a name, while another is open": (
        [(0, "a", "A", X[:3]), (1, None, None, Y), (0, None, None, X[3:]), (2, "b", None, Y)],
        [AX, (None, "", Y), ("b", "", Y)],
    ),
    "one call twice": ([(0, "a", "A", X), (1, "b", "A", X)], [AX, ("b", "A", X)]),
    "an escape that is parted": (
        [(0, "a", "A", '{"x": "\\'), (0, None, None, '"}"'), (0, None, None, "}")],
        [("a", "A", '{"x": "\\"}"}')],
    ),
    "a pair of surrogates that is parted": (
        [(0, "a", "A", '{"x": "\ud83d'), (0, None, None, '\ude00"}')],
        [("a", "A", '{"x": "\\ud83d\\ude00"}')],
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_a_row(row: str) -> None:
    deltas, expected = ROWS[row]
    assert said(assembled(*deltas)[1]) == expected


def test_a_call_is_sealed_by_the_piece_that_closes_its_json() -> None:
    sealed, _, _ = assembled((0, "a", "A", X[:-1]), (0, None, None, "}"), (1, "b", "B", Y[:9]), (1, None, None, Y[9:]))
    assert [[call.name for call in piece] for piece in sealed] == [[], ["A"], [], ["B"], []]


def test_a_call_waits_only_for_those_that_may_come_before_it() -> None:
    sealed, _, _ = assembled((1, "b", "B", Y), (2, "c", "C", X), (0, "a", "A", ""), (0, None, None, X))
    assert [[call.name for call in piece] for piece in sealed] == [[], [], ["B", "C"], ["A"], []]


def test_a_call_waits_for_one_before_it_that_may_wrap_several() -> None:
    deltas: list[Delta] = [(0, "w", "parallel", X[:3]), (1, "b", "B", Y), (2, "p", "parallel", X), (3, "c", "C", Y)]
    sealed, _, _ = assembled(*deltas, (0, None, None, X[3:]))
    assert [[call.name for call in piece] for piece in sealed] == [
        [],
        [],
        [],
        [],
        ["parallel", "B", "parallel", "C"],
        [],
    ]
    assert [call.name for call in assembled(*deltas)[0][-1]] == ["parallel", "B", "parallel", "C"]


def test_many_wrappers_end_in_any_order() -> None:
    begun: list[Delta] = [(at, None, "parallel", "{") for at in range(1000)]
    ends: list[Delta] = [(at, None, None, "}") for at in range(999, -1, -1)]
    sealed, final, _ = assembled(*begun, (1000, None, "A", X), *ends)
    assert (len(final), [len(piece) for piece in sealed if piece]) == (1001, [1001])
    assert [call.index for call in sealed[-2]] == list(range(1001))


def test_a_call_whose_empty_object_came_after_its_name_waits_for_nothing() -> None:
    sealed, _, _ = assembled((0, "a", "A", ""), (0, None, None, "{}"), (1, "b", "B", ""))
    assert [[call.name for call in piece] for piece in sealed] == [[], ["A"], [], ["B"]]


def test_two_names_in_one_list_of_pieces_are_two_calls() -> None:
    """Whatever else is missing, or the same."""
    for arguments in ("", "{}", X):
        calls = CallAssembler()
        first = calls.delta(0, "", "A", arguments)
        calls.delta(0, "", "A", arguments, beside=[first])
        calls.finish()
        assert [slot.name for slot in calls.in_order()] == ["A", "A"]


def test_what_comes_whole_is_not_given_the_name_of_the_call_before_it() -> None:
    calls = CallAssembler()
    for delta in ((None, None, "A", ""), (None, "a", None, X), (None, None, "A", "")):
        calls.delta(*delta)
    calls.whole(None, "", Y)
    calls.finish()
    assert said([slot.call for slot in calls.in_order() if slot.call]) == [AX, (None, "", Y)]


@pytest.mark.parametrize(
    "pieces",
    [
        [(0, "a", "A", ""), (0, None, "A", X)],
        [(0, "a", "A", None), (0, "", "A", X)],
        [(0, "a", "A", ""), (0, "a", "A", X), (0, "a", "A", "")],
        [(0, "a", "A", X), (0, "a", "A", "")],
        [(0, "a", "A", X), (0, None, "A", None)],
        [(0, "a", "A", X[:4]), (0, None, "A", X[4:]), (0, None, "A", " ")],
        [(None, "a", "A", ""), (None, "a", "A", X), (None, "a", "A", "")],
        [(0, None, "A", ""), (0, "a", "A", X)],
    ],
)
def test_a_name_that_each_piece_of_a_list_repeats_is_of_one_call(pieces: list[Delta]) -> None:
    """As it is in a list for each: an index or an id says whose they are, and nothing is called twice."""
    calls, beside = CallAssembler(), []
    for piece in pieces:
        beside.append(calls.delta(*piece, beside=beside))
    calls.finish()
    assert said([slot.call for slot in calls.in_order() if slot.call is not None]) == [("a", "A", X)]
    assert list(calls.warnings()) == []
    assert said(assembled(*pieces)[1]) == [("a", "A", X)]


def test_a_call_that_came_twice_without_an_id_is_told() -> None:
    _, final, calls = assembled((0, None, "A", X), (0, None, "A", X))
    assert len(final) == 1
    assert list(calls.warnings()) == ["call 0: it came twice, under one index and no id, and was read as one call"]
    assert list(assembled((0, "a", "A", X), (0, "a", "A", X))[2].warnings()) == []
    thrice = assembled((0, None, "A", X), (0, None, "A", X), (0, None, "A", X))
    assert len(thrice[1]) == 1
    assert list(thrice[2].warnings()) == [
        "call 0: it came 3 times, under one index and no id, and was read as one call"
    ]


def test_a_call_of_an_empty_object_waits_for_the_next_call_or_the_end() -> None:
    sealed, _, calls = assembled((0, "a", "A", "{}"), (0, None, None, ""), (1, "b", "B", "{}"))
    assert [[call.name for call in piece] for piece in sealed] == [[], [], ["A"], ["B"]]
    assert list(calls.warnings()) == []
    assert [[call.name for call in piece] for piece in assembled((0, "a", "A", "{"), (0, None, None, "}"))[0]] == [
        [],
        ["A"],
        [],
    ]
    one = CallAssembler()
    slot = one.delta(0, "a", "A", "{}")
    one.close(slot, "{}")
    assert said(one.take()) == [("a", "A", "{}")]


def test_a_call_waits_for_its_name() -> None:
    sealed, _, _ = assembled((0, "a", None, X), (0, None, "A", None))
    assert [[call.name for call in piece] for piece in sealed] == [[], ["A"], []]


@pytest.mark.parametrize("more", ["}", " and more", '{"x": 2}', "null"])
def test_what_follows_the_end_of_a_call_is_told(more: str) -> None:
    for deltas in ([(0, "a", "A", X + more)], [(0, "a", "A", X), (0, None, None, more)]):
        _, final, calls = assembled(*deltas)  # type: ignore[arg-type]
        assert said(final) == [AX]
        (warning,) = calls.warnings()
        assert warning == f"call 0: {len(more.strip())} characters after the end of its arguments were left out"


def test_the_provider_may_say_that_calls_are_whole() -> None:
    calls = CallAssembler()
    calls.delta(0, "a", "A", "")
    calls.delta(1, "b", "B", '{"y":')
    calls.delta(2, "c", "C", "```json\n{}\n```")
    calls.finish(all_said=False, named=False)
    assert calls.take() == [], "arguments may follow"
    calls.finish(all_said=False)
    assert said(calls.take()) == [("a", "A", "")], "one that has begun may go on"
    calls.delta(1, None, None, "1}")
    assert said(calls.take()) == [("b", "B", '{"y":1}')]
    calls.finish()
    assert said(calls.take()) == [("c", "C", "```json\n{}\n```")]


def test_phantoms_are_kept_where_there_is_nothing_else() -> None:
    calls = CallAssembler()
    calls.delta(0, None, "", "")
    calls.finish(keep_phantoms=True)
    assert said(calls.take()) == [(None, "", "")]


def test_texts_that_are_no_json_have_no_end() -> None:
    calls = CallAssembler()
    calls.delta(0, "a", "A", '{"x": 1}', opaque=True)
    calls.delta(0, None, None, " and on", opaque=True)
    calls.finish()
    assert said(calls.take()) == [("a", "A", '{"x": 1} and on')]


def test_whole_calls_come_after_those_that_began_before() -> None:
    calls = CallAssembler()
    calls.whole(None, "A", X)
    opened = calls.open("b", "B")
    calls.whole("a", "A", X)
    calls.close(opened, Y)
    calls.close(opened, X)
    assert said(calls.take()) == [(None, "A", X), ("a", "A", X), ("b", "B", Y)]
    assert [slot.call.index for slot in calls.in_order() if slot.call] == [0, 1, 2]


IDS = st.lists(st.sampled_from(["a", "b", "", None]), max_size=6)


@given(IDS)
def test_ids_are_those_of_a_whole_answer(ids: list[str | None]) -> None:
    _, final, _ = assembled(*((at, call_id, "A", X) for at, call_id in enumerate(ids)))
    wanted = seal((call_id or None, "A", X) for call_id in ids)
    assert tuple(final) == wanted


# Where JSON ends.

JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text() | st.sampled_from(["{", "}", '"', "\\", "[", "😀", "a\\"]), JSONS, max_size=4)


def texts(value: Any) -> st.SearchStrategy[str]:
    """Some way of writing it."""
    return st.builds(
        lambda ascii_only, indent, tight: json.dumps(
            value, ensure_ascii=ascii_only, indent=indent, separators=(",", ":") if tight else None
        ),
        st.booleans(),
        st.sampled_from([None, 1]),
        st.booleans(),
    )


def pieces(text: str) -> st.SearchStrategy[list[str]]:
    places = st.lists(st.integers(0, len(text)), max_size=8).map(sorted)
    return places.map(lambda at: [text[one:two] for one, two in itertools.pairwise([0, *at, len(text)])])


@settings(max_examples=300, deadline=None)
@given(st.data(), OBJECTS | st.lists(JSONS) | st.text(), st.text())
def test_the_end_is_found_where_it_is(data: st.DataObject, value: Any, more: str) -> None:
    text = " \n" + data.draw(texts(value))
    at, scanner, found = 0, Scanner(), -1
    for piece in data.draw(pieces(text + more)):
        found = scanner.feed(piece)
        if found >= 0:
            found += at
            break
        at += len(piece)
    assert found == len(text)


@settings(deadline=None)
@given(st.data(), OBJECTS)
def test_no_end_is_found_before_it(data: st.DataObject, value: Any) -> None:
    scanner = Scanner()
    assert [scanner.feed(piece) for piece in data.draw(pieces(data.draw(texts(value))[:-1]))].count(-1) > 0
    assert scanner.depth + scanner.in_text > 0


# Any calls, in any form.


@dataclass(frozen=True)
class Made:
    """One call as the model made it."""

    id: str | None
    name: str
    value: Any
    text: str
    pieces: list[str]


@dataclass(frozen=True)
class Form:
    """How a server sends calls."""

    index: str
    ids: str
    names: str
    arguments: str

    @property
    def keyed(self) -> bool:
        return self.index in ("right", "gap", "from one", "shuffled")

    def indices(self, count: int) -> list[Any]:
        return {
            "right": list(range(count)),
            "gap": [3 * at for at in range(count)],
            "from one": [at + 1 for at in range(count)],
            "shuffled": list(range(count)),
            "missing": [None] * count,
            "zero": [0] * count,
        }[self.index]

    def deltas(self, call: Made, index: Any) -> list[Delta]:
        said: list[Any] = [{"value": call.value}] if self.arguments == "object" else list(call.pieces)
        if self.arguments == "object":
            said = [call.value]
        elif self.arguments == "cumulative":
            said = list(itertools.accumulate(call.pieces))
        elif self.arguments == "null first":
            said = [None, *said]
        elif self.arguments == "empty first":
            said = ["", *said]
        half = len(call.name) // 2
        names: list[Any] = [call.name, *[None] * (len(said) - 1)]
        if self.names == "each":
            names = [call.name] * len(said)
        elif self.names == "pieces":
            names, said = [call.name[:half], call.name[half:], *[None] * len(said)], [None, "", *said]
        ids: list[Any] = [call.id, *[None] * (len(said) - 1)]
        if self.ids == "each":
            ids = [call.id] * len(said)
        elif self.ids == "empty later":
            ids = [call.id, *[""] * (len(said) - 1)]
        elif self.ids == "late":
            ids.reverse()
        return list(zip([index] * len(said), ids, names, said, strict=True))


def halves(piece: str) -> tuple[str, str]:
    """Of a text that begins with a character beyond 16 bits: as JSON's two escapes in two pieces are decoded."""
    units = piece[0].encode("utf-16-le")
    return units[:2].decode("utf-16-le", "surrogatepass"), units[2:].decode("utf-16-le", "surrogatepass") + piece[1:]


@st.composite
def made_calls(draw: st.DrawFn, form: Form) -> list[Made]:
    found: list[Made] = []
    for at in range(draw(st.integers(1, 4))):
        name = draw(st.sampled_from(["get_weather", "Search", "x1"]))
        value = draw(OBJECTS)
        text = draw(texts(value))
        parts = [piece for piece in draw(pieces(text)) if piece]
        if form.arguments == "cumulative":
            parts = [text[:1], *[piece for piece in draw(pieces(text[1:])) if piece]]
        if form.arguments not in ("cumulative", "object"):
            for place in range(len(parts) - 1, 0, -1):
                if ord(parts[place][0]) > 0xFFFF and draw(st.booleans()):
                    first, parts[place] = halves(parts[place])
                    parts[place - 1] += first
        if form.ids == "none" and not form.keyed:
            # Nothing but the name tells that another call begins.
            name = f"{name}_{at}"
        found.append(Made(None if form.ids == "none" else f"id{at}", name, value, text, parts))
    return found


@st.composite
def emitted(draw: st.DrawFn) -> tuple[Form, list[Made], list[tuple[int, Delta, bool]]]:
    """The form, the calls in their order, and the pieces: of which call, the piece, whether it is that call's last."""
    index = draw(st.sampled_from(["right", "gap", "from one", "shuffled", "missing", "zero"]))
    keyed = index not in ("missing", "zero")
    ids = draw(st.sampled_from(["first", "each", "empty later", "none", *(["late"] if keyed else [])]))
    names = draw(st.sampled_from(["first", "each", *(["pieces"] if keyed or ids != "none" else [])]))
    arguments = draw(st.sampled_from(["pieces", "null first", "empty first", "object", "cumulative"]))
    form = Form(index, ids, names, arguments)
    calls = draw(made_calls(form))
    queues = [
        [(at, delta, False) for delta in form.deltas(call, index)]
        for at, (call, index) in enumerate(zip(calls, form.indices(len(calls)), strict=True))
    ]
    for queue in queues:
        queue[-1] = (*queue[-1][:2], True)
    order = draw(st.permutations(range(len(calls)))) if index == "shuffled" else list(range(len(calls)))
    if keyed and draw(st.booleans()):
        turns = draw(st.permutations([at for at in order for _ in queues[at]]))
        return form, calls, [queues[at].pop(0) for at in turns]
    return form, calls, [one for at in order for one in queues[at]]


@settings(max_examples=500, deadline=None)
@given(emitted())
def test_exactly_the_calls_that_were_made_come_out(
    given_: tuple[Form, list[Made], list[tuple[int, Delta, bool]]],
) -> None:
    form, made, sent = given_
    sealed, final, calls = assembled(*(delta for _, delta, _ in sent))
    assert [(call.provider_id, call.name) for call in final] == [(one.id, one.name) for one in made]
    for call, one in zip(final, made, strict=True):
        assert json.loads(call.arguments) == one.value
        if form.arguments != "object" and one.text.isascii():
            assert call.arguments == one.text
    assert list(calls.warnings()) == []
    begun: set[int] = set()
    out: set[int] = set()
    ended: set[int] = set()
    for (at, _, last), now in zip(sent, sealed, strict=False):
        begun.add(at)
        ended |= {at} if last else set()
        out |= {call.index for call in now}
        assert out <= ended | (begun if form.names == "each" else set()), "sealed before it was whole"
        due = ended - {at} if made[at].value == {} else ended  # which its arguments may follow
        if not form.keyed:
            assert due <= out <= ended, "sealed later than it could be"
        elif form.index in ("right", "shuffled"):
            free = next((place for place in range(len(made)) if place not in begun), len(made))
            assert out >= {place for place in due if place < free}, "held back by none that may come before it"


# Time.

FACTOR = 9
"""How much longer four times as much may take: linear is 4, quadratic 16."""


def long_call(n: int) -> list[Delta]:
    return [(0, "a", "A", '{"x": "'), *[(0, None, None, "y\\n")] * n, (0, None, None, '"}')]


def cumulative_blanks(n: int) -> list[Delta]:
    return [(0, "a", "A", "{"), *[(0, None, None, " ")] * n, (0, None, None, "}")]


def openings(n: int) -> list[Delta]:
    return [(0, "a", "A", '{"x": ['), *[(0, None, None, '{"x": [')] * n]


def many_calls(n: int) -> list[Delta]:
    return [(at, f"id{at}", "A", X) for at in range(n)]


def without_index(n: int) -> list[Delta]:
    return [(None, f"id{at}", "A", X) for at in range(n)]


def counted(n: int) -> list[Delta]:
    names: list[Delta] = [(None, f"id{at}", "A", None) for at in range(n)]
    return [*names, *[(at, None, None, piece) for at in range(n) for piece in (X[:3], X[3:])]]


def reversed_calls(n: int) -> list[Delta]:
    return [(at, f"id{at}", "A", piece) for at in range(n - 1, -1, -1) for piece in (X[:3], X[3:])]


def from_one(n: int) -> list[Delta]:
    return [(at + 1, f"id{at}", "A", X) for at in range(n)]


def interleaved(n: int) -> list[Delta]:
    return [(at, f"id{at}", "A", piece) for piece in (X[:3], X[3:]) for at in range(n)]


def wrappers(n: int) -> list[Delta]:
    ends = [(at, None, None, "}") for at in range(0, n, 2)] + [(at, None, None, "}") for at in range(n - 1, 0, -2)]
    return [*((at, f"id{at}", "parallel", "{") for at in range(n)), *ends]


def garbage(n: int) -> list[Delta]:
    return [(0, "a", "A", X), *[(0, None, None, "more")] * n]


KINDS: list[tuple[Callable[[int], list[Delta]], int]] = [
    (long_call, 10_000),
    (cumulative_blanks, 10_000),
    (openings, 3_000),
    (many_calls, 3_000),
    (without_index, 3_000),
    (counted, 2_000),
    (reversed_calls, 1_000),
    (from_one, 2_000),
    (interleaved, 1_000),
    (wrappers, 1_000),
    (garbage, 10_000),
]


@pytest.mark.slow
@pytest.mark.parametrize(("make", "n"), KINDS, ids=[make.__name__ for make, _ in KINDS])
def test_time_is_linear(make: Callable[[int], list[Delta]], n: int) -> None:
    def seconds(deltas: list[Delta]) -> float:
        best = float("inf")
        for _ in range(3):
            started = time.thread_time()
            calls = CallAssembler()
            for delta in deltas:
                calls.delta(*delta)
                calls.take()
            calls.finish()
            best = min(best, time.thread_time() - started)
        return best

    small = seconds(make(n))
    assert seconds(make(4 * n)) < FACTOR * max(small, 0.002)
