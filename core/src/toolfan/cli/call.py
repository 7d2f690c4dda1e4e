"""`toolfan call`: ask once, print the calls.

Knows: the public client.  Must not know: any provider.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..constructors import connect
from ..errors import CallError
from .output import outcome_json, outcome_text, print_json, print_text
from .questions import Choice, Profile, Question, System, Target, Tools, messages, tool_choice
from .tool_paths import load_tools

if TYPE_CHECKING:
    from ..results import Calls


def call(
    question: Question,
    *,
    tools: Tools,
    target: Target = None,
    profile: Profile = None,
    system: System = None,
    choice: Choice = "auto",
    keep: Annotated[
        bool, typer.Option("--keep", help="Calls that are invalid are printed and are no failure.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line for each call.")] = False,
) -> None:
    """Ask a provider and print the calls, each as a typed object.

    Without --with and --profile the default profile of toolfan.toml is used.
    """
    offered = load_tools(tools)
    with connect(target, profile=profile) as client:
        options: dict[str, Any] = {"on_invalid": "keep"} if keep else {}
        try:
            calls = client.create(
                messages=messages(question, system), tools=offered, tool_choice=tool_choice(choice), **options
            )
        except CallError as exc:
            if exc.calls is not None:
                _print(exc.calls, as_json=as_json)
            raise exc.with_details(hint="With --keep this is no failure.") from None
    _print(calls, as_json=as_json)


def _print(calls: Calls[Any], *, as_json: bool) -> None:
    for outcome in calls.outcomes:
        if as_json:
            print_json(outcome_json(outcome))
        else:
            print_text(outcome_text(outcome))
    if not calls.outcomes:
        said = f" The model said: {calls.text}" if calls.text else ""
        print_text(f"No tool was called ({calls.stop.raw or calls.stop.kind}).{said}", err=True)
