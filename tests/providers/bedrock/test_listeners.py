"""What else sees the answers to toolfan's requests: botocore's hooks, and code around the SDK's methods."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from bedrock_asking import MODEL, asked
from bedrock_wire import answer, use
from loopback import USER, http
from toolfan_bedrock.blobs import from_body
from wrapped_ways import Weather

if TYPE_CHECKING:
    from collections.abc import Callable

CALL = use("t1", "Weather", {"location": "Oslo"})
TRACED = {
    "additionalModelResponseFields": {"any": [1, None, {"deep": "text"}]},
    "trace": {"guardrail": {"modelOutput": ["said"], "inputAssessment": {"one": {"topicPolicy": {"topics": []}}}}},
    "aFieldOfTomorrow": 1,
    "serviceTier": None,
}
NEWER = {"aKindOfTomorrow": {"any": 1}}  # of which botocore tells the name
HIDDEN = {"reasoningContent": {"redactedContent": "aGlkZGVu"}}
USED = {"inputTokens": 81, "outputTokens": 37, "totalTokens": 182, "cacheReadInputTokens": 64}


@pytest.mark.parametrize("way", ["whole", "async whole"])
def test_who_counts_tokens_sees_what_the_bare_sdk_would_show(
    bedrock: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """A hook of botocore's, and code around `_make_api_call`, as observability tools put it there."""
    client, _ = bedrock(http(json.dumps({**answer(HIDDEN, NEWER, CALL), **TRACED})))
    seen: list[Any] = []
    client.meta.events.register("after-call.bedrock-runtime.Converse", lambda parsed, **_: seen.append(parsed))
    inner = type(client)._make_api_call

    def counted(self: Any, *args: Any) -> Any:
        seen.append(inner(self, *args))
        return seen[-1]

    monkeypatch.setattr(type(client), "_make_api_call", counted)
    bare = client.converse(modelId=MODEL, messages=[{"role": "user", "content": [{"text": "Hello?"}]}])
    assert bare["usage"] == USED
    seen.clear()
    assert list(asked(way, client)) == [Weather(location="Oslo")]
    assert len(seen) == 2
    assert seen[0] is seen[1]
    del seen[0]["ResponseMetadata"], bare["ResponseMetadata"]
    assert seen[0] == bare


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"null", b"", b'"text"'])
def test_of_what_is_no_answer_nothing_is_told(bedrock: Callable[..., Any], body: bytes) -> None:
    client, _ = bedrock(b"")
    assert from_body(body, client.meta.service_model.operation_model("Converse").output_shape) == {}


def test_an_odd_value_is_told_as_it_is(bedrock: Callable[..., Any]) -> None:
    """And a field of the body's own cannot stand for what botocore says of the answer."""
    client, _ = bedrock(b"")
    shape = client.meta.service_model.operation_model("Converse").output_shape
    odd = {"usage": 7, "output": {"message": {"content": [{"reasoningContent": {"redactedContent": "ä"}}, "x", None]}}}
    assert from_body(json.dumps({**odd, "ResponseMetadata": {"HTTPStatusCode": 1}}).encode(), shape) == odd


def test_what_a_hook_changes_in_its_copy_changes_no_call(bedrock: Callable[..., Any]) -> None:
    client, _ = bedrock(http(json.dumps(answer(CALL))))

    def clear(parsed: Any, **_: Any) -> None:
        parsed["output"]["message"]["content"][0]["toolUse"]["input"].clear()

    client.meta.events.register("after-call.bedrock-runtime.Converse", clear)
    calls = toolfan.wrap(client).create(model=MODEL, messages=USER, tools=(Weather,))
    assert list(calls) == [Weather(location="Oslo")]
