"""From the arguments of `create()` to a neutral request and a policy; every refusal before anything is sent.

Knows: arguments, capabilities.  Must not know: wire formats, transports, how answers are judged.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from ..adapter import ToolChoice, ToolRequest
from ..errors import ToolDefinitionError, Unsupported, UsageError
from ..messages.chat import CHAT_ROLES, check_messages, named_tools
from ..tools.defining import in_short
from ..tools.tool_type import Tool
from ..tools.toolset import ToolSet, legal_name, tool_set
from ..values import dataclass
from ..wire import nearest
from .extras import extra_body, extra_headers, extra_query

if TYPE_CHECKING:
    from ..adapter import Capabilities, ParallelToolsAdapter
    from ..messages.chat import Message

DEFAULT_DEADLINE = 600.0
_NOT_GIVEN = frozenset({"NotGiven", "Omit"})  # classes of openai's and anthropic's NOT_GIVEN and omit
_NUMBER = (float, numbers.Real)  # the latter alone is slow
_CHOICES = {"auto": ToolChoice("auto"), "required": ToolChoice("required"), "none": ToolChoice("none")}
LONGEST_DEADLINE = 1e8  # three years; sockets and locks take no more than some such number

DEFAULTS: Mapping[str, Any] = {
    "model": None,
    "tool_choice": "auto",
    "parallel": True,
    "stream": False,
    "max_attempts": 3,
    "on_invalid": "reask",
    "repairs": True,
    "deadline": DEFAULT_DEADLINE,
    "strict": None,
    "context": None,
    "extra_body": None,
    "extra_headers": None,
    "extra_query": None,
}


@dataclass(slots=True)
class Policy:
    """How the answer is judged, how often it is asked for and how long it may take.

    `max_attempts` counts rounds of asking, `deadline` is in seconds for all of them, None for no limit.
    """

    on_invalid: Literal["reask", "raise", "keep"] = "reask"
    max_attempts: int = 3
    repairs: bool = True
    deadline: float | None = DEFAULT_DEADLINE
    context: Any = None

    @property
    def max_requests(self) -> int:
        """The ceiling on requests of one `create`, retries of all rounds included."""
        return 2 * self.max_attempts + 1

    def __post_init__(self) -> None:
        if self.on_invalid not in ("reask", "raise", "keep"):
            raise UsageError(f"on_invalid is {in_short(self.on_invalid)}", hint='It is "reask", "raise" or "keep".')
        if not isinstance(self.repairs, bool):
            raise UsageError(f"repairs is {in_short(self.repairs)}", hint="It is True or False.")
        if not _is_count(self.max_attempts):
            raise UsageError(f"max_attempts is {in_short(self.max_attempts)}", hint="It is a whole number from 1.")
        if self.deadline is not None and not (_is_number(self.deadline) and 0 < self.deadline <= LONGEST_DEADLINE):
            raise UsageError(
                f"deadline is {in_short(self.deadline)}",
                hint=f"It is a number of seconds above 0, at most {LONGEST_DEADLINE:g}, or None for no limit.",
            )


@dataclass(slots=True)
class Prepared:
    """A request that may be sent: checked against the adapter's capabilities."""

    request: ToolRequest
    policy: Policy
    headers: Mapping[str, str]
    query: Mapping[str, str]


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_number(value: Any) -> bool:
    return isinstance(value, _NUMBER) and not isinstance(value, bool)


def prepare(
    adapter: ParallelToolsAdapter,
    defaults: Mapping[str, Any],
    *,
    messages: Iterable[Message],
    response_model: Any = None,
    tools: Any = None,
    options: Mapping[str, Any],
) -> Prepared:
    """The request of one `create()`.

    `options` are the keyword arguments as given, `defaults` the client's own; one that is an SDK's word for "not given"
    is none.  Raises UsageError and its kin for what is wrong with them, before anything is sent.
    """
    tool_types = tool_set(response_model, tools)
    given = {name: value for name, value in options.items() if type(value).__name__ not in _NOT_GIVEN}
    try:
        return _prepared(adapter, {**_others(defaults, given), **given}, messages, tool_types)
    except UsageError as exc:
        exc.adapter = exc.adapter or adapter.name
        raise


