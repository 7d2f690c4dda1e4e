"""Laws of what is sent, and where: clients, settings, and what becomes of a service that fails.

Knows: `connect`, `transport`, another process.  Must not know: what is in a request or an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolfan.errors import ToolfanError, UsageError

from .lawbook import law
from .laws_of_packages import LawsOfPackages
from .outside import ADDRESSES, OTHER_VARIABLE, ask_sdk

if TYPE_CHECKING:
    from collections.abc import Iterator


class LawsOfTransports(LawsOfPackages):
    """What goes over the network; without the vendor's SDK none of these can be asked."""

    @law
    def test_clients_of_others_are_refused(self) -> Iterator[str]:
        """`transport` raises UsageError for an object that is not the vendor's client, naming its class."""
        ask_sdk(self)
        for use_async in (False, True):
            try:
                self.adapter.transport(_Stranger(), use_async=use_async)
            except UsageError as exc:
                if "_Stranger" not in str(exc):
                    yield f"the error does not name the class: {exc}"
            except ToolfanError as exc:
                yield f"{type(exc).__name__} instead of UsageError: {exc}"
            else:
                yield "a client of another class is taken"

    @law
    def test_clients_are_of_the_kind_that_was_asked_for(self) -> Iterator[str]:
        """`transport` takes what `connect` gave, the sync client and the async one; without the latter: Unsupported."""
        for kind, said in zip(("sync", "async"), ask_sdk(self)["taken"], strict=True):
            known = {"", "AdapterNotInstalled"}  # and what other laws tell of
            known |= {"ConfigError"} if said["step"] == "connect" else set()
            known |= {"Unsupported"} if kind == "async" else set()
            if said["error"] not in known:
                yield f"{kind}: {said['step']} raises {said['error']}: {said['text']}"

    @law
    def test_settings_are_heeded(self) -> Iterator[str]:
        """`connect` goes by the settings: the key is that of `api_key_env`, and requests go to `base_url`.

        Asked only where `settings_model` has these fields (an `endpoint_url` is a `base_url`).  The address is one on
        loopback, where another process listens.
        """
        known = self.adapter.settings_model.model_fields
        facts = ask_sdk(self)
        if "api_key_env" in known:
            said, found = facts["without the named key"], facts["with the named key"]
            if said["error"] != "ConfigError" or OTHER_VARIABLE not in said["text"]:
                yield f"api_key_env={OTHER_VARIABLE!r}, which is not set: {said['error'] or 'no error'} {said['text']}"
            if found["error"]:
                yield f"api_key_env={OTHER_VARIABLE!r}, which is set: {found['error']}: {found['text']}"
        for name in ADDRESSES:
            if name in known and not facts["sent"][name]["heard"]:
                said = facts["sent"][name]
                yield f"{name}: nothing came to it; {said['error'] or 'no error'} {said['text']}"

    @law
    def test_what_fails_is_an_error_of_the_provider(self) -> Iterator[str]:
        """A refused key, a failure, an answer that is no JSON or breaks off, a lost connection raise ProviderErrors.

        So `send` does and, with `capabilities.streaming`, `stream`, sync and async; no other exception comes out.
        Catch what the SDK raises, and map it: `toolfan.translation.error_from_status`, `ConnectionFailed`,
        `BadResponse`.  The transports of `toolfan.http_transport` do it for an SDK over httpx.  Asked only where
        `settings_model` has a `base_url` (or `endpoint_url`): another process answers there.
        """
        for said in ask_sdk(self)["failed"]:
            if not said["error"]:
                yield f"{said['where']}: no error"
            elif not said["known"]:
                yield f"{said['where']}: {said['error']} is no ProviderError: {said['text']:.300}"

    @law
    def test_no_error_shows_the_key(self) -> Iterator[str]:
        """No error shows the key, nor an attribute of it, nor what it was raised from, though services send it back.

        Give the secrets of the client to `error_from_status`, which masks them, and raise `from None`, where the SDK's
        own error shows them.  The transports of `toolfan.http_transport` do both.
        """
        for said in ask_sdk(self)["failed"]:
            if said["known"] and said["shown"]:
                yield f"{said['where']}: {said['error']} shows the key: {said['shown']}"


class _Stranger:
    """No client of any SDK."""
