"""What the server remembers of the requests it got: bounded, and without secrets.

Knows nothing of the dialects.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie"})
SECRET_QUERY = frozenset({"key", "access_token", "api-key"})


@dataclass(frozen=True)
class RecordedRequest:
    """One request: `headers` in lower case, secrets left out; `body` decoded from JSON, or the text, or None."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


class Recorder:
    """Keeps the last `limit` requests; safe to share between threads."""

    def __init__(self, limit: int = 1000) -> None:
        self._requests: deque[RecordedRequest] = deque(maxlen=limit)
        self._lock = threading.Lock()

    def record(
        self,
        method: str,
        path: str,
        *,
        query: Iterable[tuple[str, str]] = (),
        headers: Iterable[tuple[str, str]] = (),
        body: Any = None,
    ) -> None:
        """Adds one request, without its secrets; bytes in `body` are decoded."""
        kept = {name.lower(): value for name, value in headers if name.lower() not in SECRET_HEADERS}
        asked = {name: value for name, value in query if name.lower() not in SECRET_QUERY}
        request = RecordedRequest(method, path, asked, kept, _decoded(body))
        with self._lock:
            self._requests.append(request)

    def snapshot(self) -> list[RecordedRequest]:
        """The kept requests, oldest first."""
        with self._lock:
            return list(self._requests)


def _decoded(body: Any) -> Any:
    if not isinstance(body, bytes):
        return body
    if not body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")
