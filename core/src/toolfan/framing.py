"""Bytes of a streamed answer to events, the decoded JSON objects in it: each byte is looked at once.

Read are server-sent events as the HTML standard defines them (section 9.2.6, "Interpreting an event stream") and as
servers get them wrong, arrays of JSON, JSON line by line, and one JSON body where a stream was asked.

Knows: these forms.  Must not know: providers, what an event means, sockets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic_core import from_json

from .errors import BadResponse
from .redaction import masked
from .scanning import Scanner
from .wire import decode_json

if TYPE_CHECKING:
    from collections.abc import Sequence

JSON = dict[str, Any]

DONE: Final[JSON] = {"[DONE]": True}
"""The event that stands for `data: [DONE]`."""
LARGEST_EVENT = 64 * 1024 * 1024
"""Bytes: what is longer is no event."""
_BOM = b"\xef\xbb\xbf"
_BLANK, _EXCERPT = b" \t\r\n", 300


class EventDecoder:
    """One streamed answer, cut into events.

    `feed` never raises, so that what came before a fault is not lost: look at `error` after each piece, or let `events`
    do it.  `ended`: nothing that comes now is of interest.  `secrets` are masked in errors.
    """

    __slots__ = ("_about", "_head", "_reader", "_seen", "_start", "error")

    def __init__(self, *, adapter: str, content_type: str | None = None, secrets: Sequence[str] = ()) -> None:
        self._about = _About(adapter, content_type, secrets)
        self._reader: _Events | _Values | None = None
        self._head = b""
        self._start = b""
        self._seen = False
        self.error: BadResponse | None = None

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
        if len(self._start) < _EXCERPT:
            self._start += chunk[: _EXCERPT - len(self._start)]
        try:
            if chunk:
                self._reader.feed(chunk, found)
            if last:
                self._reader.close(found)
        except BadResponse as exc:
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
        self._reader = _Values(self._about) if rest[:1] in (b"{", b"[") else _Events(self._about)
        return rest


class _About:
    """What errors say of the answer."""

    __slots__ = ("adapter", "content_type", "secrets")

    def __init__(self, adapter: str, content_type: str | None, secrets: Sequence[str]) -> None:
        self.adapter, self.content_type, self.secrets = adapter, content_type, secrets

    def decoded(self, data: bytes) -> Any:
        """The JSON value; leniently, as in a whole answer.  Raises BadResponse."""
        try:
            return decode_json(data, adapter=self.adapter)
        except BadResponse:
            raise self.fault("an event of the stream is not JSON", data) from None

    def too_long(self, data: bytes) -> BadResponse:
        return self.fault(f"an event is longer than {LARGEST_EVENT} bytes", data[:_EXCERPT])

    def fault(self, what: str, data: bytes) -> BadResponse:
        """What is said must not depend on how the bytes came: `data` ends where the fault is."""
        kind = f" ({self.content_type})" if self.content_type else ""
        start = masked(data.decode("utf-8", "replace"), self.secrets)[:200]
        return BadResponse(
            f"{what}; it starts with {start!r}{kind}",
            adapter=self.adapter,
            hint="Check the base URL: a proxy or another service may have answered.",
        )


class _Events:
    """Server-sent events, line by line."""

    __slots__ = ("_about", "_after_cr", "_data", "_held", "_line", "_name", "_size", "ended", "understood")

    def __init__(self, about: _About) -> None:
        self._about = about
        self._line: list[bytes] = []  # pieces of a line whose end has not come
        self._data: list[bytes] = []
        self._name = b""
        self._held = self._size = 0  # bytes in `_line` and `_data`
        self._after_cr = self.ended = self.understood = False

    def feed(self, chunk: bytes, found: list[JSON]) -> None:
        if self._after_cr and chunk[:1] == b"\n":
            chunk = chunk[1:]
        self._after_cr = False
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = chunk.split(b"\n")
        if self._line and len(lines) > 1:
            lines[0] = b"".join((*self._line, lines[0]))
            self._line.clear()
            self._held = 0
        if rest := lines.pop():
            self._line.append(rest)
            self._held += len(rest)
        for line in lines:
            if self._size + len(line) > LARGEST_EVENT:
                raise self._about.too_long(b"\n".join((*self._data, line)))
            if line[:5] == b"data:":
                self._data.append(line[5:])
                self._size += len(line)
            elif line:
                self._field(line)
            elif self._data or self._name:
                self._dispatch(found, final=False)
                if self.ended:
                    return
        if self._size + self._held > LARGEST_EVENT:
            raise self._about.too_long(b"\n".join((*self._data, b"".join(self._line))))

    def close(self, found: list[JSON]) -> None:
        """An event without the blank line after it counts, if it is whole."""
        if self._line:
            line = b"".join(self._line)
            if line[:5] == b"data:":
                self._data.append(line[5:])
            else:
                self._field(line)
        if self._data:
            self._dispatch(found, final=True)

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"event":
            self._name = value.strip()
        elif name == b"data":
            self._data.append(value)
            self._size += len(line)
        elif line[:1] == b"{":  # an error, as some servers write it into the stream: without a field's name
            self._data.append(line)
            self._size += len(line)
        self.understood = self.understood or name in (b"", b"event", b"data", b"id", b"retry")

    def _dispatch(self, found: list[JSON], *, final: bool) -> None:
        lines, name = self._data, self._name
        self._data, self._name, self._size = [], b"", 0
        self.understood = True
        data = lines[0] if len(lines) == 1 else b"\n".join(lines)
        try:
            value = from_json(data)
        except ValueError:
            if not data.strip():
                return
            if data.strip().startswith(b"[DONE]"):
                found.append(DONE)
                self.ended = True
                return
            values = self._odd(data, lines, name, final=final)
        else:
            values = [value]
        for one in values:
            if name == b"error" and not (isinstance(one, dict) and one.get("error")):
                one = {"error": one}  # noqa: PLW2901
            if isinstance(one, dict):
                if one:
                    found.append(one)
            elif one is not None:
                raise self._about.fault("an event is no JSON object", data)

    def _odd(self, data: bytes, lines: list[bytes], name: bytes, *, final: bool) -> list[Any]:
        """What an event says that no strict decoder takes: events without blank lines between them, lone surrogates."""
        if name == b"error":
            try:
                return [self._about.decoded(data)]
            except BadResponse:
                return [data.decode("utf-8", "replace").strip()]
        try:
            return [self._about.decoded(data)]
        except BadResponse:
            if final and len(lines) == 1:
                return []  # the stream broke off here
            if len(lines) == 1:
                raise
        values: list[Any] = []
        for at, line in enumerate(lines):
            if line.strip().startswith(b"[DONE]"):
                self.ended = True
                return [*values, DONE]
            try:
                values.append(self._about.decoded(line))
            except BadResponse:
                if not final or at < len(lines) - 1:
                    raise
        return values


class _Values:
    """JSON objects one after another: the elements of an array, one a line, or a single body."""

    __slots__ = ("_about", "_open", "_pieces", "_scanner", "_size", "_start", "ended", "understood")

    def __init__(self, about: _About) -> None:
        self._about = about
        self._pieces: list[str] = []
        self._scanner = Scanner()
        self._size = 0
        self._start = ""  # of the answer, before the chunk that is read
        self._open = self.ended = False
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
            if self._size > LARGEST_EVENT:
                raise self._about.too_long("".join(self._pieces).encode("latin-1"))
            if end < 0:
                break
            value = self._about.decoded("".join(self._pieces).encode("latin-1"))
            self._pieces, self._scanner, self._open, self._size = [], Scanner(), False, 0
            if value:
                found.append(value)
            at = end
        if len(self._start) < _EXCERPT:
            self._start += text[: _EXCERPT - len(self._start)]

    def _next(self, text: str, at: int) -> int:
        """Where the next object starts, past what stands between two."""
        while at < len(text) and text[at] in ",[] \t\r\n":
            at += 1
        if at < len(text):
            if text[at] != "{":
                start = (self._start + text[: at + 1])[:_EXCERPT]
                raise self._about.fault("the answer is not JSON", start.encode("latin-1"))
            self._open = True
        return at

    def close(self, found: list[JSON]) -> None:
        """What is cut in the middle is no event."""
