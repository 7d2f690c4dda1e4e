"""Asking again over the wire: every provider's real client, bodies judged by the vendors' own documents."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google_asking import WARNINGS
from loopback import USER
from reask_stories import JSON, TURNS, VALUES, A, B, Story, ids

pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]
ACCEPTED = "Accepted. Do not repeat this call."


def turns_of(story: Story, body: JSON) -> list[list[Any]]:
    """What follows the question, cut before each turn of the model."""
    cut: list[list[Any]] = []
    for one in story.said(body):
        if one.get("role") in ("assistant", "model"):
            cut.append([])
        cut[-1].append(one)
    return cut


def check_turn(story: Story, turn: list[Any], letter: str) -> list[Any]:
    """The model's turn is there as it came, and every call of it is answered once, in order; the texts of that."""
    said, *answers = turn
    wanted = story.sent(letter)
    assert said == wanted
    if story.exact:
        assert json.dumps(said) == json.dumps(wanted)
    told = story.told(answers)
    names = [name for name, _ in TURNS[letter]]
    assert [name for name, _, _ in told] == names
    assert [call_id for _, call_id, _ in told] == (ids(letter) if story.exact else [None] * len(names))
    return [text for _, _, text in told]


def about(body: JSON) -> JSON:
    """All of a request but the conversation."""
    return {key: value for key, value in body.items() if key not in ("contents", "input", "messages")}


def check_bodies(story: Story) -> None:
    """The vendor's document finds no fault; nothing but the conversation changes from request to request."""
    for body in story.bodies:
        assert not story.faults(body)
        assert about(body) == about(story.bodies[0])


def test_the_failed_calls_are_mended_and_the_results_go_back(story: Story) -> None:
    story.start("a", "b", None)
    calls = story.create()
    assert list(calls) == VALUES
    assert (calls.attempts, calls.requests, len(story.bodies)) == (2, 2, 2)
    (turn,) = turns_of(story, story.bodies[1])
    accepted, bad, unknown, too = check_turn(story, turn, "a")
    assert accepted == too == ACCEPTED
    assert "y: Input should be a valid string (given: 3)" in bad
    assert "z: Input should be a valid integer" in bad
    assert "none of the tools offered" in unknown
    results = {outcome.id: f"result {outcome.index}" for outcome in calls.outcomes}
    final = story.create(messages=[*USER, *calls.reply(results)])
    assert final.text == "Hm."
    first, second = turns_of(story, story.bodies[2])
    assert check_turn(story, first, "a") == ["result 0", bad, unknown, "result 3"]
    assert check_turn(story, second, "b") == ["result 1", "result 2"]
    check_bodies(story)


def test_a_text_in_place_of_the_mended_calls_is_asked_on(story: Story) -> None:
    story.start("a", None, "b", None)
    calls = story.create()
    assert list(calls) == VALUES
    assert calls.attempts == 3
    first, (said, nudge) = turns_of(story, story.bodies[2])
    check_turn(story, first, "a")
    assert "Hm." in json.dumps(said)
    assert nudge["role"] == "user"
    assert "The call of B with the arguments {" in json.dumps(nudge)
    assert "The call of Sing with the arguments {" in json.dumps(nudge)
    story.create(messages=[*USER, *calls.reply({outcome.id: "r" for outcome in calls.outcomes})])
    first, (said_again, nudge_again), last = turns_of(story, story.bodies[3])
    assert (said_again, nudge_again) == (said, nudge)
    check_turn(story, first, "a")
    check_turn(story, last, "b")
    check_bodies(story)


def test_the_one_of_two_that_is_still_missing_is_named_by_its_arguments(story: Story) -> None:
    story.start("two", "other", "one")
    assert list(story.create()) == [B(y="one", z=1), B(y="other", z=2)]
    _, turn = turns_of(story, story.bodies[2])
    (told,) = check_turn(story, turn, "other")
    assert "The call of B with the arguments {" in told
    assert '"one"' in told
    assert '"other"' not in told


def test_a_wrapper_is_one_call_on_the_wire(story: Story) -> None:
    story.start("w", "m", None)
    calls = story.create()
    assert list(calls) == [A(x=1), A(x=2), B(y="s", z=4)]
    (turn,) = turns_of(story, story.bodies[1])
    wrapped, accepted = check_turn(story, turn, "w")
    inside = json.loads(wrapped) if isinstance(wrapped, str) else wrapped
    good, bad, alone = (outcome.id for outcome in calls.outcomes)
    assert list(inside) == [good, bad] if story.exact else inside.keys() == {good, bad}
    assert inside[good] == accepted == ACCEPTED
    assert "x: Input should be a valid integer" in inside[bad]
    story.create(messages=[*USER, *calls.reply({good: "1", bad: "2", alone: "3"})])
    first, second = turns_of(story, story.bodies[2])
    assert check_turn(story, first, "w")[1] == "3"
    assert check_turn(story, second, "m") == ["2"]
    check_bodies(story)
