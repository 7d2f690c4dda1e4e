"""The options of the Messages API that may pass by name.

Source: the parameters of `messages.create` in the anthropic SDK 0.76 to 2.12, without those that toolfan sets itself
and those that are headers.

Knows: names.  Must not know: what they mean.
"""

from __future__ import annotations

OPTION_NAMES = frozenset(
    {
        "cache_control",
        "container",
        "diagnostics",
        "inference_geo",
        "max_tokens",
        "metadata",
        "output_config",
        "service_tier",
        "speed",
        "stop_sequences",
        "system",
        "temperature",
        "thinking",
        "top_k",
        "top_p",
    }
)

MAX_TOKENS = 4096
"""What is sent for `max_tokens`, which the API demands, unless the option is given: the most that every model takes."""
