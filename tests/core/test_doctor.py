"""`toolfan doctor`: what it finds, what it says to do, how it ends, and that it shows no key."""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openai
import pytest
from loopback import http
from toolfan import ConfigError, connect, wrap
from toolfan.cli.app import app
from toolfan.errors import AdapterBroken
from toolfan.hookspecs import watching
from toolfan.registry.installed_observers import forget_observers
from toolfan.registry.loading import clear_loaded_adapters
from toolfan_local import Server
from typer.testing import CliRunner

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "sk-planted-key-4711"
VARIABLES = (
    "ANTHROPIC_API_KEY",
    "CO_API_KEY",
    "OPENAI_API_KEY",
    "AZURE_OPENAI_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "OPENAI_BASE_URL",
    "HOUSE_KEY",
)


@pytest.fixture(autouse=True)
def _workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test in a directory of its own, in which packages can be installed, without any key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in os.environ if name.startswith("TOOLFAN") or name in VARIABLES]:
        monkeypatch.delenv(name)
    before = watching._watchers
    clear_loaded_adapters()
    forget_observers()
    yield
    clear_loaded_adapters()
    forget_observers()
    for watcher in {*watching._watchers} - {*before}:
        watching.unobserve(watcher.plugin)
    for name in [name for name in sys.modules if name.startswith("sick_")]:
        del sys.modules[name]


def configure(text: str) -> None:
    Path("toolfan.toml").write_text(text)


def profile(text: str = "", *, name: str = "house", adapter: str = "openai") -> str:
    return f'[profiles.{name}]\nadapter = "{adapter}"\nmodel = "m"\n{text}\n'


def install(distribution: str, group: str, name: str, source: str) -> None:
    module = f"sick_{distribution.replace('-', '_')}"
    info = Path(f"{distribution}-1.0.dist-info")
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}\n")
    Path(f"{module}.py").write_text(source)


def run(*options: str) -> Any:
    return CliRunner().invoke(app, ["doctor", *options])


def found(*options: str, status: int = 0) -> list[dict[str, Any]]:
    done = run("--json", *options)
    assert done.exit_code == status, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def house(*options: str, status: int = 0) -> dict[str, Any]:
    """What is said of the profile `house`."""
    (one,) = [line for line in found(*options, status=status) if line["kind"] == "profile"]
    return one


def test_nothing_configured_is_no_failure() -> None:
    done = run()
    assert done.exit_code == 0
    assert "No profile is configured" in done.stdout
    assert "adapter openai (toolfan-openai" in done.stdout
    assert not [line for line in found() if line["kind"] == "profile"]


