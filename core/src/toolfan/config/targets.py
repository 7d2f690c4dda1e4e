"""From what is configured to what a client is made of: the adapter, the model, its settings, the defaults of its calls.

Arguments win over the environment, the environment over files.

Knows: how a connection is named and selected.  Must not know: any adapter's settings, syntax of files.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING, Any, NoReturn

from ..config_files.secret_names import named_secrets
from ..errors import AdapterBroken, AdapterNotFound, AdapterNotInstalled, ConfigError, UsageError
from ..registry.listing import installed_adapters
from ..registry.loading import load_adapter
from ..secrets.redaction import looks_like_secret, shown
from ..values import dataclass
from ..wire import nearest
from .profiles import configuration, folded, header
from .settings import Given, checked_defaults, checked_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic import BaseModel

    from ..adapter import ParallelToolsAdapter
    from .profiles import Configuration, Profile
    from .settings import Defaults

_WAYS = """Do one of these three:
  argument     toolfan.connect("openai:gpt-4o-mini")
  file         toolfan.toml, here or in a directory above:
                   default = "fast"
                   [profiles.fast]
                   adapter = "openai"
                   model = "gpt-4o-mini"
  environment  TOOLFAN_PROFILE=fast TOOLFAN_PROFILES__FAST__ADAPTER=openai TOOLFAN_PROFILES__FAST__MODEL=gpt-4o-mini
"""


@dataclass(frozen=True, slots=True)
class Connection:
    """What a client is made of; `settings` is an instance of the adapter's `settings_model`."""

    adapter: ParallelToolsAdapter
    model: str | None
    settings: BaseModel = field(repr=False)
    defaults: Defaults
    profile: str | None = None

    @property
    def call_options(self) -> dict[str, Any]:
        """The defaults as keyword arguments of `create`: the provider's options stand beside toolfan's own."""
        own = {key: value for key, value in self.defaults.items() if key != "options"}
        return {**own, **self.defaults.get("options", {})}


def resolve(
    target: str | None,
    *,
    profile: str | None,
    model: str | None,
    settings: Mapping[str, Any],
    start: Path | None = None,
) -> Connection:
    """The connection that the arguments of `connect` mean.

    `target` is "adapter:model" (split at the first colon), "adapter", or the name of a profile; a name that is both is
    refused, and then spelled `profile="name"` or "name:".  With a colon nothing but what is disabled is read.  Without
    `target` and `profile` the variable TOOLFAN_PROFILE, then the file's `default`, selects.  `settings` are core's
    fields and the adapter's settings; files are looked for upwards from `start`, or from the working directory.

    Raises ConfigError for whatever is configured wrongly, with its place, and what `load_adapter` raises.
    """
    _check_arguments(target, profile, settings)
    arguments = {**settings, **({} if model is None else {"model": model})}
    if target is not None and ":" in target:
        return _connect_adapter(target, arguments)
    configured = configuration(start)
    if target is None:
        found = selected(configured, profile)
    elif same := configured.find(target):
        found = _only_a_profile(target, same)
    else:
        return _connect_adapter(target, arguments, configured)
    return _connection(_adapter_of(found), Given(found, arguments))


def _check_arguments(target: str | None, profile: str | None, settings: Mapping[str, Any]) -> None:
    for name, value in (("target", target), ("profile", profile)):
        if value is not None and not isinstance(value, str):
            raise UsageError(
                f"the {name} of connect() is a {type(value).__name__}, not a text",
                hint='Write connect("openai:gpt-4o-mini"); an SDK client goes into toolfan.wrap(client).',
            )
    if target is not None and profile is not None:
        raise ConfigError(
            f"both a target, {shown(target, ())}, and profile={shown(profile, ())} are given",
            hint="Give one: a target for an adapter and a model, or a profile and model=... to change its model.",
        )
    if "adapter" in settings:
        raise ConfigError(
            "adapter= is no argument of connect()",
            hint='The adapter is its first argument: connect("openai:gpt-4o-mini").',
        )


def _connect_adapter(target: str, arguments: Mapping[str, Any], configured: Configuration | None = None) -> Connection:
    name, _, model = target.partition(":")
    if model and arguments.get("model", model) != model:
        raise ConfigError(
            f"two models are given, {model!r} in the target and {shown(arguments['model'], ())} as model=",
            hint="Give one.",
        )
    try:
        adapter = _loaded(name.strip(), arguments)
    except AdapterNotInstalled:
        raise
    except AdapterNotFound as exc:
        hint = f"{_spelling(target)}{exc.hint}"
        if configured is not None:
            written = [profile.written or profile.name for profile in configured.profiles.values()]
            hint += f" It is no profile either; {configured.listed()}.{nearest(target, written)}"
        raise AdapterNotFound(exc.message, adapter=exc.adapter, hint=hint) from None
    return _connection(adapter, Given(None, {**arguments, **({"model": model} if model else {})}))


def _spelling(target: str) -> str:
    """How a target of an adapter and a model is written, if this one has the slash of other libraries between them."""
    name, slash, model = target.partition("/")
    known = slash and any(info.name == name for info in installed_adapters())
    return f"Write {shown(f'{name}:{model}', ())}. " if known else ""


