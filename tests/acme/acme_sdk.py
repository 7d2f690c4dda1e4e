"""The SDK of a provider that does not exist."""

from __future__ import annotations


class AcmeClient:
    """Sends nothing."""

    def __init__(self, key: str) -> None:
        self._key = key
