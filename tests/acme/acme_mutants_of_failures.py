"""Adapters with one fault each in what they make of failures, and of who no longer waits; see `acme_mutants`."""

from __future__ import annotations

import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from threading import Lock
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

from acme_async import AsyncTransport
from acme_mutants import breaks
from acme_mutants_of_transports import ONCE, SHOWS, Changing, sending
from toolfan.errors import ConnectionFailed, ProviderError
from toolfan.translation.statuses import error_from_status
from toolfan_acme import AcmeAdapter
from toolfan_acme.sending import AcmeAsyncTransport, AcmeTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from toolfan.adapter import WireResponse

REJECTED = "test_a_rejected_request_is_told_as_one"
WORDS = "test_errors_have_the_words_and_the_status"
INSIDE = "test_errors_inside_answers_come_through"
STOPPED = "test_who_stops_a_request_stops_it"


class Refusing(AcmeTransport):
    """`told` has the fault: it is given the error of a status."""

    def refusal(self, status: int, text: str, headers: Any) -> Exception:
        error = super().refusal(status, text, headers)
        assert isinstance(error, ProviderError)
        return self.told(error)

    def told(self, error: ProviderError) -> ProviderError:
        return error


@sending(REJECTED)
class MissingIsUnavailable(AcmeTransport):
    """A model that is not there is asked for again."""

    def refusal(self, status: int, text: str, headers: Any) -> Exception:
        if status != 404:
            return super().refusal(status, text, headers)
        return error_from_status(404, text, adapter="acme", meant=503, secrets=(self.client.key,))


@sending(REJECTED)
class RejectedForNow(Refusing):
    """All that is rejected is sent again."""

    def told(self, error: ProviderError) -> ProviderError:
        error.retryable = True if error.status == 400 else error.retryable
        return error


@sending(REJECTED)
class RejectedStreamsAreBroken(AcmeTransport):
    def events(self, request: Any, **given: Any) -> Iterator[Any]:
        try:
            yield from super().events(request, **given)
        except ProviderError as exc:
            if exc.status != 422:
                raise
            raise ConnectionFailed(exc.message, adapter="acme", status=422) from None


@sending(WORDS)
class Speechless(Refusing):
    def told(self, error: ProviderError) -> ProviderError:
        error.message = "Acme refuses"
        return error


@sending(WORDS)
class Numberless(Refusing):
    def told(self, error: ProviderError) -> ProviderError:
        error.status = None
        return error


@sending(WORDS)
class StreamsAreNotRead(AcmeTransport):
    """What is refused in place of a stream is a status alone."""

    def events(self, request: Any, **given: Any) -> Iterator[Any]:
        try:
            yield from super().events(request, **given)
        except ProviderError as exc:
            exc.message = exc.message.partition(":")[0]
            raise


class Response:
    """What an SDK gives: the request, with the key in its headers, hangs on it."""

    def __init__(self, key: str) -> None:
        self.request = SimpleNamespace(headers={"authorization": f"Bearer {key}"})


@sending(SHOWS)
class CarriesTheResponse(Refusing):
    """Its repr shows nothing."""

    def told(self, error: ProviderError) -> ProviderError:
        vars(error)["response"] = Response(self.client.key)
        return error


@sending(INSIDE)
class ErrorEventsSwallowed(AcmeTransport):
    def events(self, request: Any, **given: Any) -> Iterator[Any]:
        yield from (event for event in super().events(request, **given) if "error" not in event)


@sending(INSIDE)
class ErrorsAreLost(AcmeTransport):
    def send(self, request: Any, **given: Any) -> WireResponse:
        answer = super().send(request, **given)
        if "error" in answer.body:
            raise ConnectionFailed("Acme has failed", adapter="acme")
        return answer


# Who no longer waits.


def waiting(law: str) -> Callable[[type[Any]], type[Any]]:
    """An adapter with this transport for async clients breaks this law, and no other."""

    def register(sender: type[Any]) -> type[Any]:
        def transport(self: AcmeAdapter, client: object, *, use_async: bool) -> Any:
            inner = AcmeAdapter.transport(self, client, use_async=False)
            return sender(inner) if use_async else inner

        members = {"transport": transport, "__module__": sender.__module__}
        made = type(f"{sender.__name__}Adapter", (AcmeAdapter,), members)
        setattr(sys.modules[sender.__module__], made.__name__, made)  # another process looks for it
        breaks(law)(made)
        return sender

    return register