def _two_keys(text: str) -> str:
    """How a profile says what is an adapter and a model in one text, as `connect` takes them."""
    name, *model = re.split("[:/]", text.strip(), maxsplit=1)
    known = any(model) and any(info.name == name for info in installed_adapters())
    return f"Write adapter = {shown(name, ())} and model = {shown(model[0], ())}." if known else ""


def _only_a_profile(target: str, profile: Profile) -> Profile:
    if any(info.name == target and info.status != "blocked" for info in installed_adapters()):
        raise ConfigError(
            f"{target!r} is both an installed adapter and a profile ({profile.where()})",
            hint=f'Write connect(profile="{target}") for the profile, connect("{target}:") or '
            f'connect("{target}:MODEL") for the adapter.',
        )
    return profile


def selected(configured: Configuration, name: str | None = None) -> Profile:
    """The profile of this name; without one, that which the environment or the file selects.

    Raises ConfigError if it does not exist, with where it is named and the nearest name, or if none is selected.
    """
    where = "the argument profile"
    if name is None:
        name, where = configured.selected, configured.selected_where
    if name is None:
        _refuse_nothing(configured)
    found = configured.find(name)
    if found is None:
        _refuse_unknown(configured, name, where)
    return found


def _refuse_unknown(configured: Configuration, name: str, where: str) -> NoReturn:
    written = [profile.written or profile.name for profile in configured.profiles.values()]
    place = f" in {configured.file.path}" if configured.file else ""
    close = nearest(name, written) or (f" Did you mean {written[0]!r}?" if len(written) == 1 else "")
    if not folded(name):
        named = "no profile: the name is empty"
        hint = f"Name one of them.{close}" if written else "Write a table [profiles.NAME], and name it."
    else:
        named = f"the profile {shown(name, ())}, which does not exist"
        first = configured.find(name.partition(".")[0])
        hint = (
            first.without_quotes(name) if first else None
        ) or f"Name one of them, or {_table(configured, name)}.{close}"
    raise ConfigError(f"{where} names {named}; {configured.listed()}{place}", hint=hint)


def _table(configured: Configuration, name: str) -> str:
    """What to write for a profile of this name."""
    if ":" in name or "__" in folded(name):
        return "write a table of another name: it has no colon and no two underscores side by side"
    return f"write a table {header(name, configured.file)}"


def _refuse_nothing(configured: Configuration) -> NoReturn:
    if configured.profiles:
        place = f" in {configured.file.path}" if configured.file else " in the environment"
        example = next(profile.written or profile.name for profile in configured.profiles.values())
        raise ConfigError(
            f"no profile is selected; {configured.listed()}{place}",
            hint=f'Write connect(profile="{example}"), set TOOLFAN_PROFILE={example}, or write default = "{example}" '
            "at the top of the file.",
        )
    raise ConfigError("nothing is configured: no target, no profile", hint=_WAYS)


def _adapter_of(profile: Profile) -> ParallelToolsAdapter:
    name = profile.values.get("adapter")
    if name is None:
        for key in profile.values:
            if close := nearest(key, ["adapter"]):
                value = shown(profile.values[key], (key,))
                raise ConfigError(
                    f"{profile.where(key)}: there is no such setting; its value is {value}",
                    hint=f"The profile has no adapter.{close}",
                )
        installed = ", ".join(dict.fromkeys(info.name for info in installed_adapters())) or "none"
        raise ConfigError(
            f"the profile at {profile.where()} has no adapter",
            hint=profile.without_quotes() or f'Write adapter = "NAME"; installed: {installed}.',
        )
    if not isinstance(name, str):
        raise ConfigError(f"{profile.where('adapter')} is {shown(name, ())}", hint="It is the name of an adapter.")
    try:
        return _loaded(name, profile.values)
    except AdapterNotInstalled as exc:
        raise AdapterNotInstalled(
            f"{exc.message}, which {profile.where('adapter')} names", adapter=name, hint=exc.hint
        ) from None
    except AdapterNotFound as exc:
        from ..secrets.masking import masked  # loaded, as all that is for errors, when something fails

        hint = _two_keys(name) if masked(name) == name else ""  # there may be a key in the model's place
        seen = shown(name, ()) if looks_like_secret(name) else shown(masked(name), ())
        raise ConfigError(f"{profile.where('adapter')} is {seen}: {exc.message}", hint=hint or exc.hint) from exc


def _loaded(name: str, values: Mapping[str, Any]) -> ParallelToolsAdapter:
    """As `load_adapter`; its error shows nothing of the variables that these values name."""
    try:
        return load_adapter(name)
    except AdapterBroken as exc:
        from ..secrets.known import hide  # loaded, as all that is for errors, when something fails

        hide(exc, named_secrets(values))
        raise


def _connection(adapter: ParallelToolsAdapter, given: Given) -> Connection:
    model, defaults = checked_defaults(adapter, given)
    settings = checked_settings(adapter, given)
    if (configured := getattr(adapter, "configured", None)) is not None:
        made = configured(settings)
        if not hasattr(made, "build_request"):
            what = f"configured() of the adapter {adapter.name} returned {type(made).__name__}, no adapter"
            raise AdapterBroken(what, adapter=adapter.name, hint="Mend or upgrade the package that offers it.")
        adapter = made
    return Connection(adapter, model, settings, defaults, given.profile.name if given.profile else None)
