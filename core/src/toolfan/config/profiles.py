"""Profiles as configured: those of the file, overridden by the environment, each value with the place where it stands.

In names of profiles capitals count as small letters and `-` as `_`, since the environment cannot tell them apart:
`TOOLFAN_PROFILES__FAST_MINI__MODEL` sets the `model` of `[profiles.Fast-Mini]`.  Names of settings are small letters in
the environment.  Empty variables count as unset.

Knows: the shape of the file, variables.  Must not know: what a profile may hold, adapters.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from ..config_files.blocking import KEY, names_in
from ..config_files.finding import find_config
from ..errors import ConfigError
from ..secrets.redaction import shown
from ..values import dataclass
from ..wire import nearest

if TYPE_CHECKING:
    from pathlib import Path

    from ..config_files.finding import ConfigFile

_SELECT = "TOOLFAN_PROFILE"
_OVERRIDE = "TOOLFAN_PROFILES"
_FILE_KEYS = ("default", KEY, "profiles")
_KNOWN = ("PROFILE", "PROFILES", "DISABLE", "DEBUG")


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile: its values, environment over file, and where each stands."""

    name: str
    values: Mapping[str, Any] = field(repr=False)
    file: ConfigFile | None
    written: str | None
    overridden: Mapping[str, Any] = field(repr=False)

    def where(self, *path: str | int) -> str:
        """The place of a value of the profile; without a path, of the profile itself."""
        key = ".".join(map(str, ("profiles", self.written or self.name, *path)))
        if self.file is None or self.written is None or (path and _reaches(self.overridden, path)):
            return f"{key} in the environment variable {_variable(self.name, *path)}"
        return self.file.where("profiles", self.written, *path)

    def folder(self, key: str) -> Path | None:
        """The folder of the file that this value comes from; None for one from the environment."""
        if self.file is None or self.written is None or key in self.overridden:
            return None
        return self.file.path.parent

    def without_quotes(self, name: str | None = None) -> str | None:
        """The hint for a profile (of this name) with dots and no quotes, which TOML reads as tables inside this one."""
        left: list[tuple[str, Any]] = [(self.written or self.name, self.values)]
        for dotted, values in left:
            if dotted != left[0][0] and "adapter" in values and (name is None or folded(name) == folded(dotted)):
                return f"A name with dots stands in quotes: write {header(dotted, self.file)}."
            left += [(f"{dotted}.{key}", inner) for key, inner in values.items() if isinstance(inner, Mapping)]
        return None


@dataclass(frozen=True, slots=True)
class Configuration:
    """Every profile by its folded name, the name of the selected one, and where the selection stands."""

    file: ConfigFile | None
    profiles: Mapping[str, Profile]
    selected: str | None
    selected_where: str

    def find(self, name: str) -> Profile | None:
        """The profile of this name, however it is spelled."""
        return self.profiles.get(folded(name))

    def listed(self) -> str:
        """The names of the profiles, for a message."""
        names = ", ".join(sorted(profile.written or profile.name for profile in self.profiles.values()))
        return f"configured profiles: {names}" if names else "no profile is configured"


def folded(name: str) -> str:
    """The form in which names of profiles are compared."""
    return name.strip().lower().replace("-", "_")


def header(name: str, file: ConfigFile | None) -> str:
    """The line that begins the table of the profile in the file; what looks like a key is hidden."""
    from ..config_files.toml_places import toml_key  # loaded, as all that is for errors, when something fails
    from ..secrets.masking import masked

    return f"[{'.'.join((*(file.prefix if file else ()), 'profiles', toml_key(masked(name.strip()))))}]"


class _Environment(EnvSettingsSource):
    """The environment, with texts left as they are (a project may be called 123) but in the provider's options."""

    def decode_complex_value(self, field_name: str, field: Any, value: Any) -> Any:
        decoded = super().decode_complex_value(field_name, field, value)
        return decoded if isinstance(decoded, dict) else value

    def __call__(self) -> dict[str, Any]:
        data = super().__call__()
        profiles = data.get("profiles")
        if isinstance(profiles, dict):
            data["profiles"] = {folded(name): _with_options(values) for name, values in profiles.items()}
        return data


def _with_options(values: Any) -> Any:
    if isinstance(values, dict) and isinstance(values.get("options"), dict):
        return {**values, "options": {name: from_text(value) for name, value in values["options"].items()}}
    return values


def from_text(value: Any) -> Any:
    """The number, truth value, list or table that a text of the environment spells; other texts as they are."""
    if isinstance(value, str):
        try:
            return json.loads(value.lower() if value.lower() in ("true", "false") else value)
        except ValueError:
            return value
    return value


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="TOOLFAN_", env_nested_delimiter="__", env_ignore_empty=True, case_sensitive=False, extra="forbid"
    )

    profile: str | None = None
    profiles: dict[str, dict[str, Any]] = {}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings fixes the names
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return _Environment(settings_cls), init_settings


