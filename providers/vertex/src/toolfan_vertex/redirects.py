"""No redirect of what toolfan sends through a google.genai.Client: it would take the key to another host.

The SDK's clients follow redirects, and no option of one request forbids it.  A hook of the HTTP client does, for
toolfan's requests alone: what else the program sends through its client goes where it went.

Knows: hooks of httpx and httpx2.  Must not know: bodies, errors of toolfan; aiohttp, which has no such hook.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator

_asking: ContextVar[bool] = ContextVar("toolfan_asking", default=False)


class Redirected(Exception):
    """A redirect, which was not followed; `code` and `response` as errors of HTTP libraries have them."""

    message = ""

    def __init__(self, response: Any) -> None:
        super().__init__(f"a redirect ({response.status_code})")
        self.code: int = response.status_code
        self.response = response


@contextmanager
def none_followed() -> Generator[None]:
    """What is sent meanwhile, by this thread or task, raises Redirected where it would be sent on."""
    token = _asking.set(True)
    try:
        yield
    finally:
        _asking.reset(token)


def watch(client: Any) -> None:
    """Give the HTTP clients inside a google.genai.Client the hook; they may have it already."""
    inner = getattr(client, "_api_client", None)
    for name, hook in (("_httpx_client", _refuse), ("_async_httpx_client", _refuse_async)):
        hooks = getattr(getattr(inner, name, None), "event_hooks", None)
        if isinstance(hooks, dict) and hook not in hooks.setdefault("response", []):
            hooks["response"].append(hook)


def _refuse(response: Any) -> None:
    if _asking.get() and response.has_redirect_location:
        raise Redirected(response)


async def _refuse_async(response: Any) -> None:
    _refuse(response)
