"""The registry, over fake distributions: folders with metadata and modules, made for each test."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
import types
from typing import TYPE_CHECKING
from unittest import mock

import pytest
import toolfan
from pydantic import BaseModel
from toolfan.adapter import ADAPTER_API, ParallelToolsAdapter
from toolfan.errors import (
    AdapterBroken,
    AdapterConflict,
    AdapterNotFound,
    AdapterNotInstalled,
    AdapterTooNew,
    ConfigError,
)
from toolfan.hookspecs import watching
from toolfan.hookspecs.marking import sole_offer
from toolfan.registry.installed_observers import forget_observers, installed_observers
from toolfan.registry.listing import AdapterInfo, adapter_for_client, idle_claims, installed_adapters
from toolfan.registry.loading import clear_loaded_adapters, load_adapter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SUBPROCESS = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}

PLUGIN = """
from pydantic import BaseModel
from toolfan.adapter import Capabilities
from toolfan.hookspecs.specs import hookimpl


class Settings(BaseModel):
    base_url: str | None = None


class Adapter:
    name = {name!r}
    api = {api}
    capabilities = Capabilities(
        streaming=True, parallel_switch=True, tool_choice_required=True, tool_choice_subset=True, strict_schemas=True,
        system_messages=True, images=False, call_ids=True, max_tools=None, max_name_length=64, name_pattern=r"\\w+",
        batch=False,
    )
    settings_model = Settings
    option_names = frozenset({{"temperature"}})

    def render_tools(self, tools, *, strict): ...
    def build_request(self, request): ...
    def parse_response(self, body): ...
    def stream_parser(self): ...
    def build_answer(self, turn, answers): ...
    def connect(self, settings, *, use_async): ...
    def transport(self, client, *, use_async): ...


@hookimpl
def toolfan_adapter():
    return Adapter()
