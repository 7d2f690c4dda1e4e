"""What may be set for a connection: core's own fields, the adapter's settings, the provider's options.

Every complaint names the place, the value (never a secret) and the nearest name.

Knows: core's fields.  Must not know: any adapter's settings, where files lie.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
from collections.abc import Iterable, Mapping
from datetime import date, time
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, TypedDict, cast

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from ..errors import ConfigError
from ..other_names import OPTIONS
from ..request.arguments import DEFAULTS, LONGEST_DEADLINE
from ..secrets.redaction import TOO_LONG, known_secrets, looks_secret, shown, without_secrets
from ..values import dataclass
from ..wire import nearest
from .profiles import from_text

if TYPE_CHECKING:
    from pathlib import Path

    from ..adapter import ParallelToolsAdapter
    from ..secrets.held import Secrets
    from .profiles import Profile


_Path: TypeAlias = "tuple[str | int, ...]"


class Defaults(TypedDict, total=False):
    """What was configured for every call of a client; what was not is absent.

    `deadline` is in seconds, None for no limit (0 in a file, since TOML has no None).  `options` are the provider's.
    """

    max_attempts: int
    deadline: float | None
    on_invalid: Literal["reask", "raise", "keep"]
    parallel: bool | int
    repairs: bool
    strict: bool | None
    options: dict[str, Any]


class _Core(BaseModel):
    """The fields that core reads; their descriptions are what a message says of a wrong value."""

    model_config = ConfigDict(strict=True)

    adapter: Annotated[str, Field(description="the name of an adapter")] = ""
    model: Annotated[
        Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$")] | None,
        Field(description="the name of a model, without line breaks"),
    ] = None
    max_attempts: Annotated[int, Field(ge=1, description="a whole number from 1")] = 1
    deadline: Annotated[
        float | None,
        Field(
            ge=0,
            le=LONGEST_DEADLINE,
            allow_inf_nan=False,
            description=f"a number of seconds, at most {LONGEST_DEADLINE:g}, or 0 for no limit",
        ),
    ] = None
    on_invalid: Annotated[Literal["reask", "raise", "keep"], Field(description='"reask", "raise" or "keep"')] = "reask"
    parallel: Annotated[
        bool | Annotated[int, Field(ge=1)], Field(description="true, false, or the largest number of calls, from 1")
    ] = True
    repairs: Annotated[bool, Field(description="true or false")] = True
    strict: Annotated[bool | None, Field(description="true or false")] = None
    options: Annotated[dict[str, Any], Field(description="a table of the provider's options")] = {}


_CORE = frozenset(_Core.model_fields)
_TEXTS = frozenset({"adapter", "model", "on_invalid"})


@dataclass(frozen=True, slots=True)
class Given:
    """Everything that was configured for one connection, and where each part stands."""

    profile: Profile | None
    arguments: Mapping[str, Any]

    @property
    def values(self) -> dict[str, Any]:
        values = {**_read_texts(self.profile), **self.arguments}
        options = self.arguments.get("options")
        if self.profile is not None and isinstance(options, Mapping):
            inherited = self.profile.values.get("options")
            values["options"] = {**inherited, **options} if isinstance(inherited, Mapping) else options
        return values

    @property
    def folders(self) -> dict[str, Path]:
        """For each value that comes from a configuration file, the folder of that file."""
        if self.profile is None:
            return {}
        found = {key: self.profile.folder(key) for key in self.profile.values.keys() - self.arguments.keys()}
        return {key: folder for key, folder in found.items() if folder is not None}

    def where(self, *path: str | int) -> str:
        argument = self.arguments.get(str(path[0])) if path else None
        passed = bool(path) and path[0] in self.arguments
        if len(path) > 1 and isinstance(argument, Mapping):
            passed = path[1] in argument
        if self.profile is None or passed:
            return f"the argument {'.'.join(map(str, path))}"
        return self.profile.where(*path)


def _read_texts(profile: Profile | None) -> dict[str, Any]:
    """The profile's values, with the environment's texts read as what core's fields need."""
    values = dict(profile.values) if profile else {}
    if profile:
        for key in profile.overridden.keys() & (_CORE - _TEXTS):
            with contextlib.suppress(RecursionError):  # then it is no value of any of them
                values[key] = from_text(values[key])
    return values


