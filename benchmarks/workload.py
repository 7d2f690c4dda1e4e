"""What is asked in every benchmark: tools, messages, and how a client would do it by hand.

Runs in every environment, so it needs pydantic alone.  Knows: tools and conversations as data.  Must not know: toolfan,
any SDK, time.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field, create_model


class LookupA(BaseModel):
    """Look up the weather of a city for some days ahead."""

    city: str = Field(description="Name of the city.")
    days: int = Field(ge=1, le=14, description="How many days ahead.")
    units: Literal["metric", "imperial"] = "metric"
    tags: list[str] = []


class LookupB(LookupA):
    """Look up the events in a city for some days ahead."""


class LookupC(LookupA):
    """Look up the traffic in a city for some days ahead."""


NAMED = (LookupA, LookupB, LookupC)


def tool_models(count: int) -> list[type[BaseModel]]:
    """`count` models; the server calls the first three."""
    rest = [
        create_model(f"Lookup{at:03d}", __base__=LookupA, __doc__=f"Look up the thing with the number {at}.")
        for at in range(len(NAMED), count)
    ]
    return [*NAMED, *rest][:count]


def tool_dicts(models: list[type[BaseModel]]) -> list[dict[str, Any]]:
    """The tools as the bare SDK is given them, made once and beforehand."""
    return [
        {
            "type": "function",
            "function": {
                "name": model.__name__,
                "description": model.__doc__ or "",
                "parameters": model.model_json_schema(),
            },
        }
        for model in models
    ]


def conversation(count: int) -> list[dict[str, Any]]:
    """`count` messages, from 2: instructions, then questions, calls, results and answers in turn, and a question."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": "You help with journeys. Always use the tools."}]
    for at in range(count - 2):
        call_id = f"call_{at - at % 4}"
        function = {"name": "LookupA", "arguments": f'{{"city":"Lisbon","days":{at % 14 + 1}}}'}
        messages.append(
            (
                {"role": "user", "content": f"What will the weather in Lisbon be like on day {at}, please?"},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": call_id, "type": "function", "function": function}],
                },
                {"role": "tool", "tool_call_id": call_id, "content": '{"degrees": 21, "sky": "clear", "wind": 3}'},
                {"role": "assistant", "content": "It will be clear and mild, with 21 degrees and little wind."},
            )[at % 4]
        )
    # Every call has its result: the last exchange is cut where it is whole.
    while messages[-1].get("tool_calls"):
        messages[-1] = {"role": "assistant", "content": "One moment, please."}
    return [*messages, {"role": "user", "content": "And in Toronto, Lisbon and Oslo?"}]


def read_by_hand(completion: Any, models: dict[str, type[BaseModel]]) -> list[BaseModel]:
    """The calls of an SDK's completion, validated as one would write it without a library."""
    return [
        models[call.function.name].model_validate_json(call.function.arguments)
        for call in completion.choices[0].message.tool_calls
    ]
