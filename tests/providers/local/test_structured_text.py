"""A request that wants its text as JSON gets JSON of its schema, asked through the vendors' SDKs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

import anthropic
import cohere
import httpx
import jsonschema
import openai
import pytest
from google.genai import types
from pydantic import BaseModel, Field
from test_google_dialect import gemini, vertex
from test_openai_dialect import MESSAGES, TOOLS, client

if TYPE_CHECKING:
    from toolfan_local.server import Server


class Trip(BaseModel):
    """A trip."""

    city: str
    days: Annotated[int, Field(ge=2)]
    kind: Literal["work", "leisure"]


TEXT = "Plan a trip to Lima for 5 days"
SAYS: list[Any] = [{"role": "user", "content": TEXT}]
SCHEMA: dict[str, Any] = {**Trip.model_json_schema(), "additionalProperties": False}


def is_right(text: str | None) -> None:
    trip = json.loads(text or "")
    jsonschema.validate(trip, SCHEMA)
    assert (trip["city"], trip["days"]) == ("Lima", 5)


def test_openai(server: Server) -> None:
    with client(server) as sdk:
        is_right(sdk.chat.completions.parse(model="m", messages=SAYS, response_format=Trip).choices[0].message.content)
        is_right(sdk.responses.parse(model="m", input=TEXT, text_format=Trip).output_text)
        plain = sdk.chat.completions.create(model="m", messages=SAYS, response_format={"type": "json_object"})
        assert plain.choices[0].message.content == "{}"
        form: Any = {"type": "json_schema", "json_schema": {"name": "trip", "schema": SCHEMA}}
        with_tools = sdk.chat.completions.create(model="m", messages=MESSAGES, tools=TOOLS, response_format=form)
        assert len(with_tools.choices[0].message.tool_calls or []) == 3  # calls first, the text after their results
        pieces = sdk.chat.completions.create(model="m", messages=SAYS, response_format=form, stream=True)
        is_right("".join(one.choices[0].delta.content or "" for one in pieces))


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"type": "xml"}, "Supported values are: 'text', 'json_object', 'json_schema'"),
        ({"type": "json_schema"}, "'response_format.json_schema.name'"),
        ({"type": "json_schema", "json_schema": {"name": "a b", "schema": {}}}, "does not match pattern"),
        ({"type": "json_schema", "json_schema": {"name": "a"}}, "'response_format.json_schema.schema'"),
        ({"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": Trip.model_json_schema()}},
         "Invalid schema for response_format 'a': .*additionalProperties"),
    ],
)  # fmt: skip
def test_wrong_forms_are_refused(server: Server, form: Any, words: str) -> None:
    with client(server) as sdk, pytest.raises(openai.BadRequestError, match=words):
        sdk.chat.completions.create(model="m", messages=SAYS, response_format=form)


@pytest.mark.parametrize("make", [vertex, gemini])
def test_google(server: Server, make: Any) -> None:
    sdk = make(server)
    for schema in ({"response_schema": Trip}, {"response_json_schema": SCHEMA}):
        config = types.GenerateContentConfig(response_mime_type="application/json", **schema)  # type: ignore[arg-type]
        is_right(sdk.models.generate_content(model="m", contents=TEXT, config=config).text)
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=list[Trip])
    assert sdk.models.generate_content(model="m", contents=TEXT, config=config).parsed == []


def test_anthropic(server: Server) -> None:
    with anthropic.Anthropic(base_url=server.anthropic_url, api_key="any", max_retries=0) as sdk:
        form: Any = {"format": {"type": "json_schema", "schema": SCHEMA}}
        message = sdk.messages.create(model="m", max_tokens=99, messages=SAYS, extra_body={"output_config": form})
    is_right(message.content[0].text)  # type: ignore[union-attr]


def test_cohere(server: Server) -> None:
    form: Any = {"type": "json_object", "schema": SCHEMA}
    with httpx.Client() as http:
        sdk = cohere.ClientV2(base_url=server.base_url, api_key="any", httpx_client=http)
        is_right(sdk.chat(model="m", messages=SAYS, response_format=form).message.content[0].text)  # type: ignore[index,union-attr]
