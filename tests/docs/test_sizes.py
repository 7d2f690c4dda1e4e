"""The table of what each provider takes, counted anew from the code, give or take a twentieth."""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/explanation/architecture.md"
SENDING = frozenset(
    {"transport", "border", "failures", "signs", "statuses", "threads", "client"}
    | {"genai", "generative_model", "protobuf", "redirects", "rest_chunks"}
)
SETTING_UP = frozenset({"__init__", "settings", "connecting"})
NO_CODE = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
PACKAGES = (
    "openai/src/toolfan_openai",
    "openai/src/toolfan_openai_responses",
    "vertex/src/toolfan_vertex",
    "anthropic/src/toolfan_anthropic",
    "bedrock/src/toolfan_bedrock",
    "cohere/src/toolfan_cohere",
    "litellm/src/toolfan_litellm",
)


def lines_of_code(path: Path) -> int:
    """Without blank lines, comments and docstrings."""
    text = path.read_text(encoding="utf-8")
    told: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            told.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in NO_CODE:
            found.update(range(token.start[0], token.end[0] + 1))
    return len(found - told)


@pytest.mark.parametrize("package", PACKAGES)
def test_the_table_of_providers_is_true(package: str) -> None:
    counts = {"codec": 0, "sending": 0, "setting up": 0}
    for path in (ROOT / "providers" / package).glob("*.py"):
        kind = "sending" if path.stem in SENDING else "setting up" if path.stem in SETTING_UP else "codec"
        counts[kind] += lines_of_code(path)
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if f"`{package.rpartition('/')[2]}`" in line]
    told = [int(cell) for cell in rows[-1].split("|")[2:5]]
    assert told == pytest.approx(list(counts.values()), rel=0.05, abs=5)


def test_the_table_of_core_is_true() -> None:
    core = ROOT / "core/src/toolfan"
    lines = {path.relative_to(core): lines_of_code(path) for path in core.rglob("*.py")}
    counts = [
        sum(count for path, count in lines.items() if path.parts[0] not in ("cli", "testing")),
        sum(count for path, count in lines.items() if path.parts[0] in ("signatures", "overloads.py")),
        sum(count for path, count in lines.items() if path.parts[0] == "cli" and path.suffix == ".py"),
        sum(count for path, count in lines.items() if path.parts[0] == "testing"),
    ]
    _, table = PAGE.read_text(encoding="utf-8").split("| part of core |")
    told = [int(row.split("|")[2]) for row in table.partition("\n\n")[0].splitlines()[2:]]
    assert told == pytest.approx(counts, rel=0.05)


def test_no_policy_in_a_provider() -> None:
    """Validation, retries and asking again are core's."""
    forbidden = (
        "tenacity",
        "toolfan.validation",
        "toolfan.drivers.again",
        "toolfan.drivers.retries",
        "toolfan.conversation.judging",
        "toolfan.conversation.reasking",
        "toolfan.conversation.merging",
        "TypeAdapter",
    )
    for package in PACKAGES:
        for path in (ROOT / "providers" / package).glob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert [word for word in forbidden if word in text] == [], path
