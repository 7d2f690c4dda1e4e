"""What a stream was that ended without the end of an answer: cut, or none of the provider's.

Knows: turns, errors.  Must not know: any provider's events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import BadResponse, IncompleteStream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..calls import Turn
    from ..errors import ProviderError


_LIFE = ("ping", "keepalive", "heartbeat")


def is_strange(event: Mapping[str, Any]) -> bool:
    """Whether an event that a parser does not know is more than a sign of life, or an error without words."""
    return event.get("type") not in _LIFE and "error" not in event


def unended(
    turn: Turn, *, begun: bool, adapter: str, settled: bool = False, strange: Mapping[str, Any] | None = None
) -> ProviderError:
    """The error of a stream parser that has no end to tell; see `IncompleteStream.of`.

    `strange`: the first event that is none of this provider's.  If nothing else came, another service has answered, and
    it is a BadResponse that shows the event.
    """
    if begun or strange is None:
        return IncompleteStream.of(turn, begun=begun, adapter=adapter, settled=settled)
    from ..wire import json_text
    from .statuses import excerpt

    return BadResponse(
        f"the stream has no event of this interface; the first is {excerpt(json_text(dict(strange)))}",
        adapter=adapter,
        turn=turn,
        hint="Check the base URL and the adapter: another service, or another interface of it, answered.",
    )
