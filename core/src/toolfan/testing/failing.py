"""What an adapter's transports make of a service that fails.

Knows: the ways to ask, errors of the provider's kind.  Must not know: laws, HTTP.
"""

from __future__ import annotations

import traceback
from numbers import Number
from typing import TYPE_CHECKING, Any

from toolfan.adapter import RawCall, ToolRequest, Turn
from toolfan.calls import StopReason, Usage
from toolfan.errors import ProviderError, ToolfanError
from toolfan.results.calls_type import Calls
from toolfan.secrets.known import hide
from toolfan.tools.toolset import ToolSet

from .listening import ELSEWHERE, REASON, Reply, Service, failures
from .specimens import SPECIMENS
from .trees import nodes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolfan.adapter import ParallelToolsAdapter, WireRequest

    from .ways import Way

# What an error may carry; all else is an object of the SDK's, behind which a request, headers and the key may be.
_PLAIN = (str, Number, type(None), dict, list, tuple, RawCall, StopReason, Turn, Usage, Calls)


def failed(adapter: ParallelToolsAdapter, model: str, way: Way, service: Service) -> list[Any]:
    """What came of each failure of the service, when asked in this way."""
    asked = request(adapter, model, stream=way.streams)
    return [_came(service, failure, way, asked) for failure in failures(service.key)]


def request(adapter: ParallelToolsAdapter, model: str, **fields: Any) -> WireRequest:
    """What the adapter makes of a plain request."""
    given: dict[str, Any] = {"messages": ({"role": "user", "content": "x"},), **fields}
    return adapter.build_request(ToolRequest(model, tools=ToolSet([SPECIMENS["Weather"]]), **given))


def _came(service: Service, failure: Reply, way: Way, asked: WireRequest) -> Mapping[str, Any]:
    service.reply = failure
    service.heard.clear()
    said: dict[str, Any] = {
        "where": f"{way.name}, {failure.name}",
        "error": "",
        "kinds": [],
        "waits": False,
        "again": False,
        "told": None,
        "says": False,
        "known": False,
        "shown": "",
        "carries": [],
        "text": "",
    }
    try:
        way.ask(asked)
    except Exception as exc:  # noqa: BLE001 - it is what is told
        if isinstance(exc, ToolfanError):
            hide(exc, way.secrets())  # as toolfan does before anybody sees it
        text = "".join(traceback.format_exception(exc))
        shown = [
            what for what, said in (("its text", str(exc)), ("what it was raised from", text)) if service.key in said
        ]
        shown += ["its attributes"] if service.key in repr(vars(exc)) else []
        said |= {"error": type(exc).__name__, "known": isinstance(exc, ProviderError), "text": str(exc)}
        said |= {"kinds": [kind.__name__ for kind in type(exc).__mro__]}
        said |= {"waits": getattr(exc, "retry_after", None) is not None}
        said |= {"again": getattr(exc, "retryable", False), "told": getattr(exc, "status", None)}
        said["says"] = REASON in str(exc)
        said |= {"shown": (shown or [""])[0], "carries": _carried(exc)}
    said |= {"status": failure.status, "requests": service.requests()}
    said["followed"] = any(one.path.startswith(ELSEWHERE) for one in service.heard)
    return said


def _carried(exc: Exception) -> list[str]:
    """The attributes of an error in which something is no plain data, each with the class of that."""
    found: list[str] = []
    for name, value in vars(exc).items():
        if strange := [node for _, node in nodes(value) if not isinstance(node, _PLAIN)]:
            kind = type(strange[0])
            found.append(f".{name} {'is' if strange[0] is value else 'holds'} a {kind.__module__}.{kind.__qualname__}")
    return found
