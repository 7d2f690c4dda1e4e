"""Samples in which the model says the key: what it was told, it may say, and nobody may change that.

Knows: samples, codecs.  Must not know: laws, the SDK.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .samples import whole_of
from .suite_keys import two_keys
from .trees import nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolfan.adapter import Turn

    from .samples import Sample
    from .subject import Subject

_WORD = re.compile(r"\b[A-Za-z]{3,}\b")
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]+")
"""A key that nothing escapes."""
_SAID = ("calls", "text", "refusal")
"""What of a turn is the model's own, and must come as it was said."""


def confided(subject: Subject) -> list[dict[str, Any]]:
    """Samples with the key in the place of a word of their text, and of their arguments, whole and streamed, as JSON.

    Only those that the codec reads so: with that word, and nothing else that the model says, changed.  Where a key
    needs escapes, or no word stands in one piece, there are none.
    """
    key = two_keys(subject.key)[0]
    if not _PLAIN.fullmatch(key):
        return []
    found = []
    for where in ("its text", "its arguments"):
        for make in (_whole, _streamed):
            made = (make(subject, sample, word, key) for sample in subject.samples for word in _words(sample, where))
            if one := next(filter(None, made), None):
                found.append({**one, "name": f"{one['name']}, with the key in {where}", "says_key": True})
    return found


def _words(sample: Sample, where: str) -> Iterator[str]:
    told = [sample.text] if where == "its text" else [given for _, given in sample.calls]
    for _, one in nodes(told):
        if isinstance(one, str):
            yield from _WORD.findall(one)


def _whole(subject: Subject, sample: Sample, word: str, key: str) -> dict[str, Any] | None:
    try:
        plain = json.loads(json.dumps(sample.body, default=dict))
        body = _replaced(plain, word, key)
        read = subject.adapter.parse_response
        if sample.body_bytes is not None or not _is_so(read(plain), read(body), word, key):
            return None
    except Exception:  # noqa: BLE001 - laws of answers tell of it
        return None
    return _sample(sample, body)


def _streamed(subject: Subject, sample: Sample, word: str, key: str) -> dict[str, Any] | None:
    stream = sample.stream_bytes if subject.adapter.capabilities.streaming else None
    if stream is None or word.encode() not in stream:
        return None
    content = re.sub(rb"\b%b\b" % word.encode(), key.encode(), stream)
    try:
        events = subject.events_in([content])
        if not _is_so(subject.read(subject.events_in([stream])), subject.read(events), word, key):
            return None
        told = json.loads(json.dumps({"body": sample.body, "events": events}, default=dict))
    except Exception:  # noqa: BLE001 - what has lengths or sums cannot be changed so
        return None
    return _sample(sample, **told, bytes=content.decode("latin-1"))


def _sample(sample: Sample, body: Any, **streamed: Any) -> dict[str, Any]:
    """As `giving` sends it."""
    plain = {"name": sample.name, "body": body, "events": None, "bytes": "", "whole": whole_of(sample)}
    return {**plain, "kind": sample.stream_type, "pause": None, "lull": None, **streamed}


def changed(wanted: Turn, came: Turn, key: str) -> Iterator[str]:
    """Where the model's own words, among them the key, did not come as they were sent; no line shows the key."""
    for name in _SAID:
        before, now = getattr(wanted, name), getattr(came, name)
        if before != now:
            told = repr(now).replace(key, "(the key)")
            yield f"{name} is {told:.300}: the model said the key there, and what it says is not hidden"


def _replaced(value: Any, word: str, key: str) -> Any:
    """JSON with the key for the word, wherever that stands in a text."""
    if isinstance(value, dict):
        return {name: _replaced(inner, word, key) for name, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner, word, key) for inner in value]
    return re.sub(rf"\b{word}\b", key, value) if isinstance(value, str) else value


def _is_so(before: Turn, now: Turn, word: str, key: str) -> bool:
    """Whether what the model says is what it said before, but for this word, which it says."""

    def said(text: str) -> str:
        return re.sub(rf"\b{word}\b", key, text)

    wanted = [replace(call, arguments=said(call.arguments)) for call in before.calls]
    changed = (*wanted,) != (*before.calls,) or said(before.text) != before.text
    return changed and (*wanted,) == (*now.calls,) and said(before.text) == now.text and before.refusal == now.refusal
