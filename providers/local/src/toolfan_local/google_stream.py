"""A GenerateContentResponse as the chunks of a stream: what the services send for streamGenerateContent.

Knows the two JSON forms of one answer; not HTTP, not gRPC, not how an answer is found, not when a chunk goes out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from toolfan_local.google_partials import in_pieces
from toolfan_local.pacing import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = dict[str, Any]

_WORDS = re.compile(r"(?:\s*\S+){1,4}\s*|\s+")
_LAST = ("finishReason", "finishMessage", "avgLogprobs")
_EARLY_USAGE = ("promptTokenCount", "promptTokensDetails", "trafficType")


def chunks(response: JSON, *, together: bool = False, partial: bool = False) -> Iterator[Chunk]:
    """The chunks that say what a response says.

    Every call is whole in one chunk, which it has to itself; with `together` all calls are in one.  `partial` gives the
    arguments in pieces (`partialArgs`), as Vertex AI does for `streamFunctionCallArguments`.
    """
    early = {key: value for key, value in response["usageMetadata"].items() if key in _EARLY_USAGE}
    shown = [one for each in response["candidates"] for one in _shown(each, together=together, partial=partial)]
    for place, (candidate, calls) in enumerate(shown):
        usage = response["usageMetadata"] if place == len(shown) - 1 else early
        yield Chunk(response | {"candidates": [candidate], "usageMetadata": usage}, calls)


def _shown(candidate: JSON, *, together: bool, partial: bool) -> Iterator[tuple[JSON, float]]:
    """A candidate as each chunk has it, with the number of calls in it."""
    groups = list(_groups(candidate["content"].get("parts", []), together=together and not partial, partial=partial))
    if not groups:
        yield candidate, 0
        return
    if partial:  # the last piece of a call says nothing but that it ends
        groups.append(([{"text": ""}], 0))
    before = {key: value for key, value in candidate.items() if key not in _LAST}
    for place, (parts, calls) in enumerate(groups):
        now = candidate if place == len(groups) - 1 else before
        yield now | {"content": {"role": "model", "parts": parts}}, calls


def _groups(parts: list[JSON], *, together: bool, partial: bool) -> Iterator[tuple[list[JSON], float]]:
    """The parts of each chunk, with the number of calls that are in them."""
    calls = [part for part in parts if "functionCall" in part]
    for part in parts:
        if "functionCall" not in part:
            for words in _WORDS.findall(part["text"]) or [""]:
                yield [{"text": words}], 0
    if together and calls:
        yield calls, len(calls)
        return
    for part in calls:
        pieces = list(_call_pieces(part)) if partial else [part]
        for piece in pieces:
            yield [piece], 1 / len(pieces)


def _call_pieces(part: JSON) -> Iterator[JSON]:
    """The parts of one call: name, id and signature, then its arguments, then an empty one that ends it."""
    call = part["functionCall"]
    entries = in_pieces(call["args"])
    if entries is None:  # it comes whole
        yield part
        return
    opening = {key: value for key, value in call.items() if key != "args"}
    yield part | {"functionCall": opening | {"willContinue": True}}
    for entry in entries:
        yield {"functionCall": {"partialArgs": [entry], "willContinue": True}}
    yield {"functionCall": {}}
