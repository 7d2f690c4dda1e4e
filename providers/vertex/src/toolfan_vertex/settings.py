"""What a profile may set for Vertex AI and for the Gemini API.

Knows: names of settings.  Must not know: any Google package; secrets (a key is named, never written).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, model_validator
from toolfan.addresses import Address  # noqa: TC002 - pydantic reads it
from toolfan.keys import HeaderText  # noqa: TC002 - as above

if TYPE_CHECKING:
    from typing import Self


class VertexSettings(BaseModel):
    """Vertex AI.  Credentials are Google's application default ones unless an environment variable is named."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    project: HeaderText | None = Field(None, description="The Google Cloud project; else GOOGLE_CLOUD_PROJECT.")
    location: HeaderText | None = Field(
        None, description='Such as "us-central1" or "global"; else GOOGLE_CLOUD_LOCATION.'
    )
    base_url: Address | None = Field(None, description="Another address of the service.")
    api_key_env: str | None = Field(
        None, description="The environment variable with an API key (express mode: no project and location)."
    )
    access_token_env: str | None = Field(
        None, description="The environment variable with an OAuth access token; nothing refreshes it."
    )
    needs_end: bool = Field(True, description="False for servers known to end a stream without a finish reason.")

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.api_key_env and (self.project or self.location):
            other = "project" if self.project else "location"
            raise ValueError(f"api_key_env (express mode) and {other} exclude each other")
        if self.api_key_env and self.access_token_env:
            raise ValueError("api_key_env (express mode) and access_token_env exclude each other")
        return self


class GeminiSettings(BaseModel):
    """The Gemini API, with an API key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key_env: str | None = Field(
        None, description="The environment variable with the API key; else GEMINI_API_KEY, then GOOGLE_API_KEY."
    )
    base_url: Address | None = Field(None, description="Another address of the service.")
    needs_end: bool = Field(True, description="False for servers known to end a stream without a finish reason.")
