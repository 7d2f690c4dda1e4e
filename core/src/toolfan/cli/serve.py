"""`toolfan serve`: the embedded server in the foreground.

Knows: how to start, announce and end it.  Must not know: what it speaks.
"""

from __future__ import annotations

import signal
import threading
from importlib import import_module
from typing import Annotated

import typer

from .embedded import started_server
from .output import print_text


def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port on loopback; 0 takes a free one.")] = 0,
    script: Annotated[
        str | None, typer.Option(help="A file of scripted answers, .toml or .json; without it the planner answers.")
    ] = None,
) -> None:
    """Serve the offline planner, or a script, in OpenAI's and Google's dialects on loopback, until Ctrl-C."""
    server = started_server("serve", port=port, script=script)
    stopped = threading.Event()
    for name in ("SIGINT", "SIGTERM"):
        signal.signal(getattr(signal, name), lambda *_: stopped.set())
    try:
        _announce(server.base_url, server.openai_url, script)
        while not stopped.wait(0.5):  # short waits: on Windows a long one would not see the signal
            pass
    finally:
        server.close()
    print_text("The server has ended.")


def _announce(base_url: str, openai_url: str, script: str | None) -> None:
    answers = f"the script {script}" if script else "the offline planner, not a language model"
    print_text(f"Answers come from {answers}. Ctrl-C ends the server.")
    print_text(f"  OpenAI's dialect    {openai_url}")
    print_text(f"  Google's dialects   {base_url}")
    print_text("Set these, and programs that use the vendors' SDKs ask it unchanged:")
    for name, value in import_module("toolfan_local.stand_ins").environment(base_url, openai_url).items():
        print_text(f"  export {name}={value}")
