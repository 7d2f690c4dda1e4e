"""What a profile of the adapter `local` may set.

Knows: names of settings.  Must not know: how a script is read.
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads it

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator


class LocalSettings(BaseModel):
    """Settings of the offline planner; it needs no key and no network.

    A relative `script` is looked for in the folder of the configuration file that names it, else (an argument, an
    environment variable) in the working directory.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    script: Path | None = Field(
        default=None, description="A file of scripted answers (.toml or .json) to be given in place of the planner's."
    )

    @field_validator("script")
    @classmethod
    def _beside_its_file(cls, script: Path | None, info: ValidationInfo) -> Path | None:
        folder = (info.context or {}).get("folders", {}).get("script")
        return script if script is None or folder is None else folder / script