def test_a_profile_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adapter, packages with versions, key, endpoint; nothing is asked."""
    configure(profile())
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    one = house()
    assert one["where"] == f"profiles.house in {Path('toolfan.toml').absolute()}, line 1"
    ours, sdk = one["packages"]
    assert ours.startswith("toolfan-openai 0")
    assert sdk.startswith("openai ")
    assert one["keys"] == {"OPENAI_API_KEY": True}
    assert one["endpoint"] == "https://api.openai.com/v1/"
    assert (one["asked"], one["answered"], one["problem"], one["next"]) == (False, None, None, None)
    done = run()
    assert "OPENAI_API_KEY set" in done.stdout
    assert KEY not in done.stdout + json.dumps(one)


@pytest.mark.parametrize(
    ("text", "adapter", "keys", "says"),
    [
        ("", "openai", ["OPENAI_API_KEY"], "Set OPENAI_API_KEY"),
        ('api_key_env = "HOUSE_KEY"', "openai", ["HOUSE_KEY"], "Set HOUSE_KEY"),
        (
            'azure_endpoint = "https://x.openai.azure.com"\napi_version = "2024-10-21"',
            "openai",
            ["AZURE_OPENAI_API_KEY"],
            "Set AZURE_OPENAI_API_KEY",
        ),
        ("", "openai-responses", ["OPENAI_API_KEY"], "Set OPENAI_API_KEY"),
        ("", "anthropic", ["ANTHROPIC_API_KEY"], "Set ANTHROPIC_API_KEY"),
        ("", "cohere", ["CO_API_KEY"], "Set CO_API_KEY"),
        ("", "gemini", ["GEMINI_API_KEY", "GOOGLE_API_KEY"], "export GEMINI_API_KEY"),
        ('api_key_env = "HOUSE_KEY"', "vertex", ["HOUSE_KEY"], "export HOUSE_KEY"),
        ('access_token_env = "HOUSE_KEY"', "vertex", ["HOUSE_KEY"], "export HOUSE_KEY"),
    ],
)
def test_a_key_that_is_missing_is_named(text: str, adapter: str, keys: list[str], says: str) -> None:
    configure(profile(text, adapter=adapter))
    one = house(status=2)
    assert one["keys"] == dict.fromkeys(keys, False)
    assert "no key" in one["problem"]
    assert one["next"].startswith(says)
    done = run()
    assert done.exit_code == 2
    assert f"{keys[0]} not set" in done.stdout
    assert says in done.stdout


@pytest.mark.parametrize("adapter", ["openai", "openai-responses", "anthropic", "cohere"])
def test_a_server_of_ones_own_needs_no_key(adapter: str) -> None:
    configure(profile('base_url = "http://user:hunter2@localhost:11434/v1?house=plantedvalue"', adapter=adapter))
    one = house()
    assert one["keys"] == {}
    assert one["endpoint"] == "http://***@localhost:11434/v1?house=***"


@pytest.mark.parametrize(
    ("text", "problem", "next_"),
    [
        ('[profiles.house]\nadapter = "opena"', "there is no adapter 'opena'", "Did you mean 'openai'?"),
        ('[profiles.house]\nmodel = "m"', "has no adapter", 'Write adapter = "NAME"'),
        (profile("max_attempt = 3"), "there is no such setting", "Did you mean 'max_attempts'?"),
        (profile(f'api_key = "{KEY}"'), "holds a secret", "A key is named, never written"),
        (f'disable = ["openai"]\n{profile()}', "'openai' is switched off by disable.0 in", "Take openai out there"),
    ],
)
def test_a_profile_that_is_wrong_is_told_with_what_to_do(text: str, problem: str, next_: str) -> None:
    """And the profile beside it is examined all the same."""
    configure(text + "\n" + profile(name="other", adapter="local"))
    wrong, other = (line for line in found(status=2) if line["kind"] == "profile")
    assert problem in wrong["problem"]
    assert next_ in wrong["next"]
    assert (wrong["model"], other["model"]) == ("m" if 'model = "m"' in text else None, "m")
    assert other["problem"] is None
    assert KEY not in json.dumps(wrong)


def test_an_adapter_that_is_not_installed_says_the_command() -> None:
    import importlib.metadata

    real = importlib.metadata.distributions
    configure(profile())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importlib.metadata, "distributions", lambda: real(path=[]))
        one = house(status=2)
        assert one["packages"] == []
        assert one["next"] == 'Run `pip install "toolfan[openai]"`.'
        assert "No adapter is installed" in run().stdout


def test_live_asks_the_endpoint() -> None:
    with Server() as server:
        configure(profile(f'base_url = "{server.openai_url}"'))
        assert house()["asked"] is False
        assert not server.requests
        one = house("--live")
        assert (one["asked"], one["problem"]) == (True, None)
        assert one["answered"] > 0
        assert len(server.requests) == 1
        assert "ok, answered in" in run("--live").stdout


@pytest.mark.parametrize(
    ("answer", "says"),
    [(http('{"error": {"message": "wrong key"}}', 401), "wrong key"), (http("{}", 503), "503"), (b"", "connection")],
)
def test_an_endpoint_that_fails_is_status_1(faulty: Any, answer: bytes, says: str) -> None:
    """Asked once, not again and again."""
    server = faulty(answer)
    configure(profile(f'base_url = "{server.url}"'))
    one = house("--live", status=1)
    assert says in one["problem"]
    assert one["next"]
    assert len(server.requests) == 1


def test_a_problem_that_ends_with_a_full_stop_gets_no_other_one(faulty: Any) -> None:
    server = faulty(http('{"error": {"message": "wrong key."}}', 401))
    configure(profile(f'base_url = "{server.url}"'))
    assert "wrong key. Check the API key" in run("--live").stdout


def test_endpoints_that_do_not_answer_are_waited_for_side_by_side(faulty: Any) -> None:
    """No longer than their profiles allow."""
    meeting = threading.Barrier(3)  # each holds its request until the others have theirs

    def silent(handler: Any) -> None:
        meeting.wait(20)
        handler.connection.recv(1)  # until the client has gone

    server = faulty(silent)
    configure("\n".join(profile(f'base_url = "{server.url}"\ndeadline = 4', name=name) for name in ("a", "b", "c")))
    lines = [line for line in found("--live", status=1) if line["kind"] == "profile"]
    assert not meeting.broken
    assert [line["profile"] for line in lines] == ["a", "b", "c"]
    assert {line["problem"] for line in lines} == {"no complete answer came within the deadline of 4 s"}
    assert {line["next"] for line in lines} == {"Raise the deadline of the profile, if the service needs longer."}


def test_a_profile_without_a_deadline_has_half_a_minute(faulty: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolfan.cli.examining._PATIENCE", 1.0)
    server = faulty(lambda handler: handler.connection.recv(1))
    configure(profile(f'base_url = "{server.url}"\ndeadline = 0'))
    one = house("--live", status=1)
    assert one["problem"] == "no complete answer came within the deadline of 1 s"
    assert one["next"] == "See whether the service is up and its address right; doctor waits 1 s at the most."


def test_live_without_a_model_is_wrong_use_and_asks_nobody() -> None:
    with Server() as server:
        configure(f'[profiles.house]\nadapter = "openai"\nbase_url = "{server.openai_url}"')
        assert house()["model"] is None
        one = house("--live", status=2)
        assert "model" in one["problem"]
        assert not server.requests


def test_one_profile_alone() -> None:
    configure(profile() + profile(name="Other-One", adapter="local"))
    assert [line["profile"] for line in found("--profile", "other_one") if line["kind"] == "profile"] == ["Other-One"]
    done = run("--profile", "others")
    assert done.exit_code == 2
    assert "there is no profile 'others'; configured profiles: Other-One, house" in done.stderr


@pytest.mark.parametrize("variable", [True, False])
def test_a_profile_that_is_selected_in_vain_is_told(monkeypatch: pytest.MonkeyPatch, variable: bool) -> None:
    """With where it is named, and the name that may be meant; the profiles are examined all the same."""
    configure(("" if variable else 'default = "hous"\n') + profile(adapter="local"))
    if variable:
        monkeypatch.setenv("TOOLFAN_PROFILE", "hous")
    lines = found(status=2)
    assert [line["problem"] for line in lines if line["kind"] == "profile"] == [None]
    (wrong,) = [line for line in lines if line["kind"] == "default"]
    where = "the environment variable TOOLFAN_PROFILE" if variable else f"default in {Path('toolfan.toml').absolute()}"
    assert wrong["problem"].startswith(where)
    assert "names the profile 'hous', which does not exist; configured profiles: house" in wrong["problem"]
    assert wrong["next"].endswith("Did you mean 'house'?")
    assert f"default: {wrong['problem']}. {wrong['next']}" in run().stdout
    assert not [line for line in found("--profile", "house") if line["kind"] == "default"]


def test_plugins_that_are_unusable_are_listed_with_a_remedy() -> None:
    """A blocked one is no failure."""
    install("tool-a", "toolfan.adapters", "torn", "import nothing_like_it")
    configure('disable = ["torn"]')
    (line,) = [line for line in found() if line.get("name") == "torn"]
    assert (line["kind"], line["status"], line["next"]) == ("adapter", "blocked", None)
    configure("")
    (line,) = [line for line in found(status=2) if line.get("name") == "torn"]
    assert (line["status"], line["api"]) == ("broken", None)
    assert "pip uninstall tool-a" in line["next"]
    assert "adapter torn (tool-a 1.0): broken: " in run().stdout


@pytest.mark.parametrize(("api", "upgrade"), [(99, "toolfan"), (0, "tool-a")])
def test_a_plugin_of_another_protocol_is_mended_by_an_upgrade(api: int, upgrade: str) -> None:
    """Of whichever is older; installing the same again would not help."""
    source = f"import toolfan\n\n\nclass New:\n    api = {api}\n\n\n@toolfan.hookimpl\n"
    install("tool-a", "toolfan.adapters", "other", source + "def toolfan_adapter():\n    return New()\n")
    (line,) = [line for line in found(status=2) if line.get("name") == "other"]
    assert line["next"] == f"Run `pip install --upgrade {upgrade}`."
    assert f"which this toolfan speaks. Run `pip install --upgrade {upgrade}`." in run().stdout


def test_plugins_that_panic_harm_nobody_but_themselves() -> None:
    """What is no Exception ends neither doctor nor `adapters`."""
    source = "class Panic(BaseException): ...\nraise Panic('in Rust')"
    install("tool-a", "toolfan.adapters", "panicking", source)
    install("tool-b", "toolfan.observers", "panicking", source)
    sick = [line for line in found(status=2) if line.get("name") == "panicking"]
    assert [(line["kind"], line["status"]) for line in sick] == [("adapter", "broken"), ("observer", "broken")]
    assert all("cannot be imported: Panic: in Rust" in line["reason"] for line in sick)
    listed = CliRunner().invoke(app, ["adapters"])
    assert listed.exit_code == 0
    assert "Panic: in Rust" in listed.stdout


ASKING = """
import toolfan
from toolfan_local.adapter import LocalAdapter


