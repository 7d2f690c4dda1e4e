"""Laws of whole answers: what a body says comes out, and nothing else.

Knows: `parse_response`.  Must not know: streams, requests.
"""

from __future__ import annotations

import copy
import json
import pickle
import re
from typing import TYPE_CHECKING, Any

from toolfan.adapter import RawCall, Turn
from toolfan.calls import StopReason, Usage
from toolfan.errors import BadResponse, IncompleteStream, ProviderError, ToolfanError

from .lawbook import law
from .subject import Subject
from .trees import at, changed, places, same
from .variations import UNHEARD_OF, with_ids, with_more

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from .samples import Sample
    from .trees import Path

WORDS = "toolfan: so says the provider"
# No order of ids is that of the calls.
FALLING = ["toolfan_z", "toolfan_a"]
# What services call that by which a program tells an error.
CODES = ("code", "kind", "status", "type")
# What says that it is one at all.
SIGNS = frozenset({"error", "errored", "failed", "failure", "fault", "exception"})


EXCEPTED = " (if it alone says that this is an error, name this law in `broken_laws`)"


def _parts(word: str) -> set[str]:
    """The words of `snake_case`, `camelCase` and `dotted.names`."""
    return {part.lower() for part in re.findall(r"[A-Z]*[a-z]+|[A-Z]+", word)}


def _has_text(tree: Any, path: Path) -> bool:
    try:
        return isinstance(at(tree, path), str)
    except (KeyError, IndexError, TypeError):
        return False


