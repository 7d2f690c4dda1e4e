"""The neutral conversation: chat-style messages checked, read into typed parts, put into other forms.

Knows: chat-style messages.  Must not know: requests, what a provider answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..moved import moved

if TYPE_CHECKING:
    from .chat import check_chat_message as check_chat_message
    from .chat import check_chat_messages as check_chat_messages
    from .chat import check_messages as check_messages
    from .chat import spelled_out as spelled_out
    from .parts import CallPart as CallPart
    from .parts import ImagePart as ImagePart
    from .parts import Message as Message
    from .parts import OtherPart as OtherPart
    from .parts import ParsedMessage as ParsedMessage
    from .parts import Part as Part
    from .parts import ResultPart as ResultPart
    from .parts import TextPart as TextPart
    from .parts import read_messages as read_messages
    from .rewriting import check_translatable as check_translatable
    from .rewriting import with_wire_names as with_wire_names
else:
    __getattr__, __dir__ = moved(
        __name__,
        {
            "messages.chat": "check_chat_message check_chat_messages check_messages spelled_out",
            "messages.parts": (
                "CallPart ImagePart Message OtherPart ParsedMessage Part ResultPart TextPart read_messages"
            ),
            "messages.rewriting": "check_translatable with_wire_names",
        },
    )
