"""The adapter `local`, through the public entry: what goes to the service, what comes back, what is refused."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import pytest
import toolfan
from loopback import ONCE
from pydantic import BaseModel
from toolfan.adapter import ADAPTER_API, ParallelToolsAdapter
from toolfan_local import LocalAdapter, LocalClient, Script, load_script

if TYPE_CHECKING:
    from pathlib import Path

ADAPTER = LocalAdapter()
QUESTION = "What is the weather in toronto and dallas and who won the super bowl?"


class Weather(BaseModel):
    location: str
    units: Literal["imperial", "metric"]


class GoogleSearch(BaseModel):
    query: str


Tools = Iterable[Weather | GoogleSearch]


def user(text: str = QUESTION) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def scripted(*answers: dict[str, Any], **options: Any) -> toolfan.Client:
    return toolfan.wrap(LocalClient({"answers": list(answers), **options}), adapter="local", stop=ONCE)


def turn(**body: Any) -> toolfan.Turn:
    return ADAPTER.parse_response({"calls": [], **body})


class TestConnecting:
    def test_the_question_of_the_readme_is_answered_by_the_planner(self) -> None:
        """Three typed calls, in the order of the text, without a key or a network."""
        with toolfan.connect("local") as client:
            calls = client.create(messages=user(), response_model=Tools)
        assert [type(call) for call in calls] == [Weather, Weather, GoogleSearch]
        assert [call.location for call in calls if isinstance(call, Weather)] == ["Toronto", "Dallas"]

    def test_async_gives_the_same(self) -> None:
        """The async client answers as the sync one."""

        async def ask() -> list[Any]:
            async with toolfan.connect_async("local") as client:
                return list(await client.create(messages=user(), response_model=Tools))

        assert asyncio.run(ask()) == list(toolfan.connect("local").create(messages=user(), response_model=Tools))

    def test_a_script_by_path(self, tmp_path: Path) -> None:
        """`connect("local", script=...)` answers from the file."""
        path = tmp_path / "answers.toml"
        path.write_text('[[answers]]\ncalls = [{name = "GoogleSearch", arguments = {query = "scripted"}}]\n')
        calls = toolfan.connect("local", script=str(path)).create(messages=user(), response_model=Tools)
        assert list(calls) == [GoogleSearch(query="scripted")]

    def test_a_script_object(self) -> None:
        """A Script goes in through `wrap`, and tells how much of it is left."""
        script = load_script([{"text": "one"}, {"text": "two"}])
        client = toolfan.wrap(LocalClient(script), adapter="local")
        assert [client.create(messages=user(), response_model=Tools).text for _ in range(2)] == ["one", "two"]
        assert isinstance(script, Script)
        assert script.remaining() == 0

    def test_a_wrong_script_is_a_config_error_that_names_the_place(self, tmp_path: Path) -> None:
        """The file and the position in it are in the message."""
        path = tmp_path / "answers.toml"
        path.write_text('[[answers]]\ntexxt = "?"\n')
        with pytest.raises(toolfan.ConfigError, match=r"answers\.toml.*answers\[0\]"):
            toolfan.connect("local", script=str(path))

    def test_an_unknown_setting_is_refused(self) -> None:
        """A typo in a setting does not pass."""
        with pytest.raises(toolfan.ConfigError, match="scrip"):
            toolfan.connect("local", scrip="x.toml")

    def test_another_object_is_refused(self) -> None:
        """`wrap` with something that is no LocalClient says what to pass."""
        with pytest.raises(toolfan.UsageError, match="LocalClient"):
            toolfan.wrap(object(), adapter="local")

    def test_it_answers_only_when_it_is_named(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Nothing configured is an error, never the planner."""
        monkeypatch.chdir(tmp_path)
        with pytest.raises(toolfan.ConfigError):
            toolfan.connect()

    def test_importing_the_plugin_imports_no_planner_and_no_server(self) -> None:
        """The plugin module is light."""
        code = (
            "import sys, toolfan_local as t; t.toolfan_adapter();"
            "print(sorted(m for m in sys.modules if m in "
            "{'toolfan_local.planner', 'toolfan_local.server', 'starlette', 'uvicorn', 'anyio'}))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"


class TestRequests:
    def built(self, messages: Any = None, **options: Any) -> dict[str, Any]:
        """The body that the service is asked with."""
        seen: list[dict[str, Any]] = []

        class Listening(LocalClient):
            def ask(self, request: dict[str, Any]) -> Any:
                seen.append(request)
                return super().ask(request)

        client = Listening()
        toolfan.wrap(client, adapter="local").create(messages=messages or user(), response_model=Tools, **options)
        return seen[0]

    def test_the_whole_form(self) -> None:
        """What the module's docstring shows is what goes out."""
        body = self.built([{"role": "system", "content": "Be brief."}, *user("hi")], model="m")
        assert body == {
            "model": "m",
            "messages": [{"role": "system", "text": "Be brief."}, {"role": "user", "text": "hi"}],
            "tools": [
                {"name": tool.name, "description": "", "schema": tool.schema}
                for tool in toolfan.ToolSet([Weather, GoogleSearch])
            ],
            "choice": {"mode": "auto"},
        }

    @pytest.mark.parametrize(("parallel", "limit"), [(True, None), (False, 1), (2, 2)])
    def test_parallel_is_the_limit(self, parallel: Any, limit: int | None) -> None:
        """False is one call at most, a number is that many."""
        assert self.built(parallel=parallel).get("limit") == limit

    @pytest.mark.parametrize("limit", [1, 2])
    def test_the_planner_keeps_the_limit(self, limit: int) -> None:
        """No call beyond the limit is planned."""
        calls = toolfan.connect("local").create(messages=user(), response_model=Tools, parallel=limit)
        assert len(calls.outcomes) == limit

    def test_a_subset_of_the_tools(self) -> None:
        """Only the tools of the subset are called."""
        calls = toolfan.connect("local").create(messages=user(), response_model=Tools, tool_choice=[GoogleSearch])
        assert {type(call) for call in calls} == {GoogleSearch}

    def test_no_calls_when_forbidden_and_one_when_required(self) -> None:
        """`tool_choice` holds either way."""
        client = toolfan.connect("local")
        assert not client.create(messages=user(), response_model=Tools, tool_choice="none").outcomes
        assert client.create(messages=user("Hello."), response_model=Tools, tool_choice="required").outcomes

    def test_chat_style_history_is_translated(self) -> None:
        """Assistant calls and tool results become the adapter's own messages, names found by the call's id."""
        call = {"id": "a", "type": "function", "function": {"name": "Weather", "arguments": '{"location": "x"}'}}
        history = [
            *user("hi"),
            {"role": "assistant", "content": "Wait.", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "a", "content": "sunny"},
        ]
        assert self.built(history)["messages"] == [
            {"role": "user", "text": "hi"},
            {
                "role": "model",
                "text": "Wait.",
                "calls": [{"id": "a", "name": "Weather", "arguments": {"location": "x"}}],
            },
            {"role": "result", "id": "a", "name": "Weather", "content": "sunny"},
        ]

    def test_a_chat_style_result_finds_the_name_of_a_call_of_the_own_form(self) -> None:
        """Both forms may stand in one list."""
        said = {"role": "model", "text": None, "calls": [{"id": "a", "name": "Weather", "arguments": {}}]}
        history = [*user(), said, {"role": "tool", "tool_call_id": "a", "content": "sunny"}]
        assert self.built(history)["messages"][1:] == [
            said,
            {"role": "result", "id": "a", "name": "Weather", "content": "sunny"},
        ]

    def test_extra_body_is_merged_unchecked(self) -> None:
        """What the form does not know passes; the service ignores it."""
        assert self.built(extra_body={"mood": "good"})["mood"] == "good"

    def test_a_request_that_extra_body_spoils_is_rejected_by_the_service(self) -> None:
        """It is a ProviderError with a status, as with a real service."""
        with pytest.raises(toolfan.RequestRejected, match="limit") as caught:
            self.built(extra_body={"limit": "many"})
        assert caught.value.status == 400

    def test_what_json_cannot_carry_is_refused(self) -> None:
        """Also in process a request goes through JSON."""
        with pytest.raises(toolfan.RequestRejected, match="mood"):
            self.built(extra_body={"mood": float("nan")})

    @pytest.mark.parametrize(
        ("options", "error"),
        [
            ({"strict": True}, toolfan.Unsupported),
            ({"temperature": 0}, toolfan.UsageError),
        ],
    )
    def test_what_it_cannot_do_is_refused(self, options: dict[str, Any], error: type[Exception]) -> None:
        """Before anything is asked."""
        with pytest.raises(error):
            self.built(**options)

    @pytest.mark.parametrize(
        "part",
        [
            {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}},
            {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}},
        ],
    )
    def test_images_and_sound_are_refused(self, part: dict[str, Any]) -> None:
        """The planner reads texts; a part that it would ignore is refused."""
        with pytest.raises(toolfan.Unsupported):
            self.built([{"role": "user", "content": [{"type": "text", "text": "Look."}, part]}])

    def test_any_name_goes_out_as_it_is(self) -> None:
        """Dots, blanks and other letters need no replacement here."""
        tools = toolfan.ToolSet([toolfan.Tool(GoogleSearch, name="google.web Suche für alle")])
        assert [tool["name"] for tool in ADAPTER.render_tools(tools, strict=None)] == ["google.web Suche für alle"]
        assert ADAPTER.render_tools(tools, strict=None) is ADAPTER.render_tools(tools, strict=None)


