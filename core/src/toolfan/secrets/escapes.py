"""A secret in the spellings in which others write it: as JSON, addresses, HTML, Python's `repr` and base64 have it.

Knows: escapes, base64.  Must not know: what is secret, what a text is for.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from .held import Secrets

if TYPE_CHECKING:
    from collections.abc import Iterable

_ESCAPE = re.compile(
    r"\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[^A-Za-z0-9\s])|%[2-7][0-9a-fA-F]|"
    r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos);?"
)
_MARKS = re.compile(r"[\\%&]")
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*")  # nothing escapes these, unless it escapes all
_ESCAPED_IN_JSON = re.compile(rb"\\u00[2-7]")
_NONE = Secrets()
_ROUNDS = 4
"""How often one escape may be within another."""
_SHORTEST = 4
"""Characters that are looked for: of a secret of backslashes alone, fewer would be left."""


def spelled_within(raw: bytes, secrets: Iterable[str]) -> Secrets:
    """Those of the secrets that stand in JSON, however they are escaped there.  Costs a search for each."""
    found, plain = list[str](), None
    all_escaped = b"\\u00" in raw and _ESCAPED_IN_JSON.search(raw)
    for secret in secrets:
        texts, core = _spellings(secret)
        if core in raw:
            stands = len(texts) == 1 or any(text.encode() in raw for text in texts)
        elif all_escaped:
            stands = False
        else:
            continue
        if not stands:  # escaped in several ways, or wholly
            plain = _plain(raw.decode("utf-8", "replace")) if plain is None else plain
            stands = _plain(secret) in plain
        if stands:
            found.append(secret)
    return Secrets(found) if found else _NONE


def usual(secret: str) -> tuple[str, ...]:
    """The secret in its usual spellings, longest first."""
    return _spellings(secret)[0]


def hidden(text: str, secrets: Iterable[str]) -> str:
    """The text with `***` for the secrets, however they are spelled."""
    some = secrets if isinstance(secrets, Secrets) else Secrets(secrets)
    for secret in some:
        for spelling in _spellings(secret)[0]:
            text = text.replace(spelling, "***")
    if not some or not _MARKS.search(text):
        return text
    plain = _plain(text)
    for secret in map(_plain, some):
        if len(secret) >= _SHORTEST and secret in plain:
            text = _without(text, secret)
            plain = _plain(text)
    return text


def with_base64(secrets: Iterable[str]) -> Secrets:
    """The secrets, and what base64 makes of each: for texts that are errors, as it costs six searches more for each.

    Not of a short one: what base64 makes of that may stand in any word.
    """
    some = secrets if isinstance(secrets, Secrets) else Secrets(secrets)
    found = list(some)
    for secret in some:
        if len(secret) > _SHORTEST:
            found += _in_base64(secret)
    return Secrets(found)


@lru_cache(256)
def _in_base64(secret: str) -> tuple[str, ...]:
    """What base64 has of the secret, whatever stands before and behind it in what was encoded; in both alphabets."""
    import binascii

    raw, found = secret.encode("utf-8", "surrogatepass"), set[str]()
    for before in range(3):
        encoded = binascii.b2a_base64(bytes(before) + raw, newline=False).decode()
        own = encoded[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]  # a character has six bits
        found |= {own, own.replace("+", "-").replace("/", "_")}
    return tuple(sorted(found))


@lru_cache(256)
def _spellings(secret: str) -> tuple[tuple[str, ...], bytes]:
    """The usual spellings, longest first, of most keys but one; and the longest part that all of them have."""
    parts: list[str] = _PLAIN.findall(secret)
    core = sorted(parts, key=len)[-1].encode()
    if _PLAIN.fullmatch(secret):
        return (secret,), core
    import html

    in_json = json.dumps(secret)[1:-1]
    escaped = {in_json, in_json.replace("/", "\\/"), repr(secret)[1:-1]}
    quoted = {quote(secret, safe="", errors="replace"), quote(secret, errors="replace")}
    quoted.add(quote_plus(secret, errors="replace"))
    quoted |= {re.sub("%..", lambda found: found[0].lower(), one) for one in quoted}
    found = {secret, html.escape(secret), html.escape(secret, quote=False), *escaped, *quoted}
    return tuple(sorted(found, key=len, reverse=True)), core


def _plain(text: str) -> str:
    for _ in range(_ROUNDS):
        text, replaced = _ESCAPE.subn(_character, text)
        if not replaced:
            break
    return text


def _without(text: str, secret: str) -> str:
    """The text with `***` for what is, without its escapes, the secret."""
    plain, places = text, list(range(len(text) + 1))
    for _ in range(_ROUNDS):
        pieces, kept, at = list[str](), list[int](), 0
        for found in _ESCAPE.finditer(plain):
            pieces += plain[at : found.start()], (character := _character(found))
            kept += places[at : found.start()] + [places[found.start()]] * len(character)
            at = found.end()
        plain, places = "".join([*pieces, plain[at:]]), kept + places[at:]
        if not pieces:
            break
    left, end = list[str](), 0
    for found in re.finditer(re.escape(secret), plain):
        left += text[end : places[found.start()]], "***"
        end = places[found.end()]
    return "".join([*left, text[end:]])


def _character(found: re.Match[str]) -> str:
    escape = found[0]
    if escape[0] == "&":
        import html

        return html.unescape(escape if escape[-1] == ";" else f"{escape};")
    if escape[0] == "%":
        return chr(int(escape[1:], 16))
    return chr(int(escape[2:], 16)) if len(escape) > 2 else escape[1]
