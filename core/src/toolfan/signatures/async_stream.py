# mypy: disable-error-code="overload-overlap"
"""The typed signatures of the async client's `stream()`, in the order that `create` explains.

Knows: types.  Must not know: how a request is made or sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..overloads import overload

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from typing_extensions import TypeForm, Unpack

    # isort: off
    from .forms import F1, F2, F3, F4, F5, F6, F7, F8, K1, K2, K3, K4, K5, K6, K7, K8, T1, T2, T3, T4, T5, T6, T7, T8
    from .forms import B, E, M, Messages, MixedTools, S
    # isort: on

    from ..client.async_streams import AsyncCallStream
    from ..tools.toolset import ToolSet
    from .options import OneTool, Several, StreamOptions


class AsyncStream:
    """The typed `stream()` of the async client, which is not awaited; a subclass says in `_open` how it is done."""

    @overload
    def stream(
        self, *, messages: Messages, response_model: TypeForm[M], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[M]: ...
    @overload
    def stream(
        self, *, messages: Messages, response_model: TypeForm[Iterable[E]], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[E]: ...
    @overload
    def stream(
        self, *, messages: Messages, response_model: TypeForm[Sequence[S]], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[S]: ...
    @overload
    def stream(
        self, *, messages: Messages, response_model: TypeForm[S], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[S]: ...
    @overload
    def stream(
        self, *, messages: Messages, tools: K1[T1] | ToolSet[T1], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[T1]: ...
    @overload
    def stream(
        self, *, messages: Messages, tools: K2[T1, T2], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[T1 | T2]: ...
    @overload
    def stream(
        self, *, messages: Messages, tools: K3[T1, T2, T3], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[T1 | T2 | T3]: ...
    @overload
    def stream(
        self, *, messages: Messages, tools: K4[T1, T2, T3, T4], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[T1 | T2 | T3 | T4]: ...
    @overload
    def stream(
        self, *, messages: Messages, tools: K5[T1, T2, T3, T4, T5], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[T1 | T2 | T3 | T4 | T5]: ...
    @overload
    def stream(
        self, *, messages: Messages, tools: K6[T1, T2, T3, T4, T5, T6], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[T1 | T2 | T3 | T4 | T5 | T6]: ...
    @overload
    def stream(
        self, *, messages: Messages, tools: K7[T1, T2, T3, T4, T5, T6, T7], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[T1 | T2 | T3 | T4 | T5 | T6 | T7]: ...
    @overload
    def stream(
        self, *, messages: Messages, tools: K8[T1, T2, T3, T4, T5, T6, T7, T8], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[T1 | T2 | T3 | T4 | T5 | T6 | T7 | T8]: ...
    @overload
    def stream(
        self, *, messages: Messages, tools: MixedTools, **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[Any]: ...
    @overload
    def stream(
        self, *, messages: Messages, tools: F1[T1], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[B[T1]]: ...
    @overload
    def stream(
        self, *, messages: Messages, tools: F2[T1, T2], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[B[T1] | B[T2]]: ...
    @overload
    def stream(
        self, *, messages: Messages, tools: F3[T1, T2, T3], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[B[T1] | B[T2] | B[T3]]: ...
    @overload
    def stream(
        self, *, messages: Messages, tools: F4[T1, T2, T3, T4], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[B[T1] | B[T2] | B[T3] | B[T4]]: ...
    @overload
    def stream(
        self, *, messages: Messages, tools: F5[T1, T2, T3, T4, T5], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[B[T1] | B[T2] | B[T3] | B[T4] | B[T5]]: ...
    @overload
    def stream(
        self, *, messages: Messages, tools: F6[T1, T2, T3, T4, T5, T6], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[B[T1] | B[T2] | B[T3] | B[T4] | B[T5] | B[T6]]: ...
    @overload
    def stream(
        self, *, messages: Messages, tools: F7[T1, T2, T3, T4, T5, T6, T7], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[B[T1] | B[T2] | B[T3] | B[T4] | B[T5] | B[T6] | B[T7]]: ...
    @overload
    def stream(
        self, *, messages: Messages, tools: F8[T1, T2, T3, T4, T5, T6, T7, T8], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[B[T1] | B[T2] | B[T3] | B[T4] | B[T5] | B[T6] | B[T7] | B[T8]]: ...
    @overload
    def stream(
        self, *, messages: Messages, tools: Several[OneTool], **options: Unpack[StreamOptions]
    ) -> AsyncCallStream[Any]: ...
    def stream(self, *, messages: Any, response_model: Any = None, tools: Any = None, **options: Any) -> Any:
        """`Stream.stream`, for `async for`: not awaited itself, since nothing is sent yet."""
        return self._open(messages, response_model, tools, options)

    def _open(self, messages: Any, response_model: Any, tools: Any, options: Mapping[str, Any]) -> AsyncCallStream[Any]:
        raise NotImplementedError
