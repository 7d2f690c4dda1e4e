"""Laws of messages: a conversation goes out whole, each message as what it is, calls and results tied to each other.

Knows: chat-style messages, `build_request`.  Must not know: the rest of a request, how it is sent.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from toolfan.errors import UsageError
from toolfan.tools.tool_type import Tool
from toolfan.tools.toolset import ToolSet

from .lawbook import law
from .laws_of_rendering import ODD_NAMES, OLD_NAMES
from .laws_of_schemas import LawsOfSchemas
from .specimens import Weather
from .subject import USER
from .trees import Path, at, changed, earlier, nodes, places, same, says, text_of, texts, values, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolfan.adapter import JSON

# One transparent pixel.
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PARTS: list[Any] = [
    {"type": "text", "text": "What is it?"},
    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
]
# Of both cases, as long as chat completions allow, and different at their end alone.
IDS = ("call_ToolfanSuite0123456789abcdefXYZ00_A", "call_ToolfanSuite0123456789abcdefXYZ00_B")
# Longer than any provider takes; of letters that some refuse, in two ways each.
ODD_IDS = (("call" * 100 + "a", "call" * 100 + "b"), ("call.toolfan", "call:toolfan"), ("天", "気"))
MANY_MESSAGES = 1200
# With how many of those before it a text is compared.
NEAR = 12


def word(name: str) -> str:
    """A text that is in no other."""
    return f"toolfan-{name}-end"


def called(name: str = "Weather", ids: Sequence[str] = IDS) -> JSON:
    """An assistant's message with a text and a call for each id."""
    calls = [
        {"id": one, "type": "function", "function": {"name": name, "arguments": json.dumps({"location": word(one)})}}
        for one in ids
    ]
    return {"role": "assistant", "content": word("beside"), "tool_calls": calls}


RESULTS: tuple[JSON, ...] = (
    {"role": "tool", "tool_call_id": IDS[0], "content": word("result")},
    {"role": "tool", "tool_call_id": IDS[1], "content": [{"type": "text", "text": word("listed")}]},
)
SAID: tuple[JSON, ...] = (
    {"role": "user", "content": word("asked")},
    {"role": "assistant", "content": word("answered")},
    {"role": "user", "content": [{"type": "text", "text": word("one")}, {"type": "text", "text": word("other")}]},
)
AFTER = tuple(
    {"role": ("assistant", "user")[at % 2], "content": word(f"said-{at}")} for at in range(MANY_MESSAGES - len(SAID))
)
# What must stand in the body, in order; of the texts of one message the order is not told.
IN_ORDER: tuple[tuple[str, ...], ...] = (
    (word("asked"),),
    (word("answered"),),
    (word("one"),),
    (word("other"),),
    (word("beside"), *map(word, IDS)),
    (word("result"),),
    (word("listed"),),
    *((message["content"],) for message in AFTER),
)


def _beside(body: JSON, result: str) -> str:
    """What stands with this one of two results, without its text: by it, both may be told apart."""
    found = {one: places(body, says(word(one))) for one in ("result", "listed")}
    if not all(found.values()):
        return ""
    first, second = found["result"][0], found["listed"][0]
    depth = next((step for step, keys in enumerate(zip(first, second, strict=False)) if keys[0] != keys[1]), 0)
    path = found[result][0]
    key = path[depth] if isinstance(path[depth], str) else ""
    return text_of([key, changed(at(body, path[: depth + 1]), path[depth + 1 :], "")])


def _disordered(body: JSON) -> Iterator[str]:
    """Texts that stand before what was said before them, in one list or in one text."""
    found: dict[str, tuple[Path, int]] = {}
    for path, node in nodes(body):
        if isinstance(node, str) and "toolfan-" in node:
            for one in re.findall(r"toolfan-[\w-]+?-end", node):
                found.setdefault(one, (path, node.index(one)))
    for number, group in enumerate(IN_ORDER):
        for before in IN_ORDER[max(0, number - NEAR) : number]:
            pairs = [(found[one], found[other]) for one in before for other in group]
            if not all(earlier(a[0], b[0]) and (a[0] != b[0] or a[1] < b[1]) for a, b in pairs):
                yield f"{group} stands before {before}"


def _texts_of(message: JSON) -> list[str]:
    """The texts of a message, each by itself."""
    content = message["content"]
    return [content] if isinstance(content, str) else [part["text"] for part in content]


def _encoded_twice(text: str) -> bool:
    try:
        inner = json.loads(text)
        return isinstance(inner, str) and isinstance(json.loads(inner), dict)
    except ValueError:
        return False


