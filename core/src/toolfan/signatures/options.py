"""The options of `create()` and of `tool()`, for type checkers and editors.

Knows: names and types.  Must not know: which provider takes which option (each adapter says so itself, and `create()`
checks it), what an option does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from typing_extensions import TypedDict, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ..adapter import ToolChoice
    from ..tools.tool_type import Tool

X_co = TypeVar("X_co", covariant=True)


class Several(Protocol[X_co]):
    """A list, tuple or set; not a text, although a text is a sequence of texts: it asks what it contains for a text."""

    def __iter__(self) -> Iterator[X_co]: ...
    def __contains__(self, item: object, /) -> bool: ...


class Omitted(Protocol):
    """The `Omit()` of the openai or anthropic SDK."""

    def __bool__(self) -> Literal[False]: ...


OneTool: TypeAlias = "type[Any] | Tool[Any] | Callable[..., Any]"
Choice: TypeAlias = "Literal['auto', 'required', 'none'] | ToolChoice | OneTool | Several[OneTool | str]"


class ToolOptions(TypedDict, total=False, closed=True):
    """The options of `tool()` and `Tool()`; what they mean is told at `Tool`."""

    name: str | None
    description: str | None
    timeout: float | None
    sequential: bool
    early: bool


class _Options(TypedDict, total=False):
    """The options of `create()` and `stream()` beside messages and tools: toolfan's own, then those of the providers.

    A provider option goes out under the provider's own name; one that the adapter does not take is refused before
    anything is sent.  What is not named here goes in `extra_body`, which is sent unchecked.
    """

    # toolfan's own; what they mean is told at `create()`
    model: str | None
    tool_choice: Choice
    parallel: bool | int
    max_attempts: int
    on_invalid: Literal["reask", "raise", "keep"]
    repairs: bool
    deadline: float | None
    strict: bool | None
    context: Any
    extra_body: Mapping[str, Any] | None
    extra_headers: Mapping[str, str | Omitted] | None
    extra_query: Mapping[str, Any] | None

    # of several providers.  Vendors add words faster than we release, so a choice of words is str.
    frequency_penalty: float | None
    presence_penalty: float | None
    temperature: float | None
    top_p: float | None
    seed: int | None
    logprobs: bool | int | None  # OpenAI: whether; Google: how many
    service_tier: str | None

    # OpenAI's
    audio: Mapping[str, Any] | None
    context_management: Sequence[Mapping[str, Any]] | None
    include: Sequence[str] | None
    instructions: str | None
    logit_bias: Mapping[str, int] | None
    max_completion_tokens: int | None
    max_tokens: int | None
    max_tool_calls: int | None
    metadata: Mapping[str, str] | None
    modalities: Sequence[str] | None
    moderation: Mapping[str, Any] | None
    prediction: Mapping[str, Any] | None
    previous_response_id: str | None
    prompt: Mapping[str, Any] | None
    prompt_cache_key: str | None
    prompt_cache_options: Mapping[str, Any]
    prompt_cache_retention: str | None
    reasoning: Mapping[str, Any] | None
    reasoning_effort: str | None
    safety_identifier: str
    stop: str | Sequence[str] | None
    store: bool | None
    stream_options: Mapping[str, Any] | None
    text: Mapping[str, Any]
    top_logprobs: int | None
    truncation: str | None
    user: str
    verbosity: str | None
    web_search_options: Mapping[str, Any]

    # Anthropic's; `thinking` is Cohere's and LiteLLM's, too
    cache_control: Mapping[str, Any] | None
    container: Any
    diagnostics: Mapping[str, Any] | None
    inference_geo: str | None
    output_config: Mapping[str, Any]
    speed: str | None
    system: str | Sequence[Mapping[str, Any]]
    thinking: Mapping[str, Any] | None

    # Bedrock's
    additionalModelRequestFields: Mapping[str, Any]
    additionalModelResponseFieldPaths: Sequence[str]
    guardrailConfig: Mapping[str, Any]
    inferenceConfig: Mapping[str, Any]
    maxTokens: int
    outputConfig: Mapping[str, Any]
    performanceConfig: Mapping[str, str]
    requestMetadata: Mapping[str, str]
    serviceTier: Any  # Bedrock: a dict; Google: a word
    stopSequences: Sequence[str]
    topP: float

    # Cohere's
    citation_options: Mapping[str, Any] | None
    documents: Sequence[str | Mapping[str, Any]] | None
    k: int | None
    p: float | None
    priority: int | None
    response_format: Mapping[str, Any] | None
    safety_mode: str | None

    # Google's, where Any is a dict or the object of either SDK
    audio_timestamp: bool
    cached_content: str
    candidate_count: int
    enable_affective_dialog: bool
    enable_enhanced_civic_answers: bool
    generation_config: Any
    image_config: Any
    labels: Mapping[str, str]
    max_output_tokens: int | None  # OpenAI's Responses API, too
    media_resolution: Any
    model_armor_config: Any
    response_json_schema: Any
    response_logprobs: bool
    response_mime_type: str
    response_modalities: Sequence[Any]
    response_schema: Any
    routing_config: Any
    safety_settings: Any
    speech_config: Any
    stop_sequences: Sequence[str]
    thinking_config: Any
    top_k: float


class Options(_Options, total=False, closed=True):
    """The options of `create()`."""

    stream: Literal[False]


class StreamOptions(_Options, total=False, closed=True):
    """The options of `stream()`, and of `create(stream=True)`."""
