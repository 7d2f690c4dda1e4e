"""Past the environment's proxies to loopback: SDKs ask a proxy for 127.0.0.1 too, unless `NO_PROXY` names it.

Knows: the variables of proxies.  Must not know: servers, SDKs.
"""

from __future__ import annotations

import os
import threading

_PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
_EXEMPTIONS = ("NO_PROXY", "no_proxy")
_LOOPBACK = ("127.0.0.1", "localhost")


def exemptions() -> dict[str, str]:
    """`NO_PROXY` and `no_proxy` as they should be, with loopback; empty where no proxy is set."""
    if not any(map(os.environ.get, _PROXIES)):
        return {}
    named = [host.strip() for name in _EXEMPTIONS for host in os.environ.get(name, "").split(",")]
    return dict.fromkeys(_EXEMPTIONS, ",".join(dict.fromkeys([*filter(None, named), *_LOOPBACK])))


class _Direct:
    """The exemption of this process: there while at least one server runs, then undone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._servers = 0
        self._set: dict[str, str] = {}
        self._before: dict[str, str | None] = {}

    def begin(self) -> None:
        """One server more.  Clients that are made from now on reach it."""
        with self._lock:
            self._servers += 1
            if self._servers == 1:
                self._set = exemptions()
                self._before = {name: os.environ.get(name) for name in self._set}
                os.environ.update(self._set)

    def end(self) -> None:
        """One server less; with the last one each variable is what it was, if nobody else has changed it."""
        with self._lock:
            self._servers -= 1
            if self._servers:
                return
            for name, value in self._before.items():
                if os.environ.get(name) != self._set[name]:
                    continue
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


direct = _Direct()