class Asking(LocalAdapter):
    def key_remarks(self, settings):
        return ["is this the right project?"]

    def connect(self, settings, *, use_async):
        raise toolfan.ConfigError("who goes there?", hint="Say it.")


@toolfan.hookimpl
def toolfan_adapter():
    return Asking(name="asking")
"""


def test_no_full_stop_follows_a_question() -> None:
    """Of a profile, of a remark, of a plugin; nor in the text of an error."""
    install("ask", "toolfan.adapters", "asking", ASKING)
    install("asker", "toolfan.observers", "asking", "raise ImportError('which one?')")
    configure(profile(adapter="asking"))
    said = run().stdout
    assert ": who goes there? Say it.\n" in said
    assert ": is this the right project?\n" in said
    assert "ImportError: which one? " in said
    assert "?." not in said
    assert str(ConfigError("who?", adapter="a", hint="Say it.")) == "who? [adapter a]. Say it."
    assert str(ConfigError("who?", hint="Say it.")) == "who? Say it."
    assert str(ConfigError("who.", hint="Say it.")) == "who. Say it."
    assert str(ConfigError("nobody", hint="Say it.")) == "nobody. Say it."


def test_a_claim_on_clients_that_leads_nowhere_is_listed() -> None:
    """By doctor, and by `adapters` on standard error; the clients are served all the same."""
    install("idle", "toolfan.clients", "openai", "")
    (line,) = [line for line in found(status=2) if line["kind"] == "clients"]
    assert (line["name"], line["distribution"], line["status"]) == ("openai", "idle", "broken")
    assert "serves clients of openai with sick_idle, which it offers under no name" in line["reason"]
    assert "pip uninstall idle" in line["next"]
    assert "clients openai (idle 1.0): broken: " in run().stdout
    listed = CliRunner().invoke(app, ["adapters", "--json"])
    assert "clients openai (idle 1.0): broken: " in listed.stderr
    assert {json.loads(row)["distribution"] for row in listed.stdout.splitlines()} >= {"toolfan-openai"}
    with openai.OpenAI(api_key=KEY) as client:
        assert wrap(client).adapter.name == "openai"


def test_a_name_that_is_disabled_in_vain_is_told() -> None:
    """With the place, and the name that may be meant; it is no failure."""
    configure('disable = ["nosuchplugin", "opena", "local"]')
    lines = [line for line in found() if line["kind"] == "disabled"]
    assert {line["name"]: line["next"] for line in lines} == {"nosuchplugin": None, "opena": "Did you mean 'openai'?"}
    assert all("toolfan.toml" in line["reason"] for line in lines)
    assert "disabled nosuchplugin: " in run().stdout


@pytest.mark.parametrize("group", ["adapters", "observers"])
def test_what_a_plugin_prints_is_not_in_the_output(group: str) -> None:
    """It may print while it is imported; that goes to standard error."""
    install("noisy", f"toolfan.{group}", "noisy", "print('NOISE')\n")
    assert [line["name"] for line in found(status=2) if line.get("name") == "noisy"] == ["noisy"]
    clear_loaded_adapters()
    del sys.modules["sick_noisy"]
    listed = CliRunner().invoke(app, ["adapters", "--json"])
    assert all(json.loads(line) for line in listed.stdout.splitlines())
    assert ("NOISE" in listed.stderr) == (group == "adapters")


def test_observers_are_listed() -> None:
    watching_ = "import toolfan\n@toolfan.hookimpl\ndef toolfan_after_turn(turn): ..."
    install("well", "toolfan.observers", "well", watching_)
    assert [line["status"] for line in found() if line["kind"] == "observer"] == ["ok"]
    for name in ("one", "two"):
        install(name, "toolfan.observers", "twin", watching_)
    twins = [line for line in found(status=2) if line.get("name") == "twin"]
    assert [line["status"] for line in twins] == ["conflict", "conflict"]
    done = run()
    assert "observer well (well 1.0): ok" in done.stdout
    assert "observer twin (one 1.0): conflict: offered by two 1.0 too. Remove one: `pip uninstall one`" in done.stdout


def test_credentials_of_google_are_looked_for_without_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(Path("gcloud").absolute()))
    known = Path("gcloud/application_default_credentials.json").absolute()
    configure(profile('project = "p"\nlocation = "global"', adapter="vertex"))
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)  # of the Gemini API, nobody named it here
    (remark,) = house()["remarks"]
    assert remark.startswith("no credentials of Google's were found: GOOGLE_APPLICATION_CREDENTIALS is not set")
    assert f"there is no {known}; on a machine of Google Cloud its metadata server may give them" in remark
    done = run()
    assert "ok, see below" in done.stdout
    assert remark in done.stdout
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "nowhere.json")
    assert house()["remarks"] == ["GOOGLE_APPLICATION_CREDENTIALS names a file that is not there, nowhere.json"]
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    known.parent.mkdir()
    known.write_text("{}")
    assert house()["remarks"] == []
    known.unlink()
    monkeypatch.setenv("HOUSE_KEY", KEY)
    configure(profile('project = "p"\nlocation = "global"\naccess_token_env = "HOUSE_KEY"', adapter="vertex"))
    assert house()["remarks"] == []


@pytest.mark.parametrize(
    ("kind", "said"), [(RuntimeError, "the SDK cannot make a client: RuntimeError"), (BaseException, "BaseException")]
)
def test_what_an_sdk_raises_belongs_to_its_profile(
    monkeypatch: pytest.MonkeyPatch, kind: type[BaseException], said: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise kind(f"no luck with {KEY}")

    configure(profile(adapter="local"))
    monkeypatch.setattr("toolfan_local.service.connect", fail)
    one = house(status=2)
    assert one["problem"] == f"{said}: no luck with ***"
    assert one["next"].startswith(f"It was raised in {__name__.partition('.')[0]}: ")


BROKEN_HOOK = """
import toolfan
from toolfan_local.adapter import LocalAdapter


