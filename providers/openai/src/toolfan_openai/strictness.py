"""A schema in the dialect of OpenAI's structured outputs, for those who ask for it.

Source: "Supported schemas" of the guide to structured outputs; the service refuses other keywords (`'uniqueItems' is
not permitted`) and formats, and fails at patterns that look ahead or behind, as pydantic's of a Decimal does.

Knows: JSON Schema.  Must not know: tools, requests.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from toolfan.schema.strict import in_words, to_strict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolfan.adapter import JSON

_BOUNDS = frozenset({"minLength", "maxLength", "uniqueItems", "minProperties", "maxProperties"})
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})
_LOOKS_AROUND = re.compile(r"(?:[^\\]|\\.)*?\(\?<?[=!]", re.DOTALL)


def in_dialect(schema: Mapping[str, Any]) -> JSON:
    """The schema with all objects closed; bounds that the dialect lacks are told in the description.

    Raises ToolDefinitionError, with the place, for what it cannot say (free dictionaries, tuples, values of any type).
    """
    return in_words(to_strict(schema), _is_lacking)


def _is_lacking(key: str, value: Any) -> bool:
    if key == "pattern":
        return isinstance(value, str) and _LOOKS_AROUND.match(value) is not None
    return key in _BOUNDS or (key == "format" and value not in _FORMATS)
