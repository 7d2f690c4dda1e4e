"""Laws of requests: every field of a `ToolRequest` goes out, nothing is overwritten, nothing is changed.

Knows: `build_request`.  Must not know: how it is sent.
"""

from __future__ import annotations

import contextlib
import copy
import pickle
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from toolfan.adapter import Answer, ToolChoice, WireRequest
from toolfan.errors import UsageError
from toolfan.wire import encode_json

from .lawbook import law
from .laws_of_messages import IDS, RESULTS, called
from .laws_of_options import CANDIDATES, PROBE, LawsOfOptions
from .subject import USER
from .trees import at, contains, includes, named_leaves, nodes, same, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolfan.adapter import JSON
    from toolfan.tools.toolset import ToolSet

    from .trees import Path


class LawsOfRequests(LawsOfOptions):
    """What goes out."""

    @law
    def test_a_request_is_plain_json(self) -> Iterator[str]:
        """`build_request` gives a WireRequest whose body JSON can write, with the model and the rendered tools.

        Each of what `render_tools` gives stands in it as it is, or, where a provider takes an object of tools, under
        the tool's name.
        """
        tools = self.tools("Weather", "Empty")
        wire = self.built(tools)
        if not isinstance(wire, WireRequest):
            yield f"it is a {type(wire).__name__}"
            return
        encode_json(wire.body)
        if wire.model != self.request_model:
            yield f"its model is {wire.model!r}, not {self.request_model!r}"
        names = [*self.wire_names(tools).values()]
        for rendering in self.adapter.render_tools(tools, strict=None):
            if not (
                contains(wire.body, rendering) or any(_under_its_name(wire.body, rendering, name) for name in names)
            ):
                yield f"the body does not hold the tool {rendering!r:.200}, nor what it says under its name"
        if pickle.loads(pickle.dumps(wire)) != wire:
            yield "it is another one after pickling"

    @law
    def test_tools_as_bytes_are_the_tools(self) -> Iterator[str]:
        """`tools_json`, where an adapter gives it, is the JSON of `body["tools"]`, to the byte.

        Leave it None when `extra_body` or an option changed the tools.
        """
        cases: list[dict[str, Any]] = [
            {},
            {"parallel": False},
            {"tool_choice": ToolChoice("none")},
            {"extra_body": {"tools": [{"type": PROBE}]}},
        ]
        for fields in cases:
            try:
                wire = self.built(**fields)
            except UsageError:
                continue  # this provider's tools are no list that could be added to
            if wire.tools_json is not None and wire.tools_json != encode_json(wire.body["tools"]):
                yield f"with {fields}: {wire.tools_json!r:.200}"

    @law
    def test_the_model_goes_out(self) -> Iterator[str]:
        """The body names the model that was asked for, and no other.

        It does whatever else is asked: streamed, in a later round, with options.  Where the address names it, say so
        with `model_field = False`: then two models give the same body, and what comes to the service is looked at.
        """
        models = (self.request_model, f"{self.request_model}-{PROBE}", f"{self.request_model}/{PROBE}/Other-A")
        bodies = [self.built(model=model).body for model in models]
        if not self.model_field:
            if not all(same(bodies[0], body) for body in bodies):
                yield "model_field is False, and the body of another model is another one"
            return
        for model, body in zip(models, bodies, strict=True):
            named = [one for one in models if one in words(body)]
            if named != [model]:
                yield f"of the model {model!r} the body names {named}"
        later: dict[str, Any] = {"messages": (USER, called(), *RESULTS)}
        for fields in (*self._requests(), later):
            with contextlib.suppress(UsageError):
                if self.request_model not in words(self.built(**fields).body):
                    yield f"asked with {', '.join(fields)}, the body does not name the model {self.request_model!r}"

    @law
    def test_the_extra_body_goes_out(self) -> Iterator[str]:
        """What is in `extra_body` goes out unchecked, but never replaces what toolfan sets: that raises UsageError.

        End `build_request` with `toolfan.wire.merge_extra_body`.  Where what is asked stands in an envelope, merge the
        fields there, beside the messages and the tools; of what stands around it nothing is asked.
        """
        tools = self.tools("Weather", "Empty")
        base = self.built(tools).body
        extra = {"toolfan_extra": {"a": [1, None]}, "toolfan_null": None, "toolfan_zero": 0}
        sent = self.built(tools, extra_body=extra).body
        inner = _envelope(base, [USER["content"], *self.wire_names(tools).values()])
        base = at(base, inner)
        if (found := at(sent, inner)) != {**base, **extra}:
            yield f"extra_body={extra}: {_unlike(found, base, extra, inner)}"
        for fields in self._requests():
            body = at(self.built(tools, **fields).body, inner)
            for key in body.keys() - base.keys():
                sent = self._with_extra(tools, {}, {key: PROBE}, inner)
                if sent is not None and sent != {**base, key: PROBE}:
                    yield f"extra_body={{{key!r}: {PROBE!r}}}: {_unlike(sent, base, {key: PROBE}, inner)}"
            for path in _own(body):
                for other in (PROBE, {PROBE: PROBE}, [PROBE], None):
                    extra = _placed(path, other)
                    sent = self._with_extra(tools, fields, extra, inner)
                    if sent is not None and not includes(at(sent, path), at(body, path)):
                        yield f"extra_body={extra!r} replaced {at(body, path)!r:.100}"
                    elif sent is not None and not fields.get("stream") and not includes(at(sent, path), other):
                        yield f"extra_body={extra!r} is left out without a word: {at(body, path)!r:.100} stands there"

    def _with_extra(self, tools: ToolSet[Any], fields: Mapping[str, Any], extra: Mapping[str, Any], inner: Path) -> Any:
        """What is asked, in its envelope, with these extra fields; None if they are refused."""
        try:
            return at(self.built(tools, **fields, extra_body=extra).body, inner)
        except UsageError:
            return None

    def _requests(self) -> Iterator[dict[str, Any]]:
        """Arguments of requests that between them have every field that toolfan sets."""
        can = self.adapter.capabilities
        messages = (USER, {"role": "system", "content": PROBE}, USER) if can.system_messages else (USER,)
        yield {"messages": messages, "parallel": False, "stream": can.streaming, "strict": can.strict_schemas or None}
        yield {"tool_choice": ToolChoice("none")}
        if can.tool_choice_required:
            yield {"tool_choice": ToolChoice("required"), "strict": False if can.strict_schemas else None}
        if can.tool_choice_subset:
            yield {"tool_choice": ToolChoice("required", ("Weather",))}
        for name in sorted(self.adapter.option_names):
            for value in CANDIDATES:
                if self.accepts(name, value):
                    yield {"options": {name: value}}
                    break

    @law
    def test_a_stream_is_asked_for_the_same(self) -> Iterator[str]:
        """A request for a stream says all that one for a whole answer says: messages, choice, options, extra fields.

        Build one body, and add to it what asks for a stream.  What streams cannot have raises UsageError.
        """
        if not self.adapter.capabilities.streaming:
            return
        tools = self.tools("Weather", "Empty")
        base = named_leaves(self.built(tools).body)
        more: list[dict[str, Any]] = [
            {"extra_body": {"toolfan_extra": {"a": [1]}}},
            {"messages": (USER, called(), *RESULTS)},
            {},
        ]
        for asked in (*self._requests(), *more):
            whole = named_leaves(self.built(tools, **{**asked, "stream": False}).body)
            try:
                streamed = named_leaves(self.built(tools, **{**asked, "stream": True}).body)
            except UsageError:
                continue
            gone = (whole - base) - streamed if asked else base - streamed
            if len(gone) > (not asked):  # the one word that asks for no stream
                yield f"asked for a stream with {asked!r:.100}, it lacks {[text for _, text in gone][:5]}"
            if kept := (base - whole) & (streamed - whole):
                yield f"asked for a stream with {asked!r:.100}, it says {[text for _, text in kept][:5]} all the same"

    @law
    def test_building_changes_nothing(self) -> Iterator[str]:
        """The request that was given stays as it was, and building it twice gives the same body.

        Copy messages and fields before you change them, and keep nothing in the adapter between two requests.
        """
        # Nothing that other laws send, too: what is changed already is not seen to change.
        parts = [{"type": "text", "text": "x"}]
        result = {"role": "tool", "tool_call_id": IDS[0], "content": [{"type": "text", "text": "x"}]}
        fields: dict[str, Any] = {
            "messages": ({"role": "user", "content": parts}, called(ids=IDS[:1]), result, {**USER}),
            "extra_body": {"toolfan_extra": {"a": [1]}},
        }
        yield from self._changed(fields)
        for sample in self.answers():
            turn = self.adapter.parse_response(sample.body)
            own = self.adapter.build_answer(turn, [Answer(call, PROBE) for call in turn.calls])
            yield from self._changed({**fields, "messages": (USER, *own, USER)})

    def _changed(self, fields: dict[str, Any]) -> Iterator[str]:
        """What became of the fields of a request by building it twice."""
        kept = copy.deepcopy(fields)
        request = self.request(**fields)
        first, second = self.adapter.build_request(request), self.adapter.build_request(request)
        if not same(first.body, second.body):
            yield "built again it is another request"
        if fields != kept:
            yield "the messages or the extra fields were changed"


