"""The catalogue: every fault by the name of the model that plays it.

Knows the tables of faults; not how they are played.
"""

from __future__ import annotations

import difflib
from types import MappingProxyType
from typing import TYPE_CHECKING

from toolfan_local.faults import (
    arguments,
    deltas,
    endings,
    google,
    google_streams,
    mismatches,
    names,
    shapes,
    sse,
    statuses,
    transport,
)
from toolfan_local.faults.fault import EVERY, SECTIONS, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from toolfan_local.faults.stage import Stage


def _good(stage: Stage) -> None:
    stage.good()


GOOD = Fault("good", "0", "the good answer: one call for each tool that is offered", EVERY, "good", _good)


def _catalogue(faults: Iterable[Fault]) -> Mapping[str, Fault]:
    made: dict[str, Fault] = {}
    for fault in faults:
        if fault.name in made or fault.section not in SECTIONS:
            raise ValueError(f"the fault {fault.name!r} is there twice, or its section {fault.section!r} is unknown")
        made[fault.name] = fault
    return MappingProxyType(made)


CATALOGUE: Mapping[str, Fault] = _catalogue(
    (
        GOOD,
        *transport.FAULTS,
        *mismatches.FAULTS,
        *statuses.FAULTS,
        *sse.FAULTS,
        *deltas.FAULTS,
        *endings.FAULTS,
        *arguments.FAULTS,
        *names.FAULTS,
        *shapes.FAULTS,
        *google.FAULTS,
        *google_streams.FAULTS,
    )
)
"""Every fault by its name, in the order of the sections."""


def unknown(model: str, name: str) -> str:
    """What to say of a model that names no fault: the nearest one, and where they are listed."""
    near = difflib.get_close_matches(name, CATALOGUE, 1, 0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"The model {model!r} names no fault.{hint} `toolfan serve --faults --list` lists them."


def elsewhere(fault: Fault) -> str:
    """What to say when a fault is asked for in a dialect that it is not played in."""
    return f"The fault {fault.name!r} is not played in this dialect, only in: {', '.join(fault.dialects)}."
