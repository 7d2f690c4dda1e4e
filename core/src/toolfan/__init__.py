"""toolfan: typed, parallel tool calls from any language-model provider.

Every public name is here; what is heavy loads on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .moved import offered, visible

if TYPE_CHECKING:
    from .adapter import ADAPTER_API, Answer, Capabilities, ToolChoice, ToolRequest, WireRequest, WireResponse
    from .calls import JSON, BadCall, Call, Outcome, RawCall, Result, Round, StopReason, TextDelta, Turn, Usage
    from .client.async_client import AsyncClient
    from .client.async_streams import AsyncCallStream
    from .client.constructors import connect, connect_async, from_openai, from_vertexai, wrap, wrap_async
    from .client.modes import Mode
    from .client.streams import CallStream
    from .client.sync_client import Client
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
    from .execution.executing import execute, execute_async
    from .execution.running import Run, RunRound
    from .hookspecs.marking import hookimpl
    from .hookspecs.watching import observe, unobserve
    from .messages.parts import Message
    from .protocols import AsyncTransport, ParallelToolsAdapter, StreamParser, Transport
    from .registry.listing import AdapterInfo, installed_adapters
    from .registry.loading import load_adapter
    from .results.calls_type import Calls
    from .tools.bound_calls import BoundCall
    from .tools.tool_type import Tool, tool
    from .tools.toolset import ToolSet

# Where each public name is at home; it is imported from there when it is first asked for.  A test holds this, `__all__`
# and the imports above to each other.
_HOMES = {
    "adapter": "ADAPTER_API Answer Capabilities ToolChoice ToolRequest WireRequest WireResponse",
    "tools.bound_calls": "BoundCall",
    "calls": "JSON BadCall Call Outcome RawCall Result Round StopReason TextDelta Turn Usage",
    "client.async_client": "AsyncClient",
    "client.sync_client": "Client",
    "client.constructors": "connect connect_async from_openai from_vertexai wrap wrap_async",
    "errors": (
        "AdapterBroken AdapterConflict AdapterNotFound AdapterNotInstalled AdapterTooNew AuthenticationError "
        "BadResponse CallError ConfigError ConnectionFailed ContentFiltered DeadlineExceeded IncompleteStream "
        "InvalidArguments InvalidCalls MalformedArguments PermissionDenied ProviderError QuotaExhausted RateLimited "
        "Refused RequestRejected ToolDefinitionError ToolfanError TooManyCalls TruncatedCall Unavailable UnknownTool "
        "Unsupported UsageError"
    ),
    "execution.executing": "execute execute_async",
    "registry.listing": "AdapterInfo installed_adapters",
    "hookspecs.marking": "hookimpl",
    "messages.parts": "Message",
    "client.modes": "Mode",
    "protocols": "AsyncTransport ParallelToolsAdapter StreamParser Transport",
    "registry.loading": "load_adapter",
    "results.calls_type": "Calls",
    "execution.running": "Run RunRound",
    "client.async_streams": "AsyncCallStream",
    "client.streams": "CallStream",
    "tools.tool_type": "Tool tool",
    "tools.toolset": "ToolSet",
    "hookspecs.watching": "observe unobserve",
}

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
        module = next((home for home, names in _HOMES.items() if name in names.split()), None)
        if module is None:
            from .other_names import not_of_module

            raise AttributeError(not_of_module(name))
        from importlib import import_module

        value = getattr(import_module(f"toolfan.{module}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return visible(globals(), offered(_HOMES))
