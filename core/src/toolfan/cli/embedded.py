"""The embedded servers, where toolfan-local is installed.

Knows: that there is a package toolfan_local.  Must not know: what the servers speak.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import AdapterNotInstalled, ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


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


def started_server(
    command: str,
    *,
    port: int = 0,
    script: str | Mapping[str, Any] | None = None,
    pace: Mapping[str, float] | None = None,
) -> Any:
    """A server that runs; `script` is a file's name or what is in it, `pace` is in the words of `toolfan_local.Pace`.

    Raises ConfigError if the script or the pace is wrong, or the port is taken.
    """
    local = local_package(command)
    try:
        return local.Server(script, port=port, pace=local.Pace(**pace or {})).start()
    except (local.ScriptError, local.ServerError, ValueError) as exc:
        raise ConfigError(f"the embedded server cannot start: {exc}") from exc


def fault_package(command: str) -> Any:
    """The module of the fault server.  Raises AdapterNotInstalled, with the command that installs it."""
    local_package(command)
    return import_module("toolfan_local.faults")


def started_fault_server(command: str, *, port: int = 0, pace: float | None = None) -> Any:
    """A fault server that runs; `pace` is the unit of its delays, in seconds.

    Raises ConfigError if the port is taken.
    """
    faults = fault_package(command)
    options = {} if pace is None else {"pace": pace}
    try:
        return faults.FaultServer(port, **options).start()
    except faults.FaultServerError as exc:
        raise ConfigError(f"the fault server cannot start: {exc}") from exc
