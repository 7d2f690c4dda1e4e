"""Adapters whose transports have one fault each; see `acme_mutants`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from acme_mutants import breaks
from toolfan.adapter import WireResponse
from toolfan.errors import AuthenticationError, BadResponse, ConnectionFailed
from toolfan_acme import AcmeAdapter
from toolfan_acme.sending import AcmeTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FAILS, SHOWS = "test_what_fails_is_an_error_of_the_provider", "test_no_error_shows_the_key"


def sending(law: str) -> Callable[[type[AcmeTransport]], type[AcmeTransport]]:
    """An adapter that sends with this transport."""

    def register(sender: type[AcmeTransport]) -> type[AcmeTransport]:
        def make(self: AcmeAdapter, client: Any) -> AcmeTransport:
            return sender(client)

        members = {"sender": make, "__module__": sender.__module__, "__qualname__": f"{sender.__name__}Adapter"}
        made = type(f"{sender.__name__}Adapter", (AcmeAdapter,), members)
        globals()[made.__name__] = made  # another process looks for it
        breaks(law)(made)
        return sender

    return register


@sending(FAILS)
class Raw(AcmeTransport):
    """What the SDK raises comes out."""

    @contextmanager
    def errors(self) -> Iterator[None]:
        yield


@sending(FAILS)
class RawWhileItComes(AcmeTransport):
    """What the SDK raises in the middle of a stream comes out."""

    def events(self, request: Any) -> Iterator[Any]:
        yield from self.client.stream(request.body)


@sending(FAILS)
class Unstreamed(AcmeTransport):
    def stream(self, request: Any, **_: Any) -> Any:
        raise NotImplementedError


@sending(FAILS)
class Forgiving(AcmeTransport):
    """What is no JSON passes for an answer."""

    def send(self, request: Any, **given: Any) -> WireResponse:
        try:
            return super().send(request, **given)
        except BadResponse:
            return WireResponse({"reply": {"who": "robot", "says": ""}, "why": "done"})


@sending(SHOWS)
class Telling(AcmeTransport):
    """What the service says is shown as it came."""

    def refusal(self, status: int, text: str) -> Exception:
        return AuthenticationError(f"{status}: {text}", adapter="acme")


@sending(SHOWS)
class TellingBelow(AcmeTransport):
    """So is what the error was raised from."""

    @contextmanager
    def errors(self) -> Iterator[None]:
        try:
            with super().errors():
                yield
        except ConnectionFailed:
            raise ConnectionFailed("Acme cannot be reached", adapter="acme") from OSError(f"sent: {self.client.key}")


@sending(SHOWS)
class Keeping(AcmeTransport):
    """So is an attribute."""

    def refusal(self, status: int, text: str) -> Exception:
        error = super().refusal(status, text)
        error.__dict__["sent"] = {"authorization": self.client.key}
        return error
