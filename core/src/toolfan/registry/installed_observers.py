"""The observers that are installed: the group `toolfan.observers`, loaded when the first client is made.

One that cannot be used is logged and left out; it harms neither the client nor another observer.

Knows: entry points, what is blocked, how one is registered.  Must not know: what is observed, adapters.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Literal

from ..config_files.blocking import blocked
from ..errors import AdapterBroken
from ..values import dataclass
from .plugins import OBSERVERS, broken, candidates, hooks_of, imported

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .plugins import Candidate

_log = logging.getLogger("toolfan")
_loaded = False
_loading = threading.local()


@dataclass(frozen=True, slots=True)
class ObserverInfo:
    """What is known of an installed observer; the same words as `AdapterInfo`."""

    name: str
    distribution: str
    version: str | None
    status: Literal["ok", "broken", "conflict", "blocked"]
    reason: str | None = None
    hint: str | None = None


def load_observers() -> None:
    """Register every installed observer, the first time.  Raises nothing: what is wrong with one is logged."""
    global _loaded  # noqa: PLW0603 - once a process
    if _loaded or getattr(_loading, "here", False):
        return
    _loading.here = True  # an observer may make a client while it is imported
    try:
        # No lock while foreign code is imported: of two threads that load at once, both register the same plugins.
        for info in installed_observers(load=True):
            if info.status in ("broken", "conflict"):
                _log.warning("the observer %s is not used: %s", info.name, info.reason)
    finally:
        _loading.here = False
    _loaded = True


def forget_observers() -> None:
    """Have the next client read the metadata again; for tests."""
    global _loaded  # noqa: PLW0603 - as above
    _loaded = False


def installed_observers(*, load: bool = False) -> list[ObserverInfo]:
    """Every observer that an installed distribution offers, sorted by name; unusable ones too, with the reason.

    Imports nothing, unless `load`: then each is imported, guarded, and registered.
    """
    found, off = candidates(OBSERVERS), blocked()
    infos = (_info(candidate, found, off, load=load) for candidate in found)
    return sorted(infos, key=lambda info: (info.name, info.distribution))


def _info(candidate: Candidate, found: list[Candidate], off: Mapping[str, str], *, load: bool) -> ObserverInfo:
    about = (candidate.name, candidate.distribution, candidate.version)
    if candidate.name in off:
        return ObserverInfo(*about, "blocked", f"switched off by {off[candidate.name]}")
    if candidate.fault:
        return ObserverInfo(*about, "broken", candidate.fault, broken(candidate, candidate.fault).hint)
    others = [c for c in found if c.name == candidate.name and c is not candidate and c.fault is None]
    if others:
        reason = f"offered by {', '.join(c.origin for c in others)} too"
        return ObserverInfo(*about, "conflict", reason, f"Remove one: `pip uninstall {candidate.distribution}`.")
    if load:
        try:
            _register(candidate)
        except AdapterBroken as exc:
            return ObserverInfo(*about, "broken", exc.message, exc.hint)
    return ObserverInfo(*about, "ok")


def _register(candidate: Candidate) -> None:
    plugin = imported(candidate)
    from ..hookspecs.watching import watch

    if not watch(plugin, candidate.name, hooks_of(candidate, plugin)):
        raise broken(candidate, f"{candidate.value} has no observer hook that is marked with @toolfan.hookimpl")
