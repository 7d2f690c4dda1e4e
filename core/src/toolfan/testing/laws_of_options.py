"""Laws of options: what a user sets by name reaches the provider as it was set, whatever else is asked.

Knows: `option_names`, `build_request`.  Must not know: what an option means, how a request is sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from toolfan.adapter import ToolChoice
from toolfan.errors import UsageError
from toolfan.request.arguments import DEFAULTS

from .lawbook import law
from .laws_of_choices import LawsOfChoices
from .laws_of_messages import RESULTS, called
from .subject import USER
from .trees import leaves, nodes, same, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolfan.adapter import JSON
    from toolfan.tools.toolset import ToolSet

    from .trees import Path

PROBE = "toolfan-probe"
# Values that some option or other takes.
CANDIDATES: tuple[Any, ...] = (PROBE, 0.125, 7, True, [PROBE], {PROBE: PROBE}, [{PROBE: PROBE}], {PROBE: {PROBE: 7}})
# What no service allows, and adapters send all the same: it is the service's to say.
BEYOND = (1.9375, -2.5, 1_000_003)
_REPLY = {"role": "assistant", "content": "toolfan-reply"}
# To each kind of value the one that is easily taken for none.
NOTHING: dict[type, Any] = {str: "", float: 0.0, int: 0, bool: False, list: []}
_EMPTY: dict[type, str] = {dict: "{}", list: "[]", tuple: "[]"}
TAKEN = frozenset({*DEFAULTS, "messages", "response_model", "tools", "self"})


class LawsOfOptions(LawsOfChoices):
    """What goes out of `options`."""

    @law
    def test_every_option_goes_out(self) -> Iterator[str]:
        """Each of `option_names` reaches the body with its value, 0 and null too; nothing goes out unasked.

        A value that an option cannot have goes out, too, or raises UsageError: never rounded, bounded, or as a text
        that it is not.  What holds it, and under which name, is yours: `"x"` may go out as `["x"]`.  So it does beside
        another option, one tool alone, a choice, a system message and results.  For an option that takes special values
        only, or whose values you translate, give one in the attribute `options`; name in `always_sent` what the
        provider demands.  None is an argument of `create()` itself.
        """
        tools = self.tools("Weather", "Empty")
        base = self.built(tools).body
        going: dict[str, Any] = {}
        for name in sorted(self.adapter.option_names):
            if name in TAKEN:
                yield f"{name} is an argument of create(), so it never comes as an option"
                continue
            lost: list[str] = []
            found = False
            for value, body in self._tried(tools, name, lost):
                goes = not (missing := _said(value) - _more(body, base))
                if not goes and (name not in self.options or same(body, base)):
                    lost.append(f"{name}={value!r} is neither refused nor sent as it is: {[*missing]} not in the body")
                    continue
                found = True
                if goes:
                    going.setdefault(name, value)
                if goes and type(value) in NOTHING and value not in BEYOND:
                    yield from self._beside(name, value, base, body)
                    yield from self._nothing(tools, name, NOTHING[type(value)], base)
                    yield from self._nothing(tools, name, None, base)
            yield from lost if found or not lost else lost[:1]
            if not found:
                yield f"{name} is not in the body"
        yield from self._left_out_in_company(tools, going)
        yield from self._unasked()
        yield from self._not_so(tools, base)

    def _not_so(self, tools: ToolSet[Any], base: JSON) -> Iterator[str]:
        """What the attributes say of options, and is not so."""
        for attribute in ("options", "always_sent"):
            for name in getattr(self, attribute):
                if name not in self.adapter.option_names:
                    yield f"the attribute {attribute} names {name}, which is not in option_names"
        for name in self.adapter.option_names & {*self.always_sent}:
            bodies = [body for _, body in self._tried(tools, name, [])]
            if bodies and not any(_gone(base, body) for body in bodies):
                yield f"the attribute always_sent names {name}, and nothing goes out where it is not asked for"

    def _unasked(self) -> Iterator[str]:
        """What stands beside many messages, not among them, and not beside few of the same."""
        counts = (1, 20)
        few, many = (self.built(messages=(*(USER, _REPLY) * count, USER)).body for count in counts)
        grown = tuple(_grown(few, many, by=2 * (counts[1] - counts[0])))
        if more := [".".join(map(str, path)) for path, _ in _alone(many, grown) ^ _alone(few, grown)]:
            yield f"a longer conversation changes what nobody asked for: {sorted(more)}"

    def _tried(self, tools: ToolSet[Any], name: str, lost: list[str]) -> Iterator[tuple[Any, JSON]]:
        """The values that are not refused, each with the body; `lost` gets what is wrong with a refusal."""
        for value in [*CANDIDATES, *BEYOND, *([self.options[name]] if name in self.options else [])]:
            try:
                body = self.built(tools, options={name: value}).body
            except UsageError:
                continue
            except Exception as exc:  # noqa: BLE001 - it is what is told
                lost.append(f"{name}={value!r}: {type(exc).__name__} instead of UsageError: {exc}")
                continue
            yield value, body

    def _beside(self, name: str, value: Any, base: JSON, body: JSON) -> Iterator[str]:
        """What else changed with an option that goes out."""
        lost, more = _gone(base, body), _gone(body, base)
        if lost and name not in self.always_sent:
            yield f"{name}={value!r}: {[text for _, text in lost]} went out without it, and no longer does"
        if sorted(text for _, text in more) != sorted(text for _, text in leaves(value)):
            yield f"{name}={value!r}: it brings along {[text for _, text in more]}"

    def _nothing(self, tools: ToolSet[Any], name: str, nothing: Any, base: JSON) -> Iterator[str]:
        """A value like 0, or null, that is left out."""
        try:
            body = self.built(tools, options={name: nothing}).body
        except UsageError:
            return
        if same(body, base) or _said(nothing) - _more(body, base):
            yield f"{name}={nothing!r} is not in the body"

    def _left_out_in_company(self, tools: ToolSet[Any], going: Mapping[str, Any]) -> Iterator[str]:
        """Options that go out alone, but not beside other ones, or beside what else is asked."""
        for fields in ({}, *self._company()):
            asked = {"tools": tools, **fields}
            try:
                base = self.built(**asked).body
            except UsageError:
                continue
            pairs = pairwise(going) if not fields else [(name,) for name in going]
            for names in pairs:
                options = {name: going[name] for name in names}
                try:
                    body = self.built(**asked, options=options).body
                except UsageError:
                    continue
                if sum((_said(value) for value in options.values()), Counter()) - _more(body, base):
                    beside = ", ".join(f"{field}={value!r:.80}" for field, value in fields.items())
                    yield f"of {options} something is left out" + (f" beside {beside}" if beside else "")

    def _company(self) -> Iterator[dict[str, Any]]:
        """What else is asked."""
        can = self.adapter.capabilities
        yield {"tools": self.tools("Weather")}
        yield {"parallel": False}
        yield {"tool_choice": ToolChoice("required" if can.tool_choice_required else "none")}
        if can.system_messages:
            yield {"messages": ({"role": "system", "content": "x"}, USER)}
        yield {"messages": (USER, called(), *RESULTS)}

    def accepts(self, name: str, value: Any) -> bool:
        """Whether the option may have this value."""
        try:
            self.built(options={name: value})
        except UsageError:
            return False
        return True


def _grown(few: JSON, many: JSON, by: int) -> Iterator[Path]:
    """The objects that have so many fields more in the one body than in the other: messages may stand in one."""
    sizes = {path: len(node) for path, node in nodes(many) if isinstance(node, Mapping)}
    return (path for path, node in nodes(few) if isinstance(node, Mapping) and sizes.get(path, 0) >= len(node) + by)


def _alone(body: JSON, apart: Sequence[Path]) -> set[tuple[Path, str]]:
    """The ends of a body, but for those in lists and in what is kept apart, and the texts of messages."""
    return {
        (path, text)
        for path, text in leaves(body)
        if "toolfan-" not in text
        and not any(type(key) is int for key in path)
        and not any(path[: len(one)] == one for one in apart)
    }


def _apart(one: JSON, other: JSON) -> tuple[JSON, JSON]:
    """The fields in which two bodies differ, of each."""
    alike = {key for key in one.keys() & other.keys() if type(one[key]) is type(other[key]) and one[key] == other[key]}
    return {key: one[key] for key in one if key not in alike}, {key: other[key] for key in other if key not in alike}


def _gone(base: JSON, body: JSON) -> Counter[tuple[Path, str]]:
    """The ends of a body that another one has not; an object or list that was empty, and is filled, has stayed."""
    one, other = _apart(base, body)
    before, after = (leaves(part) if part else Counter() for part in (one, other))
    stayed = {(path, _EMPTY[type(node)]) for path, node in nodes(other) if type(node) in _EMPTY}
    return Counter({end: count for end, count in (before - after).items() if end not in stayed})


def _more(body: JSON, base: JSON) -> Counter[str]:
    """What a body says that another one does not."""
    without, said = map(_said, _apart(base, body))
    return said - without


def _said(tree: Any) -> Counter[str]:
    """The keys and the ends of a tree, as JSON text."""
    found: Counter[str] = Counter()
    for _, node in nodes(tree):
        if isinstance(node, Mapping):
            found.update(map(text_of, node))
        elif not isinstance(node, list | tuple):
            found[text_of(node)] += 1
    return found
