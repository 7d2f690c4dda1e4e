"""A streamed answer as it was recorded, server-sent events, read to the turn that it tells.

Knows: framing, adapters as codecs.  Must not know: any provider, how a turn is judged or printed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..errors import ProviderError
from ..event_streams import events
from ..framing import EventDecoder

if TYPE_CHECKING:
    from ..adapter import ParallelToolsAdapter, StreamParser
    from ..calls import Turn

_FIELD = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:data|event|id|retry)?:")


def is_stream(body: bytes) -> bool:
    """Whether it begins as server-sent events do: with one of their fields, or with a comment."""
    return _FIELD.match(body) is not None


def read_stream(adapter: ParallelToolsAdapter, body: bytes) -> Turn:
    """The turn.  Raises what a live stream would raise, with what came before it in `turn`."""
    parser = adapter.stream_parser()
    try:
        for event in events((body,), EventDecoder(adapter=adapter.name, named=True)):
            parser.feed(event)
    except ProviderError as exc:
        if exc.turn is None:
            exc.turn = _so_far(parser)
        raise
    return parser.close()


def _so_far(parser: StreamParser) -> Turn | None:
    try:
        return parser.close()
    except ProviderError as exc:
        return exc.turn
