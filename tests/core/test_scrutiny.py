"""What lax validation passes over is found: keys that come twice, numbers that are none, 3.0 where an integer was."""

from __future__ import annotations

import dataclasses
import json
import pickle
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import USER, Bench, call, completion, raw
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    Json,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass
from toolfan import BadCall, Call, Calls, InvalidArguments
from toolfan.validation.scrutiny import SecondLook
from typing_extensions import TypeAliasType, TypedDict


class Point(BaseModel):
    x: float
    y: float = 0.0


class Shape(BaseModel):
    points: list[Point] = []
    by_name: dict[str, Point] = {}
    pair: tuple[int, float] = (0, 0.0)
    counts: list[int] = []
    inner: Shape | None = None
    either: int | float = 0
    exact: Decimal = Decimal(0)
    size: float = Field(0.0, alias="theSize")
    anything: Any = None
    free: dict[str, Any] = {}
    count: int = 0
    pattern: dict[Annotated[str, Field(pattern="^a")], float | str] = {}
    wave: complex = 0j
    held: Json[float] = 0.0
    allowed: float = Field(0.0, allow_inf_nan=True)


class Named(BaseModel):
    """Read by several names and from inside other values."""

    model_config = ConfigDict(validate_by_name=True)
    ratio: float = Field(0.0, alias="theRatio")
    count: int = Field(0, alias="theCount")
    chosen: float = Field(0.0, validation_alias=AliasChoices("one", "other"))
    number: int = Field(0, validation_alias=AliasChoices("number", AliasPath("at", "first", 1)))
    also: float = Field(0.0, validation_alias=AliasChoices("also", AliasPath("at", "first", 0)))
    last: int = Field(0, validation_alias=AliasChoices("last", AliasPath("ends", -1)))
    of_pattern: dict[Annotated[str, Field(pattern="^a")], int] = {}


@pydantic_dataclass(config=ConfigDict(validate_by_name=True))
class NamedData:
    count: int = Field(0, alias="theCount")
    ratio: float = Field(0.0, alias="theRatio")


class Permitting(BaseModel):
    model_config = ConfigDict(allow_inf_nan=True)
    ratio: float = 0.0
    wave: complex = 0j


class Exactly(BaseModel):
    model_config = ConfigDict(strict=True)
    count: int


class Typed(TypedDict):
    ratio: float


@dataclasses.dataclass
class Data:
    ratio: float
    many: tuple[int, ...] = ()


def note(text: str) -> str:
    """A function as a tool."""
    return text


class Loose(BaseModel):
    x: float = 0.0

    @model_validator(mode="before")
    @classmethod
    def _of_anything(cls, given: Any) -> Any:
        return given if isinstance(given, dict) else {}


def scaled(ratio: float, count: int = 0) -> float:
    return ratio * count


TOOLS = (Shape, Typed, Data, note, Loose, Named, NamedData, Permitting, Exactly, scaled)


def judged(bench: Bench, name: str, arguments: str, **options: Any) -> Calls[Any]:
    client, tools = (
        bench.answered(call(name, arguments, "one")),
        (Price, StrictPrice, Wallet, Rounded, Checked, Payment),
    )
    return client.create(model="m", messages=USER, tools=(*TOOLS, *tools), on_invalid="keep", **options)


