"""A schema in the dialect of Anthropic's structured outputs.

Source: the section "JSON Schema limitations" of the guide to structured outputs, and `transform_schema` of the
anthropic SDK 0.77 to 2.12, which does the same for `output_config`.

Knows: JSON Schema.  Must not know: tools, requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan.schema.strict import in_words, to_strict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolfan.adapter import JSON

_LACKING = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern"}
    | {"maxItems", "uniqueItems", "minProperties", "maxProperties", "default"}
)
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})


def strict_schema(schema: Mapping[str, Any]) -> JSON:
    """The schema with all objects closed; bounds that the dialect lacks, and defaults, are told in the description.

    What may be left out stays so, as in the SDK's `transform_schema`.

    Raises ToolDefinitionError, with the place, for what it cannot say (free dictionaries, tuples, values of any type,
    types that hold themselves).
    """
    return in_words(to_strict(schema, optional=True, recursive=False), _is_lacking)


def _is_lacking(key: str, value: Any) -> bool:
    return key in _LACKING or (key == "minItems" and value not in (0, 1)) or (key == "format" and value not in _FORMATS)
