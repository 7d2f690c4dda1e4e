"""Through the real GenerativeModel over loopback: REST sync, gRPC sync and async."""

from __future__ import annotations

import asyncio

import pytest
import toolfan
from loopback import ONCE
from toolfan.errors import (
    AuthenticationError,
    ConnectionFailed,
    DeadlineExceeded,
    PermissionDenied,
    RateLimited,
    RequestRejected,
    Unavailable,
    UsageError,
)
from vertex_models import ASK, WARNINGS, async_grpc_client, grpc_client, make_model
from vertex_samples import Adopt, GoogleSearch, Node, Order, Ping, Report, Weather

pytest.importorskip("vertexai")

pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]

TOOLS = (Report, Ping, GoogleSearch)
ARGUMENTS = {
    "location": "Ü",
    "class_": 3,
    "from_": "x",
    "ratio": 1.5,
    "nested": {"type_": [1, {"deep_": 2.5}], "n": None},
}
THREE = {
    "text": "well",
    "calls": [
        {"name": "Report", "arguments": ARGUMENTS, "id": "own"},
        {"name": "Ping"},
        {"name": "GoogleSearch", "arguments": {"query": "q"}},
    ],
}


class Asker:
    """`create` of a toolfan client over one kind of sending, blocking."""

    def __init__(self, kind, base_url, target, **options):
        self.kind, self.target = kind, target
        self.model = make_model(base_url, **options)
        if kind == "grpc":
            self.model._prediction_client = grpc_client(target)

    def __call__(self, **arguments):
        given = {"messages": ASK, "tools": TOOLS, **arguments}
        if self.kind != "async grpc":
            return toolfan.from_vertexai(self.model, stop=ONCE).create(**given)

        async def ask():
            self.model._prediction_async_client = async_grpc_client(self.target)
            try:
                return await toolfan.from_vertexai(self.model, use_async=True, stop=ONCE).create(**given)
            finally:
                await self.model._prediction_async_client.transport.close()

        return asyncio.run(ask())


@pytest.fixture(params=["rest", "grpc", "async grpc"])
def kind(request):
    return request.param


@pytest.fixture
def asker(kind, serve):
    def make(*answers, **options):
        server = serve(*answers, grpc=kind != "rest")
        made = Asker(kind, server.base_url, None if kind == "rest" else server.grpc_target, **options)
        made.server = server
        return made

    return make


def test_calls_arrive_with_their_names_and_numbers(asker):
    calls = asker(THREE)(temperature=0.5)
    report, ping, search = calls
    assert report == Report(**ARGUMENTS)
    assert isinstance(report.nested["type_"][0], int)
    assert (ping, search) == (Ping(), GoogleSearch(query="q"))
    assert [outcome.id for outcome in calls.outcomes] == ["call_0", "call_1", "call_2"]
    assert calls.outcomes[0].repairs == ()
    assert calls.text == "well"
    assert calls.usage.total_tokens > 0
    assert calls.turn.replay["parts"][1]["thoughtSignature"]


def test_whole_numbers_that_a_double_cannot_hold_stay_floats(asker):
    calls = asker(
        {"calls": [{"name": "Report", "arguments": {"nested": {"id": 9007199254740993, "exact": 2**53 - 1}}}]}
    )()
    nested = calls[0].nested
    assert nested == {"id": 9007199254740992.0, "exact": 9007199254740991}
    assert isinstance(nested["id"], float)


def test_a_tool_config_of_the_models_own_is_not_replaced_in_silence(asker):
    from vertexai.generative_models import ToolConfig

    kind = ToolConfig.FunctionCallingConfig
    ask = asker(THREE, tool_config=ToolConfig(kind(mode=kind.Mode.ANY, allowed_function_names=["Ping"])))
    for given in ({}, {"tool_choice": "required"}):
        with pytest.raises(UsageError, match=r"has a tool_config of its own.* write tool_choice="):
            ask(**given)
    if ask.kind != "async grpc":
        with pytest.raises(UsageError, match="has a tool_config of its own"):
            list(toolfan.from_vertexai(ask.model).stream(messages=ASK, tools=TOOLS))
    assert ask.server.requests == []


