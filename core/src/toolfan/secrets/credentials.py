"""What an HTTP client authenticates with beside the headers of its requests: `auth=`, cookies, proxies, addresses.

By the attributes of httpx and httpx2, none of which need be there; the environment's proxies hold for every library.

Knows: clients of httpx's kind, the variables of proxies.  Must not know: SDKs, requests, answers.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from .held import Secrets
from .redaction import known_secrets, longest_first

if TYPE_CHECKING:
    from collections.abc import Iterator

PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
"""The variables in which the environment names proxies."""
_HALF_A_SCHEME = re.compile(r"(?i)\A[a-z][a-z0-9+.-]*:/")


def logins_of(http: Any) -> Secrets:
    """Passwords, and how Basic spells them, of a client of httpx's kind, and of the environment's proxies."""
    found = [known_secrets({"authorization": header}) for header in _headers(http)]
    found += [known_secrets({"password": password}) for password in _passwords(http)]
    return longest_first(proxy_logins(), *found)


def proxy_logins() -> Secrets:
    """The passwords of the proxies that the environment names, and how Basic spells them."""
    urls = (os.environ.get(name, "") for name in PROXIES)
    return longest_first(*map(login_of, urls))


def environment_secrets() -> Secrets:
    """What variables of the environment hold under the name of a secret, and the passwords of its proxies.

    The path of a file with credentials is none: what is wrong with the file is told by it.
    """
    held = {name: value for name, value in os.environ.items() if not value.endswith(".json")}
    return longest_first(proxy_logins(), known_secrets(held))


def query_of(url: str) -> dict[str, str]:
    """The query of an address, which SDKs send with every request, some of them in the wrong place.

    Some write a slash behind a base URL, whatever its end is.
    """
    return dict(parse_qsl(url.partition("?")[2].partition("#")[0].rstrip("/"))) if "?" in url else {}


def login_of(url: str) -> Secrets:
    """The password in an address, or a user without one, which is a token then; and how Basic spells it."""
    if "@" not in url:
        return Secrets()
    try:
        parts = urlsplit(url if "//" in url else f"//{_HALF_A_SCHEME.sub('', url)}")
    except ValueError:
        return Secrets()
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    login = {"authorization": _basic(user, password), "password": password or user}
    return known_secrets(login) if password or user else Secrets()


def _basic(user: str, password: str) -> str:
    from base64 import b64encode

    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def _pools(http: Any) -> Iterator[Any]:
    mounted = getattr(http, "_mounts", None)
    for transport in (getattr(http, "_transport", None), *(mounted.values() if isinstance(mounted, dict) else ())):
        if (pool := getattr(transport, "_pool", None)) is not None:
            yield pool


def _headers(http: Any) -> Iterator[str]:
    own = getattr(getattr(http, "_auth", None), "_auth_header", None)
    if isinstance(own, str):
        yield own
    for pool in _pools(http):
        for name, value in getattr(pool, "_proxy_headers", None) or ():
            if isinstance(value, bytes) and name.lower() == b"proxy-authorization":
                yield value.decode("latin-1")


def _passwords(http: Any) -> Iterator[str]:
    own = getattr(getattr(http, "_auth", None), "_password", None)  # of Digest
    logins = [getattr(pool, "_proxy_auth", None) for pool in _pools(http)]  # of SOCKS
    for one in (own, *(login[1] for login in logins if isinstance(login, tuple) and len(login) > 1)):
        if isinstance(one, bytes | str):
            yield one.decode("utf-8", "replace") if isinstance(one, bytes) else one
    yield from (str(cookie.value) for cookie in getattr(getattr(http, "cookies", None), "jar", ()))
