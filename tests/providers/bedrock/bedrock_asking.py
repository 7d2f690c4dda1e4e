"""Asking Bedrock in each of four ways."""

from __future__ import annotations

from typing import Any

import wrapped_ways

MODEL = "us.amazon.nova-lite-v1:0"


def asked(way: str, client: Any, **options: Any) -> Any:
    """The Calls of one request in this way."""
    return wrapped_ways.asked(way, client, **{"model": MODEL, **options})
