"""What a profile of the adapters of this package may set.

Knows: names of settings.  Must not know: keys (a key is named by its environment variable, never written), the SDK.
"""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from toolfan.addresses import Address  # noqa: TC002 - pydantic reads it
from toolfan.keys import HeaderText  # noqa: TC002 - as above


class EndpointSettings(BaseModel):
    """Settings of an OpenAI, Azure OpenAI or OpenAI-compatible endpoint, whatever of it is used.

    `api_key_env` names the environment variable with the key (`OPENAI_API_KEY`; with `azure_endpoint`
    `AZURE_OPENAI_API_KEY`).  A `base_url` without `api_key_env` is sent no key of OpenAI's.
    """

    # Built when a client is made from settings: one that is wrapped has none.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    api_key_env: str | None = Field(default=None, description="Environment variable that holds the key.")
    base_url: Address | None = Field(
        default=None, description="Of a compatible server, such as http://localhost:11434/v1."
    )
    organization: HeaderText | None = None
    project: HeaderText | None = None
    azure_endpoint: Address | None = Field(
        default=None, description="Of an Azure resource: https://NAME.openai.azure.com."
    )
    api_version: str | None = Field(default=None, description="Of Azure's interface; needed with azure_endpoint.")
    needs_end: bool = Field(default=True, description="False for servers known to end a stream without saying so.")

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        """What only Azure has would be left out in silence without `azure_endpoint`."""
        if self.azure_endpoint is None:
            for name in ("azure_deployment", "api_version"):
                if getattr(self, name, None) is not None:
                    raise ValueError(f"{name} needs azure_endpoint")
        elif self.base_url is not None:
            raise ValueError(
                "base_url and azure_endpoint exclude each other: the one is for compatible servers, the other for Azure"
            )
        elif not self.api_version:
            raise ValueError('azure_endpoint needs api_version, for example "2024-10-21"')
        return self


class OpenAISettings(EndpointSettings):
    """Settings of the adapter `openai`: those of the endpoint, and what only chat completions have."""

    azure_deployment: str | None = None
    stream_usage: bool = Field(default=True, description="False for servers that refuse stream_options.")
