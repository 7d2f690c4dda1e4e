"""Laws of what is told to the model about its calls: each is answered once, and its own turn comes back untouched.

Knows: `build_answer`.  Must not know: how calls are judged or run.
"""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from toolfan.adapter import Answer
from toolfan.errors import ProviderError, UsageError
from toolfan.wire import well_formed

from .flat_answers import beside_calls, is_signature, is_thought
from .lawbook import LawNotAsked, law
from .laws_of_messages import IDS
from .laws_of_pieces import LawsOfPieces
from .laws_of_requests import LawsOfRequests
from .subject import USER
from .trees import (
    apart,
    at,
    changed_everywhere,
    contains,
    earlier,
    nodes,
    place,
    places,
    same,
    says,
    texts,
    turned_round,
    values,
    words,
)
from .variations import MANY, UNHEARD_OF, turn_of, with_ids, with_many_calls, with_more, with_names, with_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from toolfan.adapter import JSON, Message, RawCall, Turn

    from .samples import Sample
    from .trees import Path


_ODD_IDS: tuple[list[str | None], ...] = (["", ""], ["same", "same"], [None, None], ["", "x"], ["x", None])
BLANK = " \n\ttoolfan  text \n"
# A single word, a time, JSON text.
_NOT_FREE = re.compile(r"[A-Za-z][A-Za-z_.:/-]{0,39}\Z|\d{4}-\d\d-\d\dT|\s*[\[{]")


def mark(call: RawCall) -> str:
    """A content that shows which call it answers."""
    return f"toolfan-answer-{call.index}-end"


def marks(told: Any) -> list[str]:
    """The marks in what is told, in order."""
    return re.findall(r"toolfan-answer-\d+-end", json.dumps(told))


