"""A server that plays every fault that providers and networks are known for, chosen by the model's name.

    from toolfan_local.faults import CATALOGUE, FaultServer

For tests of clients: of toolfan's own, of adapters, of programs. `toolfan serve --faults` runs it by hand.
`GrpcFaultServer` needs grpcio and google-cloud-aiplatform, which it imports when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan_local.faults.catalogue import CATALOGUE
from toolfan_local.faults.fault import SECTIONS, Fault
from toolfan_local.faults.server import FaultServer, FaultServerError

if TYPE_CHECKING:
    from toolfan_local.faults.grpc_server import GrpcFaultServer

__all__ = ["CATALOGUE", "SECTIONS", "Fault", "FaultServer", "FaultServerError", "GrpcFaultServer"]


def __getattr__(name: str) -> Any:
    if name != "GrpcFaultServer":
        raise AttributeError(f"module 'toolfan_local.faults' has no attribute {name!r}")
    from toolfan_local.faults.grpc_server import GrpcFaultServer

    return GrpcFaultServer
