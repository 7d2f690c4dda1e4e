"""Plugins as installed: what the metadata of distributions declares, and the guarded way from there to an object.

Reads `entry_points.txt` itself, because one malformed line in one distribution stops `importlib.metadata`, and with it
pluggy's own loader, for all.  Each plugin gets a plugin manager of its own, so that none can shadow, answer for or
break another.

Knows: distributions, entry points, pluggy.  Must not know: which adapters exist, what an adapter must be.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections import Counter
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING

from ..errors import AdapterBroken
from ..hookspecs.marking import sole_offer
from ..values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import NoReturn

    import pluggy

ADAPTERS = "toolfan.adapters"
CLIENTS = "toolfan.clients"
OBSERVERS = "toolfan.observers"

_NAME = re.compile(r"\w[\w.-]*")
_VALUE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*(:[^\W\d]\w*(\.[^\W\d]\w*)*)?")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One entry point of one distribution; `fault` says why it cannot be used, judged by the metadata alone."""

    name: str
    value: str
    distribution: str
    version: str | None
    fault: str | None = None

    @property
    def origin(self) -> str:
        """The distribution, with its version where it has one."""
        return f"{self.distribution} {self.version}" if self.version else self.distribution


def candidates(group: str) -> list[Candidate]:
    """The entry points of `group` in the installed distributions, in the order of sys.path.  Imports nothing.

    A distribution that is found twice counts once, as it first appears: that is the one that Python imports.
    """
    found: dict[str, list[Candidate]] = {}
    for distribution in importlib.metadata.distributions():
        text, trouble = _entry_points_text(distribution)
        if trouble is None and "toolfan." not in text:
            continue  # reading names and versions of everything installed would take most of the time
        name, version = _identity(distribution)
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found:
            continue
        if trouble is None:
            found[key] = _declared(text, group, name, version)
        elif key.startswith("toolfan"):
            found[key] = [Candidate(name, "", name, version, f"its entry_points.txt cannot be read: {trouble}")]
    return [candidate for declared in found.values() for candidate in declared]


def _entry_points_text(distribution: importlib.metadata.Distribution) -> tuple[str, str | None]:
    try:
        return distribution.read_text("entry_points.txt") or "", None
    except Exception as exc:  # noqa: BLE001 - whatever is wrong with one distribution is its own affair
        raise_what_a_signal_did(exc)
        return "", told(exc)


def _identity(distribution: importlib.metadata.Distribution) -> tuple[str, str | None]:
    try:
        metadata = distribution.metadata
        name = metadata["Name"] if "Name" in metadata else None  # noqa: SIM401 - the protocol has no get
        version = metadata["Version"] if "Version" in metadata else None  # noqa: SIM401
    except Exception as exc:  # noqa: BLE001 - as above
        raise_what_a_signal_did(exc)
        name = version = None
    # Without metadata the folder's name (`acme-1.0.dist-info`) still says which one it is.
    folder = PurePath(str(getattr(distribution, "_path", ""))).name
    return name or folder.split("-")[0] or "a distribution without a name", version


def _declared(text: str, group: str, distribution: str, version: str | None) -> list[Candidate]:
    entries = list(dict.fromkeys(_entries(text, group)))
    repeated = {name for name, count in Counter(name for name, _ in entries).items() if count > 1}
    return [
        Candidate(name, value, distribution, version, _fault(name, value, twice=name in repeated))
        for name, value in entries
    ]


def _entries(text: str, group: str) -> Iterator[tuple[str, str]]:
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].strip()
        elif section == group and line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield name.strip(), value.strip()


def _fault(name: str, value: str, *, twice: bool) -> str | None:
    if not _NAME.fullmatch(name):
        return f"the name of its entry point, {name!r}, is not a name"
    if not _VALUE.fullmatch(value):
        return f"its entry point {name!r} is {value!r}, which is not the path of a module"
    return f"it declares the entry point {name!r} twice, with different modules" if twice else None


def within(module: str, package: str) -> bool:
    """Whether the module is the package, or in it."""
    return module == package or module.startswith(f"{package}.")


