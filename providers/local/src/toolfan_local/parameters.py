"""The parameters of a request besides messages and tools, by dialect: which there are, which numbers they take.

Knows names and ranges, from the vendors' API documents and SDKs; not how a vendor words a refusal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Fault = Literal["type", "below", "above"]


@dataclass(frozen=True)
class Range:
    """The numbers that a parameter takes; None: no bound."""

    least: int | None = None
    most: int | None = None
    whole: bool = False

    def fault(self, value: Any) -> Fault | None:
        """What is wrong with a value."""
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return "type"
        if self.least is not None and not value >= self.least:
            return "below"
        return "above" if self.most is not None and value > self.most else None


def faults(request: Mapping[str, Any], ranges: Mapping[str, Range]) -> Iterator[tuple[str, Any, Fault]]:
    """Each parameter that is out of its range, with its value.  One that is null is not given."""
    for name, one in ranges.items():
        if (value := request.get(name)) is not None and (found := one.fault(value)) is not None:
            yield name, value, found


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


_COUNT = Range(1, whole=True)
_SHARE = Range(0, 1)
CHAT_RANGES = {
    "temperature": Range(0, 2),
    "top_p": _SHARE,
    "frequency_penalty": Range(-2, 2),
    "presence_penalty": Range(-2, 2),
    "n": Range(1, 128, whole=True),
    "max_tokens": _COUNT,
    "max_completion_tokens": _COUNT,
    "top_logprobs": Range(0, 20, whole=True),
    "seed": Range(whole=True),
}
RESPONSES = _names(
    "access_programs background background_options context_management conversation image include input instructions "
    "max_output_tokens max_tool_calls metadata model moderation parallel_tool_calls previous_response_id prompt "
    "prompt_cache_key prompt_cache_options prompt_cache_retention reasoning safety_identifier service_tier store "
    "stream stream_options temperature text tool_choice tools top_logprobs top_p truncation user"
)
RESPONSES_RANGES = {
    "temperature": Range(0, 2),
    "top_p": _SHARE,
    "top_logprobs": Range(0, 20, whole=True),
    "max_output_tokens": Range(16, whole=True),
    "max_tool_calls": _COUNT,
}
ANTHROPIC = _names(
    "anthropic_beta billing_policy cache_control compaction container context_management diagnostics "
    "fallback_credit_token fallbacks inference_geo max_tokens mcp_servers messages metadata model output_config "
    "output_format service_tier speed stop_sequences stream system temperature thinking thread tool_choice tools top_k "
    "top_p user_profile_id workspace_id"
)
ANTHROPIC_RANGES = {"temperature": _SHARE, "top_p": _SHARE, "top_k": Range(0, whole=True)}
GOOGLE_RANGES = {
    "temperature": Range(0, 2),
    "topP": _SHARE,
    "candidateCount": Range(1, 8, whole=True),
    "maxOutputTokens": _COUNT,
}
BEDROCK_RANGES = {"maxTokens": _COUNT}
COHERE_RANGES = {
    "temperature": Range(0),
    "p": _SHARE,
    "k": Range(0, 500),
    "frequency_penalty": _SHARE,
    "presence_penalty": _SHARE,
    "max_tokens": Range(0, whole=True),
}
