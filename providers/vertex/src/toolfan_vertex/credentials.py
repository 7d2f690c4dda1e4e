"""Whether Google's application default credentials are here, without asking the network.

Knows: where Google's library looks for them.  Must not know: what is in them, SDKs, requests.
"""

from __future__ import annotations

import os
from pathlib import Path

from .settings import VertexSettings

_NAMED = "GOOGLE_APPLICATION_CREDENTIALS"


def remarks(settings: object) -> tuple[str, ...]:
    """What is amiss with the credentials of Google that a profile of Vertex AI needs; nothing if nothing is.

    With a key or a token of its own, or an address of another service, it may need none.
    """
    if not isinstance(settings, VertexSettings):
        return ()
    if settings.api_key_env or settings.access_token_env or settings.base_url:
        return ()
    if named := os.environ.get(_NAMED):
        return () if Path(named).is_file() else (f"{_NAMED} names a file that is not there, {named}",)
    if (known := _well_known()).is_file():
        return ()
    return (
        f"no credentials of Google's were found: {_NAMED} is not set, and there is no {known}; on a machine of Google "
        "Cloud its metadata server may give them, elsewhere run `gcloud auth application-default login`",
    )


def _well_known() -> Path:
    """The file that `gcloud auth application-default login` writes."""
    if configured := os.environ.get("CLOUDSDK_CONFIG"):
        folder = Path(configured)
    elif os.name == "nt":
        folder = Path(os.environ.get("APPDATA", "C:\\")) / "gcloud"
    else:
        folder = Path.home() / ".config" / "gcloud"
    return folder / "application_default_credentials.json"
