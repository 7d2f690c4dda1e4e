"""Where a key shows that nobody asked for: what is printed and logged while a request is sent, and what objects show.

Knows: the ways to ask, logging, the streams of a process.  Must not know: laws, the SDK.
"""

from __future__ import annotations

import contextlib
import io
import logging
from typing import TYPE_CHECKING, Any

from toolfan.secrets.known import secrets_known

from .failing import request
from .listening import listening
from .sending import PLAIN
from .ways import is_addressed, settings_at, ways

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import BaseModel

    from toolfan.adapter import ParallelToolsAdapter

_NEAR = 60
_OF_OTHERS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "API_KEY")


def keys_of_others(adapter: ParallelToolsAdapter, question: Mapping[str, Any]) -> dict[str, str]:
    """Environment variables that hold keys, but none of this adapter's."""
    own = {question["key_variable"]}
    if (asked := getattr(adapter, "key_variables", None)) is not None:
        with contextlib.suppress(Exception):  # of which another law tells
            own |= {*asked(adapter.settings_model.model_validate(dict(question["settings"])))}
    return {name: f"toolfan-key-for-{name.lower()}" for name in _OF_OTHERS if name not in own}


def shown(adapter: ParallelToolsAdapter, question: Mapping[str, Any], key: str) -> list[str]:
    """Where the key shows; nothing is sent where there is no setting of the service's address."""
    with listening(PLAIN, key) as service:
        given = settings_at(adapter, question, service.address)
        said = [(where, text) for where, text in _said(adapter, given, question["model"]) if key in text]
        return [*dict.fromkeys(f"{where}: {_excerpt(text, key)}" for where, text in said)]


def _excerpt(text: str, key: str) -> str:
    """What stands before the key and after it, without it."""
    at = text.find(key)
    near = text[max(0, at - _NEAR) : at + len(key) + _NEAR]
    return repr(near.replace(key, "***"))


class _Kept(logging.Handler):
    """What is logged, each with who logs it."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append((f"what is logged by {record.name!r} ({record.levelname})", self.format(record)))


def unknown(adapter: ParallelToolsAdapter, question: Mapping[str, Any], key: str) -> list[str]:
    """The kinds of client whose key toolfan cannot tell, and so cannot hide, where users made them."""
    settings, found = dict(question["settings"]), []
    if "api_key_env" in adapter.settings_model.model_fields:
        settings.setdefault("api_key_env", question["key_variable"])
    for kind, use_async in (("sync", False), ("async", True)):
        with contextlib.suppress(Exception):  # of which other laws tell
            client = adapter.connect(adapter.settings_model.model_validate(settings), use_async=use_async)
            transport = adapter.transport(client, use_async=use_async)
            if key not in secrets_known(transport, client, {}, ()):
                found.append(kind)
    return found


def _said(adapter: ParallelToolsAdapter, settings: BaseModel, model: str) -> Iterator[tuple[str, str]]:
    """All that is said while clients are made and requests are sent, and what is shown of these objects."""
    printed, handler = io.StringIO(), _Kept()
    root, own = logging.getLogger(), logging.getLogger("toolfan")
    levels = root.level, own.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    own.setLevel(logging.DEBUG)
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            for use_async in (False, True):
                with contextlib.suppress(Exception):  # of which other laws tell
                    client = adapter.connect(settings, use_async=use_async)
                    yield "the repr of a client", repr(client)
                    yield "the repr of a transport", repr(adapter.transport(client, use_async=use_async))
            for way in ways(adapter, settings) if is_addressed(adapter) else ():
                with contextlib.suppress(Exception):
                    way.ask(request(adapter, model, stream=way.streams))
            yield "the repr of the adapter", repr(adapter)
    finally:
        root.removeHandler(handler)
        root.setLevel(levels[0])
        own.setLevel(levels[1])
    yield "what is printed", printed.getvalue()
    yield from handler.records
