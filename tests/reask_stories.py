"""One story of asking again, told by each provider's real client over the wire.

A first answer with a text, two good calls, a bad one and one of an unknown tool; a second that mends the two.  A
`Story` knows how its provider's model speaks and what its requests say; tests compare and judge them.

Fixture: `story`, once for each provider and kind of client.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import openai
import pytest
import responses_api as api
import toolfan
from google_asking import GRPC, KINDS, GoogleClients, need
from loopback import KEY, USER, Bench, call, completion, raw
from pydantic import BaseModel
from shared_data import judge
from toolfan_local import LocalClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


JSON = dict[str, Any]


class A(BaseModel):
    x: int


class B(BaseModel):
    y: str
    z: int


TURN_1 = [("A", {"x": 1}), ("B", {"y": 3, "z": "no"}), ("Sing", {"b": None, "a": 1.0}), ("A", {"x": 2.0})]
TURN_2 = [("B", {"z": 4, "y": "Ü"}), ("A", {"x": 7})]
USES = [{"recipient_name": "functions.A", "parameters": {"x": x}} for x in (1, "no")]
TURN_W = [("multi_tool_use.parallel", {"tool_uses": USES}), ("B", {"y": "s", "z": 4})]
TURNS: dict[str, list[tuple[str, JSON]]] = {"a": TURN_1, "b": TURN_2, "w": TURN_W, "m": [("A", {"x": 2})]}
TURNS["two"] = [("B", {"y": name, "z": "no"}) for name in ("one", "other")]
TURNS["other"], TURNS["one"] = [("B", {"y": "other", "z": 2})], [("B", {"y": "one", "z": 1})]
TEXT = "Let me see."
VALUES = [A(x=1), B(y="Ü", z=4), A(x=7), A(x=2)]
SIGNATURE = "c2lnbmVkIGJ5IHRoZSBtb2RlbA=="


def ids(letter: str) -> list[str]:
    """The ids of the calls of a turn, as the provider gives them."""
    return [f"{letter}{n}" for n in range(len(TURNS[letter]))]


class Story(ABC):
    """One provider on the wire: how its model speaks, and what its requests say.

    `told` is what a request says of each call of the turn before it: name, id, text.
    """

    run: Callable[..., Any]
    client: Any
    exact = True
    """Whether the wire keeps order, ids and the spelling of numbers."""

    @abstractmethod
    def start(self, *turns: str | None) -> None:
        """Serve these turns, None for a text alone, and make the client."""

    @property
    @abstractmethod
    def bodies(self) -> list[JSON]: ...

    @abstractmethod
    def faults(self, body: JSON) -> Any:
        """What the vendor's document finds wrong with a request; nothing if it is falsy."""

    @abstractmethod
    def said(self, body: JSON) -> list[Any]:
        """What follows the user's question."""

    @abstractmethod
    def turn(self, letter: str) -> Any:
        """The model's turn as it came."""

    def sent(self, letter: str) -> Any:
        """The same as it goes back."""
        return self.turn(letter)

    @abstractmethod
    def told(self, answers: list[Any]) -> list[tuple[str, str | None, Any]]: ...

    def create(self, **options: Any) -> toolfan.Calls[Any]:
        given = {"messages": USER, "tools": (A, B), **options}
        return self.run(lambda: self.client.create(**given))  # type: ignore[no-any-return]


class OpenAI(Story):
    def __init__(self, bench: Bench, stack: Any) -> None:
        self.bench, self.run = bench, lambda work: work()

    def start(self, *turns: str | None) -> None:
        messages = [self.turn(letter) if letter else {"content": "Hm."} for letter in turns]
        self.bench.serve(*(raw(completion(**message)) for message in messages))
        self.client = toolfan.from_openai(self.bench.sdk(), model="m")

    @property
    def bodies(self) -> list[JSON]:
        return self.bench.bodies

    def faults(self, body: JSON) -> Any:
        return judge("openapi_judge").why(body)

    def said(self, body: JSON) -> list[Any]:
        assert body["messages"][: len(USER)] == USER
        return body["messages"][len(USER) :]

    def turn(self, letter: str) -> JSON:
        calls = [call(*one, call_id) for one, call_id in zip(TURNS[letter], ids(letter), strict=True)]
        return {"role": "assistant", "content": TEXT, "tool_calls": calls}

    def sent(self, letter: str) -> JSON:
        """A name that OpenAI would not read again is written as one that it does."""
        return json.loads(json.dumps(self.turn(letter)).replace("multi_tool_use.", "multi_tool_use_"))  # type: ignore[no-any-return]

    def told(self, answers: list[Any]) -> list[tuple[str, str | None, Any]]:
        assert {answer["role"] for answer in answers} == {"tool"}
        names = {call_id: one[0] for letter in TURNS for call_id, one in zip(ids(letter), TURNS[letter], strict=True)}
        return [(names[one["tool_call_id"]], one["tool_call_id"], one["content"]) for one in answers]


