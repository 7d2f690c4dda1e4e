"""Which settings and headers hold secrets, and hiding these where they stand in an answer; `masking` does the rest.

Knows: what names and values of secrets look like.  Must not know: which settings exist, HTTP beyond names of headers.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .escapes import hidden, spelled_within, with_base64
from .held import Secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SECRET_NAME = re.compile(
    r"(^|[_-])(api[_-]?key|keys?|token|secrets?|password|passwd|credentials?|auth|authorization|cookie|bearer)($|[_-])"
)
# Of a signed address (`sig` of Azure, `X-Amz-Signature`); in bodies this names what belongs to a model's thoughts.
_SIGNATURE = re.compile("(^|[_-])sig(nature)?$", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"(sk-|pk-|rk-|AIza|ya29\.|gh[opusr]_|xox|eyJ|-----BEGIN|(bearer|basic)\s)", re.IGNORECASE)
_SCHEME = re.compile(r"(?i)^(bearer|basic)\s+")
_LONGEST = 80

HIDDEN = "(value not shown)"
TOO_LONG = "a number of more digits than Python writes"

# Headers of an answer that belong to a session, or that only a debugging proxy sends back.
_SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "set-cookie2"}
    | {"x-api-key", "api-key", "x-goog-api-key", "x-amz-security-token", "x-auth-token"}
)
_HINTS_OF_KEYS = (
    "sk-",
    "AIza",
    "ya29.",
    "eyJ",
    "earer ",
    "key",
    "Key",
    "token",
    "secret",
    "_pat_",
    "gsk_",
    "xai-",
    "xox",
)
# What SDKs and HTTP libraries send by themselves, and what names a request, an account or a version.
_ORDINARY = frozenset(
    {"accept", "accept-encoding", "accept-language", "connection", "content-encoding", "content-length"}
    | {"content-type", "host", "te", "transfer-encoding", "user-agent", "x-goog-api-client", "x-server-timeout"}
    | {"idempotency-key", "traceparent", "tracestate", "x-client-request-id", "x-correlation-id", "x-request-id"}
    | {"openai-beta", "openai-organization", "openai-project", "x-goog-request-params", "x-goog-user-project"}
    | {"alt", "api-version", "model", "anthropic-version", "anthropic-beta"}
    | {"amz-sdk-invocation-id", "amz-sdk-request", "x-amz-date"}
    | {"http-referer", "referer", "x-title", "x-portkey-provider", "helicone-target-provider"}  # of gateways
)
_SHORTEST_ADDED = 8
_SHORTEST = 6  # "none" and "test" are keys for local servers, and words


@lru_cache(1000)
def looks_secret(name: str) -> bool:
    """Whether a setting of this name holds, or names the place of, a secret."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return _SECRET_NAME.search(snake) is not None


def shown(value: Any, path: Iterable[str | int]) -> str:
    """`value` as it may stand in a message; `path` are the names that lead to it."""
    if any(isinstance(name, str) and looks_secret(name) for name in path):
        return HIDDEN
    if isinstance(value, str):
        if looks_like_secret(value):
            return HIDDEN
        from .masking import has_form_of_key, without_added  # loaded, as all that is for errors, when something fails

        if value.isidentifier() and has_form_of_key(value):
            return HIDDEN
        value = without_added(value)
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple | set | frozenset):
        return "a list"
    try:
        text = repr(value) if isinstance(value, str | int | float | None) else f"a value of type {type(value).__name__}"
    except ValueError:
        return TOO_LONG
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def looks_like_secret(value: str) -> bool:
    """Whether a value begins as keys and tokens do."""
    return _SECRET_VALUE.match(value.strip()) is not None


def without_secrets(text: str, values: Mapping[str, Any]) -> str:
    """`text`, in which the secrets among `values` are blotted out, should someone else have put them there."""
    for name, value in values.items():
        secret = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        if isinstance(secret, str) and secret and (looks_secret(name) or looks_like_secret(secret)):
            text = text.replace(secret, "***")
    return text


