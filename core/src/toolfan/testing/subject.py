"""What the laws are about: an adapter with its samples, as the author of a conformance test gives them.

Knows: the adapter protocol, samples.  Must not know: any law, pytest.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from toolfan.adapter import ToolChoice, ToolRequest, Turn, WireRequest
from toolfan.errors import IncompleteStream, UsageError
from toolfan.framing.decoder import EventDecoder
from toolfan.request.arguments import prepare
from toolfan.tools.toolset import ToolSet

from .attributes import check_attributes
from .guarding import left_to_authors
from .lawbook import LawBroken, Lawful, check_time, in_time
from .specimens import SPECIMENS, fresh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from toolfan.adapter import JSON, ParallelToolsAdapter

    from .samples import ErrorSample, Sample

USER: JSON = {"role": "user", "content": "toolfan-user-text"}
_FRAMING = (
    "Toolfan cuts server-sent events, JSON and Amazon's frames; where the service streams something else (XML, lines "
    "of its own), write a `decode` into the class."
)
NO_OPTIONS: Mapping[str, Any] = {}


class Subject(Lawful):
    """The attributes that the author of a conformance test sets.

    `adapter` and `samples` are needed, and `errors`: at least one error that the provider sends inside an answer.
    `plugin` is the module of the entry point, by default the package of the adapter's class.  `sdk` are the modules of
    the vendor's SDK, which only `connect` may import; `key_variable` is the environment variable without which
    `connect` must refuse, `key` what is put there, `settings` what it needs beside the key, `environment` further
    variables.  `logins` are requests that come before others at the same address, a token for a key: to each path the
    answer, as JSON.  `options` has values for options that not every value suits, or that go out translated.
    `request_model` is the model of requests that the suite builds.

    Five more say what the provider's wire is like, and are proved, too: `error_field` is False where answers to calls
    have no field for errors, so that the text alone tells; `stream_field` is False where the address or the method asks
    for a stream, and not the body; `model_field` is False where the address names the model; `always_sent` names the
    options without which the provider takes no request, so that a value of the adapter's own goes out.
    `dropped_keywords` are those of JSON Schema that the provider's dialect cannot carry, each with the reason.
    """

    adapter: ClassVar[ParallelToolsAdapter]
    samples: ClassVar[Sequence[Sample]] = ()
    errors: ClassVar[Sequence[ErrorSample]] = ()
    plugin: ClassVar[str | None] = None
    sdk: ClassVar[Sequence[str]] = ()
    key_variable: ClassVar[str | None] = None
    key: ClassVar[str | Sequence[str] | None] = None
    settings: ClassVar[Mapping[str, Any]] = NO_OPTIONS
    environment: ClassVar[Mapping[str, str]] = NO_OPTIONS
    logins: ClassVar[Mapping[str, Mapping[str, Any]]] = NO_OPTIONS
    options: ClassVar[Mapping[str, Any]] = NO_OPTIONS
    request_model: ClassVar[str] = "toolfan-model"
    error_field: ClassVar[bool] = True
    stream_field: ClassVar[bool] = True
    model_field: ClassVar[bool] = True
    always_sent: ClassVar[Sequence[str]] = ()
    dropped_keywords: ClassVar[Mapping[str, str]] = NO_OPTIONS

    def __init_subclass__(cls, **options: Any) -> None:
        """Raises TypeError for what cannot be right: see `toolfan.testing.attributes`, and `Lawful`."""
        super().__init_subclass__(**options)
        check_attributes(cls)

    @left_to_authors
    def events_of(self, body: Mapping[str, Any]) -> Iterable[Mapping[str, Any]] | None:
        """The events of a stream that says the same as this body, or None.

        Write it (some ten lines, a generator will do) and the suite makes streams of everything that it makes up: a
        thousand calls, large arguments, ids that are missing or repeated.
        """
        return None

    @left_to_authors
    def decode(self, chunks: Sequence[bytes]) -> Iterable[Mapping[str, Any]]:
        """The events in these bytes; toolfan's own framing, unless the provider's stream is cut by its SDK."""
        decoder = EventDecoder(adapter=self.adapter.name)
        found = [event for chunk in chunks for event in decoder.feed(chunk)]
        found += decoder.close()
        if decoder.error is not None:
            raise decoder.error.with_details(hint=_FRAMING) if not found else decoder.error
        return list(found)

    # What laws are written with.

    def events_in(self, chunks: Sequence[bytes]) -> list[Mapping[str, Any]]:
        """What `decode` gives of these bytes, which may be a generator's."""
        return list(self.decode(chunks))

    def made_of(self, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]] | None:
        """What `events_of` gives of this body; None, too, if a generator gives nothing."""
        events = self.events_of(body)
        if isinstance(events, Iterator):
            return list(events) or None
        return None if events is None else list(events)

    def answers(self) -> Sequence[Sample]:
        """The samples, each time fresh copies: an adapter that changes what it reads shall not spoil the next law.

        Raises LawBroken if there are none: what is proved on nothing is not proved.
        """
        samples = tuple(self.samples)
        if not samples:
            raise LawBroken(f"{type(self).__name__} has no samples")
        return copy.deepcopy(samples)

    def streams(self) -> Iterator[tuple[str, Mapping[str, Any], Sequence[Mapping[str, Any]]]]:
        """Name, body and events of every sample that has a stream; `events_of` gives further ones."""
        if not self.adapter.capabilities.streaming:
            return
        for sample in in_time(self.answers()):
            given = self.events(sample)
            if given is not None:
                yield sample.name, sample.body, given
            made = self.made_of(sample.body)
            if made is not None:
                yield f"{sample.name} (events_of)", sample.body, made

    def makes_events(self) -> bool:
        """Whether `events_of` is written."""
        return type(self).events_of is not Subject.events_of

    def events(self, sample: Sample) -> Sequence[Mapping[str, Any]] | None:
        """The events of a sample, as they are given or in its bytes."""
        if sample.events is None and sample.stream_bytes is not None:
            return self.events_in([sample.stream_bytes])
        return sample.events

    def read(self, events: Sequence[Mapping[str, Any]]) -> Turn:
        """The closed turn of a stream.  Raises what the parser raises."""
        check_time()
        parser = self.adapter.stream_parser()
        for event in events:
            parser.feed(event)
        return parser.close()

    def saved(self, events: Sequence[Mapping[str, Any]]) -> Turn:
        """The turn of a stream, whether or not it came to its end."""
        try:
            return self.read(events)
        except IncompleteStream as exc:
            return exc.turn or Turn()

    def both(self, body: Any) -> Iterator[tuple[str, Callable[[], Turn]]]:
        """The ways to read a body: whole and, where `events_of` is written, as a stream."""
        yield "whole", lambda: self.adapter.parse_response(body)
        if self.adapter.capabilities.streaming:
            events = self.made_of(body)
            if events is not None:
                yield "streamed", lambda: self.read(events)

    def made(self, make: Callable[[Sample], Any], *, most: int | None = None) -> Iterator[tuple[str, Sample, Turn]]:
        """What is read from each sample that `make` makes something of (at most so many); how, the sample, the turn."""
        bodies = ((sample, make(sample)) for sample in self.answers())
        for sample, body in in_time(islice((one for one in bodies if one[1] is not None), most)):
            for way, read in self.both(body):
                yield f"{sample.name}, {way}", sample, read()

    def tools(self, *names: str) -> ToolSet[Any]:
        """A fresh set of these specimens, by default of all."""
        return ToolSet([fresh(SPECIMENS[name]) for name in names or SPECIMENS])

    def request(self, tools: ToolSet[Any] | None = None, **fields: Any) -> ToolRequest:
        """A request with one message of the user, unless other fields are given."""
        given: dict[str, Any] = {"model": self.request_model, "messages": (USER,), **fields}
        return ToolRequest(tools=tools or self.tools("Weather", "Empty"), **given)

    def built(self, tools: ToolSet[Any] | None = None, **fields: Any) -> WireRequest:
        """What the adapter makes of `request`."""
        return self.adapter.build_request(self.request(tools, **fields))

    def asked(self, **arguments: Any) -> WireRequest:
        """What goes out for these arguments of `create()`.  Raises Unsupported for what the capabilities deny."""
        given: dict[str, Any] = {"model": self.request_model, **arguments}
        messages, tools = given.pop("messages", [USER]), given.pop("tools", None) or self.tools("Weather", "Empty")
        prepared = prepare(self.adapter, {}, messages=messages, tools=tools, options=given)
        return self.adapter.build_request(prepared.request)

    def refused(self, **arguments: Any) -> UsageError | None:
        """The error with which these arguments of `create()` are refused, None if they are not."""
        try:
            self.asked(**arguments)
        except UsageError as exc:
            return exc
        return None


AUTO, REQUIRED, NONE = ToolChoice(), ToolChoice("required"), ToolChoice("none")