class Torn(LocalAdapter):
    def key_variables(self, settings):
        assert not settings


@toolfan.hookimpl
def toolfan_adapter():
    return Torn(name="torn")
"""


def test_an_adapter_that_cannot_tell_its_variables_is_examined_all_the_same() -> None:
    """Its own fault is named as that, and costs the column of the key alone."""
    install("hook", "toolfan.adapters", "torn", BROKEN_HOOK)
    configure(profile(adapter="torn"))
    one = house("--live")
    assert (one["keys"], one["problem"]) == ({}, None)
    assert one["answered"] is not None
    (remark,) = one["remarks"]
    assert remark == "the adapter cannot tell of the key: key_variables of sick_hook failed (AssertionError)"
    assert remark in run().stdout


def test_a_file_that_cannot_be_read_is_told() -> None:
    configure("default = ")
    done = run()
    assert done.exit_code == 2
    assert "line 1" in done.stderr


ACME_KEY = "acme-7c1f99d2a4b8"
LONG_KEY = "acme." + "abcdefghij0123456789" * 4
EAGER = """
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    acme_api_key: int


Settings()
"""


@pytest.mark.parametrize("group", ["adapters", "observers"])
@pytest.mark.parametrize("key", [ACME_KEY, LONG_KEY])
def test_what_a_plugin_says_of_its_key_shows_no_part_of_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, group: str, key: str
) -> None:
    """pydantic-settings tells the value of a variable that it cannot use, and cuts a long one in the middle."""
    monkeypatch.setenv("ACME_API_KEY", key)
    install("eager", f"toolfan.{group}", "eager", EAGER)
    done = [run(), run("--json"), *(CliRunner().invoke(app, ["adapters", *form]) for form in ([], ["--json"]))]
    assert [one.exit_code for one in done] == [2, 2, 0, 0]
    said = "".join(one.stdout + one.stderr for one in done)
    wrap(openai.OpenAI(api_key=KEY))  # loads the observers, and logs what is wrong with one
    said += caplog.text
    assert said.count("unable to parse string as an integer") == {"adapters": 4, "observers": 3}[group]
    assert "input_value='***" in said
    assert key[:8] not in said
    assert key[-8:] not in said


def test_a_plugin_that_tells_the_key_of_a_profile_shows_it_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable that the profile names has no name of a secret."""
    monkeypatch.setenv("HOUSE_CRED", ACME_KEY)
    install("sly", "toolfan.adapters", "sly", "import os\nraise RuntimeError(os.environ['HOUSE_CRED'])")
    configure(profile('api_key_env = "HOUSE_CRED"', adapter="sly"))
    lines = found(status=2)
    told = [line["problem"] for line in lines if line["kind"] == "profile"]
    told += [line["reason"] for line in lines if line.get("name") == "sly"]
    assert told == ["the plugin of sly 1.0 is broken: sick_sly cannot be imported: RuntimeError: ***"] * 2
    for target, settings in (("house", {}), ("sly:m", {"api_key_env": "HOUSE_CRED"})):
        with pytest.raises(AdapterBroken) as caught:
            connect(target, **settings)
        assert ACME_KEY not in "".join(traceback.format_exception(caught.value))