def checked_defaults(adapter: ParallelToolsAdapter, given: Given) -> tuple[str | None, Defaults]:
    """The model and the defaults among what was given.  Raises ConfigError for a wrong value or unknown option."""
    core = {key: value for key, value in given.values.items() if key in _CORE}
    try:
        checked = _Core.model_validate(core)
    except ValidationError as exc:
        wrong = str(exc.errors(include_url=False, include_context=False, include_input=False)[0]["loc"][0])
    else:
        _check_options(adapter, given, checked.options)
        defaults = checked.model_dump(exclude_unset=True, exclude={"adapter", "model"})
        if defaults.get("deadline") == 0:
            defaults["deadline"] = None
        return checked.model, cast("Defaults", defaults)
    raise ConfigError(
        f"{given.where(wrong)} is {shown(core[wrong], (wrong,))}",
        adapter=adapter.name,
        hint=f"It is {_Core.model_fields[wrong].description}.",
    )


def _check_options(adapter: ParallelToolsAdapter, given: Given, options: Mapping[str, Any]) -> None:
    spelled: dict[str, str] = {}
    for name, value in options.items():
        if name not in adapter.option_names:
            raise ConfigError(
                f"{given.where('options', name)}: the provider has no such option; value {shown(value, (name,))}",
                adapter=adapter.name,
                hint=_no_option(adapter, str(name)),
            )
        if fault := _unsendable(value, ("options", name)):
            raise ConfigError(
                f"{given.where(*fault[0])} cannot be sent: it {fault[1]}",
                adapter=adapter.name,
                hint="Write what JSON can say: a text, a finite number, true, false, a list or a table.",
            )
        other = spelled.setdefault(re.sub("_([a-z0-9])", lambda found: found[1].upper(), name), name)
        if other != name:  # `top_p` and `topP`, where a provider's options have both spellings
            raise ConfigError(
                f"{given.where('options', name)} says again what {given.where('options', other)} says",
                adapter=adapter.name,
                hint="Give it once, in one spelling.",
            )


def _no_option(adapter: ParallelToolsAdapter, name: str) -> str:
    """What to do with what stands among the provider's options and is none of them."""
    beside = _CORE | adapter.settings_model.model_fields.keys()
    own = name if name in beside else OPTIONS.get(name, name).partition("=")[0]
    if own in beside:
        return f"It is no option of the provider's: write {own} beside options, not in it."
    if own in DEFAULTS or own in ("messages", "response_model", "tools"):
        return f"It is said with each request: write {own}= in create()."
    close = nearest(name, adapter.option_names).strip()
    door = getattr(adapter, "unchecked_option", "extra_body")
    return f"{close} To send it unchecked, use {door}= of create().".strip()


def _unsendable(value: Any, path: _Path) -> tuple[_Path, str] | None:
    """What TOML and variables can say and JSON cannot, and where.

    Objects of an SDK, which arguments may hold, are the adapter's affair.
    """
    stack, seen = [(path, value)], set[int]()
    while stack:
        path, item = stack.pop()
        if isinstance(item, float) and not math.isfinite(item):
            return path, f"is {item}, which is no number of JSON"
        if isinstance(item, int) and shown(item, ()) == TOO_LONG:
            return path, f"is {TOO_LONG}"
        if isinstance(item, date | time):
            return path, f"is a {type(item).__name__}, which JSON does not have"
        if isinstance(item, str) and any("\ud800" <= char <= "\udfff" for char in item):
            return path, "holds a byte that is no text"
        if isinstance(item, dict | list) and id(item) not in seen:
            seen.add(id(item))
            children: Iterable[tuple[Any, Any]] = item.items() if isinstance(item, dict) else enumerate(item)
            stack += [((*path, key), child) for key, child in children]
    return None