FAULTS = {
    '{"points": [{"x": 1.5}, {"x": NaN}]}': "points.1.x: Input should be a finite number",
    '{"points": [{"x": 1.5, "y": -Infinity}]}': "points.0.y: Input should be a finite number",
    '{"by_name": {"a": {"x": 1e999}}}': "by_name.a.x: Input should be a finite number",
    '{"by_name": {"a": {"x": %s}}}' % ("9" * 400 + ".5"): "by_name.a.x: Input should be a finite number",
    '{"pair": [1, NaN]}': "pair.1: Input should be a finite number",
    '{"inner": {"inner": {"either": NaN}}}': "inner.inner.either.float: Input should be a finite number",
    '{"exact": 1e999}': "exact: Input should be a finite number",
    '{"theSize": Infinity}': "theSize: Input should be a finite number",
    '{"either": 1, "either": 2}': "either: The key comes twice, with different values",
    '{"either": 1, "either": true}': "either: The key comes twice, with different values",
    '{"either" : 1, "anything": "a:b", "either":2}': "either: The key comes twice, with different values",
    '{"anything": {"deep": [{"k": 1, "k": [1]}]}}': "k: The key comes twice, with different values",
    '{"count": 1.00000000000000001, "either": 1, "either": 2}': "either: .*; count: ",
    '{"theSize": "NaN"}': "theSize: Input should be a finite number",
    '{"theSize": "-Infinity"}': "theSize: Input should be a finite number",
    '{"theSize": "1e999"}': "theSize: Input should be a finite number",
    '{"points": [{"x": "inf"}]}': "points.0.x: Input should be a finite number",
    '{"pattern": {"a1": NaN}}': "pattern.a1.float: Input should be a finite number",
    '{"wave": NaN}': "wave: Input should be a finite number",
    '{"wave": "1+infj"}': "wave: Input should be a finite number",
    '{"held": "NaN"}': "held: Input should be a finite number",
    '{"allowed": NaN}': "allowed: Input should be a finite number",
    '{"count": 123456789012345678.0}': "count: Input should be an integer in digits alone",
    '{"count": 9007199254740993.0}': "count: Input should be an integer in digits alone",
    '{"counts": [1, 1.00000000000000001]}': "counts.1: Input should be an integer in digits alone",
    '{"count": 0e-99999999999999999999}': "count: Input should be an integer in digits alone",
}
PASSES = [
    '{"anything": NaN}',
    '{"anything": [1e999, {"x": NaN}], "free": {"x": Infinity}}',
    '{"undeclared": NaN}',
    '{"either": 1, "either": 1}',
    '{"anything": "\\"either\\": 1, \\"either\\": 2"}',
]
INTEGRAL = {
    '{"counts": [1, 2.0]}': True,
    '{"pair": [1.0, 2.0]}': True,
    '{"inner": {"counts": [2e0]}}': True,
    '{"counts": [1, 2]}': False,
    '{"count": 9007199254740992.0}': True,
    '{"count": 1e18}': True,
    '{"either": 123456789012345678.0, "exact": 9007199254740993.0, "anything": 9007199254740993.0}': False,
    '{"allowed": "NaN", "pattern": {"a": "NaN"}, "anything": "NaN", "wave": "1+2j", "held": "2.5"}': False,
    '{"pair": [1, 2.0]}': False,
    '{"either": 2.0, "theSize": 2.0, "exact": 2.0, "anything": 2.0, "undeclared": 2.0}': False,
}


@pytest.mark.parametrize(
    ("written", "found"), [('"{\\"ratio\\": 1, \\"ratio\\": 2}"', []), ('{"ratio": 1, "ratio": 2}', [{"ratio": 2.0}])]
)
def test_a_key_with_two_values_is_found_where_arguments_are_text(bench: Bench, written: str, found: list[Any]) -> None:
    answer = json.dumps(completion(call("Typed", "HERE"))).replace('"HERE"', written)
    bench.serve(raw(answer))
    calls = bench.client().create(model="m", messages=USER, tools=(Typed,), on_invalid="keep")
    assert list(calls) == found
    assert len(calls.failed) == 1 - len(found)


@pytest.mark.parametrize("arguments", FAULTS)
def test_what_no_field_should_hold_fails_the_call_with_its_place(bench: Bench, arguments: str) -> None:
    (bad,) = judged(bench, "Shape", arguments).failed
    with pytest.raises(InvalidArguments, match=FAULTS[arguments]):
        raise bad.error


def test_very_many_faults_are_counted(bench: Bench) -> None:
    points = ", ".join(['{"x": NaN}'] * 5000)
    (bad,) = judged(bench, "Shape", f'{{"points": [{points}]}}').failed
    assert isinstance(bad.error, InvalidArguments)
    *first, last = bad.error.errors
    assert len(first) == 1000
    assert {one["type"] for one in first} == {"finite_number"}
    assert last["msg"] == "4000 more errors are not told"


def test_very_many_integers_that_lose_digits_are_counted(bench: Bench) -> None:
    counts = ", ".join(["9007199254740993.0"] * 5000)
    (bad,) = judged(bench, "Shape", f'{{"counts": [{counts}]}}').failed
    assert isinstance(bad.error, InvalidArguments)
    assert (len(bad.error.errors), bad.error.errors[-1]["msg"]) == (1000, "4001 more errors are not told")