def configuration(start: Path | None = None) -> Configuration:
    """What files (upwards from `start`, or the working directory) and the environment configure.

    Raises ConfigError for a file that cannot be read, is not TOML or has another shape, and for variables that are
    spelled wrongly.
    """
    check_variables()
    file = find_config(start)
    written = _names_in(file) if file else {}
    from_file = {name: file.data["profiles"][key] for name, key in written.items()} if file else {}
    default = file.data.get("default") if file else None
    overrides, settings = _read_settings(default, from_file)
    changed = overrides.get("profiles", {})
    profiles = {
        name: Profile(name, values, file, written.get(name), changed.get(name, {}))
        for name, values in settings.profiles.items()
    }
    from_environment = overrides.get("profile") is not None
    where = f"the environment variable {_SELECT}" if from_environment or not file else file.where("default")
    return Configuration(file, profiles, settings.profile, where)


def _read_settings(default: str | None, from_file: dict[str, Any]) -> tuple[dict[str, Any], _Settings]:
    try:
        overrides = _Environment(_Settings)()
        return overrides, _Settings(profile=default, profiles=from_file)
    except ValidationError as exc:
        place = [str(part) for part in exc.errors(include_url=False, include_input=False)[0]["loc"]]
        variable, what = _variable(*place[1:]), "does not hold a table"
    except SettingsError:
        variable, what = _OVERRIDE, "does not hold a table"
    except RecursionError:
        ours = [name for name in os.environ if name.upper().startswith(_OVERRIDE)]
        variable, what = max(ours, key=lambda name: len(re.findall(r"[\[{]", os.environ[name]))), "is nested too deeply"
    # Outside the handlers: the exception that is left behind holds the value, which may be a secret.
    raise ConfigError(
        f"the environment variable {variable} {what}",
        hint=f"Set single values, such as {_OVERRIDE}__FAST__MODEL=gpt-4o-mini, or a JSON object.",
    )


def check_variables() -> None:
    """Raises ConfigError for a variable that is nearly one of toolfan's, and so would be ignored in silence."""
    for variable in os.environ:
        prefix, _, name = variable.upper().partition("_")
        first = name.partition("__")[0]
        if prefix != "TOOLFAN" or name in _KNOWN or re.fullmatch(r"PROFILES(__[^_].*?)+", name):
            continue
        others = [f"TOOLFAN_{known}" for known in _KNOWN if known != first]
        meant = f" Did you mean {_SELECT!r}?" if name == "DEFAULT" else nearest(f"TOOLFAN_{first}", others)
        if name == "DEFAULT" or nearest(first, _KNOWN) or name.startswith("PROFILE"):
            raise ConfigError(
                f"the environment variable {variable} configures nothing",
                hint=f"{_SELECT} selects a profile; {_OVERRIDE}__NAME__KEY sets a key of one, with two underscores "
                f"between the parts.{meant}",
            )


def _variable(*path: str | int) -> str:
    """The variable that is set and reaches furthest along the path."""
    parts = [_OVERRIDE, *(str(part).upper() for part in path)]
    names = ["__".join(parts[:end]) for end in range(len(parts), 0, -1)]
    present = {name.upper() for name in os.environ}
    return next((name for name in names if name in present), f"{'__'.join(parts[:2])}__...")


def _reaches(values: Any, path: tuple[str | int, ...]) -> bool:
    for part in path:
        if not isinstance(values, Mapping) or part not in values:
            return False
        values = values[part]
    return True


def _names_in(file: ConfigFile) -> dict[str, str]:
    """Folded names of the profiles in the file, and how each is written there; checks the shape of the file."""
    for key, value in file.data.items():
        if key not in _FILE_KEYS:
            close = nearest(key, _FILE_KEYS).strip()
            raise ConfigError(
                f"{file.where(key)}: there is no such key; its value is {shown(value, (key,))}",
                hint=f"Known are default, disable and profiles. {close}".strip(),
            )
    names_in(file)
    default, profiles = file.data.get("default"), file.data.get("profiles", {})
    if default is not None and not isinstance(default, str):
        raise ConfigError(f"{file.where('default')} is {shown(default, ())}", hint="It is the name of a profile.")
    if not isinstance(profiles, dict):
        raise ConfigError(f"{file.where('profiles')} is {shown(profiles, ())}", hint="Write [profiles.NAME] tables.")
    names: dict[str, str] = {}
    for written, values in profiles.items():
        _check_name(file, written)
        if not isinstance(values, dict):
            raise ConfigError(
                f"{file.where('profiles', written)} is {shown(values, (written,))}, not a table",
                hint=f"Write [{'.'.join((*file.prefix, 'profiles', 'NAME'))}] and the keys below it.",
            )
        other = names.setdefault(folded(written), written)
        if other != written:
            raise ConfigError(
                f"{file.where('profiles', written)} has the same name as {other!r}",
                hint="Capitals count as small letters in names of profiles, and '-' as '_'; rename one.",
            )
    return names


def _check_name(file: ConfigFile, written: str) -> None:
    if not folded(written) or ":" in written or "__" in folded(written):
        raise ConfigError(
            f"{file.where('profiles', written)}: {written!r} cannot be the name of a profile",
            hint="A name is not empty, and has no colon and no two underscores side by side.",
        )
