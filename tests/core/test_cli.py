"""The command `toolfan`: in process where that is enough, as a process where it counts."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import toolfan
from shared_data import corpus
from toolfan.cli.app import app
from toolfan.registry.loading import clear_loaded_adapters
from toolfan_local import Server
from typer.testing import CliRunner

QUESTION = "What is the weather in toronto and dallas and who won the super bowl?"
TOOLS = """
from typing import Annotated, Any, Iterable, Literal
from pydantic import BaseModel

class Weather(BaseModel):
    location: str
    units: Literal["imperial", "metric"]

class GoogleSearch(BaseModel):
    query: str

def add(a: int, b: int = 1) -> int:
    return a + b

class Outer:
    class Inner(BaseModel):
        x: int

class Open(BaseModel):
    it: Any
    several: set[Any] = set()

BOTH = (Weather, GoogleSearch)
UNION = Weather | GoogleSearch
MANY = Iterable[Weather | GoogleSearch]
LISTED = [Annotated[list[Weather], "x"], GoogleSearch]
NONE = Weather | None
NOT_A_TOOL = 3
"""
WEATHER = {"name": "Weather", "arguments": {"location": "Toronto", "units": "metric"}}


@pytest.fixture(autouse=True)
def _workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test in a directory of its own, with tools in it and nothing configured."""
    (tmp_path / "demo_tools.py").write_text(TOOLS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "demo_tools", raising=False)
    for name in [name for name in os.environ if name.startswith("TOOLFAN")]:
        monkeypatch.delenv(name)


def run(*arguments: str, given: str | bytes | None = None, env: dict[str, str] | None = None) -> Any:
    return CliRunner().invoke(app, [*arguments], input=given, env=env)


def process(*arguments: str, given: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "toolfan.cli", *arguments],
        input=given,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


