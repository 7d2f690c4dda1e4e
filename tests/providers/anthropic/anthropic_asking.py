"""Asking a server on loopback through toolfan's public entry point and the real anthropic SDK, sync and async."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import anthropic
import tenacity
import toolfan
from anthropic_samples import events, message, on_the_wire, tool_use
from loopback import KEY, USER, http
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN = "tok-planted-0815"
"""Goes out as a header with every request, beside the SDK's key: neither may ever be shown."""


class Weather(BaseModel):
    location: str
    units: Literal["imperial", "metric"]


class Search(BaseModel):
    query: str


OSLO = {"location": "Oslo", "units": "metric"}
GOOD = message(tool_use("toolu_a", "Weather", OSLO), tool_use("toolu_b", "Search", {"query": "rain"}))
VALUES = [Weather(location="Oslo", units="metric"), Search(query="rain")]


def whole(body: Any, **headers: str) -> bytes:
    return http(json.dumps(body), request_id="req_1", **headers)


def stream(body: Mapping[str, Any] | list[dict[str, Any]], **headers: str) -> bytes:
    made = body if isinstance(body, list) else events(body)
    return http(on_the_wire(made), content_type="text/event-stream", request_id="req_1", **headers)


def failed(status: int, kind: str, said: str = "No.", **headers: str) -> bytes:
    error = {"type": "error", "error": {"type": kind, "message": said}, "request_id": "req_1"}
    return http(json.dumps(error), status, request_id="req_1", **headers)


@dataclass(frozen=True)
class Asker:
    """Asks with a client of one kind; `streams`: collects a stream."""

    use_async: bool
    streams: bool

    def __call__(self, url: str, *, sdk: Mapping[str, Any] | None = None, **options: Any) -> toolfan.Calls[Any]:
        made = {"api_key": KEY, "base_url": url.removesuffix("/v1"), **(sdk or {})}
        asked: dict[str, Any] = {"model": "m", "messages": USER, "tools": (Weather, Search), "stream": self.streams}
        asked |= {"extra_headers": {"x-house-token": TOKEN}, **options}
        wait = tenacity.wait_none()
        if self.use_async:
            return asyncio.run(self._awaited(made, asked, wait))
        with anthropic.Anthropic(**made) as client:
            got: Any = toolfan.wrap(client, wait=wait).create(**asked)
            if not self.streams:
                return got  # type: ignore[no-any-return]
            with got:
                for _ in got:
                    pass
            return got.calls  # type: ignore[no-any-return]

    async def _awaited(self, made: dict[str, Any], asked: dict[str, Any], wait: Any) -> toolfan.Calls[Any]:
        async with anthropic.AsyncAnthropic(**made) as client:
            got: Any = await toolfan.wrap_async(client, wait=wait).create(**asked)
            if not self.streams:
                return got  # type: ignore[no-any-return]
            async with got:
                async for _ in got:
                    pass
            return got.calls  # type: ignore[no-any-return]

    def good(self, body: Any = GOOD, **headers: str) -> bytes:
        """A good answer, in the form that is asked for."""
        return stream(body, **headers) if self.streams else whole(body, **headers)
