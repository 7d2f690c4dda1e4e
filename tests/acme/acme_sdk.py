"""The SDK of a provider that does not exist."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an error."""

    def redirect_request(self, *_: Any, **__: Any) -> None: ...


class AcmeClient:
    """Sends to an address; `given` are `timeout`, `headers` and `query`."""

    def __init__(self, key: str, base_url: str) -> None:
        self.key, self._base_url = key, base_url

    def send(self, body: Any, **given: Any) -> Any:
        """The decoded answer.  Raises OSError, ValueError, and HTTPException."""
        with self.opened(body, **given) as answer:
            return json.load(answer)

    def stream(self, body: Any, **given: Any) -> Iterator[Any]:
        """The decoded events.  Raises the same."""
        with self.opened(body, **given) as answer:
            for line in answer:
                yield json.loads(line)

    def opened(
        self,
        body: Any,
        *,
        timeout: float | None,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        redirects: bool = False,
    ) -> Any:
        """The answer, unread."""
        url = f"{self._base_url}/act" + (f"?{urlencode(query)}" if query else "")
        head = {"content-type": "application/json", "x-acme": self.key, **headers}
        request = urllib.request.Request(url, json.dumps(body).encode(), head)
        opener = urllib.request.build_opener(*([] if redirects else [NoRedirects]))
        return opener.open(request, timeout=timeout)
