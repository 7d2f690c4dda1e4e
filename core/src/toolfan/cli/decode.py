"""`toolfan decode`: the calls in answers that were recorded.  Needs no SDK, no key and no network.

Knows: adapters as codecs, validation.  Must not know: any provider, transports.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from ..errors import BadResponse, MalformedArguments, ProviderError, UsageError
from ..registry import load_adapter
from ..repairs import repair_arguments
from ..validation import Rules, validate
from . import tool_paths
from .batches import opened
from .output import error_json, outcome_json, print_json
from .tool_paths import load_tools

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..adapter import ParallelToolsAdapter
    from ..calls import RawCall, Turn
    from ..toolset import ToolSet
    from .batches import Entry

_HINT = "Pipe in whole answers of the provider that --with names: bodies as they came, or the lines of its batch files."


def decode(
    target: Annotated[str, typer.Option("--with", help="The adapter whose answers these are.", show_default=False)],
    tools: Annotated[
        list[str] | None, typer.Option("--tools", help=f"{tool_paths.HELP} With tools the arguments are validated.")
    ] = None,
) -> None:
    """Read an answer from standard input, or one answer a line, and print one JSON line for each call.

    A line may also be one of a batch file: its custom_id, key or recordId is printed with each call, and an entry that
    failed is an error.  With one answer a line each line that is printed has the number of the line it came from.
    Ends with status 1 if an answer was not readable or a call not valid.
    """
    adapter = load_adapter(target.partition(":")[0].strip())
    offered = load_tools(tools) if tools else None
    failed = False
    for number, body in _bodies(_standard_input()):
        entry = opened(body, adapter=adapter.name)
        place = entry.names if number is None else {"line": number, **entry.names}
        try:
            lines = _decoded(adapter, entry, offered)
        except ProviderError as exc:
            told = exc.with_details(hint=_HINT) if isinstance(exc, BadResponse) else exc
            if not place:
                raise told from exc
            lines = [{"error": error_json(told)}]
        for line in lines:
            failed |= "error" in line
            print_json({**place, **line})
    if failed:
        raise typer.Exit(1)


def _standard_input() -> bytes:
    if sys.stdin is None:  # as the shell's `<&-` leaves it
        raise UsageError("standard input is closed", hint="Pipe a body in: toolfan decode --with openai < body.json.")
    return sys.stdin.buffer.read()


def _bodies(data: bytes) -> Iterator[tuple[int | None, Any]]:
    """What is to be decoded, with the number of its line where there is one body a line."""
    text = data.decode("utf-8-sig", "replace")
    if not text.strip():
        raise UsageError("standard input is empty", hint="Pipe a body in: toolfan decode --with openai < body.json.")
    try:
        yield None, json.loads(text)
        return
    except (ValueError, RecursionError) as exc:
        fault = exc
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not _is_json(lines[0][1]):
        raise UsageError(
            f"standard input is neither JSON nor JSON lines: {fault}", hint="Pipe the body of an answer in, unchanged."
        ) from None
    for number, line in lines:
        yield number, json.loads(line) if _is_json(line) else line


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _decoded(adapter: ParallelToolsAdapter, entry: Entry, tools: ToolSet[Any] | None) -> list[dict[str, Any]]:
    if entry.error is not None:
        raise entry.error
    turn = adapter.parse_response(entry.body)
    if tools is None:
        return [_as_sent(call) for call in turn.calls]
    outcomes = validate(turn.calls, tools, _rules(adapter, tools, turn))
    return [outcome_json(outcome) for outcome in outcomes]


def _rules(adapter: ParallelToolsAdapter, tools: ToolSet[Any], turn: Turn) -> Rules:
    can = adapter.capabilities
    names = tools.names(can.name_pattern, can.max_name_length)
    return Rules(adapter=adapter.name, names=names, cut=turn.stop.kind == "length")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def _as_sent(call: RawCall) -> dict[str, Any]:
    """A call without a tool to judge it by: its arguments, if they are JSON."""
    line: dict[str, Any] = {"index": call.index, "id": call.id, "name": call.name}
    text, _ = repair_arguments(call.arguments, may_be_empty=True)
    try:
        return {**line, "arguments": json.loads(text, parse_constant=_refuse)}
    except (ValueError, RecursionError) as exc:
        error = MalformedArguments(f"the arguments are not JSON: {exc}", tool=call.name, call_id=call.id)
        return {**line, "error": error_json(error), "raw": call.arguments}
