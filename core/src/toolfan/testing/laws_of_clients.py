"""Laws of clients: their kind, their settings, and that each of several in one process is its own.

Knows: `connect`, `transport`, another process.  Must not know: what is in a request or an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolfan.errors import ToolfanError, UsageError

from .hearing import heard, in_every_way
from .lawbook import LawNotAsked, law
from .laws_of_failures import LawsOfFailures
from .outside import BEHIND, OTHER_VARIABLE, ask_sdk
from .ways import ADDRESSES

if TYPE_CHECKING:
    from collections.abc import Iterator


class LawsOfClients(LawsOfFailures):
    """What `connect` makes; without the vendor's SDK none of these can be asked."""

    @law
    def test_clients_of_others_are_refused(self) -> Iterator[str]:
        """`transport` raises UsageError for an object that is not the vendor's client, naming its class.

        Look at the client's class, or its module, before anything else in `transport`, and name the class in the error.
        """
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
        """`transport` takes what `connect` gave, the sync client and the async one; without the latter: Unsupported.

        The suite's key is in the environment.  Where the SDK wants one of another form, name it in `key`; what it needs
        beside a key, in `settings` or `environment`.
        """
        for kind, said in zip(("sync", "async"), ask_sdk(self)["taken"], strict=True):
            known = {"", "AdapterNotInstalled"}  # of which other laws tell
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
    @in_every_way
    def test_the_path_of_an_address_is_kept(self) -> Iterator[str]:
        """A request for `base_url` (or `endpoint_url`) http://host/proxy/v1 goes to a path below /proxy/v1.

        Many services stand behind a proxy or a gateway.  Put the path of the request behind that of the address; a join
        of URLs replaces it.
        """
        heard(self)
        for name, said in ask_sdk(self)["sent"].items():
            yield from (f"{name}: {BEHIND} is lost, the request came to {path}" for path in said["beside"][:1])

    @law
    @in_every_way
    def test_each_client_has_its_own_key_and_address(self) -> Iterator[str]:
        """Clients that are made before any is used send each their own key, to their own address, sync and async.

        Otherwise the key of one customer goes to the service of another.  Four are made: of two keys (where there is an
        `api_key_env`) and two addresses, some with one of these in common.  Give key and address to the client, or to
        each request; set nothing in the SDK's module, and keep no client, session or pool by the address, or by the
        key, alone.  Where no request shows the key, as where it only signs, the addresses alone are asked.
        """
        facts = heard(self)
        said = facts["siblings"]
        if not facts.get("without the named key", {"error": "none is named"})["error"]:
            raise LawNotAsked("api_key_env is not heeded, of which another law tells: all clients have one key")
        for one in said:
            yield from (f"{one['kind']}: {line}" for line in one["mixed"])
        if not all(one.get("telling", True) for one in said):
            raise LawNotAsked(
                "no request shows a part of the key in which the suite's two keys differ, so whose key is sent is not "
                'known: give two that differ in all their parts, `key = ("...", "...")`; where it only signs, only the '
                "addresses can be asked, and were"
            )

    @law
    @in_every_way
    def test_closing_a_client_leaves_the_others_open(self) -> Iterator[str]:
        """When one client was closed the others go on, also one of the same key and address, sync and async.

        `with` closes a client at its end, wherever else in the program one was made.  Make the SDK's client anew in
        each `connect`, with no `functools.cache` and nothing that is kept in a class or a module; what clients must
        share is closed by the last of them.
        """
        for one in heard(self)["siblings"]:
            yield from (f"{one['kind']}: {line}" for line in one["closed"])

    @law
    @in_every_way
    def test_a_client_works_in_a_second_event_loop(self) -> Iterator[str]:
        """An async client works in a second `asyncio.run`, though others were used, and closed, in the first.

        Tests, notebooks and command lines call `asyncio.run` again and again, each with a client of its own.  Sessions,
        connections, locks and queues belong to one event loop: keep them in the client, and not in a class, a module or
        a cache.
        """
        for one in heard(self)["siblings"]:
            yield from (f"{one['kind']}: {line}" for line in one["loops"])


class _Stranger:
    """No client of any SDK."""
