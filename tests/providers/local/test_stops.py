"""Every stop reason that a script may give, asked for in each dialect with its own SDK, whole and as a stream."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, get_args

import anthropic
import boto3
import cohere
import openai
import pytest
import tenacity
import toolfan
from google import genai
from pydantic import BaseModel
from toolfan_local import LocalClient, Server
from toolfan_local.exchange import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DIALECTS: dict[str, Callable[[Server], Any]] = {
    "openai": lambda server: openai.OpenAI(base_url=server.openai_url, api_key="x"),
    "openai-responses": lambda server: openai.OpenAI(base_url=server.openai_url, api_key="x"),
    "anthropic": lambda server: anthropic.Anthropic(base_url=server.anthropic_url, api_key="x"),
    "bedrock": lambda server: boto3.client(
        "bedrock-runtime",
        endpoint_url=server.base_url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    ),
    "cohere": lambda server: cohere.ClientV2(base_url=server.base_url, api_key="x"),
    "gemini": lambda server: genai.Client(
        vertexai=False, api_key="x", http_options=genai.types.HttpOptions(base_url=server.base_url)
    ),
    "local": lambda server: LocalClient(server.script),
}
EVERYWHERE = {"end": "end", "length": "length", "filtered": "filtered", "refused": "refused", "none": "none"}
READ: dict[str, dict[str, str]] = {
    "openai": {**EVERYWHERE, "calls": "calls", "refused": "end", "malformed": "end"},  # the message tells a refusal
    "openai-responses": {**EVERYWHERE, "calls": "end", "refused": "end", "malformed": "end", "none": "end"},
    "anthropic": {**EVERYWHERE, "calls": "calls", "filtered": "refused", "malformed": "end"},
    "bedrock": {**EVERYWHERE, "calls": "calls", "malformed": "malformed"},
    "cohere": {**EVERYWHERE, "calls": "calls", "filtered": "end", "refused": "end", "malformed": "end"},
    "gemini": {**EVERYWHERE, "calls": "end", "refused": "end", "malformed": "malformed"},
    "local": {**EVERYWHERE, "calls": "calls", "malformed": "malformed"},
}


class Weather(BaseModel):
    location: str


SAID, WEATHER = "No, I won't.", {"name": "Weather", "arguments": {"location": "Oslo"}}
SCRIPT: list[dict[str, Any]] = [
    *({"contains": f"end with {stop}.", "times": "always", "text": "Well.", "stop": stop} for stop in get_args(Stop)),
    {"contains": "refuse in words", "times": "always", "text": SAID, "stop": "refused"},
    {"contains": "just refuse", "times": "always", "stop": "refused"},
    {"contains": "refuse and call", "times": "always", "text": SAID, "stop": "refused", "calls": [WEATHER]},
]


@pytest.fixture(scope="module")
def clients() -> Iterator[dict[str, toolfan.Client]]:
    """A client of each dialect, all of one server."""
    once = tenacity.stop_after_attempt(1)
    with Server(SCRIPT) as server:
        made = {name: toolfan.wrap(partial(make, server), adapter=name, stop=once) for name, make in DIALECTS.items()}
        yield made
        for client in made.values():
            client.close()


def turn(client: toolfan.Client, question: str, *, streamed: bool) -> tuple[toolfan.Turn, toolfan.ProviderError | None]:
    """The turn of the scripted answer, and the error that it is told as."""
    asked: dict[str, Any] = {"messages": [{"role": "user", "content": question}], "tools": (Weather,), "model": "m"}
    try:
        if not streamed:
            return client.create(**asked, on_invalid="keep").turn, None
        with client.stream(**asked, on_invalid="keep") as stream:
            list(stream)
            return stream.calls.turn, None
    except toolfan.ProviderError as error:
        return error.turn or toolfan.Turn(), error


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("stop", get_args(Stop))
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_stop_reason_of_a_script_arrives(
    clients: dict[str, toolfan.Client], dialect: str, stop: str, streamed: bool
) -> None:
    got, error = turn(clients[dialect], f"end with {stop}.", streamed=streamed)
    assert isinstance(error, toolfan.IncompleteStream) == ((dialect, stop, streamed) == ("gemini", "none", True))
    assert got.stop.kind == READ[dialect][stop]
    assert "Well." in (got.text, got.refusal)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("question", "said"), [("refuse in words", SAID), ("just refuse", "I'm sorry, but I cannot help with that.")]
)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_refusal_is_told_as_one_where_the_wire_has_a_word_for_it(
    clients: dict[str, toolfan.Client], dialect: str, question: str, said: str, streamed: bool
) -> None:
    got, error = turn(clients[dialect], question, streamed=streamed)
    assert said in (got.text, got.refusal)
    if dialect in ("cohere", "gemini"):
        assert error is None
    else:
        assert isinstance(error, toolfan.Refused)
        assert said in str(error)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_refusal_may_stand_beside_a_call(clients: dict[str, toolfan.Client], streamed: bool) -> None:
    got, error = turn(clients["openai"], "refuse and call", streamed=streamed)
    assert (got.refusal, got.text, [call.name for call in got.calls], error) == (SAID, "", ["Weather"], None)