class LawsOfReplies(LawsOfPieces, LawsOfRequests):
    """What follows on an answer."""

    def turns(self) -> Iterator[tuple[str, Turn]]:
        """The turns of the samples that have calls, whole and streamed."""
        for sample in self.answers():
            if sample.calls:
                yield sample.name, self.adapter.parse_response(sample.body)
        for name, _, events in self.streams():
            if (turn := self.read(events)).calls:
                yield f"{name}, streamed", turn

    @law
    def test_every_call_is_answered_once_in_order(self) -> Iterator[str]:
        """`build_answer` has one answer for each call, in call order, with the provider's id of the call.

        A provider refuses a turn with a call that is not answered.  Also thousands of calls are answered, and those
        whose ids or names are in no order; errors stand where their calls stand.
        """
        for name, turn in (*self.turns(), *self._more_turns()):
            wanted = [mark(call) for call in turn.calls]
            answers = [Answer(call, mark(call), is_error=call.index % 2 == 0) for call in turn.calls]
            found = marks(self.adapter.build_answer(turn, answers))
            if sorted(found) != sorted(wanted):
                lost = [one for one in wanted if one not in found]
                yield f"{name}: {len(wanted)} calls are answered {len(found)} times; not answered: {lost[:5]}"
            elif found != wanted:
                yield f"{name}: the answers are not in call order"

    def _more_turns(self) -> Iterator[tuple[str, Turn]]:
        """Turns of answers that are made up: ids in no order, names in no order, many calls."""
        for name, _, turn in self.made(lambda sample: with_ids(sample, ["toolfan_z", "toolfan_a"])):
            yield f"{name}, ids in no order", turn
        for name, _, turn in self.made(lambda sample: with_names(sample, ["toolfan_z", "toolfan_a", "toolfan_z"])):
            yield f"{name}, calls of two tools", turn
        for name, _, turn in self.made(lambda sample: with_many_calls(sample, MANY), most=1):
            yield f"{name}, many calls", turn

    @law
    def test_answers_bear_the_ids_of_their_calls(self) -> Iterator[str]:
        """Where a provider has ids (`call_ids`), each answer names the id of its call, as it stands in the turn.

        It stands with the content of this answer: under another's id the model would read the result of another call.
        So do long ids, and those of upper and lower case.  And it stands in the turn that goes back before the answer,
        also where ids came twice, or some without one: `call.id`, which is no other call's, then takes their place in
        the turn, too (`toolfan.results.with_ids`).  Without ids an answer names none, for they would be toolfan's: it
        says which call it is of by its place, or a number.
        """
        if not self.adapter.capabilities.call_ids:
            for name, turn in self.turns():
                yield from (f"{name}: {what}" for what in self._unheard(turn))
            return
        made = ((f"{name}, long ids", turn) for name, _, turn in self.made(lambda sample: with_ids(sample, IDS)))
        read = [(name, turn) for name, turn in made if [call.provider_id for call in turn.calls] == [*IDS]]
        for name, turn in (*self.turns(), *read):
            messages = self.adapter.build_answer(turn, [Answer(call, mark(call)) for call in turn.calls])
            for call in turn.calls:
                given = call.provider_id
                if given and words(messages).count(given) <= words(turn.replay).count(given):
                    yield f"{name}: the answer to {given!r} does not name it"
            yield from (f"{name}: {what}" for what in self._mistaken(turn, messages))
        for ids in _ODD_IDS:
            for name, _, turn in self.made(lambda sample, ids=ids: with_ids(sample, ids)):  # type: ignore[misc]
                yield from (f"{name}, ids {ids}: {what}" for what in self._unheard(turn))

    def _unheard(self, turn: Turn) -> Iterator[str]:
        """Answers whose ids stand nowhere in the turn, or that bear the same one."""
        messages = self._answered(turn)
        found = [places(messages, says(mark(call))) for call in turn.calls]
        if len(found) < 2 or not all(found):  # of which another law tells
            return
        paths = apart([paths[-1] for paths in found])
        back = set(words(changed_everywhere(messages, paths, None)))
        told = [{one for one in (path[-1], *words(at(messages, path))) if isinstance(one, str)} for path in paths]
        other = {call.name for call in turn.calls}  # what tells answers apart, and is no id
        for call, said in zip(turn.calls, told, strict=True):
            others = other.union(*(one for one in told if one is not said))
            own = sorted(one for one in said - others if mark(call) not in one)
            if own and back.isdisjoint(own):
                yield f"an answer names {', '.join(map(repr, own))}, and the turn that is sent back names no such call"
            elif not own and sum(one.provider_id == call.provider_id for one in turn.calls if call.provider_id) > 1:
                yield f"answers to two calls both name {call.provider_id!r}"

    def _mistaken(self, turn: Turn, messages: list[Message]) -> Iterator[str]:
        """Answers with the id of another call."""
        found = [places(messages, says(mark(call))) for call in turn.calls]
        if len(found) < 2 or not all(found):
            return
        ids = [call.provider_id for call in turn.calls]
        for call, path in zip(turn.calls, apart([paths[-1] for paths in found]), strict=True):
            beside = [path[-1], *words(at(messages, path))]
            named = [one for one in ids if one and one in beside]
            if named and call.provider_id not in named:
                yield f"the answer to {call.provider_id!r} names {', '.join(map(repr, named))}"

    @law
    def test_the_turn_is_sent_back_untouched(self) -> Iterator[str]:
        """The provider's own assistant turn (`turn.replay`) is in the messages as it came, and is not changed.

        It carries signatures that the provider checks.  Put into `replay` all that came, not only what you read, in the
        order in which it came: thoughts too, and the blanks at the ends of a text.  Where it stands beside the id and
        the model of the answer, the names of fields say what is a thought: thoughts, thinking, reasoning, rationale,
        signature.
        """
        for name, turn in self.turns():
            kept = copy.deepcopy(turn)
            messages = self.adapter.build_answer(turn, [Answer(call, mark(call)) for call in turn.calls])
            if not turn.replay:
                yield f"{name}: the turn has no replay"
            elif not contains(messages, kept.replay):
                yield f"{name}: the turn as it came is not in {messages!r:.300}"
            if turn != kept:
                yield f"{name}: the turn was changed"
        for sample in self.answers():
            if sample.calls:
                yield from (f"{sample.name}: {what}" for what in self._forgotten(sample))
        for name, sample, turn in self.made(lambda sample: with_text(sample, BLANK)):
            if sample.calls and BLANK not in "\n".join(texts([*values(self._answered(turn))])):
                yield f"{name}: if its text is {BLANK!r}, it is not sent back so"
        unknown = [f"{sample.name}: {text!r:.60}" for sample in self.answers() for text in self._dropped(sample, False)]
        if unknown:
            raise LawNotAsked(f"{unknown[0]} is not sent back, and no name of a field says whether it is the model's")

    def _forgotten(self, sample: Sample) -> Iterator[str]:
        """What of a sample's turn, and of more that is put into it, is not sent back."""
        if sample.text and sample.text in texts(sample.body) and sample.text not in self._sent_back(sample.body):
            yield f"its text, {sample.text[:40]!r}, is not sent back"
        lost = (*self._lost(sample), *self._dropped(sample, True))
        yield from (f"{one[:60]!r}, which came with the calls, is not sent back" for one in lost)
        if turned := turned_round(sample.body, self.adapter.parse_response(sample.body).replay):
            yield f"{turned[0]!r:.40} came before {turned[1]!r:.40}, and is sent back after it"
        for where, body in with_more(sample, UNHEARD_OF):
            try:
                said = self._sent_back(body)
            except ProviderError:  # what an adapter refuses it does not forget
                continue
            if UNHEARD_OF not in said:
                yield f"{where} that nobody knows is not sent back"

    def _lost(self, sample: Sample) -> Iterator[str]:
        """Texts that stand with the calls, and are not sent back: thoughts, signatures.

        Single words (`robot`, `tool_call`) and times say what something is: requests may say that otherwise.  Arguments
        may go back in another form, which laws of their own are about; so may other JSON text.
        """
        body, turn = sample.body, self.adapter.parse_response(sample.body)
        said = "\n".join(words(self._answered(turn)))
        about, given = {turn.model, turn.response_id, turn.stop.raw}, {*words([one for _, one in sample.calls])}
        for where in {turn_of(one) for one in self.answers()} - {None}:
            with suppress(KeyError, IndexError, TypeError):
                held = texts(at(body, where or ()))
                if isinstance(at(body, where or ()), dict) and not about.isdisjoint(held):
                    continue  # the whole answer, in an envelope
                free = [one for one in held if one not in given and not _NOT_FREE.match(one)]
                yield from (one for one in free if well_formed(one.strip()) not in said)

    def _dropped(self, sample: Sample, thought: bool) -> Iterator[str]:
        """Texts beside the calls in an answer that is one object: its thoughts, or all else, that are not sent back."""
        if not sample.calls:
            return
        turn = self.adapter.parse_response(sample.body)
        said, about = "\n".join(words(self._answered(turn))), {turn.model, turn.response_id, turn.stop.raw}
        for path, text in beside_calls(sample, self.answers(), about):
            free = not _NOT_FREE.match(text) or is_signature(path)
            known = text in {sample.text, *about} or is_thought(path) is not thought
            if free and not known and well_formed(text.strip()) not in said:
                yield text

    def _sent_back(self, body: Any) -> str:
        """All texts in the messages that answer this body, one after the other."""
        return "\n".join(texts([*values(self._answered(self.adapter.parse_response(body)))]))

    def _answered(self, turn: Turn) -> list[Message]:
        return self.adapter.build_answer(turn, [Answer(call, mark(call)) for call in turn.calls])

    @law
    def test_a_conversation_goes_on(self) -> Iterator[str]:
        """The messages of `build_answer` are messages of the next request, and go out with it untouched.

        First what the user said, then the turn as it came, then its answers.  What nobody knows in the turn stays, too:
        pass messages of the provider's own as they are, be they of one round of calls or of several.
        """
        for name, turn in (*self.turns(), *self._unheard_of()):
            messages = self.adapter.build_answer(turn, [Answer(call, mark(call)) for call in turn.calls])
            body = self.built(messages=(USER, *messages, {"role": "user", "content": "toolfan-next"})).body
            said = json.dumps(body)
            wanted = ["toolfan-user-text", *map(mark, turn.calls), "toolfan-next"]
            found = [places(body, says(word))[:1] for word in wanted]
            if any(said.count(word) != 1 for word in wanted) or not self._in_order(*found):
                yield f"{name}: messages and answers are not there once and in order: {said[:400]}"
            elif (own := place(body, turn.replay)) is not None:
                said_at = [
                    path for path, node in nodes(body) if isinstance(node, str) and any(w in node for w in wanted)
                ]
                order = [path for path, _ in nodes(body) if path == own or path in said_at]
                if order[1:2] != [own]:
                    yield f"{name}: the turn does not stand between the question and its answers: {said[:400]}"
            if contains(messages, turn.replay) and not contains(body, turn.replay):
                yield f"{name}: the turn as it came is not in the next request"
            yield from (f"{name}: {what}" for what in self._repeated(turn, messages, body))

    def _repeated(self, turn: Turn, messages: list[Message], body: JSON) -> Iterator[str]:
        """What is lost of a round once a second one, of the very same turn, follows on it."""
        again = self.adapter.build_answer(turn, [Answer(call, f"again-{mark(call)}") for call in turn.calls])
        try:
            more = self.built(messages=(USER, *messages, {"role": "user", "content": "toolfan-next"}, *again)).body
        except UsageError:  # two calls of one id, which are none of any provider's
            return
        if lost := sorted(
            {*map(mark, turn.calls)} - {one for one, count in Counter(marks(more)).items() if count == 2}
        ):
            yield f"of two rounds of calls, these answers are not there once each: {lost[:5]}"
        if count_of(values(more), turn.replay) < 2 * count_of(values(body), turn.replay):
            yield "of two rounds of calls the turn, as it came, is not there twice"

    def _unheard_of(self) -> Iterator[tuple[str, Turn]]:
        """Turns in whose calls, and beside them, stands what nobody knows."""
        for sample in self.answers():
            for where, body in with_more(sample, UNHEARD_OF) if sample.calls else ():
                try:
                    yield f"{sample.name}, with {where} that nobody knows", self.adapter.parse_response(body)
                except ProviderError:
                    continue

    def _in_order(self, asked: list[Path], *found: list[Path]) -> bool:
        """Whether the question stands before all answers, and what is said next after them."""
        *answers, following = found
        return all(earlier(asked[0], one[0]) and earlier(one[0], following[0]) for one in answers)


def count_of(found: Iterable[Any], wanted: Any) -> int:
    """How often this value is among them."""
    return sum(same(one, wanted) for one in found)
