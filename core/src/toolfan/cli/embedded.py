"""The embedded servers, where toolfan-local is installed.

Knows: that there is a package toolfan_local.  Must not know: what the servers speak.
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


def fault_package(command: str) -> Any:
    """The module of the fault server.  Raises AdapterNotInstalled, with the command that installs it."""
    local_package(command)
    return import_module("toolfan_local.faults")


def started_fault_server(command: str, *, port: int = 0) -> Any:
    """A fault server that runs.  Raises ConfigError if the port is taken."""
    faults = fault_package(command)
    try:
        return faults.FaultServer(port).start()
    except faults.FaultServerError as exc:
        raise ConfigError(f"the fault server cannot start: {exc}") from exc
