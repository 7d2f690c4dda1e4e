"""Adapters whose transports give something else than what the service sent; see `acme_mutants`."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from acme_forms import right
from acme_mutants import breaks
from acme_mutants_of_transports import sending, with_sender
from toolfan.adapter import WireResponse
from toolfan.secrets import blotted, blotted_beside
from toolfan_acme import AcmeAdapter
from toolfan_acme.sending import AcmeAsyncTransport, AcmeTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

WHOLE, STREAMED = "test_whole_answers_come_as_they_were_sent", "test_streams_come_as_they_were_sent"


class Losing(AcmeTransport):
    """Gives something else."""

    def send(self, request: Any, **given: Any) -> WireResponse:
        return WireResponse(self.kept(super().send(request, **given).body))

    def kept(self, body: Any) -> Any:
        raise NotImplementedError


@sending(WHOLE)
class GivesEmptyAnswers(Losing):
    def kept(self, body: Any) -> Any:
        return {"reply": {"who": "robot", "says": ""}, "why": "done"} if "reply" in body else body


@sending(WHOLE)
class GivesTheFirstCallAlone(Losing):
    def kept(self, body: Any) -> Any:
        reply = body.get("reply", {})
        return {**body, "reply": {**reply, "does": reply["does"][:1]}} if "does" in reply else body


@sending(WHOLE)
class GivesCallsBackwards(Losing):
    def kept(self, body: Any) -> Any:
        reply = body.get("reply", {})
        return {**body, "reply": {**reply, "does": reply["does"][::-1]}} if "does" in reply else body


@sending(WHOLE)
class GivesNoUsage(Losing):
    def kept(self, body: Any) -> Any:
        return {name: value for name, value in body.items() if name != "cost"}


@sending(WHOLE)
class GivesKnownFieldsAlone(Losing):
    """As an SDK's types do."""

    def kept(self, body: Any) -> Any:
        reply = {name: value for name, value in body.get("reply", {}).items() if name != "mood"}
        return {**body, "reply": reply} if reply else body


@sending(WHOLE)
class GivesAnEarlierAnswer(AcmeTransport):
    def send(self, request: Any, **given: Any) -> WireResponse:
        if request not in vars(self).setdefault("asked", []):
            answer = super().send(request, **given)
            self.asked, self.answer = [request], answer
        return self.answer


@sending(STREAMED)
class StreamsLoseCalls(AcmeTransport):
    def events(self, request: Any, **given: Any) -> Iterator[Any]:
        begun = 0
        for event in super().events(request, **given):
            begun += "begin" in event
            if begun < 2 or not event.keys() & {"begin", "more", "finish"}:
                yield event


@sending(STREAMED)
class StreamsLoseTheirFirstEvent(AcmeTransport):
    def events(self, request: Any, **given: Any) -> Iterator[Any]:
        for event in super().events(request, **given):
            if "open" not in event:
                yield event


@sending(STREAMED)
class EqualEventsComeOnce(AcmeTransport):
    """Where the first ends a call, so does the second."""

    def events(self, request: Any, **given: Any) -> Iterator[Any]:
        seen: list[Any] = []
        for event in super().events(request, **given):
            if event not in seen:
                yield event
            seen.append(event)


@sending(STREAMED)
class ReadsOnForAMoment(AcmeTransport):
    """Takes the first call for the last event: what follows is read as long as it comes at once."""

    def events(self, request: Any, **given: Any) -> Iterator[Any]:
        with self.errors(), self.client.opened(request.body, **given) as answer:
            last = False
            with suppress(TimeoutError):
                for line in answer:
                    event = json.loads(line)
                    yield event
                    if not last and (last := "begin" in event):
                        answer.fp.raw._sock.settimeout(0.05)


@sending("test_events_come_while_the_stream_runs")
class Buffered(AcmeTransport):
    def events(self, request: Any, **given: Any) -> Iterator[Any]:
        yield from list(super().events(request, **given))


@sending("test_the_head_of_an_answer_comes")
class StreamsWithoutAHead(AcmeTransport):
    """Whole answers have one."""

    def send(self, request: Any, **given: Any) -> WireResponse:
        with self.errors(), self.client.opened(request.body, **given) as answer:
            head = {name.lower(): value for name, value in answer.headers.items()}
            return WireResponse(json.load(answer), head.get("x-request-id"), head)


@sending("test_the_head_of_an_answer_comes")
class HeadersAsTheyCame(AcmeTransport):
    """With the key, if the service sends it back."""

    def send(self, request: Any, **given: Any) -> WireResponse:
        with self.errors(), self.client.opened(request.body, **given) as answer:
            return WireResponse(json.load(answer), headers={"x-toolfan-echo": answer.headers["x-toolfan-echo"] or ""})


@sending("test_closing_closes_the_connections")
class KeepsConnections(AcmeTransport):
    """As a pool does that nobody closes."""

    def send(self, request: Any, **given: Any) -> WireResponse:
        at = urlsplit(self.client._base_url)
        with suppress(OSError):
            kept = socket.create_connection((at.hostname or "", at.port or 80), timeout=given["timeout"])
            vars(self).setdefault("pool", []).append(kept)
        return super().send(request, **given)


@sending(STREAMED)
class SplitsAtAllThatEndsLines(AcmeTransport):
    """As `iter_lines()` of httpx does."""

    def events(self, request: Any, **given: Any) -> Iterator[Any]:
        rest = ""
        with self.errors(), self.client.opened(request.body, **given) as answer:
            for line in answer:
                *lines, rest = f"{rest}{line.decode()}|".splitlines()
                rest = rest.removesuffix("|")
                yield from map(json.loads, lines)


class OneForAll(AcmeAsyncTransport):
    """Keeps the request in itself, while it waits."""

    async def send(self, request: Any, **given: Any) -> WireResponse:
        self.request = request
        await asyncio.sleep(0)
        return await super().send(self.request, **given)


@breaks(WHOLE)
class MixesWhatIsAskedAtOnce(AcmeAdapter):
    def transport(self, client: object, *, use_async: bool) -> Any:
        made = super().transport(client, use_async=use_async)
        return OneForAll(made.inner) if use_async else made


class Hiding(AcmeTransport):
    """What is below `words` is the model's; in the rest of an answer the key is hidden."""

    words = frozenset({"reply", "say", "begin", "more"})

    def send(self, request: Any, **given: Any) -> WireResponse:
        return WireResponse(self.hidden(super().send(request, **given).body))

    def events(self, request: Any, **given: Any) -> Iterator[Any]:
        yield from map(self.hidden, super().events(request, **given))

    def hidden(self, said: Any) -> Any:
        return blotted_beside(said, (self.client.key,), self.words)


right(with_sender(Hiding))


@sending(WHOLE)
class HidesInWholeAnswers(Hiding):
    words = frozenset({"say", "begin", "more"})


@sending(STREAMED)
class HidesInArguments(Hiding):
    words = frozenset({"reply", "say"})


@sending(STREAMED)
class HidesInTexts(Hiding):
    def events(self, request: Any, **given: Any) -> Iterator[Any]:
        for event in super().events(request, **given):
            yield blotted(event, (self.client.key,)) if "say" in event else event
