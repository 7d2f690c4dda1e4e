"""Laws of pieces: equal ones, those of two calls in turn, and text after a call are all read.

Knows: what `pieces` makes of the events of samples.  Must not know: any provider's field names, requests.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from operator import eq
from typing import TYPE_CHECKING, Any

from toolfan.errors import ProviderError
from toolfan.wire import well_formed

from .argument_forms import arguments_in
from .lawbook import LawNotAsked, law
from .laws_of_reading import decoded
from .laws_of_streams import LawsOfStreams
from .pieces import at_the_end, in_turn, later, run_of, run_of_pairs, together, told, with_pieces
from .trees import same, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .pieces import Run
    from .samples import Sample

    Events = Sequence[Mapping[str, Any]]


HALVES = ("\ud83d", "\ude00\ud83d", "\ude00")
# Equal ones; such that part what a backslash escapes from it, between braces in a text; halves of a character.
GIVEN = (
    ('{"text": "', "00", '"}'),
    ('{"text": "\\', '"}\\', '"}"}'),
    ('{"text": "\ud83d', "\ude00\ud83d", '\ude00"}'),
)


class LawsOfPieces(LawsOfStreams):
    """What is read from pieces that are made up."""

    @law
    def test_equal_pieces_are_all_read(self) -> Iterator[str]:
        """A piece that is equal to the one before it is a piece: "ha", "ha" is "haha", and 00, 00 is 0000.

        Models repeat themselves.  Do not skip an event because it says what the last one said.  Pieces may be parted
        anywhere, behind a backslash or between the two halves of an emoji: read them together, as `CallAssembler` does.
        """
        for name, sample, events in self._streamed():
            if (run := _run_of_text(sample, events)) is not None:
                yield from self._said(name, sample, run, events)
            for number, run in enumerate(_runs_of_calls(sample, events)):
                if run is not None:
                    yield from self._given(name, sample, number, run, events)

    def _said(self, name: str, sample: Sample, run: Run, events: Events) -> Iterator[str]:
        """Equal pieces of text that are not read."""
        for pieces in (["ha"] * 3, HALVES):
            made = with_pieces(events, run, *pieces)
            if made is None:
                return
            whole = made[1]
            found = self.read(told(made[0], partial(eq, sample.text), lambda _, whole=whole: whole)).text  # type: ignore[misc]
            if found != well_formed(whole):
                yield f"{name}: the text came in pieces as {whole!r}, and was read as {found!r:.100}"

    def _given(self, name: str, sample: Sample, number: int, run: Run, events: Events) -> Iterator[str]:
        """Equal pieces of arguments that are not read."""
        _, given = sample.calls[number]
        for pieces in GIVEN:
            made = with_pieces(events, run, *pieces)
            if made is None:
                return
            whole = made[1]
            calls = self.read(
                told(
                    made[0],
                    lambda node: _means(node, given),
                    lambda old, whole=whole: whole if isinstance(old, str) else decoded(whole),  # type: ignore[misc]
                )
            ).calls
            found = calls[number].arguments if number < len(calls) else "nothing"
            if text_of(decoded(found)) != text_of(decoded(whole)):
                yield f"{name}: arguments came in pieces as {whole!a}, and were read as {found!a:.100}"

    @law
    def test_pieces_in_turn_are_told_apart(self) -> Iterator[str]:
        """Pieces of two calls that come in turn belong each to its call, by its index or id; text may come later, too.

        Where the pieces of a call say which one they are of, look at that, and not at which one began last.  An event
        with a list of calls may have several, and the last one, if it has an empty text, a piece of it.  What a
        provider never sends may be refused with a ProviderError, but not be read as something else.
        """
        asked, unknown = False, ""
        for name, sample, events in self._streamed():
            calls = _runs_of_calls(sample, events)
            couples = [(one, other) for one, other in pairwise(calls) if one and other]
            asked |= bool(couples)
            unknown = unknown or (name if _in_other_pieces(sample, events, calls) else "")
            text = _run_of_text(sample, events)
            turned = [in_turn(events, one, other) for one, other in couples]
            turned.append(together(events, sample))
            turned.append(at_the_end(events, text) if text else None)
            turned += [later(events, text, calls[0].events[-1])] if text and calls and calls[0] else []
            for made in filter(None, turned):
                try:
                    turn = self.read(made)
                except ProviderError:
                    continue
                if [decoded(call.arguments) for call in turn.calls] != [given for _, given in sample.calls]:
                    given = [call.arguments for call in turn.calls]
                    yield f"{name}: with pieces of calls in turn, or two calls in one event, the arguments are {given}"
                if turn.text != sample.text:
                    yield f"{name}: with a piece of text later, the text is {turn.text!r:.100}"
        if unknown and not asked:
            raise LawNotAsked(
                f"the pieces of calls in {unknown!r} are not known: the law knows JSON text in pieces, and events that "
                "have a name and a value each, of two calls in one sample with two arguments or more that differ"
            )

    def _streamed(self) -> Iterator[tuple[str, Sample, Events]]:
        """Name, sample and events of every stream."""
        for sample in self.answers() if self.adapter.capabilities.streaming else ():
            for how, events in (("", self.events(sample)), (" (events_of)", self.made_of(sample.body))):
                if events is not None:
                    yield f"{sample.name}{how}", sample, events


def _means(node: Any, given: Any) -> bool:
    """Whether it is these arguments, or their JSON text."""
    return same(decoded(node) if isinstance(node, str) else node, given)


def _run_of_text(sample: Sample, events: Events) -> Run | None:
    return run_of(events, partial(eq, sample.text)) if sample.text else None


def _runs_of_calls(sample: Sample, events: Events) -> list[Run | None]:
    """The pieces of the arguments of each call; None where they do not come in pieces, or others say the same."""
    every = [given for _, given in sample.calls]
    found: list[Run | None] = []
    for given in every:
        begun = max((run.events[-1] + 1 for run in found if run), default=0)
        run = None
        if _can_be_told(given, every):
            run = run_of(events, lambda said, given=given: _means(said, given))  # type: ignore[misc]
            run = run or run_of_pairs(events, given, begun)
        found.append(run)
    return found


def _can_be_told(given: Any, every: Sequence[Any]) -> bool:
    """Whether these are arguments, and no other call's."""
    return isinstance(given, dict) and bool(given) and every.count(given) == 1


def _in_other_pieces(sample: Sample, events: Events, runs: Sequence[Run | None]) -> bool:
    """Whether there are several calls, of which one comes neither in pieces that are known nor whole."""
    every = [given for _, given in sample.calls]
    return len(every) > 1 and any(
        run is None and _can_be_told(given, every) and not any(arguments_in(event, given) for event in events)
        for given, run in zip(every, runs, strict=True)
    )