class TestAnswers:
    def test_every_field_is_read(self) -> None:
        """Calls, text, stop, usage, model and id of an answer come out."""
        call = {"id": "a", "name": "Weather", "arguments": {"location": "ü"}}
        got = turn(calls=[call], text="t", stop="calls", usage={"input": 2, "output": 3}, model="m", id="i")
        assert got == toolfan.Turn(
            calls=(toolfan.RawCall(0, "a", "Weather", '{"location": "ü"}', "a"),),
            text="t",
            stop=toolfan.StopReason("calls", "calls"),
            usage=toolfan.Usage(2, 3, 5),
            replay={"role": "model", "text": "t", "calls": [call]},
            model="m",
            response_id="i",
        )

    @pytest.mark.parametrize(
        "body",
        [
            None,
            [],
            "text",
            {},
            {"calls": None},
            {"calls": {}},
            {"calls": ["x"]},
            {"calls": [], "text": 3},
            {"choices": [{"message": {"content": "hi"}}]},
        ],
    )
    def test_another_shape_is_a_bad_response(self, body: Any) -> None:
        """Whatever a script or a foreign body holds, nothing else is raised."""
        with pytest.raises(toolfan.BadResponse):
            ADAPTER.parse_response(body)

    @pytest.mark.parametrize("odd", [{}, {"name": None}, {"name": 3, "arguments": 4}, {"id": 5, "arguments": None}])
    def test_an_odd_call_is_not_lost(self, odd: dict[str, Any]) -> None:
        """It comes out with an id, and is judged later."""
        assert [call.id for call in turn(calls=[odd]).calls] == ["call_0"]

    @pytest.mark.parametrize(
        ("stop", "kind"), [("end", "end"), ("length", "length"), ("boredom", "other"), (1, "none")]
    )
    def test_stop_reasons(self, stop: Any, kind: str) -> None:
        """Its own words map one to one; another word is kept as `other`."""
        assert turn(stop=stop).stop.kind == kind

    def test_odd_usage_counts_as_nothing(self) -> None:
        """Usage is never a reason to fail."""
        assert turn(usage={"input": "many", "output": True}).usage == toolfan.Usage()
        assert turn(usage=[]).usage == toolfan.Usage()

    def test_an_error_object_is_raised(self) -> None:
        """Its own status decides the class."""
        with pytest.raises(toolfan.RateLimited):
            ADAPTER.parse_response({"error": {"code": 429, "message": "slow down"}})

    def test_broken_arguments_of_a_script_become_a_bad_call(self) -> None:
        """The text is sent as it is, and the call fails with its reason."""
        client = scripted({"calls": [{"name": "Weather", "arguments": '{"location": '}]})
        calls = client.create(messages=user(), response_model=Tools, on_invalid="keep")
        assert [type(bad.error) for bad in calls.failed] == [toolfan.MalformedArguments]

    def test_more_scripted_calls_than_allowed_are_kept_as_failures(self) -> None:
        """A script knows no limit; core does."""
        search = {"name": "GoogleSearch", "arguments": {"query": "q"}}
        calls = scripted({"calls": [search, search]}).create(
            messages=user(), response_model=Tools, parallel=False, on_invalid="keep"
        )
        assert [type(bad.error) for bad in calls.failed] == [toolfan.TooManyCalls]

    def test_to_json_and_back(self) -> None:
        """The result stores and loads with the adapter found by its name."""
        calls = toolfan.connect("local").create(messages=user(), response_model=Tools)
        assert toolfan.Calls.from_json(calls.to_json(), Tools) == calls


