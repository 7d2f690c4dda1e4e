"""The options of chat completions that may pass by name.

Source: the parameters of `chat.completions.create` in the openai SDK 2.16 to 3.52 and OpenAI's API reference, without
those that toolfan sets itself.

Knows: names.  Must not know: what they mean.
"""

from __future__ import annotations

OPTION_NAMES = frozenset(
    {
        "audio",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "metadata",
        "modalities",
        "moderation",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning_effort",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "temperature",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "web_search_options",
    }
)
