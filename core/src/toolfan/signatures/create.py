# mypy: disable-error-code="overload-overlap"
"""The typed signatures of `create()`: stated once, for every client and both spellings.

mypy, pyright, ty and pyrefly read the overloads the same in this order only: what is one call before what holds
several, classes and `Tool`s before functions, what cannot be told apart last.  So in the other two of signatures too.

Knows: types.  Must not know: how a request is made or sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ..overloads import overload

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from typing_extensions import TypeForm, Unpack

    # isort: off
    from .forms import F1, F2, F3, F4, F5, F6, F7, F8, K1, K2, K3, K4, K5, K6, K7, K8, T1, T2, T3, T4, T5, T6, T7, T8
    from .forms import B, E, M, Messages, MixedTools, S

    # isort: on
    from ..client.streams import CallStream
    from ..results.calls_type import Calls
    from ..tools.toolset import ToolSet
    from .options import OneTool, Options, Several, StreamOptions


class Create:
    """The typed `create()`; a subclass says in `_ask` how it is done."""

    @overload
    def create(self, *, messages: Messages, response_model: TypeForm[M], **options: Unpack[Options]) -> Calls[M]: ...
    @overload
    def create(
        self, *, messages: Messages, response_model: TypeForm[Iterable[E]], **options: Unpack[Options]
    ) -> Calls[E]: ...
    @overload
    def create(
        self, *, messages: Messages, response_model: TypeForm[Sequence[S]], **options: Unpack[Options]
    ) -> Calls[S]: ...
    @overload
    def create(self, *, messages: Messages, response_model: TypeForm[S], **options: Unpack[Options]) -> Calls[S]: ...
    @overload
    def create(self, *, messages: Messages, tools: K1[T1] | ToolSet[T1], **options: Unpack[Options]) -> Calls[T1]: ...
    @overload
    def create(self, *, messages: Messages, tools: K2[T1, T2], **options: Unpack[Options]) -> Calls[T1 | T2]: ...
    @overload
    def create(
        self, *, messages: Messages, tools: K3[T1, T2, T3], **options: Unpack[Options]
    ) -> Calls[T1 | T2 | T3]: ...
    @overload
    def create(
        self, *, messages: Messages, tools: K4[T1, T2, T3, T4], **options: Unpack[Options]
    ) -> Calls[T1 | T2 | T3 | T4]: ...
    @overload
    def create(
        self, *, messages: Messages, tools: K5[T1, T2, T3, T4, T5], **options: Unpack[Options]
    ) -> Calls[T1 | T2 | T3 | T4 | T5]: ...
    @overload
    def create(
        self, *, messages: Messages, tools: K6[T1, T2, T3, T4, T5, T6], **options: Unpack[Options]
    ) -> Calls[T1 | T2 | T3 | T4 | T5 | T6]: ...
    @overload
    def create(
        self, *, messages: Messages, tools: K7[T1, T2, T3, T4, T5, T6, T7], **options: Unpack[Options]
    ) -> Calls[T1 | T2 | T3 | T4 | T5 | T6 | T7]: ...
    @overload
    def create(
        self, *, messages: Messages, tools: K8[T1, T2, T3, T4, T5, T6, T7, T8], **options: Unpack[Options]
    ) -> Calls[T1 | T2 | T3 | T4 | T5 | T6 | T7 | T8]: ...
    @overload
    def create(self, *, messages: Messages, tools: MixedTools, **options: Unpack[Options]) -> Calls[Any]: ...
    @overload
    def create(self, *, messages: Messages, tools: F1[T1], **options: Unpack[Options]) -> Calls[B[T1]]: ...
    @overload
    def create(self, *, messages: Messages, tools: F2[T1, T2], **options: Unpack[Options]) -> Calls[B[T1] | B[T2]]: ...
    @overload
    def create(
        self, *, messages: Messages, tools: F3[T1, T2, T3], **options: Unpack[Options]
    ) -> Calls[B[T1] | B[T2] | B[T3]]: ...
    @overload
    def create(
        self, *, messages: Messages, tools: F4[T1, T2, T3, T4], **options: Unpack[Options]
    ) -> Calls[B[T1] | B[T2] | B[T3] | B[T4]]: ...
    @overload
    def create(
        self, *, messages: Messages, tools: F5[T1, T2, T3, T4, T5], **options: Unpack[Options]
    ) -> Calls[B[T1] | B[T2] | B[T3] | B[T4] | B[T5]]: ...
    @overload
    def create(
        self, *, messages: Messages, tools: F6[T1, T2, T3, T4, T5, T6], **options: Unpack[Options]
    ) -> Calls[B[T1] | B[T2] | B[T3] | B[T4] | B[T5] | B[T6]]: ...
    @overload
    def create(
        self, *, messages: Messages, tools: F7[T1, T2, T3, T4, T5, T6, T7], **options: Unpack[Options]
    ) -> Calls[B[T1] | B[T2] | B[T3] | B[T4] | B[T5] | B[T6] | B[T7]]: ...
    @overload
    def create(
        self, *, messages: Messages, tools: F8[T1, T2, T3, T4, T5, T6, T7, T8], **options: Unpack[Options]
    ) -> Calls[B[T1] | B[T2] | B[T3] | B[T4] | B[T5] | B[T6] | B[T7] | B[T8]]: ...
    @overload
    def create(self, *, messages: Messages, tools: Several[OneTool], **options: Unpack[Options]) -> Calls[Any]: ...
    @overload
    def create(
        self,
        *,
        messages: Messages,
        response_model: TypeForm[M],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> CallStream[M]: ...
    @overload
    def create(
        self,
        *,
        messages: Messages,
        response_model: TypeForm[Iterable[E]],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> CallStream[E]: ...
    @overload
    def create(
        self,
        *,
        messages: Messages,
        response_model: TypeForm[Sequence[S]],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> CallStream[S]: ...
    @overload
    def create(
        self,
        *,
        messages: Messages,
        response_model: TypeForm[S],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> CallStream[S]: ...
    @overload
    def create(
        self,
        *,
        messages: Messages,
        tools: K1[T1] | ToolSet[T1],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> CallStream[T1]: ...
    @overload
    def create(
        self, *, messages: Messages, tools: K2[T1, T2], stream: Literal[True], **options: Unpack[StreamOptions]
    ) -> CallStream[T1 | T2]: ...
    @overload
    def create(
        self, *, messages: Messages, tools: K3[T1, T2, T3], stream: Literal[True], **options: Unpack[StreamOptions]
    ) -> CallStream[T1 | T2 | T3]: ...
    @overload
    def create(
        self, *, messages: Messages, tools: K4[T1, T2, T3, T4], stream: Literal[True], **options: Unpack[StreamOptions]
    ) -> CallStream[T1 | T2 | T3 | T4]: ...
    @overload
    def create(
        self,
        *,
        messages: Messages,
        tools: K5[T1, T2, T3, T4, T5],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> CallStream[T1 | T2 | T3 | T4 | T5]: ...
    @overload
    def create(
        self,
        *,
        messages: Messages,
        tools: K6[T1, T2, T3, T4, T5, T6],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> CallStream[T1 | T2 | T3 | T4 | T5 | T6]: ...
    @overload
    def create(
        self,
        *,
        messages: Messages,
        tools: K7[T1, T2, T3, T4, T5, T6, T7],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> CallStream[T1 | T2 | T3 | T4 | T5 | T6 | T7]: ...
    @overload
    def create(
        self,
        *,
        messages: Messages,
        tools: K8[T1, T2, T3, T4, T5, T6, T7, T8],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> CallStream[T1 | T2 | T3 | T4 | T5 | T6 | T7 | T8]: ...
    @overload
    def create(
        self, *, messages: Messages, tools: MixedTools, stream: Literal[True], **options: Unpack[StreamOptions]
    ) -> CallStream[Any]: ...
    @overload
    def create(
        self, *, messages: Messages, tools: F1[T1], stream: Literal[True], **options: Unpack[StreamOptions]
    ) -> CallStream[B[T1]]: ...
    @overload
    def create(
        self, *, messages: Messages, tools: F2[T1, T2], stream: Literal[True], **options: Unpack[StreamOptions]
    ) -> CallStream[B[T1] | B[T2]]: ...
    @overload
    def create(
        self, *, messages: Messages, tools: F3[T1, T2, T3], stream: Literal[True], **options: Unpack[StreamOptions]
    ) -> CallStream[B[T1] | B[T2] | B[T3]]: ...
    @overload
    def create(
        self, *, messages: Messages, tools: F4[T1, T2, T3, T4], stream: Literal[True], **options: Unpack[StreamOptions]
    ) -> CallStream[B[T1] | B[T2] | B[T3] | B[T4]]: ...
    @overload
    def create(
        self,
        *,
        messages: Messages,
        tools: F5[T1, T2, T3, T4, T5],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> CallStream[B[T1] | B[T2] | B[T3] | B[T4] | B[T5]]: ...
    @overload
    def create(
        self,
        *,
        messages: Messages,
        tools: F6[T1, T2, T3, T4, T5, T6],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> CallStream[B[T1] | B[T2] | B[T3] | B[T4] | B[T5] | B[T6]]: ...
    @overload
    def create(
        self,
        *,
        messages: Messages,
        tools: F7[T1, T2, T3, T4, T5, T6, T7],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> CallStream[B[T1] | B[T2] | B[T3] | B[T4] | B[T5] | B[T6] | B[T7]]: ...
    @overload
    def create(
        self,
        *,
        messages: Messages,
        tools: F8[T1, T2, T3, T4, T5, T6, T7, T8],
        stream: Literal[True],
        **options: Unpack[StreamOptions],
    ) -> CallStream[B[T1] | B[T2] | B[T3] | B[T4] | B[T5] | B[T6] | B[T7] | B[T8]]: ...
    @overload
    def create(
        self, *, messages: Messages, tools: Several[OneTool], stream: Literal[True], **options: Unpack[StreamOptions]
    ) -> CallStream[Any]: ...
    def create(self, *, messages: Any, response_model: Any = None, tools: Any = None, **options: Any) -> Any:
        """Ask and return every call the model made, in call order, typed and validated.

        What is asked, one of the two tool arguments always:

        * `messages`: chat-style dicts, or messages in the provider's own form (dicts or its SDK's objects).
        * `response_model`: the types the model may call, `Iterable[Weather | GoogleSearch]` or one class.  Pydantic
          models, dataclasses and TypedDicts are types; `list`, `Sequence` and `tuple[..., ...]` mean the same as
          `Iterable`.
        * `tools`: the same as a tuple, `(Weather, GoogleSearch)`, where functions may stand too (their calls come as
          `BoundCall`); beside classes, a function is typed when written `tool(function)`.  A list works, untyped.
        * `model`: the provider's name of the model.  Default: the client's.

        How it is asked:

        * `tool_choice="auto"`: "auto", "required", "none", a tool, or a list of the tools (or their names) to choose
          from.
        * `parallel=True`: False for one call at most, a number for the largest number of calls.
        * `strict=None`: True for the provider's strict schema mode, None for the provider's default.
        * `stream=False`: True returns what `stream()` returns, a CallStream.
        * `extra_body`, `extra_headers`, `extra_query` (None): sent with the request, unchecked.
        * Options of the provider, by the provider's names (`temperature`, `max_tokens` ...): see `toolfan.signatures`.

        How the answer is judged:

        * `on_invalid="reask"`: what happens when calls are invalid.  "reask" asks again for these alone and keeps the
          good ones, "raise" raises InvalidCalls at once, "keep" returns them in `Calls.failed`.
        * `max_attempts=3`: the largest number of rounds of asking, retries of failed requests not counted.
        * `repairs=True`: mend broken JSON where nothing can be lost by it; False judges what came as it came.
        * `context=None`: pydantic's validation context, for your validators.
        * `deadline=600.0`: seconds for the whole call, all rounds and waits; None for no limit.

        Raises UsageError (ToolDefinitionError, Unsupported ...) for a wrong argument, before anything is sent;
        ProviderError when the provider or the network fails (DeadlineExceeded, RateLimited, Refused ...); InvalidCalls,
        with the good calls in `.calls`, when calls stay invalid or a required one did not come, unless `on_invalid` is
        "keep".
        """
        return self._ask(messages, response_model, tools, options)

    def _ask(self, messages: Any, response_model: Any, tools: Any, options: Mapping[str, Any]) -> Any:
        raise NotImplementedError
