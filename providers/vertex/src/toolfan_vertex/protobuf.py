"""REST JSON to vertexai's objects and back.

Bodies become the SDK's own objects by its public `from_dict`s; whatever has no place there is refused, never dropped.
The answer is read from the protobuf message, because the SDK's accessors rename arguments (`class_` becomes `class`)
and raise KeyError for a call without any.

What this wire cannot keep: a protobuf Struct has doubles only, and no order.  Whole numbers below 2**53 are read as
ints (a `3.0` becomes `3`), larger ones stay floats and have lost digits, keys come in any order; v1 has no call ids.

Knows: vertexai's classes, imported while sending, when the user has imported them.  Must not know: codecs, sending.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan.errors import UsageError
from toolfan.wire import encode_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolfan.adapter import JSON

GENAI_HINT = "google.genai.Client(vertexai=True) carries it."
_CARRIED = frozenset(
    {"contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings", "labels"}
)
_EXACT = 2**53  # above it a double skips whole numbers


class Arguments:
    """Makes the arguments of generate_content; keeps the last tools, which are the same list for one tool set."""

    def __init__(self, adapter: str) -> None:
        self._adapter = adapter
        self._rendered: tuple[Any, list[Any]] = (None, [])

    def of(self, body: JSON, model: Any) -> JSON:
        """The arguments for this body, without its system instruction; what the model itself sets stays where it can.

        Raises UsageError, with the name, for a field that GenerativeModel does not have.
        """
        if unknown := sorted(body.keys() - _CARRIED):
            raise UsageError(f"GenerativeModel has no {', '.join(unknown)}", adapter=self._adapter, hint=GENAI_HINT)
        encode_json(body)  # refuses what is no JSON
        try:
            return self._converted(body, model)
        except UsageError as exc:
            raise exc.with_details(adapter=self._adapter) from None
        except Exception as exc:  # protobuf's ParseError names the field
            raise UsageError(
                f"GenerativeModel cannot carry this request: {exc}", adapter=self._adapter, hint=GENAI_HINT
            ) from exc

    def _converted(self, body: JSON, model: Any) -> JSON:
        from vertexai import generative_models as sdk

        arguments: JSON = {
            "contents": [sdk.Content.from_dict(content) for content in body["contents"]],
            "tools": self._tools(sdk, body.get("tools")),
            "tool_config": _tool_config(sdk, body.get("toolConfig") or {}),
        }
        if body.get("generationConfig"):
            given = sdk.GenerationConfig.from_dict(body["generationConfig"])
            arguments["generation_config"] = _over(given, getattr(model, "_generation_config", None))
        if body.get("safetySettings"):
            settings = [sdk.SafetySetting.from_dict(item) for item in body["safetySettings"]]
            arguments["safety_settings"] = _with_others(sdk, settings, getattr(model, "_safety_settings", None))
        if body.get("labels"):
            arguments["labels"] = {**(getattr(model, "_labels", None) or {}), **body["labels"]}
        return arguments

    def _tools(self, sdk: Any, tools: Any) -> list[Any]:
        known, rendered = self._rendered
        if known is not tools:
            rendered = [sdk.Tool.from_dict(tool) for tool in tools or ()]
            self._rendered = (tools, rendered)
        return rendered


def _over(given: Any, own: Any) -> Any:
    """The model's own configuration, of any form that the SDK takes, with the given fields in place of its own."""
    raw = getattr(given, "_raw_generation_config", None)
    if not own or raw is None:
        return given
    own = getattr(own, "_raw_generation_config", own)
    merged = type(raw)(**own) if isinstance(own, dict) else type(raw)(own)
    for field, _ in raw._pb.ListFields():
        merged._pb.ClearField(field.name)  # a list would be appended to the model's own
    merged._pb.MergeFrom(raw._pb)
    return merged


def _with_others(sdk: Any, given: list[Any], own: Any) -> list[Any]:
    """The given settings, and the model's own, of any form that the SDK takes, of the other categories."""
    if isinstance(own, dict):
        own = [sdk.SafetySetting(category=category, threshold=threshold) for category, threshold in own.items()]
    told = set(map(_category, given))
    return [*(one for one in own or () if _category(one) not in told), *given]


def _category(setting: Any) -> int:
    return int(getattr(setting, "_raw_safety_setting", setting).category)


def system_parts(system: JSON) -> list[Any]:
    """The parts of a system instruction as the SDK's objects."""
    from vertexai import generative_models as sdk

    return list(sdk.Content.from_dict({"role": "user", "parts": system["parts"]}).parts)


def _tool_config(sdk: Any, config: Mapping[str, Any]) -> Any:
    calling = dict(config.get("functionCallingConfig") or {})
    mode, allowed = calling.pop("mode", "AUTO"), calling.pop("allowedFunctionNames", None)
    rest = [*(config.keys() - {"functionCallingConfig"}), *(f"functionCallingConfig.{key}" for key in calling)]
    if rest:
        raise UsageError(f"GenerativeModel has no toolConfig.{min(rest)}", hint=GENAI_HINT)
    kind = sdk.ToolConfig.FunctionCallingConfig
    return sdk.ToolConfig(kind(mode=kind.Mode[mode], allowed_function_names=allowed))


def read_answer(response: Any) -> JSON:
    """A GenerationResponse as REST JSON."""
    message = getattr(getattr(response, "_raw_response", None), "_pb", None)
    if message is None:
        return dict(response.to_dict())
    from google.protobuf import json_format

    try:
        body: JSON = json_format.MessageToDict(message)
    except json_format.SerializeToJsonError:  # NaN or an infinity among the arguments
        body = _without_arguments(message)
        for call, sent in zip(_calls(body), _sent_calls(message), strict=True):
            if sent.HasField("args"):
                call["args"] = _struct(sent.args)
    for call in _calls(body):
        if "args" in call:
            call["args"] = _whole(call["args"])
        for piece in call.get("partialArgs", ()):
            if "numberValue" in piece:
                piece["numberValue"] = _whole(piece["numberValue"])
    return body


def _calls(body: JSON) -> list[JSON]:
    contents = [candidate.get("content", {}) for candidate in body.get("candidates", ())]
    return [part["functionCall"] for content in contents for part in content.get("parts", ()) if "functionCall" in part]


def _sent_calls(message: Any) -> list[Any]:
    parts = [part for candidate in message.candidates for part in candidate.content.parts]
    return [part.function_call for part in parts if part.WhichOneof("data") == "function_call"]


def _without_arguments(message: Any) -> JSON:
    from google.protobuf import json_format

    twin = type(message).FromString(message.SerializeToString())
    for call in _sent_calls(twin):
        call.ClearField("args")
    return dict(json_format.MessageToDict(twin))


def _struct(struct: Any) -> JSON:
    return {key: _value(value) for key, value in struct.fields.items()}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _struct(value.struct_value)
    if kind == "list_value":
        return [_value(item) for item in value.list_value.values]
    return None if kind in (None, "null_value") else getattr(value, kind)


def _whole(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < _EXACT else value
    if isinstance(value, dict):
        return {key: _whole(inner) for key, inner in value.items()}
    return [_whole(inner) for inner in value] if isinstance(value, list) else value
