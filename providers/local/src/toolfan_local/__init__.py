"""The adapter `local` for toolfan: an offline planner behind the adapter protocol, and a server that embeds it.

Importing this module imports neither the planner nor the server: both load when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan.hookspecs.marking import hookimpl

from .adapter import LocalAdapter

if TYPE_CHECKING:
    from .pacing import Pace
    from .script import Script, ScriptError, load_script
    from .server import Server, ServerError
    from .service import LocalClient

__all__ = [
    "LocalAdapter",
    "LocalClient",
    "Pace",
    "Script",
    "ScriptError",
    "Server",
    "ServerError",
    "load_script",
    "toolfan_adapter",
]

_HOMES = {
    "LocalClient": "service",
    "Pace": "pacing",
    "Script": "script",
    "ScriptError": "script",
    "Server": "server",
    "ServerError": "server",
    "load_script": "script",
}


@hookimpl
def toolfan_adapter() -> LocalAdapter:
    """The adapter of this plugin."""
    return LocalAdapter()


def __getattr__(name: str) -> Any:
    module = _HOMES.get(name)
    if module is None:
        raise AttributeError(f"module 'toolfan_local' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"toolfan_local.{module}"), name)
    globals()[name] = value
    return value
