"""`python -m toolfan.cli` is the command `toolfan`.

Knows: nothing.  Must not know: anything else.
"""

from __future__ import annotations

from . import main

main()
