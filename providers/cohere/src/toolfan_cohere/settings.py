"""What a profile of this adapter may set.

Knows: names of settings.  Must not know: keys (a key is named by its environment variable, never written), the SDK.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from toolfan.addresses import Address  # noqa: TC002 - pydantic reads it


class CohereSettings(BaseModel):
    """Settings of an endpoint; `api_key_env` names the environment variable with the key (`CO_API_KEY`).

    A `base_url` without `api_key_env` is sent no key of Cohere's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key_env: str | None = Field(default=None, description="Environment variable that holds the key.")
    base_url: Address | None = Field(default=None, description="Of a gateway or a private deployment.")
    needs_end: bool = Field(default=True, description="False for servers known to end a stream without message-end.")
