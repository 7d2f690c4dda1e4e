"""What the errors of servers that are compatible with OpenAI say to do, where it is not what they say themselves."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from loopback import KEY, USER, FaultServer, http

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Start = Callable[..., FaultServer]


def lookup(x: int) -> int:
    return x


ASKED: dict[str, Any] = {"messages": USER, "tools": (lookup,), "model": "m"}


def failed(url: str, *, adapter: Any = "openai", use_async: bool = False, **options: Any) -> toolfan.ProviderError:
    """What a request to this server fails with, after three tries if it is asked again."""

    async def ask_async() -> None:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=url) as sdk:
            client = toolfan.wrap_async(sdk, adapter=adapter, wait=lambda _: 0)
            answer: Any = await client.create(**ASKED, **options)
            if options.get("stream"):
                await answer.until_done()

    def ask() -> None:
        with openai.OpenAI(api_key=KEY, base_url=url) as sdk:
            answer: Any = toolfan.wrap(sdk, adapter=adapter, wait=lambda _: 0).create(**ASKED, **options)
            if options.get("stream"):
                answer.until_done()

    with pytest.raises(toolfan.ProviderError) as caught:
        asyncio.run(ask_async()) if use_async else ask()
    return caught.value


REFUSALS: dict[str, tuple[int, Mapping[str, Any]]] = {
    "words": (400, {"error": {"message": "Unrecognized argument: stream_options", "type": "invalid_request_error"}}),
    "fields": (422, {"detail": [{"loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]}),
    "param": (400, {"error": {"message": "That is not known here.", "param": "stream_options"}}),
}


@pytest.mark.parametrize("use_async", [False, True])
@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_stream_whose_options_are_refused(faulty: Start, refusal: str, use_async: bool) -> None:
    status, body = REFUSALS[refusal]
    server = faulty(http(json.dumps(body), status))
    error = failed(server.url, use_async=use_async, stream=True)
    assert isinstance(error, toolfan.RequestRejected)
    assert (error.status, error.requests) == (status, 1)
    assert "asked without them by stream_usage=False" in str(error)


def test_a_refusal_of_what_was_not_asked_for_has_no_such_hint(faulty: Start) -> None:
    """Of a whole answer, of a stream of an adapter that asks for no usage, of other fields, with another status."""
    status, body = REFUSALS["words"]
    refusing = faulty(http(json.dumps(body), status)).url
    bare = replace(toolfan.load_adapter("openai"), stream_usage=False)  # type: ignore[type-var]
    other = faulty(http(json.dumps({"error": {"message": "No tools, please."}}), 400)).url
    gone = faulty(http(json.dumps(body), 503)).url
    for error in (
        failed(refusing),
        failed(refusing, adapter=bare, stream=True),
        failed(refusing, adapter=bare, stream=True, extra_body={"stream_options": {"include_obfuscation": True}}),
        failed(refusing, adapter="openai-responses", stream=True),
        failed(other, stream=True),
        failed(gone, stream=True),
    ):
        assert "stream_usage" not in str(error)
        assert error.hint


NO_PATH = "Unexpected endpoint or method. (POST /chat/completions)"


@pytest.mark.parametrize("use_async", [False, True])
@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("adapter", ["openai", "openai-responses"])
@pytest.mark.parametrize(
    "body",
    [
        {"error": NO_PATH},
        {"error": {"message": NO_PATH}},
        {"error": {"message": NO_PATH, "type": None, "code": None}},
        {"error": "Unknown route: /x."},
    ],
)
def test_a_path_that_a_server_does_not_have_told_with_200(
    faulty: Start, body: dict[str, Any], adapter: str, streams: bool, use_async: bool
) -> None:
    """So LM Studio answers where the base URL has no /v1; the same request never succeeds."""
    server = faulty(http(json.dumps(body)))
    error = failed(server.url, adapter=adapter, stream=streams, use_async=use_async)
    assert isinstance(error, toolfan.RequestRejected)
    assert (error.retryable, error.requests, len(server.requests)) == (False, 1, 1)
    assert str(error).startswith("the provider answered with an error: Un")
    assert "Check the path of the base URL: that of most servers ends in /v1." in str(error)


@pytest.mark.parametrize(
    "body",
    [
        {"error": "Unknown endpoint error, try again."},
        {"error": "No such endpoint failure was seen before."},
        {"error": NO_PATH, "code": 503},
        {"error": "The endpoint is busy."},
    ],
)
def test_other_words_of_endpoints_are_asked_again(faulty: Start, body: dict[str, Any]) -> None:
    server = faulty(http(json.dumps(body)))
    assert isinstance(failed(server.url), toolfan.Unavailable)
    assert len(server.requests) == 3
