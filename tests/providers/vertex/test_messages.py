"""Chat-style messages become contents; Google's own contents pass as they are."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace

import pytest
from toolfan.calls import Answer
from toolfan.errors import Unsupported, UsageError
from toolfan.messages.parts import check_messages
from toolfan_vertex.codec import GEMINI, VERTEX
from vertex_samples import USER, Box, Weather, body, call, parse, request

NEWER = ["gemini-3-pro-preview", "publishers/google/models/gemini-3.5-flash", "gemini-flash-latest", "gemini-10-pro"]
OLDER = ["gemini-2.5-flash", "gemini-1.5-pro-preview-0409", "tuned-gemini", None]


def said(*messages, model=NEWER[0]):
    built = body(Weather, Box[int], messages=messages, model=model)
    return built["contents"], built.get("systemInstruction", {}).get("parts")


def asked(*names, ids=None):
    ids = ids or [f"id{index}" for index in range(len(names))]
    calls = [
        {"id": one, "type": "function", "function": {"name": name, "arguments": '{"x": 1.0}'}}
        for one, name in zip(ids, names, strict=True)
    ]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(call_id, content="ok", **more):
    return {"role": "tool", "tool_call_id": call_id, "content": content, **more}


def response(name, content):
    return {"functionResponse": {"name": name, "response": content}}


FOREIGN = {"thoughtSignature": base64.b64encode(b"skip_thought_signature_validator").decode()}


def image(url):
    return {
        "role": "user",
        "content": [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": url}}],
    }


@pytest.mark.parametrize(
    ("message", "content"),
    [
        ({"role": "user", "content": "Hi"}, {"role": "user", "parts": [{"text": "Hi"}]}),
        ({"role": "assistant", "content": "Hi"}, {"role": "model", "parts": [{"text": "Hi"}]}),
        (
            image("data:image/webp;base64,QUJD"),
            {"role": "user", "parts": [{"text": "See"}, {"inlineData": {"mimeType": "image/webp", "data": "QUJD"}}]},
        ),
        (
            image("gs://b/a.png"),
            {
                "role": "user",
                "parts": [{"text": "See"}, {"fileData": {"fileUri": "gs://b/a.png", "mimeType": "image/png"}}],
            },
        ),
        (
            image("https://h/files/1"),
            {"role": "user", "parts": [{"text": "See"}, {"fileData": {"fileUri": "https://h/files/1"}}]},
        ),
    ],
)
def test_one_message(message, content):
    assert said(message, USER)[0][0] == content


def test_system_and_developer_messages_become_the_instruction_in_order():
    contents, system = said(
        {"role": "system", "content": "a"},
        USER,
        {"role": "developer", "content": [{"type": "text", "text": "b"}]},
        {"role": "system", "parts": [{"text": "c"}]},
    )
    assert system == [{"text": "a"}, {"text": "b"}, {"text": "c"}]
    assert contents == [{"role": "user", "parts": [{"text": "Go."}]}]
    assert said(USER)[1] is None


def test_results_make_one_content_in_the_order_of_the_calls():
    contents, _ = said(
        USER,
        asked("Weather", "Box[int]", "Weather"),
        result("id2", "three"),
        result("id0", '{"temperature": 20}'),
        result("id1", [{"type": "text", "text": "two"}]),
        {"role": "user", "content": "And?"},
    )
    assert contents[1:] == [
        {
            "role": "model",
            "parts": [
                call("Weather", args={"x": 1.0}) | FOREIGN,
                call("Box_int_", args={"x": 1.0}),
                call("Weather", args={"x": 1.0}),
            ],
        },
        {
            "role": "user",
            "parts": [
                response("Weather", {"temperature": 20}),
                response("Box_int_", {"result": "two"}),
                response("Weather", {"result": "three"}),
            ],
        },
        {"role": "user", "parts": [{"text": "And?"}]},
    ]


def test_images_of_a_result_have_a_place_of_their_own():
    png, gif = "data:image/png;base64,QUJD", "gs://b/a.gif"
    text, *images = image(png)["content"] + image(gif)["content"][1:]
    data = [{"type": "image", "name": "a.png"}]
    contents, _ = said(
        USER,
        asked("Weather", "Weather", "Weather"),
        result("id0", [text, *images]),
        result("id1", images[:1]),
        result("id2", data),
    )
    inline = {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}
    stored = {"fileData": {"fileUri": gif, "mimeType": "image/gif"}}
    seen, silent, plain = (part["functionResponse"] for part in contents[2]["parts"])
    assert seen == {"name": "Weather", "response": {"result": "See"}, "parts": [inline, stored]}
    assert silent == {"name": "Weather", "response": {"result": ""}, "parts": [inline]}
    assert plain == {"name": "Weather", "response": {"result": data}}


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        (
            (USER, asked("Weather", "Weather"), result("id0")),
            r"messages\[2\] ends the results, but the calls id1 have none",
        ),
        ((USER, asked("Weather"), result("id0"), result("id0")), r"messages\[3\] answers 'id0'.*or answers it twice"),
        ((USER, asked("Weather"), result("other", name="Weather")), r"messages\[2\] answers 'other'"),
        ((USER, result("gone")), r"messages\[1\] answers the call 'gone', which no earlier message made"),
        (({"role": "system", "content": "x"},), "no message but system ones"),
        ((USER, {"role": "judge", "content": "x"}), r"messages\[1\] has the role 'judge'"),
        ((USER, {"role": "user", "parts": "x"}), r"messages\[1\].parts is not a list"),
        (({"role": "user", "content": [{"type": "input_audio"}]},), r"messages\[0\] has a part of type 'input_audio'"),
        (
            (USER, {"role": "system", "content": image("gs://a/b.png")["content"]}),
            r"messages\[1\] is a system message with",
        ),
    ],
)
def test_what_cannot_be_sent_is_refused_with_its_place(messages, words):
    with pytest.raises(UsageError, match=words):
        said(*messages)


@pytest.mark.parametrize("arguments", ["{", "[1]", "3"])
def test_arguments_of_an_earlier_call_must_be_an_object(arguments):
    message = {
        "role": "assistant",
        "tool_calls": [{"id": "a", "function": {"name": "Weather", "arguments": arguments}}],
    }
    with pytest.raises(UsageError, match=r"messages\[0\] has a call of Weather whose arguments are no JSON object"):
        said(message, USER)


def test_an_assistant_that_said_nothing_is_no_content():
    assert len(said(USER, {"role": "assistant", "content": ""}, USER)[0]) == 2
    with_empty_text = asked("Weather") | {"content": ""}
    assert len(said(USER, with_empty_text, result("id0"))[0][1]["parts"]) == 1


def test_the_first_call_of_each_turn_that_google_did_not_make_says_so():
    told = {"role": "assistant", "content": "Done."}
    later = asked("Weather", "Weather", ids=["c", "d"]) | {"content": "Again."}
    contents, _ = said(USER, asked("Weather"), result("id0"), told, USER, later, result("c"), result("d"))
    _, first, _, words, _, second, _ = (content["parts"] for content in contents)
    plain = call("Weather", args={"x": 1.0})
    assert first == [plain | FOREIGN]
    assert words == [{"text": "Done."}]
    assert second == [{"text": "Again."}, plain | FOREIGN, plain]


@pytest.mark.parametrize("model", [*NEWER, *OLDER])
def test_only_newer_models_are_told_that_a_call_was_not_theirs(model):
    contents, _ = said(USER, asked("Weather"), result("id0"), model=model)
    plain = call("Weather", args={"x": 1.0})
    assert contents[1]["parts"] == [plain | FOREIGN if model in NEWER else plain]


def test_images_of_a_result_follow_it_where_it_cannot_hold_them():
    parts = image("data:image/png;base64,QUJD")["content"]
    answers = result("id1", parts), result("id0", parts[1:])
    contents, _ = said(USER, asked("Weather", "Weather"), *answers, USER, model=OLDER[0])
    assert contents[2]["parts"] == [response("Weather", {"result": ""}), response("Weather", {"result": "See"})]
    shown = {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}
    assert contents[3] == {"role": "user", "parts": [shown, shown]}
    assert contents[4]["parts"] == [{"text": USER["content"]}]


def test_the_gemini_api_is_told_of_an_address_behind_the_result_that_has_no_place_for_it():
    parts = image("data:image/png;base64,QUJD")["content"] + image("gs://b/a.gif")["content"][1:]
    wire = GEMINI.build_request(request(messages=(USER, asked("Weather"), result("id0", parts)), model=NEWER[0])).body
    inline = {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}
    stored = {"fileData": {"fileUri": "gs://b/a.gif", "mimeType": "image/gif"}}
    held = {"functionResponse": {"name": "Weather", "response": {"result": "See"}, "parts": [inline]}}
    assert wire["contents"][2:] == [{"role": "user", "parts": [held]}, {"role": "user", "parts": [stored]}]


@pytest.mark.parametrize("model", [NEWER[0], OLDER[0]])
def test_what_stands_beside_an_image_in_a_result_is_told_as_it_came(model):
    text, shown = image("data:image/png;base64,QUJD")["content"]
    data = {"type": "file", "file": {"file_id": "f"}}
    contents, _ = said(USER, asked("Weather"), result("id0", [text, data, shown]), model=model)
    assert contents[2]["parts"][0]["functionResponse"]["response"] == {"result": [text, data]}
    assert "QUJD" in json.dumps([contents[2]["parts"][0]["functionResponse"].get("parts"), contents[3:]])


def test_native_contents_pass_untouched_in_any_spelling():
    native = (
        {"role": "user", "parts": [{"text": "Hi"}, {"inline_data": {"mime_type": "image/png", "data": "QUJD"}}]},
        {
            "role": "model",
            "parts": [{"function_call": {"name": "Weather", "args": {"class_": 1}}, "thought_signature": "c2ln"}],
        },
        {"role": "function", "parts": [{"function_response": {"name": "Weather", "response": {}}}]},
        {"parts": [{"text": "no role"}]},
    )
    assert said(*native)[0] == list(native)


def test_contents_of_an_sdk_arrive_as_dicts():
    content = SimpleNamespace(to_dict=lambda: {"role": "user", "parts": [{"text": "Hi"}]})
    assert said(*check_messages([content]))[0] == [{"role": "user", "parts": [{"text": "Hi"}]}]


def test_chat_style_results_answer_native_calls():
    turn = {"role": "model", "parts": [call("Weather", id="p1"), call("Weather"), call("Box_int_", id="")]}
    contents, _ = said(USER, turn, result("call_2", "c"), result("p1", "a"), result("call_1", "b"))
    assert contents[1] == turn
    assert contents[2]["parts"] == [
        {"functionResponse": {"id": "p1", "name": "Weather", "response": {"result": "a"}}},
        response("Weather", {"result": "b"}),
        response("Box_int_", {"result": "c"}),
    ]


def test_what_build_answer_gives_goes_into_the_next_request_as_it_is():
    turn = parse(call("Weather", id="p1", args={"x": 1}) | {"thoughtSignature": "c2ln"}, call("Weather", id="p2"))
    given = VERTEX.build_answer(turn, [Answer(one, "ok") for one in turn.calls])
    assert said(USER, *given)[0][1:] == given


def test_other_parts_name_the_way_out():
    with pytest.raises(Unsupported) as caught:
        said({"role": "user", "content": [{"type": "file", "file": {}}]})
    assert "parts" in str(caught.value)
