"""What the commands that ask have in common: the question as messages, and the tool choice.

Knows: options of the command line.  Must not know: providers.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import typer

from ..errors import UsageError
from . import tool_paths

Question: TypeAlias = Annotated[str, typer.Argument(help="What the user says to the model.", show_default=False)]
Tools: TypeAlias = Annotated[list[str], typer.Option("--tools", help=tool_paths.HELP, show_default=False)]
System: TypeAlias = Annotated[str | None, typer.Option("--system", help="A system message before the question.")]
Profile: TypeAlias = Annotated[str | None, typer.Option("--profile", help="A profile of toolfan.toml.")]
Target: TypeAlias = Annotated[
    str | None, typer.Option("--with", help="The adapter and the model, for example openai:gpt-4o-mini.")
]
Choice: TypeAlias = Annotated[
    str, typer.Option("--tool-choice", help='"auto", "required", "none", or names of tools with commas between them.')
]


def messages(question: str, system: str | None) -> list[dict[str, Any]]:
    """The conversation so far.  Raises UsageError for a question without words."""
    if not question.strip():
        raise UsageError("the question is empty", hint='Write what the model is asked: "What is the weather in Oslo?"')
    before = [{"role": "system", "content": system}] if system is not None else []
    return [*before, {"role": "user", "content": question}]


def tool_choice(text: str) -> Any:
    """`create()`'s tool_choice: a word, or a list of tools' names."""
    if text in ("auto", "required", "none"):
        return text
    return [name.strip() for name in text.split(",")]
