"""A used-up quota of a day, as Google says it: no waiting of seconds mends it, whatever RetryInfo says beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import toolfan
from fault_asking import Fails
from google_asking import KINDS, WARNINGS, GoogleAsker
from loopback import KEY, USER, http
from pydantic import BaseModel
from toolfan import QuotaExhausted, RateLimited

openai = pytest.importorskip("openai")
pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]


class Ping(BaseModel):
    at: int = 0


@pytest.mark.parametrize("google", KINDS, indirect=True)
def test_a_quota_of_a_day_is_not_asked_for_again(google: GoogleAsker) -> None:
    asked = google("429-quota-per-day")
    more = {"status": 429, "code": "RESOURCE_EXHAUSTED"}
    Fails(QuotaExhausted, 1, retryable=False, says="quota of this day", more=more).check(asked)
    assert "POST" not in str(asked.raised)


@pytest.mark.parametrize(
    ("quota", "kind", "requests"),
    [
        ("GenerateRequestsPerDayPerProjectPerModel-FreeTier", QuotaExhausted, 1),
        ("GenerateRequestsPerMinutePerProjectPerModel", RateLimited, 3),
    ],
)
@pytest.mark.parametrize("as_list", [False, True])
def test_on_googles_compatible_endpoint_too(
    faulty: Any, quota: str, kind: type[toolfan.ProviderError], requests: int, as_list: bool
) -> None:
    details = [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota}, "odd", None]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.01s"},
        None,
    ]
    error = {"error": {"code": 429, "message": "no", "status": "RESOURCE_EXHAUSTED", "details": details}}
    server = faulty(http(json.dumps([error] if as_list else error), 429))
    with openai.OpenAI(api_key=KEY, base_url=server.url) as sdk, pytest.raises(kind) as caught:
        toolfan.from_openai(sdk, wait=lambda state: 0).create(model="m", messages=USER, tools=(Ping,))
    assert type(caught.value) is kind
    assert (caught.value.requests, caught.value.retryable) == (requests, kind is RateLimited)
    assert len(server.requests) == requests
