"""Loading an adapter by its name; `listing` says which there are, and which serves a client.

Missing, unknown, broken, conflicting and too-new plugins are five different errors; each names the distribution and the
command that mends it, and none harms another adapter.  Toolfan's own providers come in by the same door as any other.

Knows: adapter names, distributions.  Must not know: what a provider does, any SDK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config_files.blocking import blocked
from ..errors import AdapterConflict, UsageError
from ..hookspecs.marking import sole_offer
from .admission import admitted
from .plugins import ADAPTERS, Candidate, candidates, hooks_of, imported

if TYPE_CHECKING:
    from ..adapter import ParallelToolsAdapter
    from .listing import AdapterInfo as AdapterInfo
    from .listing import installed_adapters as installed_adapters

_loaded: dict[str, ParallelToolsAdapter] = {}


def load_adapter(name: str) -> ParallelToolsAdapter:
    """The adapter of this name, the same object each time.  Imports its plugin and no other, and no SDK.

    Raises AdapterNotFound for an unknown or disabled name, AdapterNotInstalled for a known one that is not installed,
    AdapterConflict if two distributions offer it, AdapterBroken if its plugin is unusable, AdapterTooNew if it speaks
    another version of the adapter protocol.
    """
    if not isinstance(name, str):
        raise UsageError(f"the name of an adapter is {type(name).__name__}, not a text", hint='Such as "openai".')
    if where := blocked().get(name):
        from .unserved import blocked_error  # loaded, as all that is for errors, when something fails

        raise blocked_error(name, where)
    adapter = _loaded.get(name)
    if adapter is None:
        # No lock while foreign code is imported: of two threads that load at once, the first one's result stays.
        candidate = _select(name)
        adapter = _loaded.setdefault(name, admitted(candidate))
        plugin = imported(candidate)
        if sole_offer(plugin) is None:  # it may watch, too
            from ..hookspecs.watching import watch

            watch(plugin, name, hooks_of(candidate, plugin))
    return adapter


def clear_loaded_adapters() -> None:
    """Forget what was loaded, so that the next `load_adapter` reads the metadata again; for tests."""
    _loaded.clear()


def loaded(name: str) -> ParallelToolsAdapter | None:
    """The adapter of this name, if it was loaded."""
    return _loaded.get(name)


def _select(name: str) -> Candidate:
    named = [candidate for candidate in candidates(ADAPTERS) if candidate.name == name]
    sound = [candidate for candidate in named if candidate.fault is None]
    if not named:
        from .unserved import raise_not_installed

        raise_not_installed(name)
    if len(sound) > 1:
        from .unserved import listed, uninstall

        raise AdapterConflict(
            f"{len(sound)} installed distributions offer an adapter of this name: {listed(c.origin for c in sound)}",
            adapter=name,
            hint=f"Remove one: {uninstall(sound)}.",
        )
    return (sound or named)[0]
