"""Laws of the calls in a history: their arguments go out with the values that they were given.

Knows: chat-style messages, `build_request`.  Must not know: the rest of a request, how it is sent.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from toolfan.errors import UsageError

from .argument_forms import readings, unlike
from .lawbook import law
from .laws_of_messages import IDS, RESULTS, LawsOfMessages, called, word
from .subject import USER
from .trees import in_order, same, text_of, values, words
from .variations import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolfan.adapter import JSON

_ODD = ' \t“Zürich” ☔ 天気 👍 e\u0301 \u00e9 \\n "x" </a>\r\n\n'
LETTERS = f"{_ODD} {'0123456789' * 120_000} toolfan {_ODD}"
"""Blanks at both ends, letters of all kinds, and more than anybody would cut in good faith."""
ABOVE_FLOATS = 2**53 + 1
FLAGS = [True, None, 0.5, ""]
_MISSING = "no value in the body, or in JSON there, is"
NO_JSON = '{"location": "toolfan-no-json'


def _call(arguments: str) -> JSON:
    """An assistant's message with this one call."""
    [call] = called(ids=IDS[:1])["tool_calls"]
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{**call, "function": {**call["function"], "arguments": arguments}}],
    }


class LawsOfEarlierCalls(LawsOfMessages):
    """What goes out of calls that were made."""

    @law
    def test_arguments_of_earlier_calls_go_out_whole(self) -> Iterator[str]:
        """The arguments of a call in the messages go out with all their values, exact: long texts, large integers.

        Their keys stay in their order, and each value stays what it is: 1 is not 1.0, true not "True", null not "".
        Of two calls with one id in a message both go out, or UsageError says that they cannot.
        What is no JSON object goes out as the model wrote it, or is refused with UsageError where the provider takes
        nothing but objects; an empty object in its place would tell the model that it wrote one.
        """
        given: dict[str, Any] = {"location": LETTERS, "more": {"count": ABOVE_FLOATS, "flags": FLAGS, "kinds": KINDS}}
        given |= {word(name): value for name, value in KINDS.items()}
        given |= {word("large"): ABOVE_FLOATS + 2, word("below"): -ABOVE_FLOATS}
        if word(IDS[0]) not in text_of(self.built(messages=(USER, called(ids=IDS[:1]), RESULTS[0])).body):
            return  # the law of messages tells that calls are missing
        found = [*values(self.built(messages=(USER, _call(json.dumps(given)), RESULTS[0])).body)]
        for wanted in (LETTERS, ABOVE_FLOATS, ABOVE_FLOATS + 2, FLAGS, KINDS):
            if not any(same(one, wanted) for one in found):
                yield f"{_MISSING} {wanted!r:.60}, a value in the arguments of an earlier call"
        yield from _altered(found, given)
        whole = [one for one in found if same(one, given)]
        if whole and in_order(given) not in map(in_order, whole):
            yield "the keys of the arguments of an earlier call go out in another order"
        named = {one for one in found if isinstance(one, str)}.union(*(one for one in found if isinstance(one, dict)))
        for name, value in KINDS.items():
            if word(name) not in named:
                yield f"no text or key in the body, or in JSON there, is {word(name)!r}, an argument that is {value!r}"
        yield from self._of_one_id()
        try:
            body = self.built(messages=(USER, _call(NO_JSON), RESULTS[0])).body
        except UsageError:
            return
        if not any(NO_JSON in text for text in words(body)):
            yield f"in no text of the body {NO_JSON!r} stands, the arguments of an earlier call that are no JSON"

    def _of_one_id(self) -> Iterator[str]:
        """What is lost of two calls in one message that have one id."""
        calls = called()["tool_calls"]
        twice = {**called(), "tool_calls": [{**call, "id": IDS[0]} for call in calls]}
        results = [{**result, "tool_call_id": IDS[0]} for result in RESULTS]
        try:
            said = text_of(self.built(messages=(USER, twice, *results)).body)
        except UsageError:
            return
        if gone := [one for one in (*map(word, IDS), word("result"), word("listed")) if one not in said]:
            yield (
                f"of two calls with one id in a message, or of their results, {', '.join(gone)} is left out: send "
                "both, or raise UsageError"
            )


def _altered(found: list[Any], given: dict[str, Any]) -> Iterator[str]:
    """Values that are others where arguments with these names stand, if there are none that say the same."""
    read = [(one, unlike(one, given)) for node in found for one in readings(node, given)]
    if read and all(names for _, names in read):
        one, names = min(read, key=lambda pair: len(pair[1]))
        for name in names:
            yield f"an argument of an earlier call that is {given[name]!r:.60} goes out as {one.given[name]!r:.60}"
