"""Where the recorded traffic, the function-calling cases and the judges are, for the tests that read them.

They are not part of this repository: a test that needs one is skipped, saying so, where it is absent.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


def shared_path(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"../shared/{name} is not there", allow_module_level=True)
    return path


def corpus(name: str) -> list[dict[str, Any]]:
    with shared_path(f"corpus/{name}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def judge(name: str) -> ModuleType:
    path = shared_path(f"judges/{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
