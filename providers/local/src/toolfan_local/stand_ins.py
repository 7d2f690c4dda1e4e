"""Clients of vendors' SDKs that talk to the embedded server in place of the vendor: for `toolfan demo` and `serve`.

It is here, beside the dialects that the server speaks, because it says which adapters those dialects can serve.

Knows: constructors of the SDKs, the variables they read.  Must not know: requests, answers, adapters as codecs.
"""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .server import Server

MODEL = "offline-planner"
"""The model that stand-ins name; the server takes any name."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """One client: the adapter that serves it, its class as users know it, and how it is made.

    `make` imports the SDK.  With `use_async` it is called, and the client used, inside an event loop.
    """

    adapter: str
    label: str
    make: Callable[[], object]
    use_async: bool = False


def stand_ins(server: Server) -> Iterator[StandIn]:
    """A stand-in for each kind of client that the server can be asked through, and the client without a server."""
    yield StandIn("openai", "OpenAI", lambda: _openai("OpenAI", server))
    yield StandIn("openai", "AsyncOpenAI", lambda: _openai("AsyncOpenAI", server), use_async=True)
    yield StandIn("openai-responses", "OpenAI", lambda: _openai("OpenAI", server))
    yield StandIn("openai-responses", "AsyncOpenAI", lambda: _openai("AsyncOpenAI", server), use_async=True)
    yield StandIn("anthropic", "Anthropic", lambda: _anthropic("Anthropic", server))
    yield StandIn("anthropic", "AsyncAnthropic", lambda: _anthropic("AsyncAnthropic", server), use_async=True)
    yield StandIn("bedrock", "boto3 bedrock-runtime", lambda: _bedrock(server))
    yield StandIn("cohere", "ClientV2", lambda: _cohere("ClientV2", server))
    yield StandIn("cohere", "AsyncClientV2", lambda: _cohere("AsyncClientV2", server), use_async=True)
    yield StandIn("gemini", "genai.Client", lambda: _gemini(server))
    yield StandIn("vertex", "genai.Client(vertexai=True)", lambda: _vertex(server))
    if _installed("vertexai"):
        yield StandIn("vertex", "GenerativeModel", lambda: _generative_model(server))
    yield StandIn("local", "LocalClient, in process", lambda: _local(server))


def environment(base_url: str, openai_url: str, anthropic_url: str) -> dict[str, str]:
    """The environment variables that point unchanged programs at the server.  The keys are words, not secrets."""
    return {
        "CO_API_URL": base_url,
        "CO_API_KEY": "offline",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": base_url,
        "AWS_ACCESS_KEY_ID": "offline",
        "AWS_SECRET_ACCESS_KEY": "offline",
        "AWS_DEFAULT_REGION": "us-east-1",
        "ANTHROPIC_BASE_URL": anthropic_url,
        "ANTHROPIC_API_KEY": "offline",
        "OPENAI_BASE_URL": openai_url,
        "OPENAI_API_KEY": "offline",
        "GOOGLE_GEMINI_BASE_URL": base_url,
        "GEMINI_API_KEY": "offline",
        "GOOGLE_VERTEX_BASE_URL": base_url,
        "GOOGLE_CLOUD_PROJECT": "offline",
        "GOOGLE_CLOUD_LOCATION": "us-central1",
    }


def _openai(kind: str, server: Server) -> object:
    import openai

    return getattr(openai, kind)(base_url=server.openai_url, api_key="offline", max_retries=0)


def _anthropic(kind: str, server: Server) -> object:
    import anthropic

    return getattr(anthropic, kind)(base_url=server.anthropic_url, api_key="offline", max_retries=0)


def _bedrock(server: Server) -> object:
    """With keys of its own, so that no profile of AWS is read; its own retries are off, as toolfan's count."""
    import boto3
    from botocore.config import Config

    session = boto3.Session(aws_access_key_id="offline", aws_secret_access_key="offline", region_name="us-east-1")
    config = Config(retries={"total_max_attempts": 1})
    return session.client("bedrock-runtime", endpoint_url=server.base_url, config=config)


def _cohere(kind: str, server: Server) -> object:
    """With a `close` as the others have, which Cohere's client lacks."""
    import cohere

    client = getattr(cohere, kind)(base_url=server.base_url, api_key="offline")
    http = client._client_wrapper.httpx_client.httpx_client
    client.close = getattr(http, "aclose", None) or http.close
    return cast("object", client)


def _gemini(server: Server) -> object:
    from google import genai

    return genai.Client(vertexai=False, api_key="offline", http_options={"base_url": server.base_url})


def _vertex(server: Server) -> object:
    from google import genai
    from google.oauth2.credentials import Credentials

    token: Any = Credentials(token="offline")  # type: ignore[no-untyped-call]  # anonymous ones are refused by genai
    return genai.Client(
        vertexai=True,
        project="offline",
        location="us-central1",
        credentials=token,
        http_options={"base_url": server.base_url},
    )


def _generative_model(server: Server) -> object:
    with warnings.catch_warnings():  # it announces its own removal
        warnings.simplefilter("ignore")
        import vertexai
        from google.auth.credentials import AnonymousCredentials
        from vertexai.generative_models import GenerativeModel

        vertexai.init(
            project="offline",
            location="us-central1",
            api_endpoint=server.base_url,
            api_transport="rest",
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        )
        return GenerativeModel(MODEL)


def _local(server: Server) -> object:
    """The same answers without HTTP."""
    from .service import LocalClient

    return LocalClient(server.script)


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
