"""Mocks of `unittest.mock` in the place of an SDK's client: they answer no request, and say yes to every question.

Knows: what mocks are called.  Must not know: SDKs, adapters.
"""

from __future__ import annotations

from .errors import UsageError

INSTEAD = (
    "In tests pass a real client that is pointed at a toolfan_local.Server(...), or toolfan.testing.scripted([...]) in "
    "the place of toolfan's client."
)


def is_mock(value: object) -> bool:
    """Whether it is a mock of `unittest.mock`, or of its twin `mock`; neither is imported."""
    return any(base.__name__ == "NonCallableMock" for base in type(value).__mro__)


def check_not_mocked(client: object, *, adapter: str | None = None) -> None:
    """Raises UsageError for a mock where a client is needed, with what tests can do."""
    if not is_mock(client):
        return
    kind, shown = client.__class__, f"a {type(client).__name__}"
    raise UsageError(
        f"{shown if kind is type(client) else f'{shown} of {kind.__name__}'} sends no request",
        adapter=adapter,
        hint=INSTEAD,
    )
