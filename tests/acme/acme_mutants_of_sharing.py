"""Adapters whose parsers share what they read where it does not show at once, and the law that they break."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acme_mutants import streaming
from toolfan_acme.reading import AcmeParser

if TYPE_CHECKING:
    from toolfan.adapter import Turn

DONE: list[Any] = []


class Doing(AcmeParser):
    """The replay is made of a list of its own, `done`."""

    def __init__(self, adapter: str) -> None:
        super().__init__(adapter)
        self.done: list[Any] = []

    def take_finish(self, said: Any) -> None:
        begun = self.slot is not None
        super().take_finish(said)
        self.done += self.does[-1:] if begun else []

    def close(self) -> Turn:
        turn = super().close()
        return replace(turn, replay={**turn.replay, "does": self.done}) if self.done else turn


@streaming("test_parsers_share_nothing")
class SharesTheReplay(Doing):
    """Each new parser clears the list that all have: so no stream that is read alone shows it."""

    def __init__(self, adapter: str) -> None:
        super().__init__(adapter)
        DONE.clear()
        self.done = DONE


@streaming("test_parsers_share_nothing")
class ClearsItLater(Doing):
    """The list is cleared when a stream begins, so that two parsers are no trouble until then."""

    def __init__(self, adapter: str) -> None:
        super().__init__(adapter)
        self.done = DONE

    def take_open(self, about: Any) -> None:
        super().take_open(about)
        self.done.clear()
