"""No error of a codec or a transport shows a key, whoever wrote them: what it says is searched for what is known here.

Loaded when something fails.

Knows: errors, where transports and clients have their secrets.  Must not know: any provider, HTTP, settings.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from ..effects import NotSent
from .escapes import hidden, with_base64
from .held import Secrets
from .masking import shows_secret, without_cut
from .redaction import known_secrets, longest_first

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..errors import ToolfanError

_WORDS = ("message", "hint", "code", "request_id")
# Of an object that nobody here knows: `auth_mode` and `key_name` hold none.
_HELD = re.compile(r"(?i)(^|[_a-z])(key|token|secret|password|passwd|credential|bearer|authorization)s?$")


def hide(exc: ToolfanError | NotSent, *secrets: Iterable[Any]) -> None:
    """Takes these secrets out of all that the error says, and what led to it off, if that shows one."""
    known = longest_first(*map(_usable, secrets))
    if not known:
        return
    if isinstance(exc, NotSent):
        hide(exc.error, known)
    else:
        for name in _WORDS:
            if isinstance(said := getattr(exc, name, None), str):
                setattr(exc, name, without(said, known))
    exc.args = tuple(without(one, known) if isinstance(one, str) else one for one in exc.args)
    if notes := getattr(exc, "__notes__", None):
        exc.__notes__ = [without(str(note), known) for note in notes]
    if any(led is not None and shows_secret(led, known) for led in (exc.__cause__, exc.__context__)):
        exc.__cause__ = exc.__context__ = None


def without(text: str, secrets: Secrets) -> str:
    """The text without these secrets, whole or cut, however they are spelled."""
    return without_cut(hidden(text, with_base64(secrets)), secrets)


def _usable(told: Iterable[Any]) -> Iterable[str]:
    """The secrets among what was told; a very short one may be a word (`none`), and stand anywhere."""
    for one in [told] if isinstance(told, str) else told:
        yield from known_secrets({"key": one})


def secrets_known(transport: Any, client: object, sent: Mapping[str, Any], named: Iterable[str]) -> Secrets:
    """What must not be shown: `named` by settings, `sent` as headers or query under such a name, and what was told.

    That is `secrets` of the transport; where it has none, what the client holds under the name of a key.
    """
    told = Secrets()
    with contextlib.suppress(Exception):  # a property of a stranger's
        found = getattr(transport, "secrets", None) or ()
        told = Secrets([found] if isinstance(found, str) else found)
    if not told:
        held = getattr(client, "__dict__", {})
        told = known_secrets({name: value for name, value in list(held.items()) if _HELD.search(name)})
    return longest_first(_usable(told), known_secrets(sent), named)
