"""Showing texts of others without showing a secret: what looks like one is masked.

Loaded when something is shown that is not ours: most requests show nothing.

Knows: what texts with secrets look like.  Must not know: settings, HTTP.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .escapes import hidden, usual, with_base64

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import NoReturn

_URL_LOGIN = re.compile(r"(?<=//)[^/@\s]+(?=@)")
_BEFORE_LOGIN = re.compile(r"(?i)\A\s*(?:https?:|[a-z][a-z0-9+.-]*:(?=[/\\]))?[/\\]*")
_URL_SECRET = re.compile(
    r"(?i)(?<=[?&])([^=&#\s]{0,40}(?:key|token|secret|password|signature)[^=&#\s]{0,40}=|sig=|code=)[^&#\s]*"
)
_URL_VALUE = re.compile(r"(?<=[?&])(?!api-version=)([^=&#\s]{1,80}=)[^&#\s]{8,}")
_LONGEST_SEARCHED = 100_000
_CUT = 8
"""Characters of a secret at the end of a text that was cut which are no word by chance."""

_END_OF_CUT = re.compile(r"""["']|\.\.\.|\u2026|\s*\Z""")
_DOTS = re.compile(r"\.\.\.|\u2026")

# All of these take linear time, whatever the text.
# Keys of OpenAI and those who write theirs alike, Google (also OAuth), GitHub, Hugging Face, Slack, AWS; of GitLab,
# npm, Replicate, Fireworks, Tavily, Jina, LangSmith, Pinecone, Databricks, SendGrid; JSON web tokens; what follows the
# name of a scheme; private keys.
_KEYS = re.compile(
    r"""(?<![A-Za-z0-9])(?:
        (?:sk|pk|rk|gsk|xai|pplx|nvapi|csk|tgp)[-_][A-Za-z0-9_*.-]{6,}
      | AIza[A-Za-z0-9_-]{6,} | AQ\.[A-Za-z0-9_-]{12,} | ya29\.[A-Za-z0-9_.-]{4,} | 1//[A-Za-z0-9_-]{20,}
      | gh[opusr]_[A-Za-z0-9]{10,} | github_pat_[A-Za-z0-9_]{10,} | hf_[A-Za-z0-9]{10,} | xox[a-z]-[A-Za-z0-9-]{6,}
      | glpat-[A-Za-z0-9_-]{16,} | (?:npm|r8|fw|jina)_[A-Za-z0-9]{20,} | tvly-[A-Za-z0-9-]{16,}
      | (?:lsv2|pcsk)_[A-Za-z0-9_]{20,} | dapi[0-9a-f]{32} | SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}
      | A(?:KIA|SIA)[A-Z0-9]{12,} | eyJ[A-Za-z0-9_=-]{6,}(?:\.[A-Za-z0-9_=-]+){0,4}
    ) | -----BEGIN[ A-Z]*PRIVATE[ ]KEY-----[^-]*(?:-----END[ A-Z]*-----)?""",
    re.VERBOSE,
)
_AFTER_SCHEME = re.compile(r"(?i)\b(bearer|basic)(\s+|%20)(?=[^\s'\"]{0,99}[0-9=_.-])[A-Za-z0-9._~+/=-]{6,}")
# Runs without signs, and the words and numbers that they are made of.
_RUN = re.compile(r"[A-Za-z0-9]{20,}")
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_OF_NAMES = 3
"""Letters that the parts of a name have on the average, at the least; those of a random run have two."""

# `api key provided: x`, `"token": "x"`, `password=x`, `x-api-key: x`.  What is short and has no digit is a word.
_AFTER_NAME = re.compile(
    r"""(?ix) ( (?:api|access|secret|private|subscription)[ _-]?key | (?<![a-z])key | (?<![a-z])token | secret
              | passw(?:or)?d | authorization )
        ( (?:\s(?:provided|given|used|is|was))? \\?["']? \s* [:=]>? \s* \\?["']? (?:(?:bearer|basic)\s+)? )
        (?: (?=[^\s"'&,;]{0,99}[0-9]) [A-Za-z0-9._~+/=*-]{6,} | [A-Za-z0-9._~+/=*-]{16,} )""",
)


def without_logins(text: str) -> str:
    """`text` without what addresses in it have of a login or a key."""
    return _URL_SECRET.sub(r"\1***", _URL_LOGIN.sub("***", text))


def without_added(address: str) -> str:
    """An address of the user's, without login and without what is sent in its query, but for short values.

    It may be none: where the scheme is missing or misspelt, what stands before the last `@` is a login all the same,
    and a password may hold any of the signs that end one.
    """
    bare = _BEFORE_LOGIN.sub("", address)
    login, at, rest = bare.rpartition("@")
    if at and (":" in login or not any(sign in login for sign in "/?#\\")):
        address = f"{address.removesuffix(bare)}***@{rest}"
    return _URL_VALUE.sub(r"\1***", without_logins(address))