def offered_adapter(candidate: Candidate) -> object:
    """What the plugin's `toolfan_adapter` returns: imports that plugin alone, and checks its hooks.

    Raises AdapterBroken, naming the distribution, its version, the module and the cause.
    """
    plugin = imported(candidate)
    offer = sole_offer(plugin)
    if offer is None:
        manager = hooks_of(candidate, plugin)
        _check_adapter_hook(candidate, plugin, manager)
        offer = partial(_first, manager.hook.toolfan_adapter)
    with _guard(candidate, "fails in toolfan_adapter()"):
        offered = offer()
    if offered is None:
        raise broken(candidate, f"{candidate.value} offers nothing: its toolfan_adapter() returned None")
    return offered


def _first(hook: Callable[[], list[object]]) -> object:
    return next(iter(hook()), None)


def imported(candidate: Candidate) -> object:
    """The plugin.  Raises AdapterBroken, as `offered_adapter` does."""
    if candidate.fault:
        raise broken(candidate, candidate.fault)
    with _guard(candidate, "cannot be imported"):
        return importlib.metadata.EntryPoint(candidate.name, candidate.value, ADAPTERS).load()


def hooks_of(candidate: Candidate, plugin: object) -> pluggy.PluginManager:
    """The manager of the plugin's hooks.  Raises AdapterBroken for one that toolfan does not know."""
    from ..hookspecs.watching import hook_manager

    with _guard(candidate, "has a hook that toolfan does not know in this form"):
        return hook_manager(plugin, candidate.name)


def _check_adapter_hook(candidate: Candidate, plugin: object, manager: pluggy.PluginManager) -> None:
    count = len(manager.hook.toolfan_adapter.get_hookimpls())
    if count > 1:
        raise broken(candidate, f"{candidate.value} implements toolfan_adapter {count} times")
    if count == 0:
        unmarked = " (it has a function of that name, but without @toolfan.hookimpl)"
        found = unmarked if callable(getattr(plugin, "toolfan_adapter", None)) else ""
        raise broken(candidate, f"{candidate.value} does not implement the hook toolfan_adapter{found}")


@contextmanager
def _guard(candidate: Candidate, what: str) -> Generator[None, None, None]:
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as exc:  # noqa: BLE001 - SystemExit, a panic of Rust: nothing of a plugin's is the caller's
        raise_what_a_signal_did(exc)
        raise_broken(candidate, f"{candidate.value} {what}", exc)


def raise_what_a_signal_did(exc: BaseException) -> None:
    """Raises SystemExit of SIGTERM, a soft limit of time: a plugin's import takes long enough for one to come."""
    from .. import signals

    signals.raise_what_a_signal_did(exc)


def told(exc: BaseException) -> str:
    """What happened in a plugin, on one line, without the secrets of the environment and of profiles."""
    from ..config_files.secret_names import known_to_plugins  # loaded, as all that is for errors, when something fails
    from ..secrets.masking import masked, without_cut

    text = ""
    with suppress(Exception):  # its own method may raise, too
        secrets = known_to_plugins()
        text = " ".join(without_cut(masked(str(exc), secrets), secrets).split())
    return f"{type(exc).__name__}: {text[:300]}" if text else type(exc).__name__


def raise_broken(candidate: Candidate, why: str, exc: BaseException) -> NoReturn:
    """Raises `broken` with what happened, from `exc` unless its text shows a secret."""
    from ..config_files.secret_names import known_to_plugins
    from ..secrets.masking import raise_from, shows_secret

    error = broken(candidate, f"{why}: {told(exc)}")
    raise_from(error, None if shows_secret(exc, known_to_plugins()) else exc)


def broken(candidate: Candidate, why: str) -> AdapterBroken:
    """The error that says that this plugin, and no other, is broken, and how to mend or remove it."""
    from ..config_files.secret_names import known_to_plugins
    from ..secrets.known import without

    return AdapterBroken(
        f"the plugin of {candidate.origin} is broken: {without(why, known_to_plugins())}",
        adapter=candidate.name,
        hint=f"Mend it with `pip install --upgrade --force-reinstall {candidate.distribution}`, or remove it with "
        f"`pip uninstall {candidate.distribution}`; other adapters are not affected.",
    )
