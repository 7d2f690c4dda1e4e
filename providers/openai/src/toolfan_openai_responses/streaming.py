"""Reading a response of the Responses API that comes as events.

What came is put together into the body of a whole response, `body`, so that a stream and a whole answer say the same.

Knows: the shape of events.  Must not know: bytes, the SDK, how a whole response is read, validation of arguments.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolfan.assembly.assembler import CallAssembler
from toolfan.translation.ended_streams import is_strange, unended
from toolfan.wire import well_formed
from toolfan_openai.failures import error_of, error_told
from toolfan_openai.parsing import OBJECT

from .parsing import CALLS, given_id, is_nobody, kind_of, parse_answer, piece_of, said
from .stream_items import StreamItems

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolfan.adapter import JSON, RawCall, Turn

    from .stream_items import Item

_PIECES = frozenset({"response.function_call_arguments.delta", "response.custom_tool_call_input.delta"})
_WHOLE = {"response.function_call_arguments.done": "arguments", "response.custom_tool_call_input.done": "input"}
_STATES = frozenset({"completed", "incomplete", "failed", "cancelled"})
_ENDS = frozenset(f"response.{state}" for state in _STATES)
_ITEMS = frozenset({"response.output_item.added", "response.output_item.done"})
_TEXTS = {"response.output_text.delta": "text", "response.refusal.delta": "refusal"}
_PARTS = {"text": "output_text", "refusal": "refusal"}


class ResponseStreamParser:
    """One streamed response; see `toolfan.adapter.StreamParser`.

    A call is sealed when its arguments, or its item, are said to be done; one of which none were told, at the end,
    which may tell them.  That is `response.completed` or another last state of the response, or `[DONE]` where no call
    is open.  What comes after it is another response, and not read.  Arguments whose item never comes become a call
    without a name, which fails and shows them.  `needs_end` False is for servers that are known to send no last state:
    then the end of the stream is the end, too.
    """

    def __init__(self, adapter: str, *, needs_end: bool = True) -> None:
        self._adapter = adapter
        self._needs_end = needs_end
        self._calls = CallAssembler()
        self._items = StreamItems()
        self._next = 0  # the place of the item whose call is opened next
        self._ended = self._said_done = False
        self._alone = False  # whether nothing came but calls without name and arguments
        self._strange: Mapping[str, Any] | None = None  # the first event that is none of this interface
        self._left_out = 0  # characters of arguments
        self.texts: list[str] = []
        self._refusals: list[str] = []
        self.body: JSON = {}
        """The response as far as it is known; after the end, or `close`, the body of a whole one."""

    @property
    def text(self) -> str:
        """The text beside the calls so far."""
        return "".join(self.texts)

    def feed(self, event: Mapping[str, Any]) -> Sequence[RawCall]:
        """The calls that this event sealed.  Raises the ProviderError of an error in it."""
        kind = event.get("type")
        kind = kind if isinstance(kind, str) else None
        self._said_done = "[DONE]" in event
        if self._ended:
            return ()
        if kind in _PIECES or kind in _TEXTS:
            self._read_piece(event, kind, event.get("delta"))
        elif kind in _WHOLE:
            if isinstance(text := event.get(_WHOLE[kind]), str) and text:  # the item says whether it is empty
                self._whole(self._items.of_piece(event), text)
        elif kind in _ITEMS:
            if isinstance(item := event.get("item"), OBJECT):
                done = kind == "response.output_item.done"
                one = (self._items.ended if done else self._items.begun)(event, dict(item))
                self._read_item(one, dict(item), done=done)
        elif event.get("error") or kind == "error":
            raise error_of(event.get("error") or event, adapter=self._adapter)
        elif kind in _ENDS:
            self._end(_response(event), kind.partition(".")[2])
        elif kind is None and self._is_whole(event):
            pass
        elif isinstance(response := event.get("response"), OBJECT):
            self.body, self._strange = dict(response), {}  # from now on nothing is strange
            if kind == "response.done" and response.get("status") in _STATES:  # so the realtime service, and proxies
                self._end(self.body, "")
        elif not self._said_done and not str(kind).startswith("response.") and is_strange(event):
            self._strange = event if self._strange is None else self._strange
        return self._calls.take()

    # Items.

    def _read_item(self, one: Item, item: JSON, *, done: bool) -> None:
        if one.done:
            return
        begun = one.said
        if (kind := kind_of(begun)) is not None and kind_of(item) is None:
            told = {key: value for key, value in item.items() if value}
            item = {**item, **begun, **told, "type": kind}  # a call stays one, whatever is left out of its end
        self._items.say(one, item)
        one.done = done
        while (following := self._items.at.get(self._next)) is not None and following.said:
            if _is_nobody(following) and not following.done:
                break
            self._open(following)
            self._next += 1
        if done:
            self._done(one, begun)

    def _open(self, one: Item) -> None:
        """The call in this item begins, after those of the items before it."""
        if one.slot is not None or kind_of(one.said) is None or (_is_nobody(one) and not self._alone):
            return
        call_id, name, _ = piece_of(one.said)
        one.slot = self._calls.open(call_id, name)
        one.slot.ignore_json()  # it ends when the service says so
        for piece in one.pieces:
            one.slot.add(piece)
        if one.whole is not None:
            self._whole(one, one.whole)

    def _done(self, one: Item, begun: JSON) -> None:
        if (kind := kind_of(one.said)) is not None:
            call_id, name, text = piece_of(one.said)
            if one.slot is not None and one.slot.call is None:
                one.slot.name, one.slot.id = one.slot.name or name, one.slot.id or call_id
            if not text and (text := _came(one) or (piece_of(begun)[2] if kind_of(begun) else "")):
                one.said = {**one.said, CALLS[kind]: text}  # an item that says nothing of them takes nothing back
            if text:  # else the end may say it
                self._whole(one, text)
        elif not one.texts:
            text, refusal = said([one.said])
            self.texts += [text] if text else []
            self._refusals += [refusal] if refusal else []

    def _whole(self, one: Item, text: str) -> None:
        one.whole = text
        if one.slot is not None and one.slot.name:
            self._calls.close(one.slot, text)

    def _read_piece(self, event: Mapping[str, Any], kind: str, piece: Any) -> None:
        if not isinstance(piece, str):
            return
        one = self._items.of_piece(event)
        if kind in _TEXTS:
            one.texts.setdefault(_TEXTS[kind], []).append(piece)
            (self.texts if _TEXTS[kind] == "text" else self._refusals).append(piece)
        elif one.slot is not None:
            one.slot.add(piece)
        else:
            one.pieces.append(piece)

    # The end.

    def _is_whole(self, event: Mapping[str, Any]) -> bool:
        """Whether this is a whole body where events were asked for, which is read; raises the error that it holds."""
        if "output" not in event:
            if (error := error_told(event)) is not None:
                raise error_of(error, adapter=self._adapter)
            return False
        if not isinstance(event["output"], list):
            parse_answer(event, adapter=self._adapter)  # raises what is wrong with it
        self._end(_response(event), "")
        return True

    def _end(self, response: JSON, status: str) -> None:
        begun: JSON = {key: self.body[key] for key in ("id", "model") if key in self.body}  # some ends say neither
        self.body = {**begun, "status": status, **response} if status else {**begun, **response}
        output = response.get("output")
        if isinstance(output, list):
            self.body["output"] = self._complete(output)
        self._finish()
        if not isinstance(output, list) or len(output) < len(self._items.at):
            self.body["output"] = self._output()
        if self.body.get("error") or self.body.get("status") == "failed":
            parse_answer(self.body, adapter=self._adapter)  # raises it
        self._ended = True

    def _complete(self, output: list[Any]) -> list[Any]:
        """Adds what no event of its own has said; the output, with the arguments that it leaves out."""
        known, whole = self._items.told(output), list(output)
        for at, item in enumerate(output):
            if isinstance(item, OBJECT):
                one = known.get(at) or self._items.add(at)
                kind = kind_of(item)
                silent = kind is not None and kind_of(one.said) == kind and not piece_of(one.said)[2]
                if silent and self._is_surely(one, output, at):
                    one.done = False  # its own end told no arguments
                self._read_item(one, dict(item), done=True)
                if kind is None and kind_of(one.said) is not None:
                    whole[at] = one.said
                elif kind is not None and not item.get(CALLS[kind]) and one.whole:
                    whole[at] = {**item, CALLS[kind]: one.whole}
        return whole

    def _is_surely(self, one: Item, output: list[Any], at: int) -> bool:
        """Whether this call of the output is that item: some servers give several one id, or none."""
        (given, name, _), (told, known, _) = piece_of(output[at]), piece_of(one.said)
        ids = [given_id(item) for item in output if isinstance(item, OBJECT) and kind_of(item)]
        return known in ("", name) and (self._items.at.get(at) is one or (given == told and ids.count(given) == 1))

    def _finish(self) -> None:
        self._left_out += self._items.settle_nobodys()
        items = self._items.in_order()
        for one in items:
            if not one.said and (one.pieces or one.whole is not None):
                one.said = {"type": "function_call", "name": "", "arguments": ""}
        said = self.text or any(self._refusals)
        self._alone = not said and all(kind_of(one.said) is None or _is_nobody(one) for one in items)
        for one in items:
            self._open(one)
            if one.slot is not None and not one.slot.has_arguments:
                text = piece_of(one.said)[2]  # some say it all when the item begins, and no more
                if text or one.done:
                    self._whole(one, text)
        self._calls.finish()

    def _output(self) -> list[JSON]:
        """The items in order; a call that broke off with the arguments that had come, a message with its text."""
        output = []
        for one in self._items.in_order():
            if one.texts and not one.done and kind_of(one.said) is None:
                parts = [{"type": _PARTS[key], key: "".join(pieces)} for key, pieces in one.texts.items()]
                one.said = {"type": "message", "role": "assistant", **one.said, "content": parts}
            if one.slot is not None and not one.done:
                one.said = {**one.said, CALLS[kind_of(one.said) or ""]: one.slot.arguments}
            output += [one.said] if one.said else []
        return output

    def close(self) -> Turn:
        """The whole turn.  Raises IncompleteStream, with `.turn`, if the stream ended before the response did."""
        if not self._ended:
            self._finish()
            unsaid = ("status", "error", "incomplete_details")
            self.body = {key: value for key, value in self.body.items() if key not in unsaid}
            self.body["output"] = self._output()
        turn = parse_answer(self.body, adapter=self._adapter)
        calls = tuple(slot.call for slot in self._calls.in_order() if slot.call is not None)
        warnings = [*turn.warnings, *self._calls.warnings()]
        if self._left_out:
            warnings.append(f"{self._left_out} characters of arguments that nothing says the call of were left out")
        accepted = self._items.at and (not self._needs_end or (self._said_done and self._items.are_whole()))
        if not self._ended and accepted:
            warnings.append("the stream ended without response.completed")
        turn = replace(turn, calls=calls, warnings=tuple(warnings))
        if self._ended:
            return turn
        text, refusal = well_formed(self.text), well_formed("".join(self._refusals)) or None
        turn = replace(turn, text=text, refusal=refusal)
        if accepted:
            return turn
        begun, settled = bool(self._items.at), self._items.are_whole()
        raise unended(turn, begun=begun, settled=settled, adapter=self._adapter, strange=self._strange or None)


def _response(event: Mapping[str, Any]) -> JSON:
    """What the last event tells; some are the response itself, and so is a whole body where events were asked for."""
    response = event.get("response")
    if isinstance(response, OBJECT):
        return dict(response)
    return {key: value for key, value in event.items() if key != "type"} if "output" in event else {}


def _is_nobody(one: Item) -> bool:
    """Whether it is a call that has neither name nor arguments so far."""
    kind = None if one.said.get("name") else kind_of(one.said)
    return kind is not None and is_nobody(one.said) and is_nobody({**one.said, CALLS[kind]: _came(one)})


def _came(one: Item) -> str:
    """The arguments that events of their own have told."""
    return one.whole or (one.slot.arguments if one.slot is not None else "".join(one.pieces))