@sending(STOPPED)
class InterruptsSwallowed(AcmeTransport):
    """A bare `except`."""

    def send(self, request: Any, **given: Any) -> WireResponse:
        try:
            return super().send(request, **given)
        except KeyboardInterrupt:
            raise ConnectionFailed("Acme has failed", adapter="acme") from None


@sending(STOPPED)
class InterruptedStreamsEnd(AcmeTransport):
    def events(self, request: Any, **given: Any) -> Iterator[Any]:
        try:
            yield from super().events(request, **given)
        except KeyboardInterrupt:
            return


@waiting(STOPPED)
class CancelledIsSentAgain(AcmeAsyncTransport):
    async def send(self, request: Any, **given: Any) -> WireResponse:
        try:
            return await super().send(request, **given)
        except asyncio.CancelledError:
            return await super().send(request, **given)


@waiting(STOPPED)
class CancelledHasFailed(AcmeAsyncTransport):
    async def events(self, request: Any, **given: Any) -> AsyncIterator[Any]:
        try:
            async for event in super().events(request, **given):
                yield event
        except asyncio.CancelledError:
            raise ConnectionFailed("Acme has failed", adapter="acme") from None


@waiting(STOPPED)
class Shielded(AsyncTransport):
    """Whoever waits for it, it goes on."""

    running: ClassVar[set[Any]] = set()

    async def send(self, request: Any, **given: Any) -> WireResponse:
        task = asyncio.ensure_future(super().send(request, **given))
        self.running.add(task)
        return await asyncio.shield(task)


@sending("test_a_request_has_all_its_time")
class WholeSeconds(Changing):
    def change(self, body: Any, given: Any) -> Any:
        return body, given | {"timeout": int(given["timeout"])}


@sending("test_a_request_has_all_its_time")
class NextToNoTime(Changing):
    """What is not a second is as good as nothing, in which an answer that is there at once may still be found."""

    def change(self, body: Any, given: Any) -> Any:
        return body, given | {"timeout": max(int(given["timeout"]), 0.08)}


@waiting("test_the_deadline_ends_a_request")
class StandsStill(AcmeAsyncTransport):
    """A thread sends it, and the event loop waits for the thread, after a few turns."""

    pool = ThreadPoolExecutor(2)

    async def send(self, request: Any, **given: Any) -> WireResponse:
        sent = self.pool.submit(self.inner.send, request, **given)
        for _ in range(3):
            await asyncio.sleep(0.01)
        return sent.result()


@waiting("test_the_deadline_ends_a_request")
class ReadsInTheLoop(AcmeAsyncTransport):
    """What follows on the first event is read by the event loop itself."""

    async def events(self, request: Any, **given: Any) -> AsyncIterator[Any]:
        found = self.inner.events(request, **given)
        if (first := await asyncio.to_thread(next, found, None)) is not None:
            yield first
            for event in found:
                yield event


@waiting("test_the_deadline_ends_a_request")
class SleepsFirst(AcmeAsyncTransport):
    """However long the request may take, the event loop stands still for a moment."""

    async def send(self, request: Any, **given: Any) -> WireResponse:
        time.sleep(0.4)
        return await super().send(request, **given)


@waiting("test_the_deadline_ends_a_request")
class SleepsWhileItStreams(AcmeAsyncTransport):
    async def events(self, request: Any, **given: Any) -> AsyncIterator[Any]:
        time.sleep(0.4)
        async for event in super().events(request, **given):
            yield event


@sending("test_requests_are_served_at_once")
class OneAtATime(AcmeTransport):
    lock = Lock()

    def send(self, request: Any, **given: Any) -> WireResponse:
        with self.lock:
            return super().send(request, **given)


@waiting("test_requests_are_served_at_once")
class OneTaskAtATime(AcmeAsyncTransport):
    """Of streams: the next is opened when this one is left."""

    lock = asyncio.Lock()

    @asynccontextmanager
    async def stream(self, request: Any, **given: Any) -> AsyncIterator[Any]:
        async with self.lock, super().stream(request, **given) as events:
            yield events


@sending(ONCE)
class RejectedIsSentTwice(Refusing):
    """Another time without what it takes to be the reason."""

    def send(self, request: Any, **given: Any) -> WireResponse:
        try:
            return super().send(request, **given)
        except ProviderError as exc:
            if exc.status != 400:
                raise
            return super().send(replace(request, tools_json=None), **given)
