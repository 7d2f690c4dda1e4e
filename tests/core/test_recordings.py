"""Traffic that is recorded and given again: `toolfan.testing` and `toolfan record`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING, Any, Literal

import openai
import pytest
import toolfan
from pydantic import BaseModel
from toolfan import ConfigError, IncompleteStream, RateLimited, UsageError, load_adapter, wrap, wrap_async
from toolfan.cli.app import app
from toolfan.testing import Recording, RecordingAdapter, replayed, replayed_async
from toolfan.testing.cleaning import cleaned_exchange
from toolfan_local import Server
from typer.testing import CliRunner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "sk-proj-abcdefghijklmnop0123456789"


class Weather(BaseModel):
    location: str
    units: Literal["imperial", "metric"]


ASK: dict[str, Any] = {
    "messages": [{"role": "user", "content": "What is the weather in toronto and dallas?"}],
    "response_model": list[Weather],
    "model": "gpt-x",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def tap() -> RecordingAdapter:
    return RecordingAdapter(load_adapter("openai"))


def sdk(server: Server) -> openai.OpenAI:
    return openai.OpenAI(base_url=server.openai_url, api_key=SECRET, max_retries=0)


def test_a_recording_is_given_again(server: Server, tap: RecordingAdapter, tmp_path: Path) -> None:
    """Whole and streamed, in any order, to the same requests, with the same results."""
    with sdk(server) as client:
        recorded = wrap(client, adapter=tap)
        whole = recorded.create(**ASK)
        with recorded.stream(**ASK) as stream:
            streamed = list(stream)
    tap.recording.save(tmp_path / "traffic.json")

    again = replayed(tmp_path / "traffic.json")
    with again.stream(**ASK) as stream:
        assert list(stream) == streamed
    found = again.create(**ASK)
    assert (list(found), found.raw, found.usage, found.request_id, found.headers) == (
        list(whole),
        whole.raw,
        whole.usage,
        whole.request_id,
        whole.headers,
    )
    assert again.sdk_client.left == []
    with pytest.raises(UsageError, match="all 2 exchanges of the recording were given"):
        again.create(**ASK)


def test_awaited(server: Server, tap: RecordingAdapter, tmp_path: Path) -> None:
    """Recorded and given again."""

    async def ask(client: toolfan.AsyncClient) -> list[Any]:
        found = list(await client.create(**ASK))
        async with client.stream(**ASK) as stream:
            return [found, [call async for call in stream]]

    async def both() -> None:
        async with openai.AsyncOpenAI(base_url=server.openai_url, api_key=SECRET, max_retries=0) as client:
            first = await ask(wrap_async(client, adapter=tap))
        tap.recording.save(tmp_path / "traffic.json")
        assert await ask(replayed_async(tmp_path / "traffic.json")) == first

    asyncio.run(both())


def test_another_request_is_refused_with_the_difference(server: Server, tap: RecordingAdapter, tmp_path: Path) -> None:
    """The place, what it was, what it is; `compare=False` takes the next exchange all the same."""
    path = tmp_path / "traffic.json"
    with sdk(server) as client:
        wrap(client, adapter=tap).create(**ASK)
    tap.recording.save(path)
    with pytest.raises(UsageError, match=r"model was 'gpt-x' and is 'gpt-y'"):
        replayed(path).create(**{**ASK, "model": "gpt-y"})
    with pytest.raises(UsageError, match=r"temperature was nothing and is 0\.5"):
        replayed(path).create(**ASK, temperature=0.5)
    assert len(replayed(path, compare=False).create(**{**ASK, "model": "gpt-y"})) == 2


def test_errors_are_recorded_too(tap: RecordingAdapter, tmp_path: Path) -> None:
    """With their class, and what they carry."""
    path = tmp_path / "traffic.json"
    script = [{"error": {"status": 429, "message": f"slow down, {SECRET}", "headers": {"retry-after": "90"}}}]
    with Server(script) as server, sdk(server) as client, pytest.raises(RateLimited) as first:
        wrap(client, adapter=tap).create(**ASK)
    tap.recording.save(path)
    with pytest.raises(RateLimited) as again:
        replayed(path).create(**ASK)
    assert again.value == first.value
    assert again.value.retry_after == 90


def test_a_stream_that_broke_off_breaks_off_again(server: Server, tap: RecordingAdapter, tmp_path: Path) -> None:
    """At the same event."""
    path = tmp_path / "traffic.json"
    with sdk(server) as client, wrap(client, adapter=tap).stream(**ASK) as stream:
        stream.until_done()
    recording = tap.recording
    [exchange] = recording.exchanges
    exchange["events"] = exchange["events"][:-3]
    recording.save(path)
    with replayed(path, compare=False).stream(**ASK) as stream, pytest.raises(IncompleteStream):
        stream.until_done()


def test_no_secret_is_written(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a key in a header, nor one that someone says, nor what a variable with the name of one holds."""
    monkeypatch.setenv("HOUSE_API_KEY", "swordfish-for-the-house")
    adapter = RecordingAdapter(load_adapter("openai"))
    asked = {**ASK, "messages": [{"role": "user", "content": f"weather, {SECRET}, swordfish-for-the-house"}]}
    with sdk(server) as client:
        wrap(client, adapter=adapter).create(
            **asked, extra_headers={"x-api-key": "a-secret-of-mine"}, on_invalid="keep"
        )
    text = adapter.recording.to_json()
    assert [secret for secret in (SECRET, "swordfish", "a-secret-of-mine") if secret in text] == []
    assert "weather, ***, ***" in text


