"""Recordings when something goes wrong: odd texts, broken writes, requests that never ended, mends by hand."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import pickle
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event
from typing import TYPE_CHECKING, Any, Literal

import openai
import pytest
from loopback import FaultServer, call, completion, faulty, http
from pydantic import BaseModel
from toolfan import AsyncClient, Client, ConfigError, QuotaExhausted, UsageError, load_adapter, wrap, wrap_async
from toolfan.cli.app import app
from toolfan.testing import Recording, RecordingAdapter, replayed
from toolfan.testing.delegation import Through
from typer.testing import CliRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from http.server import BaseHTTPRequestHandler
    from pathlib import Path

__all__ = ["faulty"]
HALF = "half an emoji: \ud83d, a whole one: ☔"


class Weather(BaseModel):
    location: str


ASK: dict[str, Any] = {
    "messages": [{"role": "user", "content": "Weather?"}],
    "tools": (Weather,),
    "model": "m",
    "on_invalid": "keep",
}


def saying(text: str) -> bytes:
    """An answer without calls."""
    return http(json.dumps(completion(finish="stop", content=text)))


@pytest.fixture
def tap() -> RecordingAdapter:
    return RecordingAdapter(load_adapter("openai"))


@pytest.fixture
def asking(tap: RecordingAdapter, faulty: Callable[..., FaultServer]) -> Iterator[Callable[..., Client]]:
    """`asking(*answers)`: a client, recorded, of a server that gives these answers."""
    with ExitStack() as stack:

        def asking(*answers: Any) -> Client:
            sdk = openai.OpenAI(base_url=faulty(*answers).url, api_key="sk-planted-key-4711", max_retries=0)
            return wrap(stack.enter_context(sdk), adapter=tap)

        yield asking


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TOOLFAN")]:
        monkeypatch.delenv(name)
    (tmp_path / "odd_tools.py").write_text("def weather(location: str) -> None: ...\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "odd_tools", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-key-4711")


def record(server: FaultServer, *more: str, file: str = "traffic.json") -> Any:
    arguments = ["record", file, "weather?", "--tools", "odd_tools:weather", "--with", "openai:m", *more]
    return CliRunner(env={"OPENAI_BASE_URL": server.url}).invoke(app, arguments)


def test_what_no_utf8_can_say_is_kept(tap: RecordingAdapter, asking: Callable[..., Client], tmp_path: Path) -> None:
    """Half an emoji comes back as it came; the rest stays readable."""
    path = tmp_path / "traffic.json"
    first = asking(saying(HALF)).create(**ASK)
    tap.recording.save(path)
    assert r"half an emoji: \ud83d, a whole one: ☔" in path.read_text(encoding="utf-8")
    again = replayed(path).create(**ASK)
    assert (again.text, again.raw) == (first.text, first.raw)
    assert again.raw["choices"][0]["message"]["content"] == HALF


def test_a_recording_that_cannot_be_written_harms_none_that_was_there(tmp_path: Path) -> None:
    """The file is replaced as a whole, its permissions stay, and nothing is left beside it."""
    path = tmp_path / "traffic.json"
    Recording("openai").save(path)
    path.chmod(0o640)
    before = path.read_text()
    with pytest.raises(TypeError):
        Recording("openai", [{"request": {}, "response": {"no JSON": object()}}]).save(path)
    assert path.read_text() == before
    Recording("openai", [{"request": {}, "response": {}}]).save(path)
    assert len(Recording.load(path).exchanges) == 1
    assert (path.stat().st_mode & 0o777, list(tmp_path.iterdir())) == (0o640, [path])


@pytest.mark.usefixtures("workplace")
def test_the_command_goes_on_after_half_an_emoji(faulty: Callable[..., FaultServer]) -> None:
    """What was recorded before it is kept, and so is it."""
    server = faulty(saying("fine"), saying(HALF), saying("fine, too"))
    assert [record(server).exit_code for _ in range(3)] == [0, 0, 0]
    answers = [one["response"]["choices"][0]["message"]["content"] for one in Recording.load("traffic.json").exchanges]
    assert answers == ["fine", HALF, "fine, too"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_cancelled_request_is_left_out(
    tap: RecordingAdapter, faulty: Callable[..., FaultServer], tmp_path: Path, *, stream: bool
) -> None:
    """What came before and after it is given again."""
    path, asked, over = tmp_path / "traffic.json", Event(), Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        if stream:
            handler.wfile.write(head_of_a_stream())
        asked.set()
        over.wait(20)

    async def streamed(client: AsyncClient) -> None:
        async with client.stream(**ASK) as answers:
            await answers.until_done()

    async def ask(client: openai.AsyncOpenAI) -> None:
        recorded = wrap_async(client, adapter=tap)
        await recorded.create(**ASK)
        task = asyncio.create_task(streamed(recorded) if stream else recorded.create(**ASK))
        await asyncio.to_thread(asked.wait, 20)
        tap.recording.save(path)  # while it is under way
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await recorded.create(**ASK)

    async def main() -> None:
        url = faulty(saying("one"), hang, saying("two")).url
        async with openai.AsyncOpenAI(base_url=url, api_key="sk-planted-key-4711", max_retries=0) as client:
            await ask(client)

    try:
        asyncio.run(main())
    finally:
        over.set()
    assert len(Recording.load(path).exchanges) == 1
    tap.recording.save(path)
    again = replayed(path)
    assert [again.create(**ASK).text for _ in range(2)] == ["one", "two"]


def head_of_a_stream() -> bytes:
    """The first event of a stream that says no more."""
    return b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\n" + chunk({"role": "assistant", "content": "Hm"})


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    """One event of a stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    event = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(event)}\n\n".encode()


