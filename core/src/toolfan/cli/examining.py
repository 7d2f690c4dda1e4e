"""What is the matter with a profile: its adapter, the packages, the key, the endpoint.

Knows: profiles, the registry, metadata of distributions.  Must not know: any provider, how findings are printed.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import time
from dataclasses import dataclass, field
from threading import Thread
from typing import TYPE_CHECKING, Any

from tenacity import stop_after_attempt

from ..client.constructors import connect
from ..config.targets import resolve
from ..config_files.secret_names import named_secrets
from ..errors import DeadlineExceeded, ToolfanError, UsageError
from ..registry.listing import installed_adapters
from ..request.arguments import prepare
from ..secrets.credentials import environment_secrets
from ..secrets.known import without
from ..secrets.masking import masked, text_of, without_added
from ..secrets.redaction import longest_first
from ..translation.construction import origin_of, raised_in
from ..wire import encode_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..client.sync_client import Client
    from ..config.profiles import Profile
    from ..config.targets import Connection
    from ..secrets.held import Secrets

_PATIENCE = 30.0
"""Seconds that an endpoint may take to answer, where its profile does not allow less."""


@dataclass(slots=True)
class Finding:
    """What is known of one profile.  `problem` says what is wrong with it, `next` what to do; None if all is well.

    `keys` has the variables that a key is taken from, and whether each is set.  `asked` says whether the
    endpoint was asked, `answered` how many seconds it took, None if it did not answer as it should.  `remarks` say what
    is worth knowing though nothing is wrong by it.
    """

    profile: str
    where: str
    adapter: str | None = None
    model: str | None = None
    packages: list[str] = field(default_factory=list)
    keys: dict[str, bool] = field(default_factory=dict)
    endpoint: str | None = None
    asked: bool = False
    answered: float | None = None
    problem: str | None = None
    next: str | None = None
    remarks: list[str] = field(default_factory=list)


def all_examined(profiles: Sequence[Profile], *, live: bool) -> list[Finding]:
    """The profiles, each examined; with `live` side by side, since each waits for an endpoint."""
    if not live:
        return [examined(profile, live=False) for profile in profiles]
    found: dict[str, Finding] = {}

    def examine(profile: Profile) -> None:
        found[profile.name] = examined(profile, live=True)

    threads = [Thread(target=examine, args=(profile,), daemon=True) for profile in profiles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[profile.name] for profile in profiles]


def examined(profile: Profile, *, live: bool) -> Finding:
    """The profile, examined as far as it goes; with `live` its endpoint is asked, which may cost a few tokens."""
    name = profile.written or profile.name
    adapter, model = profile.values.get("adapter"), profile.values.get("model")
    found = Finding(name, profile.where(), adapter if isinstance(adapter, str) else None)
    found.model = masked(model) if isinstance(model, str) else None
    try:
        found.packages = _packages(found.adapter)
        _examine(found, resolve(None, profile=name, model=None, settings={}), live=live)
    except ToolfanError as exc:
        found.problem, found.next = exc.message, exc.hint
        found.asked = found.asked and not isinstance(exc, UsageError)
    except KeyboardInterrupt:
        raise
    except BaseException as exc:  # noqa: BLE001 - whatever an SDK raises belongs to this profile alone
        found.problem = _told(exc)
        found.next = raised_in(exc)
    _hide_secrets(found, _secrets_of(profile))
    return found


def _secrets_of(profile: Profile) -> Secrets:
    """What is not shown of this profile: secrets of the environment, and those in variables that it names."""
    return longest_first(environment_secrets(), named_secrets(profile.values))


def _hide_secrets(found: Finding, secrets: Secrets) -> None:
    for name in ("problem", "next", "endpoint"):
        if said := getattr(found, name):
            setattr(found, name, without(said, secrets))
    found.remarks = [without(remark, secrets) for remark in found.remarks]


def _examine(found: Finding, connection: Connection, *, live: bool) -> None:
    found.model = connection.model
    found.keys = {variable: bool(os.environ.get(variable, "").strip()) for variable in _variables(found, connection)}
    found.remarks += map(masked, _asked_of_adapter(found, connection, "key_remarks") or ())
    found.endpoint = _address(connection.settings)
    _check_request(connection)
    with connect(profile=found.profile, stop=stop_after_attempt(1)) as client:
        found.endpoint = found.endpoint or _address(client.sdk_client)
        if live:
            found.asked = True
            found.answered = _asked(client, connection.defaults.get("deadline"))


def _variables(found: Finding, connection: Connection) -> list[str]:
    """The variables that a key is taken from: those the adapter names, or those that the settings name."""
    named = _asked_of_adapter(found, connection, "key_variables")
    if named is not None:
        return named
    settings = dict(connection.settings)
    return [value for key, value in settings.items() if key.endswith("_env") and isinstance(value, str)]


def _asked_of_adapter(found: Finding, connection: Connection, name: str) -> list[str] | None:
    """What this method of the adapter says of the settings; None without the method.

    That one fails is remarked; what else is known of the profile does not suffer.
    """
    method = getattr(connection.adapter, name, None)
    if method is None:
        return None
    try:
        return [str(one) for one in method(connection.settings)]
    except Exception as exc:  # noqa: BLE001 - the adapter's, which may raise anything
        found.remarks.append(f"the adapter cannot tell of the key: {name} of {origin_of(exc)} failed ({_told(exc)})")
        return []


def _told(exc: BaseException) -> str:
    text = text_of(exc)
    return masked(f"{type(exc).__name__}: {text}" if text else type(exc).__name__)


def _address(holder: Any) -> str | None:
    names = ("base_url", "azure_endpoint", "endpoint_url")
    found = next(filter(None, (getattr(holder, name, None) for name in names)), None)
    return masked(without_added(str(found))) if found else None


def _packages(adapter: str | None) -> list[str]:
    """The distribution of the adapter and what it requires, but for what all of toolfan requires."""
    names = [info.distribution for info in installed_adapters() if info.name == adapter]
    if not names:
        return []
    ours = {_name(requirement) for requirement in importlib.metadata.requires("toolfan") or []}
    found = [f"{names[0]} {_version(names[0])}"]
    for requirement in importlib.metadata.requires(names[0]) or []:
        name = _name(requirement)
        version = _version(name)
        if name not in ours | {"toolfan"} and (version or "extra ==" not in requirement):
            found.append(f"{name} {version or '(not installed)'}")
    return found


def _name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower()


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def present() -> None:
    """Say that you are there."""


_QUESTION: dict[str, Any] = {"messages": [{"role": "user", "content": "Are you there?"}], "tools": (present,)}


def _check_request(connection: Connection) -> None:
    """Raises UsageError and its kin if no request can be made of what is configured."""
    defaults = {"model": connection.model or "any", **connection.call_options}
    prepared = prepare(connection.adapter, defaults, options={}, **_QUESTION)
    encode_json(connection.adapter.build_request(prepared.request).body)


def _asked(client: Client, allowed: float | None) -> float:
    """How many seconds the endpoint took to answer one small question, with whatever; at most what is `allowed`."""
    began, patience = time.monotonic(), min(allowed or _PATIENCE, _PATIENCE)
    try:
        client.create(max_attempts=1, on_invalid="keep", deadline=patience, **_QUESTION)
    except DeadlineExceeded as exc:
        exc.hint = f"See whether the service is up and its address right; doctor waits {_PATIENCE:g} s at the most."
        if patience < _PATIENCE:
            exc.hint = "Raise the deadline of the profile, if the service needs longer."
        raise
    return time.monotonic() - began
