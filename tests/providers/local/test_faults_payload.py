"""What the faults of the payload are on the wire: each as the calls of an answer, whole and streamed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from fault_client import GOOD, SCHEMAS, ask, google_calls, google_parts, google_request, openai_request, pieces
from toolfan_local.faults import CATALOGUE, FaultServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIRST = json.dumps(GOOD[0][1])
TYPED = {
    "type": "object",
    "properties": {"days": {"type": "integer"}, "share": {"type": "number"}, "place": {"type": "string"}},
    "required": ["days", "share", "place"],
}
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


def whole_call(server: FaultServer, name: str) -> list[Any]:
    """The entries of `tool_calls` of the whole answer."""
    calls: list[Any] = ask(server, openai_request(name)).json["choices"][0]["message"]["tool_calls"]
    return calls


def streamed_calls(server: FaultServer, name: str) -> list[Any]:
    """The entries put together from the streamed answer."""
    calls: dict[int, Any] = {}
    for piece in pieces(ask(server, openai_request(name, stream=True)).events):
        call = calls.setdefault(piece.pop("index"), piece)
        if call is not piece:
            call["function"]["arguments"] += piece["function"]["arguments"]
    return [calls[index] for index in sorted(calls)]


ARGUMENTS: dict[str, Any] = {
    "arguments-malformed": FIRST[:-1] + "]",
    "arguments-truncated": FIRST[: len(FIRST) // 2],
    "arguments-trailing-comma": FIRST[:-1] + ",}",
    "arguments-single-quotes": "{'location': 'Toronto', 'units': 'metric'}",
    "arguments-trailing-text": FIRST + " I hope this helps.",
    "arguments-two-objects": FIRST + FIRST,
    "arguments-raw-newline": '{"location": "Toronto", "units": "metric\n"}',
    "arguments-code-fence": f"```json\n{FIRST}\n```",
    "arguments-bom": "\ufeff" + FIRST,
    "arguments-empty": "",
    "arguments-object": GOOD[0][1],
    "arguments-null": None,
    "arguments-double-encoded": json.dumps(FIRST),
    "arguments-array": '["Toronto", "metric"]',
    "arguments-wrong-types": '{"location": ["wrong", {}], "units": ["wrong", {}]}',
    "arguments-reversed": '{"units": "metric", "location": "Toronto"}',
    "arguments-duplicate-keys": '{"location": "not Toronto", "location": "Toronto", "units": "metric"}',
    "arguments-nan": FIRST[:-1] + ', "extra": NaN}',
    "arguments-infinity": FIRST[:-1] + ', "extra": Infinity}',
    "arguments-1e999": FIRST[:-1] + ', "extra": 1e999}',
    "arguments-lone-surrogate": '{"location": "Toronto\\ud83d", "units": "metric"}',
    "arguments-nul": '{"location": "Toronto\\u0000", "units": "metric"}',
    "arguments-10-mb": '{"location": "' + "x" * 10 * MEGABYTE + '", "units": "metric"}',
    "arguments-17-mb": '{"location": "' + "x" * 17 * MEGABYTE + '", "units": "metric"}',
    "arguments-depth-10000": FIRST[:-1] + ', "extra": ' + "[" * 10_000 + "]" * 10_000 + "}",
    "arguments-5000-digits": FIRST[:-1] + ', "extra": ' + "9" * 5000 + "}",
    "arguments-float-for-int": FIRST[:-1] + ', "extra": 3.0}',
    "arguments-text-for-int": FIRST[:-1] + ', "extra": "3"}',
    "arguments-extra-field": FIRST[:-1] + ', "extra": "surplus"}',
}
OTHERS = {"arguments-second-bad", "arguments-absent", "1000-calls"}


@pytest.mark.parametrize("collect", [whole_call, streamed_calls], ids=["whole", "stream"])
@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments(server: FaultServer, name: str, collect: Callable[[FaultServer, str], list[Any]]) -> None:
    """The first call has the fault, the second one is good."""
    first, second = collect(server, name)
    assert first["function"]["name"] == "Weather"
    assert first["function"]["arguments"] == ARGUMENTS[name]  # compared as text: the fault is in the text
    assert json.loads(second["function"]["arguments"]) == GOOD[1][1]


@pytest.mark.parametrize("collect", [whole_call, streamed_calls], ids=["whole", "stream"])
def test_the_other_faults_of_arguments(server: FaultServer, collect: Callable[[FaultServer, str], list[Any]]) -> None:
    first, second = collect(server, "arguments-second-bad")
    assert (first["function"]["arguments"], second["function"]["arguments"][-1]) == (FIRST, "]")
    assert "arguments" not in collect(server, "arguments-absent")[0]["function"]
    calls = collect(server, "1000-calls")
    assert len({call["id"] for call in calls}) == 1000


@pytest.mark.parametrize(
    ("name", "days", "share"),
    [
        ("arguments-float-for-int", "3.0", "1.0"),
        ("arguments-text-for-int", '"3"', "1.0"),
        ("arguments-nan", "1", "NaN"),
        ("arguments-infinity", "1", "Infinity"),
        ("arguments-1e999", "1", "1e999"),
        ("arguments-5000-digits", "9" * 5000, "1.0"),
    ],
)
def test_a_declared_field_of_the_type_has_the_value(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch, name: str, days: str, share: str
) -> None:
    monkeypatch.setitem(SCHEMAS, "Typed", TYPED)
    (call,) = ask(server, openai_request(name, names=["Typed"])).json["choices"][0]["message"]["tool_calls"]
    text = call["function"]["arguments"]
    assert text.startswith(f'{{"days": {days}, "share": {share}, "place": "a", "extra": ')


def names(calls: list[Any]) -> list[Any]:
    return [call["function"]["name"] for call in calls]


def ids(calls: list[Any]) -> list[Any]:
    return [call.get("id", "none") for call in calls]


def uses(calls: list[Any]) -> Any:
    return json.loads(calls[0]["function"]["arguments"])["tool_uses"]


USES = [{"recipient_name": f"functions.{name}", "parameters": arguments} for name, arguments in GOOD]
NAMES: dict[str, Callable[[list[Any]], bool]] = {
    "unknown-tool": lambda calls: names(calls) == ["Nonsense", "GoogleSearch"],
    "wrong-case": lambda calls: names(calls) == ["wEATHER", "GoogleSearch"],
    "null-name": lambda calls: names(calls) == [None, "GoogleSearch"],
    "empty-name": lambda calls: names(calls) == ["", "GoogleSearch"],
    "functions-prefix": lambda calls: names(calls) == ["functions.Weather", "GoogleSearch"],
    "parallel-wrapper": lambda calls: names(calls) == ["multi_tool_use.parallel"] and uses(calls) == USES,
    "bare-parallel-wrapper": lambda calls: names(calls) == ["parallel"] and uses(calls) == USES,
    "type-missing": lambda calls: ["type" in call for call in calls] == [False, True],
    "type-custom": lambda calls: calls[0]["custom"] == {"name": "Weather", "input": FIRST},
    "duplicate-ids": lambda calls: ids(calls) == ["call_same", "call_same"],
    "missing-ids": lambda calls: ids(calls) == ["none", "none"],
    "null-ids": lambda calls: ids(calls) == [None, None],
    "same-call-twice": lambda calls: names(calls) == ["Weather", "Weather", "GoogleSearch"] and len({*ids(calls)}) == 3,
    "phantom-call": lambda calls: names(calls) == ["Weather", "GoogleSearch", ""],
}


@pytest.mark.parametrize("collect", [whole_call, streamed_calls], ids=["whole", "stream"])
@pytest.mark.parametrize("name", NAMES)
def test_names_ids_and_types(server: FaultServer, name: str, collect: Callable[[FaultServer, str], list[Any]]) -> None:
    assert NAMES[name](collect(server, name))


def test_a_legacy_function_call(server: FaultServer) -> None:
    (choice,) = ask(server, openai_request("legacy-function-call")).json["choices"]
    assert choice["message"]["function_call"] == {"name": "Weather", "arguments": FIRST}
    assert (choice["finish_reason"], "tool_calls" in choice["message"]) == ("function_call", False)
    events = ask(server, openai_request("legacy-function-call", stream=True)).events
    assert [event["choices"][0]["delta"].get("function_call") for event in events if event["choices"]][1] == {
        "name": "Weather",
        "arguments": FIRST,
    }


GOOGLE: dict[str, Callable[[list[Any]], bool]] = {
    "arguments-null": lambda calls: calls[0]["args"] is None,
    "arguments-absent": lambda calls: "args" not in calls[0],
    "arguments-array": lambda calls: calls[0]["args"] == ["Toronto", "metric"],
    "arguments-wrong-types": lambda calls: calls[0]["args"]["location"] == ["wrong", {}],
    "arguments-reversed": lambda calls: list(calls[0]["args"]) == ["units", "location"],
    "arguments-nan": lambda calls: calls[0]["args"]["extra"] != calls[0]["args"]["extra"],
    "arguments-infinity": lambda calls: calls[0]["args"]["extra"] == float("inf"),
    "arguments-1e999": lambda calls: calls[0]["args"]["extra"] == float("inf"),
    "arguments-lone-surrogate": lambda calls: calls[0]["args"]["location"] == "Toronto\ud83d",
    "arguments-nul": lambda calls: calls[0]["args"]["location"] == "Toronto\0",
    "arguments-10-mb": lambda calls: len(calls[0]["args"]["location"]) == 10 * MEGABYTE,
    "arguments-17-mb": lambda calls: len(calls[0]["args"]["location"]) == 17 * MEGABYTE,
    "arguments-float-for-int": lambda calls: isinstance(calls[0]["args"]["extra"], float),
    "arguments-text-for-int": lambda calls: calls[0]["args"]["extra"] == "3",
    "arguments-extra-field": lambda calls: calls[0]["args"]["extra"] == "surplus",
    "1000-calls": lambda calls: len(calls) == 1000,
    "unknown-tool": lambda calls: calls[0]["name"] == "Nonsense",
    "wrong-case": lambda calls: calls[0]["name"] == "wEATHER",
    "null-name": lambda calls: calls[0]["name"] is None,
    "empty-name": lambda calls: calls[0]["name"] == "",
    "functions-prefix": lambda calls: calls[0]["name"] == "functions.Weather",
    "parallel-wrapper": lambda calls: calls[0]["args"] == {"tool_uses": USES},
    "bare-parallel-wrapper": lambda calls: (calls[0]["name"], calls[0]["args"]) == ("parallel", {"tool_uses": USES}),
    "duplicate-ids": lambda calls: [call["id"] for call in calls] == ["call_same"] * 2,
    "missing-ids": lambda calls: not any("id" in call for call in calls),
    "null-ids": lambda calls: [call["id"] for call in calls] == [None, None],
    "same-call-twice": lambda calls: [call["name"] for call in calls] == ["Weather", "Weather", "GoogleSearch"],
}
UNREADABLE = {"arguments-depth-10000": b"[" * 10_000, "arguments-5000-digits": b"9" * 5000}


@pytest.mark.parametrize("framing", ["none", "sse", "array"])
@pytest.mark.parametrize("name", GOOGLE)
def test_in_googles_dialect(server: FaultServer, name: str, framing: str) -> None:
    parts = google_parts(ask(server, google_request(name, framing=framing)), framing)
    assert GOOGLE[name]([part["functionCall"] for part in parts])


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_the_standard_library_does_not_read(server: FaultServer, name: str) -> None:
    """The bytes are looked at: `json.loads` raises RecursionError, or ValueError for so many digits."""
    assert UNREADABLE[name] in ask(server, google_request(name)).body


def test_these_are_all_faults_of_arguments_and_names() -> None:
    assert {fault.name for fault in CATALOGUE.values() if fault.section == "4.1"} == {*ARGUMENTS, *OTHERS}
    assert {fault.name for fault in CATALOGUE.values() if fault.section == "4.2"} == {*NAMES, "legacy-function-call"}
    google = {
        fault.name for fault in CATALOGUE.values() if fault.section in ("4.1", "4.2") and "google" in fault.dialects
    }
    assert google == {*GOOGLE, *UNREADABLE}


def test_the_good_answer_in_googles_dialect(server: FaultServer) -> None:
    for framing in ("none", "sse", "array"):
        assert google_calls(ask(server, google_request("good", framing=framing)), framing) == GOOD
