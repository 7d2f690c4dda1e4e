"""Scripted answers: what the server says, in order, in place of the planner. From an object, a TOML or a JSON file.

Knows the form of a script and how it is used up; not the dialects, which render the answers.
"""

from __future__ import annotations

import json
import re
import threading
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from toolfan_local import script_errors
from toolfan_local.exchange import Failure, Outcome, Reply, ReplyCall, Stop, TokenCount, Verbatim
from toolfan_local.pacing import Pace
from toolfan_local.script_values import as_texts, json_alone, unsendable

if TYPE_CHECKING:
    from collections.abc import Mapping


class ScriptError(ValueError):
    """A script that cannot be used; the message names the file and the position in it."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _sendable_headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        latin = all(char.isprintable() and char <= "\xff" for char in value)
        if not (re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) and latin and value == value.strip()):
            raise ValueError(f"{name!r} cannot be sent as a header")
    return headers


_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Headers = Annotated[dict[str, str], AfterValidator(_sendable_headers)]
_Object = Annotated[dict[str, Any], AfterValidator(json_alone)]
_List = Annotated[list[Any], AfterValidator(json_alone)]


class ScriptedCall(_Part):
    """One tool call. `arguments` is an object, or a text that is sent as it is (broken JSON too)."""

    name: str
    arguments: _Object | str = Field(default_factory=dict)
    id: str | None = None


class ScriptedUsage(_Part):
    """Token counts to be reported."""

    prompt_tokens: NonNegativeInt
    completion_tokens: NonNegativeInt


class ScriptedError(_Part):
    """An error answer in the dialect's own shape. `retry_delay`: seconds in Google's RetryInfo."""

    status: Annotated[int, Field(ge=400, le=599)]
    message: str = "scripted error"
    code: str | None = None
    type: str | None = None
    param: str | None = None
    headers: _Headers = Field(default_factory=dict)
    retry_delay: _Seconds | None = None


class ScriptedBody(_Part):
    """A body sent verbatim: `content` is a text, or an object or list that is sent as JSON."""

    content: str | _Object | _List
    status: Annotated[int, Field(ge=200, le=599)] = 200
    content_type: str = "application/json"
    headers: _Headers = Field(default_factory=dict)


class ScriptedPace(_Part):
    """How fast the answer comes, in seconds: see `toolfan_local.Pace`."""

    first_byte: _Seconds = 0.0
    chunk: _Seconds = 0.0
    call: _Seconds = 0.0


class ScriptedAnswer(_Part):
    """One answer and when it is given.

    Conditions, all of which must hold: `model` (the whole name), `contains` (a part of the last user text, case
    ignored), `matches` (a regular expression found in it). `times`: how often it answers, a number or "always".
    `delay`: seconds before the answer. `pace`: how fast it comes, in place of the server's; a number is the seconds
    before each chunk of a stream. `calls_together`: all calls in one chunk of a stream, or not. With a `stop` the
    request's limit of tokens does not cut it. Give either `error`, or `body`, or any of `calls`, `text`, `stop`,
    `usage`. `calls` alone, and empty: a model that calls nothing.
    """

    model: str | None = None
    contains: str | None = None
    matches: str | None = None
    times: PositiveInt | Literal["always"] = 1
    delay: _Seconds = 0.0
    pace: _Seconds | ScriptedPace | None = None
    calls_together: bool | None = None
    calls: tuple[ScriptedCall, ...] = ()
    text: str | None = None
    stop: Stop | None = None
    usage: ScriptedUsage | None = None
    error: ScriptedError | None = None
    body: ScriptedBody | None = None

    @field_validator("matches")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error as exc:
                raise ValueError(f"not a regular expression: {exc}") from exc
        return pattern

    @model_validator(mode="after")
    def _says_one_thing(self) -> ScriptedAnswer:
        said = self.text is not None or self.stop or self.usage
        reply = bool(self.calls or said or "calls" in self.model_fields_set)  # no calls are an answer too
        if reply + (self.error is not None) + (self.body is not None) != 1:
            raise ValueError("give exactly one of: error; body; calls, text, stop, usage (these four may go together)")
        return self

    def fits(self, model: str, text: str) -> bool:
        """Whether this answer's conditions hold for a question."""
        return (
            (self.model is None or self.model == model)
            and (self.contains is None or self.contains.lower() in text.lower())
            and (self.matches is None or re.search(self.matches, text) is not None)
        )

    def own_pace(self) -> Pace | None:
        """The pace of this answer, where it has one."""
        if isinstance(self.pace, ScriptedPace):
            return Pace(**self.pace.model_dump())
        return None if self.pace is None else Pace(chunk=self.pace)

    def outcome(self) -> Outcome:
        """The answer in the neutral form."""
        if self.error is not None:
            return Failure(**self.error.model_dump())
        if self.body is not None:
            content = self.body.content
            data = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
            return Verbatim(data.encode(), self.body.status, self.body.content_type, self.body.headers)
        usage = self.usage
        tokens = None if usage is None else TokenCount(usage.prompt_tokens, usage.completion_tokens)
        calls = tuple(ReplyCall(call.name, call.arguments, call.id) for call in self.calls)
        return Reply(calls=calls, text=self.text, stop=self.stop, tokens=tokens)


