"""Right adapters that refuse what they cannot do before core, or another method, would have done it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acme_forms import CANNOT_STREAM, right
from acme_mutants import breaks
from toolfan.errors import Unsupported
from toolfan_acme import AcmeAdapter

if TYPE_CHECKING:
    from toolfan.adapter import Capabilities, WireRequest


def refused(what: str) -> Unsupported:
    return Unsupported(f"Acme has no {what}", adapter="acme")


@right
@dataclass(frozen=True)
class RefusesStreams(AcmeAdapter):
    """In `build_request`, to which core sends none."""

    capabilities: Capabilities = CANNOT_STREAM

    def build_request(self, request: Any) -> WireRequest:
        if request.stream:
            raise refused("streams")
        return super().build_request(request)


@right
class RefusesToWait(AcmeAdapter):
    """In `connect`, before it looks for the SDK and for the key."""

    def connect(self, settings: Any, *, use_async: bool) -> object:
        if use_async:
            raise refused("async client")
        return super().connect(settings, use_async=use_async)


@breaks("test_a_missing_sdk_is_told")
class RefusesWithoutTheSdk(AcmeAdapter):
    """It has an async client, and says that it has none where the SDK is missing."""

    def connect(self, settings: Any, *, use_async: bool) -> object:
        try:
            import acme_sdk  # noqa: F401
        except ImportError as exc:
            if use_async:
                raise refused("async client") from exc
        return super().connect(settings, use_async=use_async)
