"""Calls whose arguments come in pieces, and which piece belongs to which of them.

Calls with ids stay open side by side, each until its own end.  One without an id ends where another call begins.

Knows: ids, names and `willContinue` of function calls.  Must not know: chunks, candidates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from toolfan.assembly.assembler import CallAssembler
from toolfan.wire import json_text

from .fields import camel, field
from .parsing import OBJECT, call_piece
from .partial_arguments import PartialArguments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolfan.adapter import JSON
    from toolfan.assembly.slots import Slot

    _Calls: TypeAlias = "dict[_OpenCall, None]"
    """Calls in order, each found at once."""

_IN_PIECES = frozenset({"args", "partialArgs", "willContinue"})


class OpenCalls:
    """The calls of one answer that are open, in the order in which they began.

    There may be thousands: a piece finds its call, and the end of one the others, without a look at each.
    """

    def __init__(self, calls: CallAssembler) -> None:
        self._calls = calls
        self._open: _Calls = {}
        self._with_id: dict[str, _Calls] = {}  # those without one by the empty text
        self._with_name: dict[str, _Calls] = {}
        self._known_by_id: _Calls = {}  # of which a later piece spoke by their id
        self._clear: _Calls = {}  # of which no piece may have been another's
        self.warnings: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._open)

    def read(self, part: Mapping[str, Any], call: Any) -> bool:
        """Whether this was about calls that are open; if not, another one begins with it."""
        if not self._open or not isinstance(call, OBJECT):
            return False
        found = self._by_id(call) if call.get("id") else self._by_name(call) if call.get("name") else self._only(call)
        if found is not None:
            self._read(found, part, call)
        return found is not None or not (call.get("id") or call.get("name"))

    def _read(self, one: _OpenCall, part: Mapping[str, Any], call: Mapping[str, Any]) -> None:
        before = one.slot.id or ""
        goes_on = one.read(part, call)
        if (one.slot.id or "") != before:
            del self._with_id[before][one]
            self._with_id.setdefault(one.slot.id or "", {})[one] = None
        if not goes_on:
            self._close(one)

    def _by_id(self, call: Mapping[str, Any]) -> _OpenCall | None:
        found = next(iter(_those(self._with_id, call["id"])), None)
        if found is not None:
            self._known_by_id[found] = None
        elif not call.get("name"):
            nameless = _those(self._with_id, "")
            found = next(iter(nameless)) if len(nameless) == 1 else None
        return found

    def _by_name(self, call: Mapping[str, Any]) -> _OpenCall | None:
        """The call that goes on under its own name."""
        named = _those(self._with_name, call["name"])
        found = next(iter(named)) if len(named) == 1 else None
        if found is None or not found.goes_on_with(call):
            return None
        found.repeats_name = True
        return found

    def _only(self, call: Mapping[str, Any]) -> _OpenCall | None:
        """The only open call, or the last of several if none is spoken of by its id."""
        if len(self._open) == 1 or not self._known_by_id:
            return next(reversed(self._open))
        if field(call, "args") is not None or field(call, "partialArgs") is not None:
            for one in self._clear:
                one.in_doubt = True
            self._clear.clear()
            self.warnings.append(f"arguments came that say not to which of {len(self._open)} open calls they belong")
        return None

    def begin(self, part: Mapping[str, Any], call: Mapping[str, Any], parts: list[Any], at: int) -> None:
        """A call that begins with this part, which is the one at this place of the parts."""
        call_id, name, _ = call_piece(call)
        one = _OpenCall(self._calls.open(call_id, name), parts, at)
        for some in (
            self._open,
            self._clear,
            self._with_id.setdefault(one.slot.id or "", {}),
            self._with_name.setdefault(one.slot.name, {}),
        ):
            some[one] = None
        self._read(one, part, call)

    def give_way(self) -> None:
        """Another call begins: what has no id ends here, though its last word was that it goes on."""
        for one in [*_those(self._with_id, "")]:
            self.warnings.append(f"call {one.slot.position} was to go on when another one began")
            self._close(one, cut=one.lacks_something)

    def close_all(self, *, cut: bool) -> None:
        """The end of the answer; `cut`: it broke off, so that the arguments are left open as they are."""
        for one in [*self._open]:
            self._close(one, cut=cut or one.lacks_something)

    def _close(self, one: _OpenCall, *, cut: bool = False) -> None:
        for some in (self._open, self._with_id[one.slot.id or ""], self._with_name[one.slot.name]):
            del some[one]
        for some in (self._known_by_id, self._clear):
            some.pop(one, None)
        one.parts[one.at], arguments = one.whole(cut=cut or one.in_doubt)
        self._calls.close(one.slot, arguments)


def in_pieces(call: Any) -> bool:
    """Whether the arguments of a call that begins come in pieces."""
    return isinstance(call, OBJECT) and (field(call, "willContinue") is True or field(call, "partialArgs") is not None)


def joined(sent: Sequence[Any], *, cut: bool) -> tuple[list[Any], list[str]]:
    """The parts of one content, each call as one part, and what is in doubt; `cut`: the last pieces are missing."""
    some, parts = OpenCalls(CallAssembler()), list[Any]()
    for part in sent:
        call = field(part, "functionCall") if isinstance(part, OBJECT) else None
        if call is None:
            parts.append(part)
        elif not some.read(part, call):
            some.give_way()
            parts.append(part)
            if in_pieces(call):
                some.begin(part, call, parts, len(parts) - 1)
    some.close_all(cut=cut)
    return parts, some.warnings


def _those(known: Mapping[str, _Calls], word: Any) -> _Calls:
    return known.get(word, {}) if isinstance(word, str) else {}


class _OpenCall:
    """A call whose arguments come in pieces, as one part."""

    def __init__(self, slot: Slot, parts: list[Any], at: int) -> None:
        self.slot, self.parts, self.at = slot, parts, at
        self.repeats_name = self.in_doubt = False
        self._part: dict[str, Any] = {}
        self._call: dict[str, Any] = {}
        self._arguments = PartialArguments()
        self._has_pieces = self._has_some = False

    @property
    def lacks_something(self) -> bool:
        """Whether a text goes on, or no argument has come: what ends here, without a word, was cut."""
        return self._arguments.in_text or not self._has_some

    def goes_on_with(self, call: Mapping[str, Any]) -> bool:
        """Whether a piece that names this tool, without an id, is more of this call and not the next one."""
        if field(call, "partialArgs") is not None:
            return self._arguments.in_text or self.repeats_name or not self._has_pieces
        return self.repeats_name and field(call, "args") is None and field(call, "willContinue") is not True

    def read(self, part: Mapping[str, Any], call: Mapping[str, Any]) -> bool:
        """Whether still more is to come."""
        for key, value in part.items():
            self._part.setdefault(camel(key), value)
        for key, value in call.items():
            if camel(key) not in _IN_PIECES:
                self._call.setdefault(key, value)
        if isinstance(call.get("id"), str) and not self.slot.id:
            self.slot.id = call["id"]
        self._arguments.update(call.get("args"))
        pieces = field(call, "partialArgs")
        for piece in pieces if isinstance(pieces, list | tuple) else () if pieces is None else (pieces,):
            self._arguments.add(piece)
            self._has_pieces = True
        self._has_some = self._has_some or self._has_pieces or call.get("args") is not None
        return field(call, "willContinue") is True

    def whole(self, *, cut: bool) -> tuple[JSON, str]:
        """The part as it would have come in one, and the arguments as JSON text, left open if they are cut."""
        call = {**self._call, "args": self._arguments.value(), **({"willContinue": True} if cut else {})}
        arguments = json_text(call["args"])
        return {**self._part, "functionCall": call}, arguments[:-1] if cut else arguments
