"""What a server of Cohere's sends back of the secrets is not shown, and no redirect takes them elsewhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from cohere_asking import asked
from cohere_wire import on_the_wire
from loopback import KEY, http
from wrapped_ways import WAYS

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN = "Planted0815-house"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["error", "message-end", "tool-plan-delta"])
def test_an_error_of_any_type_shows_no_secret(cohere_client: Callable[..., Any], way: str, kind: str) -> None:
    said = f"no: {KEY}, {TOKEN}"
    told = {"type": kind, "error": {"message": said, "code": 400}, "message": said}
    stream = http(on_the_wire([told]), content_type="text/event-stream")
    answer = http(json.dumps(told)) if way.endswith("whole") else stream
    client, _ = cohere_client(answer, use_async=way.startswith("async"))
    with pytest.raises(toolfan.ProviderError, match=r"no: \*\*\*, \*\*\*") as caught:
        asked(way, client, extra_headers={"x-house": TOKEN})
    assert not [secret for secret in (KEY, TOKEN) if secret in repr(vars(caught.value))]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(
    cohere_client: Callable[..., Any], faulty: Callable[..., Any], way: str, status: int
) -> None:
    elsewhere = faulty(http("{}"))
    client, server = cohere_client(
        http("", status, location=f"{elsewhere.url}/there"), use_async=way.startswith("async")
    )
    with pytest.raises(toolfan.BadResponse, match=f"{status}.*a redirect to {elsewhere.url}/there"):
        asked(way, client)
    assert (len(server.requests), len(elsewhere.requests)) == (1, 0)


def test_what_else_is_sent_through_the_client_is_redirected_as_before(
    cohere_client: Callable[..., Any], faulty: Callable[..., Any]
) -> None:
    elsewhere = faulty(http(json.dumps({"tokens": [1], "token_strings": ["x"]})))
    client, _ = cohere_client(http("", 307, location=f"{elsewhere.url}/there"))
    with pytest.raises(toolfan.BadResponse):
        asked("whole", client)
    assert client.tokenize(text="x", model="m", offline=False).tokens == [1]
