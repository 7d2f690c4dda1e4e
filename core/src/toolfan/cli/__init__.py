"""The command `toolfan`.  What it needs beyond core comes with the extra `cli`.

Knows: whether that extra is there.  Must not know: what any command does; nothing in core imports this package.
"""

from __future__ import annotations

import sys
from importlib import import_module

_NEEDS = ("typer", "rich")


def main() -> None:
    """Run the command line; ends with SystemExit.

    Status 0: done.  1: the provider or the model failed.  2: wrong use, or something is not installed.
    """
    for package in _NEEDS:
        try:
            import_module(package)
        except ModuleNotFoundError:
            sys.stderr.write(f'The command toolfan needs {package}: run `pip install "toolfan[cli]"`.\n')
            raise SystemExit(2) from None
    from .app import app

    app(prog_name="toolfan")
