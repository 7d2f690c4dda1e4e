"""One peer, measured beside the bare openai SDK of its own environment.

    python benchmarks/peer_calls.py NAME ADDRESS ROUNDS ROUND_SECONDS

Runs in the peer's environment, prints a line of JSON with the versions and then one for each row.  A peer that returns
unvalidated arguments is given the same validation by hand as the bare SDK.  Knows: how each peer is asked for parallel
calls, by its own documentation.  Must not know: toolfan, environments.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import version
from typing import Any, Literal, Union

import openai
from measuring import Effort, compare, times
from workload import conversation, read_by_hand, tool_dicts, tool_models

Ask = Callable[[str, list[dict[str, Any]]], list[Any]]
Maker = Callable[[str, list[Any]], Ask]
KEY = "k"
# calls, tools, messages
ROWS = ((1, 3, 2), (3, 3, 2), (16, 3, 2), (3, 100, 2), (3, 3, 200))
TAKES_DICTS = ("instructor", "langchain-openai", "litellm")


def bare(address: str, models: list[Any]) -> Ask:
    """The SDK alone."""
    sdk, tools = openai.OpenAI(base_url=address, api_key=KEY), tool_dicts(models)
    by_name = {model.__name__: model for model in models}
    return lambda model, messages: read_by_hand(
        sdk.chat.completions.create(model=model, messages=messages, tools=tools),  # type: ignore[arg-type]
        by_name,
    )


def _instructor(address: str, models: list[Any]) -> Ask:
    import instructor

    client = instructor.from_openai(openai.OpenAI(base_url=address, api_key=KEY), mode=instructor.Mode.PARALLEL_TOOLS)
    form = Iterable[Union[tuple(models)]]  # type: ignore[misc]  # noqa: UP007
    return lambda model, messages: list(
        client.chat.completions.create(model=model, messages=messages, response_model=form)
    )


def _pydantic_ai(address: str, models: list[Any]) -> Ask:
    from pydantic_ai.direct import model_request_sync
    from pydantic_ai.messages import ModelRequest, SystemPromptPart, ToolCallPart, UserPromptPart
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.tools import ToolDefinition

    provider = OpenAIProvider(base_url=address, api_key=KEY)
    named = cache(lambda model: OpenAIChatModel(model, provider=provider))
    functions = [one["function"] for one in tool_dicts(models)]
    tools = [
        ToolDefinition(name=one["name"], description=one["description"], parameters_json_schema=one["parameters"])
        for one in functions
    ]
    parameters = ModelRequestParameters(function_tools=tools, allow_text_output=True)
    by_name = {model.__name__: model for model in models}

    def ask(model: str, messages: list[dict[str, Any]]) -> list[Any]:
        parts = [SystemPromptPart(messages[0]["content"]), UserPromptPart(messages[1]["content"])]
        answer = model_request_sync(named(model), [ModelRequest(parts=parts)], model_request_parameters=parameters)
        calls = [part for part in answer.parts if isinstance(part, ToolCallPart)]
        return [by_name[call.tool_name].model_validate_json(call.args_as_json_str()) for call in calls]

    return ask


def _langchain(address: str, models: list[Any]) -> Ask:
    from langchain_core.output_parsers import PydanticToolsParser
    from langchain_openai import ChatOpenAI

    parser = PydanticToolsParser(tools=models)
    chain = cache(
        lambda model: ChatOpenAI(model=model, base_url=address, api_key=KEY).bind_tools(models) | parser  # type: ignore[arg-type]
    )
    return lambda model, messages: chain(model).invoke(messages)


def _litellm(address: str, models: list[Any]) -> Ask:
    import litellm

    tools, by_name = tool_dicts(models), {model.__name__: model for model in models}
    return lambda model, messages: read_by_hand(
        litellm.completion(model=f"openai/{model}", api_base=address, api_key=KEY, messages=messages, tools=tools),
        by_name,
    )


def _functions(models: list[Any]) -> list[Callable[..., Any]]:
    """The same tools as functions, for peers that take nothing else."""

    def made(model: Any) -> Callable[..., Any]:
        def function(
            city: str, days: int, units: Literal["metric", "imperial"] = "metric", tags: list[str] | None = None
        ) -> Any:
            return model(city=city, days=days, units=units, tags=tags or [])

        function.__name__ = function.__qualname__ = model.__name__
        function.__doc__ = model.__doc__
        # magentic and mirascope read the annotations as objects.
        function.__annotations__ = {
            "city": str,
            "days": int,
            "units": Literal["metric", "imperial"],
            "tags": list[str] | None,
            "return": str,
        }
        return function

    return [made(model) for model in models]


def _magentic(address: str, models: list[Any]) -> Ask:
    from magentic import Chat, OpenaiChatModel, ParallelFunctionCall, SystemMessage, UserMessage

    named = cache(lambda model: OpenaiChatModel(model, base_url=address, api_key=KEY))
    functions = _functions(models)

    def ask(model: str, messages: list[dict[str, Any]]) -> list[Any]:
        chat: Any = Chat(
            messages=[SystemMessage(messages[0]["content"]), UserMessage(messages[1]["content"])],
            functions=functions,
            output_types=[ParallelFunctionCall[Any]],
            model=named(model),
        )
        return list(chat.submit().last_message.content)

    return ask


def _mirascope(address: str, models: list[Any]) -> Ask:
    from mirascope import llm

    llm.register_provider("openai", base_url=address, api_key=KEY)
    tools = [llm.tool(function) for function in _functions(models)]
    by_name = {model.__name__: model for model in models}

    def ask(model: str, messages: list[dict[str, Any]]) -> list[Any]:
        asked = [llm.messages.system(messages[0]["content"]), llm.messages.user(messages[1]["content"])]
        answer: Any = llm.Model(f"openai/{model}:completions").call(asked, tools=tools)
        return [by_name[call.name].model_validate_json(call.args) for call in answer.tool_calls]

    return ask


PEERS: dict[str, tuple[str, Maker]] = {
    "instructor": ("PARALLEL_TOOLS", _instructor),
    "pydantic-ai-slim": ("direct", _pydantic_ai),
    "langchain-openai": ("bind_tools, PydanticToolsParser", _langchain),
    "litellm": ("completion", _litellm),
    "magentic": ("ParallelFunctionCall, streams", _magentic),
    "mirascope": ("Model.call", _mirascope),
}


def main() -> None:
    """Measure one peer."""
    name, address, rounds, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    effort = Effort(rounds=rounds, round_seconds=seconds, import_rounds=0)
    way, maker = PEERS[name]
    print(json.dumps({"name": name, "way": way, "version": version(name), "openai": version("openai")}), flush=True)
    for calls, tools, count in ROWS:
        title = f"{name}: {calls} calls, {tools} tools" + (f", {count} messages" if count > 2 else "")
        if count > 2 and name not in TAKES_DICTS:
            continue
        try:
            models, messages, model = tool_models(tools), conversation(count), f"k{calls}"
            ask, base = maker(address, models), bare(address, models)
            if (got := len(ask(model, messages))) != calls:
                raise RuntimeError(f"{got} calls came back, not {calls}")
            ours, theirs = times(lambda: ask(model, messages)), times(lambda: base(model, messages))  # noqa: B023
            row = compare(title, ours, theirs, effort).data()
        except Exception as exc:
            row = {"name": title, "error": f"{type(exc).__name__}: {exc}"[:300]}
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
