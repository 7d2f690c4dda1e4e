"""Thin senders over `openai.OpenAI`, `AsyncOpenAI` and the Azure clients.

Knows: the SDK's clients, how OpenAI's answers tell errors.  Must not know: what else is in a body, retries, policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan.errors import UsageError
from toolfan.http.post_sender import PostSender
from toolfan.keys import check_key

from .signs import error_told

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from toolfan.adapter import JSON, AsyncTransport, Transport
    from toolfan.errors import ProviderError

PATH = "/chat/completions"
LAST = ("response.completed", "response.incomplete")
"""Types of the events of the Responses API that end an answer; chat completions end with `[DONE]`."""
FAILURES = ("error", "response.failed")
"""Types of the events of the Responses API that are errors."""


def _of_a_copy(client: object) -> str | None:
    """The module of a class of the SDK's that is none of this one's: of a copy that others bring, or loaded anew.

    Copies name "openai" for their classes' home, as the SDK does; their functions know better.
    """
    for base in type(client).__mro__:
        if base.__module__.partition(".")[0] == "openai" and base.__name__ in ("OpenAI", "AsyncOpenAI"):
            return str(getattr(vars(base).get("__init__"), "__globals__", {}).get("__name__", base.__module__))
    return None


def make_transport(client: object, *, use_async: bool, adapter: str, path: str = PATH) -> Transport | AsyncTransport:
    """A sender over `client` to `path` below its base URL.

    Raises UsageError if it is none of the SDK's clients, or of the other kind.
    """
    import openai

    wanted, other = (openai.AsyncOpenAI, openai.OpenAI) if use_async else (openai.OpenAI, openai.AsyncOpenAI)
    if isinstance(client, other):
        hint = "Use wrap_async() or from_openai()." if isinstance(client, openai.AsyncOpenAI) else "Use wrap()."
        raise UsageError(
            f"{type(client).__name__} is not {'async' if use_async else 'sync'}", adapter=adapter, hint=hint
        )
    if not isinstance(client, wanted):
        if (copied := _of_a_copy(client)) is not None:
            raise UsageError(
                f"{type(client).__name__} is of another copy of the openai SDK ({copied})",
                adapter=adapter,
                hint="Pass one made from the openai that `import openai` gives, with the same base_url= and headers.",
            )
        raise UsageError(
            f"{type(client).__name__} is no client of the openai SDK",
            adapter=adapter,
            hint="Pass openai.OpenAI(); for another service that speaks its API, with base_url=.",
        )
    if isinstance(client.api_key, str):
        check_key(client.api_key, "the client", adapter=adapter)
    # Azure's makes its URL of the body; subclasses and providers may rewrite it, too.
    plain = type(client) in (openai.OpenAI, openai.AsyncOpenAI) and not getattr(client, "_provider", None)
    sender = _Sender(client, adapter, sdk=openai, path=path, plain=plain, use_async=use_async)
    sender.answer_fields = frozenset({"choices" if path == PATH else "output"})
    sender.named_events = path != PATH
    if use_async:
        from toolfan.http.async_transport import AsyncHttpTransport  # which needs nothing of the sync one

        return AsyncHttpTransport(sender)
    from toolfan.http.transport import HttpTransport

    return HttpTransport(sender, waits=_waits(client))


def is_azure(client: object) -> bool:
    """Whether it is one of the SDK's clients for Azure."""
    return any(base.__name__ in ("AzureOpenAI", "AsyncAzureOpenAI") for base in client.__class__.__mro__)


def _waits(client: Any) -> bool:
    """Whether a function fetches the key, or a subclass may do what it likes."""
    providers = (getattr(client, name, None) for name in ("_api_key_provider", "_azure_ad_token_provider"))
    return type(client).__module__.partition(".")[0] != "openai" or callable(client.api_key) or any(providers)


class _Sender(PostSender):
    words = frozenset({"message", "delta", "output", "item", "part", "arguments", "text", "refusal"})
    request_ids = ("x-request-id", "apim-request-id")
    options: Mapping[str, Any] = {"security": {"bearer_auth": True}}  # as `create` says it: never with an admin's key

    def credentials(self) -> dict[str, Any]:
        return {"api_key": self.client.api_key}

    def is_last(self, event: JSON) -> bool:
        return event.get("type") in LAST

    def error_code(self, status: int, about: Mapping[str, Any]) -> Any:
        from .failures import filter_code

        return (filter_code(about) if status < 500 else None) or super().error_code(status, about)

    def of_status(self, response: Any, message: str, secrets: Iterable[str]) -> ProviderError:
        from .failures import WITHOUT_USAGE, refuses_usage

        error = super().of_status(response, message, secrets)
        if error.status in (400, 422) and refuses_usage(response, error.message):
            error.hint = WITHOUT_USAGE
        return error

    def tells_error(self, body: JSON) -> bool:
        """Also of a body that holds one for a choice, or is of another service's form, which an error shows."""
        if body.get("error"):
            return True
        choices = body.get("choices")
        if not choices or "x_groq" in body or "base_resp" in body:
            if "choices" in self.answer_fields and "choices" not in body:
                return True
            kind = str(body.get("type"))
            if kind in FAILURES or (not kind.startswith("response.") and error_told(body) is not None):
                return True
        for choice in choices if isinstance(choices, list) else (choices,):
            if isinstance(choice, dict) and choice.get("error"):
                return True
        return False
