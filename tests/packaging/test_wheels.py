"""The wheels, installed without the source tree: each brings what it needs and nothing of another provider."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Venv

pytestmark = pytest.mark.packaging

ROOT = Path(__file__).resolve().parents[2]

WHEELS = (
    "toolfan",
    "toolfan_anthropic",
    "toolfan_bedrock",
    "toolfan_cohere",
    "toolfan_litellm",
    "toolfan_local",
    "toolfan_openai",
    "toolfan_vertex",
)

NO_SDK = """
import sys
before = set(sys.modules)  # Google's namespace packages are there from the start
import toolfan
toolfan.connect, toolfan.Calls, toolfan.tool, toolfan.load_adapter  # used, so that everything lazy is loaded
sdks = ("openai", "google", "vertexai", "anthropic", "boto3", "cohere", "litellm")
foreign = [name for name in sys.modules.keys() - before if name.split(".")[0] in sdks]
assert not foreign, foreign
"""

ASK_LOCAL = """
from collections.abc import Iterable
from typing import Literal
import toolfan
from pydantic import BaseModel

class Weather(BaseModel):
    location: str
    units: Literal["imperial", "metric"]

class GoogleSearch(BaseModel):
    query: str

question = "What is the weather in toronto and dallas and who won the super bowl?"
with toolfan.connect("local") as client:
    calls = client.create(
        messages=[{"role": "user", "content": question}], response_model=Iterable[Weather | GoogleSearch]
    )