def _others(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The client's own options, but for those that the call gives in another spelling (`topP` for `top_p`)."""
    if not (own := defaults.keys() - DEFAULTS.keys() - given.keys()):
        return defaults
    spelt = {name.replace("_", "").lower() for name in given}
    again = {name for name in own if name.replace("_", "").lower() in spelt}
    return {name: value for name, value in defaults.items() if name not in again}


def _prepared(
    adapter: ParallelToolsAdapter, said: Mapping[str, Any], messages: Iterable[Message], tool_types: ToolSet[Any]
) -> Prepared:
    given = {**DEFAULTS, **said}
    provider_options = {key: value for key, value in said.items() if key not in DEFAULTS}
    _check_options(adapter, provider_options)
    request = ToolRequest(
        model=given["model"],
        messages=_legally_named(check_messages(messages), tool_types, adapter.capabilities),
        tools=tool_types,
        tool_choice=_tool_choice(given["tool_choice"], tool_types),
        parallel=given["parallel"],
        strict=given["strict"],
        stream=given["stream"],
        options=provider_options,
        extra_body=extra_body(given["extra_body"], tool_types),
    )
    _check_capabilities(adapter, request)
    policy = Policy(given["on_invalid"], given["max_attempts"], given["repairs"], given["deadline"], given["context"])
    headers = extra_headers(given["extra_headers"], getattr(adapter, "omits_with", ""))
    return Prepared(request, policy, headers, extra_query(given["extra_query"]))


def _legally_named(messages: tuple[Message, ...], tools: ToolSet[Any], can: Capabilities) -> tuple[Message, ...]:
    """The messages, whose calls of tools that are not offered have names that the provider takes.

    A history may come from another provider.  What is offered is named by the adapter, as in the rest of its request.
    """
    others = {name for name in named_tools(messages) if name not in tools.by_name}
    wire = {name: legal_name(name, can.name_pattern, can.max_name_length) for name in others}
    changed = {name: legal for name, legal in wire.items() if legal != name}
    if not changed:
        return messages
    from ..messages.rewriting import with_wire_names

    return tuple(with_wire_names(message, changed) for message in messages)


def _check_options(adapter: ParallelToolsAdapter, options: Mapping[str, Any]) -> None:
    door = getattr(adapter, "unchecked_option", "extra_body")
    for name, value in options.items():
        if name in ("stop", "wait") and callable(value):
            hint = "One of tenacity's is for all calls of a client: give it to connect(), wrap() or from_openai()."
            raise UsageError(f"{name}= of a call is a function", adapter=adapter.name, hint=hint)
        if name in adapter.option_names:
            continue
        from ..other_names import not_of_create

        hint = not_of_create(name)
        if not hint and name == "n":
            hint = f"Of several choices only the first would be read; {door}={{'n': ...}} sends it all the same."
        elif not hint:
            close = nearest(name, [*adapter.option_names, *DEFAULTS, "messages", "response_model", "tools"])
            hint = f"To send it unchecked, use {door}={{{name!r}: ...}}.{close}"
        raise UsageError(f"{name}= is no option of create(), nor of this provider", adapter=adapter.name, hint=hint)


def _tool_choice(choice: Any, tools: ToolSet[Any]) -> ToolChoice:
    if isinstance(choice, ToolChoice):
        return _checked_choice(choice, tools)
    if isinstance(choice, str):
        if choice in _CHOICES:
            return _CHOICES[choice]
        hint = (
            f"Write tool_choice=[{choice!r}]."
            if choice in tools.by_name
            else 'It is "auto", "required", "none" or a list of the tools.'
            + nearest(choice, [*tools.by_name, "auto", "required", "none"])
        )
        raise UsageError(f"tool_choice is {choice!r}", hint=hint)
    if isinstance(choice, Mapping):
        form = choice.get("function", choice)
        name = form.get("name") if isinstance(form, Mapping) else None
        offered = isinstance(name, str) and name in tools.by_name
        hint = f'Write tool_choice=["{name}"].' if offered else 'It is "auto", "required", "none" or a list of tools.'
        raise UsageError("tool_choice is a dict, the form of one provider", hint=hint)
    items = list(choice) if isinstance(choice, list | tuple | set | frozenset) else [choice]
    if not items:
        raise UsageError("tool_choice is an empty list", hint='To forbid calls, write tool_choice="none".')
    names = dict.fromkeys(_tool_name(item, tools) for item in items)
    return ToolChoice("required", tuple(name for name in tools.by_name if name in names))


def _checked_choice(choice: ToolChoice, tools: ToolSet[Any]) -> ToolChoice:
    if choice.mode not in ("auto", "required", "none"):
        hint = 'It is "auto", "required" or "none".'
        raise UsageError(f"tool_choice has the mode {in_short(choice.mode)}", hint=hint)
    if choice.tools is None:
        return choice
    if not choice.tools or choice.mode == "none":
        raise UsageError(f"tool_choice is {choice!r}", hint='To forbid calls, write tool_choice="none".')
    names = {_tool_name(item, tools) for item in choice.tools}
    return ToolChoice(choice.mode, tuple(name for name in tools.by_name if name in names))


def _tool_name(item: Any, tools: ToolSet[Any]) -> str:
    for tool in tools:
        if item is tool or item is tool.target or item == tool.name:
            return tool.name
        if not isinstance(item, Tool | str) and item == tool.target:
            return tool.name
    named = item.name if isinstance(item, Tool) else getattr(item, "__name__", item)
    said = repr(named) if isinstance(named, str) else in_short(named)
    raise UsageError(
        f"tool_choice names {said}, which is not among the tools",
        hint=f"They are {', '.join(tools.by_name)}.{nearest(str(named), tools.by_name)}",
    )


def _check_capabilities(adapter: ParallelToolsAdapter, request: ToolRequest) -> None:
    can, choice, parallel = adapter.capabilities, request.tool_choice, request.parallel
    if not (isinstance(parallel, bool) or _is_count(parallel)):
        hint = "It is True, False or the largest number of calls, from 1."
        raise UsageError(f"parallel is {in_short(parallel)}", hint=hint)
    if not (request.strict is None or isinstance(request.strict, bool)):
        raise UsageError(
            f"strict is {in_short(request.strict)}",
            hint="It is True, False or None, and means the provider's schema mode; pydantic's strictness belongs into "
            "the model: model_config = ConfigDict(strict=True).",
        )
    if not isinstance(request.stream, bool):
        raise UsageError(f"stream is {in_short(request.stream)}", hint="It is True or False.")
    if not (request.model is None or isinstance(request.model, str)):
        raise UsageError(f"model is {in_short(request.model)}", hint="It is the provider's name of a model, a text.")
    denied = [
        (request.stream and not can.streaming, "streams"),
        (request.strict and not can.strict_schemas, "strict=True"),
        _denied_choice(choice, can.tool_choice_subset),  # which says required, too
        (choice.mode == "required" and not can.tool_choice_required, 'tool_choice="required"'),
    ]
    if not (can.system_messages and can.images):
        denied += _denied_messages(adapter, request)
    for is_denied, what in denied:
        if is_denied:
            raise Unsupported(f"this provider does not offer {what}", adapter=adapter.name, hint="Leave it out.")
    if can.max_tools is not None and len(request.tools) > can.max_tools:
        raise ToolDefinitionError(
            f"{len(request.tools)} tools are offered, and the provider takes {can.max_tools}",
            adapter=adapter.name,
            hint="Offer fewer tools in one request.",
        )
    request.tools.names(can.name_pattern, can.max_name_length)


def _denied_choice(choice: ToolChoice, most: bool | int) -> tuple[bool, str]:
    what = "a tool_choice of several tools" if most else "a subset of the tools as tool_choice"
    return most is not True and choice.tools is not None and len(choice.tools) > most, what


def _denied_messages(adapter: ParallelToolsAdapter, request: ToolRequest) -> list[tuple[bool, str]]:
    can = adapter.capabilities
    roles = [message.get("role") for message in request.messages]
    chat = [
        (at, message)
        for at, (message, role) in enumerate(zip(request.messages, roles, strict=True))
        if isinstance(role, str) and role in CHAT_ROLES
    ]
    system = next((at for at, message in chat if message["role"] in ("system", "developer")), None)
    images = next((at for at, message in chat if _has_image(message)), None)
    return [
        (system is not None and not can.system_messages, f"system messages, and messages[{system}] is one"),
        (images is not None and not can.images, f"images in messages, and messages[{images}] has one"),
    ]


def _has_image(message: Message) -> bool:
    parts = content if isinstance(content := message.get("content"), list | tuple) else ()
    return any(isinstance(part, Mapping) and part.get("type") == "image_url" for part in parts)
