"""`toolfan serve`: an embedded server in the foreground.

Knows: how to start, announce and end one, how to list what it plays.  Must not know: what it speaks.
"""

from __future__ import annotations

import signal
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConfigError
from .embedded import fault_package, started_fault_server, started_server
from .output import print_json, print_table, print_text

if TYPE_CHECKING:
    from collections.abc import Mapping

_COLUMNS = ("name", "section", "what it does", "dialects", "what toolfan makes of it")


def serve(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port on loopback; 0 takes a free one.")] = 0,
    script: Annotated[
        str | None, typer.Option(help="A file of scripted answers, .toml or .json; without it the planner answers.")
    ] = None,
    pace: Annotated[
        float | None,
        typer.Option(min=0, help="Seconds before each chunk of a stream; with --faults the unit of every delay."),
    ] = None,
    call_pace: Annotated[
        float, typer.Option(min=0, help="Seconds that each call takes, spread over its chunks of a stream.")
    ] = 0,
    first_byte: Annotated[float, typer.Option(min=0, help="Seconds before an answer begins.")] = 0,
    faults: Annotated[bool, typer.Option("--faults", help="Play faults: the model's name says which.")] = False,
    as_list: Annotated[bool, typer.Option("--list", help="With --faults: list them, and serve nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --list: print one JSON line for each fault.")] = False,
) -> None:
    """Serve the offline planner, a script or faults, in the providers' dialects on loopback, until Ctrl-C."""
    _check(faults=faults, answers={"--script": script, "--call-pace": call_pace, "--first-byte": first_byte})
    _check_list(faults=faults, as_list=as_list, as_json=as_json)
    if as_list:
        _list_faults(as_json=as_json)
    elif faults:
        answers = "faults: the model's name says which, see `--faults --list`"
        _run(started_fault_server("serve", port=port, pace=pace), answers)
    else:
        answers = f"the script {script}" if script else "the offline planner, not a language model"
        paces = {"first_byte": first_byte, "chunk": pace or 0.0, "call": call_pace}
        _run(started_server("serve", port=port, script=script, pace=paces), answers)


def _check(*, faults: bool, answers: Mapping[str, object]) -> None:
    """Options that would do nothing are errors."""
    for option, value in answers.items():
        if faults and value:
            raise ConfigError(f"`--faults` takes no `{option}`: its answers come from the catalogue")


def _check_list(*, faults: bool, as_list: bool, as_json: bool) -> None:
    if as_list and not faults:
        raise ConfigError("`--list` lists faults", hint="Run `toolfan serve --faults --list`.")
    if as_json and not as_list:
        raise ConfigError("`--json` is a form of the list", hint="Run `toolfan serve --faults --list --json`.")


def _list_faults(*, as_json: bool) -> None:
    rows = [
        (fault.name, fault.section, fault.description, list(fault.dialects), fault.expectation)
        for fault in fault_package("serve").CATALOGUE.values()
    ]
    if as_json:
        for row in rows:
            print_json(dict(zip(("name", "section", "description", "dialects", "expectation"), row, strict=True)))
    else:
        print_table(_COLUMNS, [(*row[:3], " ".join(row[3]), row[4]) for row in rows])


def _run(server: Any, answers: str) -> None:
    """Announces the server and waits for a signal; then closes it."""
    stopped = threading.Event()
    for name in ("SIGINT", "SIGTERM"):
        signal.signal(getattr(signal, name), lambda *_: stopped.set())
    try:
        _announce(server, answers)
        while not stopped.wait(0.5):  # short waits: on Windows a long one would not see the signal
            pass
    finally:
        server.close()
    print_text("The server has ended.")


def _announce(server: Any, answers: str) -> None:
    print_text(f"Answers come from {answers}. Ctrl-C ends the server.")
    print_text(f"  OpenAI's dialect    {server.openai_url}")
    print_text(f"  Google's dialects   {server.base_url}")
    print_text(f"  Anthropic's dialect {server.anthropic_url}")
    print_text(f"  Bedrock's dialect   {server.base_url}")
    print_text(f"  Cohere's dialect    {server.base_url}")
    print_text("Set these, and programs that use the vendors' SDKs ask it unchanged:")
    urls = server.base_url, server.openai_url, server.anthropic_url
    variables = import_module("toolfan_local.stand_ins").environment(*urls)
    for name, value in (variables | import_module("toolfan_local.direct").exemptions()).items():
        print_text(f"  export {name}={value}")
