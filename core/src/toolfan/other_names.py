"""Names that code which comes from other libraries asks for, and what stands in their place.

Loaded when a name is asked for that is not there.

Knows: names of instructor and of SDKs.  Must not know: what toolfan's own do.
"""

from __future__ import annotations

_HOOKS = "Observers take the place of hooks: toolfan.observe()"
_PARTIAL = "stream() gives each call as soon as it is whole; there are no half-filled models"
_WRAP = "wrap() and wrap_async() take the clients of all providers"
_MODEL = "A tool is the pydantic model itself"
_PARTS = "Write it into the content of a message, as the provider's own API has it"

_OF_MODULE = {
    "from_provider": 'Write connect("openai:gpt-4o-mini"), or connect_async()',
    "patch": _WRAP,
    "apatch": _WRAP,
    "Instructor": "Here it is Client",
    "AsyncInstructor": "Here it is AsyncClient",
    "InstructorRetryException": "Here it is InvalidCalls, or a ProviderError",
    "IncompleteOutputException": "Here it is a TruncatedCall, among the failed calls of InvalidCalls",
    "InstructorError": "Here it is ToolfanError",
    "exceptions": "All errors are names of toolfan itself",
    "hooks": _HOOKS,
    "Partial": _PARTIAL,
    "Maybe": "Offer the model itself: that nothing is called is no error",
    "IterableModel": "Write response_model=Iterable[...]",
    "OpenAISchema": _MODEL,
    "openai_schema": _MODEL,
    "ResponseSchema": _MODEL,
    "response_schema": _MODEL,
    "Image": _PARTS,
    "Audio": _PARTS,
    "PDF": _PARTS,
}
_OF_CLIENT = {
    "create_with_completion": (
        "What create() returns has both: calls.raw_as(openai.types.chat.ChatCompletion) is the completion"
    ),
    "create_partial": _PARTIAL,
    "create_iterable": "Write response_model=Iterable[...] in create(), or in stream() for each call as it comes",
    "on": _HOOKS,
    "off": _HOOKS,
    "clear": _HOOKS,
    "emit": _HOOKS,
    "hooks": _HOOKS,
    "messages": "client.create() asks every provider",
    "responses": "client.create() asks every provider",
    "client": "The vendor's client is client.sdk_client",
}


OPTIONS = {
    "max_retries": "max_attempts=",
    "validation_context": "context=",
    "timeout": "deadline= (in seconds, for the whole call)",
    "tools_choice": "tool_choice=",
    "parallel_tool_calls": "parallel=",
    "response_format": "response_model=",
    "functions": "tools=",
    "function_call": "tool_choice=",
}
"""Options of `create()` under other names, and what they are called here."""
_NO_OPTIONS = {
    "hooks": "toolfan has no hooks; observers take their place: toolfan.observe().",
    "cache": "toolfan keeps no answers; calls.to_json() and Calls.from_json() store them.",
    "autodetect_images": (
        "toolfan sends texts as texts; an image is a part of a message: "
        "{'type': 'image_url', 'image_url': {'url': ...}}."
    ),
    "raise_on_error": 'on_invalid= says what becomes of bad calls: "raise" raises, "keep" returns them all.',
    "mode": "Leave it out: toolfan always asks for tool calls.",
}


def not_of_create(name: str) -> str:
    """What to write for an option that `create()` does not have; nothing for what no library is known to call so."""
    return f"toolfan calls it {OPTIONS[name]}." if name in OPTIONS else _NO_OPTIONS.get(name, "")


def not_of_module(name: str) -> str:
    """What to say where `toolfan` is asked for this name, which it does not have."""
    hint = _OF_MODULE.get(name, _WRAP if name.startswith("from_") else "")
    return f"module 'toolfan' has no attribute {name!r}{hint and f'. {hint}'}"


def not_of_client(owner: str, name: str) -> str:
    """The same of a client, or of a part of one, of the class `owner`; nothing where that is none of instructor's."""
    return f"{owner!r} object has no attribute {name!r}. {_OF_CLIENT[name]}" if name in _OF_CLIENT else ""
