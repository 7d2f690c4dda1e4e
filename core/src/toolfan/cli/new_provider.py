"""`toolfan new-provider`: a provider package that works, for a wire format that is made up.

The package is in `templates/provider`; in a path `PACKAGE` stands for the module's name, and `NAME`
for the adapter's as it may be part of one.

Knows: names of packages, folders.  Must not know: what a provider consists of; that is in the templates.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import __version__
from ..errors import AdapterNotFound, AdapterNotInstalled, ConfigError, UsageError
from ..registry.listing import installed_adapters
from ..registry.loading import load_adapter
from .output import print_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEGAL = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 30


def new_provider(
    name: Annotated[str, typer.Argument(help="The adapter's name, such as acme; the package is toolfan-acme.")],
    into: Annotated[Path, typer.Option("--into", metavar="DIR", help="The folder to make the package's in.")] = Path(),
) -> None:
    """Write a provider package: codec, transport, streams, tests, ready to install and to make your own."""
    _check_name(name)
    if not into.is_dir():
        raise UsageError(f"{into} is no folder", hint="Make it first, or name another one with --into.")
    folder = into / f"toolfan-{name}"
    # Rendered before anything is written: a failure leaves nothing half done.
    files = dict(_rendered(name))
    try:
        folder.mkdir()
    except FileExistsError:
        raise UsageError(
            f"{folder} exists already, and nothing was written",
            hint="Choose another name, or another folder with --into; this command never overwrites.",
        ) from None
    except OSError as exc:
        raise _unwritten(folder, exc) from exc
    for path, text in files.items():
        target = folder / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="\n")
        except OSError as exc:
            raise _unwritten(target, exc) from exc
    print_text(f"{len(files)} files were written to {folder}. It works as it is:")
    print_text(
        f'  cd {shlex.quote(str(folder))}\n  python -m pip install -e ".[test]"\n  python -m pytest\n  toolfan adapters'
    )
    print_text("Its README.md says what to change, and in which order.")


def _check_name(name: str) -> None:
    """Raises UsageError for what cannot be the name of an adapter, of a distribution and of a module."""
    hint = "A name is small letters and digits, with single hyphens between: acme, acme-chat."
    if name.startswith(("toolfan-", "toolfan_")):
        own = name[8:].replace("_", "-")
        raise UsageError(f"{name!r} begins with toolfan", hint=f"Write {own!r}: the package is called toolfan-{own}.")
    if name.startswith("toolfan"):
        theirs = "toolfan's own variables begin so, and its key would be among them; choose another."
        raise UsageError(f"{name!r} begins with toolfan", hint=theirs)
    if name.startswith("test"):
        raise UsageError(f"{name!r} begins with test", hint="pytest would take its classes for tests; choose another.")
    if not _LEGAL.fullmatch(name):
        raise UsageError(f"{name!r} cannot be the name of an adapter and its package", hint=hint)
    if len(name) > _LONGEST:
        raise UsageError(f"{name!r} has {len(name)} characters, and {_LONGEST} are the most", hint=hint)
    whose = next((info.distribution for info in installed_adapters() if info.name == name), None)
    if whose or _is_toolfans_own(name):
        raise UsageError(
            f"there is an adapter {name!r} already, of {whose or 'toolfan itself'}",
            hint="Two with one name exclude each other; choose another.",
        )


def _is_toolfans_own(name: str) -> bool:
    try:
        load_adapter(name)
    except AdapterNotInstalled:  # so the registry knows where it is to be had
        return True
    except AdapterNotFound:
        return False
    return True


def _rendered(name: str) -> Iterator[tuple[Path, str]]:
    """Paths in the new folder, and texts.  Raises ConfigError if the templating library is missing."""
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ModuleNotFoundError as exc:
        raise ConfigError("new-provider needs jinja2", hint='Run: pip install "toolfan[cli]".') from exc
    environment = Environment(
        loader=PackageLoader("toolfan.cli", "templates/provider"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # Python and TOML, not HTML; every value was checked
    )
    major, minor, *_ = __version__.split(".")
    identifier = name.replace("-", "_")
    values = {
        "name": name,
        "distribution": f"toolfan-{name}",
        "identifier": identifier,
        "module": f"toolfan_{identifier}",
        "title": "".join(word[0].upper() + word[1:] for word in name.split("-")),
        "variable": f"{identifier.upper()}_API_KEY",
        "bounds": f">={major}.{minor},<{major}.{int(minor) + 1}",
    }
    for path in environment.list_templates():
        target = path.removesuffix(".j2").replace("PACKAGE", values["module"]).replace("NAME", identifier)
        yield Path(target), environment.get_template(path).render(values)


def _unwritten(path: Path, exc: OSError) -> UsageError:
    return UsageError(f"{path} cannot be written: {exc.strerror or exc}", hint="Choose another folder with --into.")