class Script(BaseModel):
    """An ordered list of answers; each question takes the first that fits and is not used up. Safe between threads.

    `otherwise` says what happens when none is left: "error" (HTTP 400, code `script_exhausted`) or "planner".
    """

    model_config = ConfigDict(extra="forbid")

    answers: tuple[ScriptedAnswer, ...]
    otherwise: Literal["error", "planner"] = "error"
    _used: list[int] = PrivateAttr(default_factory=list)
    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    def model_post_init(self, _context: Any, /) -> None:
        """Starts with every answer unused."""
        self._used = [0] * len(self.answers)

    def take(self, *, model: str, text: str) -> ScriptedAnswer | None:
        """The next answer for this model name and last user text, now counted as used; None when none is left."""
        with self._lock:
            for place, answer in enumerate(self.answers):
                left = answer.times == "always" or self._used[place] < answer.times
                if left and answer.fits(model, text):
                    self._used[place] += 1
                    return answer
        return None

    def remaining(self) -> int:
        """How many scripted answers are still to be given ("always" is not counted)."""
        with self._lock:
            pairs = zip(self.answers, self._used, strict=True)
            return sum(answer.times - used for answer, used in pairs if answer.times != "always")

    def exhausted(self, model: str, text: str) -> Failure:
        """The error for a question that no answer is left for."""
        shown = text if len(text) <= 80 else text[:77] + "..."
        message = f"the script has no answer left for model {model!r} and the text {shown!r}"
        return Failure(400, message, code="script_exhausted", type="invalid_request_error")


_KEYS = {
    "": tuple(Script.model_fields),
    "answers": tuple(ScriptedAnswer.model_fields),
    "calls": tuple(ScriptedCall.model_fields),
    "usage": tuple(ScriptedUsage.model_fields),
    "error": tuple(ScriptedError.model_fields),
    "body": tuple(ScriptedBody.model_fields),
    "pace": tuple(ScriptedPace.model_fields),
}


def load_script(source: str | Path | Mapping[str, Any] | list[Any] | Script) -> Script:
    """A script from a path (.toml or .json), from an object with `answers`, or from the list of answers alone.

    A date or a time of TOML's own becomes its ISO text, which is what a model writes.  Raises ScriptError, which
    names the file and the position, when the file cannot be read or the script is wrong.
    """
    if isinstance(source, Script):
        return source
    where = "script"
    data: Any = source
    if isinstance(source, (str, Path)):
        where, data = str(source), _read_file(Path(source))
    if isinstance(data, list):
        data = {"answers": data}
    if position := unsendable(data):
        raise ScriptError(f"{where}: {position}: it holds a lone surrogate, which no answer can carry")
    try:
        return Script.model_validate(data)
    except ValidationError as exc:
        told = script_errors.lines(exc.errors(), data, _KEYS)
        raise ScriptError("\n".join(f"{where}: {line}" for line in told)) from exc


def _read_file(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
        return json.loads(text) if path.suffix == ".json" else as_texts(tomllib.loads(text))
    except OSError as exc:
        raise ScriptError(f"{path}: cannot be read: {exc.strerror}") from exc
    except (ValueError, RecursionError) as exc:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise ScriptError(f"{path}: not {kind}: {exc}") from exc
