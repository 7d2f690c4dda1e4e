"""Adapters whose clients have one fault each, which shows where there are several of them; see `acme_mutants`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from acme_mutants import breaks
from acme_mutants_of_transports import sending
from toolfan.errors import ConnectionFailed
from toolfan_acme import AcmeAdapter
from toolfan_acme.sending import AcmeAsyncTransport, AcmeTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolfan.adapter import WireResponse

OWN = "test_each_client_has_its_own_key_and_address"
CLOSING = "test_closing_a_client_leaves_the_others_open"
LOOPS = "test_a_client_works_in_a_second_event_loop"


def lent(client: Any, **other: str) -> Any:
    """The same client with another key, or another address."""
    return type(client)(other.get("key", client.key), other.get("address", client._base_url))


class Sharing(AcmeTransport):
    """`taken` gives what is sent with."""

    def taken(self) -> Any:
        raise NotImplementedError

    def send(self, request: Any, **given: Any) -> WireResponse:
        return AcmeTransport(self.taken()).send(request, **given)

    def events(self, request: Any, **given: Any) -> Iterator[Any]:
        yield from AcmeTransport(self.taken()).events(request, **given)


@sending(OWN)
class TheLastKeyIsEverybodys(Sharing):
    """As `acme.api_key = key` in the SDK's module."""

    last = ""

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        type(self).last = client.key

    def taken(self) -> Any:
        return lent(self.client, key=self.last)


@sending(OWN)
class TheLastAddressIsEverybodys(Sharing):
    last = ""

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        type(self).last = client._base_url

    def taken(self) -> Any:
        return lent(self.client, address=self.last)


@sending(OWN)
class KeptByTheAddress(Sharing):
    """The client that was first made for an address sends for all."""

    clients: ClassVar[dict[str, Any]] = {}

    def taken(self) -> Any:
        return self.clients.setdefault(self.client._base_url, self.client)


class OfOneLoop(AcmeAsyncTransport):
    """`key` is what a session is kept by; one that was used in another event loop cannot be used."""

    loops: ClassVar[dict[str, Any]]

    def key(self) -> str:
        raise NotImplementedError

    async def send(self, request: Any, **given: Any) -> WireResponse:
        now = asyncio.get_running_loop()
        if self.loops.setdefault(self.key(), now) is not now:
            raise ConnectionFailed("the session belongs to another event loop", adapter="acme")
        return await super().send(request, **given)


class OneSession(OfOneLoop):
    loops: ClassVar[dict[str, Any]] = {}

    def key(self) -> str:
        return "the only one"


class ASessionForEachAddress(OfOneLoop):
    loops: ClassVar[dict[str, Any]] = {}

    def key(self) -> str:
        return str(self.inner.client._base_url)


@breaks(LOOPS)
class OneSessionForAll(AcmeAdapter):
    def transport(self, client: object, *, use_async: bool) -> Any:
        made = super().transport(client, use_async=use_async)
        return OneSession(made.inner) if use_async else made


@breaks(LOOPS)
class SessionsKeptByAddress(AcmeAdapter):
    def transport(self, client: object, *, use_async: bool) -> Any:
        made = super().transport(client, use_async=use_async)
        return ASessionForEachAddress(made.inner) if use_async else made


class ClosedForAll(AcmeTransport):
    closed: ClassVar[set[Any]] = set()

    def send(self, request: Any, **given: Any) -> WireResponse:
        if (self.client.key, self.client._base_url) in self.closed:
            raise ConnectionFailed("the client has been closed", adapter="acme")
        return super().send(request, **given)

    def close(self) -> None:
        self.closed.add((self.client.key, self.client._base_url))


@breaks(CLOSING)
class EqualClientsAreOne(AcmeAdapter):
    """As where the sync client is made behind `functools.cache`."""

    def transport(self, client: object, *, use_async: bool) -> Any:
        made = super().transport(client, use_async=use_async)
        return made if use_async else ClosedForAll(client)
