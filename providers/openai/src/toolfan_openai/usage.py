"""Token counts as OpenAI's API reports them, and the servers that are compatible with it.

Knows: the shape of `usage`.  Must not know: what else is in an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolfan.calls import Usage
from toolfan.wire import count_of

_OBJECT = (dict, Mapping)  # dict first, which is the usual one and the cheaper look

# Beside the details, where these do not tell: of Moonshot, Mistral and DeepSeek.
_READ = ("cached_tokens", "num_cached_tokens", "prompt_cache_hit_tokens")
# In the details or beside them: of OpenRouter, LiteLLM, and of Alibaba and Vercel's gateway.
_WRITTEN = ("cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens")


def usage_of(usage: Any) -> Usage:
    """Token counts as OpenAI reports them; xAI and some gateways count reasoning beside the output.

    The total shows it, or that there is more reasoning than output; a total without it is no total.
    """
    if not isinstance(usage, _OBJECT):
        return Usage()
    prompt, completion = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    sent, received = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
    total = count(usage, "total_tokens")
    reasoning = count(completion, "reasoning_tokens")
    if reasoning > received or (reasoning and total == sent + received + reasoning):
        received += reasoning
        total = max(total, sent + received)
    return Usage(
        input_tokens=sent,
        output_tokens=received,
        total_tokens=total or sent + received,
        cache_read_tokens=count(prompt, "cached_tokens") or _first(usage, _READ),
        cache_write_tokens=_first(prompt, _WRITTEN) or _first(usage, _WRITTEN),
        reasoning_tokens=reasoning,
    )


def count(table: Any, key: str) -> int:
    """The number of tokens under this key; 0 if there is none."""
    if not (table and isinstance(table, _OBJECT)):
        return 0
    value = table.get(key)
    return 0 if value is None else count_of(value)


def _first(table: Any, keys: tuple[str, ...]) -> int:
    """The first of these numbers that is more than 0."""
    if isinstance(table, _OBJECT):
        for key in keys:
            if table.get(key) and (found := count(table, key)):
                return found
    return 0