def checked_settings(adapter: ParallelToolsAdapter, given: Given) -> BaseModel:
    """The adapter's settings among what was given.  Raises ConfigError for unknown keys, secrets and wrong values.

    They are validated with the context `{"folders": ...}`, see `Given.folders`, so that a model can read a relative
    path from there.
    """
    settings = {key: value for key, value in given.values.items() if key not in _CORE}
    model = adapter.settings_model
    names = {name for key, info in model.model_fields.items() for name in (key, info.alias) if name}
    for key, value in settings.items():
        if key not in names:
            _refuse_unknown(adapter, given, key, names)
        if key.endswith("_env") and isinstance(value, str) and (why := _no_variable(key, value)):
            raise ConfigError(
                f"{given.where(key)} {why}",
                adapter=adapter.name,
                hint=f'Put the key itself into a variable, and name it: {key} = "MY_KEY".',
            )
    try:
        return model.model_validate(settings, context={"folders": given.folders})
    except ValidationError as exc:
        fault = exc.errors(include_url=False, include_context=False)[0]
    # Outside the handler: pydantic's error, which would be its context, shows the values.
    raise _invalid(adapter, given, settings, fault)


def _no_variable(key: str, value: str) -> str | None:
    """Why `value` is no name of a variable but a secret in its place; None if it may be one."""
    if looks_secret(key) and not value.isidentifier():
        return "does not hold the name of an environment variable"
    if value not in os.environ:  # else it is one, whatever it looks like
        from ..secrets.masking import has_form_of_key  # loaded, as all that is for errors, when something fails

        if has_form_of_key(value):
            return "has the form of a key, and no environment variable has that name"
    return None


def _refuse_unknown(adapter: ParallelToolsAdapter, given: Given, key: str, names: set[str]) -> None:
    if looks_secret(key) and not key.endswith("_env"):
        named = f"{key}_env" if f"{key}_env" in names else "api_key_env"
        raise ConfigError(
            f"{given.where(key)} holds a secret",
            adapter=adapter.name,
            hint=f'A key is named, never written: put it into an environment variable and write {named} = "MY_KEY".',
        )
    if adapter.settings_model.model_config.get("extra") == "allow":
        return
    if key in adapter.option_names:
        hint = f"It is an option of the provider and belongs into the table options: options = {{ {key} = ... }}."
    else:
        meant = OPTIONS.get(key, "").partition("=")[0]
        close = f" Did you mean {meant!r}?" if meant in _CORE else nearest(key, _CORE | names)
        unquoted = given.profile.without_quotes() if given.profile and isinstance(given.values[key], Mapping) else None
        hint = unquoted or f"Known are {', '.join(sorted(_CORE | names))}.{close}"
    raise ConfigError(
        f"{given.where(key)}: there is no such setting; its value is {shown(given.values[key], (key,))}",
        adapter=adapter.name,
        hint=hint,
    )


def _invalid(
    adapter: ParallelToolsAdapter, given: Given, settings: Mapping[str, Any], fault: Mapping[str, Any]
) -> ConfigError:
    path = tuple(fault["loc"])
    what = without_secrets(str(fault["msg"]).removeprefix("Value error, "), settings)
    key = ".".join(map(str, path))
    if fault["type"] == "missing":
        place = f" ({given.profile.where()})" if given.profile else ""
        message = f"the adapter needs the setting {key}, which is not set{place}"
    elif path:
        message = f"{given.where(*path)} is {shown(fault['input'], path)}: {what}"
    else:
        named = [name for name in settings if re.search(rf"\b{re.escape(name)}\b", what)] or [*settings]
        message = f"{what} ({', '.join(map(given.where, named))})"
        key = " or ".join(named)
    return ConfigError(message, adapter=adapter.name, hint=f"Mend {key}.")


def secrets_in(settings: Any) -> Secrets:
    """The secrets that an adapter's settings hold, and those in the environment variables that its `*_env` name."""
    found: dict[str, Any] = {}
    for name, value in settings if isinstance(settings, BaseModel) else ():
        if name.endswith("_env"):
            found[name.removesuffix("_env")] = os.environ.get(value) if isinstance(value, str) else None
        else:
            found[name] = value
    return known_secrets(found)
