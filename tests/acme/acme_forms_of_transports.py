"""Right adapters that send otherwise than Acme's does; see `acme_forms`."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acme_async import AsyncTransport
from acme_forms import right
from acme_mutants_of_transports import with_sender
from acme_samples import AcmeSuite
from toolfan.errors import BadResponse, ConnectionFailed, ProviderError
from toolfan.framing.decoder import EventDecoder
from toolfan_acme import AcmeAdapter
from toolfan_acme.sending import AcmeTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolfan.adapter import WireResponse


class Telling(AcmeTransport):
    """What the service says is told as it came: toolfan takes the key out, which it knows."""

    def refusal(self, status: int, text: str, headers: Any) -> Exception:
        error = super().refusal(status, text, headers)
        assert isinstance(error, ProviderError)
        error.message = f"{status}: {text}"
        return error


class Titled(AcmeTransport):
    """Of what the service says, the title of the first of several errors is told; what has none is not told."""

    def refusal(self, status: int, text: str, headers: Any) -> Exception:
        try:
            title = json.loads(text)["errors"][0]["title"]
        except (ValueError, LookupError):
            title = ""
        return super().refusal(status, json.dumps({"error": title}), headers)


class TellingBelow(AcmeTransport):
    """So is what the error was raised from."""

    @contextmanager
    def errors(self) -> Iterator[None]:
        try:
            with super().errors():
                yield
        except ConnectionFailed:
            raise ConnectionFailed("Acme cannot be reached", adapter="acme") from OSError(f"sent: {self.client.key}")


class Commented(AcmeTransport):
    """Streams are server-sent events that begin with a comment; it takes nothing else."""

    def events(self, request: Any, **given: Any) -> Iterator[Any]:
        decoder = EventDecoder(adapter="acme")
        with self.errors(), self.client.opened(request.body, **given) as answer:
            if answer.headers["content-type"] != "text/event-stream":
                raise BadResponse(f"a stream of {answer.headers['content-type']}", adapter="acme")
            for line in answer:
                yield from decoder.feed(line)
            yield from decoder.close()
            if decoder.error is not None:
                raise decoder.error


class KeyInTheBody(AcmeTransport):
    """The service takes it there; the codec does not know it."""

    def send(self, request: Any, **given: Any) -> WireResponse:
        return super().send(self.keyed(request), **given)

    def events(self, request: Any, **given: Any) -> Iterator[Any]:
        yield from super().events(self.keyed(request), **given)

    def keyed(self, request: Any) -> Any:
        return replace(request, body={**request.body, "api_key": self.client.key})


class Waiting(AcmeAdapter):
    """Its async transport waits in the event loop."""

    def transport(self, client: object, *, use_async: bool) -> Any:
        inner = super().transport(client, use_async=False)
        return AsyncTransport(inner) if use_async else inner


def commented(lines: bytes) -> bytes:
    framed = (f"id: {at}\ndata: {line.decode()}\n\n" for at, line in enumerate(lines.splitlines()))
    return b": Acme\n\n" + "".join(framed).encode()


def numbered(error: Any) -> Any:
    """The sample of an error with the bytes of its stream, which the suite cannot make up."""
    events = error.events or ()
    said = b"".join(json.dumps(event).encode() + b"\n" for event in events)
    return replace(error, stream_bytes=commented(said)) if events else error


right(Waiting)
right(with_sender(Telling))
right(with_sender(TellingBelow))
right(with_sender(Titled))
right(with_sender(KeyInTheBody))
right(
    with_sender(Commented),
    samples=[replace(one, stream_bytes=commented(one.stream_bytes or b"")) for one in AcmeSuite.samples],
    errors=[numbered(one) for one in AcmeSuite.errors],
)
