"""Faults of Google's answers: finish reasons, candidates, arguments and ids as only Google has them.

Knows generateContent's JSON as values, and what the service refuses in a later turn; not transport.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolfan_local.exchange import Failure
from toolfan_local.faults.arguments import EXTRA
from toolfan_local.faults.fault import GOOGLE, Dialect, Fault
from toolfan_local.faults.payload import JSON, Payload, first
from toolfan_local.faults.statuses import Status
from toolfan_local.google_checks import parts_of, spelled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from toolfan_local.faults.answers import SaidCall
    from toolfan_local.faults.stage import Stage

BIG = 9007199254740993
MALFORMED = "Malformed function call: print(default_api.Weather(location='Toronto', units="
_NO_PARTS = {"index": 0, "content": {"role": "model", "parts": []}, "finishReason": "STOP"}
BLOCKED = "The prompt was blocked by the fault server."


def _finish(reason: Any, *, calls: bool = True, **more: Any) -> Payload:
    """This finish reason, with the calls or with no content at all; `more` goes into the candidate."""

    def changed(body: JSON) -> JSON:
        candidate = body["candidates"][0]
        if not calls:
            candidate["content"] = {"role": "model"}
        candidate |= {"finishReason": reason, **more}
        return body

    return Payload(google=changed)


def _candidates(value: Any) -> Payload:
    return Payload(google=lambda body: body | {"candidates": value})


def _blocked(body: JSON) -> JSON:
    feedback = {"blockReason": "SAFETY", "blockReasonMessage": BLOCKED}
    kept = {name: value for name, value in body.items() if name != "candidates"}
    return kept | {"promptFeedback": feedback}


def _ids(change: Callable[[int, JSON], None]) -> Payload:
    def changed(body: JSON) -> JSON:
        parts = body["candidates"][0]["content"]["parts"]
        for place, part in enumerate(part for part in parts if "functionCall" in part):
            change(place, part["functionCall"])
        return body

    return Payload(google=changed)


def _absent(_: int, call: JSON) -> None:
    call.pop("id", None)


def _present(place: int, call: JSON) -> None:
    call["id"] = f"call-{place}"


def _underscores(call: SaidCall) -> None:
    call.arguments |= {"class_": "first", "from_": "here", EXTRA: {"type_": "nested"}}


def _big(call: SaidCall) -> None:
    call.arguments |= dict.fromkeys([*call.fields("integer"), EXTRA], BIG)


@dataclass(frozen=True)
class Judge:
    """Answers well, unless what it objects to is in the conversation that comes back: then with 400."""

    objection: Callable[[list[Mapping[str, Any]]], str | None]

    def __call__(self, stage: Stage) -> None:
        """The good answer, or the refusal."""
        contents = stage.asked.body.get("contents")
        said = self.objection([one for one in contents if isinstance(one, dict)] if isinstance(contents, list) else [])
        if said is None:
            return stage.good()
        return stage.fail(Failure(400, said))


def _counts(contents: list[Mapping[str, Any]]) -> str | None:
    """Every model turn with calls must be followed by as many function responses."""
    for place, content in enumerate(contents):
        calls = sum(spelled(part, "functionCall") is not None for part in parts_of(content))
        answers = parts_of(contents[place + 1]) if place + 1 < len(contents) else []
        given = sum(spelled(part, "functionResponse") is not None for part in answers)
        if content.get("role") == "model" and calls and calls != given:
            return (
                "Please ensure that the number of function response parts is equal to the number of function call "
                "parts of the function call turn."
            )
    return None


def _signed(contents: list[Mapping[str, Any]]) -> str | None:
    """The first call of every model turn must carry its signature."""
    for content in contents:
        calls = [part for part in parts_of(content) if spelled(part, "functionCall") is not None]
        if content.get("role") == "model" and calls and not spelled(calls[0], "thoughtSignature"):
            return "Function call is missing a thought_signature in functionCall parts."
    return None


def _fault(
    name: str, text: str, play: Any, expectation: str, dialects: tuple[Dialect, ...] = ("google", "grpc")
) -> Fault:
    return Fault(name, "6", text, dialects, expectation, play)


_KEPT = "the calls kept, the reason as it came"
_ZERO = "zero calls"
_WAITS = "retried after that long"

_FINISHES = (
    _fault(
        "google-malformed-call",
        "MALFORMED_FUNCTION_CALL with a finishMessage and no content",
        _finish("MALFORMED_FUNCTION_CALL", calls=False, finishMessage=MALFORMED),
        "asked again once, then MalformedArguments with the message",
    ),
    _fault("google-max-tokens", "MAX_TOKENS with the calls", _finish("MAX_TOKENS"), "the calls kept, stop says length"),
    _fault("google-safety", "SAFETY and no content", _finish("SAFETY", calls=False), "ContentFiltered"),
    _fault(
        "google-unexpected-tool-call", "UNEXPECTED_TOOL_CALL with the calls", _finish("UNEXPECTED_TOOL_CALL"), _KEPT
    ),
    _fault("google-too-many-tool-calls", "TOO_MANY_TOOL_CALLS with the calls", _finish("TOO_MANY_TOOL_CALLS"), _KEPT),
    _fault(
        "google-missing-thought-signature",
        "MISSING_THOUGHT_SIGNATURE with the calls",
        _finish("MISSING_THOUGHT_SIGNATURE"),
        _KEPT,
    ),
    _fault("google-finish-number-12", "the finish reason 12, a number, with the calls", _finish(12), _KEPT),
    _fault("google-finish-number-15", "the finish reason 15, a number, with the calls", _finish(15), _KEPT),
    _fault("google-unknown-finish", "a finish reason nobody knows, with the calls", _finish("ASTONISHED"), _KEPT),
    _fault("google-unknown-finish-number", "the finish reason 99 with the calls", _finish(99), _KEPT),
)
_CONTENTS = (
    _fault(
        "google-prompt-blocked",
        "promptFeedback with a blockReason, no candidates",
        Payload(google=_blocked),
        "ContentFiltered with the reason",
    ),
    _fault("google-empty-candidates", "no candidate in the list", _candidates([]), "BadResponse"),
    _fault("google-empty-parts", "no part in the content, STOP", _candidates([_NO_PARTS]), _ZERO),
    _fault(
        "google-no-content",
        "a candidate without content, STOP",
        _candidates([{"index": 0, "finishReason": "STOP"}]),
        _ZERO,
    ),
    _fault("google-ids-absent", "calls without ids", _ids(_absent), "ids made up"),
    _fault("google-ids-present", "calls with ids", _ids(_present), "ids kept"),
    _fault("google-underscore-fields", "arguments whose names end with `_`", Payload(first(_underscores)), "kept"),
    _fault("google-big-int", "2**53 + 1 in integer fields and an extra one", Payload(first(_big)), "exact over REST"),
    _fault(
        "google-counts-responses", "400 for fewer function responses than calls", Judge(_counts), "never sent", GOOGLE
    ),
    _fault(
        "google-checks-signature", "400 for a model turn without its signature", Judge(_signed), "never sent", GOOGLE
    ),
)
_PER_DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
_RETRIES = (
    _fault("429-retry-info", "429 with RetryInfo: 0.2 s", Status(429, retry_delay=0.2), _WAITS),
    _fault(
        "429-quota-per-day",
        "429 with a QuotaFailure of a quota for a day, and RetryInfo",
        Status(429, retry_delay=0.2, quota_id=_PER_DAY),
        "QuotaExhausted, never retried",
    ),
    _fault("503-retry-info", "503 with RetryInfo: 0.2 s", Status(503, retry_delay=0.2), _WAITS),
    _fault(
        "429-retry-info-300", "429 with RetryInfo: 300 s", Status(429, retry_delay=300), "given up now, .retry_after"
    ),
)

FAULTS = (*_FINISHES, *_CONTENTS, *_RETRIES)
