"""Programs written for another library run with the import changed, and print what they printed."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from typing import TYPE_CHECKING

import openai
import pytest
import toolfan
from toolfan_local import Server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LINES = """location='Toronto' units='metric'
location='Dallas' units='imperial'
query='who won the super bowl'
"""
TYPES = """
class Weather(BaseModel):
    location: str
    units: Literal["imperial", "metric"]

class GoogleSearch(BaseModel):
    query: str
"""
CREATE = """client.{path}(
    model="gpt-4-turbo-preview",
    messages=[
        {{"role": "system", "content": "You must always use tools"}},
        {{"role": "user", "content": "What is the weather in toronto and dallas and who won the super bowl?"}},
    ],
    {form},
)"""
SYNC = """{future}
import openai, toolfan as instructor
from typing import Iterable, Literal
from pydantic import BaseModel
{types}
client = instructor.from_openai(openai.OpenAI(), mode=instructor.Mode.PARALLEL_TOOLS)
function_calls = {create}
for fc in function_calls:
    print(fc)
"""
ASYNC = """{future}
import asyncio, openai, toolfan as instructor
from typing import Iterable, Literal
from pydantic import BaseModel
{types}
async def main():
    async with openai.AsyncOpenAI() as sdk:
        client = instructor.from_openai(sdk, mode=instructor.Mode.PARALLEL_TOOLS)
        for fc in await {create}:
            print(fc)

asyncio.run(main())
"""
FORM = "response_model=Iterable[Weather | GoogleSearch]"


def program(template: str, form: str = FORM, *, path: str = "chat.completions.create", future: bool = False) -> str:
    create = CREATE.format(path=path, form=form)
    return template.format(future="from __future__ import annotations" if future else "", types=TYPES, create=create)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """Runs a program against the planner, as OPENAI_BASE_URL says, and gives what it printed."""

    def started(source: str) -> str:
        file = tmp_path / "program.py"
        file.write_text(source, encoding="utf-8")
        with Server() as server:
            monkeypatch.setenv("OPENAI_BASE_URL", server.openai_url)
            monkeypatch.setenv("OPENAI_API_KEY", "any")
            made = runpy.run_path(str(file), run_name="__main__")
        if (client := made.get("client")) is not None:
            client.sdk_client.close()
        return capsys.readouterr().out

    return started


@pytest.mark.parametrize("template", [SYNC, ASYNC], ids=["sync", "async"])
def test_the_program_in_a_process_of_its_own(template: str, tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(program(template), encoding="utf-8")
    with Server() as server:
        environment = {**os.environ, "OPENAI_BASE_URL": server.openai_url, "OPENAI_API_KEY": "any"}
        done = subprocess.run(  # noqa: PLW1510 - both streams are looked at
            [sys.executable, "-W", "error", str(file)], env=environment, capture_output=True, text=True, timeout=60
        )
    assert (done.stdout, done.stderr) == (LINES, "")


@pytest.mark.parametrize("template", [SYNC, ASYNC], ids=["sync", "async"])
@pytest.mark.parametrize("future", [False, True], ids=["now", "future-annotations"])
@pytest.mark.parametrize("path", ["chat.completions.create", "create"])
def test_both_spellings_with_and_without_future_annotations(
    run: Callable[[str], str], template: str, path: str, future: bool
) -> None:
    assert run(program(template, path=path, future=future)) == LINES


FORMS = [
    "response_model=__import__('collections').abc.Iterable[Weather | GoogleSearch]",
    "response_model=Iterable[__import__('typing').Union[Weather, GoogleSearch]]",
    "response_model=list[Weather | GoogleSearch]",
    "response_model=__import__('typing').List[Weather | GoogleSearch]",
    "response_model=tuple[Weather | GoogleSearch, ...]",
    "response_model=__import__('typing').Sequence[Weather | GoogleSearch]",
    "response_model=__import__('collections').abc.Sequence[Weather | GoogleSearch]",
    "response_model=__import__('typing').Annotated[Iterable[Weather | GoogleSearch], 'noted']",
    "response_model=Iterable[__import__('typing').Annotated[Weather | GoogleSearch, 'noted']]",
    "response_model=Weather | GoogleSearch",
    "tools=(Weather, GoogleSearch)",
    "tools=[Weather, GoogleSearch]",
]


@pytest.mark.parametrize("form", FORMS)
def test_every_spelling_of_several_types(run: Callable[[str], str], form: str) -> None:
    assert run(program(SYNC, form)) == LINES


@pytest.mark.parametrize("form", ["response_model=Iterable[Weather]", "response_model=Weather", "tools=(Weather,)"])
def test_every_spelling_of_one_type(run: Callable[[str], str], form: str) -> None:
    assert run(program(SYNC, form)) == "".join(LINES.splitlines(keepends=True)[:2])


def test_a_sync_client_that_has_methods_of_async_ones_is_sync() -> None:
    """As proxies of wrapt have, whatever they stand for."""

    class House(openai.OpenAI):
        async def __aenter__(self) -> House:
            return self

        async def __aexit__(self, *_: object) -> None: ...

    assert type(toolfan.from_openai(House(api_key="k"))) is toolfan.Client
    assert type(toolfan.from_openai(openai.AsyncOpenAI(api_key="k"))) is toolfan.AsyncClient
