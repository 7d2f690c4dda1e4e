"""Streamed answers as chunks, recorded and made up, and reading them, for the tests of streams."""

from __future__ import annotations

import json
from typing import Any

from shared_data import corpus
from toolfan.framing.decoder import EventDecoder
from toolfan_vertex.codec import VERTEX


def streamed() -> list[dict[str, Any]]:
    """Every recorded stream with calls."""
    return [row for name in ("gemini-rest", "vertex-rest") for row in corpus(name) if row["streaming"]]


def as_bytes(row: dict[str, Any]) -> bytes:
    response = row["response"]
    return (response if isinstance(response, str) else json.dumps(response)).encode()


def decoded(data: bytes, step: int | None = None) -> list[dict[str, Any]]:
    decoder = EventDecoder(adapter="vertex")
    step = step or len(data)
    found = [event for at in range(0, len(data), step) for event in decoder.feed(data[at : at + step])]
    found += decoder.close()
    assert decoder.error is None
    return found


def read(events: list[dict[str, Any]], adapter: Any = VERTEX) -> tuple[Any, list[Any], Any]:
    """The parser, what was sealed on the way, and the turn."""
    parser = adapter.stream_parser()
    sealed = [one for event in events for one in parser.feed(event)]
    return parser, sealed, parser.close()


def chunk(*parts: Any, **candidate: Any) -> dict[str, Any]:
    content = {"content": {"role": "model", "parts": list(parts)}} if parts else {}
    return {"candidates": [{**content, **candidate}]}


END = chunk(finishReason="STOP")


def said(turn: Any) -> list[Any]:
    return [(one.name, json.loads(one.arguments), one.provider_id) for one in turn.calls]


def wanted(row: dict[str, Any]) -> list[Any]:
    """What `said` must give for this row."""
    return [(one["name"], one["arguments"], one["id"]) for one in row["expected"]]