class TestFailures:
    def test_a_scripted_error_has_its_status_code_and_wait(self) -> None:
        """As over HTTP."""
        client = scripted(
            {"error": {"status": 429, "message": "slow", "code": "busy", "headers": {"Retry-After": "7"}}}
        )
        with pytest.raises(toolfan.RateLimited, match="slow") as caught:
            client.create(messages=user(), response_model=Tools, max_attempts=1, deadline=5)
        assert (caught.value.status, caught.value.code, caught.value.retry_after) == (429, "busy", 7)

    def test_a_used_up_script_says_so(self) -> None:
        """It never falls back to the planner unasked."""
        with pytest.raises(toolfan.RequestRejected, match="no answer left"):
            scripted().create(messages=user(), response_model=Tools)

    def test_a_used_up_script_falls_back_where_it_says_so(self) -> None:
        """`otherwise = "planner"`."""
        assert len(scripted(otherwise="planner").create(messages=user(), response_model=Tools)) == 3

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            ({"content": "<html>"}, toolfan.BadResponse),
            ({"content": []}, toolfan.BadResponse),
            ({"content": "no", "status": 401}, toolfan.AuthenticationError),
        ],
    )
    def test_a_verbatim_body_is_read_like_any_other(self, body: dict[str, Any], error: type[Exception]) -> None:
        """What is no answer of the adapter's form is an error with a class."""
        with pytest.raises(error):
            scripted({"body": body}).create(messages=user(), response_model=Tools, max_attempts=1, deadline=5)

    def test_a_verbatim_body_of_the_own_form_is_an_answer(self) -> None:
        """And its headers come out, in lower case."""
        answer = {"calls": [], "text": "hi", "stop": "end"}
        client = scripted({"body": {"content": answer, "headers": {"X-Request-Id": "r"}}})
        calls = client.create(messages=user(), response_model=Tools)
        assert (calls.text, calls.request_id, calls.headers["x-request-id"]) == ("hi", "r", "r")

    def test_a_slow_answer_meets_the_deadline(self) -> None:
        """Sync and async; the answer is not waited for."""
        slow = {"text": "late", "delay": 30, "times": "always"}
        client = LocalClient([slow])
        with pytest.raises(toolfan.DeadlineExceeded):
            toolfan.wrap(client, adapter="local").create(messages=user(), response_model=Tools, deadline=0.1)

        async def ask() -> None:
            await toolfan.wrap_async(client, adapter="local").create(
                messages=user(), response_model=Tools, deadline=0.1
            )

        with pytest.raises(toolfan.DeadlineExceeded):
            asyncio.run(ask())

    def test_a_short_delay_is_waited_for(self) -> None:
        """The answer comes."""
        calls = scripted({"text": "soon", "delay": 0.01}).create(messages=user(), response_model=Tools)
        assert calls.text == "soon"