class AsyncOpenAI(OpenAI):
    def __init__(self, bench: Bench, stack: Any) -> None:
        super().__init__(bench, stack)
        runner = stack.enter_context(asyncio.Runner())
        self.run = lambda work: runner.run(self._closing(work))

    async def _closing(self, work: Any) -> Any:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=self.bench.server.openai_url) as sdk:
            self.client = toolfan.from_openai(sdk, model="m")
            return await work()


class Responses(OpenAI):
    """A turn of several items is one entry of what was said: its items, as they came."""

    def start(self, *turns: str | None) -> None:
        bodies = [api.response(*self._items(letter)) for letter in turns]
        self.bench.serve(*(raw(body) for body in bodies))
        self.client = toolfan.wrap(self.bench.sdk(), adapter="openai-responses", model="m")

    def _items(self, letter: str | None) -> list[JSON]:
        if letter is None:
            return [api.REASONING, api.message("Hm.")]
        given = zip(TURNS[letter], ids(letter), strict=True)
        calls = [api.called(*one, call_id, vendor=None) for one, call_id in given]
        return [api.REASONING, api.message(TEXT), *calls]

    def faults(self, body: JSON) -> Any:
        return api.fault(body)

    def said(self, body: JSON) -> list[Any]:
        assert body["input"][: len(USER)] == api.as_items(USER)
        found: list[Any] = []
        for item in body["input"][len(USER) :]:
            if item.get("role") == "user" or item["type"].endswith("_output"):
                found.append(item)
            elif found and "items" in found[-1]:
                found[-1]["items"].append(item)
            else:
                found.append({"role": "assistant", "items": [item]})
        return found

    def turn(self, letter: str) -> JSON:
        return {"role": "assistant", "items": self._items(letter)}

    def told(self, answers: list[Any]) -> list[tuple[str, str | None, Any]]:
        assert {answer["type"] for answer in answers} == {"function_call_output"}
        names = {call_id: one[0] for letter in TURNS for call_id, one in zip(ids(letter), TURNS[letter], strict=True)}
        return [(names[one["call_id"]], one["call_id"], one["output"]) for one in answers]


class AsyncResponses(Responses):
    def __init__(self, bench: Bench, stack: Any) -> None:
        super().__init__(bench, stack)
        runner = stack.enter_context(asyncio.Runner())
        self.run = lambda work: runner.run(self._closing(work))

    async def _closing(self, work: Any) -> Any:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=self.bench.server.openai_url) as sdk:
            self.client = toolfan.wrap_async(sdk, adapter="openai-responses", model="m")
            return await work()


