"""An adapter as it is, whose senders may be others.

Knows: the adapter protocol.  Must not know: what the senders do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel

    from toolfan.adapter import (
        JSON,
        Answer,
        AsyncTransport,
        Capabilities,
        Message,
        ParallelToolsAdapter,
        StreamParser,
        ToolRequest,
        Transport,
        Turn,
        WireRequest,
    )
    from toolfan.tools.toolset import ToolSet


class Through:
    """Asks another adapter; see `toolfan.adapter.ParallelToolsAdapter`."""

    def __init__(self, adapter: ParallelToolsAdapter) -> None:
        self._adapter = adapter

    @property
    def name(self) -> str:
        return self._adapter.name

    @property
    def api(self) -> int:
        return self._adapter.api

    @property
    def capabilities(self) -> Capabilities:
        return self._adapter.capabilities

    @property
    def settings_model(self) -> type[BaseModel]:
        return self._adapter.settings_model

    @property
    def option_names(self) -> frozenset[str]:
        return self._adapter.option_names

    @property
    def omits_with(self) -> str:
        return getattr(self._adapter, "omits_with", "")

    @property
    def unchecked_option(self) -> str:
        return getattr(self._adapter, "unchecked_option", "extra_body")

    def render_tools(self, tools: ToolSet[Any], *, strict: bool | None) -> list[JSON]:
        return self._adapter.render_tools(tools, strict=strict)

    def build_request(self, request: ToolRequest) -> WireRequest:
        return self._adapter.build_request(request)

    def parse_response(self, body: Mapping[str, Any]) -> Turn:
        return self._adapter.parse_response(body)

    def stream_parser(self) -> StreamParser:
        return self._adapter.stream_parser()

    def build_answer(self, turn: Turn, answers: Sequence[Answer]) -> list[Message]:
        return self._adapter.build_answer(turn, answers)

    def connect(self, settings: BaseModel, *, use_async: bool) -> object:
        return self._adapter.connect(settings, use_async=use_async)

    def transport(self, client: object, *, use_async: bool) -> Transport | AsyncTransport:
        return self._adapter.transport(client, use_async=use_async)
