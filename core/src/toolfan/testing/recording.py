"""Traffic with a provider, written to a file and given again: for tests of programs that use toolfan.

A recording is JSON, to be read, kept in a repository and mended by hand:

    {"toolfan_recording": 1,
     "adapter": "openai",
     "exchanges": [
       {"request": {...}, "response": {...}, "request_id": "req_1", "headers": {...}},
       {"request": {...}, "events": [{...}, ...], "request_id": ..., "headers": {...}},
       {"request": {...}, "error": {"type": "RateLimited", "message": "...", "status": 429, "retry_after": 1.0}}]}

`request` is the body that was sent, beside it `model`, where the body names none, `response` the body that came,
`events` the decoded events of a stream.  Secrets are removed: request headers are not kept, and what looks like a
key, stands under the name of one, is the value of an environment variable with the name of one, or what the client
authenticates with, is `***`; also in the pieces of a stream.  An `error` beside `events` broke the stream.

Knows: adapters, transports, what a secret looks like.  Must not know: pytest, any provider.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolfan import errors
from toolfan.errors import ConfigError, ProviderError
from toolfan.http.event_streams import AsyncEventStream, EventStream
from toolfan.secrets.held import Hidden, Secrets
from toolfan.secrets.known import secrets_known
from toolfan.secrets.redaction import known_secrets, longest_first, public_headers

from .cleaning import cleaned_exchange
from .delegation import Through
from .mending import ENDS, ERROR_FIELDS, fault_of, parsed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable, Iterator, Mapping

    from toolfan.adapter import JSON, ParallelToolsAdapter, WireRequest, WireResponse

VERSION = 1
_SURROGATE = re.compile("[\ud800-\udfff]")


class Recording:
    """Exchanges with one adapter; `save` writes them to a file, `load` reads it.

    One that did not come to its end, because it was cancelled or is still under way, has its `request` alone: it can
    answer nobody, and is left out of the file.
    """

    def __init__(self, adapter: str, exchanges: list[JSON] | None = None) -> None:
        self.adapter = adapter
        self.exchanges: list[JSON] = exchanges or []
        self._secrets: list[Secrets] = []  # in memory alone; a list, as threads may add to it at once

    def leave_out(self, secrets: Iterable[str]) -> None:
        """Keeps these out of the file, too: what a client authenticates with comes here by itself."""
        known, told = longest_first(*self._secrets), Secrets([secrets] if isinstance(secrets, str) else secrets)
        if new := Secrets(secret for secret in told if secret and secret not in known):
            self._secrets.append(new)

    def ended(self) -> list[JSON]:
        """The exchanges that came to an end."""
        return [exchange for exchange in map(dict, list(self.exchanges)) if ENDS & exchange.keys()]

    def to_json(self) -> str:
        """The JSON text of the recording, without secrets; what no UTF-8 can say (half an emoji) is escaped."""
        secrets = longest_first(known_secrets(os.environ), *self._secrets)
        exchanges = [cleaned_exchange(exchange, secrets) for exchange in self.ended()]
        content = {"toolfan_recording": VERSION, "adapter": self.adapter, "exchanges": exchanges}
        text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
        return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)

    def save(self, path: str | Path) -> None:
        """Writes the file, in place of what was there: as a whole, or, where that fails, not at all."""
        _replace(Path(path).resolve(), self.to_json().encode())

    @classmethod
    def load(cls, path: str | Path) -> Recording:
        """The recording in the file.  Raises ConfigError, with the path and what is wrong, if there is none."""
        try:
            content = parsed(Path(path).read_text(encoding="utf-8"))
            version, adapter, exchanges = (content[key] for key in ("toolfan_recording", "adapter", "exchanges"))
            if fault := fault_of(adapter, exchanges):
                raise ValueError(fault)
        except (OSError, ValueError, KeyError, TypeError) as exc:
            said = f"{type(exc).__name__}: {exc}"
            raise ConfigError(
                f"{path} is no recording: {said}", hint="Mend it, or write one with `toolfan record`."
            ) from exc
        if version != VERSION:
            raise ConfigError(f"{path} is of version {version!r}", hint=f"This toolfan reads version {VERSION}.")
        return cls(adapter, exchanges)


def _replace(path: Path, content: bytes) -> None:
    """Raises OSError where the file cannot be written; then what was there is there still."""
    with tempfile.TemporaryDirectory(prefix=".toolfan-", dir=path.parent) as folder:
        fresh = Path(folder, path.name)
        fresh.write_bytes(content)
        if path.exists():
            shutil.copymode(path, fresh)
        fresh.replace(path)


class RecordingAdapter(Through):
    """An adapter whose traffic is written into a recording: give it to `toolfan.wrap(sdk_client, adapter=...)`."""

    def __init__(self, adapter: ParallelToolsAdapter, recording: Recording | None = None) -> None:
        super().__init__(adapter)
        self.recording = recording or Recording(adapter.name)

    def transport(self, client: object, *, use_async: bool) -> Any:
        """A sender over this client that keeps what passes."""
        inner = super().transport(client, use_async=use_async)
        return (_AsyncRecorder if use_async else _Recorder)(inner, client, self.recording)


class _Keeper:
    def __init__(self, inner: Any, client: object, recording: Recording) -> None:
        self._inner, self._client, self._recording = inner, client, recording

    @property
    def keeps_deadline(self) -> bool:
        """As the sender itself."""
        return bool(getattr(self._inner, "keeps_deadline", False))

    @property
    def secrets(self) -> Any:
        """As the sender itself."""
        return getattr(self._inner, "secrets", ())

    @contextmanager
    def begun(self, request: WireRequest, options: Mapping[str, Any]) -> Generator[JSON]:
        """An exchange that has begun."""
        exchange: JSON = {"request": json.loads(json.dumps(request.body))}
        if request.model and not request.body.get("model"):  # it is in the address
            exchange["model"] = request.model
        sent = Hidden({**(options.get("query") or {}), **(options.get("headers") or {})})
        self._recording.leave_out(secrets_known(self._inner, self._client, sent, ()))
        self._recording.exchanges.append(exchange)
        try:
            yield exchange
        finally:  # a token may have been fetched meanwhile
            self._recording.leave_out(secrets_known(self._inner, self._client, {}, ()))

    def keep(self, exchange: JSON, response: WireResponse) -> WireResponse:
        exchange["response"] = response.body
        self.head(exchange, response)
        return response

    def head(self, exchange: JSON, answer: Any) -> None:
        exchange["request_id"] = getattr(answer, "request_id", None)
        exchange["headers"] = public_headers((getattr(answer, "headers", None) or {}).items())

    @contextmanager
    def whole(self, request: WireRequest, options: Mapping[str, Any]) -> Generator[JSON]:
        """An exchange without events."""
        with self.begun(request, options) as exchange:
            try:
                yield exchange
            except ProviderError as exc:
                self.fail(exchange, exc)
                raise

    @contextmanager
    def following(self, request: WireRequest, options: Mapping[str, Any]) -> Generator[tuple[JSON, list[JSON]]]:
        """An exchange and the list for its events; what was interrupted (cancelled, Ctrl+C) has not come to its end."""
        events: list[JSON] = []
        with self.begun(request, options) as exchange:
            try:
                yield exchange, events
            except (Exception, GeneratorExit) as exc:
                if "headers" in exchange:  # whoever reads a stream may leave it early
                    exchange["events"] = events
                if isinstance(exc, ProviderError):
                    self.fail(exchange, exc)
                raise
            exchange["events"] = events

    def fail(self, exchange: JSON, exc: ProviderError) -> None:
        fields = {name: value for name in ERROR_FIELDS if (value := getattr(exc, name)) is not None}
        # An adapter may have classes of its own; whoever replays has toolfan's.
        kind = next(kind for kind in type(exc).__mro__ if kind.__module__ == errors.__name__)
        exchange["error"] = {"type": kind.__name__, "message": exc.message, **fields}


class _Recorder(_Keeper):
    def send(self, request: WireRequest, **options: Any) -> WireResponse:
        with self.whole(request, options) as exchange:
            return self.keep(exchange, self._inner.send(request, **options))

    @contextmanager
    def stream(self, request: WireRequest, **options: Any) -> Generator[EventStream]:
        with self.following(request, options) as (exchange, events), self._inner.stream(request, **options) as found:
            self.head(exchange, found)
            yield EventStream(
                self._passing(found, events), request_id=exchange["request_id"], headers=exchange["headers"]
            )

    def _passing(self, found: Any, events: list[JSON]) -> Iterator[JSON]:
        for event in found:
            events.append(event)
            yield event

    def close(self) -> None:
        self._inner.close()


class _AsyncRecorder(_Keeper):
    async def send(self, request: WireRequest, **options: Any) -> WireResponse:
        with self.whole(request, options) as exchange:
            return self.keep(exchange, await self._inner.send(request, **options))

    @asynccontextmanager
    async def stream(self, request: WireRequest, **options: Any) -> AsyncGenerator[AsyncEventStream]:
        with self.following(request, options) as (exchange, events):
            async with self._inner.stream(request, **options) as found:
                self.head(exchange, found)
                yield AsyncEventStream(
                    self._passing(found, events), request_id=exchange["request_id"], headers=exchange["headers"]
                )

    async def _passing(self, found: Any, events: list[JSON]) -> AsyncIterator[JSON]:
        async for event in found:
            events.append(event)
            yield event

    async def close(self) -> None:
        await self._inner.close()
