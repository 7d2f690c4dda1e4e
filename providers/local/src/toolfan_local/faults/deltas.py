"""Faults of a stream's events: how chat completions tell the pieces of calls apart, and what stands between them.

Knows OpenAI's chunks as values; not bytes, not Google's dialect.
"""

from __future__ import annotations

import copy
import itertools
from typing import TYPE_CHECKING, Any

from toolfan_local.faults.answers import good_calls
from toolfan_local.faults.arguments import repeated
from toolfan_local.faults.fault import HTTP, LABS, OPENAI, PIECES, Dialect, Fault
from toolfan_local.faults.openai_form import call_object, carries_call, chunk_event, delta_event, usage_event
from toolfan_local.faults.streaming import Streaming
from toolfan_local.faults.typed_events import (
    begun_again,
    cumulative,
    ended_twice,
    grouped,
    in_turn,
    indexed,
    last_first,
    late_ids,
    null_arguments,
    null_delta,
    null_inside,
    unknown_first,
    whole_at_once,
    without_index,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from toolfan_local.faults.asking import Asked
    from toolfan_local.faults.streaming import Events

JSON = dict[str, Any]
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


def _pieces(events: Events) -> Iterator[JSON]:
    """The entries of `tool_calls` in all deltas, in order."""
    for event in events:
        for choice in event["choices"]:
            yield from choice["delta"].get("tool_calls") or []


def _grouped(events: Events) -> tuple[Events, list[Events], Events]:
    """The events before the calls, those of each call, and those after."""
    places = [place for place, event in enumerate(events) if carries_call(event)]
    if not places:
        return events, [], []
    calls: dict[Any, Events] = {}
    for event in events[places[0] : places[-1] + 1]:
        calls.setdefault(next(_pieces([event]))["index"], []).append(event)
    return events[: places[0]], list(calls.values()), events[places[-1] + 1 :]


def _each(change: Callable[[int, JSON], None]) -> Callable[[Asked, Events], Events]:
    """A change of every piece of a call; it is given the place of the piece in its call."""

    def changed(_: Asked, events: Events) -> Events:
        for group in _grouped(events)[1]:
            for place, piece in enumerate(_pieces(group)):
                change(place, piece)
        return events

    return changed


def _groups(change: Callable[[Asked, list[Events]], Events]) -> Callable[[Asked, Events], Events]:
    """A change of the events of the calls, given call by call."""

    def changed(asked: Asked, events: Events) -> Events:
        before, calls, after = _grouped(events)
        return [*before, *change(asked, calls), *after] if calls else events

    return changed


def _names_in_two(_: Asked, groups: list[Events]) -> Events:
    for group in groups:
        opening, second = itertools.islice(_pieces(group), 2)
        name = opening["function"]["name"]
        opening["function"]["name"], second["function"]["name"] = name[: len(name) // 2], name[len(name) // 2 :]
    return [event for group in groups for event in group]


def _one_chunk(asked: Asked, _: list[Events]) -> Events:
    calls = [{"index": place, **call_object(call)} for place, call in enumerate(good_calls(asked))]
    return [delta_event(asked.model, {"tool_calls": calls})]


def _empty_id(place: int, piece: JSON) -> None:
    if place:
        piece["id"] = ""


def _null_first(place: int, piece: JSON) -> None:
    if place == 0:
        piece["function"]["arguments"] = None


def _no_index(_: int, piece: JSON) -> None:
    del piece["index"]


def _index(change: Callable[[int], int | None]) -> Callable[[int, JSON], None]:
    def changed(_: int, piece: JSON) -> None:
        piece["index"] = change(piece["index"])

    return changed


def _interleaved(_: Asked, groups: list[Events]) -> Events:
    turns = itertools.zip_longest(*groups)
    return [event for turn in turns for event in turn if event is not None]


def _reversed(_: Asked, groups: list[Events]) -> Events:
    return [event for group in reversed(groups) for event in group]


def _repeated_names(_: Asked, groups: list[Events]) -> Events:
    for group in groups:
        opening, *later = _pieces(group)
        for piece in later:
            piece["id"] = opening["id"]
            piece["function"]["name"] = opening["function"]["name"]
    return [event for group in groups for event in group]


def _late_ids(_: Asked, groups: list[Events]) -> Events:
    for group in groups:
        opening, *later = _pieces(group)
        later[-1]["id"] = opening.pop("id")
    return [event for group in groups for event in group]


def _null_functions(asked: Asked, groups: list[Events]) -> Events:
    made: Events = []
    for place, (opening, *later) in enumerate(groups):
        nothing = {"index": place, "function": None}
        made += [opening, delta_event(asked.model, {"tool_calls": [nothing]}), *later]
    return made


def _cumulative(_: Asked, groups: list[Events]) -> Events:
    for group in groups:
        text = ""
        for piece in _pieces(group):
            text += piece["function"]["arguments"]
            piece["function"]["arguments"] = text
    return [event for group in groups for event in group]


def _finish_twice(_: Asked, events: Events) -> Events:
    place = next(place for place, event in enumerate(events) if event["choices"][0]["finish_reason"])
    return [*events[: place + 1], copy.deepcopy(events[place]), *events[place + 1 :]]


def _usage_last(asked: Asked, events: Events) -> Events:
    return [*(event for event in events if event["choices"]), usage_event(asked, USAGE)]


def _filter_first(asked: Asked, events: Events) -> Events:
    return [chunk_event(asked.model, []) | {"prompt_filter_results": []}, *events]


def _inserted(make: Callable[[str], Any]) -> Callable[[Asked, Events], Events]:
    """One more event before each event."""
    return lambda asked, events: [one for event in events for one in (make(asked.model), event)]


def _many(count: int) -> Streaming:
    return Streaming(calls=lambda calls: repeated(calls, count))


def _either(
    openai: Callable[[Asked, Events], Events], typed: Callable[[Asked, Events], Events], **more: Any
) -> Streaming:
    """The one change for chat completions, the other where events have types."""
    return Streaming(lambda asked, events: (openai if asked.dialect == "openai" else typed)(asked, events), **more)


def _indices(change: Callable[[int], int | None], **more: Any) -> Streaming:
    return _either(_each(_index(change)), indexed(change), **more)


def _fault(
    name: str, text: str, play: Streaming, expectation: str = "exact", dialects: tuple[Dialect, ...] = OPENAI
) -> Fault:
    return Fault(name, "3", text, dialects, expectation, play)


_KEYED = "keyed by index, sorted by it"
_STARTS = "a new id, or a name after a closed call, starts a call"
_REUSED = _indices(lambda index: index % 2, calls=lambda calls: repeated(calls, 4))

FAULTS = (
    _fault("sse-usage-last", "the usage in a last chunk without choices", Streaming(_usage_last)),
    _fault(
        "sse-empty-choices-first",
        "a chunk without choices first, or an event of an unknown type",
        _either(_filter_first, unknown_first),
        dialects=LABS,
    ),
    _fault(
        "sse-all-calls-in-one-chunk",
        "all calls, whole, in one chunk; where events have types, each in its start",
        _either(_groups(_one_chunk), whole_at_once),
        dialects=LABS,
    ),
    _fault("sse-name-in-fragments", "the names in two pieces", Streaming(_groups(_names_in_two))),
    _fault("sse-empty-ids-later", 'the id "" on later pieces', Streaming(_each(_empty_id))),
    _fault(
        "sse-null-arguments-first",
        "null arguments in the first piece",
        _either(_each(_null_first), null_arguments),
        dialects=LABS,
    ),
    _fault("sse-finish-twice", "the finish reason twice", _either(_finish_twice, ended_twice), dialects=LABS),
    _fault(
        "sse-null-choices",
        "null for the choices, before each chunk; for a block or an item, before each piece",
        _either(_inserted(lambda model: chunk_event(model, None)), null_inside),
        "skipped",
        LABS,
    ),
    _fault(
        "sse-null-delta",
        "null for the delta, before each chunk; where events have types, before each piece of a call",
        _either(_inserted(lambda model: delta_event(model, None)), null_delta),
        "skipped",
        PIECES,
    ),
    _fault("sse-index-missing", "no index", _either(_each(_no_index), without_index), _STARTS, PIECES),
    _fault("sse-index-null", "null for the index", _indices(lambda _: None), _STARTS, PIECES),
    _fault("sse-all-index-0", "index 0 for all calls", _indices(lambda _: 0), _STARTS, PIECES),
    _fault(
        "sse-interleaved",
        "the pieces of the calls in turn",
        _either(_groups(_interleaved), grouped(in_turn)),
        _KEYED,
        PIECES,
    ),
    _fault(
        "sse-index-reversed", "the last call first", _either(_groups(_reversed), grouped(last_first)), _KEYED, PIECES
    ),
    _fault("sse-index-gap", "indices 0, 5, 10", _indices(lambda index: 5 * index), _KEYED, PIECES),
    _fault("sse-index-from-1", "indices 1, 2, 3", _indices(lambda index: index + 1), _KEYED, PIECES),
    _fault("sse-index-reused", "indices 0, 1, 0, 1", _REUSED, _STARTS, PIECES),
    _fault(
        "sse-name-repeated",
        "name and id in every piece",
        _either(_groups(_repeated_names), begun_again),
        "set once",
        LABS,
    ),
    _fault("sse-id-late", "the id in the last piece alone", _either(_groups(_late_ids), late_ids), "accepted", LABS),
    _fault("sse-null-function", "null for the function in a piece", Streaming(_groups(_null_functions)), "skipped"),
    _fault(
        "sse-cumulative-arguments",
        "every piece repeats those before",
        _either(_groups(_cumulative), cumulative),
        "detected",
        LABS,
    ),
    *(_fault(f"sse-{count}-calls", f"{count} calls", _many(count), "linear", HTTP) for count in (50, 100, 200, 400)),
)
