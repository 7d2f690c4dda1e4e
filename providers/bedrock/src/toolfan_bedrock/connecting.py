"""The SDK's client from settings: the only place of this package that makes one.

Knows: sessions of boto3.  Must not know: requests and answers.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from toolfan.addresses import check_variable
from toolfan.errors import AdapterNotInstalled, ConfigError
from toolfan.keys import header_text

if TYPE_CHECKING:
    from .settings import BedrockSettings

_ENDPOINTS = ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL")
READ_SECONDS = 600
"""How long a client that is made here waits for the next bytes; boto3's own 60 s are too short for a long answer."""


def connect(settings: BedrockSettings, adapter: str) -> object:
    """A `bedrock-runtime` client whose own retries are off.

    Raises ConfigError without a region or credentials, if the variable with the service's address holds none, or for
    what boto3 refuses; AdapterNotInstalled without boto3.
    """
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError as exc:
        raise AdapterNotInstalled(
            "the adapter needs the boto3 package", adapter=adapter, hint='Run: pip install "toolfan[bedrock]".'
        ) from exc
    if settings.region is None:
        check_variable("AWS_DEFAULT_REGION", adapter=adapter, check=header_text)
    if settings.endpoint_url is None:
        _check_endpoint(adapter)
    try:
        session = boto3.Session(profile_name=settings.aws_profile, region_name=settings.region)
        if not session.region_name:
            raise ConfigError(
                "no region: neither the setting region nor the environment variable AWS_DEFAULT_REGION is set",
                adapter=adapter,
                hint='Set one of them, for example region="us-east-1".',
            )
        if not os.environ.get("AWS_BEARER_TOKEN_BEDROCK") and session.get_credentials() is None:
            raise ConfigError(
                "no credentials of AWS were found",
                adapter=adapter,
                hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_BEARER_TOKEN_BEDROCK, or AWS_PROFILE "
                "(the setting aws_profile), or run `aws sso login`.",
            )
        config = Config(retries={"total_max_attempts": 1}, read_timeout=READ_SECONDS)
        return session.client("bedrock-runtime", endpoint_url=settings.endpoint_url, config=config)
    except (BotoCoreError, ValueError) as exc:
        from toolfan.translation.construction import raise_unmade

        hint = "Check region, aws_profile, endpoint_url and the credentials of AWS."
        raise_unmade(exc, adapter=adapter, sdk="boto3", hint=hint)


def _check_endpoint(adapter: str) -> None:
    """What boto3 reads itself, and shows in its error, with the login that may stand in it."""
    found = next(filter(os.environ.get, _ENDPOINTS), None)
    if found and os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        check_variable(found, adapter=adapter)