def has_form_of_key(text: str) -> bool:
    """Whether a setting's value begins as keys do, or has a long run of letters and digits at random.

    Names that programmers choose have none: `MY_KEY_2`, `OpenAiApiKeyOfTheHouse2`.
    """
    return _KEYS.match(text.strip()) is not None or any(map(_at_random, _RUN.findall(text)))


def _at_random(run: str) -> bool:
    parts = _PART.findall(run)
    numbers = sum(map(str.isdigit, parts))
    return numbers > 3 or (len(parts) * _OF_NAMES > len(run) and (numbers > 1 or len(run) > 30))


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` of someone else without `secrets`, and without what looks like one; the rest stays readable."""
    text = without_logins(hidden(text, with_base64(secrets)))
    return _AFTER_NAME.sub(r"\1\2***", _AFTER_SCHEME.sub(r"\1\2***", _KEYS.sub("***", text)))


def masked_start(start: str, secrets: Iterable[str]) -> str:
    """`masked`, of the start of a text that was cut, in the middle of a secret perhaps."""
    known = with_base64(secrets)
    for spelling in (one for secret in known for one in usual(secret)):
        at = start.rfind(spelling[:_CUT])
        if len(spelling) >= _CUT and at >= 0 and spelling.startswith(start[at:]):
            start = f"{start[:at]}***"
    return masked(start, secrets)


def without_cut(text: str, secrets: Iterable[str]) -> str:
    """`text`, in which `***` stands for what is left of secrets that somebody cut.

    That is their start, before a quote, dots or the end of the text, and their end behind dots.
    """
    for spelling in (one for secret in with_base64(secrets) for one in usual(secret) if len(one) > _CUT):
        at = text.find(spelling[:_CUT])
        while at >= 0:
            end = at + _CUT
            while end < len(text) and end - at < len(spelling) and text[end] == spelling[end - at]:
                end += 1
            if _END_OF_CUT.match(text, end):
                text = f"{text[:at]}***{text[end:]}"
            at = text.find(spelling[:_CUT], at + 1)
        text = _without_end(text, spelling)
    return text


def _without_end(text: str, spelling: str) -> str:
    kept, at = list[str](), 0
    for dots in _DOTS.finditer(text):
        begin = text[dots.end() : dots.end() + _CUT]
        start = spelling.find(begin, 1) if len(begin) == _CUT else -1
        while start >= 0 and not text.startswith(spelling[start:], dots.end()):
            start = spelling.find(begin, start + 1)
        if start >= 0:
            kept += text[at : dots.end()], "***"
            at = dots.end() + len(spelling) - start
    return "".join([*kept, text[at:]])


def shows_secret(exc: BaseException, secrets: Iterable[str] = ()) -> bool:
    """Whether the text of the exception, or of one that led to it, shows a secret, or is too long to be searched."""
    return any(
        len(text) > _LONGEST_SEARCHED or without_cut(masked(text, secrets), secrets) != text for text in _texts(exc)
    )


def raise_from(error: BaseException, cause: BaseException | None) -> NoReturn:
    """Raises `error` from `cause`; if that is None, with nothing that led to it, for its text may show a secret.

    `from None` alone hides what is being handled from tracebacks, and keeps it as the context.
    """
    try:
        raise error from cause
    finally:
        if cause is None:
            error.__context__ = None


def _texts(exc: BaseException) -> Iterator[str]:
    seen: set[int] = set()
    left: list[BaseException | None] = [exc]
    while left:
        one = left.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield from (text_of(one), *map(text_of, one.args), *getattr(one, "__notes__", ()))
        left += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            left += one.exceptions


def text_of(value: Any, say: Callable[[Any], str] = str) -> str:
    """What the value says of itself, also where its own `__str__` or `__repr__` raises."""
    try:
        return say(value)
    except Exception as exc:  # noqa: BLE001 - a class of the user's
        return f"(its text cannot be had: {type(exc).__name__})"


def secret_spans(text: str, secrets: Iterable[str] = ()) -> list[tuple[int, int]]:
    """Where in `text` the parts stand that `masked` hides, from left to right; none overlaps another."""
    found = [
        match.span()
        for secret in with_base64(secrets)
        for spelling in usual(secret)
        for match in re.finditer(re.escape(spelling), text)
    ]
    for pattern in (_URL_SECRET, _URL_LOGIN, _KEYS, _AFTER_SCHEME, _AFTER_NAME):
        found += [
            (match.end(match.lastindex) if match.lastindex else match.start(), match.end())
            for match in pattern.finditer(text)
        ]
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(found):
        if merged and begin < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif begin < end:
            merged.append((begin, end))
    return merged
