"""Laws of what an adapter says of itself: its capabilities are proved, what it denies is refused before sending.

Knows: `capabilities`, settings.  Must not know: answers.
"""

from __future__ import annotations

import json
import pickle
import re
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from toolfan.adapter import ADAPTER_API, ADAPTER_METHODS, ADAPTER_VALUES, Capabilities, ParallelToolsAdapter
from toolfan.errors import ToolDefinitionError, Unsupported, UsageError
from toolfan.tools.tool_type import Tool
from toolfan.tools.toolset import ToolSet

from .lawbook import law
from .laws_of_messages import PARTS, PIXEL
from .laws_of_results import LawsOfResults
from .specimens import Weather
from .subject import USER
from .trees import words

if TYPE_CHECKING:
    from collections.abc import Iterator

PICTURE: dict[str, Any] = {"role": "user", "content": PARTS}
SYSTEM = {"role": "system", "content": "toolfan-system-text"}
MOST_TOOLS = 500


class LawsOfClaims(LawsOfResults):
    """What an adapter says of itself."""

    @law
    def test_it_is_an_adapter(self) -> Iterator[str]:
        """It has everything that the protocol names, speaks this version of it, and its fields have the right types.

        Write what is missing, or of another type, into the adapter: the page on the adapter protocol has each with its
        type.
        """
        adapter: Any = self.adapter
        if not isinstance(adapter, ParallelToolsAdapter):
            missing = sorted(name for name in ADAPTER_VALUES | ADAPTER_METHODS if not hasattr(adapter, name))
            yield f"it lacks {', '.join(missing)} of toolfan.adapter.ParallelToolsAdapter"
            return
        if adapter.api != ADAPTER_API:
            yield f"api is {adapter.api!r}, this toolfan speaks {ADAPTER_API}: write api = toolfan.adapter.ADAPTER_API"
        if not (isinstance(adapter.name, str) and re.fullmatch(r"[a-z][a-z0-9_-]*", adapter.name)):
            yield f"its name is {adapter.name!r}: a name is of small letters, digits, - and _"
        if not isinstance(adapter.capabilities, Capabilities):
            yield f"capabilities are {type(adapter.capabilities).__name__}"
        if not (isinstance(adapter.option_names, frozenset) and all(isinstance(n, str) for n in adapter.option_names)):
            yield "option_names is no frozenset of texts"

    @law
    def test_it_can_be_pickled(self) -> Iterator[str]:
        """The adapter goes to other processes with the results that were made with it.

        It is a value without a state: a frozen dataclass, say.
        """
        twin = pickle.loads(pickle.dumps(self.adapter))
        if type(twin) is not type(self.adapter) or twin.name != self.adapter.name:
            yield f"after pickling it is {twin!r}"
        elif json.dumps(twin.render_tools(self.tools(), strict=None)) != self.rendered(self.tools()).decode():
            yield "after pickling it renders tools differently"

    @law
    def test_settings_refuse_what_they_do_not_know(self) -> Iterator[str]:
        """`settings_model` is a pydantic model with `extra="forbid"`: a misspelt key of a profile is an error.

        It takes the `settings` of the conformance test, and no key itself: `api_key_env` names a variable.
        """
        model: Any = self.adapter.settings_model
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            yield f"settings_model is {model!r}"
            return
        model.model_validate(dict(self.settings))
        try:
            model.model_validate({**self.settings, "toolfan_no_such_setting": 1})
        except ValidationError:
            pass
        else:
            yield "a setting that does not exist is taken"
        if "api_key" in model.model_fields:
            yield "it has a field api_key: a key is named by its environment variable, never written"

    @law
    def test_what_is_denied_is_refused(self) -> Iterator[str]:
        """What `capabilities` denies raises Unsupported before anything is sent.

        Core refuses most of it; a message with an image in a provider that takes none is refused there, too.
        """
        can = self.adapter.capabilities
        denied: list[tuple[bool, str, dict[str, Any]]] = [
            (can.strict_schemas, "strict=True", {"strict": True}),
            (can.tool_choice_required, 'tool_choice="required"', {"tool_choice": "required"}),
            (bool(can.tool_choice_subset), "one tool as tool_choice", {"tool_choice": ["Weather"]}),
            (can.tool_choice_subset is True, "two tools as tool_choice", {"tool_choice": ["Weather", "Empty"]}),
            (can.system_messages, "a system message", {"messages": [SYSTEM, USER]}),
            (can.images, "an image", {"messages": [PICTURE]}),
        ]
        for offered, what, arguments in denied:
            refusal = self.refused(**arguments)
            if not offered and not isinstance(refusal, Unsupported):
                yield f"{what} is denied, and {refusal!r} came instead of Unsupported"
            if offered and refusal is not None:
                yield f"{what} is offered, and refused: {refusal}"

    @law
    def test_what_is_offered_goes_out(self) -> Iterator[str]:
        """Strict schemas change the request; the text of a system message and the content of an image are in it.

        Write into the body, in `build_request`, what `capabilities` offers, or say False there.
        """
        can = self.adapter.capabilities
        base = self.asked().body
        if can.strict_schemas and self._sent(strict=True) == json.dumps(base):
            yield "strict_schemas is True, and strict=True changes nothing"
        if can.system_messages:
            for role in ("system", "developer"):
                sent = self._sent(messages=[{**SYSTEM, "role": role}, USER])
                if sent and "toolfan-system-text" not in sent:
                    yield f"system_messages is True, and the text of a {role} message is not in the request"
        if can.images and (sent := self._sent(messages=[PICTURE])) and PIXEL not in sent:
            yield "images is True, and the image is not in the request"

    def _sent(self, **arguments: Any) -> str:
        """The body as text; nothing if it is refused, of which the law before this one tells."""
        return "" if self.refused(**arguments) else json.dumps(self.asked(**arguments).body)

    @law
    def test_strict_schemas_are_made_or_refused(self) -> Iterator[str]:
        """With strict=True each shape is rendered, or ToolDefinitionError says what the provider's mode cannot say.

        Make them with `toolfan.schema.to_strict`, and put the names of adapter and tool into the error that it raises.
        """
        if not self.adapter.capabilities.strict_schemas:
            return
        for name in (*self.tools().by_name,):
            try:
                json.dumps(self.adapter.render_tools(self.tools(name), strict=True))
            except ToolDefinitionError as exc:
                if exc.tool is None or exc.adapter != self.adapter.name:
                    yield f"{name}: the error names the tool {exc.tool!r} and the adapter {exc.adapter!r}"

    @law
    def test_ids_come_if_they_are_offered(self) -> Iterator[str]:
        """`call_ids` is True if and only if the samples' calls have ids of the provider's.

        Set `call_ids` in `capabilities`, or give `assembly.seal` the ids as they came.
        """
        given = [
            call.provider_id for sample in self.answers() for call in self.adapter.parse_response(sample.body).calls
        ]
        if self.adapter.capabilities.call_ids is not any(given):
            yield f"call_ids is {self.adapter.capabilities.call_ids}, the ids in the samples are {given}"

    @law
    def test_the_number_of_tools_is_bounded_as_told(self) -> Iterator[str]:
        """As many tools as `max_tools` says go out, all of them (500, if it says None); one more is refused.

        Set `max_tools` to what the provider takes, or None; core counts, so cut and refuse nothing in `build_request`.
        """
        most = self.adapter.capabilities.max_tools
        tools, made = [Tool(Weather, name=f"tool_{at}") for at in range((most or MOST_TOOLS) + 1)], Tool(Weather)
        for tool in tools:  # each would generate the same, which takes its time
            tool.schema, tool.validator = made.schema, made.validator
        sent: ToolSet[Any] = ToolSet(tools[:-1])
        said = {*words(self.asked(tools=sent).body)}
        if missing := [name for name in self.wire_names(sent).values() if name not in said]:
            yield f"of {len(tools) - 1} tools {len(missing)} are not in the request: {', '.join(missing[:5])}"
        if most is not None and not isinstance(self.refused(tools=ToolSet(tools)), ToolDefinitionError):
            yield f"max_tools is {most}, and {len(tools)} tools are sent"

    @law
    def test_a_model_is_named_or_known(self) -> Iterator[str]:
        """Without a model the adapter has one of its own, or leaves it to the transport, or raises UsageError.

        Raise UsageError in `build_request` where `request.model` is empty and the provider must be told one.
        """
        try:
            wire = self.built(model=None)
        except UsageError:
            return
        if not (wire.model is None or (isinstance(wire.model, str) and wire.model)):
            yield f"the model is {wire.model!r}"
        json.dumps(wire.body)
