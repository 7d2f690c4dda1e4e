"""Names, ids and types of calls that are odd: section 4.2 of the catalogue.

Each line with its title there, the fault that plays it, and what toolfan must make of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import pytest
import toolfan
from fault_asking import GOOD, SEARCH, TOOLS, WEATHER, Asker, Good, GoogleSearch, by_fault, titles
from loopback import Bench, call, completion, raw
from pydantic import BaseModel, ConfigDict
from toolfan import InvalidCalls, MalformedArguments, ToolDefinitionError, UnknownTool

UNKNOWN = "unknown tool; wrong case; null name; empty name"
WRAPPER = "`multi_tool_use.parallel` (and bare `parallel`)"
IDS = "duplicate / missing / null ids"
ONE_NAME = "two tools with one name; `Box[int]`; model `title` ≠ `__name__`"
TWICE, CUSTOM = "same call twice", "`type: custom`"


@dataclass(frozen=True)
class Unknown:
    """The first call is of no tool that was offered; `name` is what the error calls it."""

    row: str
    fault: str
    name: str


@dataclass(frozen=True)
class Read:
    """All values come, with these repairs, after one request."""

    row: str
    fault: str
    repairs: tuple[str, ...] = ()
    values: tuple[BaseModel, ...] = GOOD
    text: str = ""


@dataclass(frozen=True)
class Ids:
    """The ids that the calls have, and those that the provider gave them."""

    row: str
    fault: str
    ids: tuple[str, ...]
    given: tuple[str | None, ...]


UNKNOWNS = [
    Unknown(UNKNOWN, "unknown-tool", "Nonsense"),
    Unknown(UNKNOWN, "wrong-case", "wEATHER"),
    Unknown(UNKNOWN, "null-name", ""),
    Unknown(UNKNOWN, "empty-name", ""),
]
READ = [
    Read("`functions.` prefix", "functions-prefix", ("functions_prefix",)),
    Read(WRAPPER, "parallel-wrapper", ("unwrapped", "functions_prefix")),
    Read(WRAPPER, "bare-parallel-wrapper", ("unwrapped", "functions_prefix")),
    Read("`type` missing", "type-missing"),
    # Its name is that of a tool that was offered, and its input fits: nothing is lost by reading it as such a call.
    Read(CUSTOM, "type-custom"),
    Read("legacy `function_call`", "legacy-function-call", values=(WEATHER,)),
    Read("phantom call, empty name and arguments beside text", "phantom-call", text="Hm."),
    Read(TWICE, "same-call-twice", values=(WEATHER, WEATHER, SEARCH)),
]
NUMBERED = [
    Ids(IDS, "duplicate-ids", ("call_same", "call_1"), ("call_same", "call_same")),
    Ids(IDS, "missing-ids", ("call_0", "call_1"), (None, None)),
    Ids(IDS, "null-ids", ("call_0", "call_1"), (None, None)),
]
ROWS = [*titles(UNKNOWNS), *titles(READ), *titles(NUMBERED), ONE_NAME]


@by_fault(UNKNOWNS)
def test_a_call_of_no_tool_is_a_failure_of_its_own(ask: Asker, case: Unknown) -> None:
    calls = ask(case.fault, on_invalid="keep").result
    (bad,) = calls.failed
    assert (bad.index, bad.name, type(bad.error)) == (0, case.name, UnknownTool)
    assert "They are Weather, GoogleSearch." in str(bad.error)
    assert list(calls) == [SEARCH]
    assert calls.requests == 1


@by_fault(UNKNOWNS)
def test_it_is_asked_for_again(ask: Asker, case: Unknown) -> None:
    asked = ask(f"{case.fault}-once")
    Good(2).check(asked)
    error = ask(case.fault).raised
    assert (type(error), error.requests) == (InvalidCalls, 3)
    assert error.calls is not None
    assert list(error.calls) == [SEARCH]


@by_fault(READ)
def test_what_can_be_read_is_read_and_the_repair_recorded(ask: Asker, case: Read) -> None:
    asked = ask(case.fault)
    Good(1, case.values).check(asked)
    assert asked.result.good[0].repairs == case.repairs
    assert asked.result.text == case.text
    assert {call.raw.name for call in asked.result.good} & {"", "functions.", "parallel"} == set()


@by_fault([case for case in READ if case.repairs])
def test_without_repairs_it_is_a_call_of_no_tool(ask: Asker, case: Read) -> None:
    calls = ask(case.fault, repairs=False, on_invalid="keep").result
    assert type(calls.outcomes[0]) is toolfan.BadCall
    assert type(calls.outcomes[0].error) is UnknownTool


@by_fault(NUMBERED)
def test_ids_are_made_up_and_those_given_are_kept_beside(ask: Asker, case: Ids) -> None:
    asked = ask(case.fault)
    Good(1).check(asked)
    assert tuple(one.id for one in asked.result.outcomes) == case.ids
    assert tuple(one.raw.provider_id for one in asked.result.outcomes) == case.given


@by_fault([*NUMBERED, *UNKNOWNS])
def test_every_call_is_answered_once_under_an_id_of_its_own(ask: Asker, case: Ids | Unknown) -> None:
    """Also when its own is missing or another's: the service reads the turn back and compares."""
    calls = ask(case.fault, on_invalid="keep").result
    turn, *answers = calls.reply(dict.fromkeys([one.id for one in calls.outcomes], "done"))
    ids = [one["id"] for one in turn["tool_calls"]]
    assert [answer["tool_call_id"] for answer in answers] == ids
    assert len(set(ids)) == len(calls.outcomes) == 2


