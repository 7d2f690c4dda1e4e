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
_BLANK = b" \t\r\n"


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
        if not self._seen and not found and self.error is None and self._start.strip(_BLANK):
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
            return b""
        self._head, self._start = b"", rest[:300]
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

    def fault(self, what: str, data: bytes) -> BadResponse:
        kind = f" ({self.content_type})" if self.content_type else ""
        start = masked(data.decode("utf-8", "replace"), self.secrets)[:200]
        return BadResponse(
            f"{what}; it starts with {start!r}{kind}",
            adapter=self.adapter,
            hint="Check the base URL: a proxy or another service may have answered.",
        )


class _Events:
    """Server-sent events, line by line."""

    __slots__ = ("_about", "_after_cr", "_data", "_line", "_name", "_size", "ended", "understood")

    def __init__(self, about: _About) -> None:
        self._about = about
        self._line: list[bytes] = []  # pieces of a line whose end has not come
        self._data: list[bytes] = []
        self._name = b""
        self._size = 0
        self._after_cr = self.ended = self.understood = False

    def feed(self, chunk: bytes, found: list[JSON]) -> None:
        if self._after_cr and chunk[:1] == b"\n":
            chunk = chunk[1:]
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        elif chunk:
            self._after_cr = False
        lines = chunk.split(b"\n")
        self._size += len(chunk)
        if self._line and len(lines) > 1:
            lines[0] = b"".join((*self._line, lines[0]))
            self._line.clear()
        if rest := lines.pop():
            self._line.append(rest)
        for line in lines:
            if line[:5] == b"data:":
                self._data.append(line[5:])
            elif line:
                self._field(line)
            elif self._data or self._name:
                self._dispatch(found, final=False)
                if self.ended:
                    return
        if self._size > LARGEST_EVENT:
            raise self._about.fault(f"an event is longer than {LARGEST_EVENT} bytes", b"".join(self._data)[:300])

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
        elif line[:1] == b"{":  # an error, as some servers write it into the stream: without a field's name
            self._data.append(line)
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
            if not (final and at == len(lines) - 1):
                values.append(self._about.decoded(line))
                continue
            try:
                values.append(from_json(line))
            except ValueError:
                break
        return values


class _Values:
    """JSON objects one after another: the elements of an array, one a line, or a single body."""

    __slots__ = ("_about", "_open", "_pieces", "_scanner", "_size", "ended", "understood")

    def __init__(self, about: _About) -> None:
        self._about = about
        self._pieces: list[str] = []
        self._scanner = Scanner()
        self._open = False
        self._size = 0
        self.ended = False
        self.understood = True

    def feed(self, chunk: bytes, found: list[JSON]) -> None:
        # Of Latin-1 each byte is one character, and no byte of UTF-8 but the ASCII ones looks like a bracket.
        text, at = chunk.decode("latin-1"), 0
        while at < len(text):
            if not self._open:
                at = self._next(text, at)
                if not self._open:
                    return
            end = self._scanner.feed(text, at)
            self._pieces.append(text[at:] if end < 0 else text[at:end])
            if end < 0:
                self._size += len(text) - at
                if self._size > LARGEST_EVENT:
                    raise self._about.fault(f"an event is longer than {LARGEST_EVENT} bytes", chunk[:300])
                return
            value = self._about.decoded("".join(self._pieces).encode("latin-1"))
            self._pieces, self._scanner, self._open, self._size = [], Scanner(), False, 0
            if value:
                found.append(value)
            at = end

    def _next(self, text: str, at: int) -> int:
        """Where the next object starts, past what stands between two."""
        while at < len(text) and text[at] in ",[] \t\r\n":
            at += 1
        if at < len(text):
            if text[at] != "{":
                raise self._about.fault("the answer is not JSON", text[at : at + 300].encode("latin-1"))
            self._open = True
        return at

    def close(self, found: list[JSON]) -> None:
        """What is cut in the middle is no event."""
