"""Bytes of a streamed answer to events, the decoded JSON objects in it: each byte is looked at once.

Read are server-sent events, arrays of JSON, JSON line by line, and one JSON body where a stream was asked.

Knows: these forms.  Must not know: providers, what an event means, sockets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ProviderError
from .scanning import Scanner
from .server_sent_events import DONE, EXCERPT, About, ServerSentEvents

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..secrets.held import Secrets

__all__ = ["DONE", "LARGEST_EVENT", "EventDecoder"]

JSON = dict[str, Any]

LARGEST_EVENT = 64 * 1024 * 1024
"""Bytes: what is longer is no event."""
_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"


class EventDecoder:
    """One streamed answer, cut into events.  `named`: an event without a `type` has its name for one.

    `feed` never raises, so that what came before a fault is not lost: look at `error` after each piece, or let `events`
    do it.  `ended`: nothing that comes now is of interest.  `secrets` are masked in errors.
    """

    __slots__ = ("_about", "_head", "_reader", "_seen", "_start", "error")

    def __init__(
        self, *, adapter: str, content_type: str | None = None, secrets: Iterable[str] = (), named: bool = False
    ) -> None:
        self._about = About(adapter, content_type, secrets, LARGEST_EVENT, named=named)
        self._reader: ServerSentEvents | _Values | None = None
        self._head = b""
        self._start = b""
        self._seen = False
        self.error: ProviderError | None = None

    @property
    def secrets(self) -> Secrets:
        """What is masked in errors."""
        return self._about.secrets

    @property
    def ended(self) -> bool:
        """Whether the sign of the end has come, or a fault."""
        return self.error is not None or (self._reader is not None and self._reader.ended)

    def feed(self, chunk: bytes) -> list[JSON]:
        """The events that `chunk` completes."""
        return self._read(chunk, last=False)

    def close(self) -> list[JSON]:
        """The events that the end of the answer completes; what is cut in the middle is none."""
        found = self._read(b"", last=True)
        cut = any(name.startswith(self._start) for name in (b"data", b"event", b"retry"))
        if not self._seen and not found and self.error is None and not cut:
            self.error = self._about.fault("the answer is no event stream", self._start)
        return found

    def _read(self, chunk: bytes, *, last: bool) -> list[JSON]:
        found: list[JSON] = []
        if self.ended:
            return found
        if self._reader is None:
            chunk = self._begin(chunk)
        if self._reader is None:
            return found
        if len(self._start) < EXCERPT:
            self._start += chunk[: EXCERPT - len(self._start)]
        try:
            if chunk:
                self._reader.feed(chunk, found)
            if last:
                self._reader.close(found)
        except ProviderError as exc:
            self.error = exc
        self._seen = self._seen or bool(found) or self._reader.understood
        return found

    def _begin(self, chunk: bytes) -> bytes:
        """Tells the form by its first character, whatever the content type says; the bytes to go on with."""
        head = self._head + chunk
        self._head = head
        if _BOM.startswith(head):  # cut in the middle of a byte order mark, or nothing yet
            return b""
        rest = head.removeprefix(_BOM).lstrip(_BLANK)
        if not rest:
            self._head = b" "  # whatever comes, it is no byte order mark
            return b""
        self._head = b""
        self._reader = _Values(self._about) if rest[:1] in (b"{", b"[") else ServerSentEvents(self._about)
        return rest


class _Values:
    """JSON objects one after another: the elements of an array, one a line, or a single body."""

    __slots__ = ("_about", "_gave", "_open", "_pieces", "_scanner", "_size", "_start", "ended", "understood")

    def __init__(self, about: About) -> None:
        self._about = about
        self._pieces: list[str] = []
        self._scanner = Scanner()
        self._size = 0
        self._start = ""  # of the answer, before the chunk that is read
        self._gave = self._open = self.ended = False
        self.understood = True

    def feed(self, chunk: bytes, found: list[JSON]) -> None:
        # Of Latin-1 each byte is one character, and no byte of UTF-8 but the ASCII ones looks like a bracket.
        text, at = chunk.decode("latin-1"), 0
        while at < len(text):
            if not self._open:
                at = self._next(text, at)
                if not self._open:
                    break
            end = self._scanner.feed(text, at)
            piece = text[at:] if end < 0 else text[at:end]
            self._pieces.append(piece)
            self._size += len(piece)
            if self._size > self._about.largest:
                raise self._about.too_long("".join(self._pieces).encode("latin-1"))
            if end < 0:
                break
            value = self._about.decoded("".join(self._pieces).encode("latin-1"))
            self._pieces, self._scanner, self._open, self._size = [], Scanner(), False, 0
            if value:
                found.append(value)
                self._gave = True
            at = end
        if len(self._start) < EXCERPT:
            self._start += text[: EXCERPT - len(self._start)]

    def _next(self, text: str, at: int) -> int:
        """Where the next object starts, past what stands between two."""
        while at < len(text) and text[at] in ",[] \t\r\n":
            at += 1
        if at < len(text):
            if text[at] != "{":
                start = (self._start + text[: at + 1])[:EXCERPT]
                raise self._about.fault("the answer is not JSON", start.encode("latin-1"))
            self._open = True
        return at

    def close(self, found: list[JSON]) -> None:
        """What is cut in the middle is no event; if it is all there is, and no JSON begins so, that is told."""
        if self._open and not self._gave:
            self._about.check_beginning("".join(self._pieces)[:EXCERPT])
