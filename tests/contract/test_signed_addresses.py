"""The signature of a signed address is a secret: a service that sends it back does not get it into results."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from loopback import USER, call, completion, http
from odd_streams import Weather

if TYPE_CHECKING:
    from collections.abc import Callable

SIGNATURE = "pLaNtEdSig0815xyz"


@pytest.mark.parametrize("name", ["sig", "Signature", "X-Amz-Signature", "x-goog-signature"])
@pytest.mark.parametrize("way", ["of the client", "of one call"])
@pytest.mark.parametrize("status", [200, 403])
def test_it_is_not_shown(faulty: Callable[..., Any], name: str, way: str, status: int) -> None:
    openai = pytest.importorskip("openai", reason="the openai SDK is not installed")
    good = {**completion(call("Weather", {"location": "A"})), "at": f"https://x/?{name}={SIGNATURE}&v=1"}
    body = good if status == 200 else {"error": {"message": f"not with {SIGNATURE}"}}
    server = faulty(http(json.dumps(body), status))
    query = {name: SIGNATURE}
    own = {"default_query": query} if way == "of the client" else {}
    with openai.OpenAI(api_key="none", base_url=server.url, **own) as sdk:
        client = toolfan.from_openai(sdk)
        asked: Any = {"messages": USER, "tools": (Weather,), "model": "m"}
        asked |= {} if own else {"extra_query": query}
        if status == 200:
            found: Any = client.create(**asked)
            shown = repr(found) + str(found.raw)
            assert f"{name}=***&v=1" in shown
        else:
            with pytest.raises(toolfan.PermissionDenied) as caught:
                client.create(**asked)
            found = caught.value
            shown = repr(found) + str(found)
    assert SIGNATURE in server.requests[0][1]
    assert SIGNATURE not in shown
    assert SIGNATURE.encode() not in pickle.dumps(found)
