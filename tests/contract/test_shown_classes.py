"""A proxy that shows the class of the client in it, as instrumentation's do, is served as that client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anthropic
import cohere
import pytest
import toolfan
from every_provider import GOOD, PROVIDERS, client_of
from google_asking import WARNINGS, genai_client, generative_model
from loopback import KEY, USER, http
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopback import FaultServer

pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]


class Weather(BaseModel):
    location: str


class Shown:
    """As the proxies of wrapt are."""

    __slots__ = ("_held",)
    __class__ = property(lambda self: type(self._held))  # type: ignore[assignment]
    __dict__ = property(lambda self: vars(self._held))  # type: ignore[assignment]

    def __init__(self, held: Any) -> None:
        object.__setattr__(self, "_held", held)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._held, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._held, name, value)

    def __copy__(self) -> Any:
        raise NotImplementedError("object proxy must define __copy__()")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_it_is_served(faulty: Callable[..., FaultServer], provider: str) -> None:
    server = faulty(http(json.dumps(GOOD[provider])))
    with client_of(provider, server.url) as own:
        client = toolfan.wrap(Shown(own.sdk_client), model="m", adapter=own.adapter.name)
        assert list(client.create(messages=USER, tools=(Weather,))) == [Weather(location="A")]


def test_so_is_a_generative_model_also_with_an_instruction_of_the_request(faulty: Callable[..., FaultServer]) -> None:
    server = faulty(http(json.dumps(GOOD["gemini"])))
    client = toolfan.wrap(Shown(generative_model("m", server.url.removesuffix("/v1"), "rest")))
    messages = [{"role": "system", "content": "Be brief."}, *USER]
    for given in (USER, messages):
        assert list(client.create(messages=given, tools=(Weather,))) == [Weather(location="A")]
    told = [json.loads(body).get("systemInstruction") for _, _, _, body in server.requests]
    assert told == [None, {"parts": [{"text": "Be brief."}], "role": "user"}]


def test_so_are_async_clients() -> None:
    made: list[Any] = [cohere.AsyncClientV2(api_key=KEY), anthropic.AsyncAnthropicVertex(project_id="p", region="r")]
    made.append(genai_client("gemini", "http://127.0.0.1:9"))
    names = [toolfan.wrap_async(Shown(one)).adapter.name for one in made]
    assert names == ["cohere", "anthropic", "gemini"]
    with pytest.raises(toolfan.UsageError, match=r"wrap_async\(\)"):
        toolfan.wrap(Shown(made[0]))
