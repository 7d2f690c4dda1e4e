"""What a streamed conversation asks of its driver, beside what every one asks; see `effects`.

Knows: what is to be done.  Must not know: who does it, or how.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .adapter import WireRequest


@dataclass(slots=True)
class Open:
    """Open a stream for this request; the driver answers with what the transport gave, or throws a ProviderError in."""

    request: WireRequest


@dataclass(slots=True)
class Pull:
    """Give events of the open stream to `feed` until it returns True: then the driver answers True.

    When the stream ends, the driver closes it and answers False; when it breaks, the driver throws a ProviderError in.
    """

    feed: Callable[[Mapping[str, Any]], bool]


@dataclass(slots=True)
class Deliver:
    """Hand these to the user: outcomes, and pieces of text."""

    items: tuple[Any, ...]