@pytest.mark.parametrize("arguments", PASSES)
def test_what_may_be_anything_may_be_that(bench: Bench, arguments: str) -> None:
    assert judged(bench, "Shape", arguments).failed == ()


@pytest.mark.parametrize("arguments", INTEGRAL)
def test_a_float_for_an_integer_is_recorded(bench: Bench, arguments: str) -> None:
    (good,) = judged(bench, "Shape", arguments).good
    assert good.repairs == (("integral_float",) if INTEGRAL[arguments] else ())
    (good,) = judged(bench, "Shape", arguments, repairs=False).good
    assert good.repairs == ()


@pytest.mark.parametrize(("tool", "arguments"), [("Typed", '{"ratio": NaN}'), ("Data", '{"ratio": 1e999}')])
def test_tools_of_other_kinds_are_looked_at_too(bench: Bench, tool: str, arguments: str) -> None:
    assert type(judged(bench, tool, arguments).outcomes[0]) is BadCall
    assert judged(bench, "Data", '{"ratio": 0.5, "many": [1.0]}').good[0].repairs == ("integral_float",)
    assert type(judged(bench, "note", '{"text": "a", "text": "b"}').outcomes[0]) is BadCall


OTHER_NAMES: list[tuple[str, str, str | tuple[str, ...]]] = [
    ("Named", '{"ratio": NaN}', "ratio: Input should be a finite number"),
    ("Named", '{"other": "NaN"}', "other: Input should be a finite number"),
    ("Named", '{"count": 123456789012345678.0}', "count: Input should be an integer in digits alone"),
    ("Named", '{"at": {"first": [1.5, 9007199254740993.0]}}', "at.first.1: Input should be an integer in digits"),
    ("Named", '{"ends": [1.5, 9007199254740993.0]}', "ends.1: Input should be an integer in digits"),
    ("Named", '{"of_pattern": {"a": 9007199254740993.0}}', "of_pattern.a: Input should be an integer in digits"),
    ("Named", '{"count": 3.0}', ("integral_float",)),
    ("Named", '{"theCount": 3.0}', ("integral_float",)),
    ("Named", '{"at": {"first": [9007199254740993.0, 2.0]}}', ("integral_float",)),
    ("Named", '{"at": {"first": [3.0, 2, 4.0]}, "ratio": 3.0, "one": 2.0}', ()),
    ("NamedData", '{"count": 123456789012345678.0}', "count: Input should be an integer in digits alone"),
    ("NamedData", '{"theCount": 3.0, "ratio": 2.0}', ("integral_float",)),
    ("Permitting", '{"ratio": "NaN", "wave": "nan"}', ()),
    ("Exactly", '{"count": 1.00000000000000001}', "count: Input should be a valid integer"),
    ("Exactly", '{"count": 9007199254740993.0}', "count: Input should be a valid integer"),
    ("Exactly", '{"count": 1e18}', ("integral_float",)),
    ("scaled", '{"ratio": "Infinity"}', "ratio: Input should be a finite number"),
    ("scaled", '{"ratio": 1.0, "count": 2.0}', ("integral_float",)),
]


@pytest.mark.parametrize(("tool", "arguments", "said"), OTHER_NAMES, ids=str)
def test_a_number_is_judged_by_whatever_name_it_comes(
    bench: Bench, tool: str, arguments: str, said: str | tuple[str, ...]
) -> None:
    (outcome,) = judged(bench, tool, arguments).outcomes
    if isinstance(said, str):
        assert isinstance(outcome, BadCall)
        assert said in str(outcome.error)
        pickle.loads(pickle.dumps(outcome))
    else:
        assert isinstance(outcome, Call)
        assert outcome.repairs == said


def test_what_would_lose_digits_is_no_integer_without_repairs_either(bench: Bench) -> None:
    assert judged(bench, "Shape", '{"count": 9007199254740993.0}', repairs=False).good == ()
    assert judged(bench, "Shape", '{"count": 3.0}', repairs=False).good[0].value == Shape(count=3)


