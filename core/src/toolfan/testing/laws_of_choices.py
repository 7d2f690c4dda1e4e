"""Laws of choices: which tools may, must or must not be called, and how many, each beside the other.

Knows: `build_request`.  Must not know: what messages say, how a request is sent.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

from toolfan.adapter import Answer, ToolChoice, Turn
from toolfan.errors import Unsupported, UsageError
from toolfan.wire import encode_json

from .lawbook import law
from .laws_of_histories import LawsOfHistories
from .laws_of_messages import RESULTS, called
from .subject import USER
from .trees import named_leaves, same, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolfan.adapter import JSON
    from toolfan.tools.toolset import ToolSet


class LawsOfChoices(LawsOfHistories):
    """What goes out of `tool_choice` and `parallel`."""

    @law
    def test_the_tool_choice_goes_out(self) -> Iterator[str]:
        """`auto`, `required` and `none` are three different requests, as far as the capabilities offer them.

        Spell each in the provider's words, `auto` too where a server may have another default.  Which tool must be
        called "required" does not say: it names no tool, or all of them.
        """
        modes: list[Literal["auto", "required", "none"]] = ["auto", "none"]
        if self.adapter.capabilities.tool_choice_required:
            modes.append("required")
        bodies = {mode: self.built(tool_choice=ToolChoice(mode)).body for mode in modes}
        for mode in modes[1:]:
            for other in modes[: modes.index(mode)]:
                if same(bodies[mode], bodies[other]):
                    yield f"{mode!r} and {other!r} are sent alike"
        tools = self.tools("Weather", "Box[int]", "Empty")
        base = words(self.built(tools).body)
        for mode in modes[1:]:
            said = words(self.built(tools, tool_choice=ToolChoice(mode)).body)
            named = [name for name in self.wire_names(tools).values() if said.count(name) > base.count(name)]
            if 0 < len(named) < len(tools):
                yield f"{mode!r} names {', '.join(map(repr, named))}, and not the other tools that are offered"

    @law
    def test_a_subset_of_the_tools_goes_out(self) -> Iterator[str]:
        """A choice of some tools names these, and only these, by their names on the wire; all tools stay offered.

        To send the chosen tools alone chooses too, and forgets the others: earlier calls may be of them, and what a
        provider keeps of the tools is of one set.  A provider that can be made to call one tool, but not one of some,
        says `tool_choice_subset=1`.  A subset with the mode "auto" demands no call: where the provider has no words for
        that, raise Unsupported.
        """
        most = self.adapter.capabilities.tool_choice_subset
        tools = self.tools("Weather", "Box[int]", "Empty")
        for chosen in (("Box[int]",), ("Weather", "Empty"), ("Weather", "Box[int]")):
            if most is not True and len(chosen) > most:
                continue
            must = self.built(tools, tool_choice=ToolChoice("required", chosen)).body
            yield from self._misnamed(tools, "required", chosen, must)
            try:
                may = self.built(tools, tool_choice=ToolChoice("auto", chosen)).body
            except Unsupported:
                continue
            yield from self._misnamed(tools, "auto", chosen, may)
            if same(may, must):
                yield f"that {chosen} may be called is sent as that one of them must"

    def _misnamed(
        self, tools: ToolSet[Any], mode: Literal["auto", "required"], chosen: tuple[str, ...], body: JSON
    ) -> Iterator[str]:
        """Chosen tools that the choice does not name, others that it does, and those that are offered no longer."""
        wire, base = self.wire_names(tools), self.built(tools).body
        for name in tools.by_name:
            more = words(body).count(wire[name]) - words(base).count(wire[name])
            if more < 0:
                yield f"{mode} of {chosen}: {wire[name]!r} is no longer offered"
            elif (more > 0) is not (name in chosen):
                yield f"{mode} of {chosen}: {wire[name]!r} is {'named' if more > 0 else 'not named'}"

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
        for limit in (1, 2, 3, 1000):
            encode_json(self.built(parallel=limit).body)
        if same(self.built(parallel=1).body, bodies[True]) and switched:
            yield "parallel=1 is sent as if any number of calls were wanted"
        for limit in (2, 3):
            if switched and same(self.built(parallel=limit).body, bodies[False]):
                yield f"parallel={limit} is sent as if one call at most were wanted"

    @law
    def test_choices_do_not_undo_each_other(self) -> Iterator[str]:
        """What a choice of tools adds to a request, and what `parallel=False` adds, is there when both are given.

        Each is there, too, once the messages hold calls and results: who demands a call demands it in every round.  A
        field that both set, such as the word for "auto" beside that for one call at a time, may say another word.
        """
        can = self.adapter.capabilities
        tools = self.tools("Weather", "Box[int]", "Empty")
        choices = [ToolChoice("required")] if can.tool_choice_required else []
        choices += [ToolChoice("required", ("Box[int]",))] if can.tool_choice_subset else []
        choices += [ToolChoice("required", ("Weather", "Empty"))] if can.tool_choice_subset is True else []
        base = named_leaves(self.built(tools).body)
        for limit in (False, 1):
            limited = named_leaves(self.built(tools, parallel=limit).body)
            for choice in choices:
                chosen = named_leaves(self.built(tools, tool_choice=choice).body)
                both = named_leaves(self.built(tools, tool_choice=choice, parallel=limit).body)
                told = ((f"parallel={limit}", limited, chosen), (f"{choice}", chosen, limited))
                for what, alone, other in told:
                    if gone := _lost(alone - base, other - base, both, other):
                        yield f"with {choice} and parallel={limit}, what {what} adds is gone: {sorted(gone)}"
        asked: list[dict[str, Any]] = [{"tool_choice": choice} for choice in (*choices, ToolChoice("none"))]
        for fields in (*asked, {"parallel": False}):
            added = named_leaves(self.built(tools, **fields).body) - base
            yield from self._forgotten_later(tools, fields, added)

    def _forgotten_later(
        self, tools: ToolSet[Any], fields: dict[str, Any], added: Counter[tuple[str, str]]
    ) -> Iterator[str]:
        """What these fields add to a first request, and not to one with calls and results, chat-style or of its own."""
        turns = (self.adapter.parse_response(sample.body) for sample in self.answers() if sample.calls)
        turn = next(turns, Turn())
        own = self.adapter.build_answer(turn, [Answer(call, "x") for call in turn.calls])
        for whose, messages in (("chat-style", (called(), *RESULTS)), ("the provider's own", own)):
            try:
                later = named_leaves(self.built(tools, messages=(USER, *messages), **fields).body)
            except UsageError:  # a provider that cannot have both says so
                continue
            if gone := added - later:
                yield f"once the messages hold results ({whose}), what {fields} adds is gone: {sorted(gone)}"


def _lost(
    wanted: Counter[tuple[str, str]],
    beside: Counter[tuple[str, str]],
    both: Counter[tuple[str, str]],
    other: Counter[tuple[str, str]],
) -> Counter[tuple[str, str]]:
    """What is added alone, and not where both are asked.

    A field that both set may say another word then, unless the request is that for the other alone.
    """
    shared = {name for name, _ in beside} if both != other else set[str]()
    return Counter({one: count for one, count in (wanted - both).items() if one[0] not in shared})
