"""A third party's plugin: the adapter `acme` for a provider that does not exist."""

from __future__ import annotations

from toolfan.hookspecs.specs import hookimpl

from .codec import AcmeAdapter

__all__ = ["AcmeAdapter", "toolfan_adapter"]


@hookimpl
def toolfan_adapter() -> AcmeAdapter:
    """The adapter of this plugin."""
    return AcmeAdapter()
