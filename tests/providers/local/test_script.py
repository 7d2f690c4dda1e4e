"""Scripted answers: how they are read, refused, chosen and used up."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from toolfan_local.exchange import Failure, Reply, ReplyCall, TokenCount, Verbatim
from toolfan_local.script import Script, ScriptError, load_script

if TYPE_CHECKING:
    from pathlib import Path

TOML = """
otherwise = "planner"

[[answers]]
contains = "WEATHER"
times = 2
calls = [{ name = "Weather", arguments = { location = "Oslo" } }, { name = "Weather", arguments = "{broken", id = "x" }]
usage = { prompt_tokens = 5, completion_tokens = 7 }

[[answers]]
model = "slow"
delay = 0.5
error = { status = 429, message = "later", retry_delay = 2.5, headers = { Retry-After = "3" } }

[[answers]]
matches = "^raw"
times = "always"
body = { content = "not json", status = 502, content_type = "text/plain" }
"""


def test_a_toml_file(tmp_path: Path) -> None:
    path = tmp_path / "script.toml"
    path.write_text(TOML, encoding="utf-8")
    script = load_script(path)
    weather = script.take(model="m", text="the weather please")
    assert weather is not None
    calls = (ReplyCall("Weather", {"location": "Oslo"}), ReplyCall("Weather", "{broken", "x"))
    assert weather.outcome() == Reply(calls, tokens=TokenCount(5, 7))
    slow = script.take(model="slow", text="anything")
    assert slow is not None
    assert slow.delay == 0.5
    assert slow.outcome() == Failure(429, "later", headers={"Retry-After": "3"}, retry_delay=2.5)
    raw = script.take(model="m", text="raw, please")
    assert raw is not None
    assert raw.outcome() == Verbatim(b"not json", 502, "text/plain")
    assert script.otherwise == "planner"


def test_a_json_file_and_a_list_say_the_same(tmp_path: Path) -> None:
    answers: list[Any] = [{"text": "a"}, {"text": "b", "stop": "length"}]
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"answers": answers}), encoding="utf-8")
    assert load_script(str(path)).answers == load_script(answers).answers
    script = load_script(answers)
    assert load_script(script) is script


def test_answers_are_used_up_in_order() -> None:
    script = load_script([{"text": "a", "times": 2}, {"text": "b"}, {"text": "c", "model": "other"}])
    assert script.remaining() == 4
    taken = [script.take(model="m", text="") for _ in range(4)]
    assert [answer and answer.text for answer in taken] == ["a", "a", "b", None]
    assert script.remaining() == 1


def test_threads_never_share_an_answer() -> None:
    script = load_script([{"text": str(number)} for number in range(200)])
    texts: list[str | None] = []

    def take() -> None:
        for _ in range(50):
            answer = script.take(model="m", text="")
            texts.append(answer.text if answer else None)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(texts, key=str) == sorted((str(number) for number in range(200)), key=str)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([{"txt": "a"}], "script: answers[0].txt: Extra inputs are not permitted"),
        ([{"text": "a"}, {}], "script: answers[1]: Value error, give exactly one of"),
        ([{"text": "a", "error": {"status": 500}}], "script: answers[0]: Value error, give exactly one of"),
        ([{"error": {"status": 200}}], "script: answers[0].error.status: Input should be greater than or equal to 400"),
        ([{"text": "a", "matches": "("}], "script: answers[0].matches: Value error, not a regular expression"),
        ([{"text": "a", "delay": -1}], "script: answers[0].delay: Input should be greater than or equal to 0"),
        ("missing.toml", "missing.toml: cannot be read: No such file or directory"),
    ],
)
def test_wrong_scripts_are_refused_with_their_position(answers: Any, message: str) -> None:
    with pytest.raises(ScriptError) as caught:
        load_script(answers)
    assert str(caught.value).startswith(message)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    for name, kind in (("a.toml", "TOML"), ("a.json", "JSON")):
        path = tmp_path / name
        path.write_text("[[answers", encoding="utf-8")
        with pytest.raises(ScriptError, match=f"{name}: not {kind}: Expect"):
            load_script(path)


def test_an_exhausted_script_says_for_which_question() -> None:
    failure = Script(answers=()).exhausted("m", "hello")
    assert failure.status == 400
    assert failure.code == "script_exhausted"
    assert "'hello'" in failure.message
