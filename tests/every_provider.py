"""One blocking client for each provider whose SDK speaks HTTP, and one call in each one's form of an answer.

Knows: the SDKs' clients, the shapes of answers.  Must not know: what is asked for, or why.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import toolfan
from google_asking import genai_client
from loopback import KEY, ONCE

if TYPE_CHECKING:
    from collections.abc import Iterator

PROVIDERS = ("openai", "openai-responses", "anthropic", "cohere", "bedrock", "gemini")
CALL = {"id": "a", "type": "function", "function": {"name": "Weather", "arguments": '{"location": "A"}'}}
GOOD: dict[str, dict[str, Any]] = {
    "openai": {"choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"tool_calls": [CALL]}}]},
    "openai-responses": {
        "id": "r",
        "status": "completed",
        "output": [{"type": "function_call", "call_id": "a", "name": "Weather", "arguments": '{"location": "A"}'}],
    },
    "anthropic": {
        "type": "message",
        "content": [{"type": "tool_use", "id": "a", "name": "Weather", "input": {"location": "A"}}],
        "stop_reason": "tool_use",
    },
    "cohere": {"id": "c", "finish_reason": "TOOL_CALL", "message": {"role": "assistant", "tool_calls": [CALL]}},
    "bedrock": {
        "output": {
            "message": {
                "role": "assistant",
                "content": [{"toolUse": {"toolUseId": "a", "name": "Weather", "input": {"location": "A"}}}],
            }
        },
        "stopReason": "tool_use",
    },
    "gemini": {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [{"functionCall": {"id": "a", "name": "Weather", "args": {"location": "A"}}}],
                },
                "finishReason": "STOP",
            }
        ]
    },
}
"""An answer with the call `Weather(location="A")`, whose id is "a"."""


@contextlib.contextmanager
def client_of(provider: str, url: str, **options: Any) -> Iterator[toolfan.Client]:
    """A client over the provider's real SDK that asks this server once, unless `options` say otherwise."""
    options = {"stop": ONCE, "model": "m", **options}
    base = url.removesuffix("/v1")
    if provider.startswith("openai"):
        import openai

        with openai.OpenAI(api_key=KEY, base_url=url) as sdk:
            yield toolfan.wrap(sdk, adapter=provider, **options)
    elif provider == "anthropic":
        import anthropic

        with anthropic.Anthropic(api_key=KEY, base_url=base) as sdk:
            yield toolfan.wrap(sdk, **options)
    elif provider == "cohere":
        import cohere

        with cohere.ClientV2(api_key=KEY, base_url=base) as sdk:
            yield toolfan.wrap(sdk, **options)
    elif provider == "bedrock":
        import boto3

        session = boto3.Session(aws_access_key_id="planted-id", aws_secret_access_key=KEY, region_name="us-east-1")
        sdk = session.client("bedrock-runtime", endpoint_url=base)
        with contextlib.closing(sdk):
            yield toolfan.wrap(sdk, **options)
    else:
        yield toolfan.wrap(genai_client(provider, base), **options)
