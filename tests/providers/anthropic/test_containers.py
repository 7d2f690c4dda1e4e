"""The container that the service's own code runs in: what goes on with a turn names it, what begins anew does not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anthropic
import pytest
import toolfan
from anthropic_asking import stream, whole
from anthropic_samples import events, message, text, tool_use
from loopback import KEY, USER

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopback import FaultServer

BOX = {"id": "container_1", "expires_at": "2026-01-01T00:05:00Z"}
CODE = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "code_execution", "input": {"code": "weather('Oslo')"}}
CALL = {**tool_use("toolu_a", "weather", {"location": "Oslo"}), "caller": {"type": "code_execution", "tool_id": "srv"}}
WAITING = message(CODE, CALL) | {"container": BOX}
DONE = message(text("It rains."), stop="end_turn")
SKILLS = [{"type": "anthropic", "skill_id": "xlsx", "version": "latest"}]
AGAIN = [{"role": "user", "content": "And in Rome?"}]


def weather(location: str) -> str:
    return f"rain in {location}"


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Callable[[FaultServer], toolfan.Client]:
    def client(server: FaultServer) -> toolfan.Client:
        sdk = anthropic.Anthropic(api_key=KEY, base_url=server.url.removesuffix("/v1"))
        request.addfinalizer(sdk.close)
        return toolfan.wrap(sdk, model="m")

    return client


def told_late(body: dict[str, Any]) -> bytes:
    """A stream that tells the container at its end."""
    said = events({key: value for key, value in body.items() if key != "container"})
    for event in said:
        if event["type"] == "message_delta":
            event["delta"]["container"] = body["container"]
    return stream(said)


def containers(server: FaultServer) -> list[Any]:
    """The container of each request; none of them says it in a message, where the service knows no such field."""
    bodies = [json.loads(body) for _, _, _, body in server.requests]
    assert all(set(one) == {"role", "content"} for body in bodies for one in body["messages"])
    return [body.get("container") for body in bodies]


@pytest.mark.parametrize("form", [whole, told_late])
def test_results_for_code_that_waits_name_its_container(faulty: Any, client: Any, form: Any) -> None:
    server = faulty(form(WAITING), *([stream(DONE)] if form is told_late else [whole(DONE)]))
    got = client(server).run(messages=USER, tools=(weather,), early=form is told_late)
    assert ([result.value for result in got.results], got.text) == (["rain in Oslo"], "It rains.")
    assert containers(server) == [None, "container_1"]


def test_a_paused_turn_names_the_container_that_it_goes_on_in(faulty: Any, client: Any) -> None:
    server = faulty(whole(message(CODE, stop="pause_turn") | {"container": BOX}), whole(DONE))
    assert client(server).run(messages=USER, tools=(weather,)).text == "It rains."
    assert containers(server) == [None, "container_1"]


def test_a_later_turn_that_tells_no_container_goes_on_in_the_earlier(faulty: Any, client: Any) -> None:
    more = message(tool_use("toolu_b", "weather", {"location": "Rome"}))
    other = message(CALL | {"id": "toolu_c"}) | {"container": {**BOX, "id": "container_2"}}
    server = faulty(whole(WAITING), whole(more), whole(other), whole(DONE))
    client(server).run(messages=USER, tools=(weather,))
    assert containers(server) == [None, "container_1", "container_1", "container_2"]


def test_a_call_that_is_asked_for_again_names_the_container(faulty: Any, client: Any) -> None:
    bad = message(CODE, CALL | {"input": {}}) | {"container": BOX}
    server = faulty(whole(bad), whole(message(CALL)))
    assert len(client(server).create(messages=USER, tools=(weather,)).good) == 1
    assert containers(server) == [None, "container_1"]


def test_a_question_that_is_asked_anew_names_no_container(faulty: Any, client: Any) -> None:
    told = message(CODE, text("Done."), stop="end_turn") | {"container": BOX}
    server = faulty(whole(told), whole(DONE))
    calls = client(server).create(messages=USER, tools=(weather,))
    client(server).create(messages=[*USER, *calls.reply({}), *AGAIN], tools=(weather,))
    assert containers(server) == [None, None]


def test_words_beside_the_results_change_nothing(faulty: Any, client: Any) -> None:
    server = faulty(whole(WAITING), whole(DONE))
    calls = client(server).create(messages=USER, tools=(weather,))
    kept = toolfan.Calls.from_json(calls.to_json(), tools=(weather,))
    client(server).create(messages=[*USER, *kept.reply({"toolu_a": "rain"}), *AGAIN], tools=(weather,))
    assert containers(server) == [None, "container_1"]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("container_9", "container_9"),
        ({"id": "container_9", "skills": SKILLS}, {"id": "container_9", "skills": SKILLS}),
        ({"skills": SKILLS}, {"id": "container_1", "skills": SKILLS}),
    ],
)
@pytest.mark.parametrize("as_option", [True, False])
def test_what_the_user_says_of_the_container_stays(
    faulty: Any, client: Any, given: Any, sent: Any, as_option: bool
) -> None:
    server = faulty(whole(WAITING), whole(DONE))
    options = {"container": given} if as_option else {"extra_body": {"container": given}}
    client(server).run(messages=USER, tools=(weather,), **options)
    assert containers(server) == [given, sent]


def test_a_mended_turn_keeps_its_container(faulty: Any, client: Any) -> None:
    odd = message(CODE, CALL | {"id": None}, text("")) | {"container": BOX}
    server = faulty(whole(odd), whole(DONE))
    client(server).run(messages=USER, tools=(weather,))
    assert containers(server) == [None, "container_1"]


@pytest.mark.parametrize("form", [whole, told_late])
def test_a_turn_that_nothing_waits_in_says_no_container(faulty: Any, client: Any, form: Any) -> None:
    """It may go on to another provider, where no message has such a field."""
    said = client(faulty(form(message(text("Done."), stop="end_turn") | {"container": BOX})))
    given: dict[str, Any] = {"messages": USER, "tools": (weather,)}
    calls = said.stream(**given).until_done() if form is told_late else said.create(**given)
    assert calls.reply({}) == [{"role": "assistant", "content": [text("Done.")]}]
