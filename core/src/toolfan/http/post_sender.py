"""A sender over clients with a generic `post`, as SDKs have it that Stainless generates (openai, anthropic and others).

`client.post` keeps auth, base URL, hooks and error classes of the SDK, and skips its walk through every message and
tool.  Source: the SDKs' own READMEs ("undocumented endpoints").

Knows: what is public in every SDK of this kind.  Must not know: which one it is, what is in a body, retries, policy.
"""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager, closing
from importlib import import_module
from inspect import signature
from os import urandom
from types import NoneType
from typing import TYPE_CHECKING, Any

from ..secrets.held import Hidden
from ..wire import encode_json
from .sender import HttpSender, Pairs

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Mapping

    from ..adapter import WireRequest


_NUMBER = (int, float)
_SLACK = 0.25
"""Seconds that a wait for a free connection may outlast the deadline: its start is a little before that of the wait."""


class PostSender(HttpSender):
    """One client of such an SDK.

    `sdk`: its module.  `path`: below the base URL.  `plain`: the client sends bodies and addresses as they are; one
    that rewrites them (Azure's makes the address of the body) is given a dict and the path, and so is one of an older
    SDK, whose `post` takes no bytes.
    """

    options: Mapping[str, Any] = {}
    """More options of each request, which an SDK that does not know them leaves out."""

    def __init__(self, client: Any, adapter: str, *, sdk: Any, path: str, plain: bool, use_async: bool) -> None:
        super().__init__(client, adapter)
        if not isinstance(own := getattr(client, "timeout", client), (NoneType, *_NUMBER, sdk.Timeout)):
            from ..mocks import check_not_mocked  # of a mock, unless it was told to answer, every part is one

            check_not_mocked(own, adapter=adapter)
        takes_bytes = "content" in signature(client.post).parameters  # older SDKs of the kind do not
        self.path, self.plain, self._use_async, self._timeout_class = (
            path,
            plain and takes_bytes,
            use_async,
            sdk.Timeout,
        )
        # httpx or httpx2, by the version of the SDK; `cast_to` must be the very class.
        names = (cls.__module__.partition(".")[0] for cls in sdk.DefaultHttpxClient.__mro__)
        self._response_class = import_module(next(name for name in names if name.startswith("httpx"))).Response
        self._stream_class = (sdk.AsyncStream if use_async else sdk.Stream)[object]
        self._joined: tuple[Any, str] = (None, path)
        self._last_timeout: tuple[Any, Any] = (None, None)
        self._said: dict[str, Any] = {"post_parser": sdk.NOT_GIVEN, **self.options}

    @property
    def http(self) -> Any:
        return getattr(self.client, "_client", None)

    @property
    def address(self) -> str:
        return str(getattr(self.client, "base_url", ""))

    @property
    def url(self) -> str:
        """Where to post: the whole address, which spares the SDK the joining, where the client is plain."""
        if not self.plain:
            return self.path
        base = self.client.base_url
        joined_base, url = self._joined
        if base is not joined_base:  # it may be set anew at any time
            url = str(base.copy_with(raw_path=base.raw_path + self.path.lstrip("/").encode()))
            self._joined = base, url
        return url

    def always_sent(self) -> tuple[Pairs, ...]:
        found = (getattr(self.client, name, None) for name in ("_custom_headers", "_custom_query"))
        return dict(getattr(self.http, "headers", {})), *(sent for sent in found if sent)

    def limits(self, timeout: float) -> bool:
        read = self._parts()[1]
        return read is None or read > timeout + 1

    def send(self, request: WireRequest, timeout: float | None, headers: Pairs, query: Pairs) -> Any:
        answer = self._post(request, timeout, headers, query)
        return answer if self._use_async else _read(answer)

    def rest(self, answer: Any) -> Any:
        return _read_async(answer)

    def open(self, request: WireRequest, timeout: float | None, headers: Pairs, query: Pairs) -> Any:
        answer = self._post(request, timeout, headers, query)
        return _awaited(answer) if self._use_async else closing(answer)

    def _post(self, request: WireRequest, timeout: float | None, headers: Pairs, query: Pairs) -> Any:
        """The answer, unread, whether or not it is a stream: what the SDK does with one that it reads costs more."""
        given = self._arguments(request, timeout, headers, query)
        return self.client.post(self.url, **given, stream=True, stream_cls=self._stream_class)

    def close(self) -> Any:
        return self.client.close()

    def _arguments(self, request: WireRequest, timeout: float | None, headers: Pairs, query: Pairs) -> dict[str, Any]:
        shorter = None if timeout is None else self._shorter_timeout(timeout)
        # Each option that is left out the SDK fills with a deep copy of its default, which costs more than to say it.
        options = {
            "max_retries": 0,
            "follow_redirects": False,  # one would turn the POST into a GET
            "timeout": self.client.timeout if shorter is None else shorter,
            "headers": Hidden.of(headers),
            "params": Hidden.of(query),
            "idempotency_key": f"toolfan-{urandom(16).hex()}",  # sent where the client has a header for it
            **self._said,
        }
        return {"cast_to": self._response_class, "options": options, **self._payload(request)}

    def _payload(self, request: WireRequest) -> dict[str, Any]:
        body, tools_json = request.body, request.tools_json
        # Also for those that send a dict: what is no JSON is refused here.
        rest = encode_json(body if tools_json is None else {key: body[key] for key in body if key != "tools"})
        if not self.plain:
            return {"body": body}
        if tools_json is None:
            return {"content": rest}
        # Joined, not formatted, which takes more room than it needs: of many requests the heap would be full of gaps.
        return {"content": b"".join((rest[:-1], b',"tools":', tools_json, b"}"))}

    def _shorter_timeout(self, seconds: float) -> Any:
        """The SDK's timeout is for each wait, the deadline for all; None if the client's own is short enough.

        A read that is a little longer ends with its socket; waiting for a free connection ends by this alone.  Where
        the task is cancelled in time, a timer that would ring no sooner is spared: the SDK makes one for each wait.
        """
        parts = self._parts()
        _, read, _, pool = parts
        if self._use_async and _is_cancelled_within(seconds):
            kept = tuple([own if own is not None and own < seconds else None for own in parts])
        elif read is not None and pool is not None and read <= seconds + 1 and pool <= seconds + _SLACK:
            return None
        else:
            kept = tuple([seconds if own is None else min(own, seconds) for own in parts])
        last = self._last_timeout
        if last[0] != kept:
            connect, read, write, pool = kept
            made = self._timeout_class(connect=connect, read=read, write=write, pool=pool)
            last = self._last_timeout = kept, made
        return last[1]

    def _parts(self) -> tuple[float | None, ...]:
        """The client's own timeouts: of connecting, reading, writing, and of waiting for a free connection."""
        own = self.client.timeout
        if own is None or isinstance(own, _NUMBER):
            return (own, own, own, own)
        return (own.connect, own.read, own.write, own.pool)


