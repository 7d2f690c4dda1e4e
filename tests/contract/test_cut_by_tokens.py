"""An answer that was cut by the limit of tokens: its last call is told as cut, whole and streamed alike, and never run.

In streams most providers end the call that was cut before they say why the answer ended.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from loopback import KEY, ONCE, USER, call, completion, http
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
OSLO = '{"name":"Oslo"}'
CUT = ["", '{"name":']
Event = dict[str, Any]


class City(BaseModel):
    """Arguments that end before the first character must not become the defaults."""

    name: str = "everywhere"


def openai_client(url: str) -> Any:
    return openai.OpenAI(api_key=KEY, base_url=url)


def sse(events: list[Event], *, named: bool) -> bytes:
    lines = "".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" if named else f"data: {json.dumps(event)}\n\n"
        for event in events
    )
    return http(lines, content_type="text/event-stream")


class Chat:
    adapter = "openai"
    client = staticmethod(openai_client)
    reasons = ("length", "max_tokens", "model_length", "model_context_window_exceeded", "repetition")

    def whole(self, texts: list[str], reason: str) -> bytes:
        calls = [call("City", text, f"id_{at}") for at, text in enumerate(texts)]
        return http(json.dumps(completion(*calls, finish=reason)))

    def streamed(self, texts: list[str], reason: str) -> bytes:
        pieces = [{"index": at, **call("City", text, f"id_{at}")} for at, text in enumerate(texts)]
        deltas: list[tuple[Any, Any]] = [({"tool_calls": [piece]}, None) for piece in pieces]
        choices = [{"index": 0, "delta": delta, "finish_reason": end} for delta, end in [*deltas, ({}, reason)]]
        return sse([{"model": "m", "choices": [choice]} for choice in choices], named=False)


class Responses:
    adapter = "openai-responses"
    client = staticmethod(openai_client)
    reasons = ("max_output_tokens", "")

    def items(self, texts: list[str], status: str) -> list[Event]:
        return [
            {"type": "function_call", "id": f"fc_{at}", "call_id": f"id_{at}", "name": "City", "arguments": text}
            | ({"status": status} if at == len(texts) - 1 else {})
            for at, text in enumerate(texts)
        ]

    def body(self, texts: list[str], reason: str) -> Event:
        about = {
            "id": "r",
            "object": "response",
            "status": "incomplete",
            "incomplete_details": {"reason": reason or None},
        }
        return {**about, "output": self.items(texts, "incomplete")}

    def whole(self, texts: list[str], reason: str) -> bytes:
        return http(json.dumps(self.body(texts, reason)))

    def streamed(self, texts: list[str], reason: str) -> bytes:
        said: list[Event] = []
        for at, item in enumerate(self.items(texts, "incomplete")):
            where = {"output_index": at, "item_id": item["id"]}
            said.append({"type": "response.output_item.added", **where, "item": {**item, "arguments": ""}})
            piece = {"type": "response.function_call_arguments.delta", **where, "delta": item["arguments"]}
            said += [piece, {"type": "response.output_item.done", **where, "item": item}]
        said.append({"type": "response.incomplete", "response": self.body(texts, reason)})
        return sse(said, named=True)


class Cohere:
    adapter = "cohere"
    reasons = ("MAX_TOKENS",)

    def client(self, url: str) -> Any:
        cohere = pytest.importorskip("cohere", reason="the cohere SDK is not installed")
        return cohere.ClientV2(api_key=KEY, base_url=url.removesuffix("/v1"))

    def whole(self, texts: list[str], reason: str) -> bytes:
        calls = [call("City", text, f"id_{at}") for at, text in enumerate(texts)]
        message = {"role": "assistant", "tool_calls": calls}
        return http(json.dumps({"id": "r", "message": message, "finish_reason": reason}))

    def streamed(self, texts: list[str], reason: str) -> bytes:
        said: list[Event] = [{"type": "message-start", "id": "r", "delta": {"message": {"role": "assistant"}}}]
        for at, text in enumerate(texts):
            begun = {"message": {"tool_calls": call("City", "", f"id_{at}")}}
            more = {"message": {"tool_calls": {"function": {"arguments": text}}}}
            said.append({"type": "tool-call-start", "index": at, "delta": begun})
            said.append({"type": "tool-call-delta", "index": at, "delta": more})
            said.append({"type": "tool-call-end", "index": at})
        said.append({"type": "message-end", "delta": {"finish_reason": reason}})
        return sse(said, named=True)


TEXTUAL = [Chat(), Responses(), Cohere()]
"""Those whose whole answers have the text that the model wrote."""


def outcomes(calls: toolfan.Calls[Any]) -> list[tuple[Any, ...]]:
    return [
        (one.id, one.raw, one.value if isinstance(one, toolfan.Call) else (type(one.error), one.error.message))
        for one in calls.outcomes
    ]


def client(faulty: Callable[..., Any], provider: Any, answer: bytes) -> toolfan.Client:
    server = faulty(answer)
    return toolfan.wrap(provider.client(server.url), adapter=provider.adapter, model="m", stop=ONCE)


def ask(faulty: Callable[..., Any], provider: Any, texts: list[str], reason: str, **options: Any) -> list[Any]:
    """What is told of the answer whole and streamed."""
    asked = {"messages": USER, "tools": (City,), "on_invalid": "keep", **options}
    whole = client(faulty, provider, provider.whole(texts, reason)).create(**asked)
    with client(faulty, provider, provider.streamed(texts, reason)).stream(**asked) as stream:
        given = list(stream)
    assert sorted(given, key=lambda one: one.index) == list(stream.calls.outcomes)
    return [outcomes(whole), outcomes(stream.calls)]


each = pytest.mark.parametrize("provider", TEXTUAL, ids=lambda provider: provider.adapter)


@each
@pytest.mark.parametrize("cut", CUT)
def test_the_last_call_is_told_as_cut(faulty: Callable[..., Any], provider: Any, cut: str) -> None:
    for reason in provider.reasons:
        whole, streamed = ask(faulty, provider, [OSLO, cut], reason)
        assert streamed == whole
        assert whole[0][2] == City(name="Oslo")
        assert whole[1][2][0] is toolfan.TruncatedCall


@each
def test_calls_before_the_last_are_not_cut(faulty: Callable[..., Any], provider: Any) -> None:
    whole, streamed = ask(faulty, provider, ["", '{"name":', "{}"], provider.reasons[0])
    assert streamed == whole
    told = [one if isinstance(one, City) else one[0] for _, _, one in whole]
    assert told == [City(), toolfan.MalformedArguments, City()]


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("cut", CUT)
@each
def test_a_call_that_was_cut_is_never_run(faulty: Callable[..., Any], provider: Any, cut: str, *, early: bool) -> None:
    ran = []

    def wipe(name: str = "everything") -> str:
        """Wipe it."""
        ran.append(name)
        return "done"

    tool = toolfan.Tool(wipe, name="City")
    answer = provider.streamed if early else provider.whole
    asked = client(faulty, provider, answer([OSLO, cut], provider.reasons[0]))
    asked.run(messages=USER, tools=(tool,), early=early, max_rounds=1, on_invalid="keep")
    assert ran == ["Oslo"]


def test_a_call_without_arguments_is_whole_where_nothing_was_cut(faulty: Callable[..., Any]) -> None:
    for texts in ([OSLO, ""], ["", OSLO], [""]):
        whole, streamed = ask(faulty, Chat(), texts, "tool_calls")
        assert streamed == whole
        assert [one for _, _, one in whole] == [City(name="Oslo") if text else City() for text in texts]


class Now(BaseModel):
    """Nothing that could be cut."""


class Anything(BaseModel, extra="allow"):
    """Whatever is given."""


def test_a_call_of_a_tool_without_arguments_is_never_cut(faulty: Callable[..., Any]) -> None:
    for tool, expected in ((Now, [Now()]), (Anything, [])):
        tools = [toolfan.Tool(tool, name="City")]
        for read in ("whole", "streamed"):
            answer = getattr(Chat(), read)([""], "length")
            asked = client(faulty, Chat(), answer)
            ask_for = asked.create if read == "whole" else asked.stream
            calls: Any = ask_for(messages=USER, tools=tools, on_invalid="keep")
            assert [*(calls if read == "whole" else calls.until_done())] == expected


def test_what_a_wrapper_leaves_out_is_not_cut(faulty: Callable[..., Any]) -> None:
    """It is whole JSON, so that its last call is."""
    wrapped = json.dumps({"tool_uses": [{"recipient_name": "functions.City"}]})
    calls = [call("multi_tool_use.parallel", wrapped)]
    asked = client(faulty, Chat(), http(json.dumps(completion(*calls, finish="length"))))
    assert list(asked.create(messages=USER, tools=(City,))) == [City()]


def test_a_wrapper_that_was_cut_is_told_the_same_streamed(faulty: Callable[..., Any]) -> None:
    uses = json.dumps({"tool_uses": [{"recipient_name": "City", "parameters": {"name": "Oslo"}}] * 2})
    for text in (uses[:-9], uses[:60]):
        body = completion(call("multi_tool_use.parallel", text), finish="length")
        asked: dict[str, Any] = {"messages": USER, "tools": (City,), "on_invalid": "keep"}
        told = outcomes(client(faulty, Chat(), http(json.dumps(body))).create(**asked))
        pieces = [{"index": 0, **body["choices"][0]["message"]["tool_calls"][0]}]
        deltas = [{"delta": {"tool_calls": pieces}}, {"delta": {}, "finish_reason": "length"}]
        events = sse([{"choices": [choice]} for choice in deltas], named=False)
        assert outcomes(client(faulty, Chat(), events).stream(**asked).until_done()) == told
        assert told[-1][2][0] is toolfan.TruncatedCall
