"""What comes to a service of what an adapter sends: the body, what the user added, and when the sender gives up.

Knows: the ways to ask, JSON.  Must not know: laws, the SDK.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from toolfan.adapter import ToolChoice
from toolfan.errors import ProviderError, RequestRejected, ToolfanError, Unsupported, UsageError

from .failing import request
from .giving import reply_of
from .listening import Heard, Reply
from .trees import same

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolfan.adapter import JSON, Capabilities, ParallelToolsAdapter, WireRequest

    from .listening import Service
    from .ways import Way

PLAIN = Reply("a refused request")
SILENT = Reply("no answer", None, silence=2.0)
DEADLINE = 0.05
"""Seconds."""
FRACTION = 0.9
"""Seconds, in which a service on loopback is asked."""
SOON = replace(PLAIN, silence=0.1)
"""What comes well within that, and not at once: who waits for no time at all may find an answer that is there."""
_TRIES = 3
"""On a busy machine even that may pass."""
LONGER = (0.15, 0.3, 0.8, 1.6)
"""Seconds, each where the event loop seemed blocked before: on a busy machine a short time may pass in one turn."""
MUCH_OF_IT = 0.5
"""That part of a deadline in one turn: who waits in an event loop gives others one in each hundredth of a second."""
IDLE = 0.25
"""Seconds of one turn in which nothing is computed, and of which a service on loopback needs a hundredth to answer."""
_OFTEN = 8
"""On a busy machine even that may pass, but not each time."""
MESSAGES: tuple[Mapping[str, Any], ...] = ({"role": "user", "content": "toolfan: Zürich ☂ 日本\u2028 'a' \"b\"\n"},)
_CALL = {
    "id": "call_toolfan",
    "type": "function",
    "function": {"name": "Weather", "arguments": '{"location": "Zürich"}'},
}
ROUND: tuple[Mapping[str, Any], ...] = (
    {"role": "assistant", "content": "toolfan: \u2028", "tool_calls": [_CALL]},
    {"role": "tool", "tool_call_id": "call_toolfan", "content": "☂"},
)
# Values that some option or other takes, and options that most services know.
VALUES: tuple[Any, ...] = ("toolfan-probe", 0.125, 7, True, ["toolfan-probe"], {"toolfan-probe": 7})
KNOWN: Mapping[str, Any] = {"temperature": 0.125, "top_p": 0.5, "max_tokens": 7, "seed": 7}
NAME, VALUE = "toolfan-added", "added by a user & sent"


def sent(
    adapter: ParallelToolsAdapter, model: str, options: Mapping[str, Any], way: Way, service: Service
) -> dict[str, Any]:
    """What came of a request that has much in it, and what is wrong with it, a line each; `kind`: no JSON, but this."""
    said: dict[str, Any] = {"where": way.name, "error": "", "known": True, "kind": "", "wrong": [], "requests": []}
    said |= {"streams": way.streams, "async": way.use_async, "hidden": False}
    service.reply = PLAIN
    for fields in _contents(adapter, model, options):
        service.heard.clear()
        try:
            built = request(adapter, model, stream=way.streams, **{"messages": MESSAGES, **fields})
        except UsageError:  # not all at once, then
            continue
        wanted = json.loads(json.dumps(built.body))  # as it is now: a transport must not change it
        exc = _asked(way, built)
        said |= {"error": f"{type(exc).__name__}: {exc}"[:300], "known": isinstance(exc, ToolfanError)}
        said["hidden"] |= json.dumps(wanted, sort_keys=True) in [_as_sent(body) for body in service.logins]
        came = [_compared(wanted, built.model, one, service.key) for one in service.heard if one.body]
        if came:  # some SDKs refuse, without sending it, what no service takes
            # A request that was given up before may come late: it is not this one.
            nearest: dict[str, Any] = min(reversed(came), key=_differences)
            return said | nearest | {"requests": service.requests()}
    return said


def _as_sent(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), sort_keys=True)
    except ValueError:
        return ""


def _differences(compared: Mapping[str, Any]) -> int:
    return len(compared.get("wrong", ()))


def _compared(wanted: JSON, model: str | None, came: Heard, key: str) -> dict[str, Any]:
    said: dict[str, Any] = {"asked": [came.path, came.headers.get("accept"), came.body.decode("latin-1")]}
    said["named"] = model is None or _names(model, came)
    try:
        body = json.loads(came.body)
    except ValueError:
        kind = came.headers.get("content-encoding") or came.headers.get("content-type", "nothing")
        return {**said, "kind": kind}
    if isinstance(body, dict) and not body.keys() & wanted.keys():
        hint = "if that is a login, put it into the attribute `logins`"
        return {**said, "wrong": [f"what came, at {came.path}, has nothing of what was built: {hint}"]}
    if isinstance(body, dict):  # some services take their key there, which only the transport knows
        body = {name: value for name, value in body.items() if name in wanted or not key or value != key}
    return {**said, "wrong": list(_lost(wanted, body, "the body", model))}


def added(way: Way, built: WireRequest, service: Service) -> Iterator[dict[str, Any]]:
    """What became of a header and of a query parameter that a user adds."""
    service.reply = PLAIN
    given = {"a header": ("headers", f"x-{NAME}"), "a query parameter": ("query", NAME)}
    for what, (where, name) in given.items():
        service.heard.clear()
        exc = _asked(way, built, **{where: {name: VALUE}})
        came, refused = any(_has(one, name) for one in service.heard if one.body), not service.heard
        service.heard.clear()
        _asked(way, built)
        yield {
            "where": f"{way.name}, {what}",
            "came": came,
            "stays": any(_has(one, name) for one in service.heard),
            "refused": isinstance(exc, Unsupported) and refused,
            "error": f"{type(exc).__name__}: {exc}"[:300],
        }


def waited(way: Way, built: WireRequest, service: Service) -> dict[str, Any]:
    """What became of a request that is not answered."""
    service.reply = SILENT
    service.goes_on.clear()
    exc = _asked(way, built, timeout=DEADLINE)
    late = service.outlasted
    return {
        "where": f"{way.name}, no answer",
        "late": late,
        "stood": not late and _stands(way, built),
        "known": isinstance(exc, ProviderError) or (way.use_async and isinstance(exc, TimeoutError)),
        "error": type(exc).__name__,
        "text": str(exc),
    }


def halted(way: Way, built: WireRequest, samples: Sequence[Mapping[str, Any]], service: Service) -> Iterator[str]:
    """Where the event loop stands still with each answer, and while a stream, which has begun, does not go on."""
    if not way.use_async:
        return
    if _idles(way, built, samples, service):
        yield f"{way.name}, with each answer"
    held = next((one for one in samples if one["pause"] is not None), None)
    if held is None or not way.streams:
        return
    service.reply = replace(reply_of(held, "", service.key, streams=True, pauses=True), lull=None)
    service.goes_on.clear()
    unheard = service.unheard
    if _stands(way, built):
        yield f"{way.name}, in the middle of the stream"
    service.goes_on.set()
    service.unheard = unheard


def _idles(way: Way, built: WireRequest, samples: Sequence[Mapping[str, Any]], service: Service) -> bool:
    """Whether the event loop stands still in each of many requests that are answered at once, though none computes."""
    sample = next((one for one in samples if one["bytes"] or not way.streams), None)
    if sample is not None:
        service.reply = reply_of(sample, "", service.key, streams=way.streams, pauses=False)
    else:
        service.reply = PLAIN
    for _ in range(_OFTEN):
        computed = time.thread_time()
        turn = _longest_turn(way, built, LONGER[-1])
        if turn - (time.thread_time() - computed) < IDLE:
            return False
    return True


def is_hurried(way: Way, built: WireRequest, service: Service) -> bool:
    """Whether an answer that comes soon comes too late for a fraction of a second, and not for several."""
    service.reply = SOON
    service.goes_on.clear()
    in_time = (isinstance(_asked(way, built, timeout=seconds), RequestRejected) for seconds in [FRACTION] * _TRIES)
    return not any(in_time) and isinstance(_asked(way, built), RequestRejected)


def _stands(way: Way, built: WireRequest) -> bool:
    """Whether the event loop stands still for much of the time that an async request waits, however long that is."""
    return way.use_async and all(_longest_turn(way, built, seconds) > MUCH_OF_IT * seconds for seconds in LONGER)


def _longest_turn(way: Way, built: WireRequest, deadline: float) -> float:
    """The seconds for which the event loop did nothing else."""
    _asked(way, built, timeout=deadline)
    return max((after - before for before, after in pairwise(way.turns)), default=0.0)


def _asked(way: Way, built: WireRequest, **given: Any) -> Exception | None:
    """What was raised."""
    try:
        way.ask(built, **given)
    except Exception as exc:  # noqa: BLE001 - it is what is told
        return exc
    return None


def _contents(adapter: ParallelToolsAdapter, model: str, special: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Contents of requests, the fullest first: all options at once, and a field that no service knows."""
    every: dict[str, Any] = {}
    for name in sorted(adapter.option_names):
        for value in (*((special[name],) if name in special else ()), *VALUES):
            if _builds(adapter, model, {**every, name: value}):
                every[name] = value
                break
    full = {"options": every, "extra_body": {"toolfan_probe": {"Größe": [1, "ü"]}}}
    yield {**full, **_more(adapter.capabilities)}
    yield full
    known = {**KNOWN, **special}
    yield {"options": {name: known[name] for name in sorted(adapter.option_names & known.keys())}}
    yield {}


