"""Options of a request by Google's names, in SDK spelling (`top_p`) or on-the-wire spelling (`topP`).

Sources: GenerationConfig and GenerateContentRequest of the Vertex AI v1 discovery document (revision 20261106), the
fields that google-genai 1.66 to 3.4 adds for the Gemini API.

Knows: where an option goes.  Must not know: what it means.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

from toolfan.errors import UsageError
from toolfan.messages.sdk_objects import plain_data

from .fields import camel

if TYPE_CHECKING:
    from toolfan.adapter import JSON

_GENERATION = frozenset(
    {
        "audio_timestamp",
        "candidate_count",
        "enable_affective_dialog",
        "enable_enhanced_civic_answers",
        "frequency_penalty",
        "image_config",
        "logprobs",
        "max_output_tokens",
        "media_resolution",
        "presence_penalty",
        "response_json_schema",
        "response_logprobs",
        "response_mime_type",
        "response_modalities",
        "response_schema",
        "routing_config",
        "seed",
        "speech_config",
        "stop_sequences",
        "temperature",
        "thinking_config",
        "top_k",
        "top_p",
    }
)
_TOP = frozenset({"cached_content", "labels", "model_armor_config", "safety_settings", "service_tier"})
_SNAKE = _GENERATION | _TOP | {"generation_config"}
# Objects of the request whose own keys toolfan sets, or may set.
_NESTED = frozenset({"generationConfig", "toolConfig", "functionCallingConfig"})

OPTION_NAMES = _SNAKE | {camel(name) for name in _SNAKE}
_KNOWN = frozenset({"systemInstruction", "allowedFunctionNames", *_NESTED, *map(camel, _SNAKE)})
_IN_GENERATION = frozenset(camel(name) for name in _GENERATION)


def options_to_body(options: Mapping[str, Any], adapter: str) -> JSON:
    """The options as fields of the request.  Raises UsageError for one that is given twice, or of a wrong kind."""
    top: JSON = {}
    generation: JSON = {}
    for name, value in options.items():
        if (written := camel(name)) == "generationConfig":
            for key, inner in _generation(value, adapter).items():
                _put(generation, camel(key), inner, adapter)
        elif written in _IN_GENERATION:
            _put(generation, written, plain(value), adapter)
        elif written == "safetySettings":
            _put(top, written, _safety(value), adapter)
        elif written == "labels":
            _put(top, written, _labels(value, adapter), adapter)
        else:
            _put(top, written, plain(value), adapter)
    return {"generationConfig": generation, **top} if generation else top


def _generation(value: Any, adapter: str) -> JSON:
    given = plain(value)
    if not isinstance(given, dict | None):
        raise UsageError(
            f"the option generation_config is a {type(value).__name__}",
            adapter=adapter,
            hint='Write generation_config={"temperature": 0}, or give its fields by themselves.',
        )
    return given or {}


def _put(target: JSON, name: str, value: Any, adapter: str) -> None:
    if name in target:
        raise UsageError(f"the option {name} is given twice", adapter=adapter, hint="Use one spelling of it.")
    target[name] = value


def _labels(value: Any, adapter: str) -> JSON | None:
    if value is None:
        return None
    hint = 'Labels are texts by texts: labels={"team": "search"}.'
    if not isinstance(value, Mapping):
        raise UsageError(f"the option labels is a {type(value).__name__}", adapter=adapter, hint=hint)
    for key, text in value.items():
        if not (isinstance(key, str) and isinstance(text, str)):
            what = f"{key!r} with a {type(text).__name__}"
            raise UsageError(f"the option labels has {what}", adapter=adapter, hint=hint)
    return dict(value)


def _safety(value: Any) -> Any:
    """The list of the wire; vertexai's short form {category: threshold} is written out."""
    if isinstance(value, Mapping):
        return [{"category": plain(key), "threshold": plain(threshold)} for key, threshold in value.items()]
    return plain(value)


def plain(value: Any) -> Any:
    """An option as plain data: SDK users also pass enums and config objects."""
    if isinstance(value, Enum):
        return value.value if isinstance(value, str) else value.name
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    given = plain_data(value, "an option")
    return value if given is None else given


def extra_to_body(extra: Mapping[str, Any]) -> JSON:
    """The user's extra fields, known ones in camelCase so that a clash with toolfan's own shows, others untouched."""
    body: JSON = {}
    for key, value in extra.items():
        name = camel(key) if camel(key) in _KNOWN else key
        body[name] = extra_to_body(value) if name in _NESTED and isinstance(value, Mapping) else value
    return body
