"""`toolfan request`: the body that would be sent.  Needs no SDK, no key and no network.

Knows: how `create()` makes a request.  Must not know: transports, any provider.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ..config.targets import resolve
from ..errors import UsageError
from ..request.arguments import prepare
from ..wire import encode_json
from .output import print_json
from .questions import Choice, Profile, Question, System, Target, Tools, messages, tool_choice
from .tool_paths import load_tools


def request(
    question: Question,
    *,
    tools: Tools,
    target: Target = None,
    profile: Profile = None,
    system: System = None,
    choice: Choice = "auto",
    as_stream: Annotated[bool, typer.Option("--stream", help="As `call --stream` asks.")] = False,
) -> None:
    """Print the exact body that `toolfan call` with the same options gives to be sent, as JSON.

    An SDK may add empty fields of its own.
    """
    found = resolve(target, profile=profile, model=None, settings={})
    defaults: dict[str, Any] = {"model": found.model, **found.defaults}
    defaults |= defaults.pop("options", None) or {}
    prepared = prepare(
        found.adapter,
        defaults,
        messages=messages(question, system),
        tools=load_tools(tools),
        options={"tool_choice": tool_choice(choice), "stream": as_stream},
    )
    made = found.adapter.build_request(prepared.request)
    if not made.model and not made.body.get("model"):  # Google's services have it in the address
        name = found.adapter.name
        raise UsageError("no model is named", adapter=name, hint=f"Write --with {name}:MODEL.")
    encode_json(made.body)  # only to refuse what no transport would send
    print_json(made.body, indent=2)
