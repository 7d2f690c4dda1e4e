"""A transport of Acme's that waits in an event loop, and needs no thread."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.client import parse_headers
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from toolfan.adapter import WireResponse
from toolfan.errors import BadResponse, ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from toolfan_acme.sending import AcmeTransport


@dataclass
class AsyncTransport:
    """One connection for each request."""

    inner: AcmeTransport

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.inner.client.key,)

    async def send(self, request: Any, **given: Any) -> WireResponse:
        async with self._opened(request.body, **given) as answer:
            try:
                return WireResponse(json.loads(await answer.read()))
            except ValueError:
                raise BadResponse("the answer is no JSON", adapter="acme") from None

    @asynccontextmanager
    async def stream(self, request: Any, **given: Any) -> AsyncIterator[Any]:
        async with self._opened(request.body, **given) as answer:
            yield self._events(answer)

    async def _events(self, answer: Any) -> AsyncIterator[Any]:
        async for line in answer.lines():
            try:
                yield json.loads(line)
            except ValueError:
                raise BadResponse("an event is no JSON", adapter="acme") from None

    async def close(self) -> None: ...

    @asynccontextmanager
    async def _opened(
        self, body: Any, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> AsyncIterator[_Answer]:
        client, content = self.inner.client, json.dumps(body).encode()
        url = urlsplit(f"{client._base_url}/act")
        head = {"host": url.netloc, "content-type": "application/json", "x-acme": client.key, **headers}
        head |= {"content-length": str(len(content)), "connection": "close"}
        target = url.path + (f"?{urlencode(query)}" if query else "")
        writer = None
        try:
            async with asyncio.timeout(timeout):
                reader, writer = await asyncio.open_connection(url.hostname, url.port)
                lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
                writer.write("\r\n".join(lines).encode() + content)
                answer = await _Answer.of(reader)
                if answer.status != 200:
                    raise self.inner.refusal(answer.status, (await answer.read()).decode(), answer.headers)
                yield answer
        except (OSError, EOFError) as exc:  # a TimeoutError is an OSError
            raise ConnectionFailed(f"Acme cannot be reached: {exc}", adapter="acme") from exc
        finally:
            if writer is not None:
                writer.close()


@dataclass
class _Answer:
    reader: asyncio.StreamReader
    status: int
    headers: Mapping[str, str]

    @classmethod
    async def of(cls, reader: asyncio.StreamReader) -> _Answer:
        head = await reader.readuntil(b"\r\n\r\n")
        first, _, rest = head.partition(b"\r\n")
        headers = {name.lower(): value for name, value in parse_headers(BytesIO(rest)).items()}
        return cls(reader, int(first.split()[1]), headers)

    async def pieces(self) -> AsyncIterator[bytes]:
        if "transfer-encoding" not in self.headers:
            yield await self.reader.readexactly(int(self.headers.get("content-length") or 0))
            return
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            yield (await self.reader.readexactly(size + 2))[:-2]

    async def read(self) -> bytes:
        return b"".join([piece async for piece in self.pieces()])

    async def lines(self) -> AsyncIterator[bytes]:
        rest = b""
        async for piece in self.pieces():
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                yield line
        if rest:
            yield rest
