"""Answers without an object for the model's turn: its calls, its text and its thoughts stand beside id and model.

Knows: samples, JSON.  Must not know: adapters, laws.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import partial
from operator import eq
from typing import TYPE_CHECKING

from .trees import at, nodes, places
from .variations import list_of_calls

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from .samples import Sample
    from .trees import Path

# What services call what a model thinks, and what they sign it with; what else stands there may be of their own.
_THOUGHTS = re.compile("thought|thinking|reasoning|rationale|signature", re.IGNORECASE)
_SIGNATURE = re.compile("signature", re.IGNORECASE)


def beside_calls(
    sample: Sample, samples: Sequence[Sample], about: Collection[str | None]
) -> Iterator[tuple[Path, str]]:
    """The texts, each with its place, beside the list of the calls, if texts `about` the answer stand there, too.

    Not where that list holds texts of the model's, in whatever sample: there its thoughts stand as well.
    """
    path = next((found[0] for found in map(list_of_calls, (sample, *samples)) if found is not None), ())
    if not path or any(_stands_in(path, one) for one in samples):
        return
    with suppress(KeyError, IndexError, TypeError):  # a single call may stand elsewhere
        ways = [path[:end] for end in range(len(path))]
        around = [way for way in ways if isinstance(at(sample.body, way), dict)][-1]
        holder = at(sample.body, around)
        if any(isinstance(value, str) and value in about for value in holder.values()):
            for name, value in holder.items():
                if name != path[len(around)]:
                    yield from ((where, node) for where, node in nodes(value, (name,)) if isinstance(node, str))


def _stands_in(path: Path, sample: Sample) -> bool:
    """Whether the text of the sample stands below this place."""
    found = places(sample.body, partial(eq, sample.text)) if sample.text else []
    return any(where[: len(path)] == path for where in found)


def is_thought(path: Path) -> bool:
    """Whether a name on the way says that this is the model's, and goes back."""
    return any(isinstance(name, str) and _THOUGHTS.search(name) for name in path)


def is_signature(path: Path) -> bool:
    """Whether it signs a thought, though it may look like a word."""
    return is_thought(path) and isinstance(path[-1], str) and bool(_SIGNATURE.search(path[-1]))
