"""Laws of tools on the wire: every shape, the same bytes each time, names one to one.

Knows: `render_tools`.  Must not know: the rest of a request, answers.
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING, Any

from toolfan.errors import ToolDefinitionError
from toolfan.tools.tool_type import Tool
from toolfan.tools.toolset import ToolSet

from .lawbook import law
from .specimens import SPECIMENS, Empty, Weather, fresh
from .subject import Subject
from .trees import nodes, opened, texts, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MANY_TOOLS = 100
# Of which one is legal nearly everywhere.
OLD_NAMES = ("OldTool", "toolfan_old", "toolfan-old", "toolfanold", "TOOLFANOLD")
ODD_NAMES = (
    "plain",
    "Upper-and_LowerCase",
    "dots.and:colons",
    "a blank",
    "wétter",
    "天気",
    "☔",
    "-",
    "9lives",
    'quote"back\\slash',
    "x" * 300,
    "x" * 299 + "y",
)


def described(schema: Mapping[str, Any]) -> dict[str, set[str]]:
    """What a schema tells a model: names of properties, values of enums, descriptions."""
    told: dict[str, set[str]] = {"properties": set(), "values": set(), "descriptions": set()}
    for path, node in nodes(schema):
        # A property that is itself called "properties" or "enum" is no keyword; its parent is.
        if not isinstance(node, dict) or (path and path[-1] in ("properties", "$defs")):
            continue
        if isinstance(node.get("properties"), dict):
            told["properties"] |= set(node["properties"])
        if isinstance(node.get("enum"), list):
            told["values"] |= {json.dumps(value) for value in node["enum"]}
        if "const" in node:
            told["values"].add(json.dumps(node["const"]))
        if isinstance(node.get("description"), str):
            told["descriptions"].add(node["description"])
    return told


class LawsOfRendering(Subject):
    """What the model is told of tools."""

    def rendered(self, tools: ToolSet[Any], *, strict: bool | None = None) -> bytes:
        """The tools as bytes, keys in the order in which they were written."""
        return json.dumps(self.adapter.render_tools(tools, strict=strict)).encode()

    def wire_names(self, tools: ToolSet[Any]) -> dict[str, str]:
        """Tool names to names on the wire, as core maps the latter back."""
        can = self.adapter.capabilities
        return tools.names(can.name_pattern, can.max_name_length).to_wire

    def is_legal(self, name: str) -> bool:
        """Whether the name goes out as it is."""
        can = self.adapter.capabilities
        return bool(re.fullmatch(can.name_pattern, name)) and len(name) <= can.max_name_length

    @law
    def test_every_shape_is_rendered(self) -> Iterator[str]:
        """Names of arguments (at every depth), values of enums, whole descriptions, required arguments reach the model.

        What is optional stays optional.  Take `tool.schema`, whole; if the provider knows a dialect only, transform it
        (`toolfan.schema`), and inline what it cannot refer to.  A tool that cannot be said raises ToolDefinitionError
        instead of losing a part.
        """
        for name, target in SPECIMENS.items():
            tools = ToolSet([fresh(target)])
            [tool] = tools
            rendering = opened(self.adapter.render_tools(tools, strict=None))
            text = json.dumps(rendering, ensure_ascii=False)
            told, schema = described({"all": rendering}), tool.schema
            keys = {key for _, node in nodes(rendering) if isinstance(node, dict) for key in node}
            for kind, wanted in described(schema).items():
                found = keys if kind == "properties" else {json.dumps(text) for text in texts(rendering)}
                found = found | told[kind] | {json.loads(one) for one in found if kind == "descriptions"}
                if missing := wanted - found:
                    yield f"{name}: {kind} {sorted(missing)} are missing"
            if tool.description and json.dumps(tool.description, ensure_ascii=False)[1:-1] not in text:
                yield f"{name}: its description is missing"
            if (required := schema.get("required")) and not self._requires(rendering, required):
                yield f"{name}: that {required} are required is missing"
            for demanded in _demands(rendering) - _demands(schema):
                if demanded <= described(schema)["properties"]:
                    yield f"{name}: {sorted(demanded)} are required, and not all of them are"
            yield from (f"{name}: {reference} leads nowhere" for reference in dangling(rendering))
        if "None" in self._told_of("") and "None" not in self._told_of("toolfan-described"):
            yield "a tool without a description is told as one whose description is 'None'"

    def _told_of(self, description: str) -> list[str]:
        """The texts in the rendering of a tool that is so described."""
        tool = Tool(Weather, description=description)
        return texts(opened(self.adapter.render_tools(ToolSet([tool]), strict=None)))

    def _requires(self, rendering: Any, required: list[str]) -> bool:
        return any(
            isinstance(node, dict) and isinstance(node.get("required"), list) and set(required) <= set(node["required"])
            for _, node in nodes(rendering)
        )

    @law
    def test_arguments_keep_their_order(self) -> Iterator[str]:
        """Tools and their arguments stand in the order in which they were declared: models read from top to bottom.

        In a request, too, be they many.
        """
        tools = self.tools()
        rendering = self.adapter.render_tools(tools, strict=None)
        names = [text for text in words(rendering) if text in self.wire_names(tools).values()]
        if list(dict.fromkeys(names)) != list(self.wire_names(tools).values()):
            yield f"the tools stand in the order {list(dict.fromkeys(names))}"
        for name, target in SPECIMENS.items():
            wanted = list(Tool(target).schema["properties"])
            orders = [
                list(node)
                for _, node in nodes(opened(self.adapter.render_tools(ToolSet([fresh(target)]), strict=None)))
                if isinstance(node, dict) and set(node) == set(wanted)
            ]
            if wanted and wanted not in orders:
                yield f"{name}: its arguments stand in the order {orders or 'of no object with just these keys'}"
        many: ToolSet[Any] = ToolSet([Tool(Weather, name=f"tool_{at}") for at in range(self._many())])
        made = fresh(Weather)
        for tool in many:  # each would generate the same, which takes its time
            tool.schema, tool.validator = made.schema, made.validator
        wire = [*self.wire_names(many).values()]
        names = [text for text in words(self.built(many).body) if text in {*wire}]
        if [*dict.fromkeys(names)] != wire:
            yield f"of {len(wire)} tools a request has {[*dict.fromkeys(names)][:3]} first"

    def _many(self) -> int:
        """Tools that are many, as far as the adapter takes them."""
        return min(self.adapter.capabilities.max_tools or MANY_TOOLS, MANY_TOOLS)

    @law
    def test_rendering_is_the_same_each_time(self) -> Iterator[str]:
        """The same tools give the same bytes, in every tool set: providers cache prompts by their first bytes.

        Iterate over no `set`, use no `id()`, no counter and no time.
        """
        for strict in (None, False):
            first, second = self.rendered(self.tools(), strict=strict), self.rendered(self.tools(), strict=strict)
            if first != second:
                yield f"strict={strict}: two equal tool sets are rendered differently"
        tools = self.tools("Weather", "Empty")
        before = self.rendered(tools)
        self.adapter.render_tools(self.tools("Paint"), strict=None)
        if self.rendered(tools) != before:
            yield "after another tool set was rendered, this one is rendered differently"

    @law
    def test_rendering_is_kept(self) -> Iterator[str]:
        """A tool set is rendered once; then the same list is given again: schemas of a hundred tools take their time.

        Write `return tools.memo((self.name, "tools", strict), lambda: ...)`: what was kept for one `strict` is not what
        another one asks for.
        """
        tools = self.tools()
        if self.adapter.render_tools(tools, strict=None) is not self.adapter.render_tools(tools, strict=None):
            yield "asked again, render_tools makes another list"
        modes = (None, True) if self.adapter.capabilities.strict_schemas else ()
        for order in (modes, modes[::-1]):
            shared = self.tools("Weather", "Empty")
            for strict in order:
                if self.rendered(shared, strict=strict) != self.rendered(self.tools("Weather", "Empty"), strict=strict):
                    yield f"with strict={strict} tools that were rendered before are rendered as for another strict"

    @law
    def test_what_is_kept_is_not_changed(self) -> Iterator[str]:
        """Requests do not change what is kept for the next ones: neither the rendering nor the schemas of the tools.

        Copy before you change: `{**schema, ...}`, `[*tools, more]`.
        """
        tools = self.tools("Weather", "Empty")
        schemas, before = [json.dumps(tool.schema) for tool in tools], self.rendered(tools)
        asked: list[dict[str, Any]] = [{}, {"extra_body": {"toolfan_probe": {"a": 1}}}, {"parallel": False}]
        asked += [{"stream": True}] if self.adapter.capabilities.streaming else []
        for extra in asked:
            self.adapter.build_request(self.request(tools, **extra))
        if self.rendered(tools) != before:
            yield "after requests were built the tools are rendered differently"
        if [json.dumps(tool.schema) for tool in tools] != schemas:
            yield "the schema of a tool was changed"

    @law
    def test_names_on_the_wire_are_legal_and_lead_back(self) -> Iterator[str]:
        """Names with illegal characters and long ones go out as `tools.names(...)` maps them: core maps them back.

        Use `tools.names(capabilities.name_pattern, capabilities.max_name_length).to_wire`, everywhere, and no rule of
        your own.  `capabilities` must be what the provider takes.
        """
        can = self.adapter.capabilities
        legal = re.compile(can.name_pattern)
        for name in ODD_NAMES:
            tools: ToolSet[Any] = ToolSet([Tool(Weather, name=name, description="")])
            wire, said = self.wire_names(tools)[name], words(self.adapter.render_tools(tools, strict=None))
            if wire not in said:
                yield f"{name[:20]!r} should go out as {wire!r}"
            if wire != name and name in said:
                yield f"{name[:20]!r} goes out as it is"
            if len(wire) > can.max_name_length or not legal.fullmatch(wire):
                yield f"{wire!r} does not keep to the capabilities"

    @law
    def test_names_that_collide_are_refused(self) -> Iterator[str]:
        """Two tools that would have one name on the wire raise ToolDefinitionError: calls could not be told apart.

        Take names from `tools.names(name_pattern, max_name_length)`, which raises it, and shorten none by yourself.
        """
        legal = re.compile(self.adapter.capabilities.name_pattern)
        bad = [char for char in "é☔ .:/-" if not legal.fullmatch(f"a{char}")]
        if len(bad) < 2:  # everything is legal; then no two names become one
            return
        tools: ToolSet[Any] = ToolSet([Tool(Weather, name=f"a{bad[0]}b"), Tool(Empty, name=f"a{bad[1]}b")])
        with contextlib.suppress(ToolDefinitionError):
            self.wire_names(tools)  # nothing legal stands for another character: names differ by their digests
            return
        try:
            self.adapter.render_tools(tools, strict=None)
        except ToolDefinitionError:
            return
        yield f"{list(tools.by_name)} were both rendered"


def _demands(schema: Any) -> set[frozenset[str]]:
    """The sets of arguments that are required together, at every depth."""
    lists = [node["required"] for _, node in nodes(schema) if isinstance(node, dict) and "required" in node]
    return {frozenset(names) for names in lists if names and all(isinstance(name, str) for name in names)}


def dangling(rendering: Any) -> Iterator[str]:
    """References whose definition is nowhere in the rendering."""
    keys = {key for _, node in nodes(rendering) if isinstance(node, dict) for key in node}
    for _, node in nodes(rendering):
        reference = node.get("$ref", node.get("ref")) if isinstance(node, dict) else None
        if isinstance(reference, str) and "/" in reference and reference.rsplit("/", 1)[1] not in keys:
            yield reference
