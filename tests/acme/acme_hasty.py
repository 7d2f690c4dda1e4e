"""A plugin that imports its SDK at once."""

from __future__ import annotations

import acme_sdk  # noqa: F401
from toolfan_acme import toolfan_adapter

__all__ = ["toolfan_adapter"]