LETTERS = "aB3dE5gH7jK9mN1pQ2sT4vW6"
# By their first letters; in two parts, so that no one who searches this file takes them for keys.
KEYS = [
    "glpat" + f"-{LETTERS}",
    "npm" + f"_{LETTERS}",
    "r8" + f"_{LETTERS}",
    "fw" + f"_{LETTERS}",
    "jina" + f"_{LETTERS}",
    "tvly" + f"-dev-{LETTERS}",
    "lsv2" + f"_pt_{LETTERS}",
    "pcsk" + f"_{LETTERS}_{LETTERS}",
    "dapi" + "0123456789abcdef" * 2,
    "SG" + f".{LETTERS}.{LETTERS}",
]
PLAIN = "npm_install, fw_update_of_the_router, dapi0, r8_c, SG.14, glpat-, jina_ai, lsv2 and tvly-x"


@pytest.mark.parametrize("key", KEYS)
def test_keys_of_others_are_known_by_their_form(key: str) -> None:
    """In what was asked and in what came, whole or in pieces; words that begin alike stay."""
    pieces = [{"choices": [{"delta": {"content": part}}]} for part in (f"it is {key[:7]}", f"{key[7:]}, {PLAIN}")]
    request = {"messages": [{"role": "user", "content": f"{key}, {PLAIN}"}]}
    response = {"choices": [{"message": {"content": f"{key}, {PLAIN}"}}]}
    exchanges = ({"request": request, "response": response}, {"request": request, "events": pieces})
    cleaned = [cleaned_exchange(exchange, ()) for exchange in exchanges]
    text = json.dumps(cleaned)
    assert (LETTERS in text, key[7:] in text, text.count(PLAIN)) == (False, False, 4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is no recording: JSONDecodeError"),
        ("[]", "is no recording: TypeError"),
        ('{"adapter": "openai"}', "is no recording: KeyError: 'toolfan_recording'"),
        ('{"toolfan_recording": 1, "adapter": "openai", "exchanges": [{"request": {}}]}', "a response, events or an"),
        ('{"toolfan_recording": 2, "adapter": "openai", "exchanges": []}', "is of version 2"),
        ('{"toolfan_recording": 1, "adapter": "openai", "exchanges": {}}', "exchanges is no list"),
        ('{"toolfan_recording": 1, "adapter": 1, "exchanges": []}', "adapter is no text"),
        ('{"adapter": "a", "adapter": "b"}', "the recording has the key 'adapter' twice"),
        ('{"exchanges": [{"request": {"a": 1, "a": 2}}]}', r"exchanges\[0\]\.request has the key 'a' twice"),
    ],
)
def test_what_is_no_recording_is_told(tmp_path: Path, content: str, message: str) -> None:
    """With the path."""
    path = tmp_path / "traffic.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=message) as caught:
        replayed(path)
    assert "traffic.json" in str(caught.value)
    with pytest.raises(ConfigError, match="FileNotFoundError"):
        replayed(tmp_path / "nothing.json")


