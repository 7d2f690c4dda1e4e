"""Laws of why an answer ended: the provider's word is read as what it means, and costs nothing of what was said.

Knows: what `variations` makes of samples.  Must not know: any provider's words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan.adapter import Turn
from toolfan.calls import StopReason
from toolfan.errors import IncompleteStream, ProviderError

from .lawbook import law
from .laws_of_claims import LawsOfClaims
from .variations import UNHEARD_OF, ended, with_stop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .samples import Sample


class LawsOfStops(LawsOfClaims):
    """What is read of why an answer ended."""

    @law
    def test_a_stop_that_nobody_knows_is_other(self) -> Iterator[str]:
        """A stop reason that the adapter does not know is of the kind "other", with the provider's word in `raw`.

        Providers add words; an answer that was cut for a new reason must not pass for a whole one.
        """
        found = 0
        for sample in self.answers():
            raw = self.adapter.parse_response(sample.body).stop.raw
            body = with_stop(sample, raw, UNHEARD_OF) if raw else None
            for way, read in self.both(body) if body is not None else ():
                found += 1
                try:
                    stop = read().stop
                except IncompleteStream:  # the word was also the sign of the end
                    continue
                if stop != StopReason("other", UNHEARD_OF):
                    yield f"{sample.name}, {way}: in place of {raw!r} it is read as {stop.kind!r}, raw {stop.raw!r}"
        if not found:
            yield "in no sample the word for why it ended (StopReason.raw) stands in its body"

    @law
    def test_no_stop_reason_costs_a_call(self) -> Iterator[str]:
        """All calls and texts come out, whatever the answer ended with: cut, blocked, done, or a word nobody knows.

        What is to become of them in such an answer is core's to say; a text may become the refusal.  The words are
        those of all samples.
        """
        words = {self.adapter.parse_response(sample.body).stop.raw for sample in self.answers()}
        for word in sorted({UNHEARD_OF, *filter(None, words)}):
            for sample in self.answers():
                body = self._ended(sample, word)
                for way, read in self.both(body) if body is not None else ():
                    try:
                        turn = read()
                    except IncompleteStream as exc:  # the word was also the sign of the end
                        turn = exc.turn or Turn()
                    if (count := len(turn.calls)) != (wanted := len(sample.calls)):
                        yield f"{sample.name}, {way}: ended with {word!r}: {count} calls of {wanted}"
                    if sample.text not in (turn.text, turn.refusal or ""):
                        yield f"{sample.name}, {way}: ended with {word!r}: of its text {turn.text!r:.80} is left"

    def _ended(self, sample: Sample, word: str) -> Any:
        """The body with this word for why it ended, where the adapter reads it; None if that is not found."""
        raw = self.adapter.parse_response(sample.body).stop.raw if sample.calls or sample.text else None
        for body in ended(sample, raw, word) if raw else ():
            try:
                if self.adapter.parse_response(body).stop.raw == word:
                    return body
            except ProviderError:
                continue
        return None