def _more(can: Capabilities) -> dict[str, Any]:
    """A choice and an earlier round of calls, as the provider has them."""
    tools = ("Weather",) if can.tool_choice_subset else None
    choice = ToolChoice("required" if can.tool_choice_required else "auto" if tools else "none", tools)
    system = ({"role": "system", "content": "toolfan: ☂"},) if can.system_messages else ()
    return {"messages": (*system, *MESSAGES, *ROUND), "tool_choice": choice, "parallel": not can.parallel_switch}


def _builds(adapter: ParallelToolsAdapter, model: str, options: Mapping[str, Any]) -> bool:
    try:
        request(adapter, model, options=options)
    except UsageError:
        return False
    return True


def _lost(wanted: Any, came: Any, where: str, model: str | None) -> Iterator[str]:
    """Where what came is not what was built, a line each."""
    if isinstance(wanted, Mapping) and isinstance(came, Mapping):
        for name, value in wanted.items():
            if name not in came:
                yield f"{where} has no {name!r}, which was built as {value!r:.80}"
            # Where one of many services is chosen by a prefix, the prefix stays behind.
            elif not (model and value == model and isinstance(came[name], str) and model.endswith(f"/{came[name]}")):
                yield from _lost(value, came[name], f"{where}, {name}", None)
        for name in came.keys() - wanted.keys():
            if not _says_nothing(came[name]):
                yield f"{where} has {name!r} as {came[name]!r:.80}, which nobody built"
    elif isinstance(wanted, list) and isinstance(came, list) and len(wanted) == len(came):
        for at, pair in enumerate(zip(wanted, came, strict=True)):
            yield from _lost(*pair, f"{where}, {at}", None)
    elif not same(wanted, came):
        yield f"{where} is {came!r:.200}, and was built as {wanted!r:.200}"


def _says_nothing(value: Any) -> bool:
    return value is None or value is False or value in ({}, [])


def _names(model: str, came: Heard) -> bool:
    """Whether the model is in the request: its name, or what follows on the prefix of one of many services."""
    name = model.rpartition("/")[2]
    return any(name in text for text in (unquote(came.path), *came.headers.values(), came.body.decode("latin-1")))


def _has(came: Heard, name: str) -> bool:
    return came.headers.get(name) == VALUE or parse_qs(urlsplit(came.path).query).get(name) == [VALUE]
