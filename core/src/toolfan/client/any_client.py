"""What the blocking and the async client have in common.

Knows: how a request is prepared, driven and ended.  Must not know: any provider; wire formats.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ..drivers.tally import Tally
from ..errors import UsageError
from ..request.arguments import prepare
from ..request.extras import hide_extras

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..adapter import ParallelToolsAdapter
    from ..drivers.binding import Binding
    from ..drivers.retries import Retries
    from ..execution.portals import Portal
    from ..execution.run_drivers import Begun
    from ..request.arguments import Prepared


def streaming(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of `stream()` as those of `create()`.  Raises UsageError for `stream=`, if it is not True."""
    hide_extras(options)
    if options.get("stream", True) is not True:
        raise UsageError(f"stream is {options['stream']!r} in stream()", hint="Leave it out, or call create().")
    return {**options, "stream": True}


def note_unclosed(because: BaseException, failed: Exception) -> None:
    """Add to what ended a `with` block that closing the client failed, too, which shall not hide it."""
    from ..execution.ended_calls import note
    from ..translation.statuses import named

    note(because, f"closing the client failed, too: {named(failed)}")


class Spoken:
    """Asked for a name of instructor's that it does not have, its error says what stands in the place of that."""

    if not TYPE_CHECKING:  # a checker that saw it would take any misspelt name

        def __getattr__(self, name: str) -> Any:
            from ..other_names import not_of_client

            if said := not_of_client(type(self).__name__, name):
                raise AttributeError(said, name=name, obj=self)
            return object.__getattribute__(self, name)  # raises what it raised: a property's own error, too


class AnyClient(Spoken):
    """What both clients are: an adapter, the SDK's client, defaults."""

    _tools_portal: Portal | None = None

    def __init__(
        self,
        adapter: ParallelToolsAdapter,
        binding: Binding,
        *,
        retries: Retries,
        defaults: Mapping[str, Any],
    ) -> None:
        self.adapter = adapter
        self._binding = binding
        self._retries = retries
        self._defaults = {key: value for key, value in defaults.items() if value is not None or key == "deadline"}
        self._closed = False
        self._left = Tally()
        from ..registry.installed_observers import load_observers  # lazily, as all that reads metadata

        load_observers()

    @property
    def sdk_client(self) -> Any:
        """The vendor's own client; the one made last, where there is one for each process and event loop."""
        return self._binding.sdk_client

    @property
    def abandoned(self) -> int:
        """How many requests passed their deadline, could not be ended, and are still running."""
        return self._left.number

    def __repr__(self) -> str:
        model = self._defaults.get("model")
        return f"{type(self).__name__}(adapter={self.adapter.name!r}{f', model={model!r}' if model else ''})"

    def __reduce__(self) -> tuple[Any, ...]:
        raise UsageError(
            "a client cannot be pickled: it holds connections and a key",
            adapter=self.adapter.name,
            hint="Make one in each process, from the same configuration.",
        )

    def _check_open(self) -> None:
        if self._closed:
            raise UsageError("the client is closed", adapter=self.adapter.name, hint="Make another one.")

    def _begin(
        self, messages: Any, response_model: Any, tools: Any, limits: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Begun:
        """One run, about to ask."""
        from ..execution.beginning import begin  # for those who run; anyio loads when something is executed

        said = {"on_invalid": self._defaults.get("on_invalid", "keep"), **options}
        prepare = partial(self._prepare, messages, response_model, tools, said)
        return begin(self.adapter, limits, options, prepare, self._tools_portal)

    def _prepare(self, messages: Any, response_model: Any, tools: Any, options: Mapping[str, Any]) -> Prepared:
        hide_extras(options)
        self._check_open()
        return prepare(
            self.adapter,
            self._defaults,
            messages=messages,
            response_model=response_model,
            tools=tools,
            options=options,
        )
