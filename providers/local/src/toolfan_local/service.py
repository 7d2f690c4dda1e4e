"""The service behind the adapter `local`, in this process: a request in the adapter's form in, an answer out.

It stands where the vendor's SDK stands for other adapters.

Knows: the wire form from the other side.  Must not know: the planner's rules, how a script is used up, transports.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolfan.errors import ConfigError

from . import local_stream
from .answering import Answerer, Settled
from .exchange import Failure, Question, Reply, ReplyCall, ToolResult, Verbatim, count_tokens, estimate_tokens
from .identifiers import Identifiers
from .pacing import pace_of
from .planner import PlannerTool
from .script import ScriptError, load_script

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from toolfan.adapter import JSON

    from .pacing import Pace
    from .script import Script
    from .settings import LocalSettings


class LocalClient:
    """Answers from `script`, or without one from the offline planner.  Safe to share between threads.

    `script` is a Script, or what `load_script` takes.  `pace` and `calls_together` are as for `Server`.  Raises
    ScriptError for a wrong script, ValueError for a wrong pace.
    """

    def __init__(
        self,
        script: Script | str | Path | Mapping[str, Any] | list[Any] | None = None,
        *,
        pace: float | Pace = 0.0,
        calls_together: bool = False,
    ) -> None:
        self.script = None if script is None else load_script(script)
        self._answerer = Answerer(self.script, pace=pace_of(pace), together=calls_together)
        self._identifiers = Identifiers()

    def ask(self, request: JSON) -> Settled:
        """What is answered to a request: a Failure, or a Verbatim with the JSON of the answer; and after what delay."""
        settled, answer = self._settled(request)
        if answer is None:
            return settled
        delay = settled.first_wait + settled.pace.total(local_stream.chunks(answer, together=settled.together))
        return Settled(_as_json(answer), delay)

    def stream(self, request: JSON) -> tuple[Settled, list[tuple[float, JSON]]]:
        """The same in events, and how long to wait before each; no events where the answer is none of its own."""
        settled, answer = self._settled(request)
        if answer is None:
            return settled, []
        sent = json.loads(_as_json(answer).body)  # nothing is shared with the script
        events = list(settled.pace.paced(local_stream.chunks(sent, together=settled.together)))
        return replace(settled, outcome=Verbatim(b"")), events

    def _settled(self, request: JSON) -> tuple[Settled, JSON | None]:
        try:
            question = _question(request)
        except (KeyError, TypeError, AttributeError) as exc:  # only extra_body can bring that about
            message = f"the request is not in the adapter's form: {type(exc).__name__}: {exc}"
            return Settled(Failure(400, message)), None
        settled = self._answerer.answer(question)
        return settled, self._rendered(question, settled.outcome) if isinstance(settled.outcome, Reply) else None

    def _rendered(self, question: Question, reply: Reply) -> JSON:
        tokens = count_tokens(question, reply)
        return {
            "id": f"answer_{self._identifiers.take(12)}",
            "model": question.model,
            "calls": [self._call(call) for call in reply.calls],
            "text": reply.text if reply.refusal is None else reply.refusal,
            "stop": None if reply.stop == "none" else reply.stop_kind,
            "usage": {"input": tokens.prompt, "output": tokens.completion},
        }

    def _call(self, call: ReplyCall) -> JSON:
        call_id = f"call_{self._identifiers.take(12)}" if call.id is None else call.id
        return {"id": call_id, "name": call.name, "arguments": call.arguments}


def _as_json(answer: JSON) -> Verbatim:
    return Verbatim(json.dumps(answer, ensure_ascii=False).encode())


def connect(settings: LocalSettings, *, adapter: str) -> LocalClient:
    """A client from settings.  Raises ConfigError for a script that cannot be used."""
    try:
        return LocalClient(settings.script and settings.script.absolute())  # a message then says where it looked
    except ScriptError as exc:
        raise ConfigError(
            f"the script cannot be used: {exc}",
            adapter=adapter,
            hint="Mend the file that script= names; a relative path begins at the folder of the configuration file, "
            "one that is given as an argument or a variable at the working directory.",
        ) from exc


def _question(request: JSON) -> Question:
    choice, messages = request["choice"], request["messages"]
    allowed, limit = choice.get("tools"), request.get("limit")
    if not (limit is None or isinstance(limit, int)):
        raise TypeError(f"limit is {type(limit).__name__}")
    return Question(
        model=request["model"],
        text=next((message.get("text") or "" for message in reversed(messages) if message["role"] == "user"), ""),
        tools=tuple(PlannerTool(tool["name"], tool["description"], tool["schema"]) for tool in request["tools"]),
        results=_last_results(messages),
        choice=choice["mode"],
        allowed=None if allowed is None else frozenset(allowed),
        limit=limit,
        prompt_tokens=estimate_tokens([messages, request["tools"]]),
    )


def _last_results(messages: list[JSON]) -> tuple[ToolResult, ...]:
    """The results that the conversation ends with; empty if something was said after them."""
    results: list[ToolResult] = []
    for message in reversed(messages):
        if message["role"] != "result":
            break
        error = message.get("is_error") is True
        results.append(ToolResult(str(message.get("name")), message.get("content"), error=error))
    return tuple(reversed(results))
