"""What transports give of the answers that a service sends, beside what these say.

Knows: samples as JSON, the ways to ask.  Must not know: laws, the SDK.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from itertools import count
from typing import TYPE_CHECKING, Any
from zlib import crc32

from toolfan.errors import IncompleteStream
from toolfan.framing.decoder import DONE

from .confiding import changed, confided
from .listening import Reply
from .samples import whole_of
from .trees import same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolfan.adapter import ParallelToolsAdapter, Turn, WireRequest

    from .listening import Service
    from .samples import Sample
    from .subject import Subject
    from .ways import Way

HEADER, ECHO = "x-toolfan-answer", "x-toolfan-echo"
ONE, OTHER = "toolfan-one-request", "toolfan-other-request"
# Where services say under which id they know a request.
_ID_HEADERS = ("x-request-id", "request-id", "x-amzn-requestid", "x-goog-request-id")
_PRELUDE = 12
_FIELD = re.compile(rb"(data|event|id|retry|[A-Za-z_-]*):|(data|event|id|retry)[\r\n]")
_CUTS = (0.5, 0.75, 0.9)
_STEPS = 100
_AT_ONCE: Mapping[str, None] = {"pause": None, "lull": None}
SEPARATORS = "\u2028\x85"
_numbers = count(1)


def samples_of(subject: Subject) -> list[dict[str, Any]]:
    """The samples as JSON: `body`, `events` and, as Latin-1, `bytes` of the stream and `whole`, if it is given.

    Of the longest, `pause` bytes leave an event to come, and `lull` bytes the last one that says something.
    """
    found = []
    for sample in tuple(subject.samples):
        stream = sample.stream_bytes if subject.adapter.capabilities.streaming else None
        try:
            told = {"name": sample.name, "body": sample.body, "events": subject.events(sample) if stream else None}
            plain = json.loads(json.dumps(told, default=dict))
        except Exception:  # noqa: BLE001 - laws of answers and of streams tell of it
            continue
        found.append({**plain, "bytes": (stream or b"").decode("latin-1"), "whole": whole_of(sample), **_AT_ONCE})
        found[-1]["kind"] = sample.stream_type
    parted = next(filter(None, (_parted(subject, sample) for sample in subject.samples)), None)
    for one in sorted(found, key=lambda one: len(one["events"] or ()))[-1:]:  # which the others need not be
        one |= {"pause": _pause(subject, one), "lull": _lull(subject, one)}
    return [*found, *([parted] if parted else ()), *confided(subject)]


def _parted(subject: Subject, sample: Sample) -> dict[str, Any] | None:
    """The sample with characters in its text that end lines for Python, and for no format of streams; or None."""
    stream = sample.stream_bytes if subject.adapter.capabilities.streaming else None
    for word in sample.text.split() if stream else ():
        if stream is None or not (word.isascii() and word.isalpha()):
            continue
        content = stream.replace(word.encode(), f"{word}{SEPARATORS}".encode())
        try:
            events = subject.events_in([content])
            if subject.read(events).text != sample.text.replace(word, word + SEPARATORS):
                continue
            told = {"name": f"{sample.name}, with U+2028 in its text", "body": sample.body, "events": events}
            more = {"whole": whole_of(sample), "kind": sample.stream_type}
            plain = json.loads(json.dumps({**told, **more}, default=dict))
            return {**plain, "bytes": content.decode("latin-1"), **_AT_ONCE}
        except Exception:  # noqa: BLE001 - what has lengths or sums cannot be changed so
            continue
    return None


def _pause(subject: Subject, sample: Mapping[str, Any]) -> int | None:
    """After how many bytes two events have come, and another has not; None if it cannot be told."""
    whole, events = sample["bytes"].encode("latin-1"), len(sample["events"] or ())
    for part in _CUTS:
        at = int(len(whole) * part)
        try:
            begun = len(subject.events_in([whole[:at]]))
        except Exception:  # noqa: BLE001 - what is cut need not be read
            continue
        if 2 <= begun < events:
            return at
    return None


def _lull(subject: Subject, sample: Mapping[str, Any]) -> int | None:
    """After how many bytes all is said but what comes last; None if it cannot be told."""
    whole = sample["bytes"].encode("latin-1")
    step = max(1, len(whole) // _STEPS)
    wanted = _told(subject, whole)
    ends = range(len(whole) - step, 0, -step) if wanted else ()
    return next((end for end in ends if _told(subject, whole[:end]) not in (wanted, None)), None)


def _told(subject: Subject, content: bytes) -> Turn | str | None:
    """What is read from so much of a stream; None if it cannot be."""
    try:
        return subject.read(subject.events_in([content]))
    except IncompleteStream:
        return "incomplete"
    except Exception:  # noqa: BLE001 - laws of streams tell of it
        return None


def given(
    adapter: ParallelToolsAdapter, way: Way, asked: WireRequest, samples: Sequence[Mapping[str, Any]], service: Service
) -> Iterator[dict[str, Any]]:
    """What becomes of each sample when it is sent, and at the end of the first again: equal requests are all sent."""
    usable = [sample for sample in samples if sample["bytes"] or not way.streams]
    for sample in [*usable, *usable[:1]]:
        try:
            wanted = _read(adapter, sample, streams=way.streams)
        except Exception:  # noqa: BLE001 - laws of answers and of streams tell of it
            continue
        yield _came(way, asked, sample, wanted, service)


def given_at_once(
    adapter: ParallelToolsAdapter,
    way: Way,
    asked: Sequence[WireRequest],
    samples: Sequence[Mapping[str, Any]],
    service: Service,
) -> Iterator[dict[str, Any]]:
    """What two requests that are sent at once are given, which say `ONE` and `OTHER`: each its own answer.

    Of bodies in which neither can be read (compressed ones) nothing is asked.
    """
    usable = [sample for sample in samples if (sample["bytes"] or not way.streams) and "says_key" not in sample]
    try:
        read = [(sample, _read(adapter, sample, streams=way.streams)) for sample in usable]
        (one, first), (other, second) = next((read[0], more) for more in read if more[1] != read[0][1])
    except Exception:  # noqa: BLE001 - laws of answers and of streams tell of it, and of samples that are too few
        return
    replies = [reply_of(sample, "", service.key, streams=way.streams, pauses=False) for sample in (one, other)]
    service.reply = replace(replies[0], beside=(OTHER.encode(), replies[1]))
    service.heard.clear()
    service.goes_on.clear()
    told: dict[str, Any] = {"where": f"{way.name}, two at once", "streams": way.streams, "head": None, "shown": False}
    service.alone = False
    try:
        got = way.both(*asked)
    except Exception as exc:  # noqa: BLE001 - it is what is told
        told["wrong"] = [f"{type(exc).__name__}: {exc}"[:300] + _as_json(one, streams=way.streams)]
    else:
        pairs = zip((first, second), got, strict=True)
        told["wrong"] = [line for wanted, came in pairs for line in _differences(wanted, came.turn)]
    if not service.heard or any(word.encode() in came.body for came in service.heard for word in (ONE, OTHER)):
        yield told | {"paused": False, "late": False, "alone": service.alone}


def _read(adapter: ParallelToolsAdapter, sample: Mapping[str, Any], *, streams: bool) -> Turn:
    if not streams:
        return adapter.parse_response(sample["body"])
    parser = adapter.stream_parser()
    for event in sample["events"]:
        parser.feed(event)
    return parser.close()


def _came(way: Way, asked: WireRequest, sample: Mapping[str, Any], wanted: Turn, service: Service) -> dict[str, Any]:
    number = f"toolfan-answer-{next(_numbers)}"
    pauses = way.streams and sample["pause"] is not None and not service.unheard  # one that waits for long is enough
    service.reply = reply_of(sample, number, service.key, streams=way.streams, pauses=pauses)
    service.heard.clear()
    service.goes_on.clear()
    told: dict[str, Any] = {"where": f"{way.name}, {sample['name']}", "streams": way.streams, "wrong": [], "head": None}
    told["shown"] = False
    try:
        got = way.ask(asked, on_event=lambda _: service.goes_on.set()) if way.streams else way.ask(asked)
    except Exception as exc:  # noqa: BLE001 - it is what is told
        text = f"{type(exc).__name__}: {exc}".replace(service.key, "(the key)")
        told["wrong"] = [text[:300] + _as_json(sample, streams=way.streams)]
    else:
        told["wrong"] = list(_differences(wanted, got.turn))
        if "says_key" in sample:  # to who has sent another, or a token, the service says another
            told["wrong"] = list(changed(wanted, got.turn, service.key)) if service.was_told_the_key() else []
        ends = (way.is_last(event) or event == DONE for event in sample["events"] or ()) if way.is_last else ()
        told["ends"] = any(ends) if way.streams and way.is_last else None
        told["head"] = {"request_id": got.request_id == number, "headers": got.headers.get(HEADER) == number}
        told["shown"] = service.key in f"{got.request_id} {dict(got.headers)}"
    if not any(one.body for one in service.heard):
        told["wrong"] = ["no request came to the service: what was given was not asked for"]
    return told | {"paused": pauses, "late": pauses and service.unheard, "requests": service.requests()}


def kind_of(stream: bytes) -> str:
    """The content type of a stream, by its first bytes: server-sent events, JSON, or frames as Amazon's.

    The latter begin with two lengths and a checksum of these.
    """
    begun = stream.removeprefix(b"\xef\xbb\xbf").lstrip()
    if begun[:1] in (b"{", b"["):
        return "application/json"
    if len(stream) > _PRELUDE and crc32(stream[:8]) == int.from_bytes(stream[8:_PRELUDE], "big"):
        return "application/vnd.amazon.eventstream"
    return "text/event-stream" if _FIELD.match(begun) else "application/octet-stream"


def reply_of(sample: Mapping[str, Any], number: str, key: str, *, streams: bool, pauses: bool) -> Reply:
    """What the service sends of a sample, and this number in its head."""
    head = ((HEADER, number), (ECHO, key), *((name, number) for name in _ID_HEADERS))
    if not streams and sample["whole"] is not None:
        body = sample["whole"].encode("latin-1")
        kind = "application/xml" if body.lstrip()[:1] == b"<" else "application/octet-stream"
        return Reply(sample["name"], 200, body, kind, headers=head)
    if not streams:
        return Reply(sample["name"], 200, json.dumps(sample["body"]).encode(), headers=head)
    body = sample["bytes"].encode("latin-1")
    kind = sample["kind"] or kind_of(body)
    held = (sample["pause"], sample["lull"]) if pauses else (len(body), None)
    return Reply(sample["name"], 200, body, kind, pause=held[0], lull=held[1], headers=head)


def _as_json(sample: Mapping[str, Any], *, streams: bool) -> str:
    """What may be behind an error: what the suite sent is not what the service sends."""
    return (
        "" if streams or sample["whole"] is not None else " (the body was sent as JSON: see `body_bytes` of `Sample`)"
    )


def _differences(wanted: Turn, came: Turn) -> Iterator[str]:
    """Where what was read is not what the sample says; fields that say nothing may be in `replay`, or not."""
    for field in fields(wanted):
        before, now = (_said(getattr(turn, field.name)) for turn in (wanted, came))
        if not same(before, now):
            yield f"{field.name} is {now!r:.300}, and was sent as {before!r:.300}"


def _said(value: Any) -> Any:
    """Without the fields that are empty, null or false."""
    if isinstance(value, Mapping):
        said = {name: _said(child) for name, child in value.items()}
        return {name: child for name, child in said.items() if child is not None and child is not False and child != {}}
    if isinstance(value, list | tuple):
        return [_said(child) for child in value]
    return value
