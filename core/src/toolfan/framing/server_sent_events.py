"""Server-sent events, line by line, as the HTML standard defines them and as servers get them wrong.

The standard's section is 9.2.6, "Interpreting an event stream".

Knows: fields, names of events, JSON in them.  Must not know: other forms of streams, providers, what an event means.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import from_json

from ..errors import BadResponse, IncompleteStream
from ..secrets.held import Secrets
from ..secrets.masking import masked_start
from ..wire import decode_json

if TYPE_CHECKING:
    from collections.abc import Iterable

JSON = dict[str, Any]

DONE: Final[JSON] = {"[DONE]": True}
"""The event that stands for `data: [DONE]`."""
EXCERPT = 300
"""Bytes of an answer that are looked at for errors."""
_READ_ANYWAY = ("hex escape", "recursion limit")
"""Words of the decoder's of what `About.decoded` reads when it is whole: lone surrogates, deep nesting."""
_LIST = re.compile(rb"\[\s*(\{|$)")
_FIELD = re.compile(rb"[\w.-]*")
_MASKED = 2000
"""Bytes of words that are no event in which secrets are masked, before the first of them are shown."""
_FIELDS = (b"", b"event", b"data", b"id", b"retry")
_JUNK = b"\xef\xbb\xbf\0 \t"  # byte order marks, of streams put one after another, and what else is seen before a field


class About:
    """What errors say of an answer, and how long its events may be, in bytes.

    `named`: the name of an event is its `type`, where its data have none.
    """

    __slots__ = ("adapter", "content_type", "largest", "named", "secrets")

    def __init__(
        self, adapter: str, content_type: str | None, secrets: Iterable[str], largest: int, *, named: bool = False
    ) -> None:
        self.adapter, self.content_type, self.largest = adapter, content_type, largest
        self.secrets = Secrets(secrets)
        self.named = named

    def decoded(self, data: bytes) -> Any:
        """The JSON value; leniently, as in a whole answer.  Raises BadResponse."""
        try:
            return decode_json(data, adapter=self.adapter)
        except BadResponse:
            raise self.fault("an event of the stream is not JSON", data) from None

    def check_beginning(self, text: str) -> None:
        """Raises BadResponse if no JSON begins so, in UTF-8 of which each byte is a character here."""
        try:
            from_json(text, allow_partial=True)
        except ValueError as exc:
            if not any(words in str(exc) for words in _READ_ANYWAY):
                raise self.fault("the answer is not JSON", text.encode("latin-1")) from None

    def too_long(self, data: bytes) -> BadResponse:
        return self.fault(f"an event is longer than {self.largest} bytes", data[:EXCERPT])

    def fault(self, what: str, data: bytes) -> BadResponse:
        """What is said must not depend on how the bytes came: `data` ends where the fault is."""
        kind = f" ({self.content_type})" if self.content_type else ""
        return BadResponse(
            f"{what}; it starts with {self._start(data)!r}{kind}",
            adapter=self.adapter,
            hint="Check the base URL: a proxy or another service may have answered.",
        )

    def stray(self, data: bytes) -> IncompleteStream:
        """The error of a stream that ends in words that are no event, unless the answer was whole before them."""
        what = f"the stream ended in what is no event: {self._start(data).strip()!r}"
        return IncompleteStream(what, adapter=self.adapter)

    def _start(self, data: bytes) -> str:
        return masked_start(data.decode("utf-8", "replace"), self.secrets)[:200]


