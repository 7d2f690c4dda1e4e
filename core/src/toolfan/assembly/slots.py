"""One call of a stream, while its pieces come.

Knows: names and arguments in pieces, repeated or repeated and continued.  Must not know: other calls, providers, tools.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..framing.scanning import Scanner
from ..wire import is_same, json_text, json_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..calls import RawCall

_NOTHING = ("", "{", "{}")
_SAID = ("_again", "_cumulative", "_length", "_pieces", "_scanner", "_text", "_told", "closed", "garbage", "held")
_CONTROL = re.compile(r"[\x00-\x1f]")  # what no text of JSON has but escaped


class Slot:
    """A call that is being put together.

    `extra` is for fields of the provider's own, `position` the call's place among the calls, None while calls that
    belong before it may still come, `named_again` whether its name was said once more after its end, `told_again` how
    often all of its arguments were, `held` whether they came as `{}` in one piece: some servers begin so, and the
    arguments follow, or objects that grow.  `late_id` came with its name after its end: it is that of another call, if
    arguments follow.  `scattered`: its pieces may come under indices of their own.
    `lent`: its arguments may be those of the call after it.  `named_first`: its id came after its name.  `foretells`:
    then its name alone was said once more after its end, so it may be that of the next call, whose id is yet to come;
    there it is `foretold`.
    """

    __slots__ = (
        "_again",
        "_cumulative",
        "_length",
        "_pieces",
        "_scanner",
        "_text",
        "_told",
        "call",
        "closed",
        "extra",
        "foretells",
        "foretold",
        "garbage",
        "held",
        "id",
        "index",
        "late_id",
        "lent",
        "name",
        "named_again",
        "named_first",
        "position",
        "real",
        "scattered",
        "told_again",
    )

    def __init__(self, index: int | None) -> None:
        self.index = index
        self.id: str | None = None
        self.name = self.late_id = self.foretold = ""
        self.position: int | None = None
        self.closed = self.named_again = self.named_first = self.foretells = self.held = False
        self.real = self.scattered = self.lent = False
        self.garbage = self.told_again = 0
        self.call: RawCall | None = None
        self.extra: dict[str, Any] = {}
        self._scanner = Scanner()
        self._pieces: list[str] = []
        self._text: str | None = ""
        self._length = 0
        self._cumulative = False
        self._again: str | None = None  # all arguments so far, if the last piece was not a part but all of them
        self._told: tuple[str, Any] | None = None  # the arguments when they were whole: the text, and its value

    @property
    def arguments(self) -> str:
        """The text of the arguments so far."""
        if self._text is None:
            self._text = "".join(self._pieces)
            self._pieces = [self._text]
        return self._text

    @property
    def has_arguments(self) -> bool:
        return self._length > 0

    @property
    def is_open(self) -> bool:
        """Whether it is named, and more of its arguments may come."""
        return bool(self.name) and self.call is None and (not self.closed or self.held)

    @property
    def is_phantom(self) -> bool:
        """Whether nothing is called yet; some servers send such calls beside text or real ones, and mean nothing."""
        return not self.name and not self.real and self._length < 9 and self.arguments.strip() in _NOTHING

    def has_other_id(self, call_id: str) -> bool:
        """Whether it has an id, and this is another one."""
        own = self.id or self.late_id
        return bool(own) and call_id != own

    @property
    def is_empty(self) -> bool:
        """Whether the arguments so far are `{}`."""
        return self._length < 9 and self.arguments.strip() == "{}"

    def grows_into(self, arguments: Any) -> bool:
        """Whether these may be more of the arguments, which began as `{}`: some tell all of them with each field."""
        if self.is_empty:
            return True
        value = json_value(self.arguments)
        return isinstance(arguments, dict) and isinstance(value, dict) and value.keys() <= arguments.keys()

    def hear_name(self, piece: str, call_id: str, arguments: Any) -> None:
        """More of the name: a piece of it, all of it once more, or all of it so far, with what stands beside it."""
        self.foretells = self.named_first and self.closed and not call_id and says_nothing(arguments)
        if not self.name:
            self.name = piece
        elif not self._length and piece != self.name:
            self.name = piece if piece.startswith(self.name) else self.name + piece
        self.named_again = self.closed and (not call_id or call_id == self.late_id)

    def add(self, piece: str) -> None:
        """More of the arguments."""
        if (
            self.held
            and self.is_empty
            and self.call is None
            and piece.lstrip()[:1] == "{"
            and not self.tells_again(piece)
        ):
            self._begin_anew()
        if self.closed or self.call is not None:
            if piece.strip() and not self.tells_again(piece):
                self.garbage += len(piece.strip())
            elif piece.strip():
                self.told_again += 1
            return
        at, first = 0, not self._length
        if self._again is not None and self._is_told_again(piece):
            self._begin_anew()
            self._pieces, self._length = [piece], len(piece)
        elif 0 < self._length <= len(piece) and self._repeats(piece):
            at = self._length
            self._pieces, self._length = [piece], len(piece)
        else:
            self._pieces.append(piece)
            self._length += len(piece)
        self._text = None
        end = self._scanner.feed(piece, at)
        if end >= 0:
            self.closed, self._again = True, None
            self.name = self.name or self.foretold
            self.garbage += len(piece[end:].strip())
            self._pieces[-1] = piece[:end]
            self.held = first and piece[:end].strip() == "{}"

    def _begin_anew(self) -> None:
        self._pieces, self._text, self._length, self._told = [], "", 0, None
        self._scanner = Scanner()
        self.closed = self.held = False

    def take_arguments(self, other: Slot) -> None:
        """The arguments so far of a call to which they do not belong; it has none any more."""
        for name in _SAID:
            setattr(self, name, getattr(other, name))
        self.told_again = other.told_again
        other._begin_anew()
        other.garbage, other.told_again, other._cumulative, other._again = 0, 0, False, None

    def _repeats(self, piece: str) -> bool:
        """Whether the piece has all arguments so far in it, as some servers send them; known by what JSON forbids."""
        text = self.arguments
        if self._scanner.opaque or not text.startswith("{") or not piece.startswith(text):
            return False
        if not self._cumulative:
            self._cumulative = self._forbids(text, piece)
            if not self._cumulative and not self._scanner.in_text:
                self._again = piece
        return self._cumulative

    def _forbids(self, text: str, piece: str) -> bool:
        """Whether JSON has no place for the piece, an object, after the text that it begins with."""
        if self._scanner.in_text:  # its first quote would be the end of that text
            before, _, after = piece.partition('"')
            if "\\" in before:  # an object has none there
                return False
            return bool(_CONTROL.search(before)) or after[:1] not in ("", " ", "\t", "\r", "\n", ":", ",", "}", "]")
        return text.rstrip()[-1] not in ":[,"  # after these an object may start, which may begin like the arguments

    def _is_told_again(self, piece: str) -> bool:
        """Whether the piece has all of `_again` in it, so that both were all arguments so far."""
        before, self._again = self._again or "", None
        if not piece.startswith(before):
            return False
        self._cumulative = self._forbids(before, piece)
        self._again = None if self._cumulative else piece
        return self._cumulative

    def goes_on(self, call_id: str, arguments: Any, *, placed: bool) -> bool:
        """Whether a piece that says the name once more is of this call, and not another whole one in the same list.

        `placed`: it bears this call's index.
        """
        same = bool(call_id and call_id == self.id)
        empty = says_nothing(arguments)
        if self.closed:
            return empty and (same or placed)
        # One without arguments may be whole, unless its id, which the other lacks, shows that each would have one.
        return same or self.has_arguments or (placed and (not empty or bool(self.id and not call_id)))

    def settle(self) -> None:
        """No more comes: where only the last piece alone is JSON, it is the arguments."""
        again, self._again = self._again, None
        if again is not None and (end := Scanner().feed(again)) > 0 and json_value(again[:end]) is not None:
            self._pieces, self._text, self._length, self.closed = [again[:end]], None, end, True

    def begins_another(self, name: str, arguments: Any, *, marked: bool) -> bool:
        """Whether a piece that seems to belong here begins another call: it names one, and has arguments anew.

        `marked`: it bears this call's index or id, so that what is equal is repeated, not a call made twice.
        """
        if not self.closed or not (name or self.named_again):
            return False
        if name and self.name and name != self.name:
            return True
        if says_nothing(arguments):
            return False
        return not (marked and self.tells_again(arguments))

    def begins_here(self, other: Slot, arguments: Any) -> bool:
        """Whether these, under the index of another call that is whole, are the beginning of this call's arguments."""
        if not other.closed or other.held or other.named_again or not self.is_open or self.has_arguments:
            return False
        begin = isinstance(arguments, dict) or (isinstance(arguments, str) and arguments.lstrip()[:1] == "{")
        return begin and not other.tells_again(arguments)

    def tells_again(self, arguments: Any) -> bool:
        """Whether these are the arguments, which are whole, once more, if in another spelling."""
        text = arguments if isinstance(arguments, str) else json_text(arguments)
        end = Scanner().feed(text)
        text = (text if end < 0 else text[:end]).strip()
        if self._told is None:
            said = self.arguments.strip()
            self._told = said, json_value(said)
        if text == self._told[0]:
            return True
        if text[:1] == '"' and (inside := json_value(f"[{text}]")):  # so LiteLLM's proxy: JSON in a text of JSON
            text = inside[0]
        value = json_value(text)
        return value is not None and is_same(value, self._told[1])

    def replace(self, arguments: Any) -> None:
        """The arguments, whole: a value, or the text of one; left out of a call that was handed out, and counted."""
        if self.call is None:
            text = arguments if isinstance(arguments, str) else json_text(arguments)
            if self._again is not None and text != self.arguments:
                self._again = None
            self.held = (self.held and not isinstance(arguments, str)) or (not self._length and text == "{}")
            self._pieces, self._text, self._length, self.closed = [text], text, len(text), True
            self.name, self._told = self.name or self.foretold, None
        elif not self.tells_again(arguments):
            self.garbage += len(arguments if isinstance(arguments, str) else json_text(arguments))

    def ignore_json(self) -> None:
        """The arguments are some text, which has no end of its own."""
        self._scanner.ignore()

    def warnings(self) -> Iterator[str]:
        """What was left out after the end of the arguments, and what may have been another call."""
        if self.garbage:
            yield f"call {self.position}: {self.garbage} characters after the end of its arguments were left out"
        if self.told_again and not self.id:
            often = "twice" if self.told_again == 1 else f"{self.told_again + 1} times"
            yield f"call {self.position}: it came {often}, under one index and no id, and was read as one call"


def says_nothing(arguments: Any) -> bool:
    """Whether these are no arguments, nor a piece of any."""
    return arguments is None or (isinstance(arguments, str) and not arguments.strip())


def word_of(value: Any) -> str:
    """A text that is said, empty where none is."""
    return value if isinstance(value, str) else "" if value is None else json_text(value)
