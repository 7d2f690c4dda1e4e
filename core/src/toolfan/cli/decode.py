"""`toolfan decode`: the calls in answers that were recorded.  Needs no SDK, no key and no network.

Knows: adapters as codecs, how a live answer is judged.  Must not know: any provider, transports.
"""

from __future__ import annotations

import codecs
import json
import math
import sys
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from pydantic_core import from_json

from ..adapter import ToolRequest
from ..calls import Turn
from ..conversation.judging import cuts_last_call, judge, raise_if_declined
from ..conversation.reasking import with_malformed_call
from ..errors import BadResponse, InvalidArguments, ProviderError, UsageError
from ..registry.loading import load_adapter
from ..request.arguments import Policy
from ..results.calls_type import Calls
from ..translation.statuses import excerpt
from ..validation.call_errors import unreadable
from ..validation.repairs import repair_arguments
from ..wire import decode_json
from . import tool_paths
from .batches import Entry, opened
from .output import at_a_terminal, error_json, no_call_text, outcome_json, print_json, print_text
from .streamed_bodies import are_stream, is_stream, read_stream, streams_of
from .tool_paths import load_tools

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..adapter import ParallelToolsAdapter
    from ..calls import Outcome, RawCall
    from ..errors import CallError
    from ..tools.toolset import ToolSet

_OTHER_ENCODINGS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_HINT = "Pipe in answers of the provider that --with names, whole or streamed: as they came, or lines of batch files."


def decode(
    target: Annotated[str, typer.Option("--with", help="The adapter whose answers these are.", show_default=False)],
    tools: Annotated[
        list[str] | None, typer.Option("--tools", help=f"{tool_paths.HELP} With tools the arguments are validated.")
    ] = None,
) -> None:
    """Read an answer from standard input, whole or streamed, or one answer a line; print one JSON line for each call.

    JSON lines that are an answer only together are a stream, too.  A line may also be one of a batch file: its
    custom_id, key or recordId is printed with each call, and an entry that failed, was refused or filtered is an error.
    With one answer a line each line that is printed has the number of the line it came from.  An answer without calls
    is told on standard error.  Ends with status 1 if an answer was not readable or a call not valid.
    """
    adapter = load_adapter(target.partition(":")[0].strip())
    offered = load_tools(tools) if tools else None
    failed = False
    for number, content, streamed in _bodies(adapter, _standard_input()):
        entry = Entry({}, content) if streamed else _entry(content, adapter.name)
        place = entry.names if number is None else {"line": number, **entry.names}
        calls, error = _judged(adapter, entry, offered)
        cut = error is not None or cuts_last_call(adapter, calls.turn)
        lines = [outcome_json(outcome) for outcome in calls.outcomes] or _as_sent(calls.turn, cut=cut)
        for line in lines:
            failed |= "error" in line
            print_json({**place, **line})
        if error is not None:
            told = (
                error.with_details(hint=_HINT)
                if isinstance(error, BadResponse)
                else at_a_terminal(error, profile=False)
            )
            if not place:
                raise told from error
            failed = True
            print_json({**place, "error": error_json(told)})
        elif not lines:
            where = "".join(f"{key} {value}: " for key, value in place.items())
            print_text(f"{where}{no_call_text(calls)}", err=True)
    if failed:
        raise typer.Exit(1)


def _standard_input() -> bytes:
    if sys.stdin is None:  # as the shell's `<&-` leaves it
        raise UsageError("standard input is closed", hint="Pipe a body in: toolfan decode --with openai < body.json.")
    return sys.stdin.buffer.read()


