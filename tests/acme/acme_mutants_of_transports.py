"""Adapters whose transports have one fault each; see `acme_mutants`."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.request import Request, build_opener

from acme_mutants import breaks
from toolfan.adapter import WireResponse
from toolfan.errors import BadResponse, ProviderError, Unavailable
from toolfan_acme import AcmeAdapter
from toolfan_acme.sending import AcmeTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FAILS, SHOWS = "test_what_fails_is_an_error_of_the_provider", "test_no_error_shows_the_key"


def with_sender(sender: type[AcmeTransport]) -> type[AcmeAdapter]:
    """An adapter that sends with this transport."""

    def make(self: AcmeAdapter, client: Any) -> AcmeTransport:
        return sender(client)

    members = {"sender": make, "__module__": sender.__module__, "__qualname__": f"{sender.__name__}Adapter"}
    made = type(f"{sender.__name__}Adapter", (AcmeAdapter,), members)
    setattr(sys.modules[sender.__module__], made.__name__, made)  # another process looks for it
    return made


def sending(law: str) -> Callable[[type[AcmeTransport]], type[AcmeTransport]]:
    """An adapter that sends with this transport breaks this law, and no other."""

    def register(sender: type[AcmeTransport]) -> type[AcmeTransport]:
        breaks(law)(with_sender(sender))
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

    def events(self, request: Any, **given: Any) -> Iterator[Any]:
        yield from self.client.stream(request.body, **given)


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


@sending(FAILS)
class AllIsUnavailable(AcmeTransport):
    """Also a key that is refused, and too many requests."""

    def refusal(self, status: int, text: str, headers: Any) -> Exception:
        error = super().refusal(503 if status in (401, 429) else status, text, headers)
        assert isinstance(error, ProviderError)
        error.status = status
        return error


@sending(FAILS)
class StreamsDoNotWait(AcmeTransport):
    """What the service says of when to come again is read of whole answers alone."""

    def events(self, request: Any, **given: Any) -> Iterator[Any]:
        try:
            yield from super().events(request, **given)
        except ProviderError as exc:
            exc.retry_after = None
            raise


@sending(SHOWS)
class Keeping(AcmeTransport):
    """What was sent is an attribute of the error."""

    def refusal(self, status: int, text: str, headers: Any) -> Exception:
        error = super().refusal(status, text, headers)
        error.__dict__["sent"] = {"authorization": self.client.key}
        return error


# What is sent.

BUILT, ADDED, ONCE = "test_what_was_built_is_sent", "test_what_the_user_adds_is_sent", "test_a_request_is_sent_once"


class Changing(AcmeTransport):
    """Sends something else."""

    def change(self, body: Any, given: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        raise NotImplementedError

    def send(self, request: Any, **given: Any) -> WireResponse:
        body, given = self.change(request.body, given)
        return super().send(replace(request, body=body), **given)

    def events(self, request: Any, **given: Any) -> Iterator[Any]:
        body, given = self.change(request.body, given)
        yield from super().events(replace(request, body=body), **given)


@sending(BUILT)
class AFieldLost(Changing):
    def change(self, body: Any, given: Any) -> Any:
        return {name: value for name, value in body.items() if name != "seed"}, given


@sending(BUILT)
class AsciiAlone(Changing):
    """As if the bytes were made with `encode("ascii", "ignore")`."""

    def change(self, body: Any, given: Any) -> Any:
        return json.loads(json.dumps(body, ensure_ascii=False).encode("ascii", "ignore")), given


@sending(BUILT)
class Meddling(Changing):
    def change(self, body: Any, given: Any) -> Any:
        return {**body, "turns": [{**turn, "lang": "en"} for turn in body["turns"]]}, given


@sending(BUILT)
class StreamsAskForTheWhole(Changing):
    def change(self, body: Any, given: Any) -> Any:
        return {name: value for name, value in body.items() if name != "in_pieces"}, given


@sending(ADDED)
class HeadersLost(Changing):
    def change(self, body: Any, given: Any) -> Any:
        return body, given | {"headers": {}}


@sending(ADDED)
class QueriesOfStreamsLost(Changing):
    def change(self, body: Any, given: Any) -> Any:
        return body, given | ({"query": {}} if "in_pieces" in body else {})


@sending(ADDED)
class HeadersStay(Changing):
    def change(self, body: Any, given: Any) -> Any:
        self.__dict__["kept"] = {**self.__dict__.get("kept", {}), **given["headers"]}
        return body, given | {"headers": self.__dict__["kept"]}


@sending(ONCE)
class Retrying(AcmeTransport):
    """As most SDKs do."""

    def send(self, request: Any, **given: Any) -> WireResponse:
        with suppress(Unavailable):
            return super().send(request, **given)
        return super().send(request, **given)


@sending(ONCE)
class SentTwice(AcmeTransport):
    def events(self, request: Any, **given: Any) -> Iterator[Any]:
        with suppress(ProviderError):
            yield from super().events(request, **given)
            return
        yield from super().events(request, **given)


class AsksMore(AcmeTransport):
    """Sends a request of its own."""

    def more(self, method: str, path: str, body: bytes | None = None) -> None:
        from acme_sdk import NoRedirects

        head = {"x-acme": self.client.key, "content-type": "application/json"}
        asked = Request(f"{self.client._base_url}{path}", body, head, method=method)
        with suppress(OSError, HTTPException):
            build_opener(NoRedirects).open(asked, timeout=1.0).close()


@sending(ONCE)
class LooksBefore(AsksMore):
    def send(self, request: Any, **given: Any) -> WireResponse:
        self.more("GET", "/health")
        return super().send(request, **given)


@sending(ONCE)
class LooksOnce(AsksMore):
    looked = False

    def send(self, request: Any, **given: Any) -> WireResponse:
        if not self.looked:
            self.looked = True
            self.more("HEAD", "/models")
        return super().send(request, **given)


@sending(ONCE)
class ReportsBefore(AsksMore):
    def events(self, request: Any, **given: Any) -> Iterator[Any]:
        self.more("POST", "/telemetry", b'{"begun": 1}')
        yield from super().events(request, **given)


@sending(ONCE)
class ReportsWhatWasGood(AsksMore):
    def send(self, request: Any, **given: Any) -> WireResponse:
        answer = super().send(request, **given)
        self.more("POST", "/telemetry", b'{"good": 1}')
        return answer


@breaks(ONCE)
class LooksWhenAClientIsMade(AcmeAdapter):
    def connect(self, settings: Any, *, use_async: bool) -> Any:
        client: Any = super().connect(settings, use_async=use_async)
        AsksMore(client).more("GET", "/models")
        return client


@breaks(ONCE)
class LooksWhenATransportIsMade(AcmeAdapter):
    def sender(self, client: Any) -> AcmeTransport:
        AsksMore(client).more("HEAD", "/health")
        return super().sender(client)


@sending(ONCE)
class SaysWhenItIsClosed(AsksMore):
    def close(self) -> None:
        self.more("DELETE", "/session")


@sending("test_redirects_are_not_followed")
class Following(Changing):
    def change(self, body: Any, given: Any) -> Any:
        return body, given | {"redirects": True}


@sending("test_the_deadline_ends_a_request")
class Patient(Changing):
    def change(self, body: Any, given: Any) -> Any:
        return body, given | {"timeout": None}


# Where it goes.


@sending("test_the_path_of_an_address_is_kept")
class GoesToTheHostAlone(AcmeTransport):
    def __init__(self, client: Any) -> None:
        super().__init__(type(client)(client.key, "/".join(client._base_url.split("/")[:3])))
