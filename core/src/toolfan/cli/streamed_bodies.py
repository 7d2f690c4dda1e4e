"""A streamed answer as it was recorded, server-sent events, an array of objects or JSON lines, read to its turn.

Knows: framing, adapters as codecs.  Must not know: any provider, how a turn is judged or printed.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import BadResponse, ProviderError
from ..framing.decoder import EventDecoder
from ..http.event_streams import events
from ..wire import decode_json
from .batches import opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..adapter import ParallelToolsAdapter, StreamParser
    from ..calls import JSON, Turn

_BEGINNING = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:(?:data|event|id|retry)?:|\[\s*\{)")
_DONE = re.compile(rb"^data:[ \t]*\[DONE\][ \t]*\r?(?:\n|$)", re.MULTILINE)
_DATA = re.compile(rb"^data:", re.MULTILINE)


def is_stream(body: bytes) -> bool:
    """Whether it begins as server-sent events do, with one of their fields or a comment, or is an array of objects.

    Google streams an array where no events were asked for; no answer of any provider is one as a whole.
    """
    return _BEGINNING.match(body) is not None


def streams_of(body: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The streams that end with `[DONE]`, each with the number of its first line, and what follows the last.

    What comes after the end of a live stream is not read; here it is another one if it has such an end, too.
    """
    found: list[tuple[int, bytes]] = []
    at, line = 0, 1
    for end in _DONE.finditer(body):
        stream = body[at : end.end()]
        if not found or _DATA.search(body, at, end.start()):  # some servers say the end twice
            blank = stream[: len(stream) - len(stream.lstrip())]
            found.append((line + blank.count(b"\n"), stream))
        line += stream.count(b"\n")
        at = end.end()
    return found, body[at:].strip()


def are_stream(adapter: ParallelToolsAdapter, lines: Sequence[bytes]) -> bool | None:
    """Whether JSON lines, which may as well be an answer each, are the pieces of one; None if that cannot be told.

    They are if they tell more together than the last line alone, and no other line is an answer with its end.  Of what
    does not come to an end, each line must be nothing by itself: else it is a stream that broke off, or whole answers
    that lack the word of their end.
    """
    if len(lines) < 2 or not adapter.capabilities.streaming:
        return False
    pieces: list[JSON] = []
    alone: list[Turn | None] = []
    for line in lines:
        try:
            piece = decode_json(line, adapter=adapter.name)
        except BadResponse:
            return False
        entry = opened(piece, adapter=adapter.name)
        if entry.body is not piece or entry.names or not isinstance(piece, dict):
            return False
        if alone and alone[-1] and alone[-1].stop.kind != "none":
            return False
        pieces.append(piece)
        alone.append(_by_itself(adapter, piece))
    if len({turn.response_id for turn in alone if turn and turn.response_id}) > 1:
        return False
    whole, ended = _together(adapter, pieces)
    if whole is None or not (whole.calls or whole.text):
        return False
    last = alone[-1]
    if ended:
        return last is None or (len(whole.calls), whole.text) != (len(last.calls), last.text)
    if last and last.stop.kind != "none":
        return False
    return None if any(alone) else True


def _by_itself(adapter: ParallelToolsAdapter, piece: JSON) -> Turn | None:
    try:
        return adapter.parse_response(piece)
    except ProviderError:
        return None


def _together(adapter: ParallelToolsAdapter, pieces: Sequence[JSON]) -> tuple[Turn | None, bool]:
    """The turn of a stream of these, and whether it came to its end."""
    parser = adapter.stream_parser()
    try:
        for piece in pieces:
            parser.feed(piece)
        return parser.close(), True
    except ProviderError as exc:
        return exc.turn or _so_far(parser), False


def read_stream(adapter: ParallelToolsAdapter, body: bytes) -> Turn:
    """The turn.  Raises what a live stream would raise, with what came before it in `turn`."""
    if (several := _whole_answers(adapter, body)) > 1:
        raise BadResponse(f"the array has {several} whole answers, not the pieces of one", adapter=adapter.name)
    parser = adapter.stream_parser()
    try:
        for event in events((body,), EventDecoder(adapter=adapter.name, named=True)):
            parser.feed(event)
    except ProviderError as exc:
        if exc.turn is None:
            exc.turn = _so_far(parser)
        raise
    return parser.close()


def _whole_answers(adapter: ParallelToolsAdapter, body: bytes) -> int:
    """How many elements of an array are an answer with its end, with calls or an id of its own.

    Of a stream it is the last one at most; some have a word of the end in each piece of the text.
    """
    if body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] != b"[":
        return 0
    found: list[Turn] = []
    for one in EventDecoder(adapter=adapter.name).feed(body):
        with suppress(ProviderError):
            found.append(adapter.parse_response(one))
    ended = [turn for turn in found if turn.stop.kind != "none"]
    return max(sum(bool(turn.calls) for turn in ended), len({turn.response_id for turn in ended}))


def _so_far(parser: StreamParser) -> Turn | None:
    try:
        return parser.close()
    except ProviderError as exc:
        return exc.turn
