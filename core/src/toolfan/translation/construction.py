"""Why an SDK cannot make its client: often a proxy or certificates that the environment names, which every SDK reads.

Loaded when one failed, or a connection.

Knows: the variables that HTTP libraries read.  Must not know: SDKs, adapters, settings.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING, NoReturn

from ..errors import ConfigError
from ..secrets.credentials import PROXIES, proxy_logins
from ..secrets.masking import masked, raise_from, shows_secret, text_of
from ..secrets.redaction import longest_first
from ..signals import raise_what_a_signal_did

if TYPE_CHECKING:
    from collections.abc import Iterable

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE")


def raise_unmade(
    exc: Exception, *, adapter: str, sdk: str = "the SDK", hint: str | None = None, secrets: Iterable[str] = ()
) -> NoReturn:
    """Raises the ConfigError of a client that could not be made, from `exc` unless its text shows a secret.

    `hint` counts where no variable of the environment explains it; without one it is who raised it.  `secrets` are
    known beside the passwords of proxies.  What the handler of a signal raised comes out as it is.
    """
    raise_what_a_signal_did(exc)
    secrets = longest_first(proxy_logins(), secrets)
    message = f"{sdk} cannot make a client: {type(exc).__name__}: {masked(text_of(exc), secrets)}"
    error = ConfigError(message, adapter=adapter, hint=_of_the_environment(exc) or hint or raised_in(exc))
    raise_from(error, None if shows_secret(exc, secrets) else exc)


def raised_in(exc: BaseException) -> str:
    """The hint of an exception that nobody foresaw."""
    return f"It was raised in {origin_of(exc)}: see its documentation, or report it to its authors."


def origin_of(exc: BaseException) -> str:
    """The package that raised it, or that called the standard library, which did."""
    modules = [str(frame.f_globals.get("__name__", "")) for frame, _ in traceback.walk_tb(exc.__traceback__)]
    packages = [module.partition(".")[0] for module in reversed(modules)]
    return next((one for one in packages if one not in sys.stdlib_module_names), "Python")


def asked_proxies() -> str:
    """For the hint of a connection that failed: the proxies that were asked for it, perhaps without need."""
    proxies = _among(PROXIES)
    return f", and the proxy of the environment ({proxies}; NO_PROXY names hosts to ask without it)" if proxies else ""


def _of_the_environment(exc: Exception) -> str | None:
    text, proxies = text_of(exc).lower(), _among((*PROXIES, "NO_PROXY", "no_proxy"))
    if isinstance(exc, ImportError) and "socks" in text and proxies:
        return f"The environment names a SOCKS proxy: run `pip install socksio`, or unset it ({proxies})."
    if proxies and ("proxy" in text or type(exc).__name__ == "InvalidURL"):  # of httpx or httpx2
        return f"Check the proxies that the environment names, and the address: {proxies}."
    if _may_be_of_certificates(exc) and (certificates := _among(_CERTIFICATES)):
        return f"Check the certificates that the environment names: {certificates}."
    return None


def _may_be_of_certificates(exc: Exception) -> bool:
    """Whether a file could not be read that may be one of certificates: ssl does not name it, others name theirs."""
    if not isinstance(exc, OSError) or isinstance(exc, ConnectionError | TimeoutError):
        return False
    return exc.filename is None or exc.filename in map(os.environ.get, _CERTIFICATES)


def _among(names: Iterable[str]) -> str:
    """Those of the variables that are set."""
    return ", ".join(filter(os.environ.get, names))
