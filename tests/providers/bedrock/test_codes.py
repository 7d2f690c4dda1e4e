"""Bedrock's error codes mean the same whatever the HTTP status is that they come with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from bedrock_asking import asked
from bedrock_wire import answer, events, frame, frames, use
from loopback import http
from toolfan import (
    PermissionDenied,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestRejected,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Callable

CODES: dict[str, tuple[type[ProviderError], bool]] = {
    "ThrottlingException": (RateLimited, True),
    "TooManyRequestsException": (RateLimited, True),
    "ModelNotReadyException": (RateLimited, True),
    "ServiceUnavailableException": (Unavailable, True),
    "InternalServerException": (Unavailable, True),
    "ModelTimeoutException": (Unavailable, True),
    "ModelErrorException": (Unavailable, True),
    "ServiceQuotaExceededException": (QuotaExhausted, False),
    "AccessDeniedException": (PermissionDenied, False),
    "ValidationException": (RequestRejected, False),
    "ResourceNotFoundException": (RequestRejected, False),
    "UnknownOperationException": (RequestRejected, False),
}


@pytest.mark.parametrize("way", ["whole", "streamed"])
@pytest.mark.parametrize("status", [400, 403, 429, 503])
@pytest.mark.parametrize("code", CODES)
def test_the_code_counts(bedrock: Callable[..., Any], way: str, status: int, code: str) -> None:
    kind, retryable = CODES[code]
    client, _ = bedrock(http(json.dumps({"message": "planted words"}), status, x_amzn_errortype=code))
    with pytest.raises(ProviderError, match=rf"answered {status} \({code}\): planted words") as caught:
        asked(way, client)
    error = caught.value
    assert (type(error), error.retryable, error.status, error.code) == (kind, retryable, status, code)
    assert error.hint


@pytest.mark.parametrize(
    ("status", "kind"), [(400, RequestRejected), (429, RateLimited), (500, Unavailable), (503, Unavailable)]
)
def test_of_an_unknown_code_the_status_does(
    bedrock: Callable[..., Any], status: int, kind: type[ProviderError]
) -> None:
    client, _ = bedrock(http(json.dumps({"message": "planted words"}), status, x_amzn_errortype="NewerException"))
    with pytest.raises(kind, match="planted words") as caught:
        asked("whole", client)
    assert type(caught.value) is kind


@pytest.mark.parametrize("way", ["streamed", "async streamed"])
def test_an_unknown_error_in_a_stream_is_told_by_its_name_and_words(bedrock: Callable[..., Any], way: str) -> None:
    """boto3 passes over both."""
    said = frames(events(answer(use("t1", "Weather", {"location": "Oslo"})))[:4])
    error = frame("newerException", {"message": "planted words"}, message_type="exception")
    client, _ = bedrock(http(said + error, content_type="application/vnd.amazon.eventstream"))
    with pytest.raises(Unavailable, match=r"\(newerException\): planted words") as caught:
        asked(way, client)
    assert (caught.value.code, len(caught.value.calls or ())) == ("newerException", 1)


@pytest.mark.parametrize("way", ["streamed", "async streamed"])
def test_the_models_own_words_are_told_of_an_error_in_a_stream(bedrock: Callable[..., Any], way: str) -> None:
    told = {"message": "Model Stream Error", "originalStatusCode": 500, "originalMessage": "planted words"}
    error = frame("modelStreamErrorException", told, message_type="exception")
    client, _ = bedrock(http(error, content_type="application/vnd.amazon.eventstream"))
    with pytest.raises(Unavailable, match=r"\(modelStreamErrorException\): Model Stream Error: planted words"):
        asked(way, client)


@pytest.mark.parametrize("way", ["whole", "streamed"])
@pytest.mark.parametrize("status", [200, 404])
def test_an_operation_that_the_front_door_does_not_know(bedrock: Callable[..., Any], way: str, status: int) -> None:
    """boto3 finds no code in it; it is no failure that goes away."""
    body = {"Output": {"__type": "com.amazon.coral.service#UnknownOperationException"}, "Version": "1.0"}
    client, _ = bedrock(http(json.dumps(body), status))
    with pytest.raises(RequestRejected, match=r"answered 404 \(UnknownOperationException\)") as caught:
        asked(way, client)
    assert (caught.value.code, caught.value.retryable) == ("UnknownOperationException", False)


@pytest.mark.parametrize("way", ["whole", "streamed"])
@pytest.mark.parametrize("status", [502, 504])
def test_what_a_page_says_is_told(bedrock: Callable[..., Any], way: str, status: int) -> None:
    """boto3 tells the reason of the status in its place."""
    client, _ = bedrock(http("<html>planted words</html>", status, content_type="text/html"))
    with pytest.raises(Unavailable, match=f"answered {status}: <html>planted words"):
        asked(way, client)
