"""The model's own content as it is sent back.

Knows: what the service demands of a content with calls.  Must not know: answers to the calls, the rest of a response.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from .fields import field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolfan.adapter import RawCall

OBJECT = (dict, Mapping)  # dict first: decoded JSON is one, and the look at Mapping costs ten times as much
NAMELESS = "unnamed"
"""What a call without a name is called where the service reads it again."""
Found: TypeAlias = tuple[Mapping[str, Any], Any]
"""A part, and the call in it."""


def replayed(
    content: Mapping[str, Any], parts: list[Mapping[str, Any]], found: list[Found], calls: Sequence[RawCall]
) -> Mapping[str, Any] | None:
    """The content as it came: it carries signatures, which any change would break; None if it says nothing.

    Only a missing role is set, and what the service would not read again is left out or becomes a call that it does:
    it counts the calls, and wants as many answers.
    """
    made = {id(part): (call, raw.arguments) for (part, call), raw in zip(found, calls, strict=True)}
    kept = [
        _mended(part, *made[id(part)]) if id(part) in made else part
        for part in parts
        if id(part) in made
        or (field(part, "functionCall") is None and any(value is not None for value in part.values()))
    ]
    if not kept:
        return None
    if len(kept) != len(content["parts"]) or any(new is not old for new, old in zip(kept, parts, strict=False)):
        content = {**content, "parts": kept}
    return content if content.get("role") else {**content, "role": "model"}


def _mended(part: Mapping[str, Any], call: Any, arguments: str) -> Mapping[str, Any]:
    if not isinstance(call, OBJECT):
        changed: dict[str, Any] = {"name": NAMELESS}
    else:
        changed = {} if isinstance(call.get("name"), str) and call["name"] else {"name": NAMELESS}
        odd = "NaN" in arguments or "Infinity" in arguments
        if odd and (spelt := _spelt(call["args"])) != call["args"]:
            changed["args"] = spelt
    if not changed:
        return part
    rest = {key: value for key, value in part.items() if key not in ("functionCall", "function_call")}
    return {**rest, "functionCall": {**(call if isinstance(call, OBJECT) else {}), **changed}}


def _spelt(value: Any) -> Any:
    """NaN and the infinities as texts, as the JSON mapping of protobuf has them: JSON has no such numbers."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _spelt(inner) for key, inner in value.items()}
    return [_spelt(inner) for inner in value] if isinstance(value, list) else value