class TestCall:
    def test_typed_objects_are_printed(self) -> None:
        """One a line, in call order; status 0."""
        done = run("call", QUESTION, "--tools", "demo_tools:Weather,GoogleSearch", "--with", "local")
        assert (done.exit_code, done.stderr) == (0, "")
        assert done.stdout.splitlines() == [
            "Weather(location='Toronto', units='metric')",
            "Weather(location='Dallas', units='imperial')",
            "GoogleSearch(query='who won the super bowl')",
        ]

    def test_as_a_process(self) -> None:
        """`python -m toolfan.cli` is the command, and finds tools in the working directory."""
        done = process("call", QUESTION, "--tools", "demo_tools:BOTH", "--with", "local", "--json")
        assert (done.returncode, done.stderr) == (0, "")
        assert [call["name"] for call in lines(done.stdout)] == ["Weather", "Weather", "GoogleSearch"]

    def test_json_lines(self) -> None:
        """Index, id, name, arguments."""
        done = run("call", QUESTION, "--tools", "demo_tools:BOTH", "--with", "local", "--json")
        first = lines(done.stdout)[0]
        assert list(first) == ["index", "id", "name", "arguments"]
        assert first["arguments"] == {"location": "Toronto", "units": "metric"}

    @pytest.mark.parametrize("form", ["UNION", "MANY", "LISTED", "Weather,GoogleSearch,Weather"])
    def test_forms_of_several_tools_are_opened(self, form: str) -> None:
        done = run("request", "hi", "--tools", f"demo_tools:{form}", "--with", "openai:m")
        tools = json.loads(done.stdout)["tools"]
        assert [tool["function"]["name"] for tool in tools] == ["Weather", "GoogleSearch"]

    def test_a_function_as_a_tool(self) -> None:
        """Printed as the call that it would be; its arguments in JSON, defaults among them."""
        Path("answers.json").write_text(json.dumps([{"times": 2, "calls": [{"name": "add", "arguments": {"a": 2}}]}]))
        Path("toolfan.toml").write_text('default = "p"\n[profiles.p]\nadapter = "local"\nscript = "answers.json"\n')
        assert run("call", "?", "--tools", "demo_tools:add").stdout == "add(a=2, b=1)\n"
        assert lines(run("call", "?", "--tools", "demo_tools:add", "--json").stdout)[0]["arguments"] == {"a": 2, "b": 1}

    def scripted(self, *calls: dict[str, Any], text: str | None = None, **more: str) -> list[str]:
        Path("answers.json").write_text(json.dumps([{"calls": calls, "text": text, **more}]))
        Path("toolfan.toml").write_text('[profiles.p]\nadapter = "local"\nscript = "answers.json"\nmax_attempts = 1\n')
        return ["call", "?", "--tools", "demo_tools:BOTH", "--profile", "p"]

    def test_invalid_calls_end_with_1_and_the_good_ones_are_shown(self) -> None:
        """The calls are on standard output, what failed is on standard error."""
        done = run(*self.scripted(WEATHER, {"name": "Weather", "arguments": {}}), "--json")
        assert done.exit_code == 1
        assert ["error" in line for line in lines(done.stdout)] == [False, True]
        assert done.stderr.startswith("InvalidCalls: 1 of 2 calls failed")
        assert "--keep" in done.stderr

    def test_calls_before_a_filters_stop_are_shown(self) -> None:
        done = run(*self.scripted(WEATHER, stop="filtered"), "--json")
        assert (done.exit_code, lines(done.stdout)[0]["arguments"]) == (1, WEATHER["arguments"])
        assert done.stderr.startswith("ContentFiltered: ")

    def test_keep(self) -> None:
        """With --keep invalid calls are printed and are no failure."""
        done = run(*self.scripted(WEATHER, {"name": "Weather", "arguments": {}}), "--keep")
        assert (done.exit_code, done.stderr) == (0, "")
        assert "InvalidArguments" in done.stdout.splitlines()[1]

    def test_no_call_is_said_on_standard_error(self) -> None:
        """Standard output holds calls alone."""
        done = run(*self.scripted(text="I would rather talk."), "--json")
        assert (done.exit_code, done.stdout) == (0, "")
        assert "I would rather talk." in done.stderr

    def test_system_and_tool_choice_arrive(self) -> None:
        """They are in the request that the provider gets."""
        with Server() as server:
            Path("toolfan.toml").write_text(
                f'[profiles.p]\nadapter = "openai"\nmodel = "m"\nbase_url = "{server.openai_url}"\n'
            )
            done = run(
                *("call", QUESTION, "--tools", "demo_tools:BOTH", "--profile", "p"),
                *("--system", "Be brief.", "--tool-choice", "GoogleSearch"),
            )
        assert done.exit_code == 0
        body = server.requests[-1].body
        assert body["messages"][0] == {"role": "system", "content": "Be brief."}
        assert body["tool_choice"]["function"]["name"] == "GoogleSearch"

    def test_a_provider_that_fails_ends_with_1(self) -> None:
        """One message, no traceback."""
        Path("answers.json").write_text('[{"error": {"status": 401, "message": "no"}}]')
        Path("toolfan.toml").write_text('[profiles.p]\nadapter = "local"\nscript = "answers.json"\n')
        done = process("call", "?", "--tools", "demo_tools:BOTH", "--profile", "p")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("AuthenticationError: the provider answered 401")
        assert "Traceback" not in done.stderr

    def test_a_key_is_not_shown(self) -> None:
        """Not even with --debug."""
        with Server(api_key="right") as server:
            text = f'[profiles.p]\nadapter="openai"\nmodel="m"\nbase_url="{server.openai_url}"\napi_key_env="K"\n'
            Path("toolfan.toml").write_text(text)
            done = process("--debug", "call", "?", "--tools", "demo_tools:BOTH", "--profile", "p", K="sk-very-secret")
        assert done.returncode == 1
        assert "Traceback" in done.stderr
        assert "sk-very-secret" not in done.stdout + done.stderr


