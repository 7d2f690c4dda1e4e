"""What a profile of the adapter `openai` may set.

Knows: names of settings.  Must not know: keys (a key is named by its environment variable, never written), the SDK.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class OpenAISettings(BaseModel):
    """Settings of an OpenAI, Azure OpenAI or OpenAI-compatible endpoint.

    `api_key_env` names the environment variable with the key (`OPENAI_API_KEY`; with `azure_endpoint`
    `AZURE_OPENAI_API_KEY`).  A `base_url` without `api_key_env` is sent no key of OpenAI's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key_env: str | None = Field(default=None, description="Environment variable that holds the key.")
    base_url: str | None = Field(default=None, description="Of a compatible server, such as http://localhost:11434/v1.")
    organization: str | None = None
    project: str | None = None
    azure_endpoint: str | None = Field(default=None, description="Of an Azure resource: https://NAME.openai.azure.com.")
    azure_deployment: str | None = None
    api_version: str | None = Field(default=None, description="Of Azure's interface; needed with azure_endpoint.")
