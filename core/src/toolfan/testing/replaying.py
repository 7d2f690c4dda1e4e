"""A client that answers from a recording, and asks nobody.

Knows: recordings, adapters as codecs.  Must not know: pytest, any SDK.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import asynccontextmanager, contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

from toolfan.adapter import WireResponse
from toolfan.errors import UsageError
from toolfan.http.event_streams import AsyncEventStream, EventStream
from toolfan.secrets.redaction import known_secrets

from .cleaning import BLOT, cleaned_request
from .delegation import Through
from .mending import provider_errors
from .recording import Recording
from .trees import nodes

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
    from pathlib import Path

    from toolfan.adapter import JSON, WireRequest
    from toolfan.client.async_client import AsyncClient
    from toolfan.client.sync_client import Client


class Replay:
    """What stands in for the vendor's client: the exchanges of a recording that are `left`.

    Requests are compared as a recording keeps them, without secrets.  Any number of threads may ask.
    """

    def __init__(self, recording: Recording, *, compare: bool) -> None:
        self.adapter, self.left, self._compare = recording.adapter, list(recording.exchanges), compare
        self._secrets = known_secrets(os.environ)
        self._requests = {id(one): self._cleaned(one["request"], one.get("model")) for one in self.left}
        self._blotted = {at for at, request in self._requests.items() if BLOT in json.dumps(request)}
        self._count = len(self.left)
        self._lock = Lock()

    def take(self, request: WireRequest, *, streams: bool) -> JSON:
        """The exchange that answers this request.

        Raises UsageError if none is left, or none has this body: then it names the first difference.
        """
        key = "events" if streams else "response"
        body = json.loads(json.dumps(request.body)) if self._compare else {}
        asked, named = self._cleaned(body, None), self._cleaned(body, request.model)
        with self._lock:
            fitting = [one for one in self.left if key in one or "error" in one]
            found = next(self._answering(fitting, asked, named) if self._compare else iter(fitting), None)
            if found is not None:
                self.left.remove(found)
                return found
        if not fitting:
            what = f"all {self._count} exchanges of the recording were given"
        else:
            nearest = self._requests[id(fitting[0])], named if "model" in fitting[0] else asked
            what = f"the recording has no such request: {_difference(*nearest)}"
        raise UsageError(what, adapter=self.adapter, hint="Record it anew; or replayed(..., compare=False).")

    def _cleaned(self, body: JSON, model: str | None) -> JSON:
        """What is compared of a request: its body, and the model that is named beside it."""
        return cleaned_request({**body, "model": model} if model and not body.get("model") else body, self._secrets)

    def _answering(self, fitting: list[JSON], asked: JSON, named: JSON) -> Iterator[JSON]:
        """Those to this very request, then those to one that may have been the same.

        Only an exchange that names its model beside the request is compared with what is `named` so.
        """
        pairs = [(one, named if "model" in one else asked) for one in fitting]
        yield from (one for one, wanted in pairs if self._requests[id(one)] == wanted)
        blotted = [(one, wanted) for one, wanted in pairs if id(one) in self._blotted]
        yield from (one for one, wanted in blotted if _same(self._requests[id(one)], wanted))


def _same(recorded: Any, asked: Any) -> bool:
    """Whether they are equal; where a secret was left out, any text may stand: the key of now is not known here."""
    if isinstance(recorded, dict) and isinstance(asked, dict):
        return recorded.keys() == asked.keys() and all(_same(recorded[key], asked[key]) for key in recorded)
    if isinstance(recorded, list) and isinstance(asked, list):
        return len(recorded) == len(asked) and all(map(_same, recorded, asked))
    if isinstance(recorded, str) and isinstance(asked, str) and BLOT in recorded:
        return re.fullmatch(".*".join(map(re.escape, recorded.split(BLOT))), asked, re.DOTALL) is not None
    return bool(recorded == asked)


def _difference(recorded: JSON, asked: JSON) -> str:
    before, now = dict(nodes(recorded)), dict(nodes(asked))
    leaves = [path for path, value in (*before.items(), *now.items()) if not isinstance(value, dict | list)]
    for path in leaves:
        if path not in before or path not in now or not _same(before[path], now[path]):
            old, new = (repr(some[path])[:80] if path in some else "nothing" for some in (before, now))
            return f"{'.'.join(map(str, path))} was {old} and is {new}"
    return "an empty object or list differs"


def _raise(exchange: JSON, adapter: str) -> None:
    """Raises the error of the exchange, if it has one."""
    if "error" in exchange:
        details = dict(exchange["error"])
        kind = provider_errors()[details.pop("type")]
        message = str(details.pop("message", ""))
        raise kind(message, adapter=adapter, **details)


class ReplayAdapter(Through):
    """An adapter that answers from a recording."""

    def transport(self, client: object, *, use_async: bool) -> Any:
        """A sender that takes exchanges.  Raises UsageError for another client."""
        if not isinstance(client, Replay):
            raise UsageError(f"{type(client).__name__} is no recording", adapter=self.name)
        return _AsyncReplayer(client) if use_async else _Replayer(client)


class _Sender:
    def __init__(self, replay: Replay) -> None:
        self._replay = replay

    def answer(self, request: WireRequest) -> WireResponse:
        exchange = self._replay.take(request, streams=False)
        _raise(exchange, self._replay.adapter)
        return WireResponse(exchange["response"], exchange.get("request_id"), exchange.get("headers") or {})

    def events(self, exchange: JSON) -> Iterator[JSON]:
        yield from exchange["events"]
        _raise(exchange, self._replay.adapter)

    def head(self, exchange: JSON) -> dict[str, Any]:
        if not exchange.get("events"):
            _raise(exchange, self._replay.adapter)
        return {"request_id": exchange.get("request_id"), "headers": exchange.get("headers") or {}}


class _Replayer(_Sender):
    keeps_deadline = True

    def send(self, request: WireRequest, *, timeout: float | None, headers: Any, query: Any) -> WireResponse:
        return self.answer(request)

    @contextmanager
    def stream(
        self, request: WireRequest, *, timeout: float | None, headers: Any, query: Any
    ) -> Generator[EventStream]:
        exchange = self._replay.take(request, streams=True)
        yield EventStream(self.events(exchange), **self.head(exchange))

    def close(self) -> None:
        """Nothing is held."""


class _AsyncReplayer(_Sender):
    async def send(self, request: WireRequest, *, timeout: float | None, headers: Any, query: Any) -> WireResponse:
        return self.answer(request)

    @asynccontextmanager
    async def stream(
        self, request: WireRequest, *, timeout: float | None, headers: Any, query: Any
    ) -> AsyncGenerator[AsyncEventStream]:
        exchange = self._replay.take(request, streams=True)
        yield AsyncEventStream(self._slowly(exchange), **self.head(exchange))

    async def _slowly(self, exchange: JSON) -> AsyncIterator[JSON]:
        for event in self.events(exchange):
            yield event

    async def close(self) -> None:
        """Nothing is held."""


def _replay(path: str | Path, compare: bool) -> tuple[Replay, ReplayAdapter, str | None]:
    """What answers, and the model that all recorded requests name."""
    from toolfan.registry.loading import load_adapter

    recording = Recording.load(path)
    replay = Replay(recording, compare=compare)
    models = [one["request"].get("model") or one.get("model") for one in recording.exchanges]
    named = {str(model) if model else None for model in models}
    return replay, ReplayAdapter(load_adapter(recording.adapter)), named.pop() if len(named) == 1 else None


def replayed(path: str | Path, *, model: str | None = None, compare: bool = True) -> Client:
    """A client that answers from the recording at `path`: no network, no SDK, no key.

    Each exchange is given once, to a request with the same body and model; with `compare=False` in order, to any.
    `client.sdk_client.left` has those that were not asked for.  Without a `model` it is that which all requests of the
    recording name.  Raises ConfigError if there is no recording.
    """
    from toolfan.client.constructors import wrap

    replay, adapter, recorded = _replay(path, compare)
    return wrap(replay, adapter=adapter, model=model or recorded)


def replayed_async(path: str | Path, *, model: str | None = None, compare: bool = True) -> AsyncClient:
    """`replayed`, awaited."""
    from toolfan.client.constructors import wrap_async

    replay, adapter, recorded = _replay(path, compare)
    return wrap_async(replay, adapter=adapter, model=model or recorded)
