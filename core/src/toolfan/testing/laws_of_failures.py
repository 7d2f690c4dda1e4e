"""Laws of what fails, or is stopped: what the user is told, what is sent again, what is left behind.

Knows: another process, statuses of HTTP.  Must not know: what is in a request or an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .hearing import heard, in_every_way
from .lawbook import LawNotAsked, law
from .laws_of_transports import LawsOfTransports
from .listening import REASON, REJECTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class LawsOfFailures(LawsOfTransports):
    """What a service rejects or breaks off, and what a user does not wait for."""

    @law
    @in_every_way
    def test_no_error_shows_the_key(self) -> Iterator[str]:
        """No error shows the key, nor an attribute of it, nor what it was raised from, though services send it back.

        Nor is a response, a request or an error of the SDK's an attribute of it: the key is in the headers behind it,
        and traces and pickles take it along.  Attributes are plain data: texts, numbers, True, False, None, lists,
        tuples and dicts of these, or a Turn.  Leave the object out, and keep of it what is wanted, as its status.

        It is asked of what users see of a client of their own: toolfan takes out of its words what the transport has as
        `secrets` (or the client as its key).  Where the SDK keeps its key elsewhere, say so there; put nothing of the
        request into attributes of an error.  The transports of `toolfan.http` hide it by themselves.
        """
        for said in heard(self)["failed"]:
            if said["known"] and said["shown"]:
                yield f"{said['where']}: {said['error']} shows the key: {said['shown']}"
        for said in heard(self)["failed"]:
            if said["known"] and said["carries"]:
                yield f"{said['where']}: {said['error']} carries what is no plain data: {', '.join(said['carries'])}"

    @law
    @in_every_way
    def test_a_request_is_sent_once(self) -> Iterator[str]:
        """One request comes to the service, and no second one after 429, 500, 503 or an answer that nobody can read.

        Retries are toolfan's alone: it counts requests, spends a budget, heeds the deadline.  Most SDKs retry by
        themselves; switch that off for each request (`max_retries=0` or the like), since users pass clients of their
        own.  What it rejects (400, 404, 413, 422) is not sent again either.  After a connection that was closed it is
        not asked: an SDK may take it for one of its own that was no longer used.  A look at the service's health, a
        list of its models, a report of what was used count, too, also what `connect` or `transport` sends: nobody asked
        for them, and they take their time.  What the SDK cannot do without, as a token for a key, is told in `logins`.
        """
        facts = heard(self)
        failed = [said for said in facts["failed"] if said["status"] in _SENT_ONCE]
        for said in [*_accompanied(facts), *failed]:
            if len(said["requests"]) > 1:
                came = ", ".join(said["requests"])
                yield f"{said['where']}: {len(said['requests'])} requests came to the service: {came}"
        yield from _unasked(facts)

    @law
    @in_every_way
    def test_a_rejected_request_is_told_as_one(self) -> Iterator[str]:
        """What a service rejects (400, 404, 413, 422) is RequestRejected, which is not sent again, however it is asked.

        An error of another kind, as Unavailable, ConnectionFailed or BadResponse, has the same request sent three
        times, each time in vain.  `toolfan.translation.error_from_status` gives the error of a status; so do the
        transports of `toolfan.http`.
        """
        for said in _of_statuses(self, REJECTED):
            if said["known"] and "RequestRejected" not in said["kinds"]:
                yield f"{said['where']}: {said['error']} is no RequestRejected: {said['text']:.300}"
            elif said["known"] and said["again"]:
                yield f"{said['where']}: {said['error']} is retryable: it is sent again"

    @law
    @in_every_way
    def test_errors_have_the_words_and_the_status(self) -> Iterator[str]:
        """What a service says of a request that it rejects stands in the message of the error, and `status` in it.

        Without these words nobody learns what to change.  The service says them as `message`, as `detail` and as
        `error.message` of JSON.  Hand `error_from_status` the text of the answer, its own words or all of it
        (`toolfan.translation.provider_words` finds them), also of one that would have been streamed, which must be read
        first.  Where the SDK tells no number, give that of its class of error: one of the same hundred will do.
        Cannot be asked where whole answers are no JSON (`body_bytes`), and no error has the words.
        """
        rejected = [said for said in _of_statuses(self, REJECTED) if said["known"]]
        if not any(said["says"] for said in rejected) and any(one.body_bytes is not None for one in self.answers()):
            raise LawNotAsked("answers of the service are no JSON: in what form it says why is not known")
        for said in rejected:
            if not said["says"]:
                yield f"{said['where']}: {REASON!r} is not in the error: {said['text']:.300}"
        for said in _of_statuses(self, (*REJECTED, 401, 429, 500, 503)):
            if said["known"] and not (isinstance(said["told"], int) and said["told"] // 100 == said["status"] // 100):
                yield f"{said['where']}: status of the error is {said['told']!r}"

    @law
    @in_every_way
    def test_errors_inside_answers_come_through(self) -> Iterator[str]:
        """An error that a service sends inside a 200, or as an event of a stream, is raised as its sample says.

        The samples of errors are sent: `body` as JSON, or its `body_bytes`; `events` as `stream_bytes`, or made into
        such where the streams of the samples are `data:` lines, or lines of JSON, alone.  Hand such a body or event on
        as it came, for the codec to raise; where the SDK raises by itself, translate that, in the middle of a stream,
        too: `toolfan.translation.error_from_body`.
        """
        found = heard(self)["raised"]
        if not found:
            raise LawNotAsked("no sample of an error can be sent: give ErrorSample a body, or stream_bytes")
        for said in found:
            if not said["kinds"]:
                yield f"{said['where']}: no error, but {said['text']}"
            elif said["wanted"] not in said["kinds"]:
                yield f"{said['where']}: {said['kinds'][0]} is no {said['wanted']}: {said['text']}"

    @law
    @in_every_way
    def test_who_stops_a_request_stops_it(self) -> Iterator[str]:
        """A task that is cancelled ends with CancelledError, and Ctrl-C comes out; the request is not sent again.

        Else a program cannot be ended, and what its user no longer wants is sent, and paid for, again.  Catch
        `Exception` around the SDK, and not `BaseException`, nor with a bare `except`; what must be tidied up goes into
        `finally`.  It is asked before an answer comes, and in the middle of a stream.  The connection of a cancelled
        request is closed, unless it is sent by a thread, which ends by its deadline; so shield nothing
        (`asyncio.shield`), and start no task that nobody cancels.
        """
        found = [said for said in heard(self)["stopped"] if said["came"] is not None]
        if not found:
            raise LawNotAsked("no request was on its way: there was nothing to stop, or no signal here to stop it with")
        for said in found:
            if said["came"] != said["wanted"]:
                yield f"{said['where']}: what comes out is {said['came']}, and should be {said['wanted']}"
            if said["after"]:
                yield f"{said['where']}: the request was sent again, or another: {', '.join(said['after'])}"
            elif said["open"]:
                yield f"{said['where']}: its connection stays open"

    @law
    @in_every_way
    def test_a_request_has_all_its_time(self) -> Iterator[str]:
        """A request with a `timeout` of 0.9 seconds gets the answer of a service that answers in a tenth of one.

        What is left of a deadline is a fraction: `int(timeout)` makes 0 of it.  Where the SDK takes whole seconds
        alone, round up; toolfan returns in time.
        """
        for way in heard(self)["hurried"]:
            yield f"{way}: it had no answer in 0.9 seconds, and has one in 5"

    @law
    @in_every_way
    def test_requests_are_served_at_once(self) -> Iterator[str]:
        """Two requests over one transport, from two threads or two tasks, are at the service at the same time.

        Calls of a program wait for each other otherwise.  Hold no lock while a request is sent; where an SDK's client
        serves one thread alone, keep one for each.
        """
        yield from (f"{one['where']}: one was not sent until the other was answered" for one in _alone(self))


_SENT_ONCE = frozenset({200, *REJECTED, 429, 500, 503})
"""Of others some SDKs log in anew (401), or connect anew (none)."""


def _accompanied(facts: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The requests beside which something came at another path: at its own one that was given up may come late."""
    paths = _paths(facts)
    for said in [*facts["built"], *facts["given"]]:
        if {one.partition(" ")[2] for one in said.get("requests", ())} - paths:
            yield said