def known_secrets(values: Mapping[str, Any]) -> Secrets:
    """The secrets among these settings or headers, longest first, without the scheme before them (`Bearer`).

    Very short ones are left out: local servers are given words such as "none" for a key.
    """
    found: set[str] = set()
    for name, value in values.items():
        secret = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        named = looks_secret(name) or _SIGNATURE.search(name)
        if isinstance(secret, str) and (named or looks_like_secret(secret)):
            found.update(_parts(name, secret.strip()))
    return longest_first(secret for secret in found if len(secret) >= _SHORTEST)


def _parts(name: str, value: str) -> Iterator[str]:
    """The value without the scheme before it, the password in Basic's, each value of a cookie."""
    yield (bare := _SCHEME.sub("", value))
    if value[:6].lower() == "basic ":
        try:
            yield binascii.a2b_base64(bare).decode("utf-8", "replace").partition(":")[2]
        except binascii.Error:
            return
    if name.lower() == "cookie":
        values = (pair.partition("=")[2].strip() for pair in value.split(";"))
        yield from (one for one in values if len(one) >= _SHORTEST_ADDED)


def sent_secrets(sent: Mapping[str, Any]) -> Secrets:
    """The secrets among these headers, or parts of a query, of a request: also what has no name or form of a secret.

    That is every value of eight characters or more, but of those that SDKs send by themselves.
    """
    ordinary, added = set[str](), dict[str, str]()
    for name, value in sent.items():
        if (lower := name.lower()) in _ORDINARY or lower.startswith("x-stainless-"):
            ordinary.add(value)
        elif isinstance(value, str):
            added[name] = value.strip()
    parts = {part for name, value in added.items() for part in _parts(name, value)}
    found = {part for part in parts if len(part) >= _SHORTEST_ADDED}
    return longest_first(found - ordinary, known_secrets(added))


def longest_first(*secrets: Iterable[str]) -> Secrets:
    """These secrets in the order in which they are to be hidden: one may be part of another."""
    return Secrets(sorted({secret for some in secrets for secret in some}, key=len, reverse=True))


def blotted(value: Any, secrets: Iterable[str]) -> Any:
    """Decoded JSON of an error, in whose texts and keys `***` stands for the secrets."""
    return blotted_beside(value, with_base64(secrets), frozenset())


def without_echo_of(secrets: Iterable[str], body: Any, text: str | bytes, words: frozenset[str]) -> Any:
    """A good answer, decoded from `text`, in which `***` stands for the secrets that a server sent back.

    What is below a key among `words` is the model's and stays as it is: what it was told, it may say.
    """
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    found = spelled_within(raw, secrets)
    return blotted_beside(body, found, words) if found else body


def blotted_beside(value: Any, secrets: Iterable[str], words: frozenset[str]) -> Any:
    """`blotted`, but for what is below a key among `words`, the fields with what the model says.

    For good answers, which may echo what was sent: the model may say what it was told.
    """
    if isinstance(value, str):
        return hidden(value, secrets)
    if isinstance(value, dict):
        return {
            hidden(key, secrets): inner if key in words else blotted_beside(inner, secrets, words)
            for key, inner in value.items()
        }
    return [blotted_beside(inner, secrets, words) for inner in value] if isinstance(value, list) else value


def public_headers(headers: Iterable[tuple[str, str]], secrets: Iterable[str] = ()) -> dict[str, str]:
    """Headers of an answer with lower-case names, without cookies and without secrets."""
    kept = {name: value for key, value in headers if (name := key.lower()) not in _SECRET_HEADERS}
    together = "\n".join(kept.values())
    if any(map(together.__contains__, _HINTS_OF_KEYS)) or hidden(together, with_base64(secrets)) != together:
        from .masking import masked

        return {name: masked(value, secrets) for name, value in kept.items()}
    return kept