SAYS = "import os\nraise RuntimeError(os.environ['HOUSE_CRED'])"
MISNAMED = """
import os
import toolfan
from toolfan_local.adapter import LocalAdapter


@toolfan.hookimpl
def toolfan_adapter():
    return LocalAdapter(name=os.environ["HOUSE_CRED"])
"""
JSON_PROFILE = '{"adapter": "sly", "api_key_env": "HOUSE_CRED"}'


@pytest.mark.parametrize("key", [ACME_KEY, LONG_KEY, "acme." + "x y" * 120])
@pytest.mark.parametrize(
    ("text", "variable", "value"),
    [
        (profile('api_key_env = "HOUSE_CRED"'), "", ""),
        (profile('api_key_env = "HOUSE_CRED"') + "[[profiles.house.wrong]]\n[fun]\n", "", ""),
        ("", "TOOLFAN_PROFILES__HOUSE__API_KEY_ENV", "HOUSE_CRED"),
        ("", "TOOLFAN_PROFILES__HOUSE", JSON_PROFILE),
        ("default = ", "TOOLFAN_PROFILES", f'{{"house": {JSON_PROFILE}}}'),
    ],
)
def test_what_a_plugin_says_shows_no_key_that_a_profile_names(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, key: str, text: str, variable: str, value: str
) -> None:
    """Nor the listing of adapters, nor the log of observers, nor an error of what needs no profile."""
    monkeypatch.setenv("HOUSE_CRED", key)
    if variable:
        monkeypatch.setenv(variable, value)
    configure(text)
    install("sly", "toolfan.adapters", "sly", SAYS)
    install("wry", "toolfan.adapters", "wry", MISNAMED)
    install("spy", "toolfan.observers", "spy", SAYS)
    done = [CliRunner().invoke(app, ["adapters", *form]) for form in ([], ["--json"])]
    assert [one.exit_code for one in done] == [0, 0]
    said = "".join(one.stdout + one.stderr for one in done)
    with pytest.raises(AdapterBroken) as caught:
        connect("sly:m")
    wrap(openai.OpenAI(api_key=KEY))  # loads the observers, and logs what is wrong with one
    said += "".join(traceback.format_exception(caught.value)) + caplog.text
    assert said.count("cannot be imported: RuntimeError: ***") == 4
    assert said.count("whose name is '***', not 'wry'") == 2
    assert key[:8] not in said


