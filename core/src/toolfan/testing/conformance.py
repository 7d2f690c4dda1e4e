"""The conformance suite: every law that an adapter must keep, in one class to derive from.

Knows: which laws there are.  Must not know: what they say.
"""

from __future__ import annotations

from .laws_of_clients import LawsOfClients

__all__ = ["AdapterConformance"]


class AdapterConformance(LawsOfClients):
    """Derive from it, give it an adapter and samples, and pytest proves the laws of the adapter protocol.

        class TestAcme(AdapterConformance):
            adapter = AcmeAdapter()
            samples = (Sample(name="two calls", body={...}, calls=[("Weather", {"location": "Oslo"}), ...]), ...)
            errors = (ErrorSample(name="overloaded", body={...}, error=Unavailable),)

    The other attributes are described at `toolfan.testing.subject.Subject`, samples at `Sample`.  A law that is
    replaced or removed is an error; one that does not hold yet is named, with the reason, in `broken_laws`.
    """
