"""The embedded server, where toolfan-local is installed.

Knows: that there is a package toolfan_local.  Must not know: what the server speaks.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..errors import AdapterNotInstalled, ConfigError


def local_package(command: str) -> Any:
    """The module toolfan_local.  Raises AdapterNotInstalled, with the command that installs it."""
    try:
        return import_module("toolfan_local")
    except ModuleNotFoundError as exc:
        if exc.name != "toolfan_local":
            raise
        raise AdapterNotInstalled(
            f"`toolfan {command}` needs toolfan-local, which is not installed",
            hint='Run `pip install "toolfan[local]"`.',
        ) from None


def started_server(command: str, *, port: int = 0, script: str | None = None) -> Any:
    """A server that runs.  Raises ConfigError if the script is wrong or the port is taken."""
    local = local_package(command)
    try:
        return local.Server(script, port=port).start()
    except (local.ScriptError, local.ServerError) as exc:
        raise ConfigError(f"the embedded server cannot start: {exc}") from exc