def test_a_custom_call_of_no_tool_is_a_failure_of_its_own(ask: Asker, bench: Bench) -> None:
    """So is one whose free text is no JSON: it is an answer like any other, and is answered."""
    customs = [
        {"id": "c1", "type": "custom", "custom": {"name": "grep", "input": "a.*b"}},
        {"id": "c2", "type": "custom", "custom": {"name": "Weather", "input": "in Toronto"}},
    ]
    server = bench.serve(raw(completion(*customs, call("GoogleSearch", {"query": "x"}))))
    calls = ask("good", base_url=server.openai_url, on_invalid="keep").result
    assert [type(bad.error) for bad in calls.failed] == [UnknownTool, MalformedArguments]
    assert list(calls) == [GoogleSearch(query="x")]


def test_the_same_call_twice_is_marked_and_never_collapsed(ask: Asker) -> None:
    calls = ask("same-call-twice").result
    assert [one.duplicate_of for one in calls.good] == [None, 0, None]


X = TypeVar("X")


class Box(BaseModel, Generic[X]):
    inside: X


class Titled(BaseModel):
    model_config = ConfigDict(title="A Title of Blanks")
    x: int


def twin() -> type[BaseModel]:
    class Weather(BaseModel):
        """Another one of the same name."""

        place: str

    return Weather


def test_two_tools_of_one_name_are_refused_before_anything_is_sent(ask: Asker) -> None:
    error = ask("good", tools=(*TOOLS, twin())).raised
    assert type(error) is ToolDefinitionError
    assert "two tools have the name 'Weather'" in str(error)


@pytest.mark.parametrize("model", [Box[int], Titled], ids=["generic", "titled"])
def test_a_tool_has_one_name_for_sending_and_reading(bench: Bench, model: type[BaseModel]) -> None:
    """Legal on the wire, and the same type comes back."""
    field = next(iter(model.model_fields))
    bench.serve({"text": "which name?"})
    bench.client().create(model="m", messages=[{"role": "user", "content": "?"}], response_model=Iterable[model])
    (sent,) = bench.bodies[0]["tools"]
    name = sent["function"]["name"]
    assert name.replace("_", "").isalnum()
    client = bench.answered(call(name, {field: 3}))
    calls = client.create(model="m", messages=[{"role": "user", "content": "?"}], response_model=Iterable[model])
    assert list(calls) == [model(**{field: 3})]
