"""What only Google's answers can be: section 6 of the catalogue, line by line, asked with each kind of client.

Lines about clients, their credentials and event loops are in test_faults_google_clients.py, those about streams alone
in test_faults_google_streams.py.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
import toolfan
from fault_asking import GOOD, SEARCH, Fails, Good, GoogleSearch, Weather
from google_asking import GENAI, HTTP, KINDS, WARNINGS, GoogleAsker, by_row
from loopback import USER
from pydantic import BaseModel, Field
from shared_data import shared_path
from toolfan import (
    BadResponse,
    ContentFiltered,
    DeadlineExceeded,
    IncompleteStream,
    InvalidCalls,
    RateLimited,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

sys.path.insert(0, str(Path(__file__).resolve().parent))

pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]
SIGNED = "thoughtSignature"


class Ping(BaseModel):
    pass


class Report(BaseModel):
    class_: str
    from_: str
    extra: dict[str, str]


class Counted(BaseModel):
    count: int
    extra: Any = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int | None = None


class Dog(BaseModel):
    kind: Literal["dog"]
    at: tuple[int, str]


class Shapes(BaseModel):
    pet: Cat | Dog = Field(discriminator="kind")
    level: Literal[1, 2]
    beside: list[Shapes] = []
    share: float = Field(gt=0, lt=1)


def no_argument_call(google: GoogleAsker) -> None:
    for fault in ("good", "arguments-absent"):
        assert list(google(fault, tools=(Ping, GoogleSearch)).result) == [Ping(), SEARCH]


def underscores(google: GoogleAsker) -> None:
    calls = google("google-underscore-fields", tools=(Report,)).result
    assert list(calls) == [Report(class_="first", from_="here", extra={"type_": "nested"})]


def big_int(google: GoogleAsker) -> None:
    """A protobuf Struct holds doubles: there the value is one less, and a float wherever no int is declared."""
    exact = 9007199254740993
    (value,) = google("google-big-int", tools=(Counted,)).result
    if google.kind in GENAI:
        assert (value.count, value.extra) == (exact, exact)
    else:
        assert (value.count, value.extra) == (exact - 1, float(exact - 1))
        assert isinstance(value.extra, float)


def int_as_float(google: GoogleAsker) -> None:
    calls = google("arguments-float-for-int", tools=(Counted,)).result
    assert (calls[0].count, type(calls[0].count), calls[0].extra) == (3, int, 3)
    assert google("arguments-float-for-int", tools=(Counted,), repairs=False).result[0].count == 3


def key_order(google: GoogleAsker) -> None:
    """The same call is known in whatever order its arguments come."""
    Good().check(google("arguments-reversed"))
    first, again, _ = google("same-call-twice").result.outcomes
    assert (getattr(first, "duplicate_of", 0), getattr(again, "duplicate_of", 0)) == (None, 0)


def ids(google: GoogleAsker) -> None:
    """Made up where none came; one that came goes back with the answer, if the protobuf has a place for it."""
    for fault in ("google-ids-absent", "google-ids-present"):
        asked = google(fault)
        calls = asked.result
        came = fault == "google-ids-present" and google.kind in GENAI
        wanted = ["call-0", "call-1"] if came else ["call_0", "call_1"]
        assert [outcome.id for outcome in calls.outcomes] == wanted
        assert [outcome.raw.provider_id for outcome in calls.outcomes] == (wanted if came else [None, None])
        answered = google("good", messages=[*USER, *calls.reply(dict.fromkeys(wanted, "r"))])
        (body,) = google.server.bodies(answered.model)
        responses = [part["functionResponse"] for part in body["contents"][-1]["parts"]]
        assert [one["name"] for one in responses] == ["Weather", "GoogleSearch"]
        assert [one.get("id") for one in responses] == (wanted if came else [None, None])


def malformed(google: GoogleAsker) -> None:
    """Asked once more, whatever max_attempts says; then the message is told."""
    asked = google("google-malformed-call", max_attempts=5)
    Fails(InvalidCalls, 2, retryable=False, says="print(default_api.Weather(location='Toronto'").check(asked)
    assert asked.raised.calls is not None
    (bad,) = asked.raised.calls.failed
    assert isinstance(bad.error, toolfan.MalformedArguments)
    assert "MALFORMED_FUNCTION_CALL" in bad.error.message
    mended = google("google-malformed-call-once")
    Good(2).check(mended)
    assert mended.result.attempts == 2


def max_tokens(google: GoogleAsker) -> None:
    asked = google("google-max-tokens")
    Good().check(asked)
    assert asked.result.stop == toolfan.StopReason("length", "MAX_TOKENS")


def safety(google: GoogleAsker) -> None:
    asked = google("google-safety")
    Fails(ContentFiltered, 1, retryable=False, says="(SAFETY)").check(asked)
    assert asked.raised.calls is not None
    assert asked.raised.calls.outcomes == ()


def told_by_word(google: GoogleAsker) -> bool:
    """Whether a finish reason is kept that the v1 protobuf has no word for."""
    return google.kind in GENAI or (google.kind == "rest" and google.streams)


def odd_finish_with_calls(google: GoogleAsker) -> None:
    """The v1 protobuf has no word for the first two: it says nothing then, and the calls are kept all the same."""
    words = {"TOO_MANY_TOOL_CALLS": "other", "MISSING_THOUGHT_SIGNATURE": "other", "UNEXPECTED_TOOL_CALL": "calls"}
    for word, kind in words.items():
        asked = google(f"google-{word.lower().replace('_', '-')}")
        Good().check(asked)
        stop = asked.result.stop
        assert (stop.kind, stop.raw) == ((kind, word) if told_by_word(google) else ("none", None))
    asked = google("google-finish-number-15")
    Good().check(asked)
    assert asked.result.stop == toolfan.StopReason("calls", "UNEXPECTED_TOOL_CALL")
    asked = google("google-finish-number-12")
    Fails(ContentFiltered, 1, retryable=False, says="(IMAGE_PROHIBITED_CONTENT)").check(asked)
    assert asked.raised.calls is not None
    assert list(asked.raised.calls) == list(GOOD)


def unknown_finish(google: GoogleAsker) -> None:
    asked = google("google-unknown-finish")
    Good().check(asked)
    assert asked.result.stop.raw == ("ASTONISHED" if told_by_word(google) else None)
    asked = google("google-unknown-finish-number")
    Good().check(asked)
    assert asked.result.stop == toolfan.StopReason("other", "99")


def prompt_blocked(google: GoogleAsker) -> None:
    asked = google("google-prompt-blocked")
    words = "The prompt was blocked by the fault server."
    Fails(ContentFiltered, 1, retryable=False, says=f"(SAFETY): {words}").check(asked)
    assert asked.raised.turn is not None
    assert asked.raised.turn.warnings == (f"SAFETY: {words}",)
    Fails(IncompleteStream if google.streams else BadResponse, 3).check(google("google-empty-candidates"))


def empty_parts(google: GoogleAsker) -> None:
    for fault in ("google-empty-parts", "google-no-content"):
        asked = google(fault)
        Good(values=()).check(asked)
        assert (asked.result.outcomes, asked.result.text) == ((), "")
        Fails(InvalidCalls, 3, retryable=False).check(google(fault, tool_choice="required"))


def signature(google: GoogleAsker) -> None:
    """The model's own turn goes back as it came: signed on its first call alone."""
    asked = google("google-checks-signature" if google.kind in HTTP else "good")
    calls = asked.result
    said = calls.reply({outcome.id: "r" for outcome in calls.outcomes})
    client = google.client(asked.model)
    Good().check(google("", client=client, model=asked.model, messages=[*USER, *said]))
    *_, body = google.server.bodies(asked.model)
    turn = body["contents"][1]
    assert turn == calls.turn.replay
    assert [SIGNED in part for part in turn["parts"]] == [True, False]
    if google.kind in GENAI:
        assert turn == calls.raw["candidates"][0]["content"]


