"""`toolfan record`: ask once, print the calls, and keep the traffic in a file for tests.

Knows: the public client, recordings.  Must not know: any provider.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from ..client.constructors import maker_of
from ..client.sync_client import Client
from ..config.settings import secrets_in
from ..config.targets import resolve
from ..drivers.binding import Binding
from ..drivers.retries import Retries
from ..errors import ConfigError, ToolfanError
from .output import at_a_terminal, outcome_json, print_json
from .questions import Choice, Profile, Question, System, Target, Tools, messages, tool_choice
from .tool_paths import load_tools

if TYPE_CHECKING:
    from ..results.calls_type import Calls

File: TypeAlias = Annotated[Path, typer.Argument(help="The file to write; a recording that is there is continued.")]


def record(
    file: File,
    question: Question,
    *,
    tools: Tools,
    target: Target = None,
    profile: Profile = None,
    system: System = None,
    choice: Choice = "auto",
    as_stream: Annotated[bool, typer.Option("--stream", help="Ask for a stream.")] = False,
) -> None:
    """Ask a provider, as `toolfan call` does, and write what was sent and what came, without secrets, to a file.

    `toolfan.testing.replayed(file)` is a client that answers from it.  Look through the file before you publish it:
    what you asked, and names of projects and of people, stay in it.
    """
    from ..testing.recording import Recording, RecordingAdapter

    _check_folder(file)
    found = resolve(target, profile=profile, model=None, settings={})
    recording = Recording.load(file) if file.exists() else Recording(found.adapter.name)
    if recording.adapter != found.adapter.name:
        raise ConfigError(f"{file} is a recording of {recording.adapter}", hint="Write to another file.")
    adapter: Any = RecordingAdapter(found.adapter, recording)
    secrets = secrets_in(found.settings)
    recording.leave_out(secrets)
    maker = maker_of(found, secrets, use_async=False)
    defaults = {"model": found.model, **found.call_options}
    asked: dict[str, Any] = {"messages": messages(question, system), "tools": load_tools(tools)}
    asked |= {"tool_choice": tool_choice(choice), "on_invalid": "keep"}
    binding = Binding(adapter, maker(), use_async=False, maker=maker, secrets=secrets)
    before = len(recording.ended())
    try:
        with Client(adapter, binding, retries=Retries(), defaults=defaults) as client:
            calls = _streamed(client, asked) if as_stream else client.create(**asked)
    except ToolfanError as exc:
        if exc.calls is not None:
            _print(exc.calls)
        raise at_a_terminal(exc) from exc
    finally:
        if len(recording.ended()) > before:  # an error of the provider's is a recording, too
            recording.save(file)
    _print(calls)


def _print(calls: Calls[Any]) -> None:
    for outcome in calls.outcomes:
        print_json(outcome_json(outcome))


def _check_folder(file: Path) -> None:
    """Raises ConfigError where no recording can be written: before anyone is asked."""
    folder = file.resolve().parent
    if not folder.is_dir():
        raise ConfigError(f"{file} cannot be written: there is no folder {folder}", hint="Make it first.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{file} cannot be written: nothing may be written into {folder}", hint="Choose another.")


def _streamed(client: Client, asked: dict[str, Any]) -> Calls[Any]:
    with client.stream(**asked) as stream:
        stream.until_done()
    return stream.calls
