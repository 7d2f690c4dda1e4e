"""A plain request loads what it needs: what is for streams, further rounds, errors and threads stays out of memory."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec

import pytest
from loopback import call, completion, http

CODE = """
import asyncio, sys
import openai, toolfan
from pydantic import BaseModel

class Weather(BaseModel):
    city: str

async def awaited(client):
    return list(await client.create(model="m", messages=[{"role": "user", "content": "Hello?"}], tools=[Weather]))

SDK = getattr(openai, sys.argv[1])
client = toolfan.from_openai(SDK(base_url=sys.argv[2], api_key="k"))
asked = awaited(client) if sys.argv[1] == "AsyncOpenAI" else None
said = dict(model="m", messages=[{"role": "user", "content": "Hello?"}], tools=[Weather])
calls = asyncio.run(asked) if asked else list(client.create(**said))
assert calls == [Weather(city="Rome")], calls
print(*(name.removeprefix("toolfan.") for name in sys.modules if name.startswith("toolfan") or "." not in name))
"""

STREAMS = {
    "http.gzip_members",
    "client.streams",
    "client.async_streams",
    "drivers.streamed",
    "conversation.stream_asking",
    "stream_effects",
    "conversation.stream_judging",
    "http.event_streams",
    "http.async_events",
    "framing.decoder",
}
PIECES = {"assembly.assembler", "assembly.slots", "framing.scanning"}
ROUNDS = {
    "messages.sdk_objects",
    "messages.chat_parts",
    "conversation.reasking",
    "conversation.merging",
    "results.answering",
    "validation.repairs",
    "validation.scrutiny",
    "messages.parts",
}
ERRORS = {
    "http.exceptions",
    "translation.statuses",
    "translation.retry_after",
    "translation.error_bodies",
    "secrets.masking",
    "validation.call_errors",
    "registry.unserved",
    "secrets.known",
    "toolfan_openai.failures",
    "drivers.again",
    "drivers.raised",
    "tenacity",
    "tools.definitions",
}
RUNS = {"execution.running", "execution.run_drivers", "execution.executing", "execution.jobs", "results.storage"}
PLUGINS = {"hookspecs.specs", "pluggy"}
BLOCKING = {"drivers.blocking", "drivers.sockets", "drivers.workers", "execution.portals", "http.transport"}


@pytest.mark.parametrize(
    ("sdk_client", "spared"),
    [
        ("OpenAI", STREAMS | PIECES | ROUNDS | ERRORS | RUNS | PLUGINS),
        ("AsyncOpenAI", STREAMS | PIECES | ROUNDS | ERRORS | RUNS | PLUGINS | BLOCKING),
    ],
)
def test_a_plain_request_loads_only_what_it_needs(faulty, sdk_client: str, spared: set[str]) -> None:
    assert all(
        find_spec(name if name.startswith(("pluggy", "tenacity", "toolfan_")) else f"toolfan.{name}") for name in spared
    )
    server = faulty(http(json.dumps(completion(call("Weather", {"city": "Rome"})))))
    command = [sys.executable, "-c", CODE, sdk_client, server.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(spared & set(done.stdout.split())) == []