def _bodies(adapter: ParallelToolsAdapter, data: bytes) -> Iterator[tuple[int | None, bytes, bool]]:
    """What is to be decoded, with the number of its line where there is one body a line; whether it is a stream."""
    text = data.decode("utf-8-sig", "replace")  # to look at: what is no UTF-8 is the fault of its own body
    if not text.strip():
        raise UsageError("standard input is empty", hint="Pipe a body in: toolfan decode --with openai < body.json.")
    lines = [(number, line) for number, line in enumerate(data.splitlines(), 1) if line.strip()]
    streams, rest = streams_of(data) if is_stream(data) else ([], b"")
    if streams:
        for number, stream in streams if len(streams) > 1 else [(None, data)]:
            yield number, stream, True
        if rest:
            print_text(
                f"What comes after the end of the stream is not read: {excerpt(rest.decode(errors='replace'))}",
                err=True,
            )
    elif _is_json(text) or not _is_json(lines[0][1].decode("utf-8-sig", "replace")):
        yield None, data, is_stream(data)
    elif streamed := are_stream(adapter, [line for _, line in lines]):
        yield None, data, True
    else:
        if streamed is None:
            print_text("No line has the end of an answer: each is read as one, or they are a cut stream.", err=True)
        for number, line in lines:
            yield number, line, is_stream(line)


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_int=str)
    except ValueError:
        return False
    except RecursionError:
        try:
            decode_json(text, adapter="")
        except BadResponse:
            return False
    return True


def _entry(content: bytes, adapter: str) -> Entry:
    try:
        return opened(decode_json(content, adapter=adapter), adapter=adapter)
    except BadResponse as exc:
        if content.startswith(_OTHER_ENCODINGS) or b"\0" in content[:2]:
            exc.message = "the answer is UTF-16 or UTF-32, not UTF-8; some shells write so what is redirected to a file"
        return Entry({}, None, exc)


def _judged(
    adapter: ParallelToolsAdapter, entry: Entry, tools: ToolSet[Any] | None
) -> tuple[Calls[Any], ProviderError | None]:
    """The calls, and the error that a live request would raise beside them.

    Without tools there are no outcomes, but where one stands for what the provider itself could not read.
    """
    error, turn = entry.error, Turn()
    if error is None:
        try:
            body = entry.body
            turn = read_stream(adapter, body) if isinstance(body, bytes) else adapter.parse_response(body)
        except ProviderError as exc:
            error, turn = exc, exc.turn or turn
    outcomes: tuple[Outcome[Any], ...] = ()
    if tools is not None:
        request = ToolRequest(model=None, messages=(), tools=tools)
        outcomes = judge(adapter, request, Policy(), turn, attempt=1, cut=error is not None)
    calls = Calls(outcomes=outcomes, turn=turn)
    if error is not None:
        return calls, error
    try:
        raise_if_declined(adapter, calls)
    except ProviderError as exc:
        return calls, exc
    return calls if turn.calls else with_malformed_call(adapter, calls), None


def _as_sent(turn: Turn, *, cut: bool) -> list[dict[str, Any]]:
    """The calls without tools to judge them by: with their arguments, if they are JSON."""
    return [_call_as_sent(call, cut=cut and call is turn.calls[-1]) for call in turn.calls]


def _call_as_sent(call: RawCall, *, cut: bool) -> dict[str, Any]:
    line: dict[str, Any] = {"index": call.index, "id": call.id, "name": call.name}
    unsaid = cut and not call.arguments.strip("\ufeff \t\r\n")
    text, _ = repair_arguments(call.arguments, may_be_empty=not unsaid)
    try:
        return {**line, "arguments": json.loads(text, parse_constant=_refuse, parse_float=_finite)}
    except OverflowError as exc:
        error: CallError = InvalidArguments(f"the arguments cannot be printed: {exc}")
    except (ValueError, RecursionError) as exc:
        error = unreadable(_fault_of(text) or str(exc), text, cut=cut)
    error.tool, error.call_id = call.name, call.id
    return {**line, "error": error_json(error), "raw": call.arguments}


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def _finite(text: str) -> float:
    if math.isfinite(number := float(text)):
        return number
    raise OverflowError(f"{text} is beyond all floating-point numbers")


def _fault_of(text: str) -> str | None:
    """What pydantic's decoder, which live calls go through, says of the text."""
    try:
        from_json(text)
    except ValueError as exc:
        return str(exc)
    return None
