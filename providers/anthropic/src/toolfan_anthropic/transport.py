"""Thin senders over `anthropic.Anthropic`, `AsyncAnthropic` and the clients for Vertex AI.

Knows: the SDK's clients, how Anthropic's answers tell errors.  Must not know: what else is in a body, retries, policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan.errors import UsageError
from toolfan.http.post_sender import PostSender
from toolfan.http.transport import AsyncHttpTransport, HttpTransport
from toolfan.keys import check_key

if TYPE_CHECKING:
    from toolfan.adapter import JSON, AsyncTransport, Transport

PATH = "/v1/messages"
_KEYS = ("api_key", "auth_token", "access_token")
_FOR_BEDROCK = (
    'For models on Amazon Bedrock pass boto3.client("bedrock-runtime"). `pip install "toolfan[bedrock]"` brings boto3 '
    "and the adapter that serves it."
)
_WAITS = ("_middleware", "_token_cache", "credentials")
"""Attributes of clients that fetch a token, or run code of a user's."""
_HINT = "Pass anthropic.Anthropic(), AsyncAnthropic() or those for Vertex AI."
_AROUND = "It hands attributes of one on, but is of another class: pass the client that it was made from."


def _instead(client: object, names: set[str]) -> str:
    if any("Bedrock" in name for name in names):
        return _FOR_BEDROCK
    return _AROUND if hasattr(client, "messages") and not names else _HINT


def make_transport(client: object, *, use_async: bool, adapter: str) -> Transport | AsyncTransport:
    """A sender over `client`.  Raises UsageError if it is none of the SDK's clients that it serves."""
    import anthropic

    kinds = client.__class__.__mro__  # a proxy shows that of the client in it
    names = {cls.__name__ for cls in kinds if cls.__module__.partition(".")[0] == "anthropic"}
    is_sync = isinstance(client, anthropic.Anthropic) or "AnthropicVertex" in names
    is_async = isinstance(client, anthropic.AsyncAnthropic) or "AsyncAnthropicVertex" in names
    shown = type(client).__name__
    if not is_sync and not is_async:
        raise UsageError(
            f"{shown} is no client of the anthropic SDK that this adapter serves",
            adapter=adapter,
            hint=_instead(client, names),
        )
    if is_async is not use_async:
        raise UsageError(
            f"{shown} is not {'async' if use_async else 'sync'}",
            adapter=adapter,
            hint="Use wrap_async()." if is_async else "Use wrap().",
        )
    for name in ("api_key", "auth_token"):
        if isinstance(getattr(client, name, None), str):
            check_key(getattr(client, name), "the client", adapter=adapter)
    # A client that may rewrite the body: Vertex AI's takes the model out of it.
    plain = type(client) in (anthropic.Anthropic, anthropic.AsyncAnthropic)
    sender = _Sender(client, adapter, sdk=anthropic, path=PATH, plain=plain, use_async=use_async)
    if use_async:
        return AsyncHttpTransport(sender)
    return HttpTransport(sender, waits=not plain or any(getattr(client, name, None) for name in _WAITS))


class _Sender(PostSender):
    words = frozenset({"content", "content_block", "delta"})
    answer_fields = frozenset({"content"})
    named_events = True
    request_ids = ("request-id", "x-request-id")

    def credentials(self) -> dict[str, Any]:
        return {name: getattr(self.client, name, None) for name in _KEYS}

    def is_last(self, event: JSON) -> bool:
        return event.get("type") == "message_stop"
