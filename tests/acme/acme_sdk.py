"""The SDK of a provider that does not exist."""

from __future__ import annotations

import json
import urllib.request
from typing import Any


class AcmeClient:
    """Sends to an address."""

    def __init__(self, key: str, base_url: str) -> None:
        self._key, self._base_url = key, base_url

    def send(self, body: Any) -> Any:
        """The decoded answer.  Raises OSError."""
        request = urllib.request.Request(f"{self._base_url}/act", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
