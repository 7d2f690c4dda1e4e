"""Laws of requests: every field of a `ToolRequest` goes out, nothing is overwritten, nothing is changed.

Knows: `build_request`.  Must not know: how it is sent.
"""

from __future__ import annotations

import copy
import json
import pickle
from typing import TYPE_CHECKING, Any, Literal

from toolfan.adapter import ToolChoice, WireRequest
from toolfan.errors import UsageError
from toolfan.request import DEFAULTS
from toolfan.wire import encode_json

from .lawbook import law
from .laws_of_rendering import LawsOfRendering
from .subject import USER
from .trees import contains, includes, nodes, same, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

PROBE = "toolfan-probe"
# Values that some option or other takes.
CANDIDATES: tuple[Any, ...] = (PROBE, 0.125, 7, True, [PROBE], {PROBE: PROBE}, [{PROBE: PROBE}], {PROBE: {PROBE: 7}})
TAKEN = frozenset({*DEFAULTS, "messages", "response_model", "tools", "self"})


class LawsOfRequests(LawsOfRendering):
    """What goes out."""

    @law
    def test_a_request_is_plain_json(self) -> Iterator[str]:
        """`build_request` gives a WireRequest whose body JSON can write, with the model and the rendered tools."""
        tools = self.tools("Weather", "Empty")
        wire = self.built(tools)
        if not isinstance(wire, WireRequest):
            yield f"it is a {type(wire).__name__}"
            return
        encode_json(wire.body)
        if wire.model != self.request_model:
            yield f"its model is {wire.model!r}, not {self.request_model!r}"
        for rendering in self.adapter.render_tools(tools, strict=None):
            if not contains(wire.body, rendering):
                yield f"the body does not hold the tool {rendering!r:.200}"
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
    def test_messages_go_out(self) -> Iterator[str]:
        """Every chat-style message is in the body, in order: texts of users and assistants, calls and their results.

        `toolfan.messages.read_messages` gives typed parts; a part that cannot be sent is refused as Unsupported.
        """
        call = {"id": "call_x", "type": "function", "function": {"name": "Weather", "arguments": '{"location":"m4"}'}}
        messages = (
            {"role": "user", "content": "m1"},
            {"role": "assistant", "content": "m2"},
            {"role": "user", "content": [{"type": "text", "text": "m3"}]},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_x", "content": "m5"},
            {"role": "user", "content": "m6"},
        )
        said = json.dumps(self.built(messages=messages).body)
        missing = [word for word in ("m1", "m2", "m3", "m4", "m5", "m6") if word not in said]
        if missing:
            yield f"{', '.join(missing)} are missing in {said[:300]}"
        elif sorted(("m1", "m2", "m3", "m4", "m5", "m6"), key=said.index) != ["m1", "m2", "m3", "m4", "m5", "m6"]:
            yield "the messages go out in another order"

    @law
    def test_what_is_no_message_is_refused(self) -> Iterator[str]:
        """Messages without a role or with a content of another type raise UsageError, naming the position."""
        for message in ({}, {"role": "wizard", "content": "x"}, {"role": "user", "content": 7}, {"role": "user"}):
            try:
                self.built(messages=(USER, message))
            except UsageError as exc:
                if "messages[1]" not in str(exc):
                    yield f"{message}: the error does not name messages[1]: {exc}"
            except Exception as exc:  # noqa: BLE001 - it is what is told
                yield f"{message}: {type(exc).__name__} instead of UsageError: {exc}"
            else:
                yield f"{message} was sent"

    @law
    def test_the_tool_choice_goes_out(self) -> Iterator[str]:
        """`auto`, `required` and `none` are three different requests, as far as the capabilities offer them.

        Spell each in the provider's words, `auto` too where a server may have another default.
        """
        modes: list[Literal["auto", "required", "none"]] = ["auto", "none"]
        if self.adapter.capabilities.tool_choice_required:
            modes.append("required")
        bodies = {mode: self.built(tool_choice=ToolChoice(mode)).body for mode in modes}
        for mode in modes[1:]:
            for other in modes[: modes.index(mode)]:
                if same(bodies[mode], bodies[other]):
                    yield f"{mode!r} and {other!r} are sent alike"

    @law
    def test_a_subset_of_the_tools_goes_out(self) -> Iterator[str]:
        """A choice of some tools names these, and only these, by their names on the wire; all tools stay offered.

        A provider that can be made to call one tool, but not one of some, says `tool_choice_subset=1`.
        """
        most = self.adapter.capabilities.tool_choice_subset
        tools = self.tools("Weather", "Box[int]", "Empty")
        wire, base = self.wire_names(tools), self.built(tools, tool_choice=ToolChoice("required")).body
        for chosen in (("Box[int]",), ("Weather", "Empty"), ("Weather", "Box[int]")):
            if most is not True and len(chosen) > most:
                continue
            body = self.built(tools, tool_choice=ToolChoice("required", chosen)).body
            for name in tools.by_name:
                more = texts(body).count(wire[name]) - texts(base).count(wire[name])
                if (more > 0) is not (name in chosen):
                    yield f"of {chosen}: {wire[name]!r} is {'named' if more > 0 else 'not named'}"

    @law
    def test_parallel_goes_out(self) -> Iterator[str]:
        """`parallel=False` changes the request if and only if the provider has a switch (`parallel_switch`).

        A number is no less than True to a provider that cannot count; core then turns the calls beyond it away.
        """
        bodies = {value: self.built(parallel=value).body for value in (True, False)}
        switched = not same(bodies[True], bodies[False])
        if switched is not self.adapter.capabilities.parallel_switch:
            what = "changes the request" if switched else "changes nothing"
            yield f"parallel_switch is {not switched}, and parallel=False {what}"
        for limit in (1, 3, 1000):
            encode_json(self.built(parallel=limit).body)
        if same(self.built(parallel=3).body, bodies[False]) and switched:
            yield "parallel=3 is sent as if one call at most were wanted"

    @law
    def test_every_option_goes_out(self) -> Iterator[str]:
        """Each of `option_names` reaches the body with its value, and none is an argument of `create()` itself.

        A value that an option cannot have goes out, too, or raises UsageError.  For an option that takes special values
        only, give one in the attribute `options`.
        """
        base = self.built().body
        for name in sorted(self.adapter.option_names):
            if name in TAKEN:
                yield f"{name} is an argument of create(), so it never comes as an option"
                continue
            sent = 0
            for value in [*CANDIDATES, *([self.options[name]] if name in self.options else [])]:
                try:
                    body = self.built(options={name: value}).body
                except UsageError:
                    continue
                except Exception as exc:  # noqa: BLE001 - it is what is told
                    yield f"{name}={value!r}: {type(exc).__name__} instead of UsageError: {exc}"
                    continue
                sent += _count(body, value) > _count(base, value)
                sent += name in self.options and not same(body, base)
            if not sent:
                yield f"{name} is not in the body"

    @law
    def test_the_extra_body_goes_out(self) -> Iterator[str]:
        """What is in `extra_body` goes out unchecked, but never replaces what toolfan sets: that raises UsageError.

        End `build_request` with `toolfan.wire.merge_extra_body`.
        """
        base = self.built().body
        body = self.built(extra_body={"toolfan_extra": {"a": [1, None]}}).body
        if body != {**base, "toolfan_extra": {"a": [1, None]}}:
            yield "a field of extra_body does not stand in the body as it was given"
        for key, value in base.items():
            for other in (PROBE, {PROBE: PROBE}, [PROBE]):
                try:
                    changed = self.built(extra_body={key: other}).body
                except UsageError:
                    continue
                if not includes(changed.get(key), value):
                    yield f"extra_body={{{key!r}: {other!r}}} replaced {value!r:.100}"

    @law
    def test_building_changes_nothing(self) -> Iterator[str]:
        """The request that was given stays as it was, and building it twice gives the same body."""
        fields: dict[str, Any] = {
            "messages": ({"role": "user", "content": [{"type": "text", "text": "x"}]},),
            "extra_body": {"toolfan_extra": {"a": [1]}},
        }
        kept = copy.deepcopy(fields)
        request = self.request(**fields)
        first, second = self.adapter.build_request(request), self.adapter.build_request(request)
        if not same(first.body, second.body):
            yield "built again it is another request"
        if fields != kept:
            yield "the messages or the extra fields were changed"


def _count(tree: Any, value: Any) -> int:
    return [node for _, node in nodes(tree)].count(value)
