"""The HTTP session below a client of boto3.

Knows: where botocore keeps the connections of a client.  Must not know: requests, answers.
"""

from __future__ import annotations

from typing import Any

from toolfan.drivers.pooled_sockets import note_connections


def note_connections_of(client: Any) -> None:
    """Have this client's connections note which request they serve, where they are found; see `pooled_sockets`."""
    session: Any = getattr(getattr(client, "_endpoint", None), "http_session", None)
    manager, proxies = getattr(session, "_manager", None), getattr(session, "_proxy_managers", None)
    if manager is None or not isinstance(proxies, dict):  # of another form in other versions
        return
    note_connections([manager])
    # Those of proxies are made when they are needed, with these classes.
    if hasattr(session, "_pool_classes_by_scheme"):
        session._pool_classes_by_scheme = manager.pool_classes_by_scheme
    note_connections(list(proxies.values()))
