"""Decides what is answered to a question: the script's next answer, or the planner's calls, or a text.

Knows neither the wire dialects nor how answers travel.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from toolfan_local.capping import capped
from toolfan_local.exchange import Outcome, Question, Reply, ReplyCall, ToolResult
from toolfan_local.fields import json_type, resolve
from toolfan_local.pacing import NO_PAUSE, Pace
from toolfan_local.planner import PlannerTool, plan
from toolfan_local.sampling import sample
from toolfan_local.words import identifier_words

if TYPE_CHECKING:
    from toolfan_local.script import Script

_LAST_WORDS = frozenset({"final", "finish", "answer", "respond", "response", "result", "output", "done", "conclude"})


@dataclass(frozen=True)
class Settled:
    """What is answered, after how many seconds, and how it comes: its pace, all calls in one chunk or each alone."""

    outcome: Outcome
    delay: float = 0.0
    pace: Pace = NO_PAUSE
    together: bool = False

    @property
    def first_wait(self) -> float:
        """Seconds before the first byte."""
        return self.delay + self.pace.first_byte


class Answerer:
    """Answers questions from a script, or without one from the planner. Safe to share between threads.

    `pace` and `together` hold for every answer that has none of its own.
    """

    def __init__(self, script: Script | None = None, *, pace: Pace = NO_PAUSE, together: bool = False) -> None:
        self._script, self._pace, self._together = script, pace, together

    def answer(self, question: Question) -> Settled:
        """The answer to one question, within its limit of tokens. Never raises for what a question says."""
        settled = self._whole(question)
        outcome = settled.outcome
        return replace(settled, outcome=capped(question, outcome)) if isinstance(outcome, Reply) else settled

    def _whole(self, question: Question) -> Settled:
        if self._script is None:
            return self._settled(planned_reply(question))
        entry = self._script.take(model=question.model, text=question.text)
        if entry is not None:
            pace = entry.own_pace() or self._pace
            together = self._together if entry.calls_together is None else entry.calls_together
            return Settled(entry.outcome(), entry.delay, pace, together)
        if self._script.otherwise == "planner":
            return self._settled(planned_reply(question))
        return self._settled(self._script.exhausted(question.model, question.text))

    def _settled(self, outcome: Outcome) -> Settled:
        return Settled(outcome, 0.0, self._pace, self._together)


def planned_reply(question: Question) -> Reply:
    """The planner's answer: calls where tools fit, a summary after tool results, else a text that says nothing fits."""
    if question.results and question.choice != "required":
        return Reply(text=_formed(question) or summary(question.results))
    calls = plan(
        _still_to_call(question), question.text, choice=question.choice, allowed=question.allowed, limit=question.limit
    )
    if calls:
        return Reply(calls=tuple(ReplyCall(call.name, call.arguments) for call in calls))
    return Reply(text=_formed(question) or "No tool was called: none of the offered tools fits the message.")


def _still_to_call(question: Question) -> tuple[PlannerTool, ...]:
    """The tools that a required call is planned for: after results, those whose calls failed, and they alone.

    After good ones another tool, if it is named, or takes the answer (agents require calls until that one is made), or
    the text asks for it; else all: nothing that nobody asked for is called for being left over.
    """
    if not question.results:
        return question.tools
    offered = [tool for tool in question.tools if question.allowed is None or tool.name in question.allowed]
    failed = {result.name for result in question.results if result.failed}
    if again := tuple(tool for tool in offered if tool.name in failed):
        return again
    answered = {result.name for result in question.results}
    rest = [tool for tool in offered if tool.name not in answered]
    if question.allowed is None:
        asked = {call.name for call in plan(question.tools, question.text)}
        rest = [tool for tool in rest if _takes_the_answer(tool)] or [tool for tool in rest if tool.name in asked]
    return tuple(rest) or question.tools


def _takes_the_answer(tool: PlannerTool) -> bool:
    """Whether the tool says of itself that it ends the conversation, as agents name the one for their output."""
    said = identifier_words(tool.description) if isinstance(tool.description, str) else []
    return "final" in said or not _LAST_WORDS.isdisjoint(identifier_words(tool.name))


def _formed(question: Question) -> str | None:
    """The JSON text that the request asks for, filled as the arguments of a call are; None where any text will do."""
    if question.form is None:
        return None
    form = resolve(question.form, question.form)
    if json_type(form) != "object":
        return json.dumps(sample(form, question.form), ensure_ascii=False)
    calls = plan([PlannerTool("answer", "", form)], question.text, choice="required", limit=1)
    return json.dumps(calls[0].arguments if calls else {}, ensure_ascii=False)


def summary(results: tuple[ToolResult, ...]) -> str:
    """A text that repeats each tool result under the name of its tool."""
    lines = [f"- {result.name}: {_as_text(result.content)}" for result in results]
    return "The tools returned:\n" + "\n".join(lines)


def _as_text(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, default=str)
