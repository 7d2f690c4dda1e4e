"""Right adapters that log in before the first request, and one with a fault; see `acme_forms`."""

from __future__ import annotations

import json
import urllib.request
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from acme_forms import right
from acme_mutants import breaks
from acme_mutants_of_transports import with_sender
from toolfan import ConnectionFailed
from toolfan_acme import AcmeAdapter
from toolfan_acme.sending import AcmeTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolfan.adapter import WireResponse

LOGINS = {"/oauth/token": {"access_token": "toolfan-token", "expires_in": 3600}}


class LogsIn(AcmeTransport):
    """The key buys a token, at the same host, and the token goes with the requests."""

    path = "/oauth/token"
    token = ""

    def send(self, request: Any, **given: Any) -> WireResponse:
        return super().send(request, **self.with_token(given))

    def events(self, request: Any, **given: Any) -> Iterator[Any]:
        yield from super().events(request, **self.with_token(given))

    def with_token(self, given: Any) -> Any:
        """Of the headers, that with the key has the token in its place."""
        if not self.token:
            head = {"content-type": "application/json"}
            key = json.dumps({"secret": self.client.key}).encode()
            asked = urllib.request.Request(self.address(), key, head)
            with self.errors(), urllib.request.urlopen(asked, timeout=5.0) as answer:
                self.token = json.load(answer)["access_token"]
        return {**given, "headers": {**given["headers"], "x-acme": self.token}}

    def address(self) -> str:
        return f"{self.client._base_url}{self.path}"


class LogsInAtTheHost(LogsIn):
    """Whatever the path of the address is."""

    def address(self) -> str:
        return "/".join(self.client._base_url.split("/")[:3]) + self.path


class LogsInAndForgets(LogsIn):
    """The login has all its time, and the request, too."""

    def send(self, request: Any, **given: Any) -> WireResponse:
        return super().send(request, **given | {"timeout": None})


class LogsInWhenAClientIsMade(AcmeAdapter):
    """Where somebody is there; else the first request says so."""

    def connect(self, settings: Any, *, use_async: bool) -> Any:
        client: Any = super().connect(settings, use_async=use_async)
        with suppress(ConnectionFailed):
            LogsIn(client).with_token({"headers": {}})
        return client


LOGS_IN = with_sender(LogsIn)
right(LogsInWhenAClientIsMade, logins=LOGINS)
right(LOGS_IN, logins=LOGINS)
right(with_sender(LogsInAtTheHost), logins=LOGINS)
breaks("test_the_deadline_ends_a_request", logins=LOGINS)(with_sender(LogsInAndForgets))
