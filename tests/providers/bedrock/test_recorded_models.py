"""Recordings of Bedrock's traffic, whose model is in the address: `toolfan record`, and what answers from its file."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from bedrock_asking import MODEL
from bedrock_wire import SECRET
from toolfan import ConfigError, UsageError
from toolfan.cli.app import app
from toolfan.testing import replayed, replayed_async
from toolfan_local import Server
from typer.testing import CliRunner

if TYPE_CHECKING:
    from collections.abc import Iterator

QUESTION = "weather in toronto and dallas"
TOOLS = "from pydantic import BaseModel\n\n\nclass Weather(BaseModel):\n    location: str\n"
OTHER = "us.amazon.nova-pro-v1:0"


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "taped_tools.py").write_text(TOOLS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "taped_tools", raising=False)
    with Server() as server:
        (tmp_path / "toolfan.toml").write_text(
            f'[profiles.aws]\nadapter = "bedrock"\nregion = "us-east-1"\nendpoint_url = "{server.base_url}"\n'
        )
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "planted-id")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        yield


def record(*more: str, model: str = MODEL) -> list[dict[str, Any]]:
    """The exchanges in the file, after one more was recorded."""
    settings = Path("toolfan.toml")
    said = settings.read_text().partition("model =")[0].rstrip()
    settings.write_text(f'{said}\nmodel = "{model}"\n')
    asked = ["record", "t.json", QUESTION, "--tools", "taped_tools:Weather", "--profile", "aws", *more]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(Path("t.json").read_text())["exchanges"]
    return found


def ask(**more: Any) -> dict[str, Any]:
    from taped_tools import Weather

    return {"messages": [{"role": "user", "content": QUESTION}], "tools": [Weather], **more}


def places(calls: Any) -> list[str]:
    return [call.location for call in calls]


def test_a_recording_knows_the_model_of_the_address() -> None:
    """Nobody needs to name it again, whole or streamed, sync or async."""
    record()
    assert [one["model"] for one in record("--stream")] == [MODEL, MODEL]
    with replayed("t.json") as client:
        assert places(client.create(**ask())) == ["Toronto", "Dallas"]
        with client.stream(**ask()) as stream:
            stream.until_done()
        assert places(stream.calls) == ["Toronto", "Dallas"]
        assert client.sdk_client.left == []
    assert places(asyncio.run(replayed_async("t.json").create(**ask()))) == ["Toronto", "Dallas"]


def test_a_request_to_another_model_is_another_request() -> None:
    """As where the body names it."""
    record()
    with pytest.raises(UsageError, match=f"model was '{MODEL}' and is '{OTHER}'"):
        replayed("t.json").create(**ask(model=OTHER))
    assert [one["model"] for one in record(model=OTHER)] == [MODEL, OTHER]
    with pytest.raises(UsageError, match="no model is named"):
        replayed("t.json").create(**ask())
    with replayed("t.json") as client:
        client.create(**ask(model=OTHER))
        assert [one["model"] for one in client.sdk_client.left] == [MODEL]


def test_a_recording_without_a_model_answers_all() -> None:
    """Those of earlier versions have none."""
    content = {"toolfan_recording": 1, "adapter": "bedrock", "exchanges": record()}
    for one in content["exchanges"]:  # type: ignore[attr-defined]
        del one["model"]
    Path("t.json").write_text(json.dumps(content))
    assert places(replayed("t.json").create(**ask(model=OTHER))) == ["Toronto", "Dallas"]
    with pytest.raises(UsageError, match="no model is named"):
        replayed("t.json").create(**ask())


def test_a_model_that_is_no_text_is_told() -> None:
    """A mistake in a mend."""
    content = {"toolfan_recording": 1, "adapter": "bedrock", "exchanges": [{**record()[0], "model": 1}]}
    Path("t.json").write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=r"exchanges\[0\]: model is no text"):
        replayed("t.json")
