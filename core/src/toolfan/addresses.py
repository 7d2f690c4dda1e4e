"""Addresses of services, checked before anything is sent to them.

For adapters: `Address` is the type of a setting, `check_variable` is for a variable that the vendor's SDK reads itself.

Knows: URLs.  Must not know: whose address it is, which settings and variables there are.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator

from .errors import ConfigError
from .secrets.redaction import shown

if TYPE_CHECKING:
    from collections.abc import Callable


def checked(address: str) -> str:
    """`address`, if it is one of http or https with a host.  Raises ValueError, which does not show it."""
    if not address.isprintable() or " " in address:
        raise ValueError("an address has no blanks and no line breaks")
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port  # reading the port checks it
    except ValueError:
        raise ValueError("its host or port cannot be read") from None  # the cause may show a password
    if parts.scheme not in ("http", "https"):
        raise ValueError("an address begins with http:// or https://")
    if not host:
        raise ValueError("it names no host")
    return address


Address: TypeAlias = Annotated[str, AfterValidator(checked)]
"""An http or https address, as the type of a setting."""


def check_variable(variable: str, *, adapter: str, check: Callable[[str], object] = checked) -> None:
    """Raises ConfigError if the environment variable is set, and not to an address, or what `check` takes."""
    address = os.environ.get(variable)
    if address is None:
        return
    try:
        check(address)
    except ValueError as exc:
        fault = str(exc)
    else:
        return
    raise ConfigError(
        f"the environment variable {variable} is {shown(address, ())}: {fault}",
        adapter=adapter,
        hint=f"Mend {variable}, or unset it.",
    )