class LawsOfMessages(LawsOfSchemas):
    """What goes out of a conversation."""

    @law
    def test_messages_go_out(self) -> Iterator[str]:
        """Every chat-style message goes out as what it is, in order: texts, calls and their results, be they many.

        All texts of a message are there, those beside calls too; a system message is none of the user's, wherever it
        stands; a result names its call, or stands in the order of the calls.  `toolfan.messages.read_messages` gives
        typed parts; a part that cannot be sent is refused as Unsupported.
        """
        body = self.built(messages=(*SAID, called(), *RESULTS, *AFTER)).body
        said = json.dumps(body)
        missing = [word for group in IN_ORDER for word in group if word not in said]
        if missing:
            yield f"{', '.join(missing[:5])} ({len(missing)} texts) are missing"
        else:
            yield from _disordered(body)
        yield from self._left_out()
        yield from self._of_two_rounds()
        if word("listed") in said and not any(text.endswith(word("listed")) for text in texts([*values(body)])):
            yield "the result that is a list of parts is sent as something that is neither its text nor JSON"
        yield from self._untied(body)
        if (called_with := next(filter(_encoded_twice, texts(body)), None)) is not None:
            yield f"arguments of a call go out as the JSON text of a JSON text: {called_with!r:.100}"
        yield from self._misplaced()
        yield from self._spelled_by_python()

    def _left_out(self) -> Iterator[str]:
        """Texts of messages of which there are more: many calls at once, results in no order, several systems'."""
        ids = [*IDS, *(f"{IDS[0][:-3]}{number:03}" for number in range(40))]
        results = [{"role": "tool", "tool_call_id": one, "content": word(f"to-{one}")} for one in ids]
        asked: list[tuple[JSON, ...]] = [(USER, called(ids=ids), *results[2:], *results[:2])]
        unanswered = (USER, called(), USER)  # which some providers refuse
        asked += [(USER, {"role": "assistant", "content": word("first")}, called(), *RESULTS), unanswered]
        parts = {"role": "assistant", "content": [{"type": "text", "text": word(one)} for one in ("left", "right")]}
        asked += [(USER, parts, USER), *((USER, {**called(), **one}, *RESULTS) for one in (parts, {"content": ""}))]
        if self.adapter.capabilities.system_messages:
            system, more = ({"role": "system", "content": word(name)} for name in ("first", "second"))
            asked.append((system, {"role": "developer", "content": word("third")}, USER, more, USER))
            asked += [({**parts, "role": role}, USER) for role in ("system", "developer")]
        for messages in asked:
            try:
                said = json.dumps(self.built(messages=messages).body)
            except UsageError:
                if messages is not unanswered:
                    raise
                continue
            for message in messages:
                wanted = [word(one["id"]) for one in message.get("tool_calls", ())] + _texts_of(message)
                yield from (
                    f"of several texts of the {message['role']}, {one} is left out" for one in wanted if one not in said
                )
        again = {"role": "user", "content": word("again")}
        if (count := json.dumps(self.built(messages=(USER, again, again)).body).count(word("again"))) < 2:
            yield f"of two messages that say the same {count} goes out"

    def _of_two_rounds(self) -> Iterator[str]:
        """What is lost of a round of calls where a second one has the same ids, as those that are made up for turns."""
        first, gave = (USER, called(ids=IDS[:1]), RESULTS[0]), {**RESULTS[0], "content": word("again")}
        [call] = called("Empty", IDS[:1])["tool_calls"]
        again = {**called(), "tool_calls": [{**call, "function": {"name": "Empty", "arguments": "{}"}}]}
        try:
            one, both = (json.dumps(self.built(messages=more).body) for more in (first, (*first, again, gave)))
        except UsageError:
            return
        weather, empty = map(self.wire_names(self.tools("Weather", "Empty")).__getitem__, ("Weather", "Empty"))
        if any(both.count(said) < one.count(said) for said in (weather, *map(word, ("beside", IDS[0], "result")))):
            yield "a round of calls is sent as another one, once a second round with the same ids follows on it"
        if word("again") not in both:
            yield "the result in a second round of calls, which has the ids of the first, is left out"
        if both.count(empty) <= one.count(empty):
            yield "an earlier call without arguments, in a second round with the ids of the first, is left out"

    def _untied(self, body: JSON) -> Iterator[str]:
        """Results that do not say which call they answer."""
        counts = [words(body).count(one) for one in IDS]
        if all(count > 1 for count in counts):
            if IDS[1] in _beside(body, "result") and IDS[0] not in _beside(body, "result"):
                yield "the result of the first of two calls has the id of the other"
            return
        turned = self.built(messages=(*SAID, called(), *RESULTS[::-1], *AFTER)).body
        if any(counts):
            yield f"the ids {', '.join(IDS)} are there {counts} times: a call and its result must have the same one"
        elif not same(turned, body) and _beside(turned, "result") == _beside(turned, "listed"):
            yield "results that are given in another order go out so, and nothing in them says which call they answer"

    def _misplaced(self) -> Iterator[str]:
        """Messages of one role that are sent as another's."""
        roles = ["user", "assistant", *(("system", "developer") if self.adapter.capabilities.system_messages else ())]
        bodies = {role: self.built(messages=(USER, {"role": role, "content": word("x")}, USER)).body for role in roles}
        for role, body in bodies.items():
            if word("x") not in json.dumps(body):
                yield f"a {role} message that is not the first is left out"
            if role != "user" and same(body, bodies["user"]):
                yield f"a {role} message is sent as one of the user's"

    def _spelled_by_python(self) -> Iterator[str]:
        """A result with an image that is sent, but not as JSON."""
        result = {"role": "tool", "tool_call_id": IDS[0], "content": PARTS}
        try:
            body = self.built(messages=(USER, called(ids=IDS[:1]), result)).body
        except UsageError:
            return
        if not any(text.endswith(PIXEL) for text in texts([*values(body)])):
            yield "a result that is a list with an image is sent as something that is neither the image nor JSON"

    @law
    def test_calls_of_two_ids_stay_two(self) -> Iterator[str]:
        """Ids of another provider's history that go out changed stay different: each result is that of one call.

        An id may be longer than a provider takes, or of letters that it refuses; cut, or with `_` for those letters,
        two become one, and the model reads one result as the other's.  `toolfan.wire.legal_id` puts a digest in.
        """
        for ids in ODD_IDS:
            results = [{**result, "tool_call_id": one} for result, one in zip(RESULTS, ids, strict=True)]
            try:
                body = self.built(messages=(USER, called(ids=ids), *results)).body
            except UsageError:
                continue
            beside = _beside(body, "result")
            if IDS[0] in _beside(self.built(messages=(USER, called(), *RESULTS)).body, "result") and (
                beside == _beside(body, "listed")
            ):
                yield f"the results of the calls {ids[0][-20:]!r} and {ids[1][-20:]!r} name one call"

    @law
    def test_earlier_calls_bear_names_on_the_wire(self) -> Iterator[str]:
        """A call in the messages names its tool as the tool is named in this request: by its name on the wire.

        Write `to_wire.get(name, name)`, also for results that name the tool: a call of a tool that is not offered now
        goes out as well, with its arguments.  Where messages go out as they are, `toolfan.messages.with_wire_names`
        does it.
        """
        yield from self._not_offered()
        for name in ODD_NAMES:
            tools: ToolSet[Any] = ToolSet([Tool(Weather, name=name)])
            if (wire := self.wire_names(tools)[name]) == name:
                continue
            asked = (USER,), (USER, called(name, IDS[:1]), RESULTS[0])
            without, body = (self.built(tools, messages=messages).body for messages in asked)
            if name in words(body):
                yield f"a text or key in the body is {name[:20]!r}, the tool of an earlier call: it should be {wire!r}"
            elif word(IDS[0]) in json.dumps(body) and words(body).count(wire) == words(without).count(wire):
                yield f"for an earlier call of {name[:20]!r} no text or key more in the body is {wire!r}"

    def _not_offered(self) -> Iterator[str]:
        """What is wrong with an earlier call of a tool that this request does not offer."""
        if (old := next(filter(self.is_legal, OLD_NAMES), None)) is None:
            return
        try:
            body = self.built(messages=(USER, called(old, IDS[:1]), RESULTS[0])).body
        except Exception as exc:  # noqa: BLE001 - it is what is told
            yield f"an earlier call of {old!r}, which is not offered now: {type(exc).__name__}: {exc}"
            return
        said, offered = words(body), words(self.built(messages=(USER, called(ids=IDS[:1]), RESULTS[0])).body)
        if word(IDS[0]) not in offered:  # no call goes out, of which another law tells
            return
        if old not in said:
            yield f"no text or key in the body is {old!r}, the tool of an earlier call, which is not offered now"
        elif gone := {"location", word(IDS[0])} - {*said}:
            yield f"no text or key in the body is one of {sorted(gone)}, of the arguments of an earlier call of {old!r}"

    @law
    def test_what_is_no_message_is_refused(self) -> Iterator[str]:
        """Messages without a role or with a content of another type raise UsageError, naming the position.

        Read messages with `toolfan.messages.read_messages`, which raises it.
        """
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
