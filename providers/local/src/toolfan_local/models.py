"""The models that the server says it has, in OpenAI's form, in Anthropic's and in Google's: any name is that of one.

Knows the paths and the answers; not who may ask.
"""

from __future__ import annotations

import re
from typing import Any

JSON = dict[str, Any]

PATH = re.compile(  # what asks a model of Google's for something is none of these
    r"(?:/openai)?(?:/v1)?(?P<google>(?<=/v1)beta)?/models(?:/(?P<name>(?!.*:\w*(?:Content|Tokens)$).+))?$"
)
_NAME = "toolfan-local"


def openai_models(name: str | None) -> JSON:
    """The answer to `GET /v1/models`, or to `GET /v1/models/NAME`."""
    model = {"id": name or _NAME, "object": "model", "created": 1700000000, "owned_by": "toolfan"}
    return model if name else {"object": "list", "data": [model]}


def anthropic_models(name: str | None) -> JSON:
    """The same for a client of Anthropic's, which asks at the same paths."""
    model = {
        "type": "model",
        "id": name or _NAME,
        "display_name": name or _NAME,
        "created_at": "2023-11-14T22:13:20Z",
        "lifecycle": "active",
    }
    return model if name else {"data": [model], "has_more": False, "first_id": _NAME, "last_id": _NAME}


def google_models(name: str | None) -> JSON:
    """The answer to `GET /v1beta/models`, or to `GET /v1beta/models/NAME`."""
    model = {
        "name": f"models/{name or _NAME}",
        "version": "001",
        "displayName": name or _NAME,
        "description": "toolfan's embedded server",
        "inputTokenLimit": 1048576,
        "outputTokenLimit": 65536,
        "supportedGenerationMethods": ["generateContent"],
    }
    return model if name else {"models": [model]}
