"""The question of the README and its tools, as JSON Schema, for the tests that ask the server through an SDK."""

from __future__ import annotations

from typing import Any

QUESTION = "What is the weather in toronto and dallas and who won the super bowl?"
WEATHER: dict[str, Any] = {
    "type": "object",
    "properties": {"location": {"type": "string"}, "units": {"type": "string", "enum": ["imperial", "metric"]}},
    "required": ["location", "units"],
}
SEARCH: dict[str, Any] = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
EXPECTED: list[tuple[str, dict[str, str]]] = [
    ("Weather", {"location": "Toronto", "units": "metric"}),
    ("Weather", {"location": "Dallas", "units": "imperial"}),
    ("GoogleSearch", {"query": "who won the super bowl"}),
]