def decoded(text: str) -> Any:
    """The value of JSON text, or the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def ill_formed(turn: Any) -> Iterator[str]:
    """What is wrong with a turn, whatever it says."""
    if not isinstance(turn, Turn):
        yield f"it is a {type(turn).__name__}, not a Turn"
        return
    if not (isinstance(turn.text, str) and isinstance(turn.stop, StopReason) and isinstance(turn.usage, Usage)):
        yield "its text, stop or usage is of another type than the protocol says"
    yield from ill_formed_calls(turn.calls)


def ill_formed_calls(calls: Sequence[Any]) -> Iterator[str]:
    """What is wrong with the fields of calls."""
    for call in calls:
        fields = (call.id, call.name, call.arguments) if isinstance(call, RawCall) else ()
        if not fields or not all(isinstance(text, str) for text in fields):
            yield f"{call!r:.200} is no RawCall of texts"
        elif not call.id:
            yield f"call {call.index} has an empty id"
    ids = [call.id for call in calls if isinstance(call, RawCall)]
    if len(set(ids)) != len(ids):
        yield f"two of its calls have one id: {ids}"


class LawsOfReading(Subject):
    """What is read from a whole answer."""

    def differences(self, sample: Sample, turn: Turn) -> Iterator[str]:
        """Where the turn does not say what the sample says."""
        told: list[tuple[str, Any, Any]] = [
            ("calls", [list(call) for call in sample.calls], [[c.name, decoded(c.arguments)] for c in turn.calls]),
            ("text", sample.text, turn.text),
            ("stop", sample.stop, turn.stop.kind),
            ("refusal", sample.refusal, turn.refusal),
        ]
        if sample.ids:
            told.append(("provider ids", list(sample.ids), [call.provider_id for call in turn.calls]))
        for what, wanted, found in told:
            if not same(wanted, found):
                yield f"{sample.name}: {what}: {found!r}, the sample says {wanted!r}"
        if sample.usage is not None and sample.usage != turn.usage:
            yield f"{sample.name}: usage: {turn.usage}, the sample says {sample.usage}"

    @law
    def test_the_samples_show_what_the_laws_need(self) -> Iterator[str]:
        """The other laws are proved on the samples; without these kinds of them they would prove little.

        Add samples (recorded answers are the best) to `samples`, and errors to `errors`.  That a service counts no
        tokens `usage=Usage()` of a sample says, and proves.
        """
        kinds = {
            "two or more calls in one answer": any(len(sample.calls) > 1 for sample in self.samples),
            "text and no call": any(sample.text and not sample.calls for sample in self.samples),
            "text beside calls": any(sample.text and sample.calls for sample in self.samples),
            'an answer that was cut (stop="length")': any(sample.stop == "length" for sample in self.samples),
            "the provider's usage (where it counts no tokens: `usage=Usage()`)": any(
                sample.usage for sample in self.samples
            ),
            "an error inside an answer (ErrorSample.body)": any(error.body is not None for error in self.errors),
        }
        if self.adapter.capabilities.streaming:
            streamed = [sample for sample in self.samples if self.events(sample) is not None]
            kinds["events of an answer with two or more calls"] = any(len(sample.calls) > 1 for sample in streamed)
            kinds["events of an answer with text"] = any(sample.text for sample in streamed)
            kinds["an error in a stream (ErrorSample.events)"] = any(error.events for error in self.errors)
        if self.adapter.capabilities.call_ids:
            kinds["ids of calls"] = any(any(sample.ids) for sample in self.samples)
        yield from (f"there is no sample of {kind}" for kind, given in kinds.items() if not given)

    @law
    def test_an_answer_says_what_its_sample_says(self) -> Iterator[str]:
        """`parse_response(body)` gives the calls, text, stop reason, refusal and usage that the sample names.

        Every call comes out, in the order in which they came, whatever their ids, with the name and the arguments as
        they came: the adapter neither maps names back nor drops a call because of the stop reason.  Providers add
        fields: one that nobody knows, in the body or in a call, costs nothing.  Mend `parse_response`, or the sample.
        """
        for sample in self.answers():
            yield from self.differences(sample, self.adapter.parse_response(sample.body))
            more = {**sample.body, UNHEARD_OF: {UNHEARD_OF: [None]}}
            bodies = [("a field of the body", more), *with_more(sample, UNHEARD_OF)]
            for where, body in bodies:
                if where.startswith("a field"):
                    yield from self._refused(f"{sample.name}, with {where} that nobody knows", sample, body)

        for name, _, turn in self.made(lambda sample: with_ids(sample, FALLING)):
            if (ids := [call.provider_id for call in turn.calls][:2]) == FALLING[::-1]:
                yield f"{name}: calls that came with the ids {FALLING} come out as {ids}: not as they came"

    def _refused(self, name: str, sample: Sample, body: Any) -> Iterator[str]:
        """What is lost of an answer in which there is one field more."""
        try:
            turn = self.adapter.parse_response(body)
        except ToolfanError as exc:
            yield f"{name}: {type(exc).__name__}: {exc}"
        else:
            if len(turn.calls) < len(sample.calls) or turn.text != sample.text:
                yield f"{name}: {len(turn.calls)} calls of {len(sample.calls)}, and the text {turn.text!r:.80}"

    @law
    def test_a_turn_is_well_formed(self) -> Iterator[str]:
        """Indices count from 0, ids are unique and not empty, arguments are JSON text; `toolfan.assembly` sees to it.

        Make the calls with `assembly.seal` or `assembly.CallAssembler`.
        """
        for sample in self.answers():
            turn = self.adapter.parse_response(sample.body)
            yield from (f"{sample.name}: {what}" for what in ill_formed(turn))
            if [call.index for call in turn.calls] != list(range(len(turn.calls))):
                yield f"{sample.name}: the indices of its calls are {[call.index for call in turn.calls]}"

    @law
    def test_reading_changes_nothing(self) -> Iterator[str]:
        """`parse_response` is a function: the body stays as it came, and reading it twice gives the same turn.

        Copy before you change; keep nothing in the adapter between two answers.
        """
        for sample in self.answers():
            body = copy.deepcopy(sample.body)
            first, second = self.adapter.parse_response(body), self.adapter.parse_response(body)
            if not same(body, sample.body):
                yield f"{sample.name}: the body was changed"
            if first != second:
                yield f"{sample.name}: read again it says something else"

    @law
    def test_a_turn_can_be_pickled(self) -> Iterator[str]:
        """A turn is plain frozen data, so that results can be stored and sent to other processes.

        Put no object of the SDK, no generator and no lock into a turn; `replay` is plain JSON.
        """
        for sample in self.answers():
            turn = self.adapter.parse_response(sample.body)
            if pickle.loads(pickle.dumps(turn)) != turn:
                yield f"{sample.name}: the turn is another one after pickling"
            json.dumps(turn.replay)

    @law
    def test_an_error_in_an_answer_is_raised(self) -> Iterator[str]:
        """An error that the provider sends inside an answer becomes the ProviderError that the sample names.

        Let `toolfan.translation.error_from_body` or `error_from_status` make it; the error says what the provider says,
        names the adapter, and pickles; one whose code nobody knows is raised, too.  Calls that stand beside an error do
        not make it an answer.
        """
        for error in self.errors:
            if error.body is None:
                continue
            beside = [{**sample.body, **error.body} for sample in self.answers() if sample.calls]
            for body in (error.body, *beside):
                try:
                    turn = self.adapter.parse_response(body)
                except ToolfanError as exc:
                    yield from self.misnamed(error.name, exc, error.error)
                else:
                    yield f"{error.name}: no error, but a turn: {turn!r:.200}"
            good = [sample.body for sample in self.answers()]
            yield from self.unsaid(error.name, error.body, self.adapter.parse_response, good)

    def unsaid(
        self, name: str, said: Mapping[str, Any], read: Callable[[Mapping[str, Any]], Turn], good: Sequence[Any]
    ) -> Iterator[str]:
        """That what is called a message in an error (or, where nothing is, any of its texts) does not show.

        Those by which its class is told need not; but a code that nobody knows is one of an error: if the word for it
        does not say that it is one, and what is `good` has no text at its place.
        """
        shown: list[bool] = []
        kind: type[ToolfanError] | None = None
        every = places(said, lambda node: isinstance(node, str))
        for path in (None, *([path for path in every if str(path[-1]).lower() == "message"] or every)):
            try:
                read(said if path is None else changed(said, path, WORDS))
            except ToolfanError as exc:
                kind = kind or type(exc)
                shown += [WORDS in str(exc)] if path is not None and type(exc) is kind else []
        for path in (path for path in every if len(path) > 1 and str(path[-1]).lower() in CODES):
            if SIGNS & _parts(at(said, path)) or any(_has_text(one, path) for one in good):
                continue
            try:
                turn = read(changed(said, path, UNHEARD_OF))
            except IncompleteStream as exc:
                yield f"{name}: with {UNHEARD_OF!r} for its {path[-1]} it is passed over, and then {exc}{EXCEPTED}"
            except ToolfanError:
                continue
            else:
                yield f"{name}: with {UNHEARD_OF!r} for its {path[-1]} it is no error, but {turn!r:.200}{EXCEPTED}"
        if shown and not any(shown):
            yield f"{name}: what the provider says of the error, be it {WORDS!r}, is not in the error"

    def misnamed(self, name: str, exc: ToolfanError, wanted: type[ProviderError]) -> Iterator[str]:
        """What is wrong with an error that was raised for a sample."""
        if type(exc) is not wanted:
            yield f"{name}: {type(exc).__name__} instead of {wanted.__name__}: {exc}"
        if exc.adapter != self.adapter.name:
            yield f"{name}: the error names the adapter {exc.adapter!r}"
        if pickle.loads(pickle.dumps(exc)) != exc:
            yield f"{name}: the error is another one after pickling"

    @law
    def test_what_is_no_answer_is_a_bad_response(self) -> Iterator[str]:
        """A body of another shape (a proxy's, another service's) raises BadResponse, never TypeError or KeyError.

        Look at the type of what you read before you read on.
        """
        bodies: list[Any] = [{}, [], None, "", "<html>", 0, True, [{}], {"hello": "world"}]
        for body in bodies:
            try:
                given: Mapping[str, Any] = body
                turn = self.adapter.parse_response(given)
            except BadResponse:
                continue
            except Exception as exc:  # noqa: BLE001 - it is what is told
                yield f"{body!r}: {type(exc).__name__} instead of BadResponse: {exc}"
            else:
                yield f"{body!r} was read as {turn!r:.200}"
