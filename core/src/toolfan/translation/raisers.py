"""Whose code raised an exception, before a request was sent or after: as far as the frames that it passed tell.

Knows: exceptions, their frames.  Must not know: SDK classes, answers, errors of toolfan's.
"""

from __future__ import annotations

import re
import sys

from ..signals import chain, frames

# Functions of HTTP libraries that hand a request on to what sends it.
_SENDING = (
    ("httpx", "_send_single_request"),
    ("requests.adapters", "send"),
    ("aiohttp.client", "_request"),
    ("botocore.endpoint", "_get_response"),
)
# Whose own code runs requests, beside that of the SDK; and those of its functions that run the user's hooks.
_LIBRARIES = frozenset({"httpx", "httpx2", "requests", "aiohttp", "botocore", "google", "vertexai", "openai"})
_RUNNING_HOOKS = ("_send_handling_auth", "_send_handling_redirects")
_BEFORE = re.compile(r"auth|token|key|credential|header|prepare|build|before_request|refresh")
"""What a function of theirs is called that makes a request; one that says `send` as well sends it, too."""
_ANYBODY_S = sys.stdlib_module_names | {"anyio", "idna", "pydantic", "pydantic_core"}


def may_be_sent(exc: BaseException, sdk: str) -> bool:
    """Whether the request may have been sent when `exc` was raised; `sdk` is the name of the SDK's package."""
    return any(_is_past_sending(one, sdk) for one in chain(exc))


def _is_past_sending(exc: BaseException, sdk: str) -> bool:
    """False if the SDK raised it, or code that it runs in a step before sending.

    Of code around the SDK's methods (a subclass, what a tracer puts there) nobody knows whether they had returned.
    """
    passed = [(str(frame.f_globals.get("__name__")), frame.f_code.co_name) for frame in frames(exc)]
    if any(name == own and module.startswith(start) for module, name in passed for start, own in _SENDING):
        return True
    known, hooks = True, False
    for module, name in passed:
        package = module.partition(".")[0]
        if package == sdk or package in _LIBRARIES:
            if _BEFORE.search(name) and "send" not in name:
                return False
            known, hooks = True, name in _RUNNING_HOOKS
        elif package.startswith("toolfan"):
            known, hooks = True, False
        elif package not in _ANYBODY_S:
            if hooks:
                return False
            known = False
    return not known
