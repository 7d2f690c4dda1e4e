"""One request from beginning to end, as a generator of effects: ask, judge, ask again, merge.

Knows: adapters as codecs, outcomes, the policy.  Must not know: transports, threads, event loops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..moved import moved

if TYPE_CHECKING:
    from .generator import converse as converse
else:
    __getattr__, __dir__ = moved(__name__, {"conversation.generator": "converse"})
