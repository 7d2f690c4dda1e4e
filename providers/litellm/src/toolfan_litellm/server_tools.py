"""Calls of tools that run on the vendor's servers, which LiteLLM hands on among those of the client's.

Anthropic's web search is one.  Such a call was executed before the turn came: it is none for the client, and stays in
the turn that is sent back, where LiteLLM looks for it and for its result.

Knows: how LiteLLM writes such calls.  Must not know: requests, LiteLLM's functions, how calls are validated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolfan.errors import IncompleteStream
from toolfan.wire import sendable
from toolfan_openai.parsing import parse_completion
from toolfan_openai.streaming import ChatStreamParser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolfan.adapter import JSON, Message, Turn
    from toolfan.calls import RawCall

_PREFIX = "srvtoolu_"
_CALLS = "tool_calls"
_BESIDE = "provider_specific_fields"
"""Where LiteLLM keeps the results of such calls."""


def parse(body: Any, *, adapter: str) -> Turn:
    """`parse_completion`, in which calls of the server's tools are none; they stay in the replay."""
    message = _message(body)
    if not served(message):
        return parse_completion(body, adapter=adapter)
    first, *others = body["choices"]
    choices = [{**first, "message": without_served(message)}, *others]
    turn = parse_completion({**body, "choices": choices}, adapter=adapter)
    return replace(turn, replay=message)


def served(message: Any) -> list[Any]:
    """The entries of the message that are calls of the server's tools."""
    return [entry for entry in _entries(message) if _is_served(entry)]


def without_served(message: Mapping[str, Any]) -> JSON:
    """The message without these entries."""
    return {**message, _CALLS: [entry for entry in _entries(message) if not _is_served(entry)]}


def with_served(message: Message, calls: Sequence[Any]) -> Message:
    """The assistant's message with these entries before its own."""
    return sendable({**message, _CALLS: [*calls, *_entries(message)]})  # type: ignore[no-any-return]


def _message(body: Any) -> Any:
    choices = body.get("choices") if isinstance(body, Mapping) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    return first.get("message") if isinstance(first, Mapping) else None


def _entries(message: Any) -> list[Any]:
    entries = message.get(_CALLS) if isinstance(message, Mapping) else None
    return entries if isinstance(entries, list) else []


def _is_served(entry: Any) -> bool:
    call_id = entry.get("id") if isinstance(entry, Mapping) else None
    return isinstance(call_id, str) and call_id.startswith(_PREFIX)


class ServerToolsParser(ChatStreamParser):
    """A `ChatStreamParser` whose calls are the client's alone."""

    def __init__(self, adapter: str, *, needs_end: bool = True) -> None:
        super().__init__(adapter, needs_end=needs_end)
        self._served: dict[str, JSON] = {}  # by the index, which their later pieces have alone
        self._beside: JSON = {}

    def feed(self, event: Mapping[str, Any]) -> Sequence[RawCall]:
        """The calls of the client's that this chunk sealed.  Raises the ProviderError of an error in it."""
        choices = event.get("choices")
        first, *others = choices if isinstance(choices, list) and choices else [None]
        delta = first.get("delta") if isinstance(first, Mapping) else None
        if isinstance(first, Mapping) and isinstance(delta, Mapping) and (delta.get(_CALLS) or delta.get(_BESIDE)):
            event = {**event, "choices": [{**first, "delta": self._without_served(delta)}, *others]}
        return super().feed(event)

    def _without_served(self, delta: Mapping[str, Any]) -> JSON:
        kept = dict(delta)
        if isinstance(beside := delta.get(_BESIDE), Mapping):  # each chunk has some of its fields, as they are by then
            self._beside |= {key: value for key, value in beside.items() if value is not None}
            kept[_BESIDE] = dict(self._beside)
        if entries := _entries(delta):
            kept[_CALLS] = [entry for entry in entries if not self._took(entry)]
            if not kept[_CALLS]:
                del kept[_CALLS]
        return kept

    def _took(self, entry: Any) -> bool:
        if not isinstance(entry, Mapping):
            return False
        index, function = repr(entry.get("index")), entry.get("function")
        if _is_served(entry):
            self._served.setdefault(index, {**entry, "function": {"name": None, "arguments": ""}}).pop("index", None)
        elif entry.get("id") is not None or index not in self._served:
            return False
        if isinstance(function, Mapping):
            said, name, arguments = self._served[index]["function"], function.get("name"), function.get("arguments")
            said["name"] = said["name"] or name
            said["arguments"] += arguments if isinstance(arguments, str) else ""
        return True

    def close(self) -> Turn:
        """The whole turn.  Raises IncompleteStream, with `.turn`, if the stream ended before the answer did."""
        try:
            return self._with_served(super().close())
        except IncompleteStream as exc:
            if exc.turn is not None:
                exc.turn = self._with_served(exc.turn)
            raise

    def _with_served(self, turn: Turn) -> Turn:
        if not self._served:
            return turn
        message = {**turn.replay, _CALLS: [*self._served.values(), *_entries(turn.replay)]}
        first, *others = self.body["choices"]
        self.body = {**self.body, "choices": [{**first, "message": message}, *others]}
        return replace(turn, replay=message)