@pytest.mark.parametrize("text", ["default = ", "profiles = 3", "[profiles]\nhouse = 3"])
def test_a_broken_file_leaves_the_listing_of_adapters_as_it_is(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HOUSE_CRED", "what-it-says")
    configure(text)
    install("sly", "toolfan.adapters", "sly", SAYS)
    done = CliRunner().invoke(app, ["adapters"])
    assert done.exit_code == 0
    assert "sick_sly cannot be imported: RuntimeError: what-it-says" in done.stdout
    assert "\nopenai" in done.stdout


TELLING = """
import os
import toolfan
from toolfan_local.adapter import LocalAdapter, LocalSettings


class Settings(LocalSettings):
    api_key_env: str


class Telling(LocalAdapter):
    def key_variables(self, settings):
        raise RuntimeError(f"kv {os.environ[settings.api_key_env]}")

    def key_remarks(self, settings):
        return [f"kr {os.environ[settings.api_key_env]}"]

    def configured(self, settings):
        return self

    def connect(self, settings, *, use_async):
        raise BaseException(f"no {os.environ[settings.api_key_env]} for {os.environ['OPENAI_API_KEY']}")


@toolfan.hookimpl
def toolfan_adapter():
    return Telling(name="telling", settings_model=Settings)
"""


def test_what_an_adapter_says_of_the_key_of_a_profile_is_shown_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOUSE_CRED", ACME_KEY)
    monkeypatch.setenv("OPENAI_API_KEY", "house.openai.key.77")
    install("telling", "toolfan.adapters", "telling", TELLING)
    configure(profile('api_key_env = "HOUSE_CRED"', adapter="telling"))
    one = house(status=2)
    assert one["problem"] == "BaseException: no *** for ***"
    assert one["remarks"] == [
        "the adapter cannot tell of the key: key_variables of sick_telling failed (RuntimeError: kv ***)",
        "kr ***",
    ]
    said = run().stdout
    assert ACME_KEY not in said
    assert "house.openai.key.77" not in said
