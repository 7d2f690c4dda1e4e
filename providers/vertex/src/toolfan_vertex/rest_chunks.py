"""A stream that the SDK of GenerativeModel opened over REST, read from its bytes.

The SDK's own reader takes nothing but a JSON array, and drops what its protobuf does not have: an error object, and a
finish reason that is new.  So the bytes are cut by toolfan; each chunk then becomes the SDK's object as ever, so that
a stream and a whole answer say the same.

Knows: what lies below the SDK's iterators of chunks.  Must not know: how a stream is opened or closed, codecs, secrets.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from toolfan.drivers.sockets import interrupt_urllib3
from toolfan.framing.decoder import EventDecoder
from toolfan.http.event_streams import events, events_async
from toolfan.wire import kind_of

from .fields import field
from .protobuf import read_answer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping

    from toolfan.adapter import JSON


def is_rest(chunks: Any) -> bool:
    """Whether these chunks come over REST, from an iterator of the SDK's whose bytes can be read."""
    response, message = getattr(chunks, "_response", None), getattr(chunks, "_response_message_cls", None)
    readable = hasattr(response, "iter_content") or hasattr(response, "content")
    return readable and hasattr(response, "headers") and hasattr(message, "from_json")


class RestChunks:
    """The chunks of one answer as REST JSON, from a sync iterator of the SDK's or an async one; iterate it once.

    `parse` makes a GenerationResponse of the SDK's message; `headers` are those of the answer.
    """

    def __init__(
        self,
        chunks: Any,
        parse: Callable[[Any], Any],
        *,
        adapter: str,
        headers: Mapping[str, str],
        secrets: Iterable[str],
    ) -> None:
        self._response, self._message, self._parse = chunks._response, chunks._response_message_cls, parse
        self._decoder = EventDecoder(adapter=adapter, content_type=kind_of(headers), secrets=secrets)

    def __iter__(self) -> Iterator[JSON]:
        # Byte by byte, as the SDK reads them: requests keeps a larger piece back until all of it is there.
        return map(self._read, events(self._response.iter_content(1), self._decoder))

    async def __aiter__(self) -> AsyncGenerator[JSON, None]:
        async for event in events_async(self._response.content(), self._decoder):
            yield self._read(event)

    def interrupt(self) -> None:
        """Ends a read that another thread is waiting for, of chunks that a sync client gives."""
        interrupt_urllib3(getattr(self._response, "raw", None))

    def _read(self, event: JSON) -> JSON:
        """The chunk as its protobuf has it, with the finish reasons that came; an error as it is."""
        if event.get("error") is not None:
            return event
        text = json.dumps(event)
        body = read_answer(self._parse(self._message.from_json(text, ignore_unknown_fields=True)))
        for sent, candidate in zip(event.get("candidates") or (), body.get("candidates") or (), strict=True):
            if (reason := field(sent, "finishReason")) is not None:
                candidate.setdefault("finishReason", reason)
        return body
