"""Adapters over toolfan's own transports, the right one and one with a fault; see `acme_forms` and `acme_mutants`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from acme_forms import right
from acme_mutants import breaks
from toolfan.errors import AdapterNotInstalled, ConfigError, UsageError
from toolfan.http import AsyncHttpTransport, HttpSender, HttpTransport
from toolfan.wire import encode_json
from toolfan_acme import AcmeAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolfan.adapter import WireRequest


class Sender(HttpSender):
    words = frozenset({"reply", "say", "begin", "more", "says", "does", "with"})

    @property
    def http(self) -> Any:
        return self.client

    def credentials(self) -> dict[str, Any]:
        return {"key": self.client.headers["x-acme"]}

    def is_last(self, event: Mapping[str, Any]) -> bool:
        return "close" in event

    def built(self, request: WireRequest, timeout: float | None, headers: Any, query: Any) -> dict[str, Any]:
        more: dict[str, Any] = {"params": dict(query)} if query else {}
        head = {"content-type": "application/json", **headers}
        return {"content": encode_json(request.body), "headers": head, "timeout": timeout, **more}

    def send(self, request: WireRequest, timeout: float | None, headers: Any, query: Any) -> Any:
        return self.client.request("POST", "/act", **self.built(request, timeout, headers, query))

    def open(self, request: WireRequest, timeout: float | None, headers: Any, query: Any) -> Any:
        return self.client.stream("POST", "/act", **self.built(request, timeout, headers, query))

    def close(self) -> Any:
        return self.client.aclose() if hasattr(self.client, "aclose") else self.client.close()


class OverHttp(AcmeAdapter):
    """Its client is one of httpx."""

    kind = Sender

    def connect(self, settings: Any, *, use_async: bool) -> object:
        try:
            import httpx
        except ImportError as exc:
            raise AdapterNotInstalled("httpx is missing", adapter="acme", hint="Run: pip install httpx.") from exc
        key = os.environ.get(settings.api_key_env)
        if not key:
            raise ConfigError(f"the environment variable {settings.api_key_env} is not set", adapter=self.name)
        client = httpx.AsyncClient if use_async else httpx.Client
        return client(base_url=settings.base_url, headers={"x-acme": key})

    def transport(self, client: object, *, use_async: bool) -> Any:
        if type(client).__name__ != ("AsyncClient" if use_async else "Client"):
            raise UsageError(f"{type(client).__name__} is no client of this kind", adapter=self.name)
        sender = self.kind(client, self.name)
        return AsyncHttpTransport(sender) if use_async else HttpTransport(sender)


right(OverHttp, sdk=("httpx",))


class Endless(Sender):
    def is_last(self, event: Mapping[str, Any]) -> bool:
        return False


@breaks("test_streams_come_as_they_were_sent", sdk=("httpx",))
class OverHttpWithoutAnEnd(OverHttp):
    kind = Endless
