"""What grows with the square of its input is counted: times vary from machine to machine.

Knows: nothing else.  Must not know: what is counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def comparisons(monkeypatch: pytest.MonkeyPatch, kind: type) -> list[object]:
    """A list that grows by one whenever an object of this class is held against another."""
    compared: list[object] = []

    def equal(one: object, other: object) -> bool:
        compared.append(other)
        return one is other

    monkeypatch.setattr(kind, "__eq__", equal)
    return compared
