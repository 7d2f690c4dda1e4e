"""The options of the Responses API that may pass by name.

Source: the parameters of `responses.create` in the openai SDK 2.16 to 3.54 and OpenAI's API reference, without those
that toolfan sets itself.  `background` and `conversation` are left out: an answer in the background has no calls yet,
and a conversation that the service keeps would be told everything twice when the model is asked again.

Knows: names.  Must not know: what they mean.
"""

from __future__ import annotations

OPTION_NAMES = frozenset(
    {
        "context_management",
        "include",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "moderation",
        "previous_response_id",
        "prompt",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "service_tier",
        "store",
        "stream_options",
        "temperature",
        "text",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
    }
)
