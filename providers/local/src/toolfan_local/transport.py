"""Senders that ask a `LocalClient`, sync and async.

A request goes through JSON bytes as it would on a network, so what no wire could carry is refused here too, and nothing
that is changed later reaches the other side.  There is no HTTP: extra headers and query parameters go nowhere.

Knows: the client, delays, errors.  Must not know: what is in a request or an answer.
"""

from __future__ import annotations

import json
import time
from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from typing import TYPE_CHECKING, Any

import anyio
from toolfan.adapter import JSON, AsyncTransport, Transport, WireRequest, WireResponse
from toolfan.errors import UsageError
from toolfan.http.event_streams import AsyncEventStream, EventStream
from toolfan.translation.statuses import error_from_status, timed_out
from toolfan.wire import decode_json, encode_json

from .exchange import Failure, Verbatim
from .service import LocalClient

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Mapping

    from .answering import Settled


def make_transport(client: object, *, use_async: bool, adapter: str) -> Transport | AsyncTransport:
    """A sender that asks `client`.  Raises UsageError if it is no `LocalClient`."""
    if not isinstance(client, LocalClient):
        raise UsageError(
            f"{type(client).__name__} is no client of the adapter",
            adapter=adapter,
            hint="Pass toolfan_local.LocalClient(script), or use toolfan.connect('local').",
        )
    return _AsyncTransport(client, adapter) if use_async else _Transport(client, adapter)


class _Sender:
    def __init__(self, client: LocalClient, adapter: str) -> None:
        self.client, self.adapter = client, adapter

    def ask(self, request: WireRequest) -> Settled:
        return self.client.ask(json.loads(encode_json(request.body)))

    def open(self, request: WireRequest) -> tuple[Settled, list[tuple[float, JSON]]]:
        return self.client.stream(json.loads(encode_json(request.body)))

    def wait(self, settled: Settled, timeout: float | None) -> float:
        """How long to wait before `read`: the answer's delay, or what is left of the deadline."""
        return settled.first_wait if timeout is None else min(settled.first_wait, timeout)

    def read(self, settled: Settled, timeout: float | None) -> WireResponse:
        """The answer, after the wait.  Raises the ProviderError of a failure, DeadlineExceeded if it came too late."""
        if timeout is not None and settled.first_wait > timeout:
            raise timed_out(self.adapter, timeout)
        outcome = settled.outcome
        if isinstance(outcome, Failure):
            raise error_from_status(
                outcome.status,
                outcome.message,
                adapter=self.adapter,
                code=outcome.code,
                headers=_lower(outcome.headers),
                retry_after=outcome.retry_delay,
            )
        assert isinstance(outcome, Verbatim)  # LocalClient renders every reply
        headers = {"content-type": outcome.content_type, **_lower(outcome.headers)}
        if outcome.status >= 300:
            text = outcome.body.decode("utf-8", "replace")
            raise error_from_status(outcome.status, text, adapter=self.adapter, headers=headers)
        body = decode_json(outcome.body, adapter=self.adapter, content_type=outcome.content_type)
        return WireResponse(body, headers.get("x-request-id"), headers)

    def head(
        self, settled: Settled, events: list[tuple[float, JSON]], timeout: float | None
    ) -> tuple[WireResponse, list[tuple[float, JSON]]]:
        """What is known before the first event, and the events; a body that came in their place is the only one."""
        if events:
            return WireResponse({}), events
        response = self.read(settled, timeout)
        whole: Any = response.body
        return response, [(0.0, {**whole, "end": True} if isinstance(whole, dict) else whole)]

    def pause(self, due: float, timeout: float | None, began: float) -> tuple[float, bool]:
        """Seconds to wait for an event that is due at this time, and whether the deadline passes before."""
        late = timeout is not None and due - began > timeout
        end = began + timeout if late and timeout is not None else due
        return max(0.0, end - time.monotonic()), late


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


class _Transport(_Sender):
    def send(
        self,
        request: WireRequest,
        *,
        timeout: float | None,
        headers: Mapping[str, str],
        query: Mapping[str, str],
    ) -> WireResponse:
        settled = self.ask(request)
        time.sleep(self.wait(settled, timeout))
        return self.read(settled, timeout)

    @contextmanager
    def stream(
        self,
        request: WireRequest,
        *,
        timeout: float | None,
        headers: Mapping[str, str],
        query: Mapping[str, str],
    ) -> Generator[EventStream]:
        began = time.monotonic()
        settled, events = self.open(request)
        time.sleep(self.wait(settled, timeout))
        response, events = self.head(settled, events, timeout)
        with closing(self._paced(events, timeout, began)) as found:
            yield EventStream(found, request_id=response.request_id, headers=response.headers)

    def _paced(self, events: list[tuple[float, JSON]], timeout: float | None, began: float) -> Generator[JSON]:
        due = time.monotonic()
        for seconds, event in events:
            due += seconds
            left, late = self.pause(due, timeout, began)
            time.sleep(left)
            if late:
                raise timed_out(self.adapter, timeout)
            yield event

    def close(self) -> None:
        """Nothing is held."""


class _AsyncTransport(_Sender):
    async def send(
        self,
        request: WireRequest,
        *,
        timeout: float | None,
        headers: Mapping[str, str],
        query: Mapping[str, str],
    ) -> WireResponse:
        settled = self.ask(request)
        await anyio.sleep(self.wait(settled, timeout))
        return self.read(settled, timeout)

    @asynccontextmanager
    async def stream(
        self,
        request: WireRequest,
        *,
        timeout: float | None,
        headers: Mapping[str, str],
        query: Mapping[str, str],
    ) -> AsyncGenerator[AsyncEventStream]:
        began = time.monotonic()
        settled, events = self.open(request)
        await anyio.sleep(self.wait(settled, timeout))
        response, events = self.head(settled, events, timeout)
        async with aclosing(self._paced(events, timeout, began)) as found:
            yield AsyncEventStream(found, request_id=response.request_id, headers=response.headers)

    async def _paced(
        self, events: list[tuple[float, JSON]], timeout: float | None, began: float
    ) -> AsyncGenerator[JSON]:
        due = time.monotonic()
        for seconds, event in events:
            due += seconds
            left, late = self.pause(due, timeout, began)
            await anyio.sleep(left)
            if late:
                raise timed_out(self.adapter, timeout)
            yield event

    async def close(self) -> None:
        """Nothing is held."""
