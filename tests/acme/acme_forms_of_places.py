"""Right adapters: what stands beside what, and in which order, is the wire format's own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from acme_forms import SEES, right
from acme_samples import AcmeSuite, events, lines
from toolfan.wire import sendable
from toolfan_acme import AcmeAdapter
from toolfan_acme.reading import AcmeParser

if TYPE_CHECKING:
    from toolfan.adapter import Capabilities, Turn


@right
@dataclass(frozen=True)
class InParts(AcmeAdapter):
    """A message of the user's is a list of its texts and images, in their order."""

    capabilities: Capabilities = SEES

    def ordered(self, parts: list[Any]) -> list[Any]:
        return parts

    def turns(self, messages: Any, tools: Any) -> Any:
        seen = [self.seen(message) for message in messages]
        texts = [
            {**message, "content": ""} if parts else message for message, parts in zip(messages, seen, strict=True)
        ]
        told = super().turns(texts, tools)
        return [{**turn, "says": self.said(parts)} if parts else turn for turn, parts in zip(told, seen, strict=True)]

    def said(self, parts: list[Any]) -> list[Any]:
        return [
            {"says": part["text"]} if part["type"] == "text" else {"shows": part["image_url"]["url"]}
            for part in self.ordered(parts)
        ]

    def seen(self, message: Any) -> list[Any]:
        """The parts of a message in which there is an image."""
        content = message.get("content")
        shown = isinstance(content, list) and any(part.get("type") == "image_url" for part in content)
        known = shown and all(part.get("type") in ("text", "image_url") for part in content)
        return content if known and message.get("role") == "user" else []


@right
class AllNamed(AcmeAdapter):
    """That any tool must be called is said with all their names."""

    def shaped(self, body: Any) -> Any:
        named = body["mode"] == "must" and "only" not in body
        return {**body, "only": [one["name"] for one in body["tools"]]} if named else body


ABOUT = ("id", "engine", "why", "cost")
THOUGHTS = [{"text": "They want the weather.", "signature": "ErUBCkYIBxgCKkDf"}, {"signature": "Signed"}]


def flat(body: Any, **more: Any) -> Any:
    """The body with what the model said beside what is said of the answer."""
    return {**{name: value for name, value in body.items() if name != "reply"}, **(body.get("reply") or {}), **more}


def nested(body: Any) -> Any:
    """The same back."""
    if not isinstance(body, dict) or "who" not in body:
        return body
    reply = {name: value for name, value in body.items() if name not in (*ABOUT, "error")}
    return {**{name: body[name] for name in (*ABOUT, "error") if name in body}, "reply": reply}


class Flat(AcmeAdapter):
    """The model's words and calls stand beside the id and the engine of the answer, and so do its thoughts."""

    def kept(self, reply: Any) -> Any:
        return reply

    def parse_response(self, body: Any) -> Turn:
        turn = super().parse_response(nested(body))
        return replace(turn, replay=self.kept(turn.replay))

    def stream_parser(self) -> AcmeParser:
        adapter = self

        class Parser(AcmeParser):
            def close(self) -> Turn:
                turn = super().close()
                return replace(turn, replay=adapter.kept(turn.replay))

        return Parser(self.name)

    def own(self, turn: Turn) -> Any:
        return sendable(super().own(turn))


def thoughtful(sample: Any, **more: Any) -> Any:
    body = flat(sample.body, **({"thoughts": THOUGHTS} if sample.calls else {}), **more)
    return replace(sample, body=body, stream_bytes=lines(nested(body)))


FLAT: dict[str, Any] = {
    "samples": [thoughtful(one) for one in AcmeSuite.samples],
    "events_of": lambda self, body: events(nested(body)),
}
right(Flat, **FLAT)


class FlatWithMore(Flat):
    """What a service says of itself does not go back: no law can tell it from what the model said."""

    def kept(self, reply: Any) -> Any:
        return {name: value for name, value in reply.items() if name != "notice"}


NOTICE = "Acme has new terms of use."
right(FlatWithMore, **{**FLAT, "samples": [thoughtful(one, notice=NOTICE) for one in AcmeSuite.samples]})
