# mypy: disable-error-code="overload-overlap"
"""The typed signatures of `AsyncClient.create()`, in the order that `create` explains.

Knows: types.  Must not know: how a request is made or sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ..overloads import overload

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping, Sequence

    from typing_extensions import TypeForm, Unpack

    # isort: off
    from .forms import F1, F2, F3, F4, F5, F6, F7, F8, K1, K2, K3, K4, K5, K6, K7, K8, T1, T2, T3, T4, T5, T6, T7, T8
    from .forms import B, E, M, Messages, MixedTools, S
    # isort: on

    from ..client.async_streams import AsyncCallStream
    from ..results.calls_type import Calls
    from ..tools.toolset import ToolSet
    from .options import OneTool, Options, Several, StreamOptions


class AsyncCreate:
    """The typed `create()`, awaited; a subclass says in `_ask` how it is done."""

    @overload
    async def create(
        self, *, messages: Messages, response_model: TypeForm[M], **options: Unpack[Options]
    ) -> Calls[M]: ...
    @overload
    async def create(
        self, *, messages: Messages, response_model: TypeForm[Iterable[E]], **options: Unpack[Options]
    ) -> Calls[E]: ...
    @overload
    async def create(
        self, *, messages: Messages, response_model: TypeForm[Sequence[S]], **options: Unpack[Options]
    ) -> Calls[S]: ...
    @overload
    async def create(
        self, *, messages: Messages, response_model: TypeForm[S], **options: Unpack[Options]
    ) -> Calls[S]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: K1[T1] | ToolSet[T1], **options: Unpack[Options]
    ) -> Calls[T1]: ...
    @overload
    async def create(self, *, messages: Messages, tools: K2[T1, T2], **options: Unpack[Options]) -> Calls[T1 | T2]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: K3[T1, T2, T3], **options: Unpack[Options]
    ) -> Calls[T1 | T2 | T3]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: K4[T1, T2, T3, T4], **options: Unpack[Options]
    ) -> Calls[T1 | T2 | T3 | T4]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: K5[T1, T2, T3, T4, T5], **options: Unpack[Options]
    ) -> Calls[T1 | T2 | T3 | T4 | T5]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: K6[T1, T2, T3, T4, T5, T6], **options: Unpack[Options]
    ) -> Calls[T1 | T2 | T3 | T4 | T5 | T6]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: K7[T1, T2, T3, T4, T5, T6, T7], **options: Unpack[Options]
    ) -> Calls[T1 | T2 | T3 | T4 | T5 | T6 | T7]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: K8[T1, T2, T3, T4, T5, T6, T7, T8], **options: Unpack[Options]
    ) -> Calls[T1 | T2 | T3 | T4 | T5 | T6 | T7 | T8]: ...
    @overload
    async def create(self, *, messages: Messages, tools: MixedTools, **options: Unpack[Options]) -> Calls[Any]: ...
    @overload
    async def create(self, *, messages: Messages, tools: F1[T1], **options: Unpack[Options]) -> Calls[B[T1]]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: F2[T1, T2], **options: Unpack[Options]
    ) -> Calls[B[T1] | B[T2]]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: F3[T1, T2, T3], **options: Unpack[Options]
    ) -> Calls[B[T1] | B[T2] | B[T3]]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: F4[T1, T2, T3, T4], **options: Unpack[Options]
    ) -> Calls[B[T1] | B[T2] | B[T3] | B[T4]]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: F5[T1, T2, T3, T4, T5], **options: Unpack[Options]
    ) -> Calls[B[T1] | B[T2] | B[T3] | B[T4] | B[T5]]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: F6[T1, T2, T3, T4, T5, T6], **options: Unpack[Options]
    ) -> Calls[B[T1] | B[T2] | B[T3] | B[T4] | B[T5] | B[T6]]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: F7[T1, T2, T3, T4, T5, T6, T7], **options: Unpack[Options]
    ) -> Calls[B[T1] | B[T2] | B[T3] | B[T4] | B[T5] | B[T6] | B[T7]]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: F8[T1, T2, T3, T4, T5, T6, T7, T8], **options: Unpack[Options]
    ) -> Calls[B[T1] | B[T2] | B[T3] | B[T4] | B[T5] | B[T6] | B[T7] | B[T8]]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: Several[OneTool], **options: Unpack[Options]
    ) -> Calls[Any]: ...
    @overload
    async def create(
        self,
        *,
        messages: Messages,
        response_model: TypeForm[M],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> AsyncCallStream[M]: ...
    @overload
    async def create(
        self,
        *,
        messages: Messages,
        response_model: TypeForm[Iterable[E]],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> AsyncCallStream[E]: ...
    @overload
    async def create(
        self,
        *,
        messages: Messages,
        response_model: TypeForm[Sequence[S]],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> AsyncCallStream[S]: ...
    @overload
    async def create(
        self,
        *,
        messages: Messages,
        response_model: TypeForm[S],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> AsyncCallStream[S]: ...
    @overload
    async def create(
        self,
        *,
        messages: Messages,
        tools: K1[T1] | ToolSet[T1],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> AsyncCallStream[T1]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: K2[T1, T2], stream: Literal[True], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[T1 | T2]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: K3[T1, T2, T3], stream: Literal[True], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[T1 | T2 | T3]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: K4[T1, T2, T3, T4], stream: Literal[True], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[T1 | T2 | T3 | T4]: ...
    @overload
    async def create(
        self,
        *,
        messages: Messages,
        tools: K5[T1, T2, T3, T4, T5],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> AsyncCallStream[T1 | T2 | T3 | T4 | T5]: ...
    @overload
    async def create(
        self,
        *,
        messages: Messages,
        tools: K6[T1, T2, T3, T4, T5, T6],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> AsyncCallStream[T1 | T2 | T3 | T4 | T5 | T6]: ...
    @overload
    async def create(
        self,
        *,
        messages: Messages,
        tools: K7[T1, T2, T3, T4, T5, T6, T7],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> AsyncCallStream[T1 | T2 | T3 | T4 | T5 | T6 | T7]: ...
    @overload
    async def create(
        self,
        *,
        messages: Messages,
        tools: K8[T1, T2, T3, T4, T5, T6, T7, T8],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> AsyncCallStream[T1 | T2 | T3 | T4 | T5 | T6 | T7 | T8]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: MixedTools, stream: Literal[True], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[Any]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: F1[T1], stream: Literal[True], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[B[T1]]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: F2[T1, T2], stream: Literal[True], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[B[T1] | B[T2]]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: F3[T1, T2, T3], stream: Literal[True], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[B[T1] | B[T2] | B[T3]]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: F4[T1, T2, T3, T4], stream: Literal[True], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[B[T1] | B[T2] | B[T3] | B[T4]]: ...
    @overload
    async def create(
        self,
        *,
        messages: Messages,
        tools: F5[T1, T2, T3, T4, T5],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> AsyncCallStream[B[T1] | B[T2] | B[T3] | B[T4] | B[T5]]: ...
    @overload
    async def create(
        self,
        *,
        messages: Messages,
        tools: F6[T1, T2, T3, T4, T5, T6],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> AsyncCallStream[B[T1] | B[T2] | B[T3] | B[T4] | B[T5] | B[T6]]: ...
    @overload
    async def create(
        self,
        *,
        messages: Messages,
        tools: F7[T1, T2, T3, T4, T5, T6, T7],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> AsyncCallStream[B[T1] | B[T2] | B[T3] | B[T4] | B[T5] | B[T6] | B[T7]]: ...
    @overload
    async def create(
        self,
        *,
        messages: Messages,
        tools: F8[T1, T2, T3, T4, T5, T6, T7, T8],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> AsyncCallStream[B[T1] | B[T2] | B[T3] | B[T4] | B[T5] | B[T6] | B[T7] | B[T8]]: ...
    @overload
    async def create(
        self, *, messages: Messages, tools: Several[OneTool], stream: Literal[True], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[Any]: ...
    async def create(self, *, messages: Any, response_model: Any = None, tools: Any = None, **options: Any) -> Any:
        """`Create.create`, awaited; it is cancelled at the deadline.  `stream=True` gives an AsyncCallStream."""
        return await self._ask(messages, response_model, tools, options)

    def _ask(
        self, messages: Any, response_model: Any, tools: Any, options: Mapping[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        raise NotImplementedError
