"""Mocks in the place of an SDK's client: refused with what tests can do, unless they were told to answer."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any
from unittest import mock

import anthropic
import boto3
import cohere
import openai
import pytest
import toolfan
from google import genai
from loopback import KEY, call, completion
from pydantic import BaseModel
from toolfan_local import LocalAdapter, LocalClient

if TYPE_CHECKING:
    from collections.abc import Callable

HINT = (
    r"In tests pass a real client that is pointed at a toolfan_local\.Server\(\.\.\.\), or toolfan\.testing\.scripted"
)
BEDROCK = {"region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": KEY}
CLIENTS: dict[str, Callable[[], Any]] = {
    "openai": lambda: openai.OpenAI(api_key=KEY),
    "openai async": lambda: openai.AsyncOpenAI(api_key=KEY),
    "azure": lambda: openai.AzureOpenAI(api_key=KEY, azure_endpoint="http://127.0.0.1:9", api_version="1"),
    "anthropic": lambda: anthropic.Anthropic(api_key=KEY),
    "anthropic async": lambda: anthropic.AsyncAnthropic(api_key=KEY),
    "cohere": lambda: cohere.ClientV2(KEY),
    "genai": lambda: genai.Client(api_key=KEY),
    "bedrock": lambda: boto3.client("bedrock-runtime", **BEDROCK),
}
MOCKS: dict[str, Callable[[Any], Any]] = {
    "of a class": lambda sdk: mock.Mock(spec=type(sdk)),
    "of an object": lambda sdk: mock.Mock(spec=sdk),
    "magic, of a class": lambda sdk: mock.MagicMock(spec=type(sdk)),
    "magic, of an object": lambda sdk: mock.MagicMock(spec=sdk),
    "autospec": lambda sdk: mock.create_autospec(type(sdk), instance=True),
}


class A(BaseModel):
    x: int


@pytest.mark.parametrize("kind", MOCKS)
@pytest.mark.parametrize("name", CLIENTS)
def test_a_mock_of_a_client_is_refused(name: str, kind: str) -> None:
    sdk = CLIENTS[name]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # google-genai's, of what a mock looks at
        pretended = MOCKS[kind](sdk)
    wrap = toolfan.wrap_async if "async" in name else toolfan.wrap
    shown = f"a {type(pretended).__name__} of {type(sdk).__name__} sends no request"
    with pytest.raises(toolfan.UsageError, match=HINT) as caught:
        wrap(pretended)
    assert shown in str(caught.value)
    if name.startswith("openai"):
        with pytest.raises(toolfan.UsageError, match=HINT) as caught:
            toolfan.from_openai(pretended)
        assert shown in str(caught.value)


def test_a_mock_of_nothing_is_refused() -> None:
    with openai.OpenAI(api_key=KEY) as real:
        mocks = (mock.Mock(), mock.MagicMock(), mock.NonCallableMock(), mock.AsyncMock(), mock.Mock(wraps=real))
    for one in mocks:
        with pytest.raises(toolfan.UsageError, match=f"sends no request.*{HINT}"):
            toolfan.from_openai(one)
        with pytest.raises(toolfan.AdapterNotFound, match=f"no installed adapter serves.*{HINT}"):
            toolfan.wrap(one)


def test_one_that_was_told_what_to_answer_serves() -> None:
    with openai.OpenAI(api_key=KEY) as real:
        request = real._client.build_request("POST", "http://127.0.0.1:9")
        body = completion(call("A", {"x": 1}))
        sdk = mock.MagicMock(spec=real, timeout=60)
        sdk.post.side_effect = lambda path, *, cast_to, **_: cast_to(200, json=body, request=request)
        calls = toolfan.from_openai(sdk).create(model="m", messages=[{"role": "user", "content": "x"}], tools=(A,))
    assert list(calls) == [A(x=1)]


def test_an_adapter_that_takes_a_mock_is_given_it() -> None:
    class Taking(LocalAdapter):
        def transport(self, client: object, *, use_async: bool) -> Any:
            assert isinstance(client, mock.Mock)
            return super().transport(client.inner, use_async=use_async)

    client = toolfan.wrap(mock.Mock(inner=LocalClient()), adapter=Taking())
    messages = [{"role": "user", "content": "x"}]
    assert len(client.create(messages=messages, tools=(A,), tool_choice="required", on_invalid="keep")) == 1
