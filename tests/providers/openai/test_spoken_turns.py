"""What a model says aloud, whole and streamed: the service keeps the sound, and wants its id back, nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from loopback import KEY, ONCE, USER, Bench, call, completion, http, raw
from odd_streams import TOOLS, A, Weather, chunk, event, piece

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopback import FaultServer

SOUND = {"id": "audio-1", "data": "AAAABBBB", "transcript": "Let me see.", "expires_at": 1800000000}
PIECES = [
    {"id": "audio-1", "transcript": "Let"},
    {"transcript": " me see."},
    {"data": "AAAA"},
    {"data": "BBBB"},
    {"expires_at": 1800000000},
]


def streamed(faulty: Callable[..., FaultServer], *events: Any) -> toolfan.Calls[Any]:
    body = event(*events)
    with openai.OpenAI(api_key=KEY, base_url=faulty(http(body, content_type="text/event-stream")).url) as sdk:
        return toolfan.from_openai(sdk, stop=ONCE).stream(model="m", messages=USER, tools=TOOLS).until_done()


def said(**delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


def test_the_pieces_of_a_stream_are_as_in_a_whole_message(faulty: Callable[..., FaultServer]) -> None:
    pieces = [said(role="assistant", content=None), *(said(audio=one) for one in PIECES)]
    calls = streamed(faulty, *pieces, chunk(piece(0, "a", "Weather", A), finish="tool_calls"))
    assert calls.raw["choices"][0]["message"]["audio"] == SOUND
    told, _ = calls.reply({"a": "sunny"})
    assert (told["audio"], told["tool_calls"][0]["id"]) == ({"id": "audio-1"}, "a")


@pytest.mark.parametrize("sound", [SOUND, {"id": "audio-1"}, {"data": "AAAA"}, {"id": ""}, {"id": 3}, "AAAA"], ids=str)
def test_only_the_id_goes_back_beside_calls(bench: Bench, sound: Any) -> None:
    bench.serve(raw(completion(call("Weather", A, "a"), audio=sound)), {"text": "thanks"})
    calls: toolfan.Calls[Any] = bench.client().create(model="m", messages=USER, tools=(Weather,))
    told, _ = calls.reply({"a": "sunny"})
    kept = isinstance(sound, dict) and sound.get("id") == "audio-1"
    assert told.get("audio") == ({"id": "audio-1"} if kept else None)
    assert calls.raw["choices"][0]["message"]["audio"] == sound


def weather(location: str) -> str:
    return f"sunny in {location}"


def test_a_turn_that_is_only_spoken_goes_back(bench: Bench) -> None:
    bench.serve(raw(completion(audio=SOUND, finish="stop")), {"text": "thanks"})
    client = bench.client()
    ran = client.run(model="m", messages=USER, tools=[weather])
    assert ran.messages[-1] == {"role": "assistant", "content": None, "audio": {"id": "audio-1"}}
    client.run(model="m", messages=[*ran.messages, *USER], tools=[weather])
    assert bench.bodies[1]["messages"][-2] == ran.messages[-1]


def test_one_without_an_id_and_without_a_word_does_not(bench: Bench) -> None:
    bench.serve(raw(completion(audio={"data": "AAAA"}, finish="stop")))
    assert [*bench.client().run(model="m", messages=USER, tools=[weather]).messages] == USER


def test_no_sound_is_said_as_it_came(faulty: Callable[..., FaultServer]) -> None:
    calls = streamed(faulty, said(audio=None, content="Hm"), chunk(piece(0, "a", "Weather", A), finish="tool_calls"))
    assert calls.reply({"a": json.dumps(1)})[0]["audio"] is None
