"""Faults of the transport: good answers in a form that was not asked for, and JSON written oddly.

Knows content types and JSON text; not sockets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from toolfan_local.faults.answers import written
from toolfan_local.faults.fault import HTTP, Fault
from toolfan_local.faults.stage import JSON_TYPE, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

_NEWLINES = "\n" * 500


@dataclass(frozen=True)
class WholeJson:
    """Plays JSON where a stream was asked too; `change` writes its text oddly."""

    change: Callable[[str], str] = str
    content_type: str = JSON_TYPE

    def __call__(self, stage: Stage) -> None:
        """The good answer as one JSON text, whatever was asked for."""
        text = self.change(written(stage.body()))
        stage.wire.respond(text.encode(), fields=stage.fields(self.content_type))


def event_stream(stage: Stage) -> None:
    """Server-sent events, whatever was asked for."""
    as_stream = Stage(replace(stage.asked, framing="sse"), stage.wire, stage.pace)
    as_stream.good()


def _nan_in_usage(text: str) -> str:
    for count in ('"total_tokens": 18', '"totalTokenCount": 18', '"input_tokens": 11'):
        text = text.replace(count, count.rpartition(" ")[0] + " NaN")
    return text


def _duplicate_keys(text: str) -> str:
    return '{"id": "first", "responseId": "first", ' + text[1:]


_ACCEPTED = "accepted; to a stream request it is read as a whole answer"
_JSON = "JSON, to a stream request too, "

FAULTS = (
    Fault("json-for-stream", "1", "JSON where a stream was asked", HTTP, _ACCEPTED, WholeJson()),
    Fault(
        "json-text-plain",
        "1",
        _JSON + "as text/plain",
        HTTP,
        _ACCEPTED,
        WholeJson(content_type="text/plain; charset=utf-8"),
    ),
    Fault("json-bom", "1", _JSON + "after a byte order mark", HTTP, _ACCEPTED, WholeJson("\ufeff{}".format)),
    Fault("json-nan-usage", "1", _JSON + "with NaN in the usage", HTTP, _ACCEPTED, WholeJson(_nan_in_usage)),
    Fault("json-duplicate-keys", "1", _JSON + "with a key twice", HTTP, _ACCEPTED, WholeJson(_duplicate_keys)),
    Fault(
        "json-leading-newlines",
        "1",
        _JSON + "after 500 newlines",
        HTTP,
        _ACCEPTED,
        WholeJson(lambda text: _NEWLINES + text),
    ),
    Fault(
        "event-stream-for-json",
        "1",
        "server-sent events where JSON was asked",
        HTTP,
        "read as a stream, or BadResponse",
        event_stream,
    ),
)
