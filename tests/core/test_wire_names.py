"""Names of tools as providers take them: what a pattern forbids, and how each name leads back."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from pydantic import BaseModel
from toolfan import ToolDefinitionError, wrap
from toolfan.testing.scripting import ScriptedAdapter, ScriptedClient
from toolfan.tools.tool_type import Tool
from toolfan.tools.toolset import NameMap, ToolSet, legal_name

LOWER = r"[a-z][a-z0-9_]*"
CAPITAL_FIRST = "[A-Z_][A-Za-z0-9_]*"
OF_THREE = r"[a-zA-Z0-9_-]{3,}"
DASHES, DOTS, LETTERS = "[a-zA-Z0-9-]+", "[a-zA-Z][a-zA-Z0-9.]*", "[a-zA-Z0-9]+"
SMALL, CAPITALS = "[a-z]+", "[A-Z]{1,64}"


class Weather(BaseModel):
    location: str


@pytest.mark.parametrize(
    ("name", "pattern", "wire"),
    [
        ("Weather", LOWER, "weather"),
        ("GoogleSearch", LOWER, "googlesearch"),
        ("get_weather", LOWER, "get_weather"),
        ("Get-Weather", LOWER, "get_weather"),
        ("Wétter ☔", LOWER, "w_tter__"),
        ("9Lives", LOWER, "t_9lives"),
        ("weather", "[A-Z_]+", "WEATHER"),
        # No letter of another alphabet becomes one of this: a Kelvin sign, a dotted capital I.
        ("\u212aelvin", LOWER, "t__elvin"),
        ("\u0130stanbul", LOWER, "t__stanbul"),
        # A name has three letters at least: what is wrong with each letter is asked of a name that is long enough.
        ("a blank", OF_THREE, "a_blank"),
        ("dots.and:colons", OF_THREE, "dots_and_colons"),
        ("ab", OF_THREE, "t_ab"),
        # A name begins with a letter of one case, and takes both.
        ("get_user", CAPITAL_FIRST, "Get_user"),
        ("9lives", CAPITAL_FIRST, "T_9lives"),
        ("getUser", "[A-Z][a-zA-Z0-9]*", "GetUser"),
        ("GetUser", "[a-z][a-zA-Z0-9]*", "getUser"),
        # Without `_` another one stands for what is forbidden.
        ("get_weather", DASHES, "get-weather"),
        ("Box[int]", DASHES, "Box-int-"),
        ("天気", DASHES, "---bc79d84d"),
        ("x" * 70, DASHES, "x" * 55 + "-c71bd109"),
        ("get_weather", DOTS, "get.weather"),
        ("9 lives", DOTS, "t.9.lives"),
        # Or nothing, and a digest of the name tells it from others.
        ("get_weather", LETTERS, "getweathere33637ee"),
        ("getWeather", LETTERS, "getWeather"),
        ("天気", LETTERS, "bc79d84d"),
        ("x" * 70, LETTERS, "x" * 56 + "c71bd109"),
        ("getWeather", "[a-z0-9]+", "getweather"),
        # A pattern that takes `_`, but not where it would stand.
        ("Box[int]", "[a-z](?:[a-z0-9_]*[a-z0-9])?", "boxint803a9e91"),
        # Without digits the digest is of letters, in small ones if they are taken.
        ("get_weather", SMALL, "getweatheroddgdhoo"),
        ("get_weather", CAPITALS, "GETWEATHERODDGDHOO"),
        ("get_weather", "[a-zA-Z]+", "getweatheroddgdhoo"),
        ("get_weather", "[A-Z][A-Z0-9]*", "GETWEATHERE33637EE"),
        ("天気", SMALL, "lmhjnien"),
        ("", SMALL, "unnamed"),
        ("x" * 70, SMALL, "x" * 56 + "mhblnbaj"),
        ("x" * 70, "[a-z_]+", "x" * 55 + "_mhblnbaj"),
        ("getWeather", SMALL, "getweather"),
    ],
)
def test_what_a_pattern_forbids_is_replaced(name: str, pattern: str, wire: str) -> None:
    assert legal_name(name, pattern, 64) == wire


def test_a_name_that_stays_too_short_is_refused() -> None:
    with pytest.raises(
        ToolDefinitionError, match=r"no legal name can be made from 'a\.b'.* Give the tool another name"
    ):
        legal_name("a.b", "[a-z_]{16,}", 64)


def test_names_of_one_case_that_differ_stay_two() -> None:
    names = NameMap(["GetUser", "SetUser", "get_user"], LOWER, 64)
    assert names.to_wire == {"GetUser": "getuser", "SetUser": "setuser", "get_user": "get_user"}
    assert names.to_tool["setuser"] == "SetUser"


def test_names_for_which_nothing_stands_in_stay_as_many_as_they_are() -> None:
    tools = ["get_weather", "get-weather", "getweather", "Get.Weather"]
    names = NameMap(tools, LETTERS, 20)
    assert [names.to_tool[wire] for wire in names.to_wire.values()] == tools
    assert len(names.to_tool) == len(tools)


@pytest.mark.parametrize("pattern", ["[a-z]+", "[a-z]{1,20}", "[A-Z]+"])
def test_a_provider_that_takes_letters_alone_is_told_two_tools_whose_letters_are_the_same(pattern: str) -> None:
    capabilities = replace(ScriptedAdapter().capabilities, name_pattern=pattern, max_name_length=20)
    adapter = ScriptedAdapter(capabilities=capabilities)
    tools = [Tool(Weather, name="get_weather"), Tool(Weather, name="get-weather"), Tool(Weather, name="x" * 21)]
    wire = [tool["name"] for tool in adapter.render_tools(ToolSet(tools), strict=None)]
    assert all(re.fullmatch(pattern, name) and len(name) <= 20 for name in wire)
    with wrap(ScriptedClient([[(name, {"location": "Ulm"}) for name in wire]]), adapter=adapter, model="m") as client:
        calls = client.create(messages=[{"role": "user", "content": "?"}], tools=tools)
    assert [call.name for call in calls.good] == [tool.name for tool in tools]


def test_names_that_differ_by_case_alone_collide() -> None:
    tools: ToolSet[Weather] = ToolSet([Tool(Weather, name="getUser"), Tool(Weather, name="GetUser")])
    with pytest.raises(ToolDefinitionError, match="would both be sent as 'getuser'"):
        tools.names(LOWER, 64)


@pytest.mark.parametrize("pattern", [r"[a-zA-Z0-9_-]+", r"[a-zA-Z_][a-zA-Z0-9_-]*", r"^[a-zA-Z0-9_-]{1,64}$"])
@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("GoogleSearch", "GoogleSearch"),
        ("a blank", "a_blank"),
        ("dots.and:colons", "dots_and_colons"),
        ("wétter", "w_tter"),
        ("天気", "___bc79d84d"),
        ("x" * 70, "x" * 55 + "_c71bd109"),
        ("\u212aelvin", "_elvin"),
    ],
)
def test_providers_that_take_both_cases_get_the_names_that_they_always_got(name: str, wire: str, pattern: str) -> None:
    assert legal_name(name, pattern, 64) == wire
