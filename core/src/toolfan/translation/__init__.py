"""What went wrong, as an error of ours: HTTP statuses, bodies of errors, the words in them, exceptions.

Knows: HTTP, what services write.  Must not know: SDK classes, what is asked again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..moved import moved

if TYPE_CHECKING:
    from .statuses import broken as broken
    from .statuses import error_from_body as error_from_body
    from .statuses import error_from_status as error_from_status
    from .statuses import excerpt as excerpt
    from .statuses import innermost as innermost
    from .statuses import instead as instead
    from .statuses import named as named
    from .statuses import not_connected as not_connected
    from .statuses import provider_words as provider_words
    from .statuses import timed_out as timed_out
    from .statuses import unless_closed as unless_closed
else:
    __getattr__, __dir__ = moved(
        __name__,
        {
            "translation.statuses": (
                "broken error_from_body error_from_status excerpt innermost instead named not_connected "
                "provider_words timed_out unless_closed"
            )
        },
    )
