"""A secret that comes back is hidden however it is spelled, and whatever the client authenticated with."""

from __future__ import annotations

import base64
import html
import importlib
import json
import pickle
import re
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import openai
import pytest
import toolfan
from loopback import ONCE, USER, FaultServer, call, completion, http
from pydantic import BaseModel

sdk_http: Any = importlib.import_module("httpx2" if int(openai.__version__.split(".")[0]) >= 3 else "httpx")
Start = Callable[..., FaultServer]

SECRET = "Zq7/pla+n\"t&'ed\\~0815<xyz"
PASSWORD, USERNAME = "pr0xyPl4nted/Pw", "proxyuser77"
BASIC = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON with slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "JSON, all escaped": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "HTML": html.escape,
    "HTML, numbers": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "address": lambda text: quote(text, safe=""),
    "address, with slashes": quote,
    "address, lower case": lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text, safe="")),
    "address, twice": lambda text: quote(quote(text, safe=""), safe=""),
    "form": quote_plus,
    "repr": lambda text: repr(text)[1:-1],
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of a header": lambda text: base64.b64encode(f"Bearer {text}, and more".encode()).decode(),
    "base64 of a login": lambda text: base64.b64encode(f"name:{text}".encode()).decode(),
    "base64 of addresses": lambda text: base64.urlsafe_b64encode(f"?{text}?".encode()).decode(),
    "base64 in an address": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
}
GOOD = completion(call("City", {"name": "Oslo"}))


class City(BaseModel):
    name: str


PLACES: dict[str, Callable[[str], bytes]] = {
    "message": lambda spelled: http(json.dumps({"error": {"message": f"no: {spelled}"}}), 400),
    "odd body": lambda spelled: http(json.dumps({"odd": {"inner": [spelled]}}), 400),
    "page": lambda spelled: http(f"<p>{spelled}</p>", 502, content_type="text/html"),
    "page for an answer": lambda spelled: http(f"<p>{spelled}</p>", content_type="text/html"),
    "location": lambda spelled: http("", 302, location=f"http://h.test/?next={spelled}"),
    "status line": lambda spelled: f"HTTP/1.1 abc {spelled}\r\n\r\n".encode(),
    "error in a 200": lambda spelled: http(json.dumps({"error": {"message": f"no: {spelled}", "code": 400}})),
    "broken JSON": lambda spelled: http(f'{{"a": "{spelled}'),
    "id of the request": lambda spelled: http('{"a": ', x_request_id=f"for-{spelled}"),
    "content type": lambda spelled: http('{"a": ', content_type=f"text/{spelled}"),
}


def every_spelling(secret: str) -> list[str]:
    return [spell(secret) for spell in SPELLINGS.values()]


def texts_of(exc: toolfan.ToolfanError) -> list[str]:
    led = [repr(below) for below in (exc.__cause__, exc.__context__) if below is not None]
    return [
        *led,
        *(str(exc), repr(exc), repr(vars(exc)), pickle.dumps(exc).decode("latin-1")),
        "".join(traceback.format_exception(exc)),
    ]


def check(shown: list[str], *secrets: str) -> None:
    found = [one for secret in secrets for one in every_spelling(secret) if any(one in text for text in shown)]
    assert not found


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("added", [False, True])
def test_no_error_shows_it(faulty: Start, place: str, spelling: str, *, added: bool) -> None:
    server = faulty(PLACES[place](SPELLINGS[spelling](SECRET)))
    more: dict[str, Any] = {"default_headers": {"x-house": SECRET}} if added else {}
    with openai.OpenAI(api_key="sk-none" if added else SECRET, base_url=server.url, **more) as sdk:
        with pytest.raises(toolfan.ProviderError) as caught:
            toolfan.from_openai(sdk, stop=ONCE).create(model="m", messages=USER, tools=(City,))
        assert "***" in str(caught.value)
        check(texts_of(caught.value), SECRET)


@pytest.mark.parametrize("before", ["", " " * 19_900, "<p>" + "a " * 60], ids=["at once", "blanks", "words"])
@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("stream", [False, True])
def test_a_long_one_is_hidden_where_the_text_is_cut(faulty: Start, before: str, status: int, *, stream: bool) -> None:
    secret = "".join(f"{at:x}/" for at in range(40_000, 40_700))
    server = faulty(http(before + secret, status, content_type="text/html"))
    with openai.OpenAI(api_key="sk-none", base_url=server.url, default_headers={"x-house": secret}) as sdk:
        client: Any = toolfan.from_openai(sdk, stop=ONCE)
        with pytest.raises(toolfan.ProviderError) as caught:
            list((client.stream if stream else client.create)(model="m", messages=USER, tools=(City,)))
    assert not [text for text in texts_of(caught.value) if secret[:8] in text]


