"""A google-genai client from the settings of a profile: the only place that imports an SDK to make a client.

Knows: google.genai.Client and environment variables.  Must not know: requests.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from toolfan.addresses import check_variable
from toolfan.errors import AdapterNotInstalled, ConfigError
from toolfan.keys import check_key, header_text

from .settings import GeminiSettings, VertexSettings

if TYPE_CHECKING:
    from collections.abc import Sequence


def connect(adapter: str, settings: object, *, use_async: bool) -> object:  # noqa: ARG001 - one client serves both
    """A client for Vertex AI or the Gemini API, as the type of the settings says.

    Raises AdapterNotInstalled without google-genai; ConfigError without a key, if the variable with the service's
    address holds none, or if Google's library refuses the settings (no project, no credentials).  No message holds a
    key.
    """
    try:
        from google import genai
    except ImportError as exc:
        raise AdapterNotInstalled(
            "google-genai is not installed", adapter=adapter, hint='pip install "toolfan[gemini]"'
        ) from exc
    arguments: dict[str, Any]
    if isinstance(settings, VertexSettings):
        arguments = _vertex(settings, adapter)
    elif isinstance(settings, GeminiSettings):
        names = key_variables(settings)
        arguments = {"vertexai": False, "api_key": read_secret(names, adapter) if names else "none"}
    else:
        raise ConfigError(f"the settings are {type(settings).__name__}, not this adapter's", adapter=adapter)
    base_url = settings.base_url
    variable = "GOOGLE_VERTEX_BASE_URL" if arguments["vertexai"] else "GOOGLE_GEMINI_BASE_URL"
    if base_url is None and os.environ.get(variable):  # google-genai reads it
        check_variable(variable, adapter=adapter)
    arguments["http_options"] = _NO_REDIRECTS | ({"base_url": base_url} if base_url else {})
    homeless = "credentials" in arguments and not arguments["project"]
    if homeless and (base_url or os.environ.get(variable)):
        raise _no_project(adapter)  # google-genai would send the request without the token, and without the model
    try:
        return genai.Client(**arguments)
    except Exception as exc:
        if homeless:
            raise _no_project(adapter) from exc
        from toolfan.translation.construction import raise_unmade

        hint = "Set project and location, and run `gcloud auth application-default login`."
        held = [name for name in _KEY_NAMES if os.environ.get(name)]
        if held and "api_key" not in arguments:
            hint += f" The key in {held[0]} is sent to Vertex AI if api_key_env names it (express mode)."
        raise_unmade(exc, adapter=adapter, sdk="google-genai", hint=hint)


def _no_project(adapter: str) -> ConfigError:
    return ConfigError(
        "no project: neither the setting project nor the environment variable GOOGLE_CLOUD_PROJECT is set",
        adapter=adapter,
        hint='Set one of them, for example project="my-project"; a token does not tell the project.',
    )


_KEY_NAMES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
# A followed redirect makes a GET of the request, and takes the key to another host.  The words of httpx and of aiohttp.
_NO_REDIRECTS: dict[str, Any] = {
    "client_args": {"follow_redirects": False},
    "async_client_args": {"follow_redirects": False, "allow_redirects": False},
}


def _vertex(settings: VertexSettings, adapter: str) -> dict[str, Any]:
    if settings.api_key_env:
        return {"vertexai": True, "api_key": read_secret(key_variables(settings), adapter)}
    project, location = settings.project, settings.location
    for given, variable in ((project, "GOOGLE_CLOUD_PROJECT"), (location, "GOOGLE_CLOUD_LOCATION")):
        if given is None:
            check_variable(variable, adapter=adapter, check=header_text)
    arguments: dict[str, Any] = {"vertexai": True}
    if settings.access_token_env:
        from google.oauth2.credentials import Credentials

        token = read_secret(key_variables(settings), adapter, setting="access_token_env")
        arguments["credentials"] = Credentials(token=token)  # type: ignore[no-untyped-call]
        # With an address of another service google-genai forgets those of the environment, and the token with them.
        project = project or os.environ.get("GOOGLE_CLOUD_PROJECT")
        location = location or os.environ.get("GOOGLE_CLOUD_LOCATION") or "global"
    elif not (project or location or os.environ.get("GOOGLE_CLOUD_PROJECT") or os.environ.get("GOOGLE_CLOUD_LOCATION")):
        # Else google-genai takes a key of the Gemini API that the environment happens to hold, also for a server of
        # someone else's.  Without such a key this is where it goes.
        location = "global"
    return {**arguments, "project": project, "location": location}


def key_variables(settings: object) -> tuple[str, ...]:
    """The variables that a key or a token is taken from, the first that is set; none with Google's own credentials.

    A server of someone else's needs none, and must not get a key of the Gemini API.
    """
    if isinstance(settings, GeminiSettings):
        if settings.base_url and not settings.api_key_env:
            return ()
        return (settings.api_key_env,) if settings.api_key_env else _KEY_NAMES
    named = settings.api_key_env or settings.access_token_env if isinstance(settings, VertexSettings) else None
    return (named,) if named else ()


def read_secret(names: Sequence[str], adapter: str, *, setting: str = "api_key_env") -> str:
    """The value of the first of these environment variables that is set; `setting` is what can name another.

    Raises ConfigError if none is, or if it holds what no HTTP header can carry.
    """
    for name in names:
        if os.environ.get(name, "").strip():
            check_key(os.environ[name], f"the environment variable {name}", adapter=adapter)
            return os.environ[name]
    raise ConfigError(
        f"no key: the environment variable {' or '.join(names)} is not set",
        adapter=adapter,
        hint=f"export {names[0]}=..., or name another variable with {setting}.",
    )


def check_client(client: object, adapter: str) -> None:
    """Raises ConfigError if the API key of a google.genai.Client cannot go into an HTTP header; never shows it."""
    inner: Any = getattr(client, "_api_client", None)
    if isinstance(getattr(inner, "api_key", None), str):
        check_key(inner.api_key, "the client", adapter=adapter)
