"""Admission: whether what a plugin offers is an adapter that this toolfan can use.

Knows: the adapter protocol and its version.  Must not know: how plugins are found or selected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pydantic import BaseModel

from ..adapter import ADAPTER_API, ADAPTER_METHODS, ADAPTER_VALUES, Capabilities
from ..errors import AdapterTooNew, UsageError
from .plugins import broken, offered_adapter, raise_broken, raise_what_a_signal_did

if TYPE_CHECKING:
    from ..adapter import ParallelToolsAdapter
    from .plugins import Candidate

_NEEDED = ("name", "capabilities", "build_request", "parse_response", "transport")


def admitted(candidate: Candidate) -> ParallelToolsAdapter:
    """The adapter that this plugin offers.  Imports that plugin alone.

    Raises AdapterTooNew if it speaks another version of the protocol, AdapterBroken for whatever else is wrong with it.
    """
    offered = offered_adapter(candidate)
    try:
        fault = _unlike_an_adapter(candidate, offered)
    except (AdapterTooNew, KeyboardInterrupt):
        raise
    except BaseException as exc:  # noqa: BLE001 - whatever it is, it is the plugin's
        raise_what_a_signal_did(exc)
        raise_broken(candidate, "its adapter fails when it is looked at", exc)
    if fault:
        raise broken(candidate, fault)
    return cast("ParallelToolsAdapter", offered)


def check_given(adapter: object) -> None:
    """Raises UsageError for an object in place of an adapter, as users pass it, that can answer no request."""
    if isinstance(adapter, type):
        fault = f"the class {adapter.__name__}, no adapter"
    elif missing := [member for member in _NEEDED if not hasattr(adapter, member)]:
        fault = f"{type(adapter).__name__}, no adapter: it lacks {', '.join(missing)}"
    elif not hasattr(capabilities := getattr(adapter, "capabilities", None), "name_pattern"):
        fault = f"{type(adapter).__name__}, whose capabilities are a {type(capabilities).__name__}"
    elif type(api := getattr(adapter, "api", ADAPTER_API)) is not int or api != ADAPTER_API:
        fault = f"{type(adapter).__name__}, whose api is {api!r}: this toolfan speaks {ADAPTER_API}"
    else:
        return
    raise UsageError(f"adapter is {fault}", hint="It is an adapter's name, or an adapter.")


def _unlike_an_adapter(candidate: Candidate, offered: object) -> str | None:
    """What is wrong with the object; raises AdapterTooNew first, since another protocol may have other members."""
    returned = f"toolfan_adapter() of {candidate.value} returned"
    if isinstance(offered, type):
        return f"{returned} the class {offered.__name__}, not an instance of it"
    api = getattr(offered, "api", None)
    if isinstance(api, int) and not isinstance(api, bool):
        _check_api(candidate, api)
    missing = sorted(member for member in ADAPTER_VALUES | ADAPTER_METHODS if not hasattr(offered, member))
    if missing:
        return f"{returned} {type(offered).__name__}, which is not an adapter: it lacks {', '.join(missing)}"
    wrong = _wrong_member(cast("ParallelToolsAdapter", offered), candidate.name)
    return f"{returned} {type(offered).__name__}, {wrong}" if wrong else None


def _wrong_member(adapter: ParallelToolsAdapter, name: str) -> str | None:
    if adapter.name != name:
        return f"whose name is {adapter.name!r}, not {name!r} as its entry point says"
    if type(adapter.api) is not int:
        return f"whose api is {adapter.api!r}, not a whole number"
    if not isinstance(adapter.capabilities, Capabilities):
        return "whose capabilities are not a toolfan.Capabilities"
    if not (isinstance(adapter.settings_model, type) and issubclass(adapter.settings_model, BaseModel)):
        return "whose settings_model is not a pydantic model"
    if not isinstance(adapter.option_names, frozenset):
        return "whose option_names are not a frozenset"
    for member in sorted(ADAPTER_METHODS):
        if not callable(getattr(adapter, member)):
            return f"whose {member} is not a method"
    return None


def _check_api(candidate: Candidate, api: int) -> None:
    if api == ADAPTER_API:
        return
    newer = api > ADAPTER_API
    upgrade = "toolfan" if newer else candidate.distribution
    raise AdapterTooNew(
        f"the plugin of {candidate.origin} speaks version {api} of the adapter protocol, "
        f"{'newer' if newer else 'older'} than version {ADAPTER_API}, which this toolfan speaks",
        adapter=candidate.name,
        hint=f"Run `pip install --upgrade {upgrade}`.",
    )
