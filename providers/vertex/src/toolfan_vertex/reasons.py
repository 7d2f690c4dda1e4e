"""Why an answer ended: Google's words and numbers for it.

Knows: finish reasons and reasons for blocking a prompt.  Must not know: the rest of an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolfan.calls import StopKind, StopReason

from .fields import field

# Numbers of Candidate.FinishReason in google.cloud.aiplatform.v1; later words have no published number.
_REASONS = (
    "FINISH_REASON_UNSPECIFIED",
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
    "MODEL_ARMOR",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "IMAGE_OTHER",
    "UNEXPECTED_TOOL_CALL",
    "NO_IMAGE",
)
# Numbers of PromptFeedback.BlockedReason, likewise.
_BLOCKS = (
    "BLOCKED_REASON_UNSPECIFIED",
    "SAFETY",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "MODEL_ARMOR",
    "JAILBREAK",
)
UNSPECIFIED = _BLOCKS[0]
# What is not here is "other": OTHER, LANGUAGE, IMAGE_OTHER, NO_IMAGE, TOO_MANY_TOOL_CALLS (of the server's own tools),
# MISSING_THOUGHT_SIGNATURE (of the request), and what comes tomorrow.
_KINDS: dict[str, StopKind] = {
    "FINISH_REASON_UNSPECIFIED": "none",
    "STOP": "end",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",  # "the response reached the per-request token limit"
    "SAFETY": "filtered",
    "RECITATION": "filtered",
    "BLOCKLIST": "filtered",
    "PROHIBITED_CONTENT": "filtered",
    "SPII": "filtered",
    "MODEL_ARMOR": "filtered",
    "IMAGE_SAFETY": "filtered",
    "IMAGE_PROHIBITED_CONTENT": "filtered",
    "IMAGE_RECITATION": "filtered",
    "MALFORMED_FUNCTION_CALL": "malformed",
    "MALFORMED_RESPONSE": "malformed",
    "UNEXPECTED_TOOL_CALL": "malformed",
}
# With calls beside them these say no more than that there are calls (recorded: UNEXPECTED_TOOL_CALL with good calls).
_WITH_CALLS = frozenset({"STOP", "UNEXPECTED_TOOL_CALL"})


def stop_reason(reason: Any, *, has_calls: bool) -> StopReason:
    """The finish reason, a word or a number, as a StopReason; one that is not known stays as it came ("other")."""
    if reason is None:
        return StopReason("none")
    word = _enum(reason, _REASONS)
    kind = "calls" if has_calls and word in _WITH_CALLS else _KINDS.get(word, "other")
    return StopReason(kind, word)


def block_reason(body: Mapping[str, Any]) -> str | None:
    """Why the prompt was blocked, as the service's word; None if nothing says that it was.

    Without candidates any feedback says so, for it comes where content violations left none.  Its reason is missing
    where an SDK reads the answer that does not know it.
    """
    feedback = field(body, "promptFeedback")
    if not isinstance(feedback, Mapping):
        return None
    reason = field(feedback, "blockReason")
    reason = UNSPECIFIED if reason is None else _enum(reason, _BLOCKS)
    return None if reason == UNSPECIFIED and body.get("candidates") else reason


def _enum(value: Any, words: tuple[str, ...]) -> str:
    known = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(words)
    return words[value] if known else str(value)
