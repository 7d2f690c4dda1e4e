"""What Google's generateContent refuses of a well-formed request, with the service's own messages.

Knows the rules of the request in both spellings (camelCase, snake_case); its form is `google_fields`'s, the reading
`google_wire`'s.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from toolfan_local.google_fields import camel, check_fields, listed, refuse
from toolfan_local.google_schema import type_word
from toolfan_local.parameters import GOOGLE_RANGES, faults

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = dict[str, Any]

MODES = ("AUTO", "ANY", "NONE", "VALIDATED")
_MODE_NUMBERS = {0: "AUTO", 1: "AUTO", 2: "ANY", 3: "NONE", 5: "VALIDATED"}
_ROLES = ("user", "model", "function")
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}\Z")


def spelled(message: Mapping[str, Any], name: str) -> Any:
    """A field by its camelCase name, in either spelling; None when it is not there."""
    if name in message:
        return message[name]
    return message.get(re.sub(r"[A-Z]", lambda letter: "_" + letter[0].lower(), name))


def parts_of(content: Mapping[str, Any]) -> list[JSON]:
    """The parts of one content."""
    parts = content.get("parts")
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def role_of(content: Mapping[str, Any]) -> str:
    """Who says a content: the user, where the role is missing, null or empty."""
    return content.get("role") or "user"


def calling_config(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """The function calling config, empty where there is none."""
    return spelled(spelled(request, "toolConfig") or {}, "functionCallingConfig") or {}


def generation_config(request: Mapping[str, Any]) -> dict[str, Any]:
    """The generation config with camelCase names and numbers as such."""
    named = {camel(key): value for key, value in (spelled(request, "generationConfig") or {}).items()}
    return {key: _number(value) if key in GOOGLE_RANGES else value for key, value in named.items()}


def _number(value: Any) -> Any:
    number = float(value) if isinstance(value, str) else value
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _check_generation(config: dict[str, Any]) -> None:
    for name, value, _ in faults(config, GOOGLE_RANGES):
        one = GOOGLE_RANGES[name]
        span = f"from {one.least} (inclusive)" + (f" to {one.most} (inclusive)" if one.most is not None else "")
        raise refuse(
            f"Unable to submit request because it has a {name} value of {value} but the supported range is {span}. "
            "Update the value and try again."
        )


def mode_word(config: Mapping[str, Any]) -> str:
    """The calling mode as a word; AUTO where none is given. Raises Refused for an unknown one."""
    mode = config.get("mode")
    given = "AUTO" if mode is None else mode.upper() if isinstance(mode, str) else _MODE_NUMBERS.get(mode)
    word = "AUTO" if given == "MODE_UNSPECIFIED" else given
    if word not in MODES:
        raise refuse(
            "Invalid value at 'tool_config.function_calling_config.mode' (type.googleapis.com/google.cloud."
            f'aiplatform.v1.FunctionCallingConfig.Mode), "{mode}"'
        )
    return str(word)


def checked_request(given: JSON) -> JSON:
    """The request, with lists wherever one message stands alone for several.

    Raises Refused for the first thing that the service would not take.
    """
    check_fields(given)
    request = listed(given)
    _check_contents(request.get("contents"))
    names = _check_tools(request.get("tools"))
    _check_config(request, names)
    _check_generation(generation_config(request))
    return request


def _check_contents(contents: list[JSON] | None) -> None:
    if not contents:
        raise refuse("Unable to submit request because at least one contents field is required.")
    called = 0
    for content in contents:
        if role_of(content) not in _ROLES:
            raise refuse("Please use a valid role: user, model.")
        if not parts_of(content):
            raise refuse(
                "Unable to submit request because it must include at least one parts field, which describes "
                "the prompt input."
            )
        answered = _count(content, "functionResponse")
        if (answered or called) and answered != called:
            raise refuse(
                "Please ensure that the number of function response parts is equal to the number of function "
                "call parts of the function call turn."
            )
        called = _count(content, "functionCall")
    if called:
        raise refuse(
            "Please ensure that the number of function response parts is equal to the number of function "
            "call parts of the function call turn."
        )


def _count(content: JSON, kind: str) -> int:
    return sum(isinstance(spelled(part, kind), dict) for part in parts_of(content))


def _check_tools(tools: list[JSON] | None) -> set[str]:
    names: set[str] = set()
    for tool in tools or []:
        for declaration in spelled(tool, "functionDeclarations") or []:
            names.add(_check_declaration(declaration, names))
    return names


def _check_declaration(declaration: JSON, names: set[str]) -> str:
    name = declaration.get("name")
    if not isinstance(name, str) or not _NAME.match(name):
        raise refuse(
            "Invalid function name. Must start with a letter or an underscore. Must be alphameric (a-z, A-Z, "
            "0-9), underscores (_), dots (.) or dashes (-), with a maximum length of 64."
        )
    if name in names:
        raise refuse(f"Duplicate function declaration found: {name}")
    parameters, schema = declaration.get("parameters"), spelled(declaration, "parametersJsonSchema")
    if parameters is not None and schema is not None:
        raise refuse(
            f"Unable to submit request because `{name}` functionDeclaration has both `parameters` and "
            "`parameters_json_schema`."
        )
    for given, known in ((parameters, type_word), (schema, _json_type)):
        if given is not None and (not isinstance(given, dict) or known(given.get("type")) != "object"):
            raise refuse(
                f"Unable to submit request because `{name}` functionDeclaration `parameters` schema should be "
                "of type OBJECT."
            )
    return name


def _json_type(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _check_config(request: JSON, names: set[str]) -> None:
    config = calling_config(request)
    mode = mode_word(config)
    allowed = spelled(config, "allowedFunctionNames") or []
    if mode == "ANY" and not names:
        raise refuse("Function calling config is set without function_declarations.")
    if allowed and mode not in ("ANY", "VALIDATED"):
        raise refuse(
            "Unable to submit request because `allowed_function_names` should be set only when the function "
            "calling mode is ANY."
        )
    for name in allowed:
        if name not in names:
            raise refuse(
                f"Unable to submit request because the allowed function name `{name}` is not among the "
                "function declarations."
            )