def fewer_responses(google: GoogleAsker) -> None:
    """Refused before it is sent; as many as there were calls are taken by a service that counts them."""
    model = "google-counts-responses" if google.kind in HTTP else "good"
    asked = google(model)
    calls = asked.result
    first, second = (outcome.id for outcome in calls.outcomes)
    with pytest.raises(toolfan.UsageError, match=f"no result for {second}"):
        calls.reply({first: "r"})
    native = calls.reply({first: "r", second: "r"})
    short = [native[0], {"role": "tool", "tool_call_id": first, "content": "r"}]
    refused = google(model, messages=[*USER, *short])
    assert type(refused.raised) is toolfan.UsageError
    assert f"the calls {second} have none" in str(refused.raised)
    assert refused.raised.requests == 0
    Good().check(google(model, messages=[*USER, *native]))


def hung(google: GoogleAsker) -> None:
    asked = google("hang-before-headers", deadline=0.5)
    Fails(DeadlineExceeded, 1, retryable=False, says="the deadline of 0.5 s").check(asked)


def busy(google: GoogleAsker) -> None:
    """RetryInfo comes as JSON over REST, as protobuf in the trailing metadata of gRPC."""
    for fault, error in (("429-retry-info", RateLimited), ("503-retry-info", Unavailable)):
        asked = google(fault)
        Fails(error, 3, more={"retry_after": 0.2, "status": int(fault[:3])}).check(asked)
        assert asked.seconds >= 0.4
        again = google(f"{fault}-once")
        Good(2).check(again)
        assert again.seconds >= 0.2
    Fails(RateLimited, 1, more={"retry_after": 300.0}).check(google("429-retry-info-300"))
    for fault in ("429-once", "503-once"):
        Good(2).check(google(fault))