@pytest.mark.parametrize("arguments", ['"a text"', "3.0", "[1.0, NaN]", "null", "NaN"])
def test_what_a_models_own_validator_takes_is_no_crash(bench: Bench, arguments: str) -> None:
    assert judged(bench, "Loose", arguments, repairs=False).good[0].value == Loose()


class Price(BaseModel):
    amount: Decimal = Decimal(0)
    more: list[Decimal | None] = []
    whole: Decimal | int = 0
    near: Decimal | float = 0.0
    text: Decimal | str = ""
    told: Annotated[Decimal, WithJsonSchema({"type": "string"})] = Decimal(0)
    anything: Any = None


Money = TypeAliasType("Money", Decimal)


class Wallet(BaseModel):
    """One name twice: its schema is a definition."""

    amount: Money
    other: Money = Decimal(0)
    plain: Decimal = Decimal(0)
    count: int = Field(0, validation_alias=AliasChoices("count", "number"))


class StrictPrice(Price):
    model_config = ConfigDict(strict=True)
    count: int = 0


class Rounded(BaseModel):
    amount: Decimal

    @field_validator("amount", mode="before")
    @classmethod
    def _rounded(cls, given: Any) -> Any:
        return round(given, 2)


class Checked(BaseModel):
    amount: Decimal = Decimal(0)
    places: Annotated[Decimal, Field(decimal_places=2)] = Decimal(0)
    least: Annotated[Decimal, Field(ge=0)] = Decimal(0)

    @model_validator(mode="before")
    @classmethod
    def _number(cls, given: Any) -> Any:
        assert isinstance(given.get("amount", 0), int | float), "a number, please"
        return given


class Card(BaseModel):
    kind: Literal["card"]
    amount: Decimal
    count: int = 0


class Points(BaseModel):
    kind: Literal["points", "miles"]
    amount: float
    count: float = 0


class Words(BaseModel):
    kind: Literal["words"]
    amount: str


class Payment(BaseModel):
    pay: Annotated[Card | Points | Words, Field(discriminator="kind")]
    more: list[Card | Points] = []


LONG = "12345678901234567.89"
DIGITS = {
    f'{{"amount": {LONG}}}': {"amount": Decimal(LONG)},
    f'{{"more": [1.5, -{LONG}, null, 0.10000000000000000001]}}': {
        "more": [Decimal("1.5"), -Decimal(LONG), None, Decimal("0.10000000000000000001")]
    },
    f'{{"told": {LONG}}}': {"told": Decimal(LONG)},
    f'{{"amount": {LONG}, "anything": "{LONG}, \\"amount\\": {LONG}"}}': {
        "amount": Decimal(LONG),
        "anything": f'{LONG}, "amount": {LONG}',
    },
    f'{{"whole": {LONG}, "near": {LONG}, "anything": {LONG}}}': {
        "whole": Decimal(LONG),
        "near": float(LONG),
        "anything": float(LONG),
    },
    '{"amount": 9007199254740993.0}': {"amount": Decimal("9007199254740993.0")},
    '{"amount": 1e23, "more": [0.1, 0.1234567890123456]}': {
        "amount": Decimal("1E+23"),
        "more": [Decimal("0.1"), Decimal("0.1234567890123456")],
    },
}


@pytest.mark.parametrize("arguments", DIGITS)
@pytest.mark.parametrize("tool", [Price, StrictPrice])
def test_a_decimal_number_keeps_all_of_its_digits(bench: Bench, tool: type[Price], arguments: str) -> None:
    (good,) = judged(bench, tool.__name__, arguments).good
    assert good.value == tool(**DIGITS[arguments])
    assert [type(one) for one in vars(good.value).values()] == [
        type(one) for one in vars(tool(**DIGITS[arguments])).values()
    ]
    assert good.repairs == ()


def test_a_named_type_of_a_decimal_number_is_looked_at_as_the_number_is(bench: Bench) -> None:
    (good,) = judged(bench, "Wallet", f'{{"amount": {LONG}, "other": {LONG}, "plain": {LONG}, "number": 3.0}}').good
    assert good.value == Wallet(amount=Decimal(LONG), other=Decimal(LONG), plain=Decimal(LONG), number=3)
    assert good.repairs == ("integral_float",)


