"""Acme's transports: what its SDK raises becomes an error of toolfan's, without the key."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

from toolfan.adapter import WireResponse
from toolfan.errors import BadResponse, ConnectionFailed
from toolfan.translation.statuses import error_from_status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from toolfan.adapter import JSON, WireRequest


@dataclass
class AcmeTransport:
    """Sends whole requests, and gives streams."""

    client: Any

    def send(self, request: WireRequest, **given: Any) -> WireResponse:
        with self.errors():
            return WireResponse(self.client.send(request.body, **given))

    @contextmanager
    def stream(self, request: WireRequest, **given: Any) -> Iterator[Iterator[JSON]]:
        yield self.events(request, **given)

    def events(self, request: WireRequest, **given: Any) -> Iterator[JSON]:
        with self.errors():
            yield from self.client.stream(request.body, **given)

    def close(self) -> None: ...

    @contextmanager
    def errors(self) -> Iterator[None]:
        try:
            yield
        except HTTPError as exc:
            raise self.refusal(exc.code, exc.read().decode(), dict(exc.headers)) from exc
        except ValueError:
            raise BadResponse("the answer is no JSON", adapter="acme") from None
        except (OSError, HTTPException) as exc:
            raise ConnectionFailed(f"Acme cannot be reached: {exc}", adapter="acme") from exc

    def refusal(self, status: int, text: str, headers: Mapping[str, str]) -> Exception:
        lower = {name.lower(): value for name, value in headers.items()}
        return error_from_status(status, text, adapter="acme", headers=lower, secrets=(self.client.key,))


@dataclass
class AcmeAsyncTransport:
    """The same in threads."""

    inner: AcmeTransport

    async def send(self, request: WireRequest, **given: Any) -> WireResponse:
        return await asyncio.to_thread(self.inner.send, request, **given)

    @asynccontextmanager
    async def stream(self, request: WireRequest, **given: Any) -> AsyncIterator[AsyncIterator[JSON]]:
        yield self.events(request, **given)

    async def events(self, request: WireRequest, **given: Any) -> AsyncIterator[JSON]:
        found = self.inner.events(request, **given)
        while (event := await asyncio.to_thread(next, found, None)) is not None:
            yield event

    async def close(self) -> None: ...
