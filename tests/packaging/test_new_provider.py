"""What `toolfan new-provider` writes, as a stranger uses it: installed beside the wheel, found, its tests pass."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Venv

pytestmark = pytest.mark.packaging

COMMAND = "import sys; sys.argv = ['toolfan', *{arguments!r}]; from toolfan.cli import main; main()"
TESTS = "import os, sys, pytest; os.chdir({folder!r}); sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider']))"


def test_it_installs_is_found_and_passes_its_own_tests(
    make_venv: Callable[..., Venv], build_wheel: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    """Written by the wheel's command, built as a wheel, and proved by the suite in the wheel."""
    venv = make_venv("toolfan[cli,testing]")
    venv.run(COMMAND.format(arguments=["new-provider", "acme-chat", "--into", str(tmp_path)]))
    folder, built = tmp_path / "toolfan-acme-chat", tmp_path / "wheels"
    build_wheel(folder, built)
    [wheel] = built.glob("*.whl")
    venv.install(wheel)
    assert not [name for name in venv.distributions() if name.startswith("toolfan-") and name != "toolfan-acme-chat"]

    listed = venv.run(COMMAND.format(arguments=["adapters", "--json"])).stdout
    [row] = [json.loads(line) for line in listed.splitlines()]
    assert (row["name"], row["distribution"], row["status"]) == ("acme-chat", "toolfan-acme-chat", "ok")

    proved = venv.run(TESTS.format(folder=str(folder)), check=False)
    assert proved.returncode == 0, proved.stdout[-5000:] + proved.stderr[-5000:]
    passed = re.search(r"(\d+) passed", proved.stdout)
    assert passed is not None
    assert int(passed[1]) > 60  # the laws, and what goes over HTTP
    assert not re.search(r"skipped|xfailed|failed", proved.stdout)


def test_a_mistake_in_it_is_caught_by_its_tests(make_venv: Callable[..., Venv], tmp_path: Path) -> None:
    """So they prove something: an adapter that forgets the ids of its answers does not pass."""
    venv = make_venv("toolfan[cli,testing]")
    venv.run(COMMAND.format(arguments=["new-provider", "acme", "--into", str(tmp_path)]))
    folder = tmp_path / "toolfan-acme"
    adapter = folder / "src/toolfan_acme/adapter.py"
    text = adapter.read_text(encoding="utf-8")
    assert text.count('"id": answer.call.id') == 1
    adapter.write_text(text.replace('"id": answer.call.id', '"id": ""'), encoding="utf-8")
    venv.install(folder)
    proved = venv.run(TESTS.format(folder=str(folder)), check=False)
    failed = set(re.findall(r"^FAILED \S+::(\w+)", proved.stdout, re.MULTILINE))
    assert failed == {"test_answers_bear_the_ids_of_their_calls"}


def test_what_goes_over_http_is_proved_for_every_wire_format(make_venv: Callable[..., Venv], tmp_path: Path) -> None:
    """Once the codec and the stand-in are another service's; no line of `test_acme_over_http.py` is."""
    venv = make_venv("toolfan[cli,testing]")
    venv.run(COMMAND.format(arguments=["new-provider", "acme", "--into", str(tmp_path)]))
    folder = tmp_path / "toolfan-acme"
    for path in (*folder.glob("src/toolfan_acme/*.py"), folder / "tests/service_acme.py"):
        text = path.read_text(encoding="utf-8")
        path.write_text(
            re.sub(r'"(messages|said|uses|tool|id|input|output|stream|ended)"', r'"other_\1"', text), "utf-8"
        )
    venv.install(folder)
    options = "'no:cacheprovider', '--import-mode=importlib', 'tests/test_acme_over_http.py']"
    command = TESTS.replace("'no:cacheprovider']", options)
    proved = venv.run(command.format(folder=str(folder)), check=False)
    assert proved.returncode == 0, proved.stdout[-5000:] + proved.stderr[-5000:]
