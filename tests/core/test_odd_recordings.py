"""Recordings when something goes wrong: odd texts, broken writes, requests that never ended, mends by hand."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import openai
import pytest
from loopback import FaultServer, completion, faulty, http
from pydantic import BaseModel
from toolfan import Client, load_adapter, wrap
from toolfan.cli.app import app
from toolfan.testing import Recording, RecordingAdapter, replayed
from typer.testing import CliRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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
