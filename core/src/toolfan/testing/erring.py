"""What transports make of the errors that a service sends inside a whole answer, or as an event of a stream.

Knows: samples of errors as JSON, the ways to ask.  Must not know: laws, the SDK.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolfan.errors import ProviderError, ToolfanError

from .giving import kind_of, reply_of
from .samples import whole_of
from .trees import same

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from toolfan.adapter import WireRequest

    from .listening import Service
    from .samples import ErrorSample
    from .subject import Subject
    from .ways import Way


def errors_of(subject: Subject) -> list[dict[str, Any]]:
    """The samples of errors as JSON: what the service sends of each, whole (`body`, `whole`) and streamed (`bytes`).

    Of what the codec does not raise as it says laws of answers and of streams tell; it is left out.
    """
    found: list[dict[str, Any]] = []
    for sample in subject.errors:
        told: dict[str, Any] = {"name": sample.name, "error": sample.error.__name__, "kind": sample.stream_type}
        told |= {"whole": whole_of(sample), "body": None, "bytes": _stream(subject, sample).decode("latin-1")}
        no_json = any(one.body_bytes is not None for one in subject.samples) and sample.body_bytes is None
        if sample.body is not None and not no_json and _raises(subject, sample):
            told["body"] = sample.body
        with suppress(TypeError, ValueError):
            found.append(json.loads(json.dumps(told, default=dict)))
    return found


def _raises(subject: Subject, sample: ErrorSample, events: Sequence[Mapping[str, Any]] | None = None) -> bool:
    try:
        subject.adapter.parse_response(sample.body or {}) if events is None else subject.read(events)
    except ProviderError as exc:
        return isinstance(exc, sample.error)
    except Exception:  # noqa: BLE001 - another law tells of it
        return False
    return False


def _stream(subject: Subject, sample: ErrorSample) -> bytes:
    """The bytes of its events: those that are given, or such as the samples' streams are made of; else none."""
    if not (sample.events and subject.adapter.capabilities.streaming and _raises(subject, sample, sample.events)):
        return b""
    if sample.stream_bytes is not None:
        return sample.stream_bytes
    known = next((one.stream_bytes for one in subject.samples if one.stream_bytes), b"")
    with suppress(Exception):  # what cannot be written so is not asked
        made = b"".join(_frame(known) % json.dumps(event, default=dict).encode() for event in sample.events)
        if made and same(subject.events_in([made]), list(sample.events)):
            return made
    return b""


def _frame(known: bytes) -> bytes:
    """What stands around an event, if it is all that stands in this stream: `data:` alone, or a line of JSON."""
    lines = [line for line in known.split(b"\n") if line.strip()]
    if lines and all(line.startswith(b"data:") for line in lines):
        return b"data: %s\n\n"
    if lines and kind_of(known) == "application/json" and all(isinstance(json.loads(line), dict) for line in lines):
        return b"%s\n"
    return b""


def raised(
    way: Way, asked: WireRequest, errors: Sequence[Mapping[str, Any]], service: Service
) -> Iterator[dict[str, Any]]:
    """What is raised for each error that the service sends."""
    for sample in errors:
        if not (sample["bytes"] if way.streams else sample["body"]):
            continue
        service.reply = replace(reply_of(sample, "", service.key, streams=way.streams, pauses=False), headers=())
        service.heard.clear()
        service.goes_on.clear()
        said = {"where": f"{way.name}, {sample['name']}", "wanted": sample["error"], "kinds": [], "text": ""}
        try:
            got = way.ask(asked)
        except Exception as exc:  # noqa: BLE001 - it is what is told
            known = type(exc).__mro__ if isinstance(exc, ToolfanError) else (type(exc),)
            said |= {"kinds": [kind.__name__ for kind in known], "text": str(exc)[:300]}
        else:
            said["text"] = repr(got.turn)[:300]
        yield said