assert [type(call).__name__ for call in calls] == ["Weather", "Weather", "GoogleSearch"], calls
"""


def statuses(venv: Venv) -> dict[str, str]:
    code = "import toolfan; print(*(f'{a.name}={a.status}' for a in toolfan.installed_adapters(load=True)))"
    return dict(word.split("=") for word in venv.run(code).stdout.split())


def test_each_wheel_is_typed_and_licensed(wheels: Path) -> None:
    files = {path.name.split("-")[0]: zipfile.ZipFile(path).namelist() for path in wheels.glob("*.whl")}
    assert sorted(files) == sorted(WHEELS)
    for name, members in files.items():
        packages = {member.split("/")[0] for member in members if member.endswith(".py")}
        assert name in packages
        assert {f"{package}/py.typed" for package in packages} <= {*members}
        assert any(member.endswith("licenses/LICENSE") for member in members)
        assert not any(member.startswith("tests/") for member in members)


def test_the_core_alone_has_no_sdk_and_says_how_to_get_a_provider(make_venv: Callable[..., Venv]) -> None:
    venv = make_venv("toolfan")
    venv.run(NO_SDK)
    assert not {"openai", "google-genai", "google-cloud-aiplatform", "typer"} & venv.distributions()
    assert statuses(venv) == {}
    told = venv.run("import toolfan; toolfan.connect('openai:gpt-4o-mini')", check=False).stderr
    assert "AdapterNotInstalled" in told
    assert 'pip install "toolfan[openai]"' in told
    command = venv.run("import sys; sys.argv = ['toolfan', 'demo']; from toolfan.cli import main; main()", check=False)
    assert command.returncode == 2
    assert 'pip install "toolfan[cli]"' in command.stderr


def test_openai_brings_nothing_of_google(make_venv: Callable[..., Venv]) -> None:
    venv = make_venv("toolfan[openai]")
    venv.run(NO_SDK)
    assert not [name for name in venv.distributions() if name.startswith("google")]
    assert statuses(venv) == {"openai": "ok", "openai-responses": "ok"}
    made = "import openai, toolfan; print(toolfan.from_openai(openai.OpenAI(api_key='k')))"
    assert venv.run(made).stdout.strip() == "Client(adapter='openai')"


def test_anthropic_brings_nothing_of_others(make_venv: Callable[..., Venv]) -> None:
    venv = make_venv("toolfan[anthropic]")
    venv.run(NO_SDK)
    assert not [name for name in venv.distributions() if name.startswith(("google", "openai"))]
    assert statuses(venv) == {"anthropic": "ok"}
    made = "import anthropic, toolfan; print(toolfan.wrap(anthropic.Anthropic(api_key='k')))"
    assert venv.run(made).stdout.strip() == "Client(adapter='anthropic')"


def test_bedrock_brings_nothing_of_others(make_venv: Callable[..., Venv]) -> None:
    venv = make_venv("toolfan[bedrock]")
    venv.run(NO_SDK)
    assert not [name for name in venv.distributions() if name.startswith(("google", "openai", "anthropic"))]
    assert statuses(venv) == {"bedrock": "ok"}
    made = "import boto3, toolfan; print(toolfan.wrap(boto3.client('bedrock-runtime', region_name='us-east-1')))"
    assert venv.run(made).stdout.strip() == "Client(adapter='bedrock')"


def test_cohere_brings_nothing_of_others(make_venv: Callable[..., Venv]) -> None:
    venv = make_venv("toolfan[cohere]")
    venv.run(NO_SDK)
    assert not [name for name in venv.distributions() if name.startswith(("google", "openai", "anthropic", "boto"))]
    assert statuses(venv) == {"cohere": "ok"}
    made = "import cohere, toolfan; print(toolfan.wrap(cohere.ClientV2(api_key='k')))"
    assert venv.run(made).stdout.strip() == "Client(adapter='cohere')"


def test_litellm_has_an_environment_of_its_own_in_which_its_tests_pass(make_venv: Callable[..., Venv]) -> None:
    """LiteLLM holds openai back, so this adapter is not in the environment of the other tests."""
    venv = make_venv("toolfan[litellm]")
    venv.run(NO_SDK)
    assert not [name for name in venv.distributions() if name.startswith("google")]
    assert statuses(venv)["litellm"] == "ok"
    venv.install("toolfan[local,testing]")
    faults = str(ROOT / "tests/contract/test_faults_others.py")
    page = f"{ROOT / 'tests/docs/test_docs.py'}::test_what_a_page_shows_works"
    for tests in ([str(ROOT / "tests/providers/litellm")], [faults, "-k", "litellm"], [page, "-k", "litellm"]):
        args = ["-q", "-p", "no:cacheprovider", *tests]
        told = venv.run(f"import sys, pytest; sys.exit(pytest.main({args}))").stdout
        assert "passed" in told
        assert "skipped" not in told


def test_gemini_brings_no_aiplatform_and_no_openai(make_venv: Callable[..., Venv]) -> None:
    venv = make_venv("toolfan[gemini]")
    venv.run(NO_SDK)
    assert "google-genai" in venv.distributions()
    assert not {"google-cloud-aiplatform", "openai"} & venv.distributions()
    assert statuses(venv) == {"gemini": "ok", "vertex": "ok"}
    made = "from google import genai; import toolfan; print(toolfan.wrap(genai.Client(api_key='k')))"
    assert venv.run(made).stdout.strip() == "Client(adapter='gemini')"


def test_vertex_brings_aiplatform_and_no_openai(make_venv: Callable[..., Venv]) -> None:
    venv = make_venv("toolfan[vertex]")
    venv.run(NO_SDK)
    assert {"google-genai", "google-cloud-aiplatform"} <= venv.distributions()
    assert "openai" not in venv.distributions()
    assert statuses(venv) == {"gemini": "ok", "vertex": "ok"}


def test_local_answers_without_any_sdk(make_venv: Callable[..., Venv]) -> None:
    venv = make_venv("toolfan[local]")
    venv.run(ASK_LOCAL)
    assert not {"openai", "google-genai", "google-cloud-aiplatform"} & venv.distributions()


def test_the_demo_runs_from_the_wheels(make_venv: Callable[..., Venv]) -> None:
    venv = make_venv("toolfan[cli,gemini,local,openai]")
    demo = venv.run("import sys; sys.argv = ['toolfan', 'demo']; from toolfan.cli import main; main()", check=False)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "Toronto" in demo.stdout
    assert "AsyncOpenAI" in demo.stdout


SUITE = """
import toolfan_local
from toolfan.testing import AdapterConformance, Sample

BODY = {"calls": [], "text": "It rains.", "stop": "end"}


class TestLocal(AdapterConformance):
    adapter = toolfan_local.LocalAdapter()
    samples = (Sample(name="a text", body=BODY, text="It rains.", stop="end"),)
"""


def test_the_conformance_suite_comes_with_the_core(make_venv: Callable[..., Venv], tmp_path: Path) -> None:
    """Its plugin is found by pytest, which the extra brings; the clients for tests need neither."""
    core = make_venv("toolfan")
    assert "pytest" not in core.distributions()
    core.run("from toolfan.testing import scripted; assert scripted(['Hello.'])")
    venv = make_venv("toolfan[local,testing]")
    (tmp_path / "test_it.py").write_text(SUITE)
    arguments = ["-q", "-p", "no:cacheprovider", "-k", "is_well_formed or samples_show", str(tmp_path)]
    done = venv.run(f"import sys, pytest; sys.exit(pytest.main({arguments!r}))", check=False)
    assert "1 failed, 1 passed" in done.stdout
    assert "there is no sample of two or more calls" in done.stdout
    assert "laws were not run" in done.stdout
