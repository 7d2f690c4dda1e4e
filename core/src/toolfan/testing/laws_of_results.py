"""Laws of what tools returned: a result of any kind is told whole, a failure as one, and each of its own call.

Knows: `build_answer`.  Must not know: how calls are judged or run.
"""

from __future__ import annotations

import json
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

from toolfan.adapter import Answer
from toolfan.errors import UsageError

from .lawbook import law
from .laws_of_messages import IDS, RESULTS, called, word
from .laws_of_replies import LawsOfReplies, count_of, mark
from .subject import USER
from .trees import apart, at, contains, named_leaves, opened, places, same, says, values, words
from .variations import KINDS, with_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolfan.adapter import JSON, Turn

# What tools return.
RETURNED: list[Any] = [
    "",
    "text",
    {"a": [1, None]},
    {},
    KINDS,
    [1, "b"],
    [],
    7,
    0,
    1.5,
    True,
    False,
    None,
    "☔ \n",
    2**53 + 1,
]
LONG: list[Any] = ["0123456789" * 120_000, [*range(1000)], {"rows": [*range(1000)]}]
_NAMES = ("toolfan_z", "toolfan_a", "toolfan_m")


class LawsOfResults(LawsOfReplies):
    """What is told of calls that were run."""

    @law
    def test_answers_of_every_kind_can_be_given(self) -> Iterator[str]:
        """What a tool returned, of any JSON type, 0 and null too, is told as it is or as JSON; an error is told as one.

        Texts go as they are, all else as JSON: `toolfan.results.answer_text`.  The same content, once as a result and
        once as an error (`is_error`), gives two requests, unless the attribute `error_field` says that the provider
        has no field for it.  Of several calls each has its own: one that failed says nothing of another.
        """
        long = LONG  # once: it takes its time
        for name, turn in self.turns():
            yield from (f"{name}: {what}" for what in self._told_of_others(turn))
            before = [*values(self._told(turn, mark(turn.calls[0])))]
            for content in (*RETURNED, *long):
                try:
                    body, failed = self._told(turn, content), self._told(turn, content, is_error=True)
                except Exception as exc:  # noqa: BLE001 - it is what is told
                    yield f"{name}: {content!r:.60}: {type(exc).__name__}: {exc}"
                    continue
                more = count_of(values(body), content) - count_of(before, content)
                if content != "" and more < len(turn.calls):
                    yield f"{name}: {content!r:.60} is told whole neither as it is nor as JSON"
                if content and isinstance(content, str) and json.dumps(content)[1:-1] not in json.dumps(failed):
                    yield f"{name}: the error {content!r:.60} is not told whole"
                if same(body, failed) is self.error_field:
                    told = "alike" if self.error_field else "not alike"
                    yield f"{name}: error_field is {self.error_field}; {content!r:.60} is told {told} as an error"
            long = []

    def _told_of_others(self, turn: Turn) -> Iterator[str]:
        """Failures of one of two calls that are told of both, or of none, or of the other."""
        if not self.error_field or not turn.calls[1:]:
            return
        told: dict[tuple[bool, bool], Any] = {}
        for failed in product((False, True), (False, True)):
            answers = [Answer(call, word("result"), failed[min(at, 1)]) for at, call in enumerate(turn.calls)]
            told[failed] = self.adapter.build_answer(turn, answers)
        for one, other in combinations(told, 2):
            if same(told[one], told[other]):
                yield f"with is_error={one} of its calls it is told the same as with {other}"

    def _told(self, turn: Turn, content: Any, *, is_error: bool = False) -> Any:
        """The body of the request that tells this of each call.  Raises what the adapter raises."""
        answers = [Answer(call, content, is_error) for call in turn.calls]
        body = self.built(messages=(USER, *self.adapter.build_answer(turn, answers))).body
        json.dumps(body)
        return body

    @law
    def test_a_result_in_the_messages_is_no_error(self) -> Iterator[str]:
        """A chat-style result (`"role": "tool"`) goes out as what `build_answer` makes of a result, not of an error.

        Write both with one function, and set the field for errors only for what `build_answer` is told is one.
        """
        asked: list[tuple[JSON, ...]] = [(USER,), (USER, called(ids=IDS[:1]), RESULTS[0])]
        base, chat = ({*named_leaves(opened(self.built(messages=messages).body))} for messages in asked)
        for name, turn in self.turns():
            told = [self._told(turn, word("result"), is_error=is_error) for is_error in (False, True)]
            good, failed = ({*named_leaves(opened(body))} for body in told)
            if found := (failed - good) & (chat - base):
                yield f"{name}: in the messages a result goes out with {sorted(found)}, as an error does"

    @law
    def test_results_name_the_tool_that_was_called(self) -> Iterator[str]:
        """A result that names a tool names that of its call, in `build_answer` and in the messages of a request.

        Where a provider has no ids, the name tells which call was answered: with another's the model takes one result
        for the other.  Results that name no tool are as good, if none of them does.
        """
        for name, _, turn in self.made(lambda sample: with_names(sample, _NAMES)):
            told = self.adapter.build_answer(turn, [Answer(call, mark(call)) for call in turn.calls])
            yield from (f"{name}: {what}" for what in _misnamed(told, [(mark(one), one.name) for one in turn.calls]))
        tools = self.tools("Weather", "Empty")
        wire = self.wire_names(tools)
        [one], [other] = (called(name, [call_id])["tool_calls"] for name, call_id in zip(wire, IDS, strict=True))
        results = ({**RESULTS[0], "content": word("one")}, {**RESULTS[1], "content": word("other")})
        answered = [*zip((word("one"), word("other")), wire.values(), strict=True)]
        for order, given in (("in order", results), ("in another order", results[::-1])):
            body = self.built(tools, messages=(USER, {**called(), "tool_calls": [one, other]}, *given)).body
            yield from (f"in the messages, {order}: {what}" for what in _misnamed(body, answered))

    @law
    def test_answers_that_do_not_fit_are_refused(self) -> Iterator[str]:
        """Too few answers, one twice, or one to another call raise UsageError, or are put in order: none is lost.

        Compare the ids of the answers with those of `turn.calls` in `build_answer`; raise UsageError where they differ.
        """
        for name, turn in self.turns():
            full = [Answer(call, mark(call)) for call in turn.calls]
            for what, answers in (("one is missing", full[:-1]), ("one is there twice", [*full, full[0]])):
                try:
                    messages = self.adapter.build_answer(turn, answers)
                except UsageError:
                    continue
                yield f"{name}: {what}, and this was made: {messages!r:.200}"
            try:
                said = json.dumps(self.adapter.build_answer(turn, full[::-1]))
            except UsageError:
                continue
            at = [said.find(mark(call)) for call in turn.calls]
            if at != sorted(at):
                yield f"{name}: answers that came in another order are not in call order"

    @law
    def test_a_turn_without_calls_is_sent_back(self) -> Iterator[str]:
        """After a turn of text alone the model may be asked again: its turn, untouched, and no answer.

        Give `[turn.replay]`, as a message, from `build_answer` where there are no calls.
        """
        for sample in self.answers():
            if sample.text and not sample.calls:
                turn = self.adapter.parse_response(sample.body)
                messages = self.adapter.build_answer(turn, [])
                if not contains(messages, turn.replay):
                    yield f"{sample.name}: the turn as it came is not in {messages!r:.300}"
                self.built(messages=(USER, *messages, USER))


def _misnamed(told: Any, answered: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Results in what is told that name a tool, but not their own; each is given by its text, with its tool."""
    found = [places(told, says(text)) for text, _ in answered]
    if len(found) < 2 or not all(found):  # of which other laws tell
        return
    paths = apart([each[-1] for each in found])
    beside = [{one for one in (path[-1], *words(at(told, path))) if isinstance(one, str)} for path in paths]
    names = {name for _, name in answered}
    tell = any(0 < len(names & each) < len(names) for each in beside)  # where all are named, calls stand there as well
    for (_, own), said in zip(answered, beside, strict=True):
        if tell and own not in said:
            yield f"the result of {own!r} names {', '.join(map(repr, sorted(names & said))) or 'no tool'}"
