"""Google's streams, read by Google's own SDKs: both framings, calls together and apart, arguments in pieces."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import httpx2
import pytest
from google.genai import errors
from hypothesis import given, settings
from hypothesis import strategies as st
from local_questions import EXPECTED, QUESTION
from test_google_dialect import BODY, DECLARATIONS, gemini, vertex
from toolfan_local import google_partials, google_stream
from toolfan_local.server import Server

VERTEX = "v1beta1/projects/p/locations/us-central1/publishers/google/models/m:streamGenerateContent"
GEMINI = "v1beta/models/m:streamGenerateContent"
CALLS = [{"name": "A", "arguments": {"n": 1}}, {"name": "B", "arguments": {}}]
PARTIAL = {"toolConfig": {"functionCallingConfig": {"streamFunctionCallArguments": True}}}


def config(**calling: Any) -> Any:
    snake = [{"name": one["name"], "parameters_json_schema": one["parametersJsonSchema"]} for one in DECLARATIONS]
    made: dict[str, Any] = {
        "tools": [{"function_declarations": snake}],
        "automatic_function_calling": {"disable": True},
    }
    return made | ({"tool_config": {"function_calling_config": calling}} if calling else {})


def post(server: Server, path: str, body: Any = BODY) -> httpx2.Response:
    return httpx2.post(f"{server.base_url}/{path}", json=body, headers={"x-goog-api-key": "k"})


def events(answer: httpx2.Response) -> list[Any]:
    """The events of a body, in either framing."""
    assert answer.status_code == 200, answer.text
    if not answer.headers["content-type"].startswith("text/event-stream"):
        body: list[Any] = answer.json()
        return body
    texts = answer.text.split("\r\n\r\n")
    assert texts.pop() == ""
    return [json.loads(text.removeprefix("data: ")) for text in texts]


def parts(bodies: list[Any]) -> list[Any]:
    return [part for body in bodies for part in body["candidates"][0]["content"].get("parts", [])]


def calls(bodies: list[Any]) -> list[tuple[str, Any]]:
    found = [part["functionCall"] for part in parts(bodies) if "functionCall" in part]
    return [(call["name"], call["args"]) for call in found]


@pytest.mark.parametrize("make", [vertex, gemini])
def test_genai_reads_it(server: Server, make: Any) -> None:
    with make(server) as sdk:
        chunks = list(sdk.models.generate_content_stream(model="m", contents=QUESTION, config=config()))
    found = [[(call.name, call.args) for call in chunk.function_calls or []] for chunk in chunks]
    assert found == [[one] for one in EXPECTED]
    assert [bool(chunk.candidates[0].finish_reason) for chunk in chunks] == [False, False, True]
    assert [chunk.usage_metadata.candidates_token_count is not None for chunk in chunks] == [False, False, True]
    assert len({chunk.response_id for chunk in chunks}) == 1
    assert server.requests[-1].query == {"alt": "sse"}


@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
@pytest.mark.parametrize("make", [vertex, gemini])
def test_the_async_genai_reads_it(server: Server, make: Any) -> None:
    async def read() -> list[Any]:
        async with make(server).aio as sdk:
            stream = await sdk.models.generate_content_stream(model="m", contents=QUESTION, config=config())
            return [(call.name, call.args) async for chunk in stream for call in chunk.function_calls or []]

    assert asyncio.run(read()) == EXPECTED


@pytest.mark.parametrize("path", [VERTEX, GEMINI])
def test_both_framings_say_the_same(server: Server, path: str) -> None:
    array, sse = events(post(server, path)), events(post(server, path + "?alt=sse"))
    assert len(array) == len(sse) == 3
    assert calls(array) == calls(sse) == EXPECTED
    assert [bool(part.get("thoughtSignature")) for part in parts(sse)] == [True, False, False]
    assert ["finishReason" in body["candidates"][0] for body in sse] == [False, False, True]


def test_each_element_of_the_array_comes_in_a_piece_of_its_own(server: Server) -> None:
    with httpx2.stream("POST", f"{server.base_url}/{GEMINI}?key=k", json=BODY) as answer:
        assert answer.headers["content-type"] == "application/json; charset=UTF-8"
        text = b"".join(answer.iter_raw()).decode()
    assert re.fullmatch(r"\[\{.*\}\r\n,\r\n\{.*\}\r\n,\r\n\{.*\}\r\n\]", text)


def test_enums_as_numbers(server: Server) -> None:
    last = events(post(server, VERTEX + "?%24alt=json%3Benum-encoding%3Dint"))[-1]
    assert last["candidates"][0]["finishReason"] == 1
    assert last["usageMetadata"]["trafficType"] == 1


def test_all_calls_in_one_chunk() -> None:
    script = [{"calls": CALLS, "text": "one two three four five"}, {"calls": CALLS, "calls_together": False}]
    with Server(script, calls_together=True) as server:
        together, apart = events(post(server, GEMINI)), events(post(server, GEMINI))
    assert [len(body["candidates"][0]["content"]["parts"]) for body in together] == [1, 1, 2]
    assert "".join(part["text"] for part in parts(together)[:2]) == "one two three four five"
    assert calls(together) == calls(apart) == [("A", {"n": 1}), ("B", {})]
    assert len(apart) == 2


def test_a_text_and_what_cannot_be_said() -> None:
    script = [{"text": ""}, {"calls": [{"name": "A", "arguments": "{"}]}, {"text": "cut", "stop": "length"}]
    with Server(script) as server:
        empty, malformed, cut = (events(post(server, GEMINI)) for _ in script)
    assert parts(empty) == [{"text": ""}]
    assert malformed[0]["candidates"][0]["finishReason"] == "MALFORMED_FUNCTION_CALL"
    assert (parts(cut), cut[0]["candidates"][0]["finishReason"]) == ([{"text": "cut"}], "MAX_TOKENS")


class TestPartialArguments:
    def test_genai_hands_the_pieces_on(self, server: Server) -> None:
        calling = config(stream_function_call_arguments=True)
        opened, values = [], list[dict[str, str]]()
        with vertex(server) as sdk:
            chunks = list(sdk.models.generate_content_stream(model="m", contents=QUESTION, config=calling))
        for chunk in chunks:
            for call in chunk.function_calls or []:
                if call.name:
                    opened.append((call.name, call.will_continue))
                    values.append({})
                for piece in call.partial_args or []:
                    values[-1][piece.json_path] = values[-1].get(piece.json_path, "") + (piece.string_value or "")
        assert opened == [(name, True) for name, _ in EXPECTED]
        assert values == [{f"$.{key}": text for key, text in arguments.items()} for _, arguments in EXPECTED]

    def test_name_and_id_first_and_an_empty_call_last(self) -> None:
        arguments = {"a": [{"b": 1.5}, None, True], "t": "123456789"}
        with Server([{"calls": [{"name": "A", "arguments": arguments, "id": "x"}]}]) as server:
            found = parts(events(post(server, VERTEX, BODY | PARTIAL)))
        first, *pieces, last, text = found
        assert first["functionCall"] == {"name": "A", "id": "x", "willContinue": True}
        assert "thoughtSignature" in first
        assert (last, text) == ({"functionCall": {}}, {"text": ""})
        assert all(piece["functionCall"]["willContinue"] for piece in pieces)
        assert [entry for piece in pieces for entry in piece["functionCall"]["partialArgs"]] == [
            {"jsonPath": "$.a[0].b", "numberValue": 1.5},
            {"jsonPath": "$.a[1]", "nullValue": "NULL_VALUE"},
            {"jsonPath": "$.a[2]", "boolValue": True},
            {"jsonPath": "$.t", "stringValue": "12345678", "willContinue": True},
            {"jsonPath": "$.t", "stringValue": "9", "willContinue": True},
            {"jsonPath": "$.t", "stringValue": ""},
        ]

    @pytest.mark.parametrize("arguments", [{}, {"a": []}, {"a": {}}, {"a.b": 1}, {"": 1}])
    def test_what_has_no_path_comes_whole(self, arguments: Any) -> None:
        with Server([{"calls": [{"name": "A", "arguments": arguments}]}]) as server:
            found = events(post(server, VERTEX, BODY | PARTIAL))
        assert calls(found) == [("A", arguments)]

    def test_they_are_for_streams_of_vertex_alone(self, server: Server) -> None:
        whole = post(server, VERTEX.replace("streamGenerate", "generate"), BODY | PARTIAL).json()
        assert calls([whole]) == EXPECTED
        assert calls(events(post(server, GEMINI, BODY | PARTIAL))) == EXPECTED


class TestErrors:
    def test_in_the_framing_that_was_asked_for(self) -> None:
        error = {"error": {"status": 429, "message": "later"}, "times": "always"}
        with Server([error]) as server:
            array, sse = post(server, GEMINI), post(server, GEMINI + "?alt=sse")
            with gemini(server) as sdk, pytest.raises(errors.ClientError, match="later"):
                list(sdk.models.generate_content_stream(model="m", contents="x"))
        assert (array.status_code, sse.status_code) == (429, 429)
        assert array.json() == [sse.json()]

    def test_a_request_that_is_refused(self, server: Server) -> None:
        answer = post(server, GEMINI, {"contents": []})
        assert (answer.status_code, answer.json()[0]["error"]["status"]) == (400, "INVALID_ARGUMENT")
        answer = httpx2.post(f"{server.base_url}/{GEMINI}?alt=sse", json=BODY)
        assert (answer.status_code, answer.json()["error"]["status"]) == (403, "PERMISSION_DENIED")


SCALARS = st.none() | st.booleans() | st.integers() | st.text()
NAMES = st.text("aZ_1é", min_size=1, max_size=4)
ARGUMENTS = st.dictionaries(
    NAMES,
    st.recursive(
        SCALARS,
        lambda below: st.lists(below, min_size=1, max_size=3) | st.dictionaries(NAMES, below, min_size=1, max_size=3),
        max_leaves=8,
    ),
    min_size=1,
    max_size=3,
)


def assembled(entries: list[Any]) -> Any:
    """The arguments, put together anew."""
    texts: dict[str, Any] = {}
    for entry in entries:
        kind = next(key for key in entry if key.endswith("Value"))
        path, value = entry["jsonPath"], None if kind == "nullValue" else entry[kind]
        texts[path] = texts.get(path, "") + value if kind == "stringValue" else value
    root: Any = {}
    for path, value in texts.items():
        steps = [name or int(index) for name, index in re.findall(r"\.(\w+)|\[(\d+)\]", path)]
        at = root
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            below: Any = value if following is None else [] if isinstance(following, int) else {}
            if isinstance(at, list):
                if len(at) == step:
                    at.append(below)
                at = at[step]
            else:
                at = at.setdefault(step, below)
    return root


@given(arguments=ARGUMENTS)
@settings(deadline=None, max_examples=200)
def test_the_pieces_say_what_the_arguments_say(arguments: Any) -> None:
    entries = google_partials.in_pieces(arguments)
    assert entries is not None
    assert assembled(entries) == arguments


@given(count=st.integers(0, 4), text=st.none() | st.text(max_size=30), together=st.booleans(), partial=st.booleans())
@settings(deadline=None, max_examples=100)
def test_the_chunks_weigh_as_much_as_the_calls(count: int, text: str | None, together: bool, partial: bool) -> None:
    said = [] if text is None else [{"text": text}]
    said += [{"functionCall": {"name": "A", "args": {"a": "b"}}}] * count  # type: ignore[list-item]
    candidate = {"content": {"role": "model", "parts": said}, "finishReason": "STOP"}
    response = {"candidates": [candidate], "usageMetadata": {}}
    made = list(google_stream.chunks(response, together=together, partial=partial))
    assert sum(chunk.calls for chunk in made) == pytest.approx(count)
    assert ["finishReason" in chunk.event["candidates"][0] for chunk in made] == [False] * (len(made) - 1) + [True]
    texts = [part["text"] for part in parts([chunk.event for chunk in made]) if "text" in part]
    assert "".join(texts) == (text or "")
