"""Faults of the arguments: texts that are no JSON object, values that are not what the tool asked for, too much of it.

Knows JSON text and values; not dialects. The first call is the one that is damaged, the others are good.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from toolfan_local.faults.answers import DEEP, DIGITS, HUGE, MISSING, Bare, SaidCall, Text, written
from toolfan_local.faults.fault import EVERY, HTTP, PIECES, TYPED, Dialect, Fault
from toolfan_local.faults.payload import Payload, first

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolfan_local.faults.payload import Calls

EXTRA = "extra"
"""The undeclared argument that carries a value when the tool has no field of its type."""

MEGABYTE = 1024 * 1024
_BAD_CALL = "BadCall on that call, the others kept"
_EMPTY = "{} if nothing is required, else BadCall"


def _text(change: Callable[[str], str]) -> Payload:
    def changed(call: SaidCall) -> None:
        call.arguments = Text(change(written(call.arguments)))

    return Payload(first(changed))


def _whole(value: Callable[[SaidCall], Any]) -> Payload:
    def changed(call: SaidCall) -> None:
        call.arguments = value(call)

    return Payload(first(changed))


def _fields(value: Any, *kinds: str) -> Payload:
    """This value in every field of these types, and in an undeclared one."""

    def changed(call: SaidCall) -> None:
        call.arguments |= dict.fromkeys([name for kind in kinds for name in call.fields(kind)] + [EXTRA], value)

    return Payload(first(changed))


def _in_text(change: Callable[[str], str]) -> Payload:
    """A change of the first text among the arguments; of an undeclared one where there is none."""

    def changed(call: SaidCall) -> None:
        name = next((key for key, value in call.arguments.items() if isinstance(value, str)), EXTRA)
        call.arguments[name] = change(call.arguments.get(name, ""))

    return Payload(first(changed))


def _malformed(text: str) -> str:
    return text[:-1] + "]"


def _single_quotes(text: str) -> str:
    return text.replace('"', "'") if '"' in text else "{'a': 1}"


def _trailing_comma(text: str) -> str:
    return (text[:-1] if len(text) > 2 else '{"a": 1') + ",}"


def _raw_newline(text: str) -> str:
    at = text.rfind('"')
    return text[:at] + "\n" + text[at:] if at > 0 else '{"a": "\n"}'


def _twice(text: str) -> str:
    """The first key twice, the good value last."""
    arguments = json.loads(text)
    if not arguments:
        return '{"extra": 1, "extra": 2}'
    name, value = next(iter(arguments.items()))
    other = f"not {value}" if isinstance(value, str) else value
    return f"{{{written(name)}: {written(other)}, {text[1:]}"


def _wrong_types(call: SaidCall) -> dict[str, Any]:
    return {name: ["wrong", {}] for name in call.arguments} or {EXTRA: ["wrong", {}]}


def _as_list(call: SaidCall) -> list[Any]:
    return list(call.arguments.values())


def _as_text(call: SaidCall) -> Text:
    return Text(json.dumps(written(call.arguments)))


def _last_malformed(calls: Calls) -> Calls:
    calls[-1].arguments = Text(_malformed(written(calls[-1].arguments)))
    return calls


def _reversed(call: SaidCall) -> dict[str, Any]:
    return dict(reversed(call.arguments.items()))


def _many(calls: Calls) -> Calls:
    return repeated(calls, 1000)


def repeated(calls: Calls, count: int) -> Calls:
    """`count` calls, the good ones over and over, with ids of their own."""
    return [
        SaidCall(one.name, dict(one.arguments), f"{one.id}_{place}", one.schema)
        for place, one in ((place, calls[place % len(calls)]) for place in range(count))
    ]


def _fault(
    name: str, text: str, play: Payload, expectation: str = _BAD_CALL, dialects: tuple[Dialect, ...] = PIECES
) -> Fault:
    return Fault(name, "4.1", text, dialects, expectation, play)


_TEXTS = (
    _fault("arguments-malformed", "`]` where `}` should be", _text(_malformed)),
    _fault("arguments-truncated", "the second half is missing", _text(lambda text: text[: len(text) // 2])),
    _fault("arguments-trailing-comma", "a comma before the last brace", _text(_trailing_comma)),
    _fault("arguments-single-quotes", "single quotes for double ones", _text(_single_quotes)),
    _fault("arguments-trailing-text", "a sentence after the object", _text("{} I hope this helps.".format)),
    _fault("arguments-two-objects", "the object twice, one after the other", _text(lambda text: text + text)),
    _fault("arguments-raw-newline", "an unescaped newline in a string", _text(_raw_newline)),
    _fault("arguments-code-fence", "a code fence around it", _text("```json\n{}\n```".format), "stripped, recorded"),
    _fault("arguments-bom", "a byte order mark before it", _text("\ufeff{}".format), "stripped, recorded"),
    _fault("arguments-second-bad", "the last call malformed, the others good", Payload(_last_malformed)),
    _fault("arguments-empty", "the empty text", _text(lambda _: ""), _EMPTY),
    _fault("arguments-object", "an object, not text", _whole(lambda call: Bare(call.arguments)), "accepted", TYPED),
    _fault("arguments-duplicate-keys", "the first key twice, the good value last", _text(_twice), "detected"),
)


_WHOLE = (
    _fault("arguments-array", "an array instead of an object", _whole(_as_list), dialects=HTTP),
    _fault("arguments-null", "null", _whole(lambda _: None), _EMPTY, HTTP),
    _fault("arguments-absent", "no arguments at all", _whole(lambda _: MISSING), _EMPTY, EVERY),
    _fault("arguments-double-encoded", "JSON text of the JSON text", _whole(_as_text), "decoded, recorded"),
    _fault("arguments-wrong-types", "a list in every field", _whole(_wrong_types), dialects=EVERY),
    _fault("arguments-reversed", "good, the keys in another order", _whole(_reversed), "good", EVERY),
)
_VALUES = (
    _fault("arguments-nan", "NaN in number fields and an extra one", _fields(math.nan, "number"), dialects=HTTP),
    _fault("arguments-infinity", "Infinity in the same", _fields(math.inf, "number"), dialects=HTTP),
    _fault("arguments-1e999", "1e999 in the same", _fields(HUGE, "number"), dialects=HTTP),
    _fault(
        "arguments-lone-surrogate", "half of a surrogate pair in a text", _in_text("{}\ud83d".format), dialects=HTTP
    ),
    _fault("arguments-nul", "a NUL character in a text", _in_text("{}\x00".format), "accepted", EVERY),
    _fault("arguments-10-mb", "10 MB in a text", _in_text(lambda _: "x" * (10 * MEGABYTE)), "accepted", HTTP),
    _fault(
        "arguments-17-mb", "17 MB in a text: beyond the limit", _in_text(lambda _: "x" * (17 * MEGABYTE)), dialects=HTTP
    ),
    _fault("arguments-depth-10000", "10,000 arrays in each other in an extra argument", _fields(DEEP), dialects=HTTP),
    _fault(
        "arguments-5000-digits",
        "an integer of 5000 digits in integer fields and an extra one",
        _fields(DIGITS, "integer"),
        dialects=HTTP,
    ),
    _fault("arguments-float-for-int", "3.0 in integer fields and an extra one", _fields(3.0, "integer"), "3", EVERY),
    _fault("arguments-text-for-int", 'the text "3" in the same', _fields("3", "integer"), "as the model says", EVERY),
    _fault(
        "arguments-extra-field", "an argument that was not declared", _fields("surplus"), "as the model says", EVERY
    ),
    _fault("1000-calls", "a thousand calls", Payload(_many), "linear", EVERY),
)

FAULTS = (*_TEXTS, *_WHOLE, *_VALUES)
