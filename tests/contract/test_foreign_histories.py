"""Conversations that began at one provider and are taken on at another: read, or refused before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from every_provider import PROVIDERS, client_of
from loopback import USER
from toolfan import Unsupported, UsageError
from toolfan_local import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

READ_EVERYWHERE = ("openai", "cohere")
CALLED = {"calls": [{"name": "weather", "arguments": {"location": "Oslo"}}]}
SCRIPT = [{"text": "Let me look.", **CALLED}, {"text": "Sunny."}]
USE = {"type": "tool_use", "id": "t1", "name": "weather", "input": {"location": "Oslo"}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "sunny"}
WHOSE = {
    "anthropic": "Anthropic's API",
    "bedrock": "Bedrock's Converse",
    "gemini": "Google's API",
    "openai-responses": "OpenAI's Responses API",
}


def weather(location: str) -> str:
    """The weather of a place."""
    return f"sunny in {location}"


def address(server: Server, provider: str) -> str:
    if provider.startswith("openai"):
        return server.openai_url
    return server.anthropic_url if provider == "anthropic" else server.base_url


@pytest.fixture(scope="module")
def histories() -> dict[str, Any]:
    """`run.messages` of each provider, and a further question."""
    found = {}
    for provider in PROVIDERS:
        with Server(SCRIPT) as server, client_of(provider, address(server, provider)) as client:
            found[provider] = [*client.run(messages=USER, tools=(weather,)).messages, *USER]
    return found


@pytest.fixture
def server() -> Iterator[Server]:
    with Server([CALLED, {"text": "Done."}]) as server:
        yield server


@pytest.mark.parametrize("then", PROVIDERS)
@pytest.mark.parametrize("first", PROVIDERS)
def test_a_history_is_read_or_refused_before_anything_is_sent(
    histories: dict[str, Any], server: Server, first: str, then: str
) -> None:
    with client_of(then, address(server, then)) as client:
        if first == then or first in READ_EVERYWHERE:
            assert client.run(messages=histories[first], tools=(weather,)).text == "Done."
            return
        with pytest.raises((UsageError, Unsupported), match=r"messages\[[12]\]") as caught:
            client.run(messages=histories[first], tools=(weather,))
    assert server.requests == []
    assert f"It is in the form of {WHOSE[first]}." in str(caught.value)
    assert "every provider reads" in str(caught.value)


@pytest.mark.parametrize("provider", ["openai", "cohere", "openai-responses", "bedrock", "gemini"])
@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({"role": "assistant", "content": [{"type": "text", "text": "Hm."}, USE]}, "tool_use"),
        ({"role": "user", "content": [{"type": "text", "text": "Hm."}, RESULT]}, "tool_result"),
    ],
)
def test_a_call_or_a_result_of_anthropics_is_refused_by_its_place(
    server: Server, provider: str, message: dict[str, Any], kind: str
) -> None:
    said = rf"messages\[1\].* a part of type '{kind}'.*tool_calls"
    refused = pytest.raises((UsageError, Unsupported), match=said)
    with client_of(provider, address(server, provider)) as client, refused as caught:
        client.create(messages=[*USER, message], tools=(weather,))
    assert caught.value.adapter == provider
    assert server.requests == []


@pytest.mark.parametrize("provider", ["anthropic", "bedrock", "cohere", "openai", "openai-responses"])
def test_what_the_user_says_in_googles_form_is_told_as_such(server: Server, provider: str) -> None:
    said = r"messages\[0\] .* has no content.*in the form of Google's API"
    with client_of(provider, address(server, provider)) as client, pytest.raises(UsageError, match=said):
        client.create(messages=[{"role": "user", "parts": [{"text": "x"}]}], tools=(weather,))


@pytest.mark.parametrize("provider", ["bedrock", "gemini"])
@pytest.mark.parametrize(
    ("part", "whose"),
    [
        ({"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}, "Anthropic's API"),
        ({"type": "input_text", "text": "x"}, "OpenAI's Responses API"),
        ({"type": "input_image", "image_url": "https://example.com/a.png"}, "OpenAI's Responses API"),
    ],
)
def test_so_is_a_part_that_has_to_be_translated(
    server: Server, provider: str, part: dict[str, Any], whose: str
) -> None:
    said = rf"messages\[0\] .* not translated.*in the form of {whose}"
    with client_of(provider, address(server, provider)) as client, pytest.raises(Unsupported, match=said):
        client.create(messages=[{"role": "user", "content": [part]}], tools=(weather,))


@pytest.mark.parametrize("provider", ["bedrock", "gemini"])
def test_a_part_of_no_known_form_can_be_written_in_the_providers_own(server: Server, provider: str) -> None:
    part = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}
    with client_of(provider, address(server, provider)) as client, pytest.raises(Unsupported, match="own form: "):
        client.create(messages=[{"role": "user", "content": [part]}], tools=(weather,))


def test_what_servers_with_chat_completions_take_beside_texts_goes_as_it_is(server: Server) -> None:
    """Known to some server or gateway, and what a server said beside calls, whatever it makes of them."""
    kinds = (
        "thinking",
        "reasoning",
        "input_audio",
        "file",
        "document",
        "video_url",
        "server_tool_use",
        "tool_reference",
    )
    parts = [{"type": kind, kind: {"data": "x"}} for kind in kinds]
    call = {"id": "t1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    history = [
        {"role": "user", "content": parts},
        {"role": "assistant", "content": [USE], "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "t1", "content": "sunny"},
    ]
    sent = toolfan.load_adapter("openai").build_request(
        toolfan.adapter.ToolRequest("m", tuple(history), toolfan.ToolSet([weather]))
    )
    assert sent.body["messages"] == history


@pytest.mark.parametrize(
    "message", [{"type": "text", "text": "x"}, {"content": "x"}, {"role": "model", "content": "x"}]
)
def test_whose_form_a_message_has_is_not_guessed_at(server: Server, message: dict[str, Any]) -> None:
    with client_of("openai", server.openai_url) as client, pytest.raises(UsageError, match="has the role") as caught:
        client.create(messages=[message], tools=(weather,))
    assert "Chat-style messages have one of the roles" in str(caught.value)


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ({"role": "user", "content": [RESULT, {"text": "And now?"}]}, "{'type': 'text', 'text': ...}"),
        ({"role": "user", "content": [RESULT, {"type": "text"}]}, "{'type': 'text', 'text': ...}"),
        ({"role": "model", "content": [USE]}, "one of the roles assistant"),
    ],
)
@pytest.mark.parametrize("provider", ["anthropic", "gemini"])
def test_another_slip_beside_anthropics_parts_is_told_for_what_it_is(
    server: Server, provider: str, message: dict[str, Any], hint: str
) -> None:
    """Anthropic reads them: a part that lacks its type is no reason to write calls in another form."""
    with client_of(provider, address(server, provider)) as client, pytest.raises(UsageError) as caught:
        client.create(messages=[*USER, message], tools=(weather,))
    assert hint in str(caught.value)
    assert "in the form of" not in str(caught.value)
