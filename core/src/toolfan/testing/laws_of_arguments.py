"""Laws of the arguments of calls: large and deep ones, every kind of value, and what is no JSON, as it came.

Knows: what `variations` makes of samples.  Must not know: any provider's field names.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from toolfan.errors import ProviderError

from .lawbook import law
from .laws_of_reading import decoded
from .laws_of_stops import LawsOfStops
from .trees import in_order, same
from .variations import KINDS, WRITTEN, nested, with_argument_text, with_arguments

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAIN = {"a": [None, "b"]}
LARGE = {"text": "0123456789abcdef" * 150_000}
# Of what is no JSON, what nobody could take for the end of a call and more.
OPEN = ("", "{", "[1]", "null", "not json", '{"a": 01}', "e\u0301")
# The same of what is whole.
CLOSED = (*OPEN, '{"a": 1}}', "```json\n{}\n```", ' {"a":1}\n')
# In no order that a program would put them in, at any depth.
UNSORTED = {"z": 1, "a": {"y": [{"b": 1, "a": 2}], "x": None}, "m": "", "B": 0}


FORMS = (
    "arguments are found as an object, as JSON text, or as a list of pairs or of objects, each with a name, its value "
    "(or the JSON text of it) and, it may be, more; if yours have another form, name this law in `broken_laws`"
)
WORDS_FOR = {type(None): "null", bool: "true", int: "1", float: "0.5", str: "a text", list: "a list", dict: "an object"}


class LawsOfArguments(LawsOfStops):
    """What is read of the arguments of calls."""

    @law
    def test_large_and_deep_arguments_come_out(self) -> Iterator[str]:
        """Arguments of millions of characters, nested ones, and every kind of character come out as they came.

        Normalise nothing: what looks the same is another value.  null, false, 0 and "" are values, "7" is a text, and
        a call without arguments is a call.  Keys stay in their order, at every depth: sort none (`sort_keys`).
        """
        values: list[Any] = [
            LARGE,
            KINDS,
            WRITTEN,
            {},
            {"deep": nested(90)},
            {"": ""},
            {"a": '\u2028 \u0000 \U0001f600 \\ " ]}'},
            {"n": 10**30},
            {"e\u0301": "e\u0301 \u212b \ufb01"},
            UNSORTED,
        ]
        if all(with_arguments(one, {}) is None for one in self.answers()):
            yield f"in no sample the arguments that it names stand in its body: {FORMS}"
            return
        for value in values:
            if all(with_arguments(one, value) is None for one in self.answers()):
                kinds = ", ".join(sorted({WORDS_FOR[type(one)] for one in value.values()}))
                yield (
                    f"no sample shows how {kinds} stand in arguments: add one with {str(value)[:60]}, say, or, if the "
                    "service has no such thing, name this law in `broken_laws`"
                )
            most = 1 if value is LARGE else None
            for name, _, turn in self.made(lambda sample, value=value: with_arguments(sample, value), most=most):  # type: ignore[misc]
                came = [decoded(call.arguments) for call in turn.calls]
                if not any(same(value, one) for one in came):
                    yield f"{name}: arguments {str(value)[:60]} became {[c.arguments[:60] for c in turn.calls]}"
                elif in_order(value) not in map(in_order, came):
                    yield f"{name}: the keys of the arguments {value} come out in another order"

    @law
    def test_arguments_that_are_no_json_come_out(self) -> Iterator[str]:
        """What a model wrote for arguments is kept to the letter, JSON or not: core judges it, and may repair it.

        In a stream, too, where blanks around it may go.  An object that comes where texts are expected is refused, or
        kept as JSON (`toolfan.wire.json_text`), never as Python shows it.
        """
        yield from self._shown_by_python()
        for text in OPEN:
            for name, sample, turn in self.made(lambda sample, text=text: with_argument_text(sample, text)):  # type: ignore[misc]
                if decoded(text) not in (came := [decoded(call.arguments) for call in turn.calls]):
                    yield f"{name}: {text!r} became {came}"
                if len(turn.calls) != len(sample.calls):
                    yield f"{name}: with {text!r} for arguments {len(turn.calls)} calls of {len(sample.calls)}"
        for text in CLOSED:
            for sample in self.answers():
                body = with_argument_text(sample, text)
                if body is None:
                    continue
                call = next(at for at, (_, given) in enumerate(sample.calls) if isinstance(given, dict) and given)
                turn = self.adapter.parse_response(body)
                if [one.arguments for one in turn.calls][call : call + 1] != [text]:
                    yield f"{sample.name}: {text!r} became {[one.arguments for one in turn.calls]}"

    def _shown_by_python(self) -> Iterator[str]:
        """Objects in place of the text of arguments that are written as Python writes them."""
        for sample in self.answers():
            if (body := with_argument_text(sample, PLAIN)) is None:
                continue
            try:
                turn = self.adapter.parse_response(body)
            except ProviderError:
                continue
            if any(str(PLAIN) in call.arguments for call in turn.calls):
                yield f"{sample.name}: the object {json.dumps(PLAIN)} for arguments became the text {str(PLAIN)!r}"