def schemas(google: GoogleAsker) -> None:
    """JSON Schema goes out whole, its root an object; what GenerativeModel's own `parameters=` refuses among it."""
    asked = google("text-only", tools=(Shapes, Weather))
    (body,) = google.server.bodies(asked.model)
    declarations = body["tools"][0]["functionDeclarations"]
    assert [one["parametersJsonSchema"] for one in declarations] == [
        tool.schema for tool in toolfan.ToolSet((Shapes, Weather))
    ]
    assert all(one["parametersJsonSchema"]["type"] == "object" for one in declarations)
    assert not any("parameters" in one for one in declarations)


CHECKS: dict[str, tuple[Callable[[GoogleAsker], None], Sequence[str]]] = {
    "no-argument call": (no_argument_call, KINDS),
    "`class_`, `from_`, nested `type_`": (underscores, KINDS),
    "int > 2^53": (big_int, KINDS),
    "int as float (Struct)": (int_as_float, KINDS),
    "key order of arguments": (key_order, KINDS),
    "id absent (v1) / present": (ids, KINDS),
    "MALFORMED_FUNCTION_CALL": (malformed, KINDS),
    "MAX_TOKENS with calls": (max_tokens, KINDS),
    "SAFETY": (safety, KINDS),
    "UNEXPECTED_TOOL_CALL / TOO_MANY_TOOL_CALLS / MISSING_THOUGHT_SIGNATURE": (odd_finish_with_calls, KINDS),
    "unknown finish reason": (unknown_finish, KINDS),
    "prompt blocked": (prompt_blocked, KINDS),
    "empty parts, STOP": (empty_parts, KINDS),
    "signature on the first call only": (signature, KINDS),
    "N calls, fewer function responses": (fewer_responses, KINDS),
    "hung server": (hung, KINDS),
    "429 / 503": (busy, KINDS),
    "`Optional`, const, tuple … in `parameters=`": (schemas, KINDS),
}


@by_row(CHECKS)
def test_a_line_of_the_catalogue(google: GoogleAsker, row: str) -> None:
    CHECKS[row][0](google)


@by_row(CHECKS)
def test_a_line_of_the_catalogue_in_a_stream(google: GoogleAsker, row: str) -> None:
    with google.streaming():
        CHECKS[row][0](google)


def test_every_line_of_the_section_is_asked() -> None:
    """Here, or among the lines about clients or streams; and no test claims a line that is not there."""
    from test_faults_google_clients import CHECKS as OF_CLIENTS
    from test_faults_google_streams import CHECKS as OF_STREAMS

    section = shared_path("facts/faults.md").read_text(encoding="utf-8").partition("\n## 6. ")[2].partition("\n## ")[0]
    header, *lines = re.findall(r"^\| (.*?) \|", section, re.MULTILINE)
    assert header == "fault"
    assert sorted([*CHECKS, *OF_CLIENTS, *OF_STREAMS]) == sorted(lines)
