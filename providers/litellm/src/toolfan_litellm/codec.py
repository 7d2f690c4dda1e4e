"""The codec: that of chat completions, which LiteLLM speaks for every model.

Knows: what differs from OpenAI's chat completions.  Must not know: LiteLLM, HTTP, retries, how calls are validated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from toolfan_openai.codec import CAPABILITIES, ChatCompletionsAdapter

from .server_tools import ServerToolsParser, parse, served, with_served, without_served
from .settings import LiteLLMSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel
    from toolfan.adapter import Answer, AsyncTransport, Capabilities, Message, StreamParser, Transport, Turn

OPTION_NAMES = ChatCompletionsAdapter().option_names | {"thinking"}
"""Those of chat completions, and `thinking`: LiteLLM translates them, or refuses what a model does not have."""

_CAPABILITIES = replace(CAPABILITIES, max_tools=None)  # how many tools are too many is the vendor's to say


@dataclass(frozen=True)
class LiteLLMAdapter(ChatCompletionsAdapter):
    """The adapter `litellm`: models by LiteLLM's names, such as `anthropic/claude-sonnet-4-5`."""

    name: str = "litellm"
    provider: str = "litellm"
    capabilities: Capabilities = _CAPABILITIES
    settings_model: type[BaseModel] = LiteLLMSettings
    option_names: frozenset[str] = OPTION_NAMES

    def parse_response(self, body: Mapping[str, Any]) -> Turn:
        """The turn in a chat completion; see `server_tools` for calls that are none of the client's."""
        return parse(body, adapter=self.name)

    def stream_parser(self) -> StreamParser:
        """A parser for the chunks of one streamed completion."""
        return ServerToolsParser(self.name, needs_end=self.needs_end)

    def build_answer(self, turn: Turn, answers: Sequence[Answer]) -> list[Message]:
        """The assistant message, calls of the server's tools included; one `tool` message a call of the client's."""
        calls = served(turn.replay)
        if not calls:
            return super().build_answer(turn, answers)
        message, *rest = super().build_answer(replace(turn, replay=without_served(turn.replay)), answers)
        return [with_served(message, calls), *rest]

    def connect(self, settings: BaseModel, *, use_async: bool) -> object:
        """A `LiteLLMClient`.  Raises ConfigError without the key it names, AdapterNotInstalled without LiteLLM."""
        from .client import connect

        assert isinstance(settings, LiteLLMSettings)
        return connect(settings)

    def key_variables(self, settings: BaseModel) -> tuple[str, ...]:
        """The variable that the profile names; without one LiteLLM takes those of the vendor that the model names."""
        named = getattr(settings, "api_key_env", None)
        return (named,) if named else ()

    def key_remarks(self, settings: BaseModel) -> tuple[str, ...]:
        """That LiteLLM finds the key, where it does."""
        if self.key_variables(settings) or getattr(settings, "base_url", None):
            return ()
        return (
            "LiteLLM takes the key from the variables of the model's vendor; whether they are set is not known here",
        )

    def transport(self, client: object, *, use_async: bool) -> Transport | AsyncTransport:
        """A sender over a `LiteLLMClient` or the module litellm.  Raises UsageError if it is neither."""
        from .transport import make_transport

        return make_transport(client, use_async=use_async, adapter=self.name)
