"""A value that cannot be written is an error in its own line; the others are printed.  So are tools that print."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("typer")
from toolfan.cli.app import app
from typer.testing import CliRunner

TOOLS = """
from pydantic import BaseModel, ConfigDict, computed_field

print("the tools are loaded")

class Share(BaseModel):
    parts: int

    @computed_field
    @property
    def each(self) -> float:
        return 1 / self.parts

class Blob(BaseModel):
    model_config = ConfigDict(val_json_bytes="base64")
    data: bytes

class Note(BaseModel):
    text: str
"""
GIVEN: list[tuple[str, dict[str, Any]]] = [("Share", {"parts": 0}), ("Blob", {"data": "/w=="}), ("Note", {"text": "n"})]
EXPECTED = [
    ("Share", "ZeroDivisionError: division by zero"),
    ("Blob", "invalid utf-8"),
    ("Note", None),
]


@pytest.fixture(autouse=True)
def _workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "odd_values.py").write_text(TOOLS)
    script = [{"calls": [{"name": name, "arguments": arguments} for name, arguments in GIVEN]}]
    (tmp_path / "answers.json").write_text(json.dumps(script))
    (tmp_path / "toolfan.toml").write_text('[profiles.p]\nadapter = "local"\nscript = "answers.json"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "odd_values", raising=False)


def run(*arguments: str, given: str | None = None) -> Any:
    return CliRunner().invoke(app, [*arguments, "--tools", "odd_values:Share,Blob,Note"], input=given)


def check(printed: str) -> list[dict[str, Any]]:
    """Every line is JSON: the last call is good, those before it are errors with what came."""
    lines = [json.loads(line) for line in printed.splitlines()]
    assert [line["name"] for line in lines] == [name for name, _ in EXPECTED]
    for line, (_, said), (_, arguments) in zip(lines, EXPECTED, GIVEN, strict=True):
        if said is None:
            assert line["arguments"] == arguments
        else:
            assert (line["error"]["type"], json.loads(line["raw"])) == ("UsageError", arguments)
            assert line["error"]["message"].startswith("the value cannot be written as JSON: ")
            assert said in line["error"]["message"]
    return lines


def test_decode_goes_on_with_the_next_line() -> None:
    rows = []
    for name, arguments in GIVEN:
        call = {"id": "a", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        message = {"role": "assistant", "tool_calls": [call]}
        body = {"choices": [{"finish_reason": "tool_calls", "message": message}]}
        rows.append({"custom_id": f"of {name}", "response": {"status_code": 200, "body": body}})
    done = run("decode", "--with", "openai", given="\n".join(map(json.dumps, rows)))
    assert done.exit_code == 1
    assert [line["custom_id"] for line in check(done.stdout)] == ["of Share", "of Blob", "of Note"]


@pytest.mark.parametrize("more", [[], ["--stream"], ["--keep"], ["--stream", "--keep"]], ids=" ".join)
def test_call_prints_every_line_and_ends_with_1(more: list[str]) -> None:
    done = run("call", "?", "--profile", "p", "--json", *more)
    assert done.exit_code == 1
    check(done.stdout)
    assert done.stderr == "the tools are loaded\n"


def test_record_prints_every_line_and_keeps_the_traffic() -> None:
    done = run("record", "traffic.json", "?", "--profile", "p")
    assert done.exit_code == 0  # as for calls that are invalid
    check(done.stdout)
    assert Path("traffic.json").exists()


@pytest.mark.parametrize("more", [[], ["--stream"]], ids=" ".join)
def test_what_cannot_be_shown_to_people_is_told(more: list[str]) -> None:
    done = run("call", "?", "--profile", "p", *more)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "Share: the value cannot be shown: ZeroDivisionError: division by zero; the arguments were '{\"parts\": 0}'",
        "Blob(data=b'\\xff')",
        "Note(text='n')",
    ]
