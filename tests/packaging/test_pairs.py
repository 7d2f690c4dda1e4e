"""Every two providers' wheels in one environment: what each needs, no SDK of another, and both sets of adapters."""

from __future__ import annotations

import json
from itertools import combinations
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Venv

pytestmark = pytest.mark.packaging

SDKS = {
    "anthropic": {"anthropic"},
    "bedrock": {"boto3"},
    "cohere": {"cohere"},
    "gemini": {"google-genai"},
    "litellm": {"litellm", "openai", "boto3"},  # LiteLLM requires the last itself
    "local": set[str](),
    "openai": {"openai"},
    "vertex": {"google-genai", "google-cloud-aiplatform"},
}
ADAPTERS = {
    **{name: {name} for name in SDKS},
    "gemini": {"gemini", "vertex"},
    "litellm": {"litellm", "openai", "openai-responses"},
    "openai": {"openai", "openai-responses"},
    "vertex": {"gemini", "vertex"},
}
LOOK = """
import json, sys
from importlib.metadata import distributions
before = set(sys.modules)  # Google's namespace packages are there from the start
import toolfan
listed = {one.name: one.status for one in toolfan.installed_adapters(load=True)}
modules = {name.split(".")[0] for name in sys.modules.keys() - before}
print(json.dumps([listed, sorted(modules), [one.metadata["Name"].lower() for one in distributions()]]))
"""


@pytest.mark.parametrize("pair", [*combinations(sorted(SDKS), 2)], ids="-".join)
def test_two_providers_bring_what_each_needs(make_venv: Callable[..., Venv], pair: tuple[str, str]) -> None:
    first, second = pair
    listed, modules, installed = json.loads(make_venv(f"toolfan[{first},{second}]").run(LOOK).stdout)
    assert listed == dict.fromkeys(ADAPTERS[first] | ADAPTERS[second], "ok")
    assert set.union(*SDKS.values()) & {*installed} == SDKS[first] | SDKS[second]
    assert not {"openai", "google", "vertexai", "anthropic", "boto3", "cohere", "litellm"} & {*modules}