def _unasked(facts: Mapping[str, Any]) -> Iterator[str]:
    """What came while clients were made, and at another path when these were asked and closed."""
    paths = _paths(facts)
    for said in facts["left"]:
        if said["made"]:
            yield f"{said['kind']}: while two clients were made there came to the service: {', '.join(said['made'])}"
        beside = [one for one in said["requests"] if paths and one.partition(" ")[2] not in paths]
        if beside:
            yield f"{said['kind']}: beside the requests of two clients there came to the service: {', '.join(beside)}"


def _paths(facts: Mapping[str, Any]) -> set[str]:
    """Where requests themselves go."""
    return {said["asked"][0].partition("?")[0] for said in facts["built"] if "asked" in said}


def _alone(subject: LawsOfFailures) -> list[Mapping[str, Any]]:
    said = [one for one in heard(subject)["given"] if "alone" in one]
    if not said:
        raise LawNotAsked("no two samples that differ can be sent at once")
    return [one for one in said if one["alone"]]


def _of_statuses(subject: LawsOfFailures, statuses: Any) -> list[Mapping[str, Any]]:
    """What became of requests that the service answered with one of these."""
    found = [said for said in heard(subject)["failed"] if said["status"] in statuses and said["requests"]]
    if not found:
        raise LawNotAsked("no request came to the service")
    return found
