"""Which sender serves a client: found by the modules of its classes, so that nothing of Google is imported for it.

Knows: where Google's client classes live.  Must not know: how anything is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolfan.errors import UsageError

if TYPE_CHECKING:
    from toolfan.adapter import AsyncTransport, Transport

_GENERATIVE_MODEL = ("vertexai.generative_models", "vertexai.preview.generative_models")
_MODELS = ("GenerativeModel", "_GenerativeModel")


def transport_for(adapter: str, client: object, *, use_async: bool) -> Transport | AsyncTransport:
    """A sender over the client.  Raises UsageError, with what to pass, for an object that is no client."""
    kinds = client.__class__.__mro__  # a proxy shows that of the client in it, and so does a mock
    if client.__class__ is not type(client):
        from toolfan.mocks import check_not_mocked

        check_not_mocked(client, adapter=adapter)
    bases = {(base.__module__, base.__name__) for base in kinds}
    if adapter == "vertex" and any(module.startswith(_GENERATIVE_MODEL) and name in _MODELS for module, name in bases):
        from .generative_model import AsyncGenerativeModelTransport, GenerativeModelTransport

        return (AsyncGenerativeModelTransport if use_async else GenerativeModelTransport)(client, adapter)
    if any(module.startswith("google.genai") and name == "Client" for module, name in bases):
        from .genai import AsyncGenaiTransport, GenaiTransport

        return (AsyncGenaiTransport if use_async else GenaiTransport)(client, adapter)
    wanted = "a vertexai GenerativeModel or a google.genai.Client" if adapter == "vertex" else "a google.genai.Client"
    raise UsageError(
        f"{type(client).__module__}.{type(client).__name__} is not a client of this adapter",
        adapter=adapter,
        hint=f"Pass {wanted} itself, not one of its parts (.models, .aio, a chat).",
    )
