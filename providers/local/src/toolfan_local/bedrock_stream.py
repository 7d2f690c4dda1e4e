"""An answer of Converse as the events of ConverseStream, and an event as a frame of AWS's event stream.

Knows the two JSON forms of one answer and the framing; not HTTP, not how an answer is found, not when a frame goes out.
"""

from __future__ import annotations

import binascii
import json
import re
import struct
from typing import TYPE_CHECKING, Any

from toolfan_local.pacing import Chunk
from toolfan_local.streaming import encoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from toolfan_local.streaming import Timed

JSON = dict[str, Any]
CONTENT_TYPE = "application/vnd.amazon.eventstream"

_PIECE = 4
"""Characters in one piece of arguments: about a token."""
_WORDS = re.compile(r"\s*\S+|\s+")
_TEXT = 7
"""The type of a header's value: a text."""


def chunks(answer: JSON, *, together: bool = False) -> Iterator[Chunk]:
    """The events that say what an answer says.  With `together` the arguments of each call come in one piece."""
    message = answer["output"]["message"]
    yield Chunk({"messageStart": {"role": message["role"]}})
    for index, block in enumerate(message["content"]):
        at = {"contentBlockIndex": index}
        if "toolUse" in block:
            use = block["toolUse"]
            yield Chunk({"contentBlockStart": {**at, "start": {"toolUse": _without_input(use)}}})
            pieces = _pieces(use["input"], together)
            for piece in pieces:
                yield Chunk({"contentBlockDelta": {**at, "delta": {"toolUse": {"input": piece}}}}, 1 / len(pieces))
        else:
            for word in _WORDS.findall(block["text"]):
                yield Chunk({"contentBlockDelta": {**at, "delta": {"text": word}}})
        yield Chunk({"contentBlockStop": at})
    yield Chunk({"messageStop": {"stopReason": answer["stopReason"]}})
    yield Chunk({"metadata": {"metrics": answer["metrics"], "usage": answer["usage"]}})


def as_frames(events: Iterable[Timed]) -> Iterator[tuple[float, bytes]]:
    """Each event as a message of `application/vnd.amazon.eventstream`."""
    for pause, event in events:
        ((kind, payload),) = event.items()
        yield pause, frame(kind, encoded(payload))


def frame(kind: str, payload: bytes, *, exception: bool = False) -> bytes:
    """One message: its lengths and their checksum, its headers, the payload, the checksum of it all."""
    sort = "exception" if exception else "event"
    about = {f":{sort}-type": kind, ":content-type": "application/json", ":message-type": sort}
    headers = b"".join(
        struct.pack(f">B{len(name)}sBH{len(value)}s", len(name), name.encode(), _TEXT, len(value), value.encode())
        for name, value in about.items()
    )
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack(">I", binascii.crc32(prelude)) + headers + payload
    return message + struct.pack(">I", binascii.crc32(message))


def _without_input(use: JSON) -> JSON:
    return {key: value for key, value in use.items() if key != "input"}


def _pieces(given: Any, together: bool) -> list[str]:
    text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    size = max(len(text), 1) if together else _PIECE
    return [text[start : start + size] for start in range(0, len(text), size)] or [""]
