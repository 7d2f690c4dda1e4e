"""The parameters of OpenAI's services besides messages, tools and numbers: of what kind each is.

Knows names, kinds and the words of an enum; what other servers with the same API take besides is none of its business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolfan_local.openai_refusals import check_kind, check_words, refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """What a parameter takes: a kind of JSON, one of some words, an array of `inner`, or an object of `inner`."""

    kind: str = "a string"
    words: tuple[str, ...] = ()
    inner: Kind | None = None
    most: int | None = None
    """The longest that an array may be."""
    alone: bool = False
    """Whether one item may stand in place of an array."""

    def check(self, value: Any, where: str) -> None:
        """Raises Refused for a value that is none of these."""
        if self.alone and self.inner and not isinstance(value, list):
            self.inner.check(value, where)
            return
        if self.words:
            check_words(value, self.words, where)
            return
        check_kind(value, self.kind, where)
        if self.most is not None and len(value) > self.most:
            raise refuse(
                f"Invalid '{where}': array too long. Expected an array with maximum length {self.most}, but got an "
                f"array with length {len(value)} instead.",
                where,
                "array_above_max_length",
            )
        if self.inner is not None:
            named = isinstance(value, dict)
            for key, one in value.items() if named else enumerate(value):
                self.inner.check(one, f"{where}.{key}" if named else f"{where}[{key}]")


_TEXT, _FLAG, _OBJECT = Kind(), Kind("a boolean"), Kind("an object")
_TIERS = ("auto", "default", "flex", "scale", "priority", "fast")
_SHARED = {
    "metadata": Kind("an object", inner=_TEXT),
    "parallel_tool_calls": _FLAG,
    "prompt_cache_key": _TEXT,
    "safety_identifier": _TEXT,
    "store": _FLAG,
    "user": _TEXT,
}
RESPONSES = {**_SHARED, "service_tier": Kind(words=(*_TIERS, "ultrafast"))}
"""What the Responses API takes."""
CHAT = {
    **_SHARED,
    "audio": _OBJECT,
    "logit_bias": Kind("an object", inner=Kind("an integer")),
    "logprobs": _FLAG,
    "modalities": Kind("an array", inner=Kind(words=("text", "audio"))),
    "prediction": _OBJECT,
    "reasoning_effort": Kind(words=("none", "minimal", "low", "medium", "high", "xhigh", "max")),
    "service_tier": Kind(words=_TIERS),
    "stop": Kind("an array", inner=_TEXT, most=4, alone=True),
    "verbosity": Kind(words=("low", "medium", "high")),
    "web_search_options": _OBJECT,
}
"""What chat completions take."""
FUNCTION = {"description": _TEXT, "strict": _FLAG}


def check_fields(given: JSON, kinds: Mapping[str, Kind], where: str = "") -> None:
    """Raises Refused for the first field that is of another kind.  One that is null is not given."""
    for name, kind in kinds.items():
        if (value := given.get(name)) is not None:
            kind.check(value, f"{where}{name}")
