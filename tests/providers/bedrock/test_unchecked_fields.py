"""Fields that toolfan does not know: boto3 checks the body, and one of Converse's own fields lets them through."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from bedrock_asking import MODEL, asked
from bedrock_wire import answer, events, frames, use
from loopback import http
from toolfan.testing import RecordingAdapter
from wrapped_ways import WAYS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BODY = answer(use("t1", "Weather", {"location": "Oslo"}))
WHOLE = http(json.dumps(BODY))
STREAMED = http(frames(events(BODY)), content_type="application/vnd.amazon.eventstream")


@pytest.mark.parametrize("way", WAYS)
def test_what_the_hint_for_an_unknown_option_names_is_sent(bedrock: Callable[..., Any], way: str) -> None:
    client, server = bedrock(WHOLE if way.endswith("whole") else STREAMED)
    with pytest.raises(toolfan.UsageError, match="top_k= is no option") as caught:
        asked(way, client, top_k=5)
    assert str(caught.value.hint).startswith("To send it unchecked, use additionalModelRequestFields={'top_k': ...}.")
    assert not server.requests
    assert len(asked(way, client, additionalModelRequestFields={"top_k": 5})) == 1
    assert json.loads(server.requests[0][3])["additionalModelRequestFields"] == {"top_k": 5}


def test_a_recorded_client_and_several_choices_are_told_of_it_too(bedrock: Callable[..., Any]) -> None:
    tap = RecordingAdapter(toolfan.load_adapter("bedrock"))
    with pytest.raises(toolfan.UsageError) as caught:
        toolfan.wrap(bedrock(WHOLE)[0], adapter=tap, model=MODEL).create(messages=[], tools=[weather], n=2)
    assert "additionalModelRequestFields={'n': ...} sends it all the same" in str(caught.value.hint)


def weather(location: str) -> None: ...


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("extra", [{"top_k": 5}, {"inferenceConfig": {"top_k": 5}}])
def test_what_boto3_refuses_names_the_door(bedrock: Callable[..., Any], way: str, extra: dict[str, Any]) -> None:
    """It was said to be a token provider's fault, or a hook's."""
    client, server = bedrock(WHOLE)
    with pytest.raises(toolfan.RequestRejected, match=r'Unknown parameter in .*: "top_k"') as caught:
        asked(way, client, extra_body=extra)
    assert "What the model alone knows goes into additionalModelRequestFields={...}." in str(caught.value.hint)
    assert "token provider" not in str(caught.value)
    assert (caught.value.requests, server.requests) == (0, [])


def test_an_option_of_a_profile_is_told_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "toolfan.toml").write_text('[profiles.x]\nadapter = "bedrock"\nmodel = "m"\noptions = { top_k = 5 }\n')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(toolfan.ConfigError) as caught:
        toolfan.connect(profile="x")
    assert str(caught.value.hint).endswith("To send it unchecked, use additionalModelRequestFields= of create().")
