"""Plays that change a stream: its events, or the bytes that they are framed in.

To a request for a whole answer they give the good one.

Knows events as values; not which change is which fault.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolfan_local.faults.answers import good_calls, written
from toolfan_local.faults.payload import same
from toolfan_local.faults.stage import FORMS, SSE_TYPE, framed

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolfan_local.faults.asking import Asked
    from toolfan_local.faults.payload import Calls
    from toolfan_local.faults.stage import Stage

Events = list[Any]


def unchanged(_: Asked, events: Events) -> Events:
    """No change."""
    return events


@dataclass(frozen=True)
class Streaming:
    """`change` makes other events of the good ones; without `done` the stream ends without the sign of its end."""

    change: Callable[[Asked, Events], Events] = unchanged
    done: bool = True
    calls: Callable[[Calls], Calls] = same
    content_type: str | None = None

    def __call__(self, stage: Stage) -> None:
        """Streams the changed events."""
        if not stage.asked.stream:
            return stage.good()
        return stage.send(stage.framed(self.events(stage.asked), done=self.done), self.content_type)

    def events(self, asked: Asked) -> Events:
        """The events of the answer."""
        return self.change(asked, good_events(asked, self.calls))


@dataclass(frozen=True)
class Frames:
    """The good stream before it is framed: the texts of its events, the sign of the end among them.

    `form` is the module of the dialect's form, `second` the place of the first event after the first call, `last` that
    of the last event with a piece of a call.
    """

    texts: tuple[str, ...]
    second: int
    last: int
    form: Any

    def framed(self, text: str) -> bytes:
        """One event, well framed."""
        return framed(text, self.form.LINE_END)

    def all(self) -> list[bytes]:
        """Every event, well framed."""
        return [self.framed(text) for text in self.texts]


@dataclass(frozen=True)
class Framing:
    """`frame` makes the pieces of the stream. A stream that is asked for as a JSON array is the good one."""

    frame: Callable[[Frames], list[bytes]]
    calls: Callable[[Calls], Calls] = same

    def __call__(self, stage: Stage) -> None:
        """Streams the pieces, each as a chunk of the HTTP body."""
        if stage.asked.framing != "sse":
            return stage.good()
        events = good_events(stage.asked, self.calls)
        texts = [written(event) for event in events] + ([stage.form.DONE] if stage.form.DONE else [])
        frames = Frames(tuple(texts), after_first_call(stage.form, events), stage.last_call(events), stage.form)
        return stage.wire.stream(self.frame(frames), stage.fields(SSE_TYPE))


def good_events(asked: Asked, calls: Callable[[Calls], Calls] = same) -> Events:
    """The events of the good answer, or of one with other calls."""
    form, good = FORMS[asked.dialect], good_calls(asked)
    return list(form.events(asked, form.body(asked, calls(good) if good else [])))


def after_first_call(form: Any, events: Events) -> int:
    """The place of the first event after the first call; after the last piece of it when there is no other call."""
    places = [place for place, event in enumerate(events) if form.carries_call(event)]
    if not places:
        return len(events) - 1
    first = form.call_of(events[places[0]], 0)
    others = (place for count, place in enumerate(places) if form.call_of(events[place], count) != first)
    return next(others, places[-1] + 1)
