"""What a profile of the adapter may set.

Knows: names of settings.  Must not know: keys (a key is named by its environment variable, never written), the SDK.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from toolfan.addresses import Address  # noqa: TC002 - pydantic reads it


class AnthropicSettings(BaseModel):
    """Settings of the Messages API.

    `api_key_env` names the environment variable with the key.  A `base_url` without it is sent no key of Anthropic's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key_env: str | None = Field(
        default=None, description="Environment variable that holds the key; default ANTHROPIC_API_KEY."
    )
    base_url: Address | None = Field(default=None, description="Of a compatible server or a gateway, without /v1.")
    needs_end: bool = Field(default=True, description="False for servers known to end a stream without message_stop.")
