"""The user's text cut into tokens: words, numbers with their units, dates, times, quoted spans, addresses, signs.

Knows how values are written in English; not what they are for. Linear in the text: one regular expression, no nesting.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from toolfan_local.lexicon import MAGNITUDES, MONTHS, NUMBER_WORDS

MAX_TEXT = 20_000  # characters read by the planner

_MONTH = r"(?:" + "|".join(sorted(MONTHS, key=len, reverse=True)) + r")\.?"
_DATE = (
    r"\b\d{4}-\d{1,2}-\d{1,2}\b|\b\d{1,2}/\d{1,2}/\d{4}\b"
    rf"|\b{_MONTH}[ ]\d{{1,2}}(?:st|nd|rd|th)?(?:,?[ ]\d{{4}})?\b"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th)?[ ](?:of[ ])?{_MONTH}(?:,?[ ]\d{{4}})?\b"
)
_TERM = (
    r"(?:(?<![\w])(?:\d+(?:\.\d+)?\*?)?[a-z](?:\^|\*\*)\d+|(?<![\w])\d+(?:\.\d+)?\*?[xyzt]\b"
    r"|\b(?:sin|cos|tan|exp|log|ln|sqrt)\([^()\s]{1,40}\))"
)
_PATTERN = re.compile(
    r"""
    (?P<address>\b(?:https?://|www\.|git@)[^\s'"<>]{1,500}[^\s'"<>.,;:!?)]|\b[\w.+-]{1,64}@[\w-]{1,64}\.[\w.-]{1,64}\w)
  | (?P<quoted>(?<![\w])(?:"[^"\n]{1,500}"|“[^”\n]{1,500}”|‘[^’\n]{1,500}’|'[^'\n]{1,500}?'(?!\w)))
  | (?P<date>DATE)
  | (?P<time>\b\d{1,2}:\d{2}(?::\d{2})?(?:[ ]?[ap]\.?m\b\.?)?|\b\d{1,2}[ ]?[ap]\.?m\b\.?)
  | (?P<expression>TERM(?:[ ]?[-+*/][ ]?(?:TERM|\d+(?:\.\d+)?))*)
  | (?P<number>(?<![\w.])[-+]?[$€£]?(?>\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?>(?:\.\d+)?)
      (?:[ ]?[x×*][ ]?10\^[-+]?\d+|e[-+]?\d+)?%?(?!(?:st|nd|rd|th|D)\b|-\d))
  | (?P<word>[^\W_](?:[^\s,;:!?"“”()\[\]{}<>=/]*[\w%])?)
  | (?P<sign>[^\s\w])
    """.replace("DATE", _DATE).replace("TERM", _TERM),
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True)
class Token:
    """A piece of the text; `value` is what is meant by it.

    `kind`: address, quoted, date, time, expression, number, word or sign.
    """

    kind: str
    text: str
    start: int
    end: int
    value: Any = None
    unit: str = ""

    @property
    def lower(self) -> str:
        """The text in lower case."""
        return self.text.lower()


def tokenize(text: str) -> list[Token]:
    """The tokens of the first `MAX_TEXT` characters, in order."""
    text = text[:MAX_TEXT]
    wrapped = re.fullmatch(r"\s*\"[^\"]*\"?\s*", text)  # a text that is one quotation is read as plain text
    if wrapped:
        text = text.replace('"', " ")
    return _with_magnitudes([_token(match) for match in _PATTERN.finditer(text)])


def _token(match: re.Match[str]) -> Token:
    kind, text = str(match.lastgroup), match[0]
    start, end = match.span()
    if kind == "quoted":
        inner = text[1:-1].strip()
        if re.fullmatch(_DATE, inner, re.IGNORECASE):
            return Token("date", text, start, end, read_date(inner))
        return Token(kind, text, start, end, inner)
    if kind == "number":
        return Token(kind, text, start, end, read_number(text), "%" if text.endswith("%") else _currency(text))
    if kind == "date":
        return Token(kind, text, start, end, read_date(text))
    if kind == "word":
        return _word(text, start, end)
    return Token(kind, text, start, end, text.replace("^", "**") if kind == "expression" else text)


def _word(text: str, start: int, end: int) -> Token:
    lower = text.lower()
    if lower in NUMBER_WORDS:
        return Token("number", text, start, end, NUMBER_WORDS[lower], "word")
    return Token("word", text, start, end, text)


def _currency(text: str) -> str:
    return next((sign for sign in "$€£" if sign in text), "")


def _with_magnitudes(tokens: list[Token]) -> list[Token]:
    """Joins `3 million` into one number, and the `$` before it."""
    joined: list[Token] = []
    for token in tokens:
        before = joined[-1] if joined else None
        factor = MAGNITUDES.get(token.lower) if token.kind == "word" and len(token.text) > 1 else None
        if factor and before and before.kind == "number" and before.value is not None:
            joined[-1] = Token(
                "number",
                f"{before.text} {token.text}",
                before.start,
                token.end,
                _plain(before.value * factor),
                before.unit,
            )
        else:
            joined.append(token)
    return joined


def read_number(text: str) -> int | float:
    """The number in `1,000`, `$5.50`, `-3`, `4%` (the percent sign is left to the caller)."""
    text = re.sub(r" ?[x×*] ?10\^", "e", text.lower().replace(",", ""))
    digits = re.sub(r"[^\d.e+-]", "", text)[:40]
    try:
        return int(digits) if re.fullmatch(r"[-+]?\d+", digits) else _plain(float(digits), whole=False)
    except (ValueError, OverflowError):
        return 0


def _plain(value: float, *, whole: bool = True) -> int | float:
    if not math.isfinite(value):
        return 0
    return int(value) if whole and float(value).is_integer() else value


def read_date(text: str) -> tuple[int | None, int, int]:
    """(year or None, month, day) of a date in one of the written forms."""
    numbers = [int(digits) for digits in re.findall(r"\d+", text)]
    month = next((MONTHS[word] for word in re.findall(r"[a-z]+", text.lower()) if word in MONTHS), None)
    if month is None:
        year, first, second = (numbers[0], *numbers[1:3]) if text[4:5] == "-" else (numbers[2], numbers[0], numbers[1])
        return year, first, second
    return (numbers[1] if len(numbers) > 1 else None), month, numbers[0]