"""


class Site:
    """A place where fake distributions are installed; the real ones of this environment are not seen."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.paths: list[str] = []

    def folder(self, name: str) -> Path:
        folder = self.root / name
        if not folder.exists():
            folder.mkdir()
            self.paths.append(str(folder))
            sys.path.insert(0, str(folder))
        return folder

    def install(
        self,
        distribution: str,
        modules: dict[str, str] | None = None,
        *,
        version: str = "1.0",
        where: str = "site",
        adapters: dict[str, str] | None = None,
        clients: dict[str, str] | None = None,
        entry_points: str | None = None,
        metadata: str | None = None,
    ) -> None:
        """Write the distribution's metadata and its modules."""
        folder = self.folder(where)
        info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        described = metadata if metadata is not None else f"Name: {distribution}\nVersion: {version}\n"
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\n{described}")
        if entry_points is None:
            entry_points = ""
            for group, entries in (("adapters", adapters or {}), ("clients", clients or {})):
                entry_points += f"[toolfan.{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
        (info / "entry_points.txt").write_text(entry_points)
        for module, source in (modules or {}).items():
            (folder / f"{module}.py").write_text(source)
        importlib.invalidate_caches()

    def install_observer(self, name: str, source: str, *, distribution: str = "") -> None:
        """A distribution whose module is an observer of this name."""
        distribution = distribution or f"watch-{name}"
        module = distribution.replace("-", "_")
        self.install(distribution, {module: source}, entry_points=f"[toolfan.observers]\n{name} = {module}\n")

    def install_adapter(self, name: str, *, api: int = ADAPTER_API, source: str | None = None) -> None:
        """A distribution `toolfan-NAME` whose module `plugin_NAME` offers the adapter."""
        text = PLUGIN.format(name=name, api=api) if source is None else source
        self.install(f"toolfan-{name}", {f"plugin_{name}": text}, adapters={name: f"plugin_{name}"})


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    made = Site(tmp_path)
    real = importlib.metadata.distributions
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: real(path=made.paths))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delenv("TOOLFAN_DISABLE", raising=False)
    clear_loaded_adapters()
    before = set(sys.modules)
    yield made
    clear_loaded_adapters()
    for module in set(sys.modules) - before:
        if str(getattr(sys.modules[module], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[module]


def object_of(module: str, *bases: type, name: str = "Client") -> object:
    """An object whose class claims to live in `module`."""
    return type(name, bases, {"__module__": module})()


# Loading


def test_a_sound_adapter_is_loaded_and_is_the_same_object_each_time(site: Site) -> None:
    """One adapter a name."""
    site.install_adapter("good")
    adapter = load_adapter("good")
    assert isinstance(adapter, ParallelToolsAdapter)
    assert load_adapter("good") is adapter


def test_loading_imports_that_plugin_alone(site: Site) -> None:
    """A neighbour stays unimported, be it broken or not."""
    site.install_adapter("good")
    site.install_adapter("neighbour", source="raise ImportError('no such luck')")
    load_adapter("good")
    assert "plugin_good" in sys.modules
    assert "plugin_neighbour" not in sys.modules


def test_threads_that_load_at_once_get_one_object(site: Site) -> None:
    """The first result stays."""
    site.install_adapter("good", source="import time; time.sleep(0.05)\n" + PLUGIN.format(name="good", api=ADAPTER_API))
    barrier = threading.Barrier(8)
    got: list[object] = []

    def load() -> None:
        barrier.wait()
        got.append(load_adapter("good"))

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert len(set(map(id, got))) == 1


def test_a_plugin_may_be_an_object_of_a_module(site: Site) -> None:
    """`module:attribute`, as entry points allow."""
    source = PLUGIN.format(name="inner", api=ADAPTER_API).replace("@hookimpl\ndef toolfan_adapter():", "def make():")
    source += (
        "\nclass Plugin:\n    @hookimpl\n    def toolfan_adapter(self):\n        return make()\n\nplugin = Plugin()\n"
    )
    site.install("toolfan-inner", {"plugin_inner": source}, adapters={"inner": "plugin_inner:plugin"})
    assert load_adapter("inner").name == "inner"


@pytest.mark.parametrize("name", ["anthropic", "bedrock", "cohere", "litellm", "openai", "vertex", "gemini", "local"])
def test_a_known_adapter_that_is_missing_says_how_to_install_it(site: Site, name: str) -> None:
    """The first-party names have their extra."""
    with pytest.raises(AdapterNotInstalled) as caught:
        load_adapter(name)
    assert f'pip install "toolfan[{name}]"' in str(caught.value)


def test_an_unknown_adapter_lists_what_is_installed_and_the_nearest_name(site: Site) -> None:
    """Another error than for a known one."""
    site.install_adapter("cohere")
    with pytest.raises(AdapterNotFound) as caught:
        load_adapter("Coherre")
    assert type(caught.value) is AdapterNotFound
    assert "installed: cohere" in str(caught.value)
    assert "Did you mean 'cohere'?" in str(caught.value)


def test_an_unknown_adapter_with_nothing_installed(site: Site) -> None:
    """The nearest name may be one that could be installed."""
    with pytest.raises(AdapterNotFound, match=r"no adapter is installed.*Did you mean 'openai'"):
        load_adapter("OpenAi!")


NO_HOOK = "does not implement the hook toolfan_adapter"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import surely_not_there", "ModuleNotFoundError: No module named 'surely_not_there'"),
        ("raise RuntimeError('on import')", "cannot be imported: RuntimeError: on import"),
        ("import sys; sys.exit(3)", "cannot be imported: SystemExit: 3"),
        ("class Panic(BaseException): ...\nraise Panic('in Rust')", "cannot be imported: Panic: in Rust"),
        (
            "class Mute(Exception):\n  def __str__(self): raise RuntimeError\nraise Mute",
            "plugin_bad cannot be imported: Mute [adapter",
        ),
        ("@hookimpl\ndef toolfan_adapter(): raise GeneratorExit", "fails in toolfan_adapter(): GeneratorExit"),
        ("def broken(:", "cannot be imported: SyntaxError"),
        ("x = 1", NO_HOOK),
        ("def toolfan_adapter(): ...", "without @toolfan.hookimpl"),
        ("@hookimpl\ndef toolfan_adapter(config): ...", "config"),
        ("@hookimpl\ndef toolfan_adaptor(): ...", "Did you mean 'toolfan_adapter'?"),
        ("@hookimpl\ndef toolfan_adapter(): ...", "returned None"),
        (
            "@hookimpl\ndef toolfan_adapter(): raise KeyError('inside')",
            "fails in toolfan_adapter(): KeyError: 'inside'",
        ),
        ("@hookimpl\ndef toolfan_adapter(): return object()", "lacks api, build_answer"),
        ("@hookimpl\ndef toolfan_adapter(): return dict", "the class dict, not an instance"),
        (
            "@hookimpl\ndef toolfan_adapter(): ...\n@hookimpl(specname='toolfan_adapter')\ndef again(): ...",
            "implements toolfan_adapter 2 times",
        ),
        (
            "class A:\n  @property\n  def api(self): raise ValueError('shy')\n"
            "@hookimpl\ndef toolfan_adapter(): return A()",
            "fails when it is looked at: ValueError: shy",
        ),
        (
            "class A:\n  @property\n  def api(self): raise BaseException('shy')\n"
            "@hookimpl\ndef toolfan_adapter(): return A()",
            "fails when it is looked at: BaseException: shy",
        ),
    ],
)
def test_a_broken_plugin_is_told_with_its_distribution_and_cause(site: Site, source: str, says: str) -> None:
    """Import errors, hooks of a wrong shape, objects that are no adapters."""
    needs_marker = "from toolfan.hookspecs import hookimpl\n" if "@hookimpl" in source else ""
    site.install_adapter("bad", source=needs_marker + source)
    with pytest.raises(AdapterBroken) as caught:
        load_adapter("bad")
    text = str(caught.value)
    assert says in text
    assert "toolfan-bad 1.0" in text
    assert "plugin_bad" in text or "its adapter" in text
    assert "pip install --upgrade --force-reinstall toolfan-bad" in text
    assert "pip uninstall toolfan-bad" in text
    assert pickle.loads(pickle.dumps(caught.value)) == caught.value


