"""What a service on loopback heard, for laws: one that could not be asked in every way says so, and does not pass.

Knows: the facts of the other process.  Must not know: what a law says, the SDK.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar

from .lawbook import LawNotAsked
from .outside import ask_sdk
from .ways import ADDRESSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from .subject import Subject

S = TypeVar("S", bound="Subject")
_MEND = (
    "Mend what is raised; where the SDK wants a key of another form, or more than that, give the suite what it "
    "wants as `key`, `settings` or `environment`."
)


def heard(subject: Subject) -> Mapping[str, Any]:
    """What a service on loopback heard.  Raises LawNotAsked where no setting leads there."""
    facts = ask_sdk(subject)
    if not facts["addressed"]:
        raise LawNotAsked(f"settings_model has no {' or '.join(ADDRESSES)}: requests cannot be led to a service here")
    return facts


def in_every_way(says: Callable[[S], Iterator[str]]) -> Callable[[S], Iterator[str]]:
    """A law of requests, whole and streamed, sync and async: where nothing came in one of these, it has not held.

    What it finds in the others is told first.
    """

    @functools.wraps(says)
    def asking(self: S) -> Iterator[str]:
        facts, why = heard(self), None
        try:
            yield from says(self)
        except LawNotAsked as exc:
            why = exc
        yield from gaps(facts["unmade"], facts["unheard"])
        if why is not None:
            raise why

    return asking


def gaps(unmade: Mapping[str, str], unheard: Iterable[str] = ()) -> Iterator[str]:
    """What a law that needs clients finds where there is no sync one.

    Raises LawNotAsked for the other ways in which nothing could be asked.
    """
    if "sync" in unmade:
        yield f"nothing can be asked; {unmade['sync']}. {_MEND}"
    elif told := [*unmade.values(), *unheard]:
        raise LawNotAsked(f"{'; '.join(told)}. {_MEND}")


def unmade(facts: Mapping[str, Any]) -> Mapping[str, str]:
    """The kinds of client that cannot be made, with what is raised; an adapter may have no async one."""
    kinds = zip(("sync", "async"), facts["taken"], strict=True)
    return {
        kind: f"{kind}: {said['step']} raises {said['error']}: {said['text']}"[:300]
        for kind, said in kinds
        if said["error"] and (kind, said["error"]) != ("async", "Unsupported")
    }