class TestWrongUse:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--tools", "demo_tool:Weather", "--with", "local"], "there is no module demo_tool"),
            (["--tools", "demo_tools:Wether", "--with", "local"], "Did you mean 'Weather'?"),
            (["--tools", "demo_tools:Outer.Iner", "--with", "local"], "there is no Iner in Outer"),
            (["--tools", "Weather", "--with", "local"], "Write module:Type"),
            (["--tools", "demo_tools:", "--with", "local"], "Write module:Type"),
            (["--tools", "./demo_tools.py:Weather", "--with", "local"], "Write the module's name, demo_tools:Type"),
            (["--tools", "demo_tools.py:Weather", "--with", "local"], "Write the module's name, demo_tools:Type"),
            (["--tools", "demo_tools:NOT_A_TOOL", "--with", "local"], "cannot be a tool"),
            (["--tools", "demo_tools:NONE", "--with", "local"], "None is no tool"),
            (["--tools", "demo_tools:BOTH", "--with", "opena"], "Did you mean 'openai'?"),
            (["--tools", "demo_tools:BOTH", "--with", ""], "the name of the adapter is empty"),
            (["--tools", "demo_tools:BOTH", "--with", " :gpt"], "the name of the adapter is empty"),
            (["--tools", "demo_tools:BOTH", "--with", "local", "--profile", "p"], "both"),
            (["--tools", "demo_tools:BOTH", "--profile", "p"], "p"),
            (["--tools", "demo_tools:BOTH"], "nothing is configured"),
            (["--tools", "demo_tools:BOTH", "--with", "local", "--tool-choice", "Nothing"], "Nothing"),
            (["--with", "local"], "--tools"),
        ],
    )
    def test_one_message_and_status_2(self, arguments: list[str], said: str) -> None:
        """On standard error; nothing on standard output."""
        done = run("call", "hi", *arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        assert said in done.stderr

    @pytest.mark.parametrize("question", ["", " \n"])
    def test_a_question_without_words_is_refused(self, question: str) -> None:
        done = run("call", question, "--tools", "demo_tools:BOTH", "--with", "local")
        assert (done.exit_code, done.stdout) == (2, "")
        assert "the question is empty" in done.stderr

    @pytest.mark.parametrize("closed", ["0<&-", "1>&-", "1>&- 2>&-"])
    @pytest.mark.parametrize("command", ["decode --with openai", "adapters", "adapters --json"])
    def test_a_stream_that_is_closed(self, command: str, closed: str) -> None:
        line = f"{shlex.quote(sys.executable)} -m toolfan.cli {command} {closed}"
        done = subprocess.run(line, shell=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if closed == "0<&-" and command != "decode --with openai":
            assert (done.returncode, done.stderr) == (0, "")
        else:
            told = "" if "2>" in closed else f"UsageError: standard {'in' if '<' in closed else 'out'}put is closed"
            assert (done.returncode, done.stdout) == (2, "")
            assert done.stderr.startswith(told)
            assert bool(done.stderr) == bool(told)

    def test_a_module_that_fails(self) -> None:
        """Its error is told; TOOLFAN_DEBUG shows where."""
        Path("broken_tools.py").write_text("import does_not_exist_either\n")
        arguments = ["call", "hi", "--tools", "broken_tools:X", "--with", "local"]
        quiet, loud = process(*arguments), process(*arguments, TOOLFAN_DEBUG="1")
        assert (quiet.returncode, loud.returncode) == (2, 2)
        assert "does_not_exist_either" in quiet.stderr
        assert "Traceback" not in quiet.stderr
        assert "broken_tools.py" in loud.stderr

    def test_an_unknown_command(self) -> None:
        """Status 2, as every wrong use."""
        assert run("frobnicate").exit_code == 2

    def test_what_is_unforeseen_is_one_message(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Status 1, with the way to see more."""

        def explode(**_: object) -> None:
            raise ZeroDivisionError("surprise")

        monkeypatch.setattr("toolfan.cli.adapters.installed_adapters", explode)
        done = run("adapters")
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr == "toolfan failed: ZeroDivisionError: surprise. Set TOOLFAN_DEBUG=1 to see where.\n"

    @pytest.mark.parametrize("missing", ["typer", "rich"])
    def test_without_the_extra(self, missing: str) -> None:
        """The command says what to install and ends with 2."""
        code = f"import sys; sys.modules[{missing!r}] = None; from toolfan.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, "adapters"], capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert 'pip install "toolfan[cli]"' in done.stderr
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize("command", ["demo", "serve"])
    def test_without_the_server(self, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """The commands that need toolfan-local say what to install, and nothing else: no server answers."""
        monkeypatch.setitem(sys.modules, "toolfan_local", None)
        done = run(command)
        assert (done.exit_code, done.stdout) == (2, "")
        assert 'pip install "toolfan[local]"' in done.stderr

    def test_version(self) -> None:
        """The installed one."""
        assert run("--version").stdout.startswith("toolfan 0.")


class TestAdapters:
    def test_json_lines(self) -> None:
        """Every installed adapter, loaded to prove it."""
        rows = lines(run("adapters", "--json").stdout)
        assert {"name": "local", "distribution": "toolfan-local", "version": "0.1.0", "api": 1} | {
            "status": "ok",
            "reason": None,
            "next": None,
        } in rows
        assert [row["name"] for row in rows] == sorted(row["name"] for row in rows)

    def test_cells_between_tabs_away_from_a_terminal(self) -> None:
        """A table is drawn on terminals alone."""
        first, *rest = run("adapters").stdout.splitlines()
        assert first.split("\t") == ["name", "distribution", "version", "api", "status", "reason"]
        assert ["local", "toolfan-local", "0.1.0", "1", "ok", ""] in [line.split("\t") for line in rest]

    def test_a_broken_one_is_listed_with_its_reason(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """It harms no other."""
        _distribution(tmp_path, "broken", "import nothing_like_it\n")
        monkeypatch.syspath_prepend(str(tmp_path / "broken"))
        rows = {row["name"]: row for row in lines(run("adapters", "--json").stdout)}
        assert rows["broken"]["status"] == "broken"
        assert "nothing_like_it" in rows["broken"]["reason"]
        assert rows["local"]["status"] == "ok"

    def test_a_disabled_one_is_blocked(self) -> None:
        """TOOLFAN_DISABLE shows."""
        rows = lines(run("adapters", "--json", env={"TOOLFAN_DISABLE": "local"}).stdout)
        assert [row["status"] for row in rows if row["name"] == "local"] == ["blocked"]


def _distribution(where: Path, name: str, code: str) -> None:
    """A distribution that offers one adapter, as an installer would leave it."""
    info = where / name / f"acme_{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme-{name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[toolfan.adapters]\n{name} = acme_{name}\n")
    (where / name / f"acme_{name}.py").write_text(code)


class TestRequest:
    @pytest.mark.parametrize("adapter", ["openai", "gemini", "local"])
    def test_it_needs_no_key(self, adapter: str) -> None:
        """And says what would go out."""
        done = run("request", QUESTION, "--tools", "demo_tools:BOTH", "--with", f"{adapter}:m")
        assert done.exit_code == 0
        assert QUESTION in json.dumps(json.loads(done.stdout))

    def test_it_imports_no_sdk(self) -> None:
        """Nor the planner."""
        code = (
            "import sys; sys.argv = ['toolfan', *sys.argv[1:]]\n"
            "from toolfan.cli import main\n"
            "try: main()\n"
            "finally: print({'openai', 'vertexai', 'google.genai', 'toolfan_local.planner'} & {*sys.modules},"
            " file=sys.stderr)"
        )
        arguments = ["request", QUESTION, "--tools", "demo_tools:BOTH", "--with"]
        for adapter in ("openai:m", "vertex:m", "local:m"):
            done = subprocess.run(
                [sys.executable, "-c", code, *arguments, adapter], capture_output=True, text=True, check=True
            )
            assert done.stderr.strip() == "set()"

    @pytest.mark.parametrize("adapter", ["openai", "gemini"])
    @pytest.mark.parametrize("more", ["", "parallel = false\n[profiles.p.options]\ntemperature = 0.5\n"])
    def test_it_is_what_is_really_sent(self, adapter: str, more: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """The same options of `call`, over the SDK, bring the same body to the server; those of the profile too."""
        monkeypatch.setenv("KEY_FOR_TEST", "any")
        with Server() as server:
            url = server.openai_url if adapter == "openai" else server.base_url
            Path("toolfan.toml").write_text(
                f'[profiles.p]\nadapter = "{adapter}"\nmodel = "m"\nbase_url = "{url}"\napi_key_env = "KEY_FOR_TEST"\n'
                f"{more}"
            )
            options = [QUESTION, "--tools", "demo_tools:BOTH", "--profile", "p", "--system", "Be brief."]
            shown = run("request", *options)
            sent = run("call", *options, "--keep")
        assert (shown.exit_code, sent.exit_code) == (0, 0), shown.stderr + sent.stderr
        body = server.requests[-1].body
        if body.get("generationConfig") == {}:
            del body["generationConfig"]  # google-genai adds it, empty
        assert json.loads(shown.stdout) == body

    def test_what_no_transport_would_send_is_refused(self) -> None:
        """The place of the fault is named; what is to be mended is the caller's: status 2."""
        done = run("request", "a \udc80 byte", "--tools", "demo_tools:BOTH", "--with", "openai:m")
        assert done.exit_code == 2
        assert "messages[0].content" in done.stderr

    def test_an_adapter_without_a_model(self) -> None:
        """What the provider demands is demanded here."""
        assert run("request", "hi", "--tools", "demo_tools:BOTH", "--with", "openai").exit_code == 2


def completion(*calls: tuple[str, str], **more: Any) -> dict[str, Any]:
    made = [
        {"id": f"c{at}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for at, (name, arguments) in enumerate(calls)
    ]
    return {"choices": [{"message": {"role": "assistant", "tool_calls": made}, "finish_reason": "tool_calls"}], **more}


class TestDecode:
    def test_a_whole_body(self) -> None:
        """Without tools: the arguments as sent."""
        body = json.dumps(completion(("Weather", '{"location": "Oslo"}'), ("x", "")), indent=2)
        done = process("decode", "--with", "openai", given=body)
        assert (done.returncode, done.stderr) == (0, "")
        assert lines(done.stdout) == [
            {"index": 0, "id": "c0", "name": "Weather", "arguments": {"location": "Oslo"}},
            {"index": 1, "id": "c1", "name": "x", "arguments": {}},
        ]

    def test_with_tools_arguments_are_validated(self) -> None:
        """A typed error for what does not fit; status 1."""
        body = completion(("Weather", '{"location": "Oslo"}'), ("GoogleSearch", '{"query": "q"}'), ("x", "{}"))
        done = run("decode", "--with", "openai:any", "--tools", "demo_tools:BOTH", given=json.dumps(body))
        assert done.exit_code == 1
        assert [line.get("error", {}).get("type") for line in lines(done.stdout)] == [
            "InvalidArguments",
            None,
            "UnknownTool",
        ]

    @pytest.mark.parametrize(
        ("arguments", "kind"),
        [('{"a": ', "MalformedArguments"), ('{"a": NaN}', "MalformedArguments"), ('{"a": 1e999}', "InvalidArguments")],
    )
    def test_arguments_that_are_not_json(self, arguments: str, kind: str) -> None:
        """Shown as they came; every line that is printed is JSON."""
        done = run("decode", "--with", "openai", given=json.dumps(completion(("x", arguments))))
        assert done.exit_code == 1
        (line,) = lines(done.stdout)
        assert (line["error"]["type"], line["raw"]) == (kind, arguments)

    @pytest.mark.parametrize("arguments", ['{"query": "a', "", " "])
    @pytest.mark.parametrize("tools", [[], ["--tools", "demo_tools:BOTH"]])
    def test_a_call_that_was_cut(self, arguments: str, tools: list[str]) -> None:
        """With tools and without; the call before it is whole."""
        body = completion(("GoogleSearch", '{"query": "q"}'), ("GoogleSearch", arguments))
        body["choices"][0]["finish_reason"] = "length"
        done = run("decode", "--with", "openai", *tools, given=json.dumps(body))
        assert done.exit_code == 1
        assert [line.get("error", {}).get("type") for line in lines(done.stdout)] == [None, "TruncatedCall"]

    @pytest.mark.parametrize(("sent", "printed"), [("1e999", "Infinity"), ("-Infinity", "-Infinity"), ("NaN", "NaN")])
    @pytest.mark.parametrize("place", ["{}", '{"deep": [{}]}'])
    def test_what_json_has_no_number_for_is_a_text(self, sent: str, printed: str, place: str) -> None:
        """As `call --json` prints it too: a tool that takes anything may be given it."""
        arguments = f'{{"it": {place.replace("{}", sent)}, "several": [{sent}]}}'
        done = run(
            "decode",
            "--with",
            "openai",
            "--tools",
            "demo_tools:Open",
            given=json.dumps(completion(("Open", arguments))),
        )
        assert done.exit_code == 0
        it = json.loads(place.replace("{}", f'"{printed}"'))
        assert lines(done.stdout)[0]["arguments"] == {"it": it, "several": [printed]}

    def test_json_lines(self) -> None:
        """Each printed line has the number of the one it came from; a bad line harms no other."""
        good = json.dumps(completion(("x", "{}")))
        done = run("decode", "--with", "openai", given=f"{good}\n\n{{}}\nnot json\n{good}\n")
        assert done.exit_code == 1
        assert [(line["line"], line.get("error", {}).get("type")) for line in lines(done.stdout)] == [
            (1, None),
            (3, "BadResponse"),
            (4, "BadResponse"),
            (5, None),
        ]

    def test_an_error_body(self) -> None:
        """A whole body that is an error is a failure of the provider."""
        body = {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}
        done = run("decode", "--with", "openai", given=json.dumps(body))
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith("RateLimited")

    @pytest.mark.parametrize("body", [b'{"a": "\xff"}', b'{\n"a": "\xff"\n}'])
    def test_a_body_that_is_no_utf_8(self, body: bytes) -> None:
        """An answer that cannot be read, as it is live."""
        done = run("decode", "--with", "openai", given=body)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith("BadResponse: the answer is not JSON: invalid unicode")

    def test_a_separator_of_unicode_ends_no_line(self) -> None:
        given = json.dumps(completion(("x", '{"a": "1\u20282"}')), ensure_ascii=False)
        done = run("decode", "--with", "openai", given=f"{given}\n{given}")
        assert [json.loads(line)["line"] for line in done.stdout.strip().split("\n")] == [1, 2]

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            (b"{bad", "not JSON: key must be a string at line 1 column 2; it starts with '{bad'"),
            (b"\n<html>\n{}", "not JSON: expected value at line 2 column 1; it starts with '"),
            (b'{\n "choices": [,]\n}', "not JSON: expected value at line 2 column 14"),
            (b'{"a": 1', "not JSON: EOF while parsing an object at line 1 column 7"),
            *[("{}".encode(name), "UTF-16 or UTF-32, not UTF-8") for name in ("utf-16", "utf-16-be", "utf-32")],
        ],
    )
    def test_a_body_that_is_no_json(self, body: bytes, told: str) -> None:
        """An answer that was not readable, as a line is, and where: not wrong use."""
        done = run("decode", "--with", "openai", given=body)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith(f"BadResponse: the answer is {told}")

    @pytest.mark.parametrize("given", ["", "  \n"])
    def test_no_answer_is_wrong_use(self, given: str) -> None:
        """Status 2."""
        assert run("decode", "--with", "openai", given=given).exit_code == 2

    def test_a_lone_surrogate_is_escaped(self) -> None:
        """What the terminal cannot show does not stop the output."""
        done = process("decode", "--with", "openai", given=json.dumps(completion(("x", '{"a": "\\ud800"}'))))
        assert done.returncode == 0
        assert lines(done.stdout)[0]["arguments"] == {"a": "\ud800"}

    @pytest.mark.parametrize(("name", "adapter"), [("openai-chat", "openai"), ("gemini-rest", "gemini")])
    def test_the_recorded_answers(self, name: str, adapter: str) -> None:
        """As JSON lines, all at once: each call of each recording comes out under its line."""
        try:
            rows = [row for row in corpus(name) if row["transport"] == "json" and row["http_status"] in (None, 200)]
        except pytest.skip.Exception as absent:
            pytest.skip(str(absent))
        done = run("decode", "--with", adapter, given="\n".join(json.dumps(row["response"]) for row in rows))
        got: dict[int, list[Any]] = {at: [] for at in range(1, len(rows) + 1)}
        for line in lines(done.stdout):
            if "name" in line:
                got[line["line"]].append(line["name"])
        assert got == {at: [call["name"] for call in row["expected"]] for at, row in enumerate(rows, 1)}


class TestDemo:
    def test_every_provider_returns_the_three_calls(self) -> None:
        """Through the real SDKs, over HTTP, without a key; status 0."""
        keys = dict.fromkeys(("OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"), "")
        proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
        done = process("demo", **proxies, ALL_PROXY="socks5://127.0.0.1:9", **keys)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "not from a language model" in done.stdout
        rows = [line.split("\t") for line in done.stdout.splitlines() if "\t" in line][1:]
        clients = {(row[0], row[1]) for row in rows}
        assert {("openai", "OpenAI"), ("openai", "AsyncOpenAI"), ("gemini", "genai.Client")} <= clients
        assert ("vertex", "genai.Client(vertexai=True)") in clients
        assert any(provider == "local" for provider, _ in clients)
        assert {"anthropic", "bedrock", "cohere"} <= {provider for provider, _ in clients}
        for row in rows:
            if row[0] != "litellm":
                assert row[2].startswith("Weather(location='Toronto', units='metric') Weather(location='Dallas'"), row
                assert row[5] == "ok"

    OTHER = """
        from dataclasses import dataclass, field
        from typing import Any
        from toolfan.hookspecs.specs import hookimpl
        from toolfan_local import LocalAdapter, LocalClient
        from toolfan_local.stand_ins import StandIn

        @dataclass(frozen=True)
        class Adapter(LocalAdapter):
            name: str = {name!r}
            {more}

        @hookimpl
        def toolfan_adapter():
            return Adapter()
        """

    def other(self, name: str, where: Path, monkeypatch: pytest.MonkeyPatch, more: str = "") -> None:
        import textwrap

        _distribution(where, name, textwrap.dedent(self.OTHER).format(name=name, more=more))
        monkeypatch.syspath_prepend(str(where / name))
        monkeypatch.delitem(sys.modules, f"acme_{name}", raising=False)
        clear_loaded_adapters()

    def rows(self) -> tuple[int, dict[str, list[str]]]:
        done = run("demo")
        cells = [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]
        return done.exit_code, {row[0]: row for row in cells[1:]}

    def test_an_adapter_of_anyone_takes_part(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """By a method `stand_ins`; core has no list of its own."""
        offer = "def stand_ins(self, server): return [StandIn(self.name, 'Mine', LocalClient)]"
        self.other("third", tmp_path, monkeypatch, offer)
        monkeypatch.setattr("toolfan.cli.demo.installed_adapters", _only("third", "local"))
        _, rows = self.rows()
        assert rows["third"][1] == "Mine"
        assert rows["third"][-1] == "ok"

    def test_an_adapter_without_a_stand_in_is_listed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Plainly, and is no failure."""
        monkeypatch.setattr("toolfan.cli.demo.installed_adapters", _only("third", "local"))
        self.other("third", tmp_path, monkeypatch)
        status, rows = self.rows()
        assert (status, rows["third"][-1]) == (0, "not offered by the embedded server")

    def test_fewer_calls_are_a_failure(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Status 1, and what was expected."""
        monkeypatch.setattr("toolfan.cli.demo.installed_adapters", _only("third", "local"))
        offer = (
            "def stand_ins(self, server): return [StandIn(self.name, 'Mine', lambda: LocalClient([{'text': 'no'}]))]"
        )
        self.other("third", tmp_path, monkeypatch, offer)
        status, rows = self.rows()
        assert status == 1
        assert rows["third"][-1] == "three calls were expected, 0 good ones came"
        assert rows["local"][-1] == "ok"

    def test_calls_are_shown_though_none_is_good(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What came of them, and what they cost."""
        monkeypatch.setattr("toolfan.cli.demo.installed_adapters", _only("third", "local"))
        calls = "[{'calls': [{'name': 'Weather', 'arguments': {}}]}]"
        offer = f"def stand_ins(self, server): return [StandIn(self.name, 'Mine', lambda: LocalClient({calls}))]"
        self.other("third", tmp_path, monkeypatch, offer)
        _, rows = self.rows()
        assert rows["third"][2].startswith("Weather: InvalidArguments: ")
        assert "/" in rows["third"][3]
        assert rows["third"][4].isdigit()

    def test_a_client_that_cannot_be_made_harms_no_other(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is a failure that says why."""
        monkeypatch.setattr("toolfan.cli.demo.installed_adapters", _only("third", "local"))
        offer = "def stand_ins(self, server): return [StandIn(self.name, 'Mine', lambda: 1 / 0, use_async=True)]"
        self.other("third", tmp_path, monkeypatch, offer)
        status, rows = self.rows()
        assert (status, "ZeroDivisionError" in rows["third"][-1], rows["local"][-1]) == (1, True, "ok")


def _only(*names: str) -> Any:
    from toolfan.registry.listing import installed_adapters

    return lambda **options: [info for info in installed_adapters() if info.name in names]


def weather(location: str) -> None:
    """The weather in a place."""


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C to a child process is another thing there")
class TestServe:
    def test_it_serves_until_it_is_interrupted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It says where it is and what to set, also past a proxy, answers, and ends cleanly with status 0."""
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        serving = subprocess.Popen(
            [sys.executable, "-m", "toolfan.cli", "serve"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert serving.stdout
            said = [serving.stdout.readline()]
            while "export no_proxy" not in said[-1] and said[-1]:
                said.append(serving.stdout.readline())
            exported = dict(line.split()[1].split("=", 1) for line in said if "export" in line)
            headers = {"Authorization": f"Bearer {exported['OPENAI_API_KEY']}"}
            url = f"{exported['OPENAI_BASE_URL']}/models"
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(urllib.request.Request(url, headers=headers), timeout=10) as answer:
                assert json.load(answer)["object"] == "list"
            assert exported["NO_PROXY"] == exported["no_proxy"] == "127.0.0.1,localhost"
            for name, value in exported.items():
                monkeypatch.setenv(name, value)
            for adapter in ("bedrock", "cohere"):
                with toolfan.connect(f"{adapter}:offline-planner") as client:
                    asked: Any = {"messages": [{"role": "user", "content": "The weather in Oslo?"}]}
                    calls = client.create(**asked, tools=(weather,), on_invalid="keep")
                assert [call.name for call in calls.outcomes] == ["weather"], adapter
        finally:
            serving.send_signal(signal.SIGINT)
            out, err = serving.communicate(timeout=20)
        assert (serving.returncode, err) == (0, "")
        assert out == "The server has ended.\n"
        assert "not a language model" in said[0]

    def test_a_port_that_is_taken(self) -> None:
        """One message, status 2."""
        with Server() as server:
            port = str(server.port)
            done = process("serve", "--port", port)
        assert (done.returncode, done.stdout) == (2, "")
        assert port in done.stderr

    def test_a_wrong_script(self) -> None:
        """The file and the place are named, status 2."""
        Path("answers.toml").write_text("[[answers]]\n")
        began = time.monotonic()
        done = process("serve", "--script", "answers.toml")
        assert done.returncode == 2
        assert "answers.toml" in done.stderr
        assert time.monotonic() - began < 60
