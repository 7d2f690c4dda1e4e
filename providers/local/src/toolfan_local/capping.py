"""An answer cut at the request's limit of output tokens, by the count that its usage tells.

Knows answers in the neutral form; not the dialects, which write in their own ways what was cut.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from toolfan_local.exchange import TOKEN, TokenCount, count_tokens, estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolfan_local.exchange import Question, Reply, ReplyCall


def capped(question: Question, reply: Reply) -> Reply:
    """The reply as far as the limit lets it come: its text first, then its calls, the last of them maybe cut.

    One that fits is as it was, and so is one that says itself how it stops.  Of one whose script counts its tokens, the
    share that fits is left.
    """
    most, tokens = question.most_tokens, count_tokens(question, reply)
    if most is None or reply.stop is not None or tokens.completion <= most:
        return reply
    left, told = most, None
    if reply.tokens is not None:
        estimated = count_tokens(question, replace(reply, tokens=None)).completion
        left, told = most * estimated // tokens.completion, TokenCount(tokens.prompt, most)
    text = reply.text
    if text is not None:
        text = text[: left * TOKEN]
        left -= estimate_tokens(text)
    calls = _that_fit(reply.calls, left) if text == reply.text else ()
    return replace(reply, calls=calls, text=text, stop="length", tokens=told, meant=reply)


def _that_fit(calls: Sequence[ReplyCall], left: int) -> tuple[ReplyCall, ...]:
    """The calls that begin within so many tokens: the name whole, the last one's arguments maybe cut."""
    fitting: list[ReplyCall] = []
    for call in calls:
        start = estimate_tokens(call.name)
        if left < max(start, 1):
            break
        left -= start
        needed = estimate_tokens(call.arguments)
        fitting.append(call if needed <= left else _cut(call, left))
        left -= needed
        if left < 0:
            break
    return tuple(fitting)


def _cut(call: ReplyCall, tokens: int) -> ReplyCall:
    given = call.arguments
    text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    text = text[: tokens * TOKEN]
    return replace(call, arguments=text, kept=_kept(text, given))


def _kept(text: str, given: Mapping[str, Any] | str) -> dict[str, Any]:
    """The arguments that are whole in a text that was cut."""
    try:
        meant = json.loads(given) if isinstance(given, str) else given
        found = from_json(text, allow_partial=True)
    except (ValueError, RecursionError):
        return {}
    if not (isinstance(meant, dict) and isinstance(found, dict)):
        return {}
    return {name: value for name, value in found.items() if name in meant and meant[name] == value}
