"""Bytes in JSON: base64 text in bodies, bytes in the arguments and answers of the SDK.

Knows: the shapes of botocore's service model.  Must not know: what is in a body.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from toolfan.errors import BadResponse, UsageError
from toolfan.wire import decode_json


def to_sdk(value: Any, shape: Any, where: str = "the request", *, known_only: bool = False) -> Any:
    """The value with bytes where the shape wants them; of what the model said, no more than this SDK knows.

    It refuses to send anything else.  Raises UsageError for a text that is not base64.
    """
    kind = getattr(shape, "type_name", None)
    if kind == "blob" and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except ValueError:
            raise UsageError(f"{where} is not base64", hint="Nothing was sent; mend the value.") from None
    if kind == "list" and isinstance(value, list | tuple):
        items = [to_sdk(item, shape.member, f"{where}[{at}]", known_only=known_only) for at, item in enumerate(value)]
        return [item for item in items if item != {}] if known_only else items
    if kind == "structure" and isinstance(value, Mapping) and not getattr(shape, "is_document_type", False):
        members = shape.members
        known_only = known_only or (shape.name == "Message" and value.get("role") == "assistant")
        made = {
            key: to_sdk(inner, members.get(key), f"{where}.{key}", known_only=known_only)
            for key, inner in value.items()
            if key in members or not known_only
        }
        return _without_emptied(made, value, shape) if known_only else made
    return value


def _without_emptied(made: Mapping[str, Any], value: Mapping[str, Any], shape: Any) -> Mapping[str, Any]:
    """What was made of the value, without that of which nothing was known; nothing, if it cannot be without."""
    emptied = {key for key, inner in made.items() if inner == {} != value[key]}
    if not emptied.isdisjoint(shape.required_members):
        return {}
    return {key: inner for key, inner in made.items() if key not in emptied}


def to_json(value: Any) -> Any:
    """The value with base64 text in place of bytes."""
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: to_json(inner) for key, inner in value.items()}
    return [to_json(inner) for inner in value] if isinstance(value, list) else value


def stubbed(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What a stub (botocore's Stubber, a patched `_make_api_call`) gives as the body: it has no text of one."""
    return {key: to_json(value) for key, value in answer.items() if key != "ResponseMetadata"}


def from_body(content: bytes, shape: Any) -> dict[str, Any]:
    """What botocore would read in the body of an answer, in a fraction of its time; an odd value stays what it is."""
    try:
        body = decode_json(content, adapter="")
    except BadResponse:  # told by who reads it for the request
        return {}
    return _from_wire(body, shape) if isinstance(body, dict) else {}


def _from_wire(value: Any, shape: Any) -> Any:
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict) and not shape.is_document_type:
        members, told = shape.members, {key: inner for key, inner in value.items() if inner is not None}
        known = {key: _from_wire(inner, members[key]) for key, inner in told.items() if key in members}
        if told and not known and getattr(shape, "is_tagged_union", False):  # one of a service newer than the SDK
            return {"SDK_UNKNOWN_MEMBER": {"name": next(iter(told))}}
        return known
    if kind == "list" and isinstance(value, list):
        return [_from_wire(item, shape.member) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: _from_wire(inner, shape.value) for key, inner in value.items()}
    if kind == "blob" and isinstance(value, str):
        try:
            return base64.b64decode(value)
        except ValueError:
            return value
    return value