def _under_its_name(body: JSON, rendering: Any, name: str) -> bool:
    """Whether the tool of this name stands under it, as what else is said of it."""
    if not isinstance(rendering, Mapping):
        return False
    rest = {key: value for key, value in rendering.items() if value != name}
    told = rendering.get(name, rest)
    return told != rendering and any(path[-1:] == (name,) and node == told for path, node in nodes(body))


def _unlike(found: JSON, base: JSON, extra: JSON, inner: Path) -> str:
    """What was looked for beside the messages and the tools, and is not so there."""
    place = f"body{''.join(f'[{key!r}]' for key in inner)}"
    if missing := {key: value for key, value in extra.items() if key not in found or found[key] != value}:
        return f"looked for in {place}, which has the messages and the tools, and not there as given: {missing}"
    changed = sorted(key for key in base.keys() | found.keys() - extra.keys() if found.get(key) != base.get(key))
    return f"it changes other fields of {place}: {changed}"


def _placed(path: Path, value: Any) -> Any:
    """Objects in each other, the value at the path."""
    placed: Any = value
    for key in reversed(path):
        placed = {key: placed}
    return placed


def _own(body: Any, path: Path = ()) -> Iterator[Path]:
    """The fields of a body, and those of the objects in it, but for what stands in lists, at most three levels deep."""
    for key, value in body.items():
        yield (*path, key)
        if isinstance(value, dict) and len(path) < 2:
            yield from _own(value, (*path, key))


def _envelope(body: JSON, wanted: Sequence[str]) -> Path:
    """Where in the body the innermost object is in which all of these words stand."""
    inner: Path = ()
    while True:
        held = at(body, inner)
        key = next((key for key in held if isinstance(held[key], dict) and {*wanted} <= {*words(held[key])}), None)
        if key is None:
            return inner
        inner = (*inner, key)
