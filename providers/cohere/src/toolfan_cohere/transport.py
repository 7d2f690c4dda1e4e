"""Thin senders over `cohere.ClientV2` and `AsyncClientV2`.

They go through the HTTP client of the SDK that `chat` itself goes through: it keeps auth, base URL and headers, and
hands out the answer unread.  `chat` would lose what it does not know, and passes over events that it cannot read.

Knows: the SDK's client, how Cohere's answers tell errors.  Must not know: what else is in a body, retries, policy.
"""

from __future__ import annotations

import copy
from functools import partial
from typing import TYPE_CHECKING, Any

from toolfan.errors import UsageError
from toolfan.http.sender import HttpSender, Pairs
from toolfan.http.transport import AsyncHttpTransport, HttpTransport
from toolfan.keys import check_key
from toolfan.secrets.held import Hidden
from toolfan.wire import encode_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolfan.adapter import JSON, AsyncTransport, Transport, WireRequest

PATH = "v2/chat"
BLOCKED = 498
"""Cohere's own status for an input or output that it blocks."""
_OTHERS = frozenset({"AwsClient", "AwsClientV2", "OciClient", "OciClientV2"})


def make_transport(client: Any, *, use_async: bool, adapter: str) -> Transport | AsyncTransport:
    """A sender over `client`.  Raises UsageError if it is no client for Cohere's own service, or of the other kind."""
    kinds = client.__class__.__mro__  # a proxy shows that of the client in it, and so does a mock
    if client.__class__ is not type(client):
        from toolfan.mocks import check_not_mocked

        check_not_mocked(client, adapter=adapter)
    bases = {(base.__module__.partition(".")[0], base.__name__) for base in kinds}
    names = {name for module, name in bases if module == "cohere"}
    if not names & {"BaseCohere", "AsyncBaseCohere"} or names & _OTHERS:
        raise UsageError(
            f"{type(client).__module__}.{type(client).__name__} is no client of Cohere's own service",
            adapter=adapter,
            hint='Pass cohere.ClientV2(), or for models on Amazon Bedrock boto3.client("bedrock-runtime"); '
            '`pip install "toolfan[bedrock]"` brings boto3 and the adapter that serves it.',
        )
    if ("AsyncBaseCohere" in names) is not use_async:
        hint = "Use wrap()." if use_async else "Use wrap_async()."
        raise UsageError(
            f"{type(client).__name__} is not {'async' if use_async else 'sync'}", adapter=adapter, hint=hint
        )
    if isinstance(getattr(client._client_wrapper, "_token", None), str):
        check_key(client._client_wrapper._token, "the client", adapter=adapter)
    sender = _Sender(client, adapter)
    # A function that fetches the key may wait for something else.
    waits = not isinstance(getattr(client._client_wrapper, "_token", None), str)
    return AsyncHttpTransport(sender) if use_async else HttpTransport(sender, waits=waits)


class _NoRedirects:
    """A client of httpx that follows no redirect: the POST would become a GET, or go to another host."""

    def __init__(self, client: Any) -> None:
        self._client = client

    # Without a frame of their own, whose local variables would show the key in a traceback.
    @property
    def request(self) -> Any:
        return partial(self._client.request, follow_redirects=False)

    @property
    def stream(self) -> Any:
        return partial(self._client.stream, follow_redirects=False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def _unredirected(client: Any) -> Any:
    """The SDK's own wrapper of the HTTP client, which has no such option; the client stays as it is for others."""
    twin = copy.copy(client._client_wrapper.httpx_client)
    twin.httpx_client = _NoRedirects(twin.httpx_client)
    return twin


class _Sender(HttpSender):
    words = frozenset({"message", "delta"})
    answer_fields = frozenset({"message"})
    named_events = True
    request_ids = ("x-request-id", "x-debug-trace-id")

    @property
    def http(self) -> Any:
        return self.client._client_wrapper.httpx_client.httpx_client

    @property
    def address(self) -> str:
        return str(self.client._client_wrapper.get_base_url())

    def credentials(self) -> dict[str, Any]:
        return {"api_key": getattr(self.client._client_wrapper, "_token", None)}

    def always_sent(self) -> tuple[Pairs, ...]:
        return dict(self.http.headers), getattr(self.client._client_wrapper, "_headers", None) or {}

    def tells_error(self, body: JSON) -> bool:
        """Wherever it stands: in an event, in its delta, or as a text in the place of the message."""
        delta = body.get("delta")
        failed = body.get("error") or (isinstance(delta, dict) and delta.get("error"))
        return bool(failed) or isinstance(body.get("message"), str)

    def is_last(self, event: JSON) -> bool:
        return event.get("type") == "message-end"

    def error_code(self, status: int, about: Mapping[str, Any]) -> Any:
        return "content_filter" if status == BLOCKED else super().error_code(status, about)

    def limits(self, timeout: float) -> bool:
        own = self.client._client_wrapper.get_timeout()
        return own is None or timeout < own

    def send(self, request: WireRequest, timeout: float | None, headers: Pairs, query: Pairs) -> Any:
        http = _unredirected(self.client)
        return http.request(PATH, **self._arguments(request, timeout, headers, query))

    def open(self, request: WireRequest, timeout: float | None, headers: Pairs, query: Pairs) -> Any:
        http = _unredirected(self.client)
        return http.stream(PATH, **self._arguments(request, timeout, headers, query))

    def close(self) -> Any:
        return self.http.aclose() if hasattr(self.http, "aclose") else self.http.close()

    def _arguments(self, request: WireRequest, timeout: float | None, headers: Pairs, query: Pairs) -> JSON:
        options: JSON = {
            "max_retries": 0,
            "additional_headers": Hidden(headers),
            "additional_query_parameters": Hidden(query),
        }
        if timeout is not None and self.limits(timeout):
            options["timeout_in_seconds"] = timeout
        about = {"content-type": "application/json"}
        return {"method": "POST", "content": encode_json(request.body), "headers": about, "request_options": options}
