"""A server that plays every fault that providers and networks are known for, chosen by the model's name.

    from toolfan_local.faults import CATALOGUE, FaultServer

For tests of clients: of toolfan's own, of adapters, of programs. `toolfan serve --faults` runs it by hand.
"""

from __future__ import annotations

from toolfan_local.faults.catalogue import CATALOGUE
from toolfan_local.faults.fault import SECTIONS, Fault
from toolfan_local.faults.server import FaultServer, FaultServerError

__all__ = ["CATALOGUE", "SECTIONS", "Fault", "FaultServer", "FaultServerError"]
