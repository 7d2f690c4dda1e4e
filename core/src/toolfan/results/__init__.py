"""What a request gives: `Calls`, its JSON text, the messages that answer its calls.

Knows: outcomes and turns.  Must not know: how they were asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..moved import moved

if TYPE_CHECKING:
    from .answering import answer_text as answer_text
    from .answering import check_answers as check_answers
    from .answering import with_ids as with_ids
    from .calls_type import Calls as Calls
else:
    __getattr__, __dir__ = moved(
        __name__, {"results.answering": "answer_text check_answers with_ids", "results.calls_type": "Calls"}
    )