class Google(Story):
    def __init__(self, bench: Bench, stack: Any, kind: str) -> None:
        need(kind)
        self.bench, self.kind, self.stack = bench, kind, stack
        self.exact = kind not in ("rest", *GRPC)  # plain JSON all the way; v1's protobuf has no ids and no order

    def start(self, *turns: str | None) -> None:
        answers = [self._answer(letter) for letter in turns]
        server = self.bench.serve(*answers, grpc=self.kind in GRPC)
        clients = GoogleClients(self.kind, server.grpc_target if self.kind in GRPC else server.base_url, self.stack)
        self.run, self.client = clients.run, clients.client("m")

    def _answer(self, letter: str | None) -> JSON:
        if letter is None:
            return {"text": "Hm."}
        if self.kind in GRPC:
            given = zip(TURNS[letter], ids(letter), strict=True)
            calls = [{"name": name, "arguments": arguments, "id": call_id} for (name, arguments), call_id in given]
            return {"text": TEXT, "calls": calls}
        return raw({"candidates": [{"content": self.turn(letter), "finishReason": "STOP"}]})

    @property
    def bodies(self) -> list[JSON]:
        return self.bench.bodies

    def faults(self, body: JSON) -> Any:
        body = {key: value for key, value in body.items() if key != "model"}  # in gRPC's request, not in REST's
        known = ".toolConfig.functionCallingConfig.mode: 1 is no value of the enum"  # the SDK writes enums as numbers
        return [fault for fault in judge("discovery_judge").why("request", body) if fault != known]

    def said(self, body: JSON) -> list[Any]:
        question, *rest = body["contents"]
        assert question == {"role": "user", "parts": [{"text": USER[0]["content"]}]}
        return rest

    def turn(self, letter: str) -> JSON:
        parts: list[JSON] = [{"text": TEXT}]
        for (name, arguments), call_id in zip(TURNS[letter], ids(letter), strict=True):
            called = {"id": call_id} if self.exact else {}
            parts.append({"functionCall": {**called, "name": name, "args": arguments}})
        parts[1]["thoughtSignature"] = SIGNATURE
        if self.kind in GRPC:  # the server signs by itself; what it signed comes back
            names = [name for name, _ in TURNS[letter]]
            parts[1]["thoughtSignature"] = next(
                content["parts"][1]["thoughtSignature"]
                for content in self.bench.bodies[-1]["contents"]
                if [part["functionCall"]["name"] for part in content["parts"] if "functionCall" in part] == names
            )
        return {"role": "model", "parts": parts}

    def told(self, answers: list[Any]) -> list[tuple[str, str | None, Any]]:
        (content,) = answers
        assert content["role"] == "user"
        responses = [part["functionResponse"] for part in content["parts"]]
        assert [len(part) for part in content["parts"]] == [1] * len(responses)
        texts = [one["response"].get("error") or one["response"].get("result") for one in responses]
        return [
            (one["name"], one.get("id"), text or one["response"]) for one, text in zip(responses, texts, strict=True)
        ]


class _Recording(LocalClient):
    def __init__(self, script: Any) -> None:
        super().__init__(script)
        self.asked: list[JSON] = []

    def ask(self, request: JSON) -> Any:
        self.asked.append(request)
        return super().ask(request)


class Local(Story):
    def __init__(self, bench: Bench, stack: Any) -> None:
        self.run = lambda work: work()

    def start(self, *turns: str | None) -> None:
        self.sdk = _Recording([self._answer(letter) for letter in turns])
        self.client = toolfan.wrap(self.sdk, adapter="local")

    def _answer(self, letter: str | None) -> JSON:
        return {"text": TEXT, "calls": self.turn(letter)["calls"]} if letter else {"text": "Hm."}

    @property
    def bodies(self) -> list[JSON]:
        return self.sdk.asked

    def faults(self, body: JSON) -> Any:
        return None  # no vendor, no document

    def said(self, body: JSON) -> list[Any]:
        question, *rest = body["messages"]
        assert question == {"role": "user", "text": USER[0]["content"]}
        return rest

    def turn(self, letter: str) -> JSON:
        given = zip(TURNS[letter], ids(letter), strict=True)
        calls = [{"id": call_id, "name": name, "arguments": arguments} for (name, arguments), call_id in given]
        return {"role": "model", "text": TEXT, "calls": calls}

    def told(self, answers: list[Any]) -> list[tuple[str, str | None, Any]]:
        assert {answer["role"] for answer in answers} == {"result"}
        return [(one["name"], one["id"], one["content"]) for one in answers]


STORIES: dict[str, Callable[..., Story]] = {
    "openai": OpenAI,
    "openai async": AsyncOpenAI,
    "openai-responses": Responses,
    "openai-responses async": AsyncResponses,
    **{kind: functools.partial(Google, kind=kind) for kind in KINDS},
    "local": Local,
}


@pytest.fixture(params=STORIES)
def story(request: pytest.FixtureRequest, bench: Bench) -> Iterator[Story]:
    with contextlib.ExitStack() as stack:
        yield STORIES[request.param](bench, stack)
