"""The blocking client: what users hold.

Knows: how a request is prepared, driven and ended.  Must not know: any provider; wire formats.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ..conversation.asking import Wishes
from ..conversation.generator import converse
from ..drivers.blocking import drive
from ..execution.runs import Runs
from ..signatures.create import Create
from ..signatures.stream import Stream
from .any_client import AnyClient, Spoken, note_unclosed, streaming

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from types import TracebackType
    from typing import Self

    from ..request.arguments import Prepared
    from ..results.calls_type import Calls
    from .async_client import AsyncClient as AsyncClient
    from .streams import CallStream


class _Completions(Spoken, Create):
    def __init__(self, client: Client) -> None:
        self._ask = client._ask  # type: ignore[method-assign]


class _Chat(Spoken):
    def __init__(self, client: Client) -> None:
        self.completions = _Completions(client)


class Client(AnyClient, Create, Stream, Runs):
    """Asks a provider for typed tool calls, blocking.  Safe to share between threads.

    Made by `connect`, `wrap`, `from_openai` and `from_vertexai`.  `adapter` is the provider's codec, `sdk_client` the
    vendor's own client.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        from ..execution.portals import Portal  # not for async clients

        self._portal = Portal()
        self._tools_portal = self._portal.tools

    def _ask(self, messages: Any, response_model: Any, tools: Any, options: Mapping[str, Any]) -> Any:
        prepared = self._prepare(messages, response_model, tools, options)
        if prepared.request.stream:
            return self._streamed(prepared)
        return self._whole(prepared)

    def _whole(self, prepared: Prepared) -> Calls[Any]:
        transport = self._binding.transport()
        secrets = partial(self._binding.secrets, transport, prepared)
        conversation = converse(self.adapter, prepared.request, prepared.policy, self._retries, secrets=secrets)
        return drive(conversation, transport, prepared, adapter=self.adapter.name, on_abandon=self._left.count)

    def _streamed(self, prepared: Prepared, forget: Callable[[], bool] | None = None) -> CallStream[Any]:
        from ..drivers.streamed import drive_stream  # what is for streams alone is loaded for those who stream
        from .streams import CallStream

        wishes = Wishes(forget=forget)

        def start() -> Generator[Any, None, None]:
            self._check_open()
            transport, name = self._binding.transport(), self.adapter.name
            secrets = partial(self._binding.secrets, transport, prepared)
            request, policy = prepared.request, prepared.policy
            conversation = converse(self.adapter, request, policy, self._retries, wishes=wishes, secrets=secrets)
            return drive_stream(conversation, transport, prepared, adapter=name, on_abandon=self._left.count)

        return CallStream(self.adapter, prepared.request.tools, wishes, start)

    def _open(self, messages: Any, response_model: Any, tools: Any, options: Mapping[str, Any]) -> CallStream[Any]:
        return self._streamed(self._prepare(messages, response_model, tools, streaming(options)))

    @property
    def chat(self) -> _Chat:
        """`client.chat.completions.create` is `client.create`, in OpenAI's spelling."""
        return _Chat(self)  # made anew: one that is kept would hold the client in a cycle

    def close(self) -> None:
        """Close the SDK's client if toolfan made it; one that you passed stays open."""
        if not self._closed:
            self._closed = True
            self._portal.close()
            for transport in self._binding.made():
                transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except Exception as failed:
            if exc is None:
                raise
            note_unclosed(exc, failed)
