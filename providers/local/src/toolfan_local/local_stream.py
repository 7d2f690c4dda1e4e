"""An answer of the adapter `local` as the events of a stream: what the service sends where a stream is asked for.

Knows the two forms of one answer; not how an answer is found, not when an event goes out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .pacing import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = dict[str, Any]

_WORDS = re.compile(r"\s*\S+|\s+")


def chunks(answer: JSON, *, together: bool = False) -> Iterator[Chunk]:
    """The events that say what an answer says: each call, or with `together` all of them, in one."""
    yield Chunk({"id": answer["id"], "model": answer["model"]})
    if answer["text"] is not None:
        for word in _WORDS.findall(answer["text"]) or [""]:
            yield Chunk({"text": word})
    calls = answer["calls"]
    for group in [calls] if together and calls else [[call] for call in calls]:
        yield Chunk({"calls": group}, len(group))
    yield Chunk({"stop": answer["stop"], "usage": answer["usage"], "end": True})