def test_what_is_sent(asker, kind):
    ask = asker(THREE, system_instruction="own")
    before = ask.model._system_instruction
    ask(
        messages=[{"role": "system", "content": "s"}, *ASK],
        tools=(Weather, Order, Node, Adopt),
        tool_choice=["Weather"],
        on_invalid="keep",
        max_output_tokens=7,
        thinking_config={"thinking_budget": 0},
        labels={"a_b": "c"},
        safety_settings=[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    )
    (got,) = ask.server.requests
    sent = got.body
    assert sent["systemInstruction"]["parts"] == [{"text": "own"}, {"text": "s"}]
    assert ask.model._system_instruction == before
    assert sent["contents"] == [{"role": "user", "parts": [{"text": "Go."}]}]
    assert sent["generationConfig"] == {"maxOutputTokens": 7, "thinkingConfig": {"thinkingBudget": 0}}
    assert sent["labels"] == {"a_b": "c"}
    assert sent["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"] == ["Weather"]
    assert len(sent["safetySettings"]) == 1
    declarations = sent["tools"][0]["functionDeclarations"]
    for tool, declaration in zip(toolfan.ToolSet((Weather, Order, Node, Adopt)), declarations, strict=True):
        assert declaration["parametersJsonSchema"] == tool.schema
    assert got.path.endswith("GenerateContent" if "grpc" in kind else "/models/gemini-x:generateContent")


@pytest.mark.parametrize("form", ["mapping", "list", "protobuf"])
def test_what_the_model_itself_sets_stays_beside_what_is_given(asker, form):
    from google.cloud.aiplatform_v1beta1.types import SafetySetting as Message
    from vertexai.generative_models import HarmBlockThreshold, HarmCategory, SafetySetting

    categories = (HarmCategory.HARM_CATEGORY_HARASSMENT, HarmCategory.HARM_CATEGORY_HATE_SPEECH)
    own = dict.fromkeys(categories, HarmBlockThreshold.BLOCK_NONE)
    kind = Message if form == "protobuf" else SafetySetting
    listed = [kind(category=category, threshold=threshold) for category, threshold in own.items()]
    ask = asker(
        THREE, safety_settings=own if form == "mapping" else listed, generation_config={"seed": 1}, labels={"a": "b"}
    )
    given = {"HARM_CATEGORY_HATE_SPEECH": "BLOCK_ONLY_HIGH"}
    ask(safety_settings=given, top_p=0.5, labels={"c": "d"})
    sent = ask.server.requests[0].body
    assert [one["category"] for one in sent["safetySettings"]] in ([3, 1], [one.name for one in categories])
    assert [one["threshold"] for one in sent["safetySettings"]] in ([4, 3], ["BLOCK_NONE", "BLOCK_ONLY_HIGH"])
    assert (sent["generationConfig"], sent["labels"]) == ({"seed": 1, "topP": 0.5}, {"a": "b", "c": "d"})


def test_objects_of_the_sdk_stand_for_contents_and_inside_them(asker):
    from vertexai.generative_models import Content, Part

    call = {"functionCall": {"name": "Ping", "args": {"n": 1}}}
    ask = asker(THREE)
    ask(
        messages=[
            Content(role="user", parts=[Part.from_text("a")]),
            {"role": "model", "parts": [Part.from_dict({"function_call": {"name": "Ping", "args": {"n": 1}}})]},
            {"role": "user", "parts": [Part.from_function_response("Ping", {"done": True}), {"text": "b"}]},
        ]
    )
    assert [content["parts"] for content in ask.server.requests[0].body["contents"]] == [
        [{"text": "a"}],
        [call],
        [{"functionResponse": {"name": "Ping", "response": {"done": True}}}, {"text": "b"}],
    ]


def test_contents_of_the_sdk_keep_names_that_end_in_an_underscore(asker):
    from vertexai.generative_models import Content

    arguments = {"class_": "a", "from_": {"type_": [1.5, {"x_": None}]}}
    turn = {"role": "model", "parts": [{"functionCall": {"name": "Ping", "args": arguments}}]}
    answer = {"role": "user", "parts": [{"functionResponse": {"name": "Ping", "response": {"class_": 2}}}]}
    said, result = Content.from_dict(turn), Content.from_dict(answer)
    inside = {"role": "model", "parts": said.parts}
    ask = asker(THREE)
    ask(messages=[*ASK, said, result, said._raw_content, result, inside, result])
    (request,) = ask.server.requests
    assert request.body["contents"][1:] == [turn, answer] * 3


def test_a_content_of_the_sdk_that_no_json_can_say_is_wrong_use(asker):
    from vertexai.generative_models import Content, Part

    part = Part.from_dict({"function_call": {"name": "Ping", "args": {"n": 1}}})
    part._raw_part._pb.function_call.args["n"] = float("nan")
    ask = asker(THREE)
    with pytest.raises(toolfan.UsageError, match=r"^messages\[0\] is a Content that cannot be written as plain data"):
        ask(messages=[Content(role="model", parts=[part]), *ASK])
    assert not ask.server.requests


def own_config(form):
    from google.cloud.aiplatform_v1beta1.types import GenerationConfig as Raw
    from vertexai.generative_models import GenerationConfig

    said = {"temperature": 0.5, "max_output_tokens": 5, "stop_sequences": ["a"]}
    return {"object": lambda: GenerationConfig(**said), "message": lambda: Raw(**said), "dict": lambda: said}[form]()


@pytest.mark.parametrize(
    ("form", "given", "config", "labels"),
    [
        ("object", {"temperature": 0.25}, {"temperature": 0.25}, {}),
        ("message", {"temperature": 0.25}, {"temperature": 0.25}, {}),
        ("dict", {"temperature": 0}, {"temperature": 0}, {}),
        ("object", {"stop_sequences": ["b"]}, {"stopSequences": ["b"]}, {}),
        ("object", {"extra_body": {"generationConfig": {"topK": 3}}}, {"topK": 3}, {}),
        ("object", {"labels": {"a": "b"}}, {}, {"a": "b"}),
        ("object", {"extra_body": {"labels": {"team": "y"}}}, {}, {"team": "y"}),
    ],
)
def test_an_option_leaves_the_models_other_ones(asker, form, given, config, labels):
    ask = asker(THREE, generation_config=(own := own_config(form)), labels={"team": "x"})
    before = repr(own)
    ask(**given)
    sent = ask.server.requests[0].body
    assert sent["generationConfig"] == {"temperature": 0.5, "maxOutputTokens": 5, "stopSequences": ["a"], **config}
    assert sent["labels"] == {"team": "x", **labels}
    assert repr(own) == before


def test_one_connection_serves_requests_with_and_without_instruction(serve):
    server = serve({**THREE, "times": "always"})
    model = make_model(server.base_url)
    client = toolfan.from_vertexai(model)
    client.create(messages=[{"role": "system", "content": "s"}, *ASK], tools=TOOLS)
    made = vars(model)["_prediction_client"]
    client.create(messages=ASK, tools=TOOLS)
    assert vars(model)["_prediction_client"] is made
    assert "systemInstruction" not in server.requests[1].body


def test_the_conversation_goes_on(asker):
    ask = asker(THREE, {"text": "done"})
    calls = ask()
    final = ask(messages=[*ASK, *calls.reply({call.id: f"r{call.index}" for call in calls.outcomes})])
    assert final.text == "done"
    contents = ask.server.requests[1].body["contents"]
    signed, *unsigned = [part for part in contents[1]["parts"] if "functionCall" in part]
    assert signed["thoughtSignature"]
    assert not any("thoughtSignature" in part for part in unsigned)
    assert [part["functionResponse"]["response"] for part in contents[2]["parts"]] == [
        {"result": f"r{i}"} for i in range(3)
    ]


@pytest.mark.parametrize(
    ("error", "kind_of_error", "retry_after"),
    [
        ({"status": 400}, RequestRejected, None),
        ({"status": 401}, AuthenticationError, None),
        ({"status": 403}, PermissionDenied, None),
        ({"status": 429, "retry_delay": 2.5}, RateLimited, 2.5),
        ({"status": 503}, Unavailable, None),
    ],
)
def test_errors_of_the_service(asker, kind, error, kind_of_error, retry_after):
    ask = asker({"error": {**error, "message": "the reason"}, "times": "always"})
    with pytest.raises(kind_of_error) as caught:
        ask()
    assert type(caught.value) is kind_of_error
    assert caught.value.retry_after == retry_after
    assert caught.value.__cause__ is not None
    if not (kind == "rest" and error["status"] == 401):  # there the SDK tries to refresh anonymous credentials
        assert "the reason" in str(caught.value)
        assert caught.value.status == error["status"]


def test_nobody_there(kind):
    with pytest.raises(ConnectionFailed):
        Asker(kind, "http://127.0.0.1:9", "127.0.0.1:9")()


def test_a_slow_server_ends_at_the_deadline(asker):
    with pytest.raises(DeadlineExceeded):
        asker({"delay": 1.5, "text": "late"})(deadline=0.3)