@pytest.fixture
def workplace(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TOOLFAN")]:
        monkeypatch.delenv(name)
    (tmp_path / "taped_tools.py").write_text(
        "from pydantic import BaseModel\n\n\nclass Weather(BaseModel):\n    location: str\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "taped_tools", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("OPENAI_BASE_URL", server.openai_url)


def record(*more: str, target: str = "openai:gpt-x") -> Any:
    arguments = ["record", "traffic.json", "weather in toronto and dallas", "--tools", "taped_tools:Weather"]
    return CliRunner().invoke(app, [*arguments, "--with", target, *more])


@pytest.mark.usefixtures("workplace")
def test_the_command_writes_a_recording() -> None:
    """And goes on with one that is there; the calls are printed."""
    first, second = record(), record("--stream")
    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    for done in (first, second):
        assert [json.loads(line)["arguments"]["location"] for line in done.stdout.splitlines()] == ["Toronto", "Dallas"]
    recording = Recording.load("traffic.json")
    assert [sorted(exchange) for exchange in recording.exchanges] == [
        ["headers", "request", "request_id", "response"],
        ["events", "headers", "request", "request_id"],
    ]


@pytest.mark.usefixtures("workplace")
def test_the_command_records_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """And ends with status 1."""
    with Server([{"error": {"status": 401, "message": "who are you"}}]) as refusing:
        monkeypatch.setenv("OPENAI_BASE_URL", refusing.openai_url)
        done = record()
    assert done.exit_code == 1
    assert "AuthenticationError" in done.stderr
    assert Recording.load("traffic.json").exchanges[0]["error"]["type"] == "AuthenticationError"


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize("more", [(), ("--stream",)])
def test_the_command_leaves_the_key_of_a_profile_out(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    """Its variable has no name of a secret; it stands in messages, and in arguments."""
    key = "house-abc-1234-zz"
    monkeypatch.setenv("HOUSE_CRED", key)
    address = f'base_url = "{server.openai_url}"\napi_key_env = "HOUSE_CRED"'
    (tmp_path / "toolfan.toml").write_text(f'[profiles.x]\nadapter = "openai"\nmodel = "m"\n{address}\n')
    asked = ["record", "traffic.json", f"weather in {key}", "--tools", "taped_tools:Weather", "--profile", "x"]
    done = CliRunner().invoke(app, [*asked, "--tool-choice", "required", *more])
    assert done.exit_code == 0, done.stderr
    said = (tmp_path / "traffic.json").read_text()
    assert key not in said
    assert "weather in ***" in said


@pytest.mark.usefixtures("workplace")
def test_the_command_tells_why_no_client_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an error of toolfan's, without the key."""

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError(f"no luck with {SECRET}")

    monkeypatch.setattr("toolfan_local.service.connect", fail)
    done = record(target="local")
    assert done.exit_code == 2
    assert "the SDK cannot make a client: RuntimeError: no luck with ***" in done.stderr


@pytest.mark.usefixtures("workplace")
def test_the_command_keeps_to_one_adapter(tmp_path: Path) -> None:
    """A recording of another one is not mixed with it."""
    assert record(target="local").exit_code == 0
    done = record()
    assert done.exit_code == 2
    assert "traffic.json is a recording of local" in done.stderr
    assert len(Recording.load(tmp_path / "traffic.json").exchanges) == 1


def test_a_recording_knows_its_model(server: Server, tap: RecordingAdapter, tmp_path: Path) -> None:
    """Nobody needs to name it again; of two it is not guessed."""
    with sdk(server) as client:
        recorded = wrap(client, adapter=tap)
        whole = recorded.create(**ASK)
        tap.recording.save(tmp_path / "one.json")
        recorded.create(**ASK | {"model": "gpt-y"})
        tap.recording.save(tmp_path / "two.json")
    unnamed = {name: value for name, value in ASK.items() if name != "model"}
    with replayed(tmp_path / "one.json") as again:
        assert list(again.create(**unnamed)) == list(whole)
    assert list(asyncio.run(replayed_async(tmp_path / "one.json").create(**unnamed))) == list(whole)
    with replayed(tmp_path / "two.json") as again, pytest.raises(UsageError, match="model"):
        again.create(**unnamed)
    with replayed(tmp_path / "two.json", model="gpt-y") as again:
        assert list(again.create(**unnamed)) == list(whole)
