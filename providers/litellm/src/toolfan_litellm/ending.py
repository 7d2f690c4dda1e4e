"""Whether a stream of LiteLLM's came to its end: it makes up a finish reason for one that ended without.

Knows: LiteLLM's streams, the Router's too.  Must not know: requests, what is in a chunk beside its finish reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolfan.adapter import JSON


class Ending:
    """What is known of the end of one stream, chunk by chunk."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._readers = stream, readers_of(stream)

    @property
    def came(self) -> bool:
        """Whether the vendor said why its answer ended; True where nobody can tell."""
        return not self._readers or any(one.received_finish_reason for one in self._readers)

    def read(self, event: JSON) -> JSON:
        """The chunk, without a finish reason that LiteLLM made up."""
        if choices := [choice for choice in event.get("choices") or () if choice.get("finish_reason")]:
            self._readers = readers_of(self._stream)  # a fallback may have come, and this generator may end
            if self._readers and not any(_said(one) for one in self._readers):
                for choice in choices:
                    del choice["finish_reason"]
        return event


def readers_of(stream: Any) -> list[Any]:
    """What reads the vendor's stream: that of the Router keeps it in a generator, and is itself told of no end."""
    if not type(stream).__module__.startswith("litellm.router"):
        return [stream] if hasattr(stream, "received_finish_reason") else []
    source = getattr(stream, "completion_stream", None)
    frame = getattr(source, "gi_frame", None) or getattr(source, "ag_frame", None)
    held = () if frame is None else frame.f_locals.values()
    inner = [one for one in held if one is not stream and hasattr(one, "received_finish_reason")]
    return [reader for one in inner for reader in readers_of(one)]


def _said(reader: Any) -> Any:
    return reader.received_finish_reason or getattr(reader, "intermittent_finish_reason", None)
