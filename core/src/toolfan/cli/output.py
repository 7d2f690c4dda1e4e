"""What the commands print: JSON lines, lines of text, tables.

JSON is plain wherever it goes; a table is drawn on a terminal alone, and elsewhere its cells stand between tabs.

Knows: outcomes of calls, plugins as listed, the terminal.  Must not know: commands, providers.
"""

from __future__ import annotations

import json
import math
import re
import sys
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer
from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from ..calls import BadCall, Call, Outcome
from ..errors import UsageError, as_sentence
from ..secrets.masking import text_of
from ..tools.bound_calls import BoundCall

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from ..errors import ToolfanError
    from ..registry.installed_observers import ObserverInfo
    from ..registry.listing import AdapterInfo
    from ..results.calls_type import Calls

_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)
_HINTS = {
    "What came whole is in .calls.": "What came whole is printed.",
    "what came before the stop is in .calls.": "what came before the stop is printed.",
    "The text that had come is in .turn.text.": "Text had come, but no call.",
    "Set needs_end=False on the adapter": "Set needs_end = false in the profile",
}

_OF_A_PROFILE = re.compile(r" ?Set needs_end=False on the adapter[^.]*\.")


def print_json(value: Any, *, indent: int | None = None) -> None:
    """`value` as JSON; characters that standard output cannot show are escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        text = json.dumps(value, ensure_ascii=True, indent=indent)
    typer.echo(text)


def print_text(text: str, *, err: bool = False) -> None:
    """A line of text; characters that the stream cannot show are escaped."""
    stream = sys.stderr if err else sys.stdout
    if stream is None:  # closed: nobody reads
        return
    encoding = stream.encoding or "ascii"
    typer.echo(text.encode(encoding, "backslashreplace").decode(encoding), err=err)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on a terminal; else a line of cells between tabs for each row, the columns' names first."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        for row in (columns, *rows):
            print_text("\t".join(" ".join(cell.split()) for cell in row))
        return
    table = Table(*columns)
    for row in rows:
        table.add_row(*map(Text, row))  # as Text, what a provider says is never markup
    console.print(table)


def outcome_json(outcome: Outcome[Any]) -> dict[str, Any]:
    """A call for machines: its validated arguments, or its error and the arguments as they came.

    So is a good call whose value cannot be written: what serialises it is the user's, and may raise anything.
    """
    line: dict[str, Any] = {"index": outcome.index, "id": outcome.id, "name": outcome.name}
    if isinstance(outcome, BadCall):
        return {**line, "error": error_json(outcome.error), "raw": outcome.raw.arguments}
    value = outcome.value.arguments if isinstance(outcome.value, BoundCall) else outcome.value
    try:
        return {**line, "arguments": _plain(value)}
    except Exception as exc:  # noqa: BLE001 - the call is told as failed, and the others go on
        return {**line, "error": error_json(_unwritable(outcome, exc)), "raw": outcome.raw.arguments}


def _unwritable(call: Call[Any], exc: Exception) -> UsageError:
    said = f"the value cannot be written as JSON: {type(exc).__name__}: {text_of(exc)}"
    return UsageError(said, tool=call.name, call_id=call.id, hint="Mend how its type is serialised.")


def _plain(value: Any) -> Any:
    """The value as JSON; NaN and the infinities, which pydantic writes as null in a model, as texts."""
    dumped = _ANYTHING.dump_python(value, by_alias=True, fallback=str, warnings=False)
    return to_jsonable_python(value if _is_finite(dumped) else _spelled(dumped), by_alias=True, fallback=str)


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict | list | tuple | set | frozenset):
        return all(map(_is_finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)


def _spelled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _spelled(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_spelled(one) for one in value]
    odd = isinstance(value, float) and not math.isfinite(value)
    return json.dumps(value) if odd else value


def error_json(error: ToolfanError) -> dict[str, str]:
    """An error for machines: its class and what it says."""
    return {"type": type(error).__name__, "message": str(error)}


def at_a_terminal(error: ToolfanError, *, profile: bool = True) -> ToolfanError:
    """The error with a hint for someone who has no object in hand, but printed lines and, perhaps, a profile."""
    hint = error.hint or ""
    if not profile:
        hint = _OF_A_PROFILE.sub("", hint)
    for said, instead in _HINTS.items():
        hint = hint.replace(said, instead)
    return error.with_details(hint=hint.strip() or None)


@contextmanager
def foreign_words_aside() -> Generator[None]:
    """What foreign code prints meanwhile, as a plugin may while it is imported, goes to standard error."""
    with redirect_stdout(sys.stderr):
        yield


def plugin_json(info: AdapterInfo | ObserverInfo) -> dict[str, Any]:
    """A plugin for machines: what is known of it, and what to do `next`."""
    return {"next" if name == "hint" else name: value for name, value in asdict(info).items()}


def plugin_text(kind: str, info: AdapterInfo | ObserverInfo) -> str:
    """A plugin for people."""
    origin = f"{info.distribution} {info.version}" if info.version else info.distribution
    said = f"{kind} {info.name} ({origin}): {info.status}{f': {info.reason}' if info.reason else ''}"
    return f"{as_sentence(said)} {info.hint}" if info.hint else said


def outcome_text(outcome: Outcome[Any]) -> str:
    """A call for people."""
    if isinstance(outcome, BadCall):
        said = f"{type(outcome.error).__name__}: {outcome.error.message}"
    else:
        try:
            return repr(outcome.value)
        except Exception as exc:  # noqa: BLE001 - as pydantic's does where a computed field raises
            said = f"the value cannot be shown: {type(exc).__name__}: {text_of(exc)}"
    return f"{outcome.name}: {said}; the arguments were {outcome.raw.arguments[:200]!r}"


def no_call_text(calls: Calls[Any]) -> str:
    """What an answer without calls leaves to tell, for people."""
    said = f" The model said: {calls.text}" if calls.text else ""
    return f"No tool was called ({calls.stop.raw or calls.stop.kind}).{said}"
