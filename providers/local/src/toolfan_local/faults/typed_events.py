"""Faults of streams whose events have types: how all but chat completions and Google tell calls apart.

Each function is given the events of the good answer, and makes others of them.

Knows the events of each as values; not bytes, not chat completions.
"""

from __future__ import annotations

import copy
import itertools
import json
from typing import TYPE_CHECKING, Any

from toolfan_local.faults.stage import FORMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolfan_local.faults.asking import Asked
    from toolfan_local.faults.streaming import Events

    Change = Callable[[Asked, Events], Events]

JSON = dict[str, Any]
_DELTAS = {
    "anthropic": "content_block_delta",
    "responses": "response.function_call_arguments.delta",
    "bedrock": "contentBlockDelta",
    "cohere": "tool-call-delta",
}
_BEGINS = {"anthropic": "content_block_start", "responses": "response.output_item.added"}
_INNER = {"anthropic": "content_block", "responses": "item"}


def indexed(change: Callable[[int], Any]) -> Change:
    """Another index for each; `change` gives None for null."""

    def changed(asked: Asked, events: Events) -> Events:
        key = FORMS[asked.dialect].INDEX
        for said in _numbered(asked, events := copy.deepcopy(events)):
            said[key] = change(said[key])
        return events

    return changed


def _numbered(asked: Asked, events: Events) -> list[JSON]:
    """What has an index in each event that has one."""
    return [said for event in events if (said := FORMS[asked.dialect].numbered(event)) is not None]


def without_index(asked: Asked, events: Events) -> Events:
    """No index at all."""
    for said in _numbered(asked, events := copy.deepcopy(events)):
        del said[FORMS[asked.dialect].INDEX]
    return events


def grouped(arrange: Callable[[list[Events]], Events]) -> Change:
    """The events of the calls in another order; they are given call by call."""

    def changed(asked: Asked, events: Events) -> Events:
        form = FORMS[asked.dialect]
        calls = dict.fromkeys(form.call_of(event, 0) for event in events if form.carries_call(event))
        told = [(form.numbered(event) or {}).get(form.INDEX) for event in events]
        groups = {call: [event for event, at in zip(events, told, strict=True) if at == call] for call in calls}
        places = [place for place, at in enumerate(told) if at in groups]
        if not places:
            return events
        return [*events[: places[0]], *arrange([*groups.values()]), *events[places[-1] + 1 :]]

    return changed


def in_turn(groups: list[Events]) -> Events:
    """One event of each call after the other."""
    return [event for turn in itertools.zip_longest(*groups) for event in turn if event is not None]


def last_first(groups: list[Events]) -> Events:
    """The last call first."""
    return [event for group in reversed(groups) for event in group]


def _before_pieces(asked: Asked, events: Events, make: Callable[[JSON], JSON]) -> Events:
    kind, carries = _DELTAS[asked.dialect], FORMS[asked.dialect].carries_call
    made: Events = []
    for event in events:
        made += [make(event)] if kind in (event.get("type"), *event) and carries(event) else []
        made.append(event)
    return made


def null_inside(asked: Asked, events: Events) -> Events:
    """A block, or an item, that is null, before each piece of a call."""
    said: JSON = {"type": _BEGINS[asked.dialect], _INNER[asked.dialect]: None}
    key = FORMS[asked.dialect].INDEX
    return _before_pieces(asked, events, lambda event: said | {key: event[key]})


def null_delta(asked: Asked, events: Events) -> Events:
    """A piece that is null, before each piece of a call."""

    def nothing(event: JSON) -> JSON:
        FORMS[asked.dialect].numbered(made := copy.deepcopy(event))["delta"] = None
        return made

    return _before_pieces(asked, events, nothing)


def null_arguments(asked: Asked, events: Events) -> Events:
    """Arguments that are null, before each piece of a call."""
    piece = {"type": "input_json_delta", "partial_json": None} if asked.dialect == "anthropic" else None
    return _before_pieces(asked, events, lambda event: event | {"delta": piece})


def begun_again(asked: Asked, events: Events) -> Events:
    """The start of a call, with its name and id, before each of its pieces."""
    key, begins = FORMS[asked.dialect].INDEX, _BEGINS[asked.dialect]
    starts = {event.get(key): event for event in events if event["type"] == begins}
    return _before_pieces(asked, events, lambda event: copy.deepcopy(starts[event[key]]))


def unknown_first(asked: Asked, events: Events) -> Events:
    """An event of a type that nobody knows, before everything."""
    return [{"type": "response.vendor_note" if asked.dialect == "responses" else "vendor_note"}, *events]


def whole_at_once(asked: Asked, events: Events) -> Events:
    """Each call in one event, without pieces."""
    if asked.dialect == "responses":
        return [event for event in events if not event["type"].startswith("response.function_call_arguments")]
    texts: dict[int, str] = {}
    made: Events = []
    for event in events:
        if "partial_json" in (event.get("delta") or {}):
            texts[event["index"]] = texts.get(event["index"], "") + event["delta"]["partial_json"]
        else:
            made.append(event)
    for at, event in enumerate(made):
        if "content_block" in event and event["index"] in texts:
            block = event["content_block"] | {"input": json.loads(texts[event["index"]])}
            made[at] = event | {"content_block": block}
    return made


def late_ids(asked: Asked, events: Events) -> Events:
    """The id of a call only where it ends; the Messages API has no such place: there it is missing."""
    inner, name = _INNER[asked.dialect], "id" if asked.dialect == "anthropic" else "call_id"

    def without(event: JSON) -> JSON:
        if event["type"] != _BEGINS[asked.dialect] or not FORMS[asked.dialect].carries_call(event):
            return event
        return event | {inner: {key: value for key, value in event[inner].items() if key != name}}

    return [without(event) for event in events]


def cumulative(asked: Asked, events: Events) -> Events:
    """Every piece repeats those before."""
    texts: dict[Any, str] = {}

    def repeating(event: JSON) -> JSON:
        if event["type"] != _DELTAS[asked.dialect] or not FORMS[asked.dialect].carries_call(event):
            return event
        delta, at = event["delta"], event[FORMS[asked.dialect].INDEX]
        texts[at] = texts.get(at, "") + (delta if isinstance(delta, str) else delta["partial_json"])
        return event | {"delta": texts[at] if isinstance(delta, str) else delta | {"partial_json": texts[at]}}

    return [repeating(event) for event in events]


def ended_twice(_: Asked, events: Events) -> Events:
    """The event that tells how it ended, twice."""
    at = next(at for at, event in enumerate(events) if event["type"] in ("message_delta", "response.completed"))
    return [*events[: at + 1], copy.deepcopy(events[at]), *events[at + 1 :]]
