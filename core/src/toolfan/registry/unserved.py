"""Why no adapter serves: not installed, switched off, idle, or unknown; each error has the command that mends it.

Knows: which extra brings which provider.  Must not know: how an adapter is selected or loaded.
"""

from __future__ import annotations

from contextlib import suppress
from inspect import getattr_static
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

from ..config_files.blocking import blocked
from ..errors import AdapterBroken, AdapterNotFound, AdapterNotInstalled
from ..mocks import INSTEAD, is_mock
from ..wire import nearest
from .plugins import ADAPTERS, broken, candidates, within

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .plugins import Candidate

_EXTRAS = {name: name for name in ("anthropic", "bedrock", "cohere", "gemini", "litellm", "local", "openai", "vertex")}
_EXTRAS["openai-responses"] = "openai"
_EXTRAS_OF_CLIENTS = {
    "anthropic": "anthropic",
    "botocore.client": "bedrock",
    "cohere": "cohere",
    "openai": "openai",
    "vertexai": "vertex",
    "google.genai": "gemini",
}
_MADE_FROM = {
    "anthropic": "anthropic.Anthropic()",
    "boto3": 'boto3.client("bedrock-runtime")',
    "cohere": "cohere.ClientV2()",
    "google.genai": "genai.Client()",
    "litellm": 'the module with adapter="litellm"',
    "openai": "openai.OpenAI()",
}


def raise_not_installed(name: str) -> NoReturn:
    """Raises what tells that no adapter of this name is installed."""
    if not name.strip():
        raise AdapterNotFound(
            "the name of the adapter is empty",
            hint='Write adapter:model, for example "openai:gpt-4o-mini".',
        )
    from ..secrets.masking import masked  # loaded, as all that is for errors, when something fails

    if (seen := masked(name)) != name:
        raise AdapterNotFound(
            f"there is no adapter {seen!r}",
            hint="That looks like a key: keys stand in variables such as OPENAI_API_KEY.",
        )
    extra = _EXTRAS.get(name)
    if extra is not None:
        raise AdapterNotInstalled(f"the adapter {name!r} is not installed", hint=_install(extra))
    installed = sorted({c.name for c in candidates(ADAPTERS)} - blocked().keys())
    has = f"installed: {', '.join(installed)}" if installed else "no adapter is installed"
    hint = nearest(name.lower(), sorted({*installed, *_EXTRAS})).strip()
    raise AdapterNotFound(
        f"there is no adapter {name!r}; {has}",
        hint=f"{hint} Install the package that offers it, or one of toolfan's own: {_extras_command()}".strip(),
    )


def idle_error(claim: Candidate, names: list[str]) -> AdapterBroken:
    """The error of a claim to serve clients that leads to no adapter, or to several; `names` are theirs."""
    how_many = f"as {listed(names)}" if names else "under no name"
    why = f"it serves clients of {claim.name} with {claim.value}, which it offers {how_many} in {ADAPTERS}"
    error = broken(claim, why)
    return AdapterBroken(error.message, hint=f"{error.hint} Or name the adapter that serves them with adapter=....")


def raise_no_server(client: object, modules: list[str], declared: list[Candidate]) -> NoReturn:
    """Raises what tells that nobody serves this object, whose classes are of these modules."""
    shown = f"{type(client).__module__}.{type(client).__qualname__}"
    if isinstance(client, type):
        raise AdapterNotFound(
            f"{client.__module__}.{client.__qualname__} is a class", hint="Pass an object made from it."
        )
    if isinstance(client, ModuleType):
        made = _MADE_FROM.get(client.__name__, "one made from it")
        raise AdapterNotFound(f"{client.__name__} is a module, not a client", hint=f"Pass {made}.")
    if isinstance(client, str):
        raise AdapterNotFound("a text is not a client of an SDK", hint="Use toolfan.connect(...) for a name.")
    for module in modules:
        for package, extra in _EXTRAS_OF_CLIENTS.items():
            if within(module, package):
                raise AdapterNotInstalled(
                    f"the adapter that serves clients of {package} ({shown}) is not installed", hint=_install(extra)
                )
    if is_mock(client):
        raise AdapterNotFound(f"no installed adapter serves a {shown}", hint=INSTEAD)
    inner = _held_client(client)
    if inner is not None:
        kind = f"{type(inner).__module__}.{type(inner).__qualname__}"
        hint = f"It is around a client ({kind}), but of another class: pass the client that it was made from."
        raise AdapterNotFound(f"no installed adapter serves a {shown}", hint=hint)
    spelled = _spells_chat(client)
    same = "If its service speaks OpenAI's API, pass openai.OpenAI(base_url=...). " if spelled else ""
    served = listed(f"{c.name} ({c.origin})" if c.fault is None else f"{c.name} (broken: {c.fault})" for c in declared)
    raise AdapterNotFound(
        f"no installed adapter serves a {shown}; "
        + (f"served are clients of {served}" if served else "none is served"),
        hint=f"{same}Name the adapter with adapter=..., or install one that serves it; "
        f"toolfan's own: {_extras_command()}",
    )


def _held_client(client: object) -> object | None:
    """The client of an SDK's that this object has for an attribute, as what traces one has; no code of its own runs."""
    with suppress(Exception):  # attributes that cannot be had
        for held in object.__getattribute__(client, "__dict__").values():
            homes = [base.__module__ for base in type(held).__mro__ if base.__name__.endswith("Client")]
            if any(within(home, package) for home in homes for package in _MADE_FROM):
                return held  # type: ignore[no-any-return]
    return None


def _spells_chat(client: object) -> bool:
    """Whether it has a `chat`, as SDKs of services that are compatible with OpenAI's have; Mistral's declares it.

    Statically, since asking an object runs its code.
    """
    if getattr_static(client, "chat", None) is not None:
        return True
    with suppress(Exception):  # an annotation may name what is not there
        return any("chat" in getattr(base, "__annotations__", ()) for base in type(client).__mro__)
    return False


def blocked_error(name: str, where: str) -> AdapterNotFound:
    """The error of an adapter that is switched off, and where it is."""
    return AdapterNotFound(
        f"the adapter {name!r} is switched off by {where}",
        adapter=name,
        hint=f"Take {name} out there, or use another adapter.",
    )


def _install(extra: str) -> str:
    return f'Run `pip install "toolfan[{extra}]"`.'


def _extras_command() -> str:
    return f'`pip install "toolfan[NAME]"` with NAME one of {", ".join(sorted(set(_EXTRAS.values())))}.'


def uninstall(found: Iterable[Candidate]) -> str:
    """The commands that remove these, one or another."""
    return " or ".join(f"`pip uninstall {candidate.distribution}`" for candidate in found)


def listed(items: Iterable[str]) -> str:
    """The items with commas between them."""
    return ", ".join(items)
