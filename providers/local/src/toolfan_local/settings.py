"""What a profile of the adapter `local` may set.

Knows: names of settings.  Must not know: how a script is read.
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads it

from pydantic import BaseModel, ConfigDict, Field


class LocalSettings(BaseModel):
    """Settings of the offline planner; it needs no key and no network."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    script: Path | None = Field(
        default=None, description="A file of scripted answers (.toml or .json) to be given in place of the planner's."
    )
