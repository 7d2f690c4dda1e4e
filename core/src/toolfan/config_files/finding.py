"""The configuration file: where it lies, what it says, on which line.

The nearest directory upwards that has a `toolfan.toml`, or a `pyproject.toml` with a table `[tool.toolfan]`, has the
configuration; `toolfan.toml` wins over its neighbour.

Knows: files, encodings, TOML.  Must not know: profiles, adapters.
"""

from __future__ import annotations

import os
import re
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

_OURS = rb"""\btool["']?\s*(\.\s*["']?toolfan\b|\]|=)"""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A configuration file that was read: `data` is toolfan's part of it, under the keys `prefix`."""

    path: Path
    prefix: tuple[str, ...]
    text: str = field(repr=False)
    data: Mapping[str, Any] = field(repr=False)

    def where(self, *path: str | int) -> str:
        """The dotted key, the file and the line, for a message."""
        from .toml_places import toml_places

        places = toml_places(self.text)
        full = (*self.prefix, *path)
        line = next((places[full[:end]] for end in range(len(full), 0, -1) if full[:end] in places), 1)
        return f"{'.'.join(map(str, full))} in {self.path}, line {line}"


def find_config(start: Path | None) -> ConfigFile | None:
    """The nearest configuration file upwards from `start`, or from the working directory; None if there is none.

    Raises ConfigError for a file that cannot be read or is not TOML, with line and column.
    """
    try:
        here = (start or Path.cwd()).absolute()
    except FileNotFoundError:  # the working directory was deleted
        return None
    for directory in (here, *here.parents):
        own, shared = directory / "toolfan.toml", directory / "pyproject.toml"
        if os.path.lexists(own):
            return _read_file(own, ())
        if os.path.lexists(shared) and (found := _read_file(shared, ("tool", "toolfan"))):
            return found
    return None


def _read_file(path: Path, prefix: tuple[str, ...]) -> ConfigFile | None:
    """The file; None if it has no table under `prefix`."""
    try:
        content = path.read_bytes()
    except OSError as exc:
        what = "is a directory" if path.is_dir() else f"cannot be read: {exc.strerror or exc}"
        raise ConfigError(f"{path} {what}", hint="Mend it, rename it, or remove it.") from exc
    if prefix and not _may_name_us(content):
        return None  # somebody else's file: what is wrong with it is not our affair
    text = _decoded(path, content)
    data: Any = _parsed(path, text)
    for at, key in enumerate(prefix):
        data = data.get(key)
        if data is None:
            return None
        if not isinstance(data, dict):
            file = ConfigFile(path, (), text, {})
            raise ConfigError(f"{file.where(*prefix[: at + 1])} is not a table", hint=f"Write [{'.'.join(prefix)}].")
    return ConfigFile(path, prefix, text, data)


def _may_name_us(content: bytes) -> bool:
    """Whether a table `tool.toolfan` can be in it: as dotted keys, or below `[tool]`, or in an inline table.

    Mere names of dependencies, which those who use toolfan have there, are not worth loading a parser.
    """
    return b"toolfan" in content and re.search(_OURS, content) is not None


def _decoded(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        what = f"byte 0x{content[exc.start]:02x} in line {line}"
    raise ConfigError(f"{path} is not UTF-8: {what}", hint="Save the file as UTF-8.")


def _parsed(path: Path, text: str) -> dict[str, Any]:
    import tomllib  # every first client looks for a file, and few have one

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        found = re.search(r"^(.*) \(at (?:line (\d+), column (\d+)|end of document)\)$", str(exc), re.DOTALL)
        what, line, column = found.groups() if found else (str(exc), None, None)
    except RecursionError:
        what, line, column = "it is nested too deeply", "1", "1"
    except ValueError:  # of int(), which tomllib lets pass
        what, at = "a whole number has more digits than Python reads", _longest_number(text)
        line, column = str(text.count("\n", 0, at) + 1), str(at - text.rfind("\n", 0, at))
    if line is None:
        line, column = str(text.count("\n") + 1), str(len(text) - text.rfind("\n"))
    raise ConfigError(f"{path}, line {line}, column {column}: not valid TOML: {what}", hint="Mend that line.")


def _longest_number(text: str) -> int:
    """Where the longest run of digits begins, which may stand in a text, too."""
    runs = re.finditer(r"(?<![\w.])[0-9][0-9_]*", text)
    return max(runs, key=lambda found: len(found[0])).start()