@pytest.mark.parametrize("spelling", [name for name in SPELLINGS if name.startswith(("plain", "JSON", "address"))])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("added", [False, True])
def test_no_good_answer_keeps_it(faulty: Start, spelling: str, *, stream: bool, added: bool) -> None:
    spelled = SPELLINGS[spelling](SECRET)
    body = {**GOOD, "odd": [{"SECRET": "Bearer SECRET"}], "model": "m-SECRET"}
    if not spelling.startswith("JSON"):
        body = json.loads(json.dumps(body).replace("SECRET", json.dumps(spelled)[1:-1]))
    if stream:
        [choice] = GOOD["choices"]
        body["choices"] = [{"index": 0, "delta": choice["message"], "finish_reason": "tool_calls"}]
    text = json.dumps(body).replace("SECRET", spelled)
    about = {"content_type": "text/event-stream" if stream else "application/json", "x_odd": quote(SECRET)}
    about["x_request_id"] = SPELLINGS["HTML, numbers"](SECRET)
    server = faulty(http(f"data: {text}\n\n" if stream else text, **about))
    more: dict[str, Any] = {"default_headers": {"x-house-token": SECRET}} if added else {}
    with openai.OpenAI(api_key="sk-none" if added else SECRET, base_url=server.url, **more) as sdk:
        asked: dict[str, Any] = {"model": "m", "messages": USER, "tools": (City,)}
        client = toolfan.from_openai(sdk, stop=ONCE)
        calls = client.stream(**asked).until_done() if stream else client.create(**asked)
        assert list(calls) == [City(name="Oslo")]
        assert calls.model == "m-***"
        assert (calls.headers["x-odd"], calls.request_id) == ("***", "***")
        assert stream or calls.raw["odd"] == [{"***": "Bearer ***"}]
        shown = [repr(calls), repr(calls.raw), calls.to_json(), repr(calls.headers)]
        check([*shown, pickle.dumps(calls).decode("latin-1")], SECRET)


def test_a_value_under_any_other_name_stays_in_a_good_answer(faulty: Start) -> None:
    """It may be a word of the service's, the name of the model for example."""
    server = faulty(http(json.dumps({**GOOD, "model": "gpt-4o-mini"})))
    with openai.OpenAI(api_key="sk-none", base_url=server.url, default_headers={"x-route": "gpt-4o-mini"}) as sdk:
        calls = toolfan.from_openai(sdk, stop=ONCE).create(model="m", messages=USER, tools=(City,))
        assert calls.model == "gpt-4o-mini"


def through_proxy(address: str, scheme: str) -> openai.OpenAI:
    proxied = sdk_http.Client(proxy=f"http://{USERNAME}:{quote(PASSWORD, safe='')}@{address}")
    return openai.OpenAI(api_key="sk-none", base_url=f"{scheme}://up.invalid/v1", http_client=proxied)


def with_login(address: str) -> openai.OpenAI:
    url = f"http://{USERNAME}:{quote(PASSWORD, safe='')}@{address}/v1"
    return openai.OpenAI(api_key="sk-none", base_url=url)


def with_client(address: str, **options: Any) -> openai.OpenAI:
    http_client = sdk_http.Client(**options)
    return openai.OpenAI(api_key="sk-none", base_url=f"http://{address}/v1", http_client=http_client)


CLIENTS: dict[str, Callable[[str], openai.OpenAI]] = {
    "proxy": lambda address: through_proxy(address, "http"),
    "tunnel": lambda address: through_proxy(address, "https"),
    "userinfo": with_login,
    "auth": lambda address: with_client(address, auth=(USERNAME, PASSWORD)),
    "digest": lambda address: with_client(address, auth=sdk_http.DigestAuth(USERNAME, PASSWORD)),
    "cookie": lambda address: with_client(address, cookies={"a": "b", "session": PASSWORD}),
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("status", [407, 403, 200])
@pytest.mark.parametrize("said", [PASSWORD, BASIC])
def test_no_login_is_shown(faulty: Start, client: str, status: int, said: str) -> None:
    def answer(handler: Any) -> None:
        page = f"<p>sent {said}</p>".encode()
        head = f"HTTP/1.1 {status} No {said}\r\ncontent-type: text/html\r\nconnection: close\r\n"
        handler.wfile.write(f"{head}content-length: {len(page)}\r\n\r\n".encode() + page)

    server = faulty(answer)
    address = server.url.removeprefix("http://").removesuffix("/v1")
    with CLIENTS[client](address) as sdk:
        with pytest.raises(toolfan.ProviderError) as caught:
            toolfan.from_openai(sdk, stop=ONCE).create(model="m", messages=USER, tools=(City,))
        secrets = (PASSWORD,) if client in ("digest", "cookie") else (PASSWORD, BASIC)
        check(texts_of(caught.value), *secrets)


def test_what_stands_in_the_request_itself_is_no_secret(faulty: Start) -> None:
    """A header that names the model must not blot the model's name, which says what to mend."""
    told = "The model gpt-house-mini does not exist for team-blue-4711 and tok-4711-blue"
    server = faulty(http(json.dumps({"error": {"message": told}}), 404))
    headers = {"x-model": "gpt-house-mini", "x-team": "team-blue-4711", "x-token": "tok-4711-blue"}
    sdk = openai.OpenAI(api_key="key-4711-x", base_url=server.url, default_headers=headers)
    with sdk, pytest.raises(toolfan.RequestRejected) as caught:
        toolfan.wrap(sdk).create(model="gpt-house-mini", messages=USER, tools=(City,))
    assert "The model gpt-house-mini does not exist for *** and ***" in str(caught.value)
