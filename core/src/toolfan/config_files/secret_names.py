"""What must not be shown because a profile names the environment variable that holds it: `api_key_env = "HOUSE_KEY"`.

Knows: profiles as they are written, in the file and the environment.  Must not know: what a profile may hold, adapters.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..secrets.credentials import environment_secrets
from ..secrets.redaction import known_secrets, longest_first

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..secrets.held import Secrets

_PROFILES = "profiles"
_VARIABLE = "TOOLFAN_PROFILES"


def named_secrets(values: Mapping[str, Any]) -> Secrets:
    """The secrets in the environment variables that these values name, whatever adapter they are for."""
    named = {key: name for key, name in values.items() if key.endswith("_env") and isinstance(name, str)}
    return known_secrets({key.removesuffix("_env"): os.environ.get(name) for key, name in named.items()})


def profile_secrets() -> Secrets:
    """The secrets in the variables that any profile names.  What cannot be read names none, and raises nothing."""
    each = (values for profiles in _written() if isinstance(profiles, Mapping) for values in profiles.values())
    return longest_first(*(named_secrets(values) for values in each if isinstance(values, Mapping)))


def known_to_plugins() -> Secrets:
    """What a plugin can know that nobody is told: secrets of the environment, and those that profiles name."""
    return longest_first(environment_secrets(), profile_secrets())


def _written() -> Iterator[Any]:
    """Tables of profiles: that of the file, and one for each variable."""
    from .finding import find_config

    with contextlib.suppress(ConfigError):  # whoever asks for a profile gets it
        if (file := find_config(None)) is not None:
            yield file.data.get(_PROFILES)
    for variable, text in os.environ.items():
        first, *path = variable.upper().split("__")
        if first == _VARIABLE:
            value: Any = text
            with contextlib.suppress(ValueError, RecursionError):
                value = json.loads(text)
            if path and not isinstance(value, dict):
                value = text  # a variable may be called 123
            for part in reversed(path):
                value = {part.lower(): value}
            yield value
