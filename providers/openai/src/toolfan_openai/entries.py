"""One entry of `tool_calls`, as OpenAI documents it and as OpenAI-compatible servers write it.

Knows: the shape of an entry.  Must not know: what else is in a message or a chunk, validation of arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolfan.assembly.sealing import number_of
from toolfan.wire import escaped, is_same, json_text, json_value, well_formed

_OBJECT = (dict, Mapping)  # dict first, which is the usual one and the cheaper look
_FOR_ARGUMENTS = ("parameters", "input", "args")
"""What stands in their place: of Llama and others, of Anthropic's blocks, of LangChain's messages."""
_SAID = ("name", "arguments", *_FOR_ARGUMENTS)
_TYPES = (None, "function", "function_call", "tool_call", "tool_use")  # of a call without `function`


def regular(entry: Any, *, unnamed: bool = False) -> Any:
    """The entry as OpenAI writes one: some have no `function` around name and arguments, or these elsewhere.

    `unnamed`: what has only the arguments is one, too.
    """
    if not isinstance(entry, _OBJECT):
        return entry
    function = entry.get("function")
    if isinstance(function, _OBJECT):
        return {**entry, "function": _with_arguments(function)} if said_elsewhere(function) else entry
    if function is not None or entry.get("custom") is not None or entry.get("type") not in _TYPES:
        return entry
    said = {key: entry[key] for key in _SAID if key in entry}
    name = said.get("name")
    if not (isinstance(name, str) and name) and (name or not unnamed or len(said) == ("name" in said)):
        return entry
    rest = {key: value for key, value in entry.items() if key not in said}
    return {**rest, "function": _with_arguments(said)}


def said_elsewhere(said: Mapping[str, Any]) -> bool:
    """Whether there is something that may stand in the place of the arguments."""
    return "parameters" in said or "input" in said or "args" in said


def _with_arguments(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """With what stands in the place of the arguments for them, if there are no others."""
    other = next((key for key in _FOR_ARGUMENTS if said.get(key) is not None), None)
    if other is None or said.get("arguments") not in (None, ""):
        return said
    return {key: value for key, value in said.items() if key != other} | {"arguments": said[other]}


def is_phantom(entry: Any) -> bool:
    """Whether the entry has neither name nor arguments, as some servers send beside text or calls."""
    function = entry.get("function") if isinstance(entry, _OBJECT) else None
    return isinstance(function, _OBJECT) and _is_nothing(function) and custom_of(entry) is None


def _is_nothing(function: Mapping[str, Any]) -> bool:
    said = function.get("arguments")  # a stream's, which may be cut, are known by the same: `Slot.is_phantom`
    nothing = said in (None, {}) or (isinstance(said, str) and len(said) < 9 and said.strip() in ("", "{", "{}"))
    return nothing and not function.get("name")


def custom_of(entry: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What is said of a custom call; None for other entries.  Some servers write an empty `function` beside it."""
    custom, function = entry.get("custom"), entry.get("function")
    if not isinstance(custom, _OBJECT) or not isinstance(function, _OBJECT):
        return custom if isinstance(custom, _OBJECT) else None
    if not (custom.get("name") or custom.get("input")):
        return None
    return custom if entry.get("type") == "custom" or _is_nothing(function) else None


def in_order(sent: list[Any]) -> list[Any]:
    """The entries by their indices, where all have one and no two the same."""
    if len(sent) < 2:
        return sent
    indices = [number_of(entry.get("index")) if isinstance(entry, _OBJECT) else None for entry in sent]
    known = [index for index in indices if index is not None]
    if len(set(known)) < len(sent):
        return sent
    return [sent[at] for at in sorted(range(len(sent)), key=known.__getitem__)]


def piece(entry: Any) -> tuple[str | None, str, str]:
    """Id, name and arguments as JSON text."""
    if not isinstance(entry, _OBJECT):
        return None, "", json_text(entry)
    call_id = entry.get("id")
    if call_id is not None:
        call_id = well_formed(call_id if isinstance(call_id, str) else json_text(call_id))
    function, custom = entry.get("function"), custom_of(entry)
    if custom is not None:
        function = {"name": custom.get("name"), "arguments": custom.get("input")}
    elif not isinstance(function, _OBJECT):
        return call_id, "", entry_text(entry)
    name, arguments = function.get("name") or "", function.get("arguments")
    text = escaped(arguments) if isinstance(arguments, str) else "" if arguments is None else json_text(arguments)
    return call_id, well_formed(name if isinstance(name, str) else json_text(name)), text


def is_another(call: tuple[str, str], others: list[tuple[str, str]]) -> bool:
    """Whether a `function_call` is none of the `tool_calls` beside it, nor the beginning of one; names and texts."""
    name, text = call
    same = [arguments for other, arguments in others if other == name]
    if not name or any(said.startswith(text) or (said and text.startswith(said)) for said in same):
        return False
    value = json_value(text)
    return value is None or not any(is_same(json_value(said), value) for said in same)


def entry_text(entry: Mapping[str, Any]) -> str:
    """An entry that has no function, as JSON; without its index, which is of the form in which it came."""
    return json_text({key: value for key, value in entry.items() if key != "index"})
