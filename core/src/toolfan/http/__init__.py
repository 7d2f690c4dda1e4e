"""What transports over HTTP share: sending, reading, and telling what failed.

Knows: answers of the kind that httpx gives.  Must not know: what is in a body, retries, policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..moved import moved

if TYPE_CHECKING:
    from .event_streams import AsyncEventStream as AsyncEventStream
    from .event_streams import EventStream as EventStream
    from .event_streams import events as events
    from .event_streams import events_async as events_async
    from .post_sender import PostSender as PostSender
    from .sender import HttpSender as HttpSender
    from .sender import Pairs as Pairs
    from .transport import AsyncHttpTransport as AsyncHttpTransport
    from .transport import HttpTransport as HttpTransport
else:
    __getattr__, __dir__ = moved(
        __name__,
        {
            "http.event_streams": "AsyncEventStream EventStream events events_async",
            "http.post_sender": "PostSender",
            "http.sender": "HttpSender Pairs",
            "http.transport": "AsyncHttpTransport HttpTransport",
        },
    )
