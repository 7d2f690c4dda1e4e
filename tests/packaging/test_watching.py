"""Observers, OpenTelemetry and the doctor from the wheels: what is sick harms nobody but itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Venv

pytestmark = pytest.mark.packaging

PYPROJECT = """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "{distribution}"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["toolfan"]

[project.entry-points."toolfan.observers"]
{name} = "{module}"

[tool.hatch.build.targets.wheel]
packages = ["{module}"]
"""
WATCHING = """\
import toolfan
told = []

@toolfan.hookimpl
def toolfan_after_turn(adapter, turn):
    told.append(adapter)
"""
# distribution: observer's name, source
OBSERVERS = {
    "tfo-well": ("well", WATCHING),
    "tfo-importing": ("importing", "import a_module_that_nobody_has\n"),
    "tfo-shape": ("shape", WATCHING.replace("adapter, turn", "adapter, colour")),
    "tfo-raising": ("raising", WATCHING.replace("told.append", "boom")),
    "tfo-twin-a": ("twin", WATCHING),
    "tfo-twin-b": ("twin", WATCHING),
    "tfo-off": ("off", WATCHING),
}
ASK = """
import json, logging, sys
said = []
class Keep(logging.Handler):
    def emit(self, record):
        said.append(record.getMessage())
logging.getLogger("toolfan").addHandler(Keep())
import toolfan
def now() -> str: ...
for _ in range(2):
    with toolfan.connect("local") as client:
        client.create(messages=[{"role": "user", "content": "Hello?"}], tools=(now,))
import tfo_well
print(json.dumps(dict(said=said, told=tfo_well.told, imported=sorted(m for m in sys.modules if m.startswith("tfo_")))))
"""
TRACE = """
import toolfan, toolfan.otel
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
toolfan.otel.instrument(tracer_provider=provider)
def now() -> str: ...
with toolfan.connect("local") as client:
    client.create(messages=[{"role": "user", "content": "Hello?"}], tools=(now,), model="m")
print(*(span.name for span in exporter.get_finished_spans()))
"""
COMMAND = "import sys; sys.argv = ['toolfan', *{arguments!r}]; from toolfan.cli import main; main()"


@pytest.fixture(scope="module")
def venv(
    make_venv: Callable[..., Venv],
    build_wheel: Callable[[Path, Path], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Venv:
    """One environment with core, a provider, and every observer, the sick ones too."""
    sources, wheels = tmp_path_factory.mktemp("observers"), tmp_path_factory.mktemp("observer-wheels")
    for distribution, (name, source) in OBSERVERS.items():
        module = distribution.replace("-", "_")
        package = sources / distribution / module
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(source)
        text = PYPROJECT.format(distribution=distribution, name=name, module=module)
        (package.parent / "pyproject.toml").write_text(text)
        build_wheel(package.parent, wheels)
    made = make_venv("toolfan[cli,local,otel]", "opentelemetry-sdk", *wheels.glob("*.whl"))
    (made.path / "toolfan.toml").write_text(
        'disable = ["off"]\n[profiles.offline]\nadapter = "local"\n[profiles.fast]\nadapter = "openai"\n'
    )
    return made


def command(venv: Venv, *arguments: str) -> Any:
    return venv.run(COMMAND.format(arguments=arguments), check=False)


def test_sick_observers_harm_nobody_but_themselves(venv: Venv) -> None:
    report = json.loads(venv.run(ASK).stdout)
    assert report["told"] == ["local", "local"]
    assert report["imported"] == ["tfo_raising", "tfo_shape", "tfo_well"]
    said = "\n".join(report["said"])
    assert "the observer importing is not used: the plugin of tfo-importing 1.0 is broken" in said
    assert "the observer shape is not used: the plugin of tfo-shape 1.0 is broken" in said
    assert "the observer twin is not used: offered by tfo-twin-b 1.0 too" in said
    assert "the observer raising raised in toolfan_after_turn and is dropped" in said
    assert len(report["said"]) == 5, said


def test_the_doctor_finds_them_and_the_profile_that_cannot_work(venv: Venv) -> None:
    done = command(venv, "doctor", "--json")
    assert done.returncode == 2, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    profiles = {line["profile"]: line for line in lines if line["kind"] == "profile"}
    assert profiles["offline"]["problem"] is None
    assert [package.split()[0] for package in profiles["offline"]["packages"]] == [
        "toolfan-local",
        "starlette",
        "uvicorn",
    ]
    assert profiles["fast"]["next"] == 'Run `pip install "toolfan[openai]"`.'
    statuses = {line["distribution"]: line["status"] for line in lines if line["kind"] == "observer"}
    assert statuses == {
        "tfo-well": "ok",
        "tfo-raising": "ok",
        "tfo-importing": "broken",
        "tfo-shape": "broken",
        "tfo-twin-a": "conflict",
        "tfo-twin-b": "conflict",
        "tfo-off": "blocked",
    }


def test_the_doctor_asks_an_endpoint_and_the_adapters_are_listed(venv: Venv) -> None:
    done = command(venv, "doctor", "--live", "--profile", "offline")
    assert "ok, answered in" in done.stdout, done.stderr
    done = command(venv, "adapters", "--json")
    assert done.returncode == 0, done.stderr
    (line,) = map(json.loads, done.stdout.splitlines())
    assert (line["name"], line["status"]) == ("local", "ok")


def test_opentelemetry_is_an_extra(venv: Venv, make_venv: Callable[..., Venv]) -> None:
    assert venv.run(TRACE).stdout.strip() == "chat m"
    alone = make_venv("toolfan[local]")
    assert not [name for name in alone.distributions() if name.startswith("opentelemetry")]
    told = alone.run("import toolfan.otel", check=False).stderr
    assert 'Run `pip install "toolfan[otel]"`.' in told
