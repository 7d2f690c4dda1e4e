"""Laws of a plugin as a package: how it is found, what it imports, what it says when something is not there.

Knows: entry points, another process.  Must not know: requests, answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan.adapter import ParallelToolsAdapter
from toolfan.errors import ToolfanError
from toolfan.registry.loading import load_adapter

from .hearing import gaps, heard, unmade
from .lawbook import law
from .laws_of_oddities import LawsOfOddities
from .outside import ask, ask_sdk, fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class LawsOfPackages(LawsOfOddities):
    """What comes with a package."""

    @law
    def test_it_is_found_by_its_name(self) -> Iterator[str]:
        """`toolfan.load_adapter(name)` finds it: its distribution is installed, with an entry point of this name.

        In pyproject.toml: `[project.entry-points."toolfan.adapters"]`, `acme = "toolfan_acme"`; then install it anew.
        The module has a function `toolfan_adapter`, marked with `@toolfan.hookimpl`, that returns the adapter.
        """
        try:
            found = load_adapter(self.adapter.name)
        except ToolfanError as exc:
            yield str(exc)
            return
        if found.name != self.adapter.name:
            yield f"its name is {found.name!r}, and the entry point's {self.adapter.name!r}"

    @law
    def test_importing_it_imports_no_sdk(self) -> Iterator[str]:
        """Importing the plugin, and using the codec, imports no SDK: only `connect` and `transport` do.

        Import the SDK inside these functions; name its modules in the attribute `sdk`, so that this can be proved.
        """
        facts = ask(self)
        if facts["imported"]:
            yield f"importing the plugin imports {', '.join(facts['imported'])}"
        elif facts["imported later"]:
            yield f"building a request imports {', '.join(facts['imported later'])}"

    @law
    def test_it_is_the_same_in_every_process(self) -> Iterator[str]:
        """Requests have the same bytes in a process with another hash seed: the order of a `set` does not show.

        Sort what comes from a `set`, and write nothing of `hash()`, `id()` or the time into a request.
        """
        if ask(self)["fingerprint"] != fingerprint(self.adapter, "toolfan-model"):
            yield "in another process the tools or the requests are written differently"

    @law
    def test_a_missing_sdk_is_told(self) -> Iterator[str]:
        """Without the SDK `connect` raises AdapterNotInstalled, whose hint has the command that installs it.

        Import the SDK in `connect`, catch ImportError there, and write `pip install` with its name into the hint.
        """
        for said in _of_kinds_offered(ask(self), "without the SDK") if self.sdk else ():
            if said["error"] != "AdapterNotInstalled":
                yield f"{said['error'] or 'no error'} instead of AdapterNotInstalled: {said['text']}"
            elif "pip install" not in said["text"]:
                yield f"it does not say what to install: {said['text']}"

    @law
    def test_a_missing_key_is_told(self) -> Iterator[str]:
        """Without the key `connect` raises ConfigError, which names the environment variable; it sends nothing.

        The attribute `key_variable` has the name of the variable; an adapter without one connects without a key.  The
        key of another provider, as OPENAI_API_KEY, is none: this one would get it.
        Without the vendor's SDK this cannot be asked.
        """
        for said in _of_kinds_offered(ask_sdk(self), "without a key"):
            if self.key_variable is None and said["error"]:
                yield f"no key_variable is named, and connect raises {said['error']}: {said['text']}"
            if self.key_variable is not None and not said["error"]:
                yield f"connect raises nothing, and should raise ConfigError{self._wants_no_key()}"
            elif self.key_variable is not None and said["error"] != "ConfigError":
                yield f"{said['error']} instead of ConfigError: {said['text']}"
            elif self.key_variable is not None and self.key_variable not in said["text"]:
                yield f"it does not name {self.key_variable}: {said['text']}"

    def _wants_no_key(self) -> str:
        """Why a key may be no matter to `connect`, in words."""
        settings = self.adapter.settings_model.model_validate(dict(self.settings))
        if getattr(settings, "api_key_env", "") is not None:
            return ""
        wanted = f'settings = {{"api_key_env": "{self.key_variable}"}}'
        return f": api_key_env is None in the settings, so none is asked for; write {wanted}, or name no key_variable"

    @law
    def test_nothing_shows_the_key(self) -> Iterator[str]:
        """No client, transport or adapter shows the key as its repr, and it is neither printed nor logged.

        A request is sent on loopback, in each way, with what is logged from INFO up, and by toolfan from DEBUG up; what
        others log at DEBUG is not asked, since some SDKs say all there.  Keep it in `field(repr=False)`, and log what
        is sent without it.  Without the vendor's SDK this cannot be asked.
        """
        facts = ask_sdk(self)
        yield from (f"the key is in {where}" for where in facts["shown"])
        if self.key_variable is not None:
            yield from gaps(unmade(facts), heard(self)["unheard"])

    @law
    def test_the_key_of_a_client_is_known(self) -> Iterator[str]:
        """Toolfan can tell the key of a client that a user made, and so hide it in the errors of codec and transport.

        Give the transport an attribute, or a property, `secrets`: all that must not be shown, `(self.client.key,)`.
        Without one, what the client holds as `key`, `api_key`, `token`, `secret` or `password` counts.  The transports
        of `toolfan.http` have it: their sender's `credentials` tell.  Asked where there is a `key_variable`.
        Without the vendor's SDK this cannot be asked.
        """
        for kind in ask_sdk(self)["unknown"]:
            yield f"the key of the {kind} client is neither in `secrets` of its transport nor among its attributes"
        if self.key_variable is not None:
            yield from gaps(unmade(ask_sdk(self)))

    @law
    def test_hooks_of_settings_answer(self) -> Iterator[str]:
        """`configured` and `key_variables`, where an adapter has them, answer for the settings, and raise nothing.

        An error there would keep clients from being made, and `toolfan doctor` from its work.
        `configured(settings)` returns an adapter of this name; `key_variables(settings)` the names of the variables
        that a key is taken from, `key_variable` among them.
        """
        settings = self.adapter.settings_model.model_validate(dict(self.settings))
        if (configured := getattr(self.adapter, "configured", None)) is not None:
            found = configured(settings)
            if not isinstance(found, ParallelToolsAdapter) or found.name != self.adapter.name:
                yield f"configured(settings) returns {found!r:.100}"
        if (key_variables := getattr(self.adapter, "key_variables", None)) is not None:
            names = list(key_variables(settings))
            if not all(isinstance(name, str) and name for name in names) or isinstance(key_variables(settings), str):
                yield f"key_variables(settings) returns {names!r}"
            elif self.key_variable is not None and self.key_variable not in names:
                yield f"key_variables(settings) returns {names!r}, and connect asks for {self.key_variable}"


def _of_kinds_offered(facts: Mapping[str, Any], when: str) -> list[Mapping[str, str]]:
    """What became of `connect` then, sync and async; an adapter without one of them may say so before all else."""
    kinds = zip(facts[when], facts["taken"], strict=True)
    return [said for said, ever in kinds if not said["error"] == ever["error"] == "Unsupported"]
