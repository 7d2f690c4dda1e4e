"""`toolfan adapters`: what is installed, and whether it can be used.

Knows: the registry.  Must not know: any adapter by name.
"""

from __future__ import annotations

from typing import Annotated

import typer

from ..registry.listing import idle_claims, installed_adapters
from .output import foreign_words_aside, plugin_json, plugin_text, print_json, print_table, print_text

_COLUMNS = ("name", "distribution", "version", "api", "status", "reason")


def adapters(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line for each adapter.")] = False,
) -> None:
    """List the installed adapters, each with its distribution, and why one cannot be used.

    Who claims to serve the clients of an SDK and offers no adapter is told on standard error.
    """
    with foreign_words_aside():
        rows = [plugin_json(info) for info in installed_adapters(load=True)]
    if as_json:
        for row in rows:
            print_json(row)
    elif rows:
        cells = [["" if row[column] is None else str(row[column]) for column in _COLUMNS] for row in rows]
        print_table(_COLUMNS, cells)
    else:
        print_text('No adapter is installed. Run, for example, `pip install "toolfan[openai]"`.', err=True)
    for claim in idle_claims():
        print_text(plugin_text("clients", claim), err=True)
