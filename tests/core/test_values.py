"""The classes of `toolfan.values.dataclass` are those of `dataclasses.dataclass` to whoever uses them."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from dataclasses import field
from typing import Any, get_type_hints

import pytest
from toolfan import values


def classes(make: Any) -> tuple[type[Any], type[Any], type[Any]]:
    """The same three classes, made by either decorator."""

    @make(frozen=True, slots=True)
    class Point:
        """Two numbers."""

        x: int
        y: Any = 0
        note: str = field(default="", repr=False, compare=False)

    @make(slots=True)
    class Counter:
        """One that changes."""

        count: int = 0

    @make(frozen=True, repr=False)
    class Named:
        """One that shows and compares itself."""

        name: str

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Named) and self.name.lower() == other.name.lower()

        def __hash__(self) -> int:
            return 1

        def __repr__(self) -> str:
            return "named"

    return Point, Counter, Named


BOTH = pytest.mark.parametrize("make", [values.dataclass, dataclasses.dataclass])


@BOTH
def test_a_frozen_one_compares_hashes_and_shows_itself(make: Any) -> None:
    point, counter, _ = classes(make)
    assert point(1, 2, note="a") == point(1, 2, note="b") != point(1, 3)
    assert point(0) != counter(0)
    assert point(1).__eq__(1) is NotImplemented
    assert hash(point(1, 2, "a")) == hash(point(1, 2)) == hash((1, 2))
    assert repr(point(1, [2])).endswith("classes.<locals>.Point(x=1, y=[2])")
    circle: list[Any] = []
    circle.append(point(1, circle))
    assert repr(circle[0]).endswith("Point(x=1, y=[...])")


@BOTH
def test_a_frozen_one_refuses_to_change(make: Any) -> None:
    point, _, named = classes(make)
    for one in (point(1), named("a")):
        name = dataclasses.fields(one)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError, match=f"cannot assign to field '{name}'"):
            setattr(one, name, 2)
        with pytest.raises(dataclasses.FrozenInstanceError, match=f"cannot delete field '{name}'"):
            delattr(one, name)
    with pytest.raises(dataclasses.FrozenInstanceError):
        named("a").other = 1


@BOTH
def test_what_inherits_from_a_frozen_one_may_have_attributes_of_its_own(make: Any) -> None:
    class Inheriting(classes(make)[2]):  # type: ignore[misc]
        pass

    one = Inheriting("a")
    one.other = 1
    del one.other
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.name = "b"


@BOTH
def test_what_inherits_shows_and_compares_the_fields_of_the_class_whose_methods_it_has(make: Any) -> None:
    """So a secret of a class with `repr=False` is not shown, and what cannot be hashed does not come into a hash."""
    point = classes(make)[0]

    @dataclasses.dataclass(frozen=True, repr=False)
    class Quiet(point):  # type: ignore[misc]
        key: str = "secret"

    @dataclasses.dataclass(frozen=True, eq=False)
    class Loose(point):  # type: ignore[misc]
        tags: list[str] = field(default_factory=list)

    assert repr(Quiet(1)).endswith("Quiet(x=1, y=0)")
    assert Quiet(1) == Quiet(1) != Quiet(1, key="other")
    assert (Loose(1, tags=["a"]), hash(Loose(1))) == (Loose(1), hash(point(1)))
    assert repr(Loose(1)).endswith("Loose(x=1, y=0, tags=[])")


@BOTH
def test_what_a_class_defines_itself_stands(make: Any) -> None:
    named = classes(make)[2]
    assert (named("A") == named("a"), hash(named("A")), repr(named("A"))) == (True, 1, "named")


@BOTH
def test_one_that_changes_compares_and_has_no_hash(make: Any) -> None:
    counter = classes(make)[1]
    one = counter()
    one.count = 2
    assert one == counter(2) != counter(3)
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


@BOTH
def test_it_is_a_dataclass(make: Any) -> None:
    point = classes(make)[0]
    one = dataclasses.replace(point(1), y=3)
    assert dataclasses.asdict(one) == {"x": 1, "y": 3, "note": ""}
    assert copy.copy(one) == copy.deepcopy(one) == one
    assert point.__match_args__ == ("x", "y", "note")
    told = point.__dataclass_params__
    assert (told.frozen, told.eq, told.repr) == (True, True, True)


def test_public_ones_pickle() -> None:
    from toolfan import Call, RawCall

    call = Call(0, "a", "f", {"x": 1}, RawCall(0, "a", "f", "{}"))
    assert pickle.loads(pickle.dumps(call)) == call


@BOTH
def test_it_is_made_as_its_signature_says(make: Any) -> None:
    from toolfan import RawCall

    @make(frozen=True, slots=True)
    class Pair:
        left: int
        right: str = "none"

    @make(frozen=True, slots=True)
    class Triple(Pair):
        more: tuple[int, ...] = ()

    assert str(inspect.signature(Pair)) == "(left: 'int', right: 'str' = 'none') -> None"
    assert (Pair(1).right, Pair(right="r", left=2), Triple(1, more=(3,)).more) == ("none", Pair(2, "r"), (3,))
    for wrong in ({}, {"left": 1, "middle": 2}):
        with pytest.raises(TypeError, match=r"__init__\(\)"):
            Pair(**wrong)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Pair(1).left = 2
    assert RawCall.__init__.__qualname__ == "RawCall.__init__"


@BOTH
def test_the_annotations_of_what_makes_it_are_read_in_its_module(make: Any) -> None:
    """So what injects by signature reads them."""

    @make(frozen=True, slots=True)
    class Noted:
        note: Any

    assert get_type_hints(Noted.__init__) == {"note": Any, "return": type(None)}
    assert inspect.signature(Noted, eval_str=True).parameters["note"].annotation is Any


def test_the_annotations_of_public_ones_are_read() -> None:
    from toolfan import Call, RawCall, Result, StopReason, Usage

    for one in (Call, RawCall, Result, StopReason, Usage):
        assert list(get_type_hints(one.__init__)) == [*one.__match_args__, "return"]
