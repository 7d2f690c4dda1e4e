"""`toolfan call`: ask once, print the calls, at the end or each as it comes.

Knows: the public client.  Must not know: any provider.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..calls import BadCall
from ..client.constructors import connect
from ..errors import CallError, ToolfanError
from .output import at_a_terminal, no_call_text, outcome_json, outcome_text, print_json, print_text
from .questions import Choice, Profile, Question, System, Target, Tools, messages, tool_choice
from .tool_paths import load_tools

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..calls import Outcome
    from ..client.sync_client import Client
    from ..results.calls_type import Calls


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
    as_stream: Annotated[bool, typer.Option("--stream", help="Print each call as soon as it is whole.")] = False,
) -> None:
    """Ask a provider and print the calls, each as a typed object.

    Without --with and --profile the default profile of toolfan.toml is used.
    """
    asked: dict[str, Any] = {"messages": messages(question, system), "tools": load_tools(tools)}
    asked |= {"tool_choice": tool_choice(choice)} | ({"on_invalid": "keep"} if keep else {})
    all_written = True
    with connect(target, profile=profile) as client:
        try:
            if as_stream:
                calls, all_written = _streamed(client, asked, as_json=as_json)
            else:
                calls = client.create(**asked)
        except ToolfanError as exc:
            if exc.calls is not None and not as_stream:
                _print(exc.calls.outcomes, as_json=as_json)
            if not isinstance(exc, CallError):
                raise at_a_terminal(exc) from exc
            raise exc.with_details(hint="With --keep this is no failure.") from None
    if not as_stream:
        all_written = _print(calls.outcomes, as_json=as_json)
    if not calls.outcomes:
        print_text(no_call_text(calls), err=True)
    if not all_written:
        raise typer.Exit(1)


def _streamed(client: Client, asked: dict[str, Any], *, as_json: bool) -> tuple[Calls[Any], bool]:
    """The calls, each printed when it comes: one that failed as it is, and again, as another attempt, when mended.

    Beside them what `_print` gives.
    """
    all_written = True
    with client.stream(**asked) as stream:
        for outcome in stream:
            all_written &= _print([outcome], as_json=as_json, attempt=outcome.attempt)
    return stream.calls, all_written


def _print(outcomes: Iterable[Outcome[Any]], *, as_json: bool, **more: Any) -> bool:
    """Whether each good call could be written as JSON, if it was to be."""
    all_written = True
    for outcome in outcomes:
        if as_json:
            line = outcome_json(outcome)
            print_json({**line, **more})
            all_written &= isinstance(outcome, BadCall) or "error" not in line
        else:
            print_text(outcome_text(outcome))
    return all_written