def _is_cancelled_within(seconds: float) -> bool:
    """Whether a scope around the running task ends it by then, whatever it waits for."""
    import anyio

    return anyio.current_effective_deadline() <= anyio.current_time() + seconds


class _Answer:
    """An answer that was read."""

    __slots__ = ("content", "headers", "request", "status_code")

    def __init__(self, response: Any, content: bytes) -> None:
        self.status_code, self.headers, self.request = response.status_code, response.headers, response.request
        self.content = content


def _is_raw(response: Any) -> bool:
    """Whether the bytes are there to be read, by nobody before."""
    return not (response.is_closed or response.is_stream_consumed)


def _read(response: Any) -> _Answer:
    packed = response.headers.get("content-encoding")
    try:
        if not _is_raw(response) or packed not in (None, "gzip"):
            return _Answer(response, response.read())
        if packed is None:
            return _Answer(response, b"".join(response.iter_raw()))
        from .gzip_members import plain_bytes  # loaded where it is used

        return _Answer(response, b"".join(plain_bytes(response)))
    finally:
        response.close()


async def _read_async(response: Any) -> _Answer:
    packed = response.headers.get("content-encoding")
    try:
        if not _is_raw(response) or packed not in (None, "gzip"):
            return _Answer(response, await response.aread())
        if packed is None:
            return _Answer(response, b"".join([chunk async for chunk in response.aiter_raw()]))
        from .gzip_members import plain_bytes_async

        return _Answer(response, b"".join([chunk async for chunk in plain_bytes_async(response)]))
    finally:
        await response.aclose()


@asynccontextmanager
async def _awaited(answer: Awaitable[Any]) -> AsyncGenerator[Any]:
    async with aclosing(await answer) as response:
        yield response