class SoftLimit(Exception):
    """As a queue of tasks raises it."""


RING = "import signal, threading; signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)"


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals between threads here")
@pytest.mark.parametrize("raised", [SystemExit, SoftLimit])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from pydantic", f"{RING}\nfrom pydantic"),
        ("    return Adapter()", f"    {RING}\n    return Adapter()"),
        ("    api = 1\n", f"    @property\n    def api(self):\n        {RING}\n        return 1\n"),
    ],
    ids=["import", "hook", "looked at"],
)
def test_what_a_signal_raises_while_a_plugin_loads_is_not_the_plugins(
    site: Site, before: str, after: str, raised: type[BaseException]
) -> None:
    """SIGTERM's SystemExit, a soft limit of time; asked for again, the plugin serves."""
    source = PLUGIN.format(name="long", api=1)
    assert before in source
    site.install_adapter("long", source=source.replace(before, after))

    def handler(*_: object) -> None:
        raise raised("now")

    former = signal.signal(signal.SIGALRM, handler)
    try:
        with pytest.raises(raised, match="now"):
            load_adapter("long")
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        assert load_adapter("long").name == "long"
    finally:
        signal.signal(signal.SIGALRM, former)


def test_the_cause_of_a_failed_import_is_chained(site: Site) -> None:
    """`raise ... from exc`."""
    site.install_adapter("bad", source="raise RuntimeError('on import')")
    with pytest.raises(AdapterBroken) as caught:
        load_adapter("bad")
    assert isinstance(caught.value.__cause__, RuntimeError)


@pytest.mark.parametrize(
    "source",
    ["raise RuntimeError({!r})", "class Adapter:\n    @property\n    def api(self):\n        raise RuntimeError({!r})"],
)
def test_a_plugin_that_tells_a_key_is_broken_without_it(
    site: Site, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """Neither the message nor what led to it shows what a variable with the name of a secret holds."""
    key = "house.key.4711"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    hook = "\nfrom toolfan.hookspecs.specs import hookimpl\n\n@hookimpl\ndef toolfan_adapter():\n    return Adapter()\n"
    site.install_adapter("bad", source=source.format(f"not with {key}") + hook)
    with pytest.raises(AdapterBroken, match=r"RuntimeError: not with \*\*\*") as caught:
        load_adapter("bad")
    assert key not in "".join(traceback.format_exception(caught.value))
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("    name = 'odd'", "    name = 'other'", "whose name is 'other', not 'odd'"),
        ("    api = 1", "    api = '1'", "whose api is '1'"),
        ("    api = 1", "    api = True", "whose api is True"),
        ("settings_model = Settings", "settings_model = dict", "settings_model is not a pydantic model"),
        ('frozenset({"temperature"})', '["temperature"]', "option_names are not a frozenset"),
        ("def parse_response(self, body): ...", "parse_response = None", "parse_response is not a method"),
        ("return Adapter()", "Adapter.capabilities = {}; return Adapter()", "capabilities are not"),
    ],
)
def test_an_adapter_with_one_wrong_member_is_broken(site: Site, before: str, after: str, says: str) -> None:
    """The message names the member."""
    source = PLUGIN.format(name="odd", api=1)
    assert before in source
    site.install_adapter("odd", source=source.replace(before, after))
    with pytest.raises(AdapterBroken, match=says):
        load_adapter("odd")


@pytest.mark.parametrize(("api", "command"), [(99, "toolfan"), (0, "toolfan-future")])
def test_another_protocol_version_names_both_and_who_must_upgrade(site: Site, api: int, command: str) -> None:
    """A newer plugin needs a newer toolfan, an older one a newer plugin; other members are not looked at."""
    source = PLUGIN.format(name="future", api=api).replace("def parse_response", "def parse")
    site.install_adapter("future", source=source)
    with pytest.raises(AdapterTooNew) as caught:
        load_adapter("future")
    assert f"version {api} of the adapter protocol" in str(caught.value)
    assert f"version {ADAPTER_API}" in str(caught.value)
    assert f"`pip install --upgrade {command}`" in str(caught.value)
    (info,) = (one for one in toolfan.installed_adapters(load=True) if one.name == "future")
    assert (info.api, info.status) == (api, "broken")


