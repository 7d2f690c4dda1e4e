"""Names that are at home elsewhere: a package answers for what its modules hold, a module for what is documented there.

A request needs none of them by this way, so they are loaded for whoever asks.

Knows: how a module is asked for a name.  Must not know: which names moved where.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def visible(loaded: Iterable[str], offers: Iterable[str]) -> list[str]:
    """What a `__dir__` tells; freezegun, which takes each name while its clock stands, hears of what is loaded."""
    asker = sys._getframe(2).f_globals.get("__name__")  # pyright: ignore[reportPrivateUsage]
    return sorted({*loaded, *(() if asker == "freezegun.api" else offers)})


def offered(homes: dict[str, str]) -> list[str]:
    """The names of `homes`, split when they are asked for: that is seldom, and as one text they are small."""
    return " ".join(homes.values()).split()


def moved(module: str, homes: dict[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and the `__dir__` of a module; `homes` says which names are in which other module.

    A package offers nothing else, so its `__all__` are these names.
    """

    def attribute(name: str) -> Any:
        if name == "__all__" and hasattr(sys.modules[module], "__path__"):
            return sorted(offered(homes))
        home = next((home for home, names in homes.items() if name in names.split()), None)
        if home is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"toolfan.{home}"), name)

    def names() -> list[str]:
        return visible(vars(sys.modules[module]), offered(homes))

    return attribute, names