class ServerSentEvents:
    """Server-sent events, line by line."""

    __slots__ = (
        "_about",
        "_after_cr",
        "_bare",
        "_data",
        "_held",
        "_line",
        "_name",
        "_passed",
        "_size",
        "_strange",
        "_stray",
        "ended",
        "gave",
        "understood",
    )

    def __init__(self, about: About) -> None:
        self._about = about
        self._line: list[bytes] = []  # pieces of a line whose end has not come
        self._data: list[bytes] = []
        self._name = b""
        self._held = self._size = 0  # bytes in `_line` and `_data`
        self._after_cr = self._bare = self.ended = self.gave = self.understood = False
        self._passed: BadResponse | None = None  # the error of an event that was passed over, if nothing else comes
        self._strange: BadResponse | None = None  # the error of a line that is no field, if this is an event stream
        self._stray = b""  # lines after the last event that are no field: an error, as some servers write it

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
            if self._size + len(line) > self._about.largest:
                raise self._about.too_long(b"\n".join((*self._data, line)))
            if line[:5] == b"data:":
                self._data.append(line[5:])
                self._size += len(line)
            elif line:
                self._field(line, found)
            elif self._data or self._name:
                self._dispatch(found, final=False)
                if self.ended:
                    return
        if found:
            self.gave = True
        if self._size + self._held > self._about.largest:
            raise self._about.too_long(b"\n".join((*self._data, b"".join(self._line))))

    def close(self, found: list[JSON]) -> None:
        """An event without the blank line after it counts, if it is whole."""
        if self._line:
            line = b"".join(self._line)
            stray = self._stray
            if line[:5] == b"data:":
                self._data.append(line[5:])
            else:
                self._field(line, found)
            if any(name.startswith(line) for name in _FIELDS):  # of which the end is cut off
                self._stray = stray
        stray = self._stray
        if self._data:
            self._dispatch(found, final=True)
        if self._strange is not None and self.understood:
            raise self._strange
        if stray and self.understood:
            raise self._about.stray(stray)
        if self._passed is not None and not found and not self.gave:
            raise self._passed

    def _field(self, line: bytes, found: list[JSON]) -> None:
        bare = line.lstrip(_JUNK)
        if not bare:
            return
        name, _, value = bare.partition(b":")
        name = name.rstrip()
        if name == b"event":
            self._name = value.strip()
        elif name == b"data":
            self._data.append(value)
            self._size += len(line)
        elif bare[:1] == b"{" or _LIST.match(bare) or (self._bare and bare[:1] in b'"{}[]'):
            self._bare = True  # an error, as some servers write it: without a field's name
            self._data.append(bare)
            self._size += len(line)
        elif name == b"error" and value.lstrip()[:1] == b"{":  # so llama.cpp
            if self._data:
                self._dispatch(found, final=False)
            self._data, self._name = [value], name
            self._dispatch(found, final=False)
        elif b"{" in bare and not _FIELD.fullmatch(name):
            self._strange = self._strange or self._about.fault("a line of the stream is no field", line)
        elif name not in _FIELDS and len(self._stray) < _MASKED:
            self._stray += line[:_MASKED] + b"\n"
        self.understood = self.understood or name in _FIELDS

    def _dispatch(self, found: list[JSON], *, final: bool) -> None:
        lines, name = self._data, self._name
        self._data, self._name, self._size, self._stray = [], b"", 0, b""
        self._bare, self.understood = False, True
        if self._strange is not None:
            raise self._strange
        data = lines[0] if len(lines) == 1 else b"\n".join(lines)
        try:
            value = from_json(data)
        except ValueError:
            text = data.strip()
            if not text or (text[:1] == b":" and name != b"error"):  # a comment, which a gateway made data of
                return
            if text.startswith(b"[DONE]"):
                self._end(found)
                return
            if _is_sign_of_life(name, data):
                return
            self._take(self._odd(data, lines, name, final=final), name, data, found)
        else:
            if isinstance(value, dict) and name != b"error":  # nearly every event
                if said := self._typed(value, name):
                    found.append(said)
            else:
                self._take([value], name, data, found)

    def _take(self, values: list[Any], name: bytes, data: bytes, found: list[JSON]) -> None:
        for one in itertools.chain.from_iterable(map(_events_in, values)):
            if name == b"error" and not (isinstance(one, dict) and one.get("error")):
                found.append({"error": one})
            elif isinstance(one, dict):
                if said := self._typed(one, name):
                    found.append(said)
            elif one is not None and not _is_sign_of_life(name, data):
                self._pass_over(one, data)

    def _typed(self, event: JSON, name: bytes) -> JSON:
        if not self._about.named or name in (b"", b"message") or event.get("type") is not None:
            return event
        return {**event, "type": name.decode("utf-8", "replace")}

    def _end(self, found: list[JSON]) -> None:
        if self._passed is not None and not found and not self.gave:
            raise self._passed
        found.append(DONE)
        self.ended = True

    def _pass_over(self, value: Any, data: bytes) -> None:
        """A number or a text, which some send to keep the connection open: an error only if nothing else comes."""
        fault = self._about.fault("an event is no JSON object", data)
        if isinstance(value, list):
            raise fault
        self._passed = self._passed or fault

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


def _events_in(value: Any) -> list[Any]:
    """The events of a list of nothing else, as Google writes errors, and gateways whatever comes; else the value."""
    listed = isinstance(value, list) and all(isinstance(one, dict) for one in value)
    return value if listed and value else [value]


def _is_sign_of_life(name: bytes, data: bytes) -> bool:
    """Whether the event only keeps the connection open: it is named, and no part of a JSON object is in it."""
    return name not in (b"", b"message", b"error") and b"{" not in data
