"""What a profile of this adapter may set.

Knows: names of settings.  Must not know: keys (a key is named by its environment variable, never written), LiteLLM.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from toolfan.addresses import Address  # noqa: TC002 - pydantic reads it


class LiteLLMSettings(BaseModel):
    """Settings of the adapter `litellm`.  What is not set LiteLLM reads from the variables of each vendor.

    A `base_url` without `api_key_env` is sent no key of a vendor.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key_env: str | None = Field(default=None, description="Environment variable that holds the key.")
    base_url: Address | None = Field(default=None, description="Another address of the service (LiteLLM's api_base).")
    api_version: str | None = Field(default=None, description="Of the service, where it has versions (Azure).")
