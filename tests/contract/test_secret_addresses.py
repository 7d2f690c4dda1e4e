"""What an address holds beside host and path is shown no more than a key; nor do local variables show one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pickle
import socket
import traceback
from array import array
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import pytest
import toolfan
from every_provider import GOOD, PROVIDERS, client_of
from google_asking import genai_client
from loopback import KEY, ONCE, USER, FaultServer, http
from odd_streams import Weather
from pydantic import BaseModel
from toolfan.secrets.held import Hidden, Secrets

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


class Delay(BaseModel):
    minutes: int


def url_of(faulty: Start, answer: bytes | None) -> str:
    if answer is not None:
        return faulty(answer).url
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return f"http://127.0.0.1:{closed.getsockname()[1]}/v1"


@contextlib.asynccontextmanager
async def async_client_of(provider: str, url: str) -> AsyncIterator[toolfan.AsyncClient]:
    if provider in ("gemini", "vertex"):
        sdk: Any = genai_client(provider, url.removesuffix("/v1"))
    elif provider == "bedrock":
        with client_of(provider, url) as client:
            sdk = client.sdk_client
    else:
        module = __import__(provider.partition("-")[0])
        kind = module.AsyncClientV2 if provider == "cohere" else getattr(module, ASYNC[provider])
        sdk = kind(api_key=KEY, base_url=url if provider.startswith("openai") else url.removesuffix("/v1"))
    async with toolfan.wrap_async(sdk, adapter=provider, model="m", stop=ONCE) as wrapped:
        yield wrapped


ASYNC = {"openai": "AsyncOpenAI", "openai-responses": "AsyncOpenAI", "anthropic": "AsyncAnthropic"}
SAYS_NO = json.dumps({"error": {"message": "no"}, "message": "no"})
ANSWERS = {
    "400": http(SAYS_NO, 400),
    "401": http(SAYS_NO, 401),
    "500": http("{}", 500),
    "page": http("<p>", content_type="text/html"),
    "page for an error": http("<p>", 400, content_type="text/html"),
    "nothing": b"",
    "nobody there": None,
}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_no_local_variable_of_ours_shows_a_key(faulty: Start, provider: str, answer: bytes | None) -> None:
    """Test runners and trackers of errors show the local variables of a traceback, too."""
    with client_of(provider, url_of(faulty, answer)) as client:
        for ask in (client.create, lambda **asked: client.stream(**asked).until_done()):
            with pytest.raises(toolfan.ProviderError) as caught:
                ask(**ASKED)
            check_locals(caught.value)
            for extra in EXTRAS:
                with pytest.raises(toolfan.ToolfanError) as failed:
                    ask(**ASKED, **extra)
                check_locals(failed.value, OF_ONE_CALL)


@pytest.mark.parametrize("provider", [*PROVIDERS, "vertex"])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_nor_one_of_an_async_client(faulty: Start, provider: str, answer: bytes | None) -> None:
    async def ask() -> None:
        async with async_client_of(provider, url_of(faulty, answer)) as client:
            with pytest.raises(toolfan.ProviderError) as caught:
                await client.create(**ASKED)
            check_locals(caught.value)
            with pytest.raises(toolfan.ProviderError) as caught:
                async with client.stream(**ASKED) as stream:
                    await stream.until_done()
            check_locals(caught.value)

    asyncio.run(ask())


@pytest.mark.parametrize("provider", PROVIDERS)
def test_nor_where_a_call_is_wrong(faulty: Start, provider: str) -> None:
    url, asked = faulty(http(json.dumps(GOOD[provider]))).url, {**ASKED, "tools": (Delay,)}
    with client_of(provider, url) as client, pytest.raises(toolfan.ToolfanError) as caught:
        client.create(**asked, extra_headers={"X-Token": OF_ONE_CALL})
    check_locals(caught.value)
    check_locals(caught.value, OF_ONE_CALL)


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
                found = {name for name, value in frame.f_locals.items() if any(planted in one for one in shown(value))}
                assert found == set(), (frame.f_globals["__name__"], frame.f_code.co_qualname)
        one = one.__cause__ or one.__context__


def shown(value: Any, depth: int = 9) -> Iterator[str]:
    """What trackers of errors show of a variable: most its `repr`; Sentry walks what holds others, unless told."""
    yield repr(value)
    if not depth or hasattr(type(value), "__sentry_repr__"):
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from shown(inner, depth - 1)
    elif isinstance(value, tuple | list | set | frozenset | array):
        for inner in value:
            yield from shown(inner, depth - 1)


def test_secrets_are_shown_by_their_number_alone() -> None:
    secrets = Secrets([KEY, "b"])
    assert repr({"known": secrets}) == "{'known': <secrets: 2>}"
    assert (list(secrets), len(secrets), bool(Secrets())) == ([KEY, "b"], 2, False)
    told = [*shown({1: [secrets]}), *(repr(getattr(secrets, name)) for name in dir(secrets))]
    assert [one for one in told if KEY in one] == []
    assert not hasattr(secrets, "__dict__")
    assert KEY.encode() not in pickle.dumps(secrets)
    assert list(pickle.loads(pickle.dumps(secrets))) == []


def test_headers_are_shown_by_their_names_alone() -> None:
    headers = Hidden({"X-Token": KEY})
    assert isinstance(headers, dict)  # HTTP libraries ask for one
    assert headers == {"X-Token": KEY}
    assert list(shown([headers])) == ["[<values not shown: X-Token>]", "<values not shown: X-Token>"]
    assert headers.__sentry_repr__() == "<values not shown: X-Token>"