def test_two_distributions_with_one_name_are_a_conflict(site: Site) -> None:
    """Neither wins; the hint removes one."""
    site.install_adapter("twin")
    site.install("acme-twin", version="2.0", adapters={"twin": "elsewhere"})
    with pytest.raises(AdapterConflict) as caught:
        load_adapter("twin")
    for part in ("toolfan-twin 1.0", "acme-twin 2.0", "pip uninstall toolfan-twin", "pip uninstall acme-twin"):
        assert part in str(caught.value)


def test_one_distribution_found_twice_is_no_conflict(site: Site) -> None:
    """Editable and installed metadata side by side: the first on sys.path counts."""
    site.install_adapter("good")
    site.install("Toolfan.Good", version="0.9", where="later", adapters={"good": "gone"})
    assert load_adapter("good").name == "good"
    assert [info.version for info in installed_adapters()] == ["1.0"]


def test_a_disabled_adapter_is_not_found(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it was loaded before."""
    site.install_adapter("good")
    load_adapter("good")
    monkeypatch.setenv("TOOLFAN_DISABLE", "other, good ,")
    with pytest.raises(AdapterNotFound, match="switched off by the environment variable TOOLFAN_DISABLE"):
        load_adapter("good")


@pytest.mark.parametrize(
    ("file", "text", "where"),
    [
        ("toolfan.toml", 'disable = ["other", "good"]', "disable.1 in {path}, line 1"),
        ("toolfan.toml", '# why\ndisable = [\n  " good ",\n]', "disable.0 in {path}, line 3"),
        ("pyproject.toml", '[tool.toolfan]\ndisable = ["good"]', "tool.toolfan.disable.0 in {path}, line 2"),
    ],
)
def test_an_adapter_that_a_file_disables_is_blocked(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str, text: str, where: str
) -> None:
    """For every way to it, with the place; its plugin is not imported and its neighbours are as they were."""
    site.install_adapter("fine")
    source = PLUGIN.format(name="good", api=ADAPTER_API)
    site.install("acme", {"plugin_good": source}, adapters={"good": "plugin_good"}, clients={"sdk": "plugin_good"})
    path = tmp_path / file
    path.write_text(text)
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    place = where.format(path=path)
    for ask in (
        lambda: load_adapter("good"),
        lambda: toolfan.wrap(object_of("sdk")),
        lambda: toolfan.connect("good:m"),
    ):
        with pytest.raises(AdapterNotFound) as caught:
            ask()
        assert f"'good' is switched off by {place}" in str(caught.value)
    assert load_adapter("fine").name == "fine"
    infos = {info.name: info for info in installed_adapters(load=True)}
    assert (infos["good"].status, infos["good"].reason) == ("blocked", f"switched off by {place}")
    assert infos["fine"].status == "ok"
    assert "plugin_good" not in sys.modules


def test_the_file_and_the_variable_block_together(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither takes back what the other says."""
    for name in ("one", "two", "three"):
        site.install_adapter(name)
    (tmp_path / "toolfan.toml").write_text('disable = ["one"]')
    monkeypatch.chdir(tmp_path)
    site.install("torn", entry_points="[toolfan.adapters]\nfour = not a module\n")
    monkeypatch.setenv("TOOLFAN_DISABLE", "two,four")
    assert {info.name: info.status for info in installed_adapters()} == {
        "four": "blocked",
        "one": "blocked",
        "two": "blocked",
        "three": "ok",
    }


@pytest.mark.parametrize("text", ["disable = [", 'disable = "good"', "disable = [1]"])
def test_a_file_that_is_wrong_blocks_nothing_in_silence(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    """An adapter named in code works without it; who asks for a profile gets the error."""
    site.install_adapter("good")
    (tmp_path / "toolfan.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert load_adapter("good").name == "good"
    assert "what the configuration disables is not known" in caplog.text
    with pytest.raises(ConfigError, match=r"toolfan\.toml"):
        toolfan.connect(profile="fast")


def test_that_a_file_is_wrong_is_said_once(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is read for each adapter; a file that was mended and is wrong again is told again."""
    for name in ("one", "two", "three"):
        site.install_adapter(name)
    monkeypatch.chdir(tmp_path)
    for text in ("disable = [", "disable = []", "disable = ["):
        (tmp_path / "toolfan.toml").write_text(text)
        assert [info.name for info in toolfan.installed_adapters(load=True)] == ["one", "three", "two"]
        toolfan.installed_adapters()
    said = [record.getMessage() for record in caplog.records]
    assert [text.partition(":")[0] for text in said] == ["what the configuration disables is not known"] * 2


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("bad = not a module", "which is not the path of a module"),
        ("bad =", "which is not the path of a module"),
        ("bad", "which is not the path of a module"),
        ("bad = 1module", "which is not the path of a module"),
        ("bad = a\nbad = b", "twice"),
    ],
)
def test_malformed_metadata_breaks_its_own_adapter_only(site: Site, line: str, says: str) -> None:
    """importlib.metadata itself stops at some of these."""
    site.install_adapter("good")
    site.install("acme", entry_points=f"[other.group]\nnot a pair\n[toolfan.adapters]\n# a comment\n{line}\n")
    with pytest.raises(AdapterBroken, match=says):
        load_adapter("bad")
    assert load_adapter("good").name == "good"
    assert {info.name: info.status for info in installed_adapters()} == {"bad": "broken", "good": "ok"}


def test_a_malformed_twin_does_not_make_a_conflict(site: Site) -> None:
    """It cannot answer, so it does not count."""
    site.install_adapter("good")
    site.install("acme", adapters={"good": "not a module"})
    assert load_adapter("good").name == "good"


def test_distributions_without_metadata_or_with_binary_files_do_no_harm(site: Site) -> None:
    """Their folder still names them."""
    site.install_adapter("good")
    site.install("nameless", adapters={"anon": "nowhere"}, metadata="")
    site.install("toolfan-torn")
    (site.folder("site") / "toolfan_torn-1.0.dist-info" / "entry_points.txt").write_bytes(
        b"[toolfan.adapters]\n\xff\xfe"
    )
    (site.folder("site") / "hollow-1.0.dist-info").mkdir()
    infos = {info.name: info for info in installed_adapters()}
    assert infos["good"].status == "ok"
    assert infos["anon"] == AdapterInfo("anon", "nameless", None, None, "ok")
    assert infos["toolfan-torn"].status == "broken"
    assert "cannot be read" in str(infos["toolfan-torn"].reason)


# Listing


def test_listing_imports_nothing_and_is_sorted(site: Site) -> None:
    """api is None until loaded."""
    site.install_adapter("zeta")
    site.install_adapter("alpha", source="raise ImportError")
    assert installed_adapters() == [
        AdapterInfo("alpha", "toolfan-alpha", "1.0", None, "ok"),
        AdapterInfo("zeta", "toolfan-zeta", "1.0", None, "ok"),
    ]
    assert not {"plugin_alpha", "plugin_zeta"} & set(sys.modules)


def test_a_plugin_that_holds_what_cannot_be_looked_at_harms_no_other(site: Site) -> None:
    """A lazy proxy that is not set up, say: the plugin is broken, and listed so beside the sound ones."""
    lazy = """
class Lazy:
    @property
    def __class__(self):
        raise SystemExit("settings are not configured")


settings = Lazy()
"""
    site.install_adapter("good")
    site.install_adapter("lazy", source=PLUGIN.format(name="lazy", api=ADAPTER_API) + lazy)
    with pytest.raises(AdapterBroken, match=r"toolfan-lazy.*settings are not configured"):
        load_adapter("lazy")
    assert {info.name: info.status for info in installed_adapters(load=True)} == {"good": "ok", "lazy": "broken"}


def test_a_plugin_that_grows_while_it_is_looked_at_is_sound() -> None:
    """As a package does, when another thread imports a module of it."""
    plugin = types.ModuleType("growing")

    class Growing:
        @property
        def __class__(self) -> type:
            setattr(plugin, f"more_{len(vars(plugin))}", None)
            return object

    @toolfan.hookimpl
    def toolfan_adapter() -> None: ...

    vars(plugin).update(growing=Growing(), toolfan_adapter=toolfan_adapter)
    assert sole_offer(plugin) is toolfan_adapter


@pytest.mark.parametrize("begins", ["def", "async def"])
@pytest.mark.parametrize("body", ["return", "yield"])
def test_an_offer_that_has_to_be_driven_is_not_called_as_it_is(begins: str, body: str) -> None:
    plugin = types.ModuleType("offering")
    exec(f"{begins} toolfan_adapter(): {body}", vars(plugin))
    toolfan.hookimpl(plugin.toolfan_adapter)
    assert (sole_offer(plugin) is not None) == ((begins, body) == ("def", "return"))


def test_listing_with_load_proves_the_status(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kind of status, and no error."""
    site.install_adapter("good")
    site.install_adapter("bad", source="raise ImportError('gone')")
    site.install_adapter("future", api=99)
    site.install_adapter("twin")
    site.install("acme", adapters={"twin": "elsewhere"})
    site.install_adapter("off")
    monkeypatch.setenv("TOOLFAN_DISABLE", "off")
    infos = installed_adapters(load=True)
    assert [(info.name, info.distribution, info.api, info.status) for info in infos] == [
        ("bad", "toolfan-bad", None, "broken"),
        ("future", "toolfan-future", 99, "broken"),
        ("good", "toolfan-good", 1, "ok"),
        ("off", "toolfan-off", None, "blocked"),
        ("twin", "acme", None, "conflict"),
        ("twin", "toolfan-twin", None, "conflict"),
    ]
    assert [bool(info.reason) for info in infos] == [True, True, False, True, True, True]
    assert "plugin_off" not in sys.modules
    assert installed_adapters()[2].api == 1


# Clients


@pytest.fixture
def sdks(site: Site) -> Site:
    """Two providers that serve three SDKs, by metadata alone."""
    site.install("toolfan-openai", adapters={"openai": "t_openai"}, clients={"openai": "t_openai"})
    site.install(
        "toolfan-vertex",
        adapters={"vertex": "t_vertex", "gemini": "t_vertex.gemini"},
        clients={"vertexai": "t_vertex", "google.genai": "t_vertex.gemini"},
    )
    return site


@pytest.mark.parametrize(
    ("module", "adapter"),
    [
        ("openai", "openai"),
        ("openai.lib.azure", "openai"),
        ("vertexai.generative_models._generative_models", "vertex"),
        ("google.genai.client", "gemini"),
    ],
)
def test_a_client_is_known_by_its_module(sdks: Site, module: str, adapter: str) -> None:
    """No plugin is imported for it."""
    assert adapter_for_client(object_of(module)) == adapter
    assert not {"t_openai", "t_vertex"} & set(sys.modules)


def test_a_subclass_of_a_client_is_served(sdks: Site) -> None:
    """The user's own class in the user's own module."""
    assert adapter_for_client(object_of("my.app", type(object_of("openai")))) == "openai"


def test_the_most_derived_class_decides_and_the_longest_name(sdks: Site) -> None:
    """An SDK built on another's classes is served by its own adapter."""
    sdks.install("acme", adapters={"acme": "a", "deep": "d"}, clients={"acme": "a", "acme.deep": "d"})
    base = type(object_of("openai"))
    assert adapter_for_client(object_of("acme.client", base)) == "acme"
    assert adapter_for_client(object_of("acme.deep.client", base)) == "deep"


@pytest.mark.parametrize("module", ["openai_like", "google.genaix", "google"])
def test_names_match_on_dots_only(sdks: Site, module: str) -> None:
    """A common beginning is not enough."""
    with pytest.raises(AdapterNotFound) as caught:
        adapter_for_client(object_of(module))
    for part in ("openai (toolfan-openai 1.0)", "google.genai (toolfan-vertex 1.0)", f"{module}.Client"):
        assert part in str(caught.value)


def test_a_proxy_is_served_as_what_it_wraps(sdks: Site) -> None:
    """Instrumentation wraps; `__class__` tells."""
    assert adapter_for_client(mock.Mock(spec=type(object_of("openai")))) == "openai"


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("anthropic", "anthropic"),
        ("botocore.client", "bedrock"),
        ("cohere.client_v2", "cohere"),
        ("openai", "openai"),
        ("vertexai.generative_models", "vertex"),
        ("google.genai.client", "gemini"),
    ],
)
def test_a_known_sdk_without_its_plugin_says_how_to_install_it(site: Site, module: str, extra: str) -> None:
    """The command is in the message."""
    with pytest.raises(AdapterNotInstalled) as caught:
        adapter_for_client(object_of(module))
    assert f'pip install "toolfan[{extra}]"' in str(caught.value)


def test_nothing_installed_and_an_unknown_sdk(site: Site) -> None:
    """Says that nothing is served."""
    with pytest.raises(AdapterNotFound, match="none is served"):
        adapter_for_client(object_of("acme"))


@pytest.mark.parametrize(
    ("client", "says"), [(types.SimpleNamespace, "is a class"), ("openai:gpt-4o", r"toolfan\.connect")]
)
def test_what_is_no_client_is_told(sdks: Site, client: object, says: str) -> None:
    """A class instead of an object, a name instead of a client."""
    with pytest.raises(AdapterNotFound, match=says):
        adapter_for_client(client)


def test_two_distributions_that_serve_one_sdk_are_a_conflict(sdks: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are named, and adapter=; switching one off settles it."""
    sdks.install("acme", adapters={"acme": "a"}, clients={"openai": "a"})
    with pytest.raises(AdapterConflict) as caught:
        adapter_for_client(object_of("openai"))
    for part in ("toolfan-openai 1.0", "acme 1.0", "adapter='openai'", "adapter='acme'", "pip uninstall acme"):
        assert part in str(caught.value)
    monkeypatch.setenv("TOOLFAN_DISABLE", "acme")
    assert adapter_for_client(object_of("openai")) == "openai"
    monkeypatch.setenv("TOOLFAN_DISABLE", "acme,openai")
    with pytest.raises(AdapterNotFound, match="switched off"):
        adapter_for_client(object_of("openai"))


def test_a_client_entry_may_name_the_adapter(site: Site) -> None:
    """Its own distribution's; the module counts first."""
    site.install("acme", adapters={"acme": "a", "other": "acme"}, clients={"acme_sdk": "other", "second_sdk": "acme"})
    site.install("vendor", adapters={"vendor": "v"}, clients={"vendor_sdk": "acme"})
    assert adapter_for_client(object_of("acme_sdk")) == "other"
    assert adapter_for_client(object_of("second_sdk")) == "other"
    with pytest.raises(AdapterBroken, match="under no name"):
        adapter_for_client(object_of("vendor_sdk"))


def test_a_client_entry_without_an_adapter_is_broken(site: Site) -> None:
    """The two groups must agree within the distribution; an adapter can be named all the same."""
    site.install("acme", adapters={"acme": "other"}, clients={"acme": "a"})
    with pytest.raises(
        AdapterBroken, match=r"under no name.*Or name the adapter that serves them with adapter="
    ) as caught:
        adapter_for_client(object_of("acme"))
    assert "acme 1.0" in str(caught.value)


@pytest.mark.parametrize("package", ["openai", "openai.lib.azure"])
def test_a_claim_that_leads_nowhere_harms_nobody(sdks: Site, package: str) -> None:
    """Also if it is the nearer one; it is listed with what to do."""
    sdks.install("idle", clients={package: "nothing"})
    sdks.install("torn", clients={"openai": "not a module"})
    assert adapter_for_client(object_of("openai.lib.azure")) == "openai"
    listed = {(one.name, one.distribution, one.status) for one in idle_claims()}
    assert listed == {("openai", "torn", "broken"), (package, "idle", "broken")}
    assert all("pip uninstall" in str(one.hint) for one in idle_claims())


def test_a_malformed_client_entry_is_listed_and_not_used(site: Site) -> None:
    """Broken, not a crash."""
    site.install("acme", adapters={"acme": "a"}, clients={"acme": "not a module"})
    with pytest.raises(AdapterNotFound, match="broken: its entry point 'acme'"):
        adapter_for_client(object_of("acme"))


# Imports


def test_the_registry_imports_no_sdk_and_pluggy_only_to_load() -> None:
    """Listing and looking up need neither."""
    code = (
        "import sys; from toolfan.registry.listing import installed_adapters, adapter_for_client\n"
        "installed_adapters()\n"
        "try: adapter_for_client(object())\n"
        "except Exception as exc: assert type(exc).__name__ == 'AdapterNotFound', exc\n"
        "print(sorted({'pluggy', 'openai', 'google.genai', 'vertexai', 'tenacity', 'anyio'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=SUBPROCESS)
    assert ran.stdout.strip() == "[]"


# Observers

WATCHING = """
import toolfan
told = []

@toolfan.hookimpl
def toolfan_after_turn(adapter, turn):
    told.append((adapter, turn.stop.kind))
"""


@pytest.fixture
def observing(site: Site) -> Iterator[Site]:
    """A site whose observers the next client loads, and which are gone afterwards."""
    before = watching._watchers
    forget_observers()
    yield site
    for watcher in {*watching._watchers} - {*before}:
        watching.unobserve(watcher.plugin)
    forget_observers()


class Weather(BaseModel):
    """A tool that nobody asks for."""

    location: str


def ask() -> toolfan.Calls[Weather]:
    """Ask the offline planner, with an adapter that is no plugin."""
    from toolfan_local import toolfan_adapter

    adapter = toolfan_adapter()
    sdk = adapter.connect(adapter.settings_model(), use_async=False)
    with toolfan.wrap(sdk, adapter=adapter) as client:
        return client.create(messages=[{"role": "user", "content": "Hello?"}], tools=(Weather,), model="m")


def test_an_installed_observer_watches_from_the_first_client_on(observing: Site) -> None:
    """Not sooner: importing toolfan, listing and loading an adapter import none."""
    observing.install_observer("seen", WATCHING)
    observing.install_adapter("good")
    load_adapter("good")
    assert [(info.name, info.distribution, info.status) for info in installed_observers()] == [
        ("seen", "watch-seen", "ok")
    ]
    assert "watch_seen" not in sys.modules
    ask()
    ask()
    assert sys.modules["watch_seen"].told == [("local", "end")] * 2


SICK = {
    "importing": "import a_module_that_nobody_has",
    "exiting": "raise SystemExit(1)",
    "panicking": "class Panic(BaseException): ...\nraise Panic",
    "unknown": WATCHING.replace("toolfan_after_turn", "toolfan_after_turns"),
    "argument": WATCHING.replace("adapter, turn", "adapter, turn, colour"),
    "hookless": WATCHING.replace("@toolfan.hookimpl", ""),
    "raising": WATCHING.replace("told.append", "boom"),
}


def test_sick_observers_harm_nobody_but_themselves(observing: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Each is named in the log, with its distribution; a sound one beside them watches."""
    for name, source in SICK.items():
        observing.install_observer(name, source)
    for twin in ("twin-a", "twin-b"):
        observing.install_observer("twin", WATCHING, distribution=twin)
    observing.install("torn", entry_points="[toolfan.observers]\ntorn = not a module\n")
    observing.install_observer("well", WATCHING)
    for _ in range(2):
        assert ask().stop.kind == "end"
    assert sys.modules["watch_well"].told == [("local", "end")] * 2
    assert not {"twin_a", "twin_b"} & sys.modules.keys()
    said = [record.getMessage() for record in caplog.records]
    for name in ("importing", "exiting", "panicking", "unknown", "argument", "hookless", "torn"):
        assert sum(line.startswith(f"the observer {name} is not used: ") for line in said) == 1, said
    assert "Did you mean 'toolfan_after_turn'?" in caplog.text
    assert "the observer twin is not used: offered by twin-b 1.0 too" in said
    assert "the observer raising raised in toolfan_after_turn and is dropped" in said
    assert len(said) == 10, said
    statuses = {info.distribution: info.status for info in installed_observers(load=True)}
    assert {name for name, status in statuses.items() if status == "ok"} == {"watch-well", "watch-raising"}
    assert statuses["twin-a"] == statuses["twin-b"] == "conflict"


def test_a_blocked_observer_is_not_imported(observing: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name, as an adapter."""
    observing.install_observer("seen", WATCHING)
    monkeypatch.setenv("TOOLFAN_DISABLE", "seen")
    ask()
    assert "watch_seen" not in sys.modules
    (info,) = installed_observers(load=True)
    assert (info.status, info.reason) == ("blocked", "switched off by the environment variable TOOLFAN_DISABLE")


def test_the_hooks_of_an_adapters_module_watch_too(observing: Site) -> None:
    """From when the adapter was loaded; once, though it is in both groups."""
    source = PLUGIN.format(name="good", api=ADAPTER_API) + WATCHING
    groups = "[toolfan.adapters]\ngood = plugin_good\n[toolfan.observers]\ngood = plugin_good\n"
    observing.install("acme", {"plugin_good": source}, entry_points=groups)
    load_adapter("good")
    ask()
    assert sys.modules["plugin_good"].told == [("local", "end")]


def test_an_observer_may_make_a_client_while_it_is_imported(observing: Site) -> None:
    """It is then not loaded once more, in the middle of it."""
    observing.install_observer("seen", f"import toolfan; toolfan.wrap(object(), adapter='good')\n{WATCHING}")
    observing.install_adapter("good")
    ask()
    assert sys.modules["watch_seen"].told == [("local", "end")]


def test_every_observer_hook_is_specified() -> None:
    """Names and arguments are a promise to plugin authors."""
    import pluggy
    from toolfan.hookspecs import specs as hookspecs

    manager = pluggy.PluginManager("toolfan")
    manager.add_hookspecs(hookspecs)
    specs: dict[str, tuple[str, ...]] = {}
    for name in vars(manager.hook):
        spec = getattr(manager.hook, name).spec
        specs[name] = tuple(spec.argnames)
    assert specs == {
        "toolfan_adapter": (),
        "toolfan_after_execute": ("adapter", "call", "result"),
        "toolfan_after_failure": ("adapter", "request", "error", "attempt"),
        "toolfan_after_turn": ("adapter", "request", "turn", "attempt"),
        "toolfan_before_send": ("adapter", "request", "attempt", "provider"),
        "toolfan_call_sealed": ("adapter", "request", "call", "attempt"),
    }
    assert set(hookspecs.OBSERVER_HOOKS) == specs.keys() - {"toolfan_adapter"}
