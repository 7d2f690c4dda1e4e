"""A machine may reach its package index through a proxy; the servers of the tests are on loopback.

SDKs ask a proxy for 127.0.0.1 too.  Loaded first of all, by the tests' conftest; those that install packages put the
proxies back.

Knows: the variables of proxies.  Must not know: tests.
"""

from __future__ import annotations

import os

_AWAY = "AWAY_"  # kept under another name, for the processes that pytest-xdist starts

for _name in [name for name in os.environ if name.lower().endswith("_proxy") and not name.startswith(_AWAY)]:
    os.environ[f"{_AWAY}{_name}"] = os.environ.pop(_name)

_found = {name.removeprefix(_AWAY): value for name, value in os.environ.items() if name.startswith(_AWAY)}
_loopback = {name: f"{_found.get(name, '')},127.0.0.1,localhost".lstrip(",") for name in ("NO_PROXY", "no_proxy")}

PROXIES = {**_found, **_loopback} if _found else {}
"""The machine's own, not for loopback: for what is installed."""
