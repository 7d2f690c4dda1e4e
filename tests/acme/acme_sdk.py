"""The SDK of a provider that does not exist."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class AcmeClient:
    """Sends to an address."""

    def __init__(self, key: str, base_url: str) -> None:
        self.key, self._base_url = key, base_url

    def send(self, body: Any) -> Any:
        """The decoded answer.  Raises OSError, ValueError, and HTTPException."""
        with self._opened(body) as answer:
            return json.load(answer)

    def stream(self, body: Any) -> Iterator[Any]:
        """The decoded events.  Raises the same."""
        with self._opened(body) as answer:
            for line in answer:
                yield json.loads(line)

    def _opened(self, body: Any) -> Any:
        request = urllib.request.Request(f"{self._base_url}/act", json.dumps(body).encode(), {"x-acme": self.key})
        return urllib.request.urlopen(request, timeout=10)
