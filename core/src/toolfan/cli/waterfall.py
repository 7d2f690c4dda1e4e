"""Spans of time as bars on one axis, in colour on a terminal.

Knows: the terminal.  Must not know: what was measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .output import print_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .timing import Span

_STYLES = {"request": "dim", "call": "cyan", "tool": "green"}
_WIDE, _NARROW = 40, 24


def draw(spans: Sequence[Span], total: float) -> None:
    """A line for each span: its bar between 0 and `total` seconds, its times, what it is."""
    from rich.console import Console
    from rich.text import Text

    console = Console()
    mark = "━" if console.is_terminal and not console.options.ascii_only else "="
    width = _NARROW if console.is_terminal and console.width < 100 else _WIDE
    for span in spans:
        bar = _bar(span, width, total, mark)
        rest = f"  {span.start:4.2f}-{span.end:4.2f} s  {span.label}"
        if console.is_terminal:
            line = Text.assemble("  ", (bar, _STYLES[span.kind]), rest)
            console.print(line, no_wrap=True, overflow="ellipsis")
        else:
            print_text(f"  {bar}{rest}")


def _bar(span: Span, width: int, total: float, mark: str) -> str:
    scale = width / total if total else 0.0
    start = min(round(span.start * scale), width - 1)
    length = max(1, min(round(span.end * scale), width) - start)
    return f"{' ' * start}{mark * length}".ljust(width)
