"""What an address holds beside host and path is shown no more than a key; nor do local variables show one."""

from __future__ import annotations

import asyncio
import json
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import pytest
import toolfan
from every_provider import PROVIDERS, client_of
from google_asking import genai_client
from loopback import KEY, ONCE, USER, FaultServer, http
from odd_streams import Weather
from toolfan.secrets.redaction import Secrets

# Vendor: google-genai 2.x subclasses aiohttp's session, aiohttp warns.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")

Start = Callable[..., FaultServer]
PLANTED = "plantedhunter2xyz"
OF_ONE_CALL = "sk-planted-for-one-call-0815"
ADDRESSES = {
    "password": f"http://u:{PLANTED}@HOST",
    "user alone": f"http://{PLANTED}@HOST",
    "query": f"http://HOST?key={PLANTED}",
    "query of no name": f"http://HOST?x={PLANTED}",
}
ASKED: dict[str, Any] = {"messages": USER, "tools": (Weather,)}
SAID = json.dumps({"error": {"message": f"not with {PLANTED}"}, "message": f"not with {PLANTED}"})


EXTRAS: list[dict[str, Any]] = [
    {"extra_headers": {"Authorization": f"Bearer {OF_ONE_CALL}"}},
    {"extra_query": {"token": OF_ONE_CALL}},
    {"extra_headers": {"x-api-key": OF_ONE_CALL}},
    {"extra_headers": {"X-Token": OF_ONE_CALL}, "tool_choice": "nonsense"},
    {"extra_headers": {"X-Token": OF_ONE_CALL}, "extra_query": {"token": OF_ONE_CALL}, "max_attempts": 0},
]


def address(server: FaultServer, where: str) -> str:
    return ADDRESSES[where].replace("HOST", server.url.removeprefix("http://").removesuffix("/v1"))


def check(error: toolfan.ToolfanError) -> None:
    chain: BaseException | None = error
    texts = [str(vars(error)), pickle.dumps(error).decode("latin-1"), *traceback.format_exception(error)]
    while chain is not None:
        texts += [repr(chain), str(chain), str(chain.args)]
        chain = chain.__cause__ or chain.__context__
    assert [text for text in texts if PLANTED in text] == []
    assert "not with ***" in str(error)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("where", ADDRESSES)
def test_what_an_address_holds_is_not_shown(faulty: Start, provider: str, where: str) -> None:
    server = faulty(http(SAID, 400))
    with client_of(provider, address(server, where)) as client:
        for ask in (client.create, lambda **asked: client.stream(**asked).until_done()):
            with pytest.raises(toolfan.RequestRejected) as caught:
                ask(**ASKED)
            check(caught.value)


@pytest.mark.parametrize("provider", ["openai", "gemini"])
@pytest.mark.parametrize("where", ADDRESSES)
def test_nor_by_an_async_client(faulty: Start, provider: str, where: str) -> None:
    import openai

    async def ask(url: str) -> None:
        if provider == "openai":
            async with openai.AsyncOpenAI(api_key=KEY, base_url=url) as sdk:
                await toolfan.wrap_async(sdk, model="m", stop=ONCE).create(**ASKED)
        genai = genai_client(provider, url)
        try:
            await toolfan.wrap_async(genai, adapter=provider, model="m", stop=ONCE).create(**ASKED)
        finally:
            await genai.aio.aclose()

    with pytest.raises(toolfan.RequestRejected) as caught:
        asyncio.run(ask(address(faulty(http(SAID, 400)), where)))
    check(caught.value)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("answer", [http("{}", 500), http("<p>", content_type="text/html"), b""])
def test_no_local_variable_of_ours_shows_a_key(faulty: Start, provider: str, answer: bytes) -> None:
    """Test runners and trackers of errors show the local variables of a traceback, too."""
    with client_of(provider, faulty(answer).url) as client:
        for ask in (client.create, lambda **asked: client.stream(**asked).until_done()):
            with pytest.raises(toolfan.ProviderError) as caught:
                ask(**ASKED)
            check_locals(caught.value)
            for extra in EXTRAS:
                with pytest.raises(toolfan.ToolfanError) as failed:
                    ask(**ASKED, **extra)
                check_locals(failed.value, OF_ONE_CALL)


@pytest.mark.parametrize("provider", ["openai:m", "anthropic:m", "cohere:m", "gemini:m", "vertex:m"])
def test_nor_where_the_key_is_refused(monkeypatch: pytest.MonkeyPatch, provider: str) -> None:
    monkeypatch.setenv("HOUSE_KEY", f"{KEY}\n")
    with pytest.raises(toolfan.ConfigError) as caught:
        toolfan.connect(provider, api_key_env="HOUSE_KEY")
    check_locals(caught.value)


def check_locals(error: BaseException, planted: str = KEY) -> None:
    one: BaseException | None = error
    while one is not None:
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if str(frame.f_globals.get("__name__")).startswith("toolfan"):
                shown = {name: value for name, value in frame.f_locals.items() if planted in repr(value)}
                assert shown == {}, frame.f_code.co_qualname
        one = one.__cause__ or one.__context__


def test_secrets_are_shown_by_their_number_alone() -> None:
    assert repr({"known": Secrets(["a", "b"])}) == "{'known': <secrets: 2>}"
