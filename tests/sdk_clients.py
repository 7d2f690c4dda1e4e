"""Blocking clients over the real SDKs, by kind, against a scripted server.

Knows: the SDKs' clients, the scripted server.  Must not know: what is asked for.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import anthropic
import toolfan
from google_asking import genai_client, generative_model
from loopback import KEY, ONCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopback import Bench


@contextlib.contextmanager
def connected(bench: Bench, kind: str) -> Iterator[Any]:
    """A client over the real SDK of this kind, and the bench's last server."""
    if kind.startswith("openai"):
        yield toolfan.wrap(bench.sdk(), adapter=kind, stop=ONCE)
    elif kind == "anthropic":
        with anthropic.Anthropic(api_key=KEY, base_url=bench.server.anthropic_url) as sdk:
            yield toolfan.wrap(sdk, stop=ONCE)
    elif kind == "rest":
        yield toolfan.wrap(generative_model("gemini-2.5-flash", bench.server.base_url, "rest"), stop=ONCE)
    else:
        yield toolfan.wrap(genai_client(kind, bench.server.base_url), stop=ONCE)
