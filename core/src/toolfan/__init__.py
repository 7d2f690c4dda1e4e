"""toolfan: typed, parallel tool calls from any language-model provider.

Every public name is here; what is heavy loads on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adapter import (
        ADAPTER_API,
        Answer,
        Capabilities,
        ToolChoice,
        ToolRequest,
        WireRequest,
        WireResponse,
    )
    from .async_client import AsyncClient
    from .bound_calls import BoundCall
    from .calls import (
        JSON,
        BadCall,
        Call,
        Outcome,
        RawCall,
        Result,
        Round,
        StopReason,
        TextDelta,
        Turn,
        Usage,
    )
    from .client import Client
    from .constructors import connect, connect_async, from_openai, from_vertexai, wrap, wrap_async
    from .errors import (
        AdapterBroken,
        AdapterConflict,
        AdapterNotFound,
        AdapterNotInstalled,
        AdapterTooNew,
        AuthenticationError,
        BadResponse,
        CallError,
        ConfigError,
        ConnectionFailed,
        ContentFiltered,
        DeadlineExceeded,
        IncompleteStream,
        InvalidArguments,
        InvalidCalls,
        MalformedArguments,
        PermissionDenied,
        ProviderError,
        QuotaExhausted,
        RateLimited,
        Refused,
        RequestRejected,
        ToolDefinitionError,
        ToolfanError,
        TooManyCalls,
        TruncatedCall,
        Unavailable,
        UnknownTool,
        Unsupported,
        UsageError,
    )
    from .execution import execute, execute_async
    from .listing import AdapterInfo, installed_adapters
    from .marking import hookimpl
    from .messages import Message
    from .modes import Mode
    from .protocols import AsyncTransport, ParallelToolsAdapter, StreamParser, Transport
    from .registry import load_adapter
    from .results import Calls
    from .running import Run, RunRound
    from .streams import AsyncCallStream, CallStream
    from .tools import Tool, tool
    from .toolset import ToolSet
    from .watching import observe, unobserve

# Where each public name is at home; it is imported from there when it is first asked for.  A test holds this, `__all__`
# and the imports above to each other.
_HOMES = {
    "adapter": "ADAPTER_API Answer Capabilities ToolChoice ToolRequest WireRequest WireResponse",
    "bound_calls": "BoundCall",
    "calls": "JSON BadCall Call Outcome RawCall Result Round StopReason TextDelta Turn Usage",
    "async_client": "AsyncClient",
    "client": "Client",
    "constructors": "connect connect_async from_openai from_vertexai wrap wrap_async",
    "errors": (
        "AdapterBroken AdapterConflict AdapterNotFound AdapterNotInstalled AdapterTooNew AuthenticationError "
        "BadResponse CallError ConfigError ConnectionFailed ContentFiltered DeadlineExceeded IncompleteStream "
        "InvalidArguments InvalidCalls MalformedArguments PermissionDenied ProviderError QuotaExhausted RateLimited "
        "Refused RequestRejected ToolDefinitionError ToolfanError TooManyCalls TruncatedCall Unavailable UnknownTool "
        "Unsupported UsageError"
    ),
    "execution": "execute execute_async",
    "listing": "AdapterInfo installed_adapters",
    "marking": "hookimpl",
    "messages": "Message",
    "modes": "Mode",
    "protocols": "AsyncTransport ParallelToolsAdapter StreamParser Transport",
    "registry": "load_adapter",
    "results": "Calls",
    "running": "Run RunRound",
    "streams": "AsyncCallStream CallStream",
    "tools": "Tool tool",
    "toolset": "ToolSet",
    "watching": "observe unobserve",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

__version__ = "0.1.0"
__all__ = [
    "ADAPTER_API",
    "JSON",
    "AdapterBroken",
    "AdapterConflict",
    "AdapterInfo",
    "AdapterNotFound",
    "AdapterNotInstalled",
    "AdapterTooNew",
    "Answer",
    "AsyncCallStream",
    "AsyncClient",
    "AsyncTransport",
    "AuthenticationError",
    "BadCall",
    "BadResponse",
    "BoundCall",
    "Call",
    "CallError",
    "CallStream",
    "Calls",
    "Capabilities",
    "Client",
    "ConfigError",
    "ConnectionFailed",
    "ContentFiltered",
    "DeadlineExceeded",
    "IncompleteStream",
    "InvalidArguments",
    "InvalidCalls",
    "MalformedArguments",
    "Message",
    "Mode",
    "Outcome",
    "ParallelToolsAdapter",
    "PermissionDenied",
    "ProviderError",
    "QuotaExhausted",
    "RateLimited",
    "RawCall",
    "Refused",
    "RequestRejected",
    "Result",
    "Round",
    "Run",
    "RunRound",
    "StopReason",
    "StreamParser",
    "TextDelta",
    "TooManyCalls",
    "Tool",
    "ToolChoice",
    "ToolDefinitionError",
    "ToolRequest",
    "ToolSet",
    "ToolfanError",
    "Transport",
    "TruncatedCall",
    "Turn",
    "Unavailable",
    "UnknownTool",
    "Unsupported",
    "Usage",
    "UsageError",
    "WireRequest",
    "WireResponse",
    "__version__",
    "connect",
    "connect_async",
    "execute",
    "execute_async",
    "from_openai",
    "from_vertexai",
    "hookimpl",
    "installed_adapters",
    "load_adapter",
    "observe",
    "tool",
    "unobserve",
    "wrap",
    "wrap_async",
]


if not TYPE_CHECKING:  # a checker that saw it would take any misspelt name for one of ours

    def __getattr__(name: str) -> Any:
        module = _HOME_OF.get(name)
        if module is None:
            hint = ". wrap() and wrap_async() take the clients of all providers" if name.startswith("from_") else ""
            raise AttributeError(f"module 'toolfan' has no attribute {name!r}{hint}")
        from importlib import import_module

        value = getattr(import_module(f"toolfan.{module}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
