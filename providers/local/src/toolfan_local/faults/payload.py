"""A play that answers well but for what the model says: other calls, or another body around them.

Knows calls and bodies as values; not which change is which fault.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolfan_local.faults.answers import SaidCall, good_calls
from toolfan_local.faults.stage import FORMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolfan_local.faults.asking import Asked
    from toolfan_local.faults.stage import Stage

JSON = dict[str, Any]
Calls = list[SaidCall]


def same(value: Any) -> Any:
    """No change."""
    return value


@dataclass(frozen=True)
class Payload:
    """`calls` changes the good calls, `body` the body of a chat completion, the others that of their dialect.

    `text` goes beside. Without tools there is nothing to change: then the answer is the good one.
    """

    calls: Callable[[Calls], Calls] = same
    body: Callable[[JSON], Any] = same
    google: Callable[[JSON], Any] = same
    responses: Callable[[JSON], Any] = same
    anthropic: Callable[[JSON], Any] = same
    bedrock: Callable[[JSON], Any] = same
    cohere: Callable[[JSON], Any] = same
    text: str | None = None

    def __call__(self, stage: Stage) -> None:
        """Answers with what `whole` makes."""
        stage.answer(self.whole(stage.asked))

    def whole(self, asked: Asked) -> Any:
        """The body of the answer."""
        good = good_calls(asked)
        made = FORMS[asked.dialect].body(asked, self.calls(good) if good else [], self.text)
        change: Callable[[JSON], Any] = getattr(self, "body" if asked.dialect == "openai" else asked.dialect)
        return change(made)


def first(change: Callable[[SaidCall], Any]) -> Callable[[Calls], Calls]:
    """A change of the first call, in place."""

    def changed(calls: Calls) -> Calls:
        change(calls[0])
        return calls

    return changed
