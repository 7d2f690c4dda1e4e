"""`toolfan doctor`: what is configured and installed, whether it works, and what to do next.

Knows: findings, plugins as listed.  Must not know: how a profile is examined, any provider.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from ..config.profiles import configuration
from ..config.targets import selected
from ..config_files.blocking import blocked
from ..errors import ConfigError, as_sentence
from ..registry.installed_observers import ObserverInfo, installed_observers
from ..registry.listing import AdapterInfo, idle_claims, installed_adapters
from ..wire import nearest
from .examining import Finding, all_examined
from .output import foreign_words_aside, plugin_json, plugin_text, print_json, print_table, print_text
from .questions import Profile  # noqa: TC001 - typer reads it

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..config.profiles import Configuration

_Plugin: TypeAlias = tuple[str, AdapterInfo | ObserverInfo]
_COLUMNS = ("profile", "adapter", "model", "packages", "key", "endpoint", "result")


def doctor(
    profile: Profile = None,
    live: Annotated[
        bool, typer.Option("--live", help="Ask each endpoint a small question. It may cost a few tokens.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON line for each profile and each plugin.")
    ] = False,
) -> None:
    """Examine every configured profile and every plugin, and say what to do next.

    Ends with status 2 if something must be changed here, 1 if only an endpoint did not answer as it should.
    """
    configured = configuration()
    with foreign_words_aside():
        findings = all_examined([configured.profiles[name] for name in _names(configured, profile)], live=live)
        plugins: list[_Plugin] = [("adapter", info) for info in installed_adapters(load=True)]
        plugins += [("observer", info) for info in installed_observers(load=True)]
    plugins += [("clients", info) for info in idle_claims()]
    wrong = None if profile else _selected_in_vain(configured)
    if as_json:
        _print_json(findings, plugins)
    else:
        _print(findings, plugins)
    if wrong is not None and as_json:
        print_json({"kind": "default", "problem": wrong.message, "next": wrong.hint})
    elif wrong is not None:
        print_text(f"default: {as_sentence(wrong.message)} {wrong.hint or ''}".rstrip())
    if wrong is not None or any(info.hint for _, info in plugins):
        raise typer.Exit(2)
    if any(one.problem and not one.asked for one in findings):
        raise typer.Exit(2)
    if any(one.problem for one in findings):
        raise typer.Exit(1)


def _names(configured: Configuration, profile: str | None) -> list[str]:
    if profile is None:
        return sorted(configured.profiles)
    found = configured.find(profile)
    if found is None:
        raise ConfigError(f"there is no profile {profile!r}; {configured.listed()}", hint="Name one of them.")
    return [found.name]


def _selected_in_vain(configured: Configuration) -> ConfigError | None:
    """What is wrong with the profile that the environment or the file selects."""
    try:
        if configured.selected is not None:
            selected(configured)
    except ConfigError as exc:
        return exc
    return None


def _print_json(findings: list[Finding], plugins: list[_Plugin]) -> None:
    for finding in findings:
        print_json({"kind": "profile", **asdict(finding)})
    for kind, info in plugins:
        print_json({"kind": kind, **plugin_json(info)})
    for name, reason, hint in _disabled_in_vain(plugins):
        print_json({"kind": "disabled", "name": name, "reason": reason, "next": hint})


def _print(findings: list[Finding], plugins: list[_Plugin]) -> None:
    if findings:
        print_table(_COLUMNS, [_cells(finding) for finding in findings])
    else:
        print_text("No profile is configured: write one into toolfan.toml, or name the adapter in your code.")
    for finding in findings:
        if finding.problem:
            problem = as_sentence(finding.problem)
            print_text(f"{finding.profile} ({finding.where}): {problem} {finding.next or ''}".rstrip())
        for remark in finding.remarks:
            print_text(f"{finding.profile} ({finding.where}): {as_sentence(remark)}")
    if all(kind != "adapter" for kind, _ in plugins):
        print_text('No adapter is installed. Run, for example, `pip install "toolfan[openai]"`.')
    for kind, info in plugins:
        print_text(plugin_text(kind, info))
    for name, reason, hint in _disabled_in_vain(plugins):
        print_text(f"disabled {name}: {reason}. {hint or ''}".rstrip())


def _disabled_in_vain(plugins: list[_Plugin]) -> Iterator[tuple[str, str, str | None]]:
    """Names that are switched off and that no plugin here has, each with where, and a name that is like it.

    That is no failure: the same file may serve where the plugin is installed.
    """
    names = sorted({info.name for kind, info in plugins if kind != "clients"})
    for name, where in blocked().items():
        if name not in names:
            reason = f"{where} switches it off, and no installed plugin has this name"
            yield name, reason, nearest(name, names).strip() or None


def _cells(finding: Finding) -> list[str]:
    keys = [f"{variable} {'set' if is_set else 'not set'}" for variable, is_set in finding.keys.items()]
    answered = f", answered in {finding.answered:.2f} s" if finding.answered is not None else ""
    return [
        finding.profile,
        finding.adapter or "",
        finding.model or "",
        ", ".join(finding.packages),
        ", ".join(keys),
        finding.endpoint or "",
        "see below" if finding.problem else f"ok{answered}{', see below' if finding.remarks else ''}",
    ]
