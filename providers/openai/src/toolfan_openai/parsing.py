"""Reading a chat completion, as OpenAI documents it and as OpenAI-compatible servers deviate.

Knows: the shape of the answer.  Must not know: requests, the SDK, validation of arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from toolfan.assembly.sealing import seal
from toolfan.calls import StopKind, StopReason, Turn
from toolfan.errors import BadResponse, ProviderError, Unavailable
from toolfan.wire import well_formed

from .entries import in_order, is_another, is_phantom, piece, regular
from .signs import error_of, error_told, says_something
from .usage import usage_of

# Source: `finish_reason` in OpenAI's API reference; the others were seen from compatible servers.  Google's has the
# words of its own API behind others: `content_filter: RECITATION`, `function_call_filter: MALFORMED_FUNCTION_CALL`.
STOP_KINDS: Mapping[str, StopKind] = {
    "stop": "end",
    "tool_calls": "calls",
    "function_call": "calls",
    "length": "length",
    "content_filter": "filtered",
    "eos": "end",
    "eos_token": "end",
    "end_turn": "end",
    "stop_sequence": "end",
    "tool_use": "calls",
    "max_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",  # Z.ai's
    "repetition": "length",  # vLLM's: it was ended, as it went round in circles
    "refusal": "refused",
    "safety": "filtered",
    "sensitive": "filtered",
    "blocklist": "filtered",
    "image_safety": "filtered",
    "image_prohibited_content": "filtered",
    "model_armor": "filtered",
    "prohibited_content": "filtered",
    "recitation": "filtered",
    "spii": "filtered",
    "function_call_filter": "malformed",
    "malformed_function_call": "malformed",
    "malformed_response": "malformed",
    "unexpected_tool_call": "malformed",
}
# With calls beside it this says no more than that there are calls.
_UNEXPECTED = "unexpected_tool_call"
# Why there may be no message at all.
_SPEECHLESS = frozenset({"filtered", "length", "malformed", "refused"})
_GOOD_ENDS = frozenset({"end", "calls", "length"})

# Of gateways, DeepSeek, Zhipu, SGLang and vLLM.
_FAILURES = frozenset({"abort", "error", "insufficient_system_resource", "network_error", "timeout"})

ENDED_BADLY = "ended with an error of the provider's, which says no more than the finish reason"
LISTED = (list, tuple, dict, Mapping)  # a call may stand without the list around it
OBJECT = (dict, Mapping)  # dict first: decoded JSON is one, and the look at Mapping costs ten times as much


def parse_completion(body: Any, *, adapter: str) -> Turn:
    """The turn in a chat completion.

    Raises BadResponse for another shape, or the ProviderError of an error in the body, whose `turn` is what was said
    beside it.  A call is never dropped for the stop reason, an odd id or an odd type; an entry that is no call at all
    becomes one without a name, with the JSON of what came for arguments.
    """
    if not isinstance(body, OBJECT):
        _bad(adapter, f"the answer is {type(body).__name__}, not an object", body)
    choices, told = _choices(body), error_told(body)
    choice = _with_calls(choices) if choices else None
    failure = _failure(choice, adapter) if told is None else error_of(told, adapter=adapter)
    if failure is None and not choices:
        _bad(adapter, "the answer has no choices", body)
    message = _message(choice)
    if failure is not None:
        if isinstance(message, OBJECT) and isinstance(message.get("tool_calls") or (), LISTED):
            failure.turn = _turn(body, choices, message)
        raise failure
    if not isinstance(message, OBJECT):
        _bad(adapter, "the answer's first choice has no message")
    check_calls(message.get("tool_calls"), adapter)
    return _turn(body, choices, message)


def _choices(body: Mapping[str, Any]) -> list[Any]:
    sent = body.get("choices")
    if isinstance(sent, OBJECT):  # one choice, without the list around it
        return [sent]
    return sent if isinstance(sent, list) else []


def _with_calls(choices: list[Any]) -> Any:
    """The first choice; with the calls of another one of its number, where it ends with calls and has none.

    So some gateways write a model's text and its calls; as chunks of a stream that is one choice.
    """
    first = choices[0]
    if len(choices) == 1 or not isinstance(first, OBJECT) or not isinstance(said := first.get("message"), OBJECT):
        return first
    if called(said) or stop_reason(reason_of(first), has_calls=False).kind != "calls":
        return first
    for other in choices[1:]:
        if isinstance(other, OBJECT) and other.get("index") in (None, first.get("index")):
            more = other.get("message")
            if isinstance(more, OBJECT) and isinstance(more.get("tool_calls"), LISTED) and called(more):
                return {**first, "message": {**more, **{key: value for key, value in said.items() if value}}}
    return first


def _failure(choice: Any, adapter: str) -> ProviderError | None:
    """The error that the choice tells; None if it tells none."""
    if not isinstance(choice, OBJECT):
        return None
    if says_something(choice.get("error")):
        return error_of(choice["error"], adapter=adapter)
    if is_error(reason_of(choice)):
        from toolfan.translation.statuses import excerpt

        said = f"the answer {ENDED_BADLY}: {excerpt(str(reason_of(choice)))}"
        return Unavailable(said, adapter=adapter, hint="The same request may succeed later.")
    return None


def _turn(body: Mapping[str, Any], choices: list[Any], message: Mapping[str, Any]) -> Turn:
    calls = seal([piece(entry) for entry in called(message)])
    text, refusal = _text(message)
    return Turn(
        calls=calls,
        text=text,
        stop=stop_reason(reason_of(choices[0]), has_calls=bool(calls)),
        usage=usage_of(body.get("usage")),
        refusal=refusal,
        replay=message,
        warnings=_warnings(choices, message),
        model=text_or_none(body.get("model")),
        response_id=text_or_none(body.get("id")),
    )


def _bad(adapter: str, what: str, body: Any = None) -> NoReturn:
    """Raises BadResponse; `body` is what came without any choices."""
    from toolfan.translation.statuses import instead

    came = "" if body is None else instead(body, "choices")
    raise BadResponse(f"{what}, which is no chat completion{came}", adapter=adapter, hint="Check the base URL.")


def _message(choice: Any) -> Any:
    """What the choice says; nothing, where its finish reason tells why there is no message."""
    if not isinstance(choice, OBJECT):
        return None
    message = choice.get("message")
    if message is None and stop_reason(reason_of(choice), has_calls=False).kind in _SPEECHLESS:
        return {"role": "assistant", "content": None}
    return message


def text_or_none(value: Any) -> str | None:
    """The value, if it is a text."""
    return value if isinstance(value, str) else None


def _warnings(choices: list[Any], message: Mapping[str, Any]) -> tuple[str, ...]:
    if len(choices) == 1:
        return ()
    own = choices[0].get("message") in (None, message)
    read = "only the first was read" if own else "the calls of another were read as the first's"
    return (f"the answer has {len(choices)} choices; {read}",)


def reason_of(choice: Mapping[str, Any]) -> Any:
    """The finish reason; one that says no more than that something failed, with the word of the model's own service.

    Not with a word of a good end: something failed nevertheless.
    """
    reason, native = choice.get("finish_reason"), choice.get("native_finish_reason")
    if not (isinstance(native, str) and native and is_error(reason)):
        return reason
    return reason if STOP_KINDS.get(_telling(native)) in _GOOD_ENDS else f"{reason}: {native}"


def said_reason(reason: Any) -> Any:
    """The finish reason; None for what some servers write in its place while there is none."""
    return None if not reason or (isinstance(reason, str) and reason.lower() in ("null", "none")) else reason


def stop_reason(reason: Any, *, has_calls: bool) -> StopReason:
    """The finish reason; `has_calls` tells what a mere end means."""
    if (reason := said_reason(reason)) is None:
        return StopReason("none")
    raw = str(reason)
    word = _telling(raw)
    kind = STOP_KINDS.get(word, "other")
    return StopReason("calls" if has_calls and (kind == "end" or word == _UNEXPECTED) else kind, raw)


def _telling(reason: str) -> str:
    """The word that is known, in lower case: of `content_filter: SAFETY` the last one that is; or none."""
    if reason in STOP_KINDS:
        return reason
    words = [part.strip() for part in reversed(reason.lower().split(":"))]
    return next((word for word in words if word in STOP_KINDS or word in _FAILURES), "")


def is_error(reason: Any) -> bool:
    """Whether the finish reason is that the provider failed."""
    return isinstance(reason, str) and _telling(reason) in _FAILURES


def check_calls(sent: Any, adapter: str) -> None:
    """Raises BadResponse if the `tool_calls` can be none."""
    if not isinstance(sent or (), LISTED):
        from toolfan.translation.statuses import excerpt

        _bad(adapter, f"the answer's tool_calls are {excerpt(repr(sent))[:80]}, no list")


def called(message: Mapping[str, Any]) -> list[Any]:
    """The entries of the message that are calls, in call order, odd ones included.

    Left out are phantoms, which some servers send: without name and arguments, beside text or other calls; and a
    `function_call` that says a call of `tool_calls` once more.
    """
    sent = message.get("tool_calls") or ()
    if isinstance(sent, OBJECT):  # one call, without the list around it
        sent = (sent,)
    legacy = message.get("function_call")
    if not sent and not legacy:
        return []
    sent = [regular(entry) for entry in sent]
    real = [entry for entry in sent if not is_phantom(entry)]
    older = regular({"function": legacy}) if legacy else None
    if not real and older:
        sent = [older]
        real = [entry for entry in sent if not is_phantom(entry)]
    elif older and is_another(piece(older)[1:], [piece(entry)[1:] for entry in real]):
        return [*in_order(real), older]
    if not real and not any(_text(message)):
        real = sent
    return in_order(real)


def _text(message: Mapping[str, Any]) -> tuple[str, str | None]:
    """The text, and the refusal if there is one."""
    refusal = message.get("refusal")
    text, more = content_text(message.get("content"))
    said = (refusal if isinstance(refusal, str) else "") + (more or "")
    return text, well_formed(said) or None


def content_text(content: Any) -> tuple[str, str | None]:
    """The text of a message's content, and the refusal if there is one; it may also be a list of parts."""
    if isinstance(content, str):
        return well_formed(content), None
    if content is None:
        return "", None
    texts, refusals = [], []
    for part in content if isinstance(content, list) else ():
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, Mapping):
            if isinstance(part.get("text"), str) and part.get("type") in (None, "text", "output_text"):
                texts.append(part["text"])
            if isinstance(part.get("refusal"), str):
                refusals.append(part["refusal"])
    return well_formed("".join(texts)), well_formed("".join(refusals)) or None
