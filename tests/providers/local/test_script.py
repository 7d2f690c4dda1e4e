"""Scripted answers: how they are read, refused, chosen and used up."""

from __future__ import annotations

import json
import re
import threading
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anthropic
import openai
import pytest
from pydantic import BaseModel
from toolfan_local.exchange import Failure, Reply, ReplyCall, TokenCount, Verbatim
from toolfan_local.script import Script, ScriptError, load_script
from toolfan_local.server import Server

if TYPE_CHECKING:
    from pathlib import Path


class Day(BaseModel):
    """A value of a user's own."""


ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)
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


def test_dates_of_toml_are_their_iso_texts(tmp_path: Path) -> None:
    path = tmp_path / "script.toml"
    call = "{ name = 'Meet', arguments = { day = 2024-05-01, at = [08:30:00, 2024-05-01T08:30:00Z] } }"
    path.write_text(f"[[answers]]\ncalls = [{call}]\n", encoding="utf-8")
    expected = {"day": "2024-05-01", "at": ["08:30:00", "2024-05-01T08:30:00+00:00"]}
    with Server(path) as server, openai.OpenAI(base_url=server.openai_url, api_key="any", max_retries=0) as client:
        answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hello"}])
        assert json.loads(answer.choices[0].message.tool_calls[0].function.arguments) == expected  # type: ignore[index,union-attr]


@pytest.mark.parametrize(("name", "said"), [("s.json", '[{"text": "a"}]'), ("s.toml", 'answers = [{ text = "a" }]')])
def test_a_byte_order_mark_is_passed_over(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / name).write_text(said, encoding="utf-8-sig")
    assert load_script(tmp_path / name).answers[0].text == "a"


def test_nan_in_a_json_file_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text('[{"calls": [{"name": "W", "arguments": {"x": NaN}}]}]', encoding="utf-8")
    with pytest.raises(
        ScriptError, match=r"script.json: answers\[0\].calls\[0\].arguments.x: expected JSON, but got nan"
    ):
        load_script(path)


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
        ([{"txt": "a"}], "answers[0].txt: there is no such key; there are model, contains, matches, times,"),
        ([{"text": "a"}, {}], "answers[1]: give exactly one of"),
        ([{"text": "a", "error": {"status": 500}}], "answers[0]: give exactly one of"),
        ([{"calls": [], "error": {"status": 500}}], "answers[0]: give exactly one of"),
        ([{"error": {"status": 200}}], "answers[0].error.status: expected a whole number from 400 to 599, but got 200"),
        ([{"body": {"content": 3}}], "answers[0].body.content: expected a text, an object or a list, but got 3"),
        ([{"error": {}}], "answers[0].error.status: it is missing: expected a whole number from 400"),
        ([{"error": {"status": 400, "headers": {"a": 3}}}], "answers[0].error.headers.a: expected a text, but got 3"),
        ([{"text": "a", "matches": "("}], "answers[0].matches: not a regular expression"),
        ([{"text": "a", "delay": -1}], "answers[0].delay: expected a number of seconds, 0 or more, but got -1"),
        ([{"text": "a", "times": 0}], "answers[0].times: expected a whole number, 1 or more, or 'always', but got 0"),
        ([{"text": "a", "pace": "fast"}], "answers[0].pace: expected a number of seconds, 0 or more, or an object"),
        ([{"text": "a", "pace": {"chunk": []}}], "answers[0].pace.chunk: expected a number of seconds, 0 or more, but"),
        ([{"calls": {"name": "W"}}], "answers[0].calls: expected a list of calls, but got an object"),
        ([{"calls": ["W"]}], "answers[0].calls[0]: expected an object with name, arguments and id, but got 'W'"),
        ([{"calls": [{"name": "W", "arguments": {1: 2}}]}],
         "answers[0].calls[0].arguments: expected an object, whose keys are texts, or a text that is sent as it is, "
         "but got an object with the key 1"),
        ([{"calls": [{"name": "W", "arguments": {"on": [0, {"day": date(2024, 5, 1)}]}}]}],
         "answers[0].calls[0].arguments.on[1].day: expected JSON, but got date, which JSON does not have; write what"),
        ([{"body": {"content": [{"x": {1}}]}}], "answers[0].body.content[0].x: expected JSON, but got set, which JSON"),
        ([{"body": {"content": {"x": Decimal(1)}}}], "answers[0].body.content.x: expected JSON, but got Decimal"),
        ([{"body": {"content": {"x": Day()}}}], "answers[0].body.content.x: expected JSON, but got Day"),
        ([{"calls": [{"name": "W", "arguments": {"x": float("nan")}}]}],
         "answers[0].calls[0].arguments.x: expected JSON, but got nan, which JSON does not have; arguments or a body "),
        ([{"calls": [{"name": "W", "arguments": {"x": {None: 2}}}]}],
         "answers[0].calls[0].arguments.x: expected JSON, but got an object with the key None; the keys of JSON are"),
        ([{"body": {"content": ENDLESS}}], "answers[0].body.content: expected JSON, but got what is nested deeper"),
        ([{"text": "a", "delay": float("inf")}], "answers[0].delay: expected a number of seconds, 0 or more, but got "),
        ({"answers": [3]}, "answers[0]: expected an object, but got 3"),
        ({"answers": {"text": "a"}}, "answers: expected a list of answers, but got an object"),
        (3, "top level: expected an object with answers, or a list of answers, but got 3"),
    ],
)  # fmt: skip
def test_wrong_scripts_are_refused_with_their_position_in_the_scripts_own_words(answers: Any, message: str) -> None:
    with pytest.raises(ScriptError) as caught:
        load_script(answers)
    (line,) = str(caught.value).splitlines()  # one reason, though a value may be read in several ways
    assert line.startswith(f"script: {message}")
    assert not re.search(r"tuple|dict|constrained|Value error|Input should|Scripted", line)


def test_every_wrong_place_is_told() -> None:
    with pytest.raises(ScriptError) as caught:
        load_script([{"calls": [{"nam": "W"}]}, {"text": 3}])
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == [
        "answers[0].calls[0].name", "answers[0].calls[0].nam", "answers[1].text",
    ]  # fmt: skip


def test_a_missing_file_is_told() -> None:
    with pytest.raises(ScriptError, match=r"missing.toml: cannot be read: No such file or directory"):
        load_script("missing.toml")


def test_a_model_that_calls_nothing() -> None:
    with Server([{"calls": [], "times": "always"}]) as server:
        client = openai.OpenAI(base_url=server.openai_url, api_key="any", max_retries=0)
        answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hello"}])
        assert (answer.choices[0].message.tool_calls, answer.choices[0].finish_reason) == (None, "stop")
        sdk = anthropic.Anthropic(base_url=server.anthropic_url, api_key="any", max_retries=0)
        message = sdk.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": "hello"}])
        assert (message.content, message.stop_reason) == ([], "end_turn")


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
