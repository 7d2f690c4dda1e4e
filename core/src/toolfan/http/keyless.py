"""Events of a stream without the keys of its request, should the service have sent them back.

Knows: events, keys, which fields are the model's words.  Must not know: providers, SDKs, what events mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..framing.decoder import EventDecoder
from ..secrets.escapes import spelled_within
from ..secrets.redaction import blotted_beside

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..calls import JSON
    from ..secrets.held import Secrets

_LONGEST_ESCAPE = 6
"""Bytes for one character of a key: `\\u0061`."""


class KeylessDecoder(EventDecoder):
    """An `EventDecoder` whose events hold none of these `keys`, but below fields with `words` of the model's.

    Events are looked through only once a key was seen in the bytes.
    """

    __slots__ = ("_echoed", "_keys", "_reach", "_tail", "_words")

    def __init__(
        self,
        *,
        adapter: str,
        content_type: str | None,
        secrets: Iterable[str],
        keys: Secrets,
        words: frozenset[str],
        named: bool = False,
    ) -> None:
        super().__init__(adapter=adapter, content_type=content_type, secrets=secrets, named=named)
        self._keys, self._words = keys, words
        self._reach = _LONGEST_ESCAPE * max(map(len, keys), default=0)
        self._tail, self._echoed = b"", False

    def feed(self, chunk: bytes) -> list[JSON]:
        """The events that `chunk` completes."""
        return self._cleaned(chunk, super().feed(chunk))

    def close(self) -> list[JSON]:
        """The events that the end of the answer completes."""
        return self._cleaned(b"", super().close())

    def _cleaned(self, chunk: bytes, events: list[JSON]) -> list[JSON]:
        if self._reach and not self._echoed:
            seen = self._tail + chunk  # a key may be cut
            self._echoed = bool(spelled_within(seen, self._keys))
            self._tail = seen[-self._reach :]
        return [blotted_beside(event, self._keys, self._words) for event in events] if self._echoed else events
