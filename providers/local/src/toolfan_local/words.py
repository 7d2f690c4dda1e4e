"""Words: identifiers and texts cut into words, and words cut to their stems.

Knows letters and endings; not what a word is used for.
"""

from __future__ import annotations

import re
from functools import lru_cache

from toolfan_local.lexicon import STOP_WORDS, THESAURUS

_WORD = re.compile(r"[^\W_]+(?:'[^\W\d_]+)?")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ENDINGS = ("ings", "ing", "ions", "ion", "ed", "ers", "er", "ly", "al", "e")


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """The stem of a word: lower case, without the endings of plural and common forms, synonyms made one."""
    word = word.lower().removesuffix("'s").replace("'", "")
    forms = (word, singular(word), word.removesuffix("ed"), word.removesuffix("d"), word.removesuffix("ing"))
    word = next((THESAURUS[form] for form in forms if form in THESAURUS), singular(word))
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word.removesuffix(ending)
    return word


def singular(word: str) -> str:
    """A noun without its plural ending, by English rules."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ses", "xes", "ches", "shes", "zes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def identifier_words(identifier: str) -> list[str]:
    """The words of `snake_case`, `camelCase`, `kebab-case` and `dotted.names`, in lower case."""
    return [word.lower() for word in _WORD.findall(_HUMP.sub(" ", identifier).replace("_", " "))]


def content_stems(text: str) -> list[str]:
    """The stems of a text's words, stop words left out, in order."""
    return [stem(word) for word in _WORD.findall(text) if word.lower() not in STOP_WORDS]
