"""Which plugins must not be used, and where that is said.

`disable = ["acme"]` of the configuration file and the variable TOOLFAN_DISABLE both count: a name that either of them
has is blocked, be it an adapter's or an observer's.

Knows: the variable, the key of the file.  Must not know: what is installed, what a plugin is.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from ..errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .finding import ConfigFile

VARIABLE = "TOOLFAN_DISABLE"
"""Environment variable with names of plugins, separated by commas, that must not be used."""
KEY = "disable"

_warned: str | None = None  # the file is asked for each adapter
_log = logging.getLogger("toolfan")


def blocked() -> Mapping[str, str]:
    """The names that are blocked, and where each is.

    A file that cannot be read blocks nothing: a warning is logged, once, and whoever asks for a profile gets the error.
    """
    from .finding import find_config

    global _warned  # noqa: PLW0603 - one for the process, which has one log
    found: dict[str, str] = {}
    try:
        file = find_config(None)
        if file is not None and KEY in file.data:
            found = {name: file.where(KEY, at) for at, name in enumerate(names_in(file))}
        _warned = None
    except ConfigError as exc:
        if str(exc) != _warned:
            _warned = str(exc)
            _log.warning("what the configuration disables is not known: %s", exc)
    names = filter(None, map(str.strip, os.environ.get(VARIABLE, "").split(",")))
    return found | dict.fromkeys(names, f"the environment variable {VARIABLE}")


def names_in(file: ConfigFile) -> list[str]:
    """The names that the file disables.  Raises ConfigError if its key does not hold a list of names."""
    names = file.data.get(KEY, [])
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        raise ConfigError(f"{file.where(KEY)} is not a list of names", hint=f'Write {KEY} = ["acme"].')
    return [name.strip() for name in names]
