"""A third party's adapter keeps the laws of the protocol, by the same entry as toolfan's own."""

from __future__ import annotations

from acme_samples import AcmeSuite


class TestAcme(AcmeSuite):
    """Nothing of its own."""
