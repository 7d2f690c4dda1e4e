"""What Acme answered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from toolfan import RateLimited, Unavailable, Usage
from toolfan.testing import AdapterConformance, ErrorSample, Sample
from toolfan_acme import AcmeAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def answer(why: str, **reply: Any) -> dict[str, Any]:
    about = {"id": "a1", "engine": "acme-1", "why": why, "cost": {"read": 3, "wrote": 4}}
    return {**about, "reply": {"who": "robot", **reply}}


def events(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The stream of an answer, texts in two pieces."""
    reply = dict(body.get("reply") or {})
    says, does = reply.pop("says", None), reply.pop("does", None) or []
    found: list[dict[str, Any]] = [{"open": {**{key: body[key] for key in ("id", "engine") if key in body}, **reply}}]
    if isinstance(says, str):
        found += [{"say": says[:4]}, {"say": says[4:]}]
    for entry in does:
        text = entry.get("with") or ""
        found.append({"begin": {key: value for key, value in entry.items() if key != "with"}})
        found += [{"more": text[:9]}, {"more": text[9:]}, {"finish": True}]
    return [*found, {"close": {key: body[key] for key in ("why", "cost") if key in body}}]


def lines(body: Mapping[str, Any]) -> bytes:
    return "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events(body)).encode()


def call(ref: str, given: str) -> dict[str, Any]:
    return {"ref": ref, "does": "Weather", "with": given}


ZURICH, DALLAS = {"location": "Zürich ☔", "units": "metric"}, {"location": "Dallas", "units": "imperial"}
TWO = [call("r1", json.dumps(ZURICH, ensure_ascii=False)), call("r2", json.dumps(DALLAS))]
CALLS = [("Weather", ZURICH), ("Weather", DALLAS)]
COST = Usage(3, 4, 7)


def sample(name: str, body: dict[str, Any], **said: Any) -> Sample:
    return Sample(name=name, body=body, stream_bytes=lines(body), usage=COST, **said)


class AcmeSuite(AdapterConformance):
    """What a test class of Acme's derives from; it is not collected itself."""

    adapter = AcmeAdapter()
    sdk = ("acme_sdk",)
    key_variable = "ACME_KEY"
    samples = (
        sample("two calls", answer("acted", mood="good, I think", does=TWO), calls=CALLS, ids=["r1", "r2"]),
        sample(
            "calls and text",
            answer("acted", says="Let me look. ☂", does=TWO),
            calls=CALLS,
            ids=["r1", "r2"],
            text="Let me look. ☂",
        ),
        sample("a text", answer("done", says="It rains."), text="It rains.", stop="end"),
        sample(
            "cut",
            answer("limit", does=[TWO[0], call("r2", '{"loc')]),
            calls=[CALLS[0], ("Weather", '{"loc')],
            ids=["r1", "r2"],
            stop="length",
        ),
    )
    errors = (
        ErrorSample(name="down", error=Unavailable, body={"error": {"message": "down", "code": "unavailable"}}),
        ErrorSample(
            name="too fast",
            error=RateLimited,
            events=[{"say": "It"}, {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}],
        ),
    )

    def events_of(self, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return events(body)