class TestReplies:
    def test_results_end_the_conversation_with_a_summary(self) -> None:
        """The second round says what the tools returned: no call is made again."""
        client = toolfan.connect("local")
        first = client.create(messages=user(), response_model=Tools)
        answers = first.reply({call.id: {"about": call.name, "at": call.index} for call in first.good})
        second = client.create(messages=[*user(), *answers], response_model=Tools)
        assert not second.outcomes
        assert '"at": 2' in second.text

    def test_the_model_message_is_replayed_untouched_and_each_call_answered_once(self) -> None:
        """In call order, errors told as errors."""
        calls = toolfan.connect("local").create(messages=user(), response_model=Tools)
        said, *results = calls.reply({call.id: ValueError("no") if call.index else 1 for call in calls.good})
        assert said == {"role": "model", "text": None, "calls": calls.raw["calls"]}
        assert [(result["id"], result["is_error"]) for result in results] == [
            (call.id, bool(call.index)) for call in calls.good
        ]

    @pytest.mark.parametrize("given", [["", ""], ["a", "a"]])
    def test_calls_are_replayed_with_the_ids_by_which_they_are_answered(self, given: list[str]) -> None:
        """One that is empty, or another call's, would answer none."""
        made = [{"id": one, "name": "GoogleSearch", "arguments": {"query": str(at)}} for at, one in enumerate(given)]
        calls = scripted({"calls": made}).create(messages=user(), response_model=Tools)
        said, *results = calls.reply({call.id: "ok" for call in calls.good})
        assert [one["arguments"] for one in said["calls"]] == [{"query": "0"}, {"query": "1"}]
        assert [one["id"] for one in said["calls"]] == [result["id"] for result in results]
        assert len({result["id"] for result in results}) == len(given)

    def test_answers_that_do_not_fit_are_refused(self) -> None:
        """A missing answer is an error."""
        with pytest.raises(toolfan.UsageError):
            ADAPTER.build_answer(turn(calls=[{"id": "a", "name": "x"}]), [])


class TestProtocol:
    def test_it_is_an_adapter(self) -> None:
        """Loaded by its name, of this version of the protocol."""
        adapter = toolfan.load_adapter("local")
        assert isinstance(adapter, ParallelToolsAdapter)
        assert (adapter.name, adapter.api) == ("local", ADAPTER_API)

    def test_two_threads_share_a_client(self) -> None:
        """Each question takes one answer of the script, none twice."""
        from concurrent.futures import ThreadPoolExecutor

        client = scripted(*({"text": str(number)} for number in range(40)))
        with ThreadPoolExecutor(4) as pool:
            texts = list(pool.map(lambda _: client.create(messages=user(), response_model=Tools).text, range(40)))
        assert sorted(texts, key=int) == [str(number) for number in range(40)]

    def test_the_body_is_plain_json(self) -> None:
        """`raw` goes through json and back."""
        raw = toolfan.connect("local").create(messages=user(), response_model=Tools).raw
        assert json.loads(json.dumps(raw)) == raw
