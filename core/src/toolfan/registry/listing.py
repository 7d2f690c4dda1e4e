"""The adapters that are installed: what is known of each, and which one serves a client.

Knows: adapter names, distributions.  Must not know: what a provider does, any SDK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from ..config_files.blocking import blocked
from ..errors import AdapterBroken, AdapterConflict, AdapterTooNew
from ..values import dataclass
from .loading import load_adapter, loaded
from .plugins import ADAPTERS, CLIENTS, Candidate, broken, candidates, offered_adapter, within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..adapter import ParallelToolsAdapter

AdapterStatus: TypeAlias = Literal["ok", "broken", "conflict", "blocked"]


@dataclass(frozen=True, slots=True)
class AdapterInfo:
    """What is known of an installed adapter.

    `status` is "ok" (as far as the metadata says, or proved by loading), "broken" (or speaking another version of the
    protocol), "conflict" (another distribution offers the name too) or "blocked" (switched off); `reason` says why it
    is not "ok", and `hint` how to mend it, if there is something to mend.  `api` is the version of the adapter
    protocol that it speaks, None until it was loaded.
    """

    name: str
    distribution: str
    version: str | None
    api: int | None
    status: AdapterStatus
    reason: str | None = None
    hint: str | None = None


def installed_adapters(*, load: bool = False) -> list[AdapterInfo]:
    """Every adapter that an installed distribution offers, sorted by name; unusable ones too, with the reason.

    Reads metadata and imports nothing, unless `load`: then each plugin is imported, guarded, and its status is proved.
    """
    found = candidates(ADAPTERS)
    off = blocked()
    infos = (_info(candidate, found, off, load=load) for candidate in found)
    return sorted(infos, key=lambda info: (info.name, info.distribution))


def idle_claims() -> list[AdapterInfo]:
    """Every claim to serve the clients of an SDK that leads to no adapter, by the SDK's name; it is passed over."""
    from .unserved import idle_error

    declared = candidates(CLIENTS)
    errors = {claim: idle_error(claim, names) for claim, names in _claims(declared).items() if len(names) != 1}
    errors |= {claim: broken(claim, claim.fault) for claim in declared if claim.fault}
    infos = (
        AdapterInfo(c.name, c.distribution, c.version, None, "broken", e.message, e.hint) for c, e in errors.items()
    )
    return sorted(infos, key=lambda info: (info.name, info.distribution))


def adapter_for_client(client: object) -> str:
    """The name of the installed adapter that serves this SDK object, judged by the modules of its classes.

    Subclasses and proxies of a client count as that client.  A claim that leads to no adapter counts only where no
    other does.  Imports no plugin.  Raises AdapterNotFound (or AdapterNotInstalled, with the command) if none does,
    AdapterConflict if two distributions do, AdapterBroken if one claims to and offers no adapter.
    """
    declared = candidates(CLIENTS)
    claims = _claims(declared)
    modules = _modules(client)
    module, serving = _serving(modules, [candidate for candidate, names in claims.items() if len(names) == 1])
    if module is None:
        from .unserved import idle_error, raise_no_server

        _, idle = _serving(modules, list(claims))
        if idle:
            raise idle_error(idle[0], claims[idle[0]])
        raise_no_server(client, modules, declared)
    names = {candidate: claims[candidate][0] for candidate in serving}
    off = blocked()
    enabled = {candidate: name for candidate, name in names.items() if name not in off}
    if not enabled:
        from .unserved import blocked_error

        first = next(iter(names.values()))
        raise blocked_error(first, off[first])
    if len(enabled) > 1:
        from .unserved import listed, uninstall

        origins = listed(candidate.origin for candidate in enabled)
        spellings = " or ".join(f"adapter={name!r}" for name in dict.fromkeys(enabled.values()))
        raise AdapterConflict(
            f"{len(enabled)} installed distributions serve clients of {module}: {origins}",
            hint=f"Name one, {spellings}, or remove one: {uninstall(enabled)}.",
        )
    return next(iter(enabled.values()))


def _info(candidate: Candidate, found: list[Candidate], off: Mapping[str, str], *, load: bool) -> AdapterInfo:
    status, reason, hint = _status(candidate, found, off)
    adapter = loaded(candidate.name) if status == "ok" else None
    if load and status == "ok":
        try:
            adapter = load_adapter(candidate.name)
        except AdapterBroken as exc:
            status, reason, hint = "broken", exc.message, exc.hint
            if isinstance(exc, AdapterTooNew):  # what it speaks is all that is known of it
                adapter = cast("ParallelToolsAdapter", offered_adapter(candidate))
    api = adapter.api if adapter else None
    return AdapterInfo(candidate.name, candidate.distribution, candidate.version, api, status, reason, hint)


def _status(
    candidate: Candidate, found: list[Candidate], off: Mapping[str, str]
) -> tuple[AdapterStatus, str | None, str | None]:
    if candidate.name in off:
        return "blocked", f"switched off by {off[candidate.name]}", None
    if candidate.fault:
        return "broken", candidate.fault, broken(candidate, candidate.fault).hint
    others = [c for c in found if c.name == candidate.name and c is not candidate and c.fault is None]
    if others:
        from .unserved import listed, uninstall

        return (
            "conflict",
            f"offered by {listed(c.origin for c in others)} too",
            f"Remove one: {uninstall([candidate])}.",
        )
    return "ok", None, None


def _modules(client: object) -> list[str]:
    """The modules of the client's classes, most derived first; a proxy shows what it wraps in `__class__`."""
    classes: list[type] = list(type(client).__mro__)
    shown = getattr(client, "__class__", None)
    if isinstance(shown, type):
        classes += [cls for cls in shown.__mro__ if cls not in classes]
    modules = (getattr(cls, "__module__", None) for cls in classes)
    return list(dict.fromkeys(module for module in modules if isinstance(module, str) and module != "builtins"))


def _serving(modules: list[str], declared: list[Candidate]) -> tuple[str | None, list[Candidate]]:
    """The most derived class that anyone serves decides, by the longest package name that fits its module."""
    for module in modules:
        fitting = {candidate.name for candidate in declared if within(module, candidate.name)}
        if fitting:
            package = max(fitting, key=len)
            return package, [candidate for candidate in declared if candidate.name == package]
    return None, []


def _claims(declared: list[Candidate]) -> dict[Candidate, list[str]]:
    """Who claims to serve clients, each with the names of its adapters in question: one, if all is well.

    A claim names the adapter's module, or the adapter.
    """
    offers = [candidate for candidate in candidates(ADAPTERS) if candidate.fault is None]
    claims: dict[Candidate, list[str]] = {}
    for claim in declared:
        if claim.fault is None:
            own = [offer for offer in offers if offer.distribution == claim.distribution]
            named = [offer.name for offer in own if offer.name == claim.value]
            claims[claim] = [offer.name for offer in own if offer.value == claim.value] or named
    return claims
