"""Tools by import path, `module:Type`, as the commands take them.

Knows: modules, the working directory.  Must not know: what a tool is (the tool set says).
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..tools.toolset import ToolSet, tool_set, tool_types
from ..wire import nearest
from .output import foreign_words_aside

if TYPE_CHECKING:
    from collections.abc import Iterable

HELP = "The tools by import path: module:Type,Other,package.module:function. The working directory is looked in first."


def load_tools(paths: Iterable[str]) -> ToolSet[Any]:
    """The tools that `module:Type,module:Other` (or `module:Type,Other`) names; a tuple or list of tools, a
    union and `Iterable[...]` are opened.

    Raises UsageError, with the path, for a module that is missing or fails and for a name that it does not have;
    ToolDefinitionError for what is no tool.
    """
    found: list[Any] = []
    module = ""
    for item in (item.strip() for path in paths for item in path.split(",")):
        before, colon, name = item.rpartition(":")
        module = before if colon else module
        if not (module and name):
            raise UsageError(f"--tools has {item!r}", hint="Write module:Type, for example my_tools:Weather.")
        _check_module(module)
        value = _attribute(module, name)
        for form in value if isinstance(value, list | tuple) else [value]:
            found += tool_types(form)
    return tool_set(tools=found)


def _check_module(name: str) -> None:
    """Raises UsageError for the path of a file."""
    if name.startswith(".") or {"/", "\\"} & {*name} or (name.endswith(".py") and os.path.isfile(name)):
        raise UsageError(
            f"--tools names {name}, which is no module but a file",
            hint=f"Write the module's name, {Path(name).stem}:Type, and run toolfan in the folder of the file.",
        )


def _attribute(module_name: str, path: str) -> Any:
    value: Any = _module(module_name)
    for name in path.split("."):
        try:
            value = getattr(value, name)
        except AttributeError:
            public = [each for each in dir(value) if not each.startswith("_")]
            raise UsageError(
                f"--tools names {module_name}:{path}, but there is no {name} in {getattr(value, '__name__', value)}",
                hint=f"Check the spelling.{nearest(name, public)}",
            ) from None
    return value


def _module(name: str) -> Any:
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        with foreign_words_aside():
            return importlib.import_module(name)
    except ModuleNotFoundError as exc:
        if exc.name and (name == exc.name or name.startswith(f"{exc.name}.")):
            raise UsageError(
                f"--tools names the module {name}, and there is no module {exc.name}",
                hint=f"Run toolfan where it can be imported from; it was looked for in {here} and on Python's path.",
            ) from None
        raise _failed(name, exc) from exc
    except KeyboardInterrupt:
        raise
    except BaseException as exc:  # SystemExit, a panic of Rust code
        raise _failed(name, exc) from exc


def _failed(name: str, exc: BaseException) -> UsageError:
    return UsageError(
        f"--tools names the module {name}, which cannot be imported: {type(exc).__name__}: {exc}",
        hint="Mend the module; TOOLFAN_DEBUG=1 shows where.",
    )
