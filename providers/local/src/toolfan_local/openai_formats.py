"""The form that a request to OpenAI's services wants its text in: any, JSON, or JSON of a schema.

Knows `response_format` and `text.format`; not what is answered.
"""

from __future__ import annotations

from typing import Any

from toolfan_local.openai_checks import strict_complaint
from toolfan_local.openai_refusals import check_name, refuse

JSON = dict[str, Any]

_KINDS = ("text", "json_object", "json_schema")


def chat_form(request: JSON) -> JSON | None:
    """The JSON Schema that a chat completion's text is to satisfy; None: any text.  Raises Refused for a wrong one."""
    given = request.get("response_format")
    inner = given.get("json_schema") if isinstance(given, dict) else None
    return _form(given, inner, "response_format", "response_format.json_schema")


def responses_form(request: JSON) -> JSON | None:
    """The same for the Responses API."""
    text = request.get("text")
    given = text.get("format") if isinstance(text, dict) else None
    return _form(given, given, "text.format", "text.format")


def _form(given: Any, inner: Any, where: str, below: str) -> JSON | None:
    if given is None:
        return None
    kind = given.get("type") if isinstance(given, dict) else None
    if kind not in _KINDS:
        supported = ", ".join(f"'{one}'" for one in _KINDS)
        raise refuse(f"Invalid value: {kind!r}. Supported values are: {supported}.", f"{where}.type", "invalid_value")
    if kind != "json_schema":
        return None if kind == "text" else {"type": "object"}
    if not isinstance(inner, dict) or inner.get("name") is None:
        missing = f"{below}.name"
        raise refuse(f"Missing required parameter: '{missing}'.", missing, "missing_required_parameter")
    check_name(inner["name"], f"{below}.name")
    schema = inner.get("schema")
    if not isinstance(schema, dict):
        missing = f"{below}.schema"
        raise refuse(f"Missing required parameter: '{missing}'.", missing, "missing_required_parameter")
    complaint = strict_complaint(schema, ()) if inner.get("strict") else None
    if complaint:
        raise refuse(f"Invalid schema for response_format '{inner['name']}': {complaint}.", where)
    return schema
