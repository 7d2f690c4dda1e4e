"""What the faults of shape and finish reason are on the wire, in both dialects; Google's own faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fault_client import (
    GOOD,
    VERTEX,
    ask,
    google_calls,
    google_parts,
    google_request,
    is_json,
    openai_calls,
    openai_request,
)
from toolfan_local.faults import CATALOGUE, FaultServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Check = Callable[[Any], bool]


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


def choice(body: Any) -> Any:
    return body["choices"][0]


def message(body: Any) -> Any:
    return choice(body)["message"]


def finished(finish: Any, calls: int) -> Check:
    return lambda body: choice(body)["finish_reason"] == finish and len(message(body).get("tool_calls") or []) == calls


def last_arguments(body: Any) -> bytes:
    return bytes(message(body)["tool_calls"][-1]["function"]["arguments"], "utf-8")


OPENAI: dict[str, Check] = {
    "text-only": lambda body: message(body)["content"] and "tool_calls" not in message(body),
    "null-tool-calls": lambda body: message(body)["content"] and message(body)["tool_calls"] is None,
    "empty-tool-calls": lambda body: message(body)["content"] and message(body)["tool_calls"] == [],
    "text-and-calls": lambda body: message(body)["content"] and len(message(body)["tool_calls"]) == 2,
    "stop-with-calls": finished("stop", 2),
    "unknown-finish": finished("astonished", 2),
    "null-finish": finished(None, 2),
    "length-cut": lambda body: finished("length", 2)(body) and not is_json(last_arguments(body)),
    "length-whole": lambda body: finished("length", 2)(body) and is_json(last_arguments(body)),
    "content-filter": lambda body: finished("content_filter", 0)(body) and message(body)["content"] is None,
    "content-filter-one-call": finished("content_filter", 1),
    "refusal": lambda body: message(body)["refusal"] and message(body)["content"] is None,
    "empty-choices": lambda body: body["choices"] == [],
    "null-choices": lambda body: body["choices"] is None,
    "empty-object": lambda body: body == {},
    "null-message": lambda body: message(body) is None,
    "body-list": lambda body: isinstance(body, list) and len(body) == 1,
    "body-string": lambda body: isinstance(body, str),
    "error-in-200": lambda body: list(body) == ["error"] and body["error"]["code"] == 503,
    "second-choice": lambda body: [len(one["message"].get("tool_calls", [])) for one in body["choices"]] == [0, 2],
    "usage-missing": lambda body: "usage" not in body and finished("tool_calls", 2)(body),
}


@pytest.mark.parametrize("name", OPENAI)
def test_shapes(server: FaultServer, name: str) -> None:
    seen = ask(server, openai_request(name))
    assert (seen.status, seen.complete) == (200, True)
    assert OPENAI[name](seen.json)


def first_choices(events: list[Any]) -> list[Any]:
    return [event["choices"][0] for event in events if event["choices"]]


def said(events: list[Any], key: str) -> list[Any]:
    """What the deltas say under a key, and what finishes the stream."""
    found = [(one["delta"] or {}).get(key) for one in first_choices(events)]
    return [value for value in found if value is not None]


STREAMED: dict[str, Check] = {
    "text-only": lambda events: said(events, "content") and not said(events, "tool_calls"),
    "empty-tool-calls": lambda events: said(events, "tool_calls") == [[]],
    "null-tool-calls": lambda events: any("tool_calls" in one["delta"] for one in first_choices(events)),
    "text-and-calls": lambda events: said(events, "content") and said(events, "tool_calls"),
    "length-cut": lambda events: first_choices(events)[-1]["finish_reason"] == "length",
    "content-filter": lambda events: first_choices(events)[-1]["finish_reason"] == "content_filter",
    "refusal": lambda events: said(events, "refusal"),
    "empty-choices": lambda events: [event["choices"] for event in events] == [[]],
    "null-choices": lambda events: [event["choices"] for event in events] == [None],
    "empty-object": lambda events: events == [{}],
    "null-message": lambda events: [one["delta"] for one in first_choices(events)] == [None],
    "body-string": lambda events: isinstance(events[0], str),
    "error-in-200": lambda events: events[0]["error"]["code"] == 503,
    "second-choice": lambda events: {one["index"] for one in first_choices(events)} == {0, 1},
}


@pytest.mark.parametrize("name", STREAMED)
def test_shapes_in_a_stream(server: FaultServer, name: str) -> None:
    seen = ask(server, openai_request(name, stream=True))
    assert seen.complete
    assert seen.data[-1] == "[DONE]"
    assert STREAMED[name](seen.events)


def candidate(body: Any) -> Any:
    return body["candidates"][0]


def ends(reason: Any, *, calls: bool = True) -> Check:
    return lambda body: (
        candidate(body)["finishReason"] == reason
        and len([part for part in candidate(body)["content"].get("parts", []) if "functionCall" in part]) == 2 * calls
    )


def arguments(body: Any) -> Any:
    return candidate(body)["content"]["parts"][0]["functionCall"]["args"]


def call_ids(body: Any) -> list[Any]:
    return [part["functionCall"].get("id") for part in candidate(body)["content"]["parts"]]


def signatures(body: Any) -> list[bool]:
    return ["thoughtSignature" in part for part in candidate(body)["content"]["parts"]]


def retry_delay(code: int, delay: str) -> Check:
    return lambda body: (
        body["error"]["code"] == code
        and body["error"]["details"] == [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}]
    )


GOOGLE: dict[str, Check] = {
    "good": lambda body: signatures(body) == [True, False] and call_ids(body) == ["call_1_0", "call_1_1"],
    "text-only": lambda body: list(candidate(body)["content"]["parts"][0]) == ["text"],
    "text-and-calls": lambda body: "text" in candidate(body)["content"]["parts"][0] and ends("STOP")(body),
    "empty-object": lambda body: body == {},
    "body-list": lambda body: isinstance(body, list),
    "body-string": lambda body: isinstance(body, str),
    "error-in-200": lambda body: body["error"]["status"] == "UNAVAILABLE",
    "usage-missing": lambda body: "usageMetadata" not in body and ends("STOP")(body),
    "google-malformed-call": lambda body: (
        ends("MALFORMED_FUNCTION_CALL", calls=False)(body) and "default_api" in candidate(body)["finishMessage"]
    ),
    "google-max-tokens": ends("MAX_TOKENS"),
    "google-safety": ends("SAFETY", calls=False),
    "google-unexpected-tool-call": ends("UNEXPECTED_TOOL_CALL"),
    "google-too-many-tool-calls": ends("TOO_MANY_TOOL_CALLS"),
    "google-missing-thought-signature": ends("MISSING_THOUGHT_SIGNATURE"),
    "google-finish-number-12": ends(12),
    "google-finish-number-15": ends(15),
    "google-unknown-finish": ends("ASTONISHED"),
    "google-unknown-finish-number": ends(99),
    "google-prompt-blocked": lambda body: (
        "candidates" not in body and body["promptFeedback"]["blockReason"] == "SAFETY"
    ),
    "google-empty-candidates": lambda body: body["candidates"] == [],
    "google-empty-parts": lambda body: (
        candidate(body)["content"]["parts"] == [] and candidate(body)["finishReason"] == "STOP"
    ),
    "google-no-content": lambda body: "content" not in candidate(body) and candidate(body)["finishReason"] == "STOP",
    "google-ids-absent": lambda body: call_ids(body) == [None, None],
    "google-ids-present": lambda body: call_ids(body) == ["call-0", "call-1"],
    "google-underscore-fields": lambda body: (
        {"class_": "first", "from_": "here", "extra": {"type_": "nested"}}.items() <= arguments(body).items()
    ),
    "google-big-int": lambda body: arguments(body)["extra"] == 2**53 + 1,
    "429-retry-info": retry_delay(429, "0.2s"),
    "429-retry-info-300": retry_delay(429, "300s"),
    "503-retry-info": retry_delay(503, "0.2s"),
    "429-quota-per-day": lambda body: "PerDay" in body["error"]["details"][0]["violations"][0]["quotaId"],
}


@pytest.mark.parametrize("name", GOOGLE)
def test_in_googles_dialect(server: FaultServer, name: str) -> None:
    assert GOOGLE[name](ask(server, google_request(name)).json)


def test_vertex_v1_has_no_ids(server: FaultServer) -> None:
    for prefix, ids in ((VERTEX, [None, None]), (VERTEX.replace("v1", "v1beta1"), ["call_1_0", "call_1_1"])):
        assert call_ids(ask(server, google_request(f"good@{len(prefix)}", prefix=prefix)).json) == ids
    assert call_ids(ask(server, google_request("google-ids-present", prefix=VERTEX)).json) == ["call-0", "call-1"]


def turn(*, signed: bool) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [{"functionCall": {"name": name, "args": {}}} for name in ("Weather", "GoogleSearch")]
    if signed:
        parts[0]["thoughtSignature"] = "c2lnbmVk"
    return {"role": "model", "parts": parts}


def answers(count: int) -> dict[str, Any]:
    response = {"functionResponse": {"name": "Weather", "response": {}}}
    return {"role": "user", "parts": [response] * count}


@pytest.mark.parametrize(
    ("name", "contents", "status"),
    [
        ("google-counts-responses", [turn(signed=True), answers(2)], 200),
        ("google-counts-responses", [turn(signed=True), answers(1)], 400),
        ("google-counts-responses", [turn(signed=True)], 400),
        ("google-checks-signature", [turn(signed=True), answers(2)], 200),
        ("google-checks-signature", [turn(signed=False), answers(2)], 400),
    ],
)
def test_what_the_service_refuses_in_a_later_turn(
    server: FaultServer, name: str, contents: list[Any], status: int
) -> None:
    user = {"role": "user", "parts": [{"text": "Hello?"}]}
    assert ask(server, google_request(name)).status == 200
    assert ask(server, google_request(name, contents=[user, *contents])).status == status


STREAMS: dict[str, Callable[[list[Any]], bool]] = {
    "google-calls-over-chunks": lambda bodies: [len(parts_of(body)) for body in bodies] == [1, 1, 1],
    "google-calls-in-one-chunk": lambda bodies: [len(parts_of(body)) for body in bodies] == [2],
    "google-partial-args": lambda bodies: told(bodies) == {"opened": 2, "closed": 2, "finished": True},
    "google-partial-args-no-terminal": lambda bodies: told(bodies) == {"opened": 2, "closed": 1, "finished": True},
    "google-partial-args-cut": lambda bodies: told(bodies) == {"opened": 2, "closed": 1, "finished": False},
}


def parts_of(body: Any) -> list[Any]:
    return list(candidate(body).get("content", {}).get("parts", []))


def told(bodies: list[Any]) -> dict[str, Any]:
    """How many calls were opened and closed, and whether the stream was finished."""
    calls = [part["functionCall"] for body in bodies for part in parts_of(body)]
    opened = sum("name" in call for call in calls)
    return {"opened": opened, "closed": calls.count({}), "finished": "finishReason" in candidate(bodies[-1])}


@pytest.mark.parametrize("framing", ["sse", "array"])
@pytest.mark.parametrize("name", STREAMS)
def test_googles_streams(server: FaultServer, name: str, framing: str) -> None:
    seen = ask(server, google_request(name, framing=framing))
    assert seen.complete
    if framing == "sse":
        assert STREAMS[name](seen.events)
    elif name.endswith("-cut"):
        assert not is_json(seen.content)
    else:
        assert STREAMS[name](seen.json)


def test_the_pieces_of_partial_arguments(server: FaultServer) -> None:
    events = ask(server, google_request("google-partial-args", framing="sse")).events
    values: dict[str, str] = {}
    for body in events:
        for part in parts_of(body):
            for piece in part["functionCall"].get("partialArgs", []):
                values[piece["jsonPath"]] = values.get(piece["jsonPath"], "") + piece["stringValue"]
    assert values == {f"$.{key}": value for _, arguments in GOOD for key, value in arguments.items()}


def test_a_framing_that_was_not_asked_for(server: FaultServer) -> None:
    seen = ask(server, google_request("google-array-for-sse", framing="sse"))
    assert google_calls(seen, "array") == GOOD
    seen = ask(server, google_request("google-sse-for-array", framing="array"))
    assert google_calls(seen, "sse") == GOOD
    assert seen.fields["content-type"] == "text/event-stream"


@pytest.mark.parametrize("name", [*STREAMS, "google-array-for-sse", "google-sse-for-array"])
def test_to_a_whole_answer_a_fault_of_streams_is_good(server: FaultServer, name: str) -> None:
    calls = google_calls(ask(server, google_request(name)))
    assert calls[:2] == GOOD


def test_these_are_all_faults_of_shape_and_googles() -> None:
    shapes = [fault for fault in CATALOGUE.values() if fault.section == "4.3"]
    assert {fault.name for fault in shapes} == {*OPENAI}
    google = {fault.name for fault in shapes if "google" in fault.dialects}
    google |= {fault.name for fault in CATALOGUE.values() if fault.section == "6"}
    elsewhere = {"google-counts-responses", "google-checks-signature", "google-array-for-sse", "google-sse-for-array"}
    assert google == {*GOOGLE, *STREAMS, *elsewhere} - {"good"}


def test_the_good_answer(server: FaultServer) -> None:
    for stream in (False, True):
        assert openai_calls(ask(server, openai_request("good", stream=stream))) == GOOD
    assert google_parts(ask(server, google_request("good@g")))[0]["thoughtSignature"]
