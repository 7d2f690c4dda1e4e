"""The clients, and how one is made.

Knows: how a request is prepared, driven and ended.  Must not know: any provider, wire formats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..moved import moved

if TYPE_CHECKING:
    from .async_client import AsyncClient as AsyncClient
    from .constructors import connect as connect
    from .constructors import connect_async as connect_async
    from .constructors import from_openai as from_openai
    from .constructors import from_vertexai as from_vertexai
    from .constructors import wrap as wrap
    from .constructors import wrap_async as wrap_async
    from .modes import Mode as Mode
    from .sync_client import Client as Client
else:
    __getattr__, __dir__ = moved(
        __name__,
        {
            "client.async_client": "AsyncClient",
            "client.constructors": "connect connect_async from_openai from_vertexai wrap wrap_async",
            "client.modes": "Mode",
            "client.sync_client": "Client",
        },
    )