def test_of_a_union_what_the_constants_choose_is_looked_at(bench: Bench) -> None:
    card, points = f'{{"kind": "card", "amount": {LONG}}}', f'{{"kind": "miles", "amount": {LONG}}}'
    (good,) = judged(bench, "Payment", f'{{"pay": {card}, "more": [{card}, {points}]}}').good
    assert good.value == Payment(
        pay=Card(kind="card", amount=Decimal(LONG)),
        more=[Card(kind="card", amount=Decimal(LONG)), Points(kind="miles", amount=float(LONG))],
    )
    assert good.repairs == ()
    (good,) = judged(bench, "Payment", f'{{"pay": {points}}}').good
    assert good.value == Payment(pay=Points(kind="miles", amount=float(LONG)))
    (bad,) = judged(bench, "Payment", '{"pay": {"kind": "card", "amount": 1, "count": 9007199254740993.0}}').failed
    assert "pay.count: Input should be an integer in digits alone" in str(bad.error)


def test_only_the_number_that_may_be_a_text_is_a_fault(bench: Bench) -> None:
    (bad,) = judged(bench, "Price", f'{{"amount": {LONG}, "text": {LONG}, "more": [{LONG}]}}').failed
    assert isinstance(bad.error, InvalidArguments)
    assert [fault["loc"] for fault in bad.error.errors] == [["text"]]


def test_digits_stay_beside_a_repair(bench: Bench) -> None:
    arguments = f'{{"count": 3.0, "amount": {LONG}, "anything": [1.0, 1e22, {LONG}]}}'
    (good,) = judged(bench, "StrictPrice", arguments).good
    assert good.value == StrictPrice(count=3, amount=Decimal(LONG), anything=[1.0, 1e22, float(LONG)])
    assert list(map(type, good.value.anything)) == [float, float, float]
    assert good.repairs == ("integral_float",)


@pytest.mark.parametrize("tool", [Rounded, Checked])
def test_a_validator_that_wants_a_number_gets_the_nearest_one(bench: Bench, tool: type[Rounded | Checked]) -> None:
    (good,) = judged(bench, tool.__name__, '{"amount": 19.990000000000000213}').good
    assert (good.value, good.repairs) == (tool(amount=19.99), ("inexact_decimal",))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ('{"places": 19.990000000000000213}', "places: Decimal input should have no more than 2 decimal places"),
        ('{"least": -1.5e-330}', "least: Input should be greater than or equal to 0"),
        ('{"amount": 1.0000000000000000001, "places": 0.10000000000000000001}', "a text: a number of so many digits"),
    ],
)
def test_an_exact_number_that_is_not_allowed_fails_the_call(bench: Bench, arguments: str, fault: str) -> None:
    (bad,) = judged(bench, "Checked", arguments, repairs="amount" not in arguments).failed
    assert fault in str(bad.error)


@pytest.mark.parametrize(("tool", "field"), [("Price", "text"), ("Rounded", "amount")])
def test_digits_that_cannot_be_kept_fail_the_call(bench: Bench, tool: str, field: str) -> None:
    (bad,) = judged(bench, tool, f'{{"{field}": {LONG}}}', repairs=tool == "Price").failed
    with pytest.raises(InvalidArguments, match=f"{field}: Input should be a text: a number of so many digits"):
        raise bad.error
    assert judged(bench, tool, f'{{"{field}": 1.25}}').good[0].value in (
        Rounded(amount=1.25),
        Price(text=Decimal("1.25")),
    )


JSONS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(':"\\ a'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(':" a', max_size=3), inner, max_size=3),
    max_leaves=10,
)


@settings(deadline=None)
@given(value=st.dictionaries(st.text(':" ab', max_size=3), JSONS, max_size=4), indent=st.none() | st.integers(0, 1))
def test_nothing_is_found_where_nothing_is(value: dict[str, Any], indent: int | None) -> None:
    """Whatever blanks, colons and quotes there are."""
    text = json.dumps(value, indent=indent, separators=(" ,", " : ") if indent else (",", ":"))
    found = SecondLook(text, {"type": "object"}, numeric=True)
    assert (found.faults, found.integral_float) == ([], False)
    if value:
        key = next(iter(value))
        twice = text[:-1] + f", {json.dumps(key)}: {json.dumps([value[key]])}}}"
        assert [fault["loc"] for fault in SecondLook(twice, {"type": "object"}, numeric=False).faults] == [(key,)]
