"""Adapters with one fault each in what they do with a key, and the law that the fault breaks."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from acme_mutants import breaks
from toolfan_acme import AcmeAdapter


@breaks("test_a_missing_key_is_told")
class KeyOfAnother(AcmeAdapter):
    def connect(self, settings: Any, *, use_async: bool) -> Any:
        if (key := os.environ.get("OPENAI_API_KEY")) and not os.environ.get(settings.api_key_env):
            import acme_sdk

            return acme_sdk.AcmeClient(key, settings.base_url)
        return super().connect(settings, use_async=use_async)


class Telling(AcmeAdapter):
    """`told` has the fault: it is given the client."""

    def told(self, client: Any) -> None: ...

    def sender(self, client: Any) -> Any:
        self.told(client)
        return super().sender(client)


@breaks("test_nothing_shows_the_key")
class KeyLogged(Telling):
    def told(self, client: Any) -> None:
        logging.getLogger("acme").warning("sending with %s", client.key)


@breaks("test_nothing_shows_the_key")
class KeyPrinted(Telling):
    def told(self, client: Any) -> None:
        print("sending with", client.key, file=sys.stderr)


@breaks("test_nothing_shows_the_key")
class KeyInRepr(AcmeAdapter):
    def connect(self, settings: Any, *, use_async: bool) -> Any:
        client: Any = super().connect(settings, use_async=use_async)
        shows = {"__repr__": lambda self: f"AcmeClient({self.key})", "__module__": "acme_sdk"}
        client.__class__ = type("AcmeClient", (type(client),), shows)
        return client


@breaks("test_the_key_of_a_client_is_known")
class KeyKeptElsewhere(AcmeAdapter):
    """The client has its key where nobody looks for one, and the transport does not tell it."""

    def connect(self, settings: Any, *, use_async: bool) -> Any:
        client: Any = super().connect(settings, use_async=use_async)
        held = vars(client).pop("key")
        client.__class__ = type("AcmeClient", (type(client),), {"key": held, "__module__": "acme_sdk"})
        return client