def test_a_stream_that_was_left_early_is_kept(
    tap: RecordingAdapter, asking: Callable[..., Client], tmp_path: Path
) -> None:
    """It is given again as far as it was read: to one who leaves it there, too."""
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "Weather", "arguments": '{"location":""}'}}
    events = head_of_a_stream() + chunk({"tool_calls": [call]}) + chunk({"tool_calls": [{**call, "index": 1}]})
    with asking(events).stream(**ASK) as stream:
        first = next(iter(stream))
    tap.recording.save(tmp_path / "traffic.json")
    with replayed(tmp_path / "traffic.json").stream(**ASK) as stream:
        assert next(iter(stream)) == first


@pytest.mark.usefixtures("workplace")
def test_an_interrupted_command_writes_nothing(faulty: Callable[..., FaultServer], tmp_path: Path) -> None:
    """What was there is there still, and can be continued."""
    asked, over = Event(), Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        asked.set()
        over.wait(20)

    server = faulty(saying("one"), hang, saying("two"))
    assert record(server).exit_code == 0
    before = (tmp_path / "traffic.json").read_bytes()
    command = [sys.executable, "-m", "toolfan.cli", "record", "traffic.json", "weather?", "--tools"]
    running = subprocess.Popen(
        [*command, "odd_tools:weather", "--with", "openai:m"],
        env={**os.environ, "OPENAI_BASE_URL": server.url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert asked.wait(60)
        running.send_signal(signal.SIGINT)
        assert running.wait(60) != 0
    finally:
        over.set()
        running.kill()
    assert (tmp_path / "traffic.json").read_bytes() == before
    assert record(server).exit_code == 0
    assert len(Recording.load("traffic.json").exchanges) == 2


def test_what_stands_under_the_name_of_a_secret_is_not_written(
    tap: RecordingAdapter, asking: Callable[..., Client]
) -> None:
    """Also as a key, beside its name, where the answer repeats it; what the model says there stays, if it is a word."""
    body = {"api_key": "hunter22", "auth": {"password": "hunter"}, "tokens": {"sk-abcdefgh12345": "x"}}
    body |= {"headers": [{"name": "x-api-key", "value": "hunter44"}], "pairs": [["cookie", "hunter5"]]}
    body |= {"run": ["--token", "hunter6", "left"]}
    named = [{"name": "password", "value": "hunter7777"}, {"name": "key", "value": "C major"}]
    echo = completion(finish="stop", content="you said hunter22") | {"echo": {"token": "hunter33", "key": "C major"}}
    echo |= {"named": named, "at": "https://x/?X-Amz-Signature=hunter88&v=1 'token' => 'hunter99'"}
    asking(http(json.dumps(echo))).create(**ASK, extra_body=body)
    [exchange] = json.loads(tap.recording.to_json())["exchanges"]
    assert "hunter" not in json.dumps(exchange)
    kept = {"api_key": "***", "auth": {"password": "***"}, "tokens": {"***": "x"}, "run": ["--token", "***", "left"]}
    kept |= {"headers": [{"name": "x-api-key", "value": "***"}], "pairs": [["cookie", "***"]]}
    assert {name: exchange["request"][name] for name in body} == kept
    assert exchange["response"]["choices"][0]["message"]["content"] == "you said ***"
    assert exchange["response"]["echo"] == {"token": "***", "key": "C major"}
    assert exchange["response"]["named"] == [{**named[0], "value": "***"}, named[1]]
    assert exchange["response"]["at"] == "https://x/?X-Amz-Signature=***&v=1 'token' => '***'"


def test_names_of_fields_are_no_secrets(tap: RecordingAdapter, asking: Callable[..., Client], tmp_path: Path) -> None:
    """Two required fields, two words, two columns, and a named value that stands alone: all is given again."""

    class Look(BaseModel):
        token: str
        address_line_2: Literal["cookie", "session_storage_v2"]

    said = {"token": "abc", "address_line_2": "session_storage_v2"}
    call = {"id": "c1", "type": "function", "function": {"name": "Look", "arguments": json.dumps(said)}}
    odd = {"columns": ["customer_key", "customer_first_name"], "name": "primary_key", "value": "customer_id_2024"}
    pairs = {"rows": [["token", "address_line_2"]]}  # what stands so is hidden, and is no secret elsewhere
    body = completion(call) | {"odd": odd}
    first = asking(http(json.dumps(body))).create(**ASK | {"tools": (Look,)}, extra_body=pairs)
    tap.recording.save(tmp_path / "traffic.json")
    again = replayed(tmp_path / "traffic.json").create(**ASK | {"tools": (Look,)}, extra_body=pairs)
    assert list(again) == list(first) == [Look(**said)]
    assert again.raw["odd"] == odd


@pytest.mark.parametrize(
    "pieces",
    [
        ("the key is sk-re", "alkey12", "34567 !"),
        ("the key is Zebra", "-Purple", "-99 !"),
        ("the key is sk-realkey1234567", " !"),
        ("the key is ", "", "sk-realkey1234567 !"),
        (*"the key is sk-realkey1234567 !",),
    ],
)
def test_a_key_that_a_stream_says_in_pieces_is_not_written(
    tap: RecordingAdapter, asking: Callable[..., Client], monkeypatch: pytest.MonkeyPatch, pieces: tuple[str, ...]
) -> None:
    """Neither in a text nor in the arguments of calls that take turns; what stands around it stays."""
    monkeypatch.setenv("HOUSE_API_KEY", "Zebra-Purple-99")
    called = [
        chunk({"tool_calls": [{"index": at, "function": {"arguments": piece}}]}) for piece in pieces for at in (0, 1)
    ]
    said = [chunk({"content": piece}) for piece in pieces]
    end = chunk({}, "stop") + b"data: [DONE]\n\n"
    with asking(b"".join([head_of_a_stream(), *said, *called, end])).stream(**ASK) as stream:
        stream.until_done()
    [exchange] = json.loads(tap.recording.to_json())["exchanges"]
    deltas = [event["choices"][0]["delta"] for event in exchange["events"] if event.get("choices")]
    assert "".join(delta.get("content") or "" for delta in deltas) == "Hmthe key is *** !"
    for at in (0, 1):
        calls = [call for delta in deltas for call in delta.get("tool_calls") or [] if call["index"] == at]
        assert "".join(call["function"]["arguments"] for call in calls) == "the key is *** !"
    assert len(deltas) == 3 * len(pieces) + 2


@pytest.mark.parametrize(
    "question",
    [
        "Is the token: abcdef1234567 valid?",
        "Is AKIAABCDEFGHIJKLsk-abcdef123 one key?",
        "https://me:word@host.example/?key=abc&sig=def eyJhbGciOiJIUzI1NiJ9.x",
    ],
)
def test_a_request_with_a_secret_is_given_its_answer(
    tap: RecordingAdapter, asking: Callable[..., Client], tmp_path: Path, question: str
) -> None:
    """It is compared as it is kept; another one is still another one, and the difference shows no secret."""
    path = tmp_path / "traffic.json"
    asked = {**ASK, "messages": [{"role": "user", "content": question}]}
    body = {"api_key": "hunter22", "metadata": {"sk-abcdefgh12345": "x"}}
    asking(saying("no")).create(**asked, extra_body=body)
    tap.recording.save(path)
    Recording.load(path).save(path)  # as the command does that goes on with one
    assert replayed(path).create(**asked, extra_body=body).text == "no"
    other = {**ASK, "messages": [{"role": "user", "content": "Is the token: bcdefg1234567 good?"}]}
    with pytest.raises(UsageError, match=r"and is 'Is the token: \*\*\* good\?'") as caught:
        replayed(path).create(**other, extra_body=body)
    assert not any(secret in str(caught.value) for secret in ("abcdef123", "word@", "eyJh", "hunter"))


def test_many_threads_are_answered_once_each(tmp_path: Path) -> None:
    """No exchange is given twice or lost, and nobody gets an error."""
    path, many = tmp_path / "traffic.json", 400
    answers = [{"response": completion(finish="stop", content=str(at))} for at in range(many)]
    Recording("openai", [{"request": {}, **answer} for answer in answers]).save(path)
    client = replayed(path, compare=False)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(16) as pool:
            texts = list(pool.map(lambda _: client.create(**ASK).text, range(many)))
    finally:
        sys.setswitchinterval(interval)
    assert sorted(map(int, texts)) == list(range(many))
    assert client.sdk_client.left == []


@pytest.mark.parametrize(
    ("mended", "says"),
    [
        (
            {"error": {"type": "RateLimitted", "message": "slow"}},
            "a provider (Did you mean 'RateLimited'?)",
        ),
        ({"error": {"type": "annotations", "message": "slow"}}, "error.type is 'annotations', which is no error"),
        ({"error": {"type": "UsageError", "message": "slow"}}, "error.type is 'UsageError', which is no error"),
        ({"error": {"message": "slow"}}, "error.type is None"),
        ({"error": {"type": "RateLimited", "retry-after": 1}}, "no field 'retry-after' (Did you mean 'retry_after'?)"),
        ({"error": "slow"}, "error is no object"),
        ({"response": None}, "response is no object"),
        ({"events": [1]}, "events is no list of objects"),
        ({"response": {}, "events": []}, "either a response, or events, or an error"),
        ({"error": {"type": "RateLimited", "status": "429"}}, "error.status is '429', not a whole number"),
        ({"error": {"type": "RateLimited", "retry_after": True}}, "error.retry_after is True, not a number of seconds"),
        ({"error": {"type": "RateLimited", "message": 1}}, "error.message is 1, not a text"),
        ({"request": {"t": float("nan")}, "response": {}}, "request has NaN or Infinity"),
    ],
)
def test_a_mistake_in_a_mend_is_told(tmp_path: Path, mended: dict[str, Any], says: str) -> None:
    """With the place, when the recording is loaded."""
    path = tmp_path / "traffic.json"
    good = {"request": {}, "response": {}}
    content = {"toolfan_recording": 1, "adapter": "openai", "exchanges": [good, {"request": {}, **mended}]}
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigError) as caught:
        replayed(path)
    assert "exchanges[1]: " in str(caught.value)
    assert says in str(caught.value)


def test_an_error_of_an_adapters_own_is_kept_as_toolfans(tmp_path: Path) -> None:
    """A replay needs only toolfan's classes."""

    class Crowded(QuotaExhausted):
        pass

    class Sender:
        def send(self, request: Any, **_: Any) -> Any:
            raise Crowded("too many people")

        def close(self) -> None: ...

    class Crowding(Through):
        def transport(self, client: object, *, use_async: bool) -> Any:
            return Sender()

    tap = RecordingAdapter(Crowding(load_adapter("openai")))
    with openai.OpenAI(api_key="sk-planted-key-4711") as sdk, pytest.raises(Crowded):
        wrap(sdk, adapter=tap).create(**ASK)
    tap.recording.save(tmp_path / "traffic.json")
    with pytest.raises(QuotaExhausted, match="too many people"):
        replayed(tmp_path / "traffic.json").create(**ASK)


@pytest.mark.usefixtures("workplace")
def test_a_recording_that_cannot_be_written_asks_nobody(faulty: Callable[..., FaultServer]) -> None:
    """Status 2, and what to do."""
    server = faulty(saying("fine"))
    done = record(server, file="nowhere/traffic.json")
    assert done.exit_code == 2
    assert "nowhere/traffic.json cannot be written: there is no folder " in done.stderr
    assert server.requests == []


KEY, HEADER, PASSWORD = "tenant42pass", "house.header.1", "pass-of-the-gateway"


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_client_authenticates_with_is_left_out(
    tap: RecordingAdapter, faulty: Callable[..., FaultServer], tmp_path: Path, *, stream: bool
) -> None:
    """No form of a key, in no variable: the client's key, a header's, an address's.  The same request is answered."""
    words = f"You are {KEY}, {HEADER} and {PASSWORD}."
    pieces = [chunk({"content": words[at : at + 12]}) for at in range(0, len(words), 12)]
    streamed = b"".join([head_of_a_stream(), *pieces, chunk({}, "stop"), b"data: [DONE]\n\n"])
    calls = [call("Weather", {"location": words})]
    answer = streamed if stream else http(json.dumps(completion(*calls, content=words)))
    asked = {**ASK, "messages": [{"role": "user", "content": f"Who is {KEY}?"}]}
    address = faulty(answer).url.replace("//", f"//me:{PASSWORD}@")
    with openai.OpenAI(base_url=address, api_key=KEY, max_retries=0) as sdk:
        client, headers = wrap(sdk, adapter=tap), {"x-api-key": HEADER}
        if stream:
            with client.stream(**asked, extra_headers=headers) as found:
                found.until_done()
        else:
            client.create(**asked, extra_headers=headers)
    path = tmp_path / "traffic.json"
    for recording in (tap.recording, copy.deepcopy(tap.recording)):
        recording.save(path)
        said = path.read_text()
        assert [secret for secret in (KEY, HEADER, PASSWORD) if secret[:8] in said or secret[-8:] in said] == []
        assert "Who is ***?" in said
    again = replayed(path)
    if stream:
        with again.stream(**asked) as told:
            told.until_done()
        assert told.calls.text.endswith("You are ***, *** and ***.")
    else:
        assert list(again.create(**asked)) == [Weather(location="You are ***, *** and ***.")]
        other = {**asked, "messages": [{"role": "user", "content": "Where is it?"}]}
        with pytest.raises(UsageError, match=r"was 'Who is \*\*\*\?' and is 'Where is it\?'"):
            replayed(path).create(**other)


def test_the_very_request_is_answered_before_one_that_may_have_been_it(
    tap: RecordingAdapter, asking: Callable[..., Client], tmp_path: Path
) -> None:
    path, texts = tmp_path / "traffic.json", ("Who is ***?", "Who is Zebra?")
    client = asking(*(saying(f"to {text}") for text in texts))
    for text in texts:
        client.create(**{**ASK, "messages": [{"role": "user", "content": text}]})
    tap.recording.save(path)
    again = replayed(path)
    for text in reversed(texts):
        assert again.create(**{**ASK, "messages": [{"role": "user", "content": text}]}).text == f"to {text}"


@pytest.mark.parametrize("named", [["Zebra", "", "of the house"], "Zebra of the house"])
def test_what_is_named_is_left_out(tap: RecordingAdapter, asking: Callable[..., Client], named: Any) -> None:
    """A text is one, and no letters; an empty one is nothing."""
    asking(saying("Zebra of the house: yes")).create(**ASK)
    tap.recording.leave_out(named)
    [exchange] = json.loads(tap.recording.to_json())["exchanges"]
    assert exchange["response"]["choices"][0]["message"]["content"] in ("*** ***: yes", "***: yes")


def test_a_recording_shows_and_pickles_no_key(tap: RecordingAdapter, asking: Callable[..., Client]) -> None:
    """What it keeps in memory, to leave it out of the file, is no text that something walks or stores."""
    asking(saying("no")).create(**ASK)
    assert b"sk-planted-key-4711" not in pickle.dumps(tap.recording)
    assert "sk-planted-key-4711" not in repr(vars(tap.recording))


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize("more", [[], ["--stream"]], ids=["whole", "stream"])
def test_the_command_prints_what_came_before_an_error(faulty: Callable[..., FaultServer], more: list[str]) -> None:
    """As `toolfan call` does."""
    body = completion(call("weather", {"location": "Oslo"}), finish="content_filter")
    message = body["choices"][0]["message"]
    chunk = {"choices": [{"index": 0, "delta": {**message, "tool_calls": [{"index": 0, **message["tool_calls"][0]}]}}]}
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "content_filter"}]}
    events = "".join(f"data: {json.dumps(one)}\n\n" for one in (chunk, end)) + "data: [DONE]\n\n"
    done = record(faulty(http(events, content_type="text/event-stream") if more else http(json.dumps(body))), *more)
    assert done.exit_code == 1
    assert [json.loads(line)["arguments"] for line in done.stdout.splitlines()] == [{"location": "Oslo"}]
    assert "what came before the stop is printed" in done.stderr
    assert len(Recording.load("traffic.json").exchanges) == 1
