"""Laws of what is sent, and of what becomes of a service that fails.

Knows: `connect`, `transport`, another process.  Must not know: what is in a request or an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .hearing import heard as _heard
from .hearing import in_every_way
from .lawbook import LawNotAsked, law
from .laws_of_packages import LawsOfPackages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


class LawsOfTransports(LawsOfPackages):
    """What goes over the network; without the vendor's SDK none of these can be asked."""

    @law
    @in_every_way
    def test_what_fails_is_an_error_of_the_provider(self) -> Iterator[str]:
        """A refused key, a failure, an answer that is no JSON or breaks off, a lost connection raise ProviderErrors.

        So do a redirect, a service that is busy and one that does not answer, in `send` and, with
        `capabilities.streaming`, in `stream`, sync and async; no other exception comes out.  What may be sent again
        depends on the kind: a refused key (401) is AuthenticationError or PermissionDenied, too many requests (429)
        RateLimited, a failure (500, 503) Unavailable, and if one of them has the `retry_after` that the service names,
        it has it however it is asked.  Catch what the SDK raises, and map it: `ConnectionFailed`, `BadResponse`, and
        `toolfan.translation.error_from_status`.  The transports of `toolfan.http` do it for an SDK over
        httpx.  Asked only where `settings_model` has a `base_url` (or `endpoint_url`), as the laws below: another
        process answers there.
        """
        facts = _heard(self)
        for said in [*facts["failed"], *facts["waited"]]:
            if not said["error"]:
                yield f"{said['where']}: no error"
            elif not said["known"]:
                yield f"{said['where']}: {said['error']} is no ProviderError: {said['text']:.300}"
            elif (kinds := _kinds(said)) and not {*kinds} & {*said["kinds"]}:
                yield f"{said['where']}: {said['error']} is none of {', '.join(kinds)}: {said['text']:.300}"
        for status in (429, 503):
            asked = [said for said in facts["failed"] if said["status"] == status]
            if any(said["waits"] for said in asked):
                yield from (f"{said['where']}: its retry_after is lost" for said in asked if not said["waits"])

    @law
    @in_every_way
    def test_what_was_built_is_sent(self) -> Iterator[str]:
        """The body that `build_request` made comes to the service as it is: no field is lost, changed or added.

        It is compared as JSON, whole and, with `capabilities.streaming`, streamed, where the request must differ.  A
        field of the SDK's own may be added if it is empty, null or false, or is the key, and the prefix of the model's
        name that leads to one of many services may be gone.  Where the address names the model (`model_field`), it has
        to stand there.  What is sent before, a token for a key, is told in `logins`.  Hand `request.body` on whole: as
        bytes (`toolfan.wire.encode_json`), or by the SDK's way for fields that it does not know, since its typed
        arguments leave such out.
        """
        whole: dict[bool, Any] = {}
        built = _heard(self)["built"]
        yield from (
            f"{said['where']}: `logins` names the path of requests themselves" for said in built if said["hidden"]
        )
        if not any("asked" in said for said in built):  # nothing goes to this address, of which another law tells
            return
        for said in built:
            if "asked" not in said:
                if said["known"]:  # of other errors another law tells
                    yield f"{said['where']}: nothing came to the service; {said['error']}"
                continue
            yield from (f"{said['where']}: {line}" for line in said["wrong"])
            if not self.model_field and not said["named"]:
                yield f"{said['where']}: model_field is False, and the address does not name the model either"
            if "json" in said["kind"]:
                yield f"{said['where']}: what comes to the service is called {said['kind']}, and is none"
            elif said["kind"]:
                raise LawNotAsked(f"what comes to the service cannot be compared: it is no JSON, but {said['kind']}")
            if not said["streams"]:
                whole[said["async"]] = said["asked"]
            elif said["asked"] == whole.get(said["async"]):
                yield f"{said['where']}: the request is that for a whole answer"

    @law
    @in_every_way
    def test_what_the_user_adds_is_sent(self) -> Iterator[str]:
        """`headers` and `query` go out with the request, whole and streamed, or raise Unsupported before it is sent.

        They are the user's `extra_headers` and `extra_query`.  Hand them to the SDK beside its own; where it has no
        place for them, refuse those that are not empty.  They belong to one request: the next goes out without them.
        """
        for said in _heard(self)["added"]:
            if not said["came"] and not said["refused"]:
                yield f"{said['where']} did not come to the service, and is not refused as Unsupported: {said['error']}"
            if said["stays"]:
                yield f"{said['where']} goes out with the next request, too, which may be another user's"

    @law
    @in_every_way
    def test_redirects_are_not_followed(self) -> Iterator[str]:
        """A redirect is an error: who follows it makes a GET of the request, or takes the key to another host.

        Switch it off for each request (`follow_redirects=False`, `allow_redirects=False`).
        """
        for said in _heard(self)["failed"]:
            if said["followed"]:
                yield f"{said['where']}: it was followed"

    @law
    @in_every_way
    def test_the_deadline_ends_a_request(self) -> Iterator[str]:
        """A request that is not answered ends when its `timeout` is over: nothing of it is left behind.

        `timeout` is in seconds, what is left of the deadline; hand it to the SDK.  Though toolfan returns in time
        anyway, a sync request that goes on keeps a thread and a connection.  An async one may end by being cancelled;
        it blocks no event loop, be it until an answer comes or while it is read: take the vendor's async client, or a
        sync one with `asyncio.to_thread`.
        """
        for said in _heard(self)["waited"]:
            if said["late"]:
                yield f"{said['where']}: it did not end in time, but with {said['error']}: {said['text']:.300}"
            elif said["stood"]:
                yield f"{said['where']}: {_BLOCKED}"
        yield from (f"{where}: {_BLOCKED}" for where in _heard(self)["halted"])

    @law
    @in_every_way
    def test_whole_answers_come_as_they_were_sent(self) -> Iterator[str]:
        """What `send` gives of a sample's `body` says what the body says: calls, text, stop, usage, model, id, replay.

        A service on loopback sends each sample, as JSON or as its `body_bytes`, the first one twice, each for an equal
        request, which must come to it anew; and two at once, each to its own request: keep nothing in the transport.
        Give the decoded body as it came, past the types of the SDK: they drop what they do not know, and `exclude_none`
        and the like drop more.  Fields that are empty, null or false may be added or gone.

        In two of them the model says the key, in its text and in its arguments: what it was told, it may say, and who
        hides it there alters a call in silence.  Hide what a service echoes beside the model's words alone: name the
        fields that hold these, calls and texts, as `words` of a sender, or for `toolfan.secrets.blotted_beside`.
        """
        yield from _wrong([one for one in _heard(self)["given"] if not one["streams"]])

    @law
    @in_every_way
    def test_streams_come_as_they_were_sent(self) -> Iterator[str]:
        """What `stream` gives of a sample's `stream_bytes` says what they say: every event comes, once, in order.

        It is asked as for whole answers, with the samples that have `stream_bytes`; without any it cannot be asked.
        What comes last in the longest comes after a pause: `is_last` of a sender is True for the event after which
        nothing follows that is read, and for no other.  If it is True for none, and no stream ends with `[DONE]`,
        programs wait for a connection that the service keeps open.  A text may hold U+2028: split lines at line feeds,
        and not with `splitlines()`, nor with `iter_lines()` of httpx.  Where the model says the key, it stays, as in
        whole answers: `words` of a sender are fields of events, too.
        """
        yield from _wrong(_streamed(self))
        ends = [one["ends"] for one in _streamed(self) if one.get("ends") is not None]
        if ends and not any(ends):
            yield "`is_last` of the sender is True for no event of any sample: the end of an answer is not known"

    @law
    @in_every_way
    def test_events_come_while_the_stream_runs(self) -> Iterator[str]:
        """The first event of a stream is given before the service sends the last one: calls run while others come.

        The service stops in the middle of the longest of the samples' `stream_bytes`, until an event was given.  Give
        each event when its bytes are there: no `list`, no `read()` of the whole, no reads of a fixed size.
        """
        said = _streamed(self)
        if said and not any(one["paused"] for one in said):
            raise LawNotAsked("no sample has stream_bytes of several events: there is nothing to hold back")
        for one in said:
            if one["late"]:
                yield f"{one['where']}: no event was given until the service sent the rest"

    @law
    @in_every_way
    def test_the_head_of_an_answer_comes(self) -> Iterator[str]:
        """If one way to ask gives the `headers` of an answer, or its `request_id`, all do: those of this answer.

        Ways are `send` and `stream`, sync and async.  The service sends a header of its own, and an id as
        `x-request-id`, `request-id`, `x-amzn-requestid` and `x-goog-request-id`.  Set both on the `WireResponse`, and
        on the `toolfan.http.EventStream` that `stream` gives.  The key does not show in them, though the
        service sends it back in one: `toolfan.secrets.public_headers`.
        """
        yield from (f"{one['where']}: the key is in the headers" for one in _heard(self)["given"] if one["shown"])
        said = [one for one in _heard(self)["given"] if one["head"] and not one["wrong"]]
        for what in ("request_id", "headers"):
            if any(one["head"][what] for one in said):
                yield from (
                    f"{one['where']}: {what} is not that of the answer" for one in said if not one["head"][what]
                )

    @law
    @in_every_way
    def test_closing_closes_the_connections(self) -> Iterator[str]:
        """After `close` of a transport the connections that its requests were sent on are closed, sync and async.

        Close the client, where it keeps connections.  Those that an SDK shares among all its clients may stay open: a
        second transport must not leave one more.  Closing raises nothing.
        """
        for said in _heard(self)["left"]:
            if said["error"]:
                yield f"{said['kind']}: closing raises {said['error']}"
            left = [max(0, count) for count in said["open"]]  # others, of a login say, may end meanwhile
            if len({0, *left}) > 2:
                first, second = left
                yield f"{said['kind']}: after one transport was closed {first} are open, after another {second}"


_BLOCKED = "nothing else ran while it waited, for it blocks the event loop"
_KINDS: dict[int | None, tuple[str, ...]] = {
    401: ("AuthenticationError", "PermissionDenied"),
    429: ("RateLimited", "QuotaExhausted"),
    500: ("Unavailable",),
    503: ("Unavailable", "RateLimited"),
}


def _kinds(said: Mapping[str, Any]) -> tuple[str, ...]:
    """The kinds of error that a status may be told as; none where the request did not come to the service."""
    return _KINDS.get(said.get("status"), ()) if said.get("requests") else ()


def _wrong(given: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    return (f"{one['where']}: {line}" for one in given for line in one["wrong"])


def _streamed(subject: LawsOfTransports) -> list[Mapping[str, Any]]:
    """What was given of samples' streams.  Raises LawNotAsked where no sample has one."""
    facts = _heard(subject)
    if subject.adapter.capabilities.streaming and not any(sample.stream_bytes for sample in subject.answers()):
        raise LawNotAsked("no sample has stream_bytes: what a service would send is not known")
    return [one for one in facts["given"] if one["streams"]]
