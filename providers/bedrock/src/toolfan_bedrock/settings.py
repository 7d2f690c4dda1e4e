"""What a profile of this adapter may set.

Knows: names of settings.  Must not know: credentials (boto3 finds them), the SDK.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from toolfan.addresses import Address  # noqa: TC002 - pydantic reads it
from toolfan.keys import HeaderText  # noqa: TC002 - as above


class BedrockSettings(BaseModel):
    """Settings of a Bedrock endpoint; what is not set, boto3 finds where it finds it for everybody.

    That is: the variables of AWS (`AWS_ACCESS_KEY_ID`, `AWS_PROFILE`, `AWS_DEFAULT_REGION`, `AWS_BEARER_TOKEN_BEDROCK`
    ...), its shared files, the role of the machine.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    region: HeaderText | None = Field(default=None, description="Of AWS, such as us-east-1.")
    aws_profile: str | None = Field(default=None, description="Of the shared files of AWS (~/.aws/config).")
    endpoint_url: Address | None = Field(default=None, description="In place of the region's own: a VPC endpoint, say.")
    needs_end: bool = Field(default=True, description="False for servers known to end a stream without messageStop.")
