"""`overload`, which at run time forgets what it is given.

Type checkers read overloads in the source.  `typing.overload` also keeps each of them, some 200 in toolfan, for as long
as the process lives: a tenth of a megabyte that nobody asks for.

Knows: nothing else.  Must not know: whose overloads they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["overload"]

if TYPE_CHECKING:
    from typing import overload
else:

    def overload(function: Any) -> Any:
        """The function as it is: the next one of its name takes its place."""
        return function
