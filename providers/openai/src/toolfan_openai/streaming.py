"""Reading a chat completion that comes as chunks, as OpenAI documents them and as OpenAI-compatible servers deviate.

What came is put together into the body of a whole completion, `body`, so that a stream and a whole answer say the same.

Knows: the shape of chunks.  Must not know: bytes and events, the SDK, which piece belongs to which call (`assembly`
does), validation of arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan.calls import Turn
from toolfan.errors import Unavailable
from toolfan.translation.ended_streams import is_strange, unended
from toolfan.translation.statuses import excerpt
from toolfan.wire import well_formed

from .call_pieces import CallPieces, entry_of, holds
from .choices import FirstChoice
from .failures import error_of, error_told, says_something
from .kept_fields import finished, keep, keep_part
from .parsing import (
    ENDED_BADLY,
    OBJECT,
    called,
    check_calls,
    content_text,
    is_error,
    parse_completion,
    reason_of,
    said_reason,
    stop_reason,
    text_or_none,
)
from .usage import usage_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from toolfan.adapter import JSON
    from toolfan.assembly.slots import Slot
    from toolfan.calls import RawCall

_ABOUT = ("id", "created", "model", "system_fingerprint", "service_tier")
_CALLS = ("tool_calls", "function_call")
_OBJECTS = ("chat.completion", "chat.completion.chunk", "text_completion")
_BESIDE = ("usage", "error", "x_groq", "base_resp")  # what may stand beside choices, and matters


class ChatStreamParser:
    """One streamed chat completion; see `toolfan.adapter.StreamParser`.

    The end is a finish reason or `[DONE]`.  `needs_end` False is for servers that are known to send neither: then the
    end of the stream is the end, too.
    """

    def __init__(self, adapter: str, *, needs_end: bool = True) -> None:
        self._adapter = adapter
        self._needs_end = needs_end
        self._calls = CallPieces(adapter)
        self.texts: list[str] = []
        self._refusals: list[str] = []
        self._message: dict[str, Any] = {}
        self._about: dict[str, Any] = {}
        self._usage: Any = None
        self._finish: Any = None
        self._first = FirstChoice()
        self._done = self._begun = False
        self._strange: Mapping[str, Any] | None = None  # the first event, if it is no chunk
        self._told = self._due = False  # a chunk has pieces of calls; a finish reason says that the calls are whole
        self._whole: JSON | None = None  # a body that came instead of chunks
        self._by_messages = False  # what came last stood in `message`, not in `delta`
        self._summary: Mapping[str, Any] | None = None  # a `message` beside or after pieces: all once more, or more
        self.body: JSON = {}
        """After `close`: the answer as the body of a whole completion."""

    @property
    def text(self) -> str:
        """The text beside the calls so far."""
        return "".join(self.texts)

    def feed(self, event: Mapping[str, Any]) -> Sequence[RawCall]:
        """The calls that this chunk sealed.  Raises the ProviderError of an error in it, after what is beside that."""
        choices, error = event.get("choices"), None
        if not self._begun or not choices or any(map(event.get, _BESIDE)):
            error = error_told(event)
            self._read_about(event)
        if not isinstance(choices, (list, tuple)):  # one choice, without the list around it
            choices = (choices,) if isinstance(choices, OBJECT) else ()
        for choice in choices:
            if isinstance(choice, OBJECT):
                self._read_choice(choice, event)
                told = choice.get("error")
                error = error or (told if told and says_something(told) else None)
        if error is not None and error:
            raise error_of(error, adapter=self._adapter)
        return self._calls.take()

    def _read_about(self, event: Mapping[str, Any]) -> None:
        if "[DONE]" in event or (self._finish is not None and event.get("usage") and not event.get("choices")):
            self._done = True  # what is used is told last
            self._read_all(self._first.at_end(self._calls.places, self.text, self._finish))
            self._due = True
        elif "choices" in event or str(event.get("object")).endswith(_OBJECTS):
            self._strange = {}  # from now on nothing is
        elif self._strange is None and is_strange(event):
            self._strange = event
        if self._due and not event.get("choices"):
            self._calls_end()
        for key in _ABOUT:
            if event.get(key) is not None and not self._about.get(key):  # Azure's first chunk has them empty
                self._about[key] = event[key]
        usage = event.get("usage")
        if isinstance(usage, OBJECT) and usage:
            self._usage = usage
        elif isinstance(groq := event.get("x_groq"), OBJECT) and isinstance(groq.get("usage"), OBJECT):
            self._usage = self._usage or groq["usage"]

    def _read_choice(self, choice: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        if not self._begun:
            self._begun = True
            self._first.begin(choice.get("index"))
        elif choice.get("index") != self._first.index or not self._first.settled:
            self._read_all(self._first.take(choice, event, ended=self._finish is not None))
            return
        self._read_said(choice, event)

    def _read_all(self, said: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> None:
        for choice, event in said:
            self._read_said(choice, event)

    def _read_said(self, choice: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        delta = choice.get("delta")
        if isinstance(text := delta or choice.get("text"), str) and not choice.get("message"):
            delta = {"content": text}  # `text` of older completions
        self._told = False
        if isinstance(delta, OBJECT) and delta:
            before = len(self.texts)
            self._read_delta(delta)
            if self._told or len(self.texts) > before:
                self._by_messages, self._whole = False, None
            if "message" in choice and choice["message"] != delta:
                self._read_later(choice["message"])
        elif isinstance(message := choice.get("message"), OBJECT):
            self._read_message(message, choice, event)
        if choice.get("finish_reason") is not None and said_reason(reason := reason_of(choice)) is not None:
            self._finish, self._due = reason, True
            if (usage := choice.get("usage")) and isinstance(usage, OBJECT):
                self._usage = self._usage or usage
        if self._due and not self._told:  # some give a reason with every piece of a call
            self._calls_end()

    def _read_message(self, message: Mapping[str, Any], choice: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """What stands in place of a delta: the whole answer, a piece of it, or all of it once more after its pieces."""
        spoken = bool(self._calls.any or self.texts)
        if spoken and (self._finish is not None or not self._by_messages):
            self._read_later(message)
            return
        self._by_messages = True
        in_pieces = "delta" in choice or event.get("object") == "chat.completion.chunk"
        if spoken or self._whole is not None or (in_pieces and said_reason(choice.get("finish_reason")) is None):
            self._whole = None
            self._read_delta(message)
            return
        calls = parse_completion(event, adapter=self._adapter).calls
        self._read_delta({key: value for key, value in message.items() if key not in _CALLS})
        entries = called(message)
        if len(entries) != len(calls):  # those of another choice of this number
            entries = [None] * len(calls)
        self._calls.rest(list(zip(calls, entries, strict=True)))
        self._whole = dict(event)

    def _read_later(self, message: Any) -> None:
        if isinstance(message, OBJECT):
            check_calls(message.get("tool_calls"), self._adapter)
            if self._summary is not None and not holds(message, self._summary):
                self._read_summary(ended=False)
            self._summary = message

    def _read_summary(self, *, ended: bool = True) -> None:
        """What the last message has beyond the pieces: all of it may stand there alone, and most say it once more.

        `ended`: the calls are whole.
        """
        message, self._summary = self._summary, None
        body: JSON = {"choices": [{"message": message or {}}]}
        calls = parse_completion(body, adapter=self._adapter).calls if message is not None else ()
        self._calls.complete(calls)
        if ended:
            # A mere end may stand in a chunk of its own after every piece, so OpenWebUI; only the other says of calls.
            said = stop_reason(self._finish, has_calls=False).kind == "calls"
            self._calls.end(all_said=False, named=said or self._done)
        if message is None:
            return
        untold = {key: value for key, value in message.items() if key not in _CALLS and not self._message.get(key)}
        for key, told in (("content", self.texts), ("refusal", self._refusals)):
            if told:
                untold.pop(key, None)
        self._read_delta(untold)
        if self._calls.rest(list(zip(calls, called(message), strict=True))):
            self._whole = None  # it has not all calls

    def _calls_end(self) -> None:
        self._due = False
        self._read_summary()

    def _read_delta(self, delta: Mapping[str, Any]) -> None:
        for key, value in delta.items():
            if key == "tool_calls":
                if value is not None:
                    self._message[key] = ()  # keeps the place among the other fields
                self._told = self._calls.read(value) or self._told
            elif key == "content":
                self._read_content(value)
            elif key == "refusal":
                if isinstance(value, str):
                    self._refusals.append(value)
                else:
                    self._message.setdefault(key, value)
            elif key == "function_call":
                self._told = self._calls.legacy(value) or self._told
            else:
                keep(self._message, key, value)

    def _read_content(self, value: Any) -> None:
        if isinstance(value, str):
            if value:
                self.texts.append(value)
        elif isinstance(value, list):
            for part in value:
                keep_part(self._message, part, self.texts)
                text, refusal = content_text([part])
                self.texts += [text] if text else []
                self._refusals += [refusal] if refusal else []

    def close(self) -> Turn:
        """The whole turn.

        Raises, with `.turn`, IncompleteStream if the stream ended before the answer did, and Unavailable if the finish
        reason is an error of the provider's.
        """
        self._read_all(self._first.rest())
        if self._summary is not None:
            self._calls_end()
        text, refusal = well_formed(self.text), well_formed("".join(self._refusals)) or None
        self._calls.end(keep_phantoms=not text and not refusal)
        said_something = bool(self._begun and (self._message or self.texts or self._refusals or self._calls.any))
        ended = self._finish is not None or self._whole is not None or (self._done and said_something)
        accepted = ended or (not self._needs_end and self._begun)
        turn = self._turn(text, refusal, ended=self._finish is not None or self._whole is not None)
        if is_error(self._finish):
            what = f"the answer {ENDED_BADLY}: {excerpt(str(self._finish))}"
            hint = "The same request may succeed later."
            raise Unavailable(what, adapter=self._adapter, turn=turn, hint=hint)
        if accepted:
            return turn
        about: JSON = {"settled": all(slot.closed for slot in self._calls.in_order()), "strange": self._strange or None}
        raise unended(turn, begun=said_something, adapter=self._adapter, **about)

    def _turn(self, text: str, refusal: str | None, *, ended: bool) -> Turn:
        slots = self._calls.in_order()
        calls = tuple(slot.call for slot in slots if slot.call is not None)
        warnings = [*self._calls.warnings()]
        if others := self._first.others:
            # It began before the others, and was handed out.
            which = f", number {self._first.index}" if self._first.index else ""
            warnings.append(f"the answer has {len(others) + 1} choices; only the first was read{which}")
        if not ended:
            warnings.append("the stream ended without a finish reason")
        if self._whole is not None:
            whole = parse_completion(self._whole, adapter=self._adapter)
            message, self.body = whole.replay, {**self._whole}
            text, refusal = whole.text, whole.refusal
        else:
            message = self._assembled(slots, text, refusal)
            choice = {"index": self._first.index or 0, "message": message, "finish_reason": self._finish}
            self.body = {**self._about, "object": "chat.completion", "choices": [choice]}
        if self._usage is not None and not self.body.get("usage"):  # it may follow a whole answer
            self.body["usage"] = self._usage
        return Turn(
            calls=calls,
            text=text,
            stop=stop_reason(self._finish, has_calls=bool(calls)),
            usage=usage_of(self.body.get("usage")),
            refusal=refusal,
            replay=message,
            warnings=tuple(warnings),
            model=text_or_none(self._about.get("model")),
            response_id=text_or_none(self._about.get("id")),
        )

    def _assembled(self, slots: list[Slot], text: str, refusal: str | None) -> JSON:
        message: dict[str, Any] = {"role": "assistant", "content": text or None, **finished(self._message)}
        message.pop("tool_calls", None)
        if refusal is not None:
            message["refusal"] = refusal
        if slots:
            message["tool_calls"] = [entry_of(slot) for slot in slots]
        return message
