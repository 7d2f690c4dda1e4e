"""Past the environment's proxies to loopback: SDKs ask a proxy for 127.0.0.1 too, unless `NO_PROXY` names it.

Knows: the variables of proxies.  Must not know: servers, SDKs.
"""

from __future__ import annotations

import os
import threading

from toolfan.secrets.credentials import PROXIES

_EXEMPTIONS = ("NO_PROXY", "no_proxy")
_LOOPBACK = ("127.0.0.1", "localhost")


def exemptions() -> dict[str, str]:
    """`NO_PROXY` and `no_proxy` as they should be, with loopback; empty where no proxy is set."""
    if not any(map(os.environ.get, PROXIES)):
        return {}
    named = [host.strip() for name in _EXEMPTIONS for host in os.environ.get(name, "").split(",")]
    if "*" in named:  # for all hosts; some libraries know it only where it stands alone
        return dict.fromkeys(_EXEMPTIONS, "*")
    return dict.fromkeys(_EXEMPTIONS, ",".join(dict.fromkeys([*filter(None, named), *_LOOPBACK])))


class _Direct:
    """The exemption of this process: there while a server runs that began when a proxy was named, then undone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._servers: set[object] = set()
        self._set: dict[str, str] = {}
        self._before: dict[str, str | None] = {}

    def begin(self, server: object) -> None:
        """One server more.  Clients that are made from now on reach it."""
        with self._lock:
            wanted = exemptions()
            if wanted:
                self._servers.add(server)
            for name, value in wanted.items():
                now = os.environ.get(name)
                if now != value:  # by the first server, or where somebody else has changed it since
                    self._before[name], self._set[name] = now, value
                    os.environ[name] = value

    def end(self, server: object) -> None:
        """One server less; with the last one each variable is what it was, if nobody else has changed it."""
        with self._lock:
            self._servers.discard(server)
            if self._servers:
                return
            for name, value in self._before.items():
                if os.environ.get(name) != self._set[name]:
                    continue
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
            self._before, self._set = {}, {}


direct = _Direct()
