"""Observers: who watches, and telling them what happens.  They never steer.

What they are told are values: requests, turns and errors are copies.  One that raises is logged and dropped, and its
siblings go on.  Where nobody watches, a request costs one test more.

Knows: hooks, who was registered.  Must not know: where plugins come from, how requests are sent or calls executed.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..effects import NotSent
from ..errors import NOT_BEGUN, UsageError
from ..locks import ProcessLock
from ..values import dataclass
from ..wire import nearest
from .marking import PROJECT
from .watched import Watched, observe_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Self

    import pluggy

    from ..adapter import ParallelToolsAdapter
    from ..calls import Call, RawCall, Result, Turn

_log = logging.getLogger("toolfan")
_lock = ProcessLock()
_NOT_PLAIN = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
_inside = threading.local()


@dataclass(frozen=True, slots=True, eq=False)
class _Watcher:
    name: str
    plugin: object
    hooks: Any


_watchers: tuple[_Watcher, ...] = ()


def observe(plugin: object) -> None:
    """Tell `plugin`, a module or an object whose hooks are marked with `@toolfan.hookimpl`, what toolfan does.

    It is told of all clients of this process until `unobserve`, or until one of its hooks raises.  Registering it again
    changes nothing.  Raises UsageError for a plugin without hooks, and for a hook of another name or shape.
    """
    import pluggy

    if isinstance(plugin, type):
        raise UsageError(f"{plugin.__name__} is a class", hint="Pass an object made from it.")
    name = str(getattr(plugin, "__name__", type(plugin).__name__))
    try:
        manager = hook_manager(plugin, name)
    except pluggy.PluginValidationError as exc:
        raise UsageError(f"{name} has a hook that toolfan does not know in this form: {exc}") from exc
    if not watch(plugin, name, manager):
        raise UsageError(
            f"{name} watches nothing: it has no observer hook",
            hint="Mark its hooks with @toolfan.hookimpl; they are named toolfan_before_send, toolfan_after_turn ...",
        )


def unobserve(plugin: object) -> None:
    """Tell `plugin` no more.  For one that is not registered, or was dropped, nothing happens."""
    global _watchers  # noqa: PLW0603 - replaced as a whole, so that telling needs no lock
    with _lock.here():
        _watchers = tuple(watcher for watcher in _watchers if watcher.plugin is not plugin)
        observe_with(_Told if _watchers else None)


def hook_manager(plugin: object, name: str) -> pluggy.PluginManager:
    """A plugin manager for this plugin alone.  Raises PluginValidationError for hooks of a wrong name or shape."""
    import pluggy

    from . import specs as hookspecs

    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin, name)
    known = [name for name in vars(manager.hook) if getattr(manager.hook, name).has_spec()]
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as exc:
        unknown = next((name for name in vars(manager.hook) if name not in known), "")
        raise pluggy.PluginValidationError(exc.plugin, f"{exc}.{nearest(unknown, known)}") from None
    for hook in known:
        for one in getattr(manager.hook, hook).get_hookimpls():
            if any(kind(one.function) for kind in _NOT_PLAIN):
                raise pluggy.PluginValidationError(plugin, f"{hook} is not a plain function: it is called, not awaited")
            if hook in hookspecs.OBSERVER_HOOKS and not one.argnames and _takes_anything(one.function):
                _log.warning("%s of %s is told nothing: a hook gets the arguments that it names", hook, name)
    return manager


def _takes_anything(function: Callable[..., Any]) -> bool:
    try:
        kinds = {parameter.kind for parameter in inspect.signature(function).parameters.values()}
    except (TypeError, ValueError):  # of what is written in C
        return False
    return bool(kinds & {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL})


def watch(plugin: object, name: str, manager: pluggy.PluginManager) -> bool:
    """Register the plugin if it has observer hooks; False if it has none."""
    from . import specs as hookspecs

    global _watchers  # noqa: PLW0603 - as above
    if not any(getattr(manager.hook, hook).get_hookimpls() for hook in hookspecs.OBSERVER_HOOKS):
        return False
    with _lock.here():
        if all(watcher.plugin is not plugin for watcher in _watchers):
            _watchers = (*_watchers, _Watcher(name, plugin, manager.hook))
            observe_with(_Told)
    return True


def tell(hook: str, **values: Any) -> None:
    """Call this hook of every observer.  What an observer asks of toolfan itself is told to nobody."""
    if not _watchers or getattr(_inside, "telling", False):
        return
    _inside.telling = True
    try:
        for watcher in _watchers:
            try:
                getattr(watcher.hooks, hook)(**values)
            except KeyboardInterrupt:
                raise
            # Whatever else it is, it is not the client's.  A task is cancelled where it waits, and nothing waits here.
            except BaseException as exc:  # noqa: BLE001
                unobserve(watcher.plugin)
                _log_failure(watcher.name, hook, exc)
    finally:
        _inside.telling = False


def _log_failure(name: str, hook: str, exc: BaseException) -> None:
    from ..config_files.secret_names import known_to_plugins  # loaded, as all that is for errors, when something fails
    from ..secrets.masking import shows_secret

    said = "the observer %s raised in %s and is dropped"
    if shows_secret(exc, known_to_plugins()):
        _log.error(f"{said} (%s, whose text shows a secret)", name, hook, type(exc).__name__)
    else:
        _log.error(said, name, hook, exc_info=exc)


def tell_of_execution(adapter: str | None, call: Call[Any], result: Result[Any]) -> None:
    """Call `toolfan_after_execute`, with copies; where no observer has it, nothing is copied."""
    if any(watcher.hooks.toolfan_after_execute.get_hookimpls() for watcher in _watchers):
        # Of the error a copy would have no traceback.
        told = replace(result, call=_copied(call), value=_copied(result.value))
        tell("toolfan_after_execute", adapter=adapter, call=told.call, result=told)


class _Told(Watched):
    """The same, told to the observers; each request that was announced ends once: with a turn, or with a failure."""

    def __init__(self, adapter: ParallelToolsAdapter, request: Any, attempt: int) -> None:
        self._about = {"adapter": adapter.name, "request": request, "attempt": attempt}
        self._provider = getattr(adapter, "provider", None) or adapter.name
        self._announced: set[int] = set()
        self._ended = False

    def __enter__(self) -> Self:
        self._about["request"] = _copied(self._about["request"])
        tell("toolfan_before_send", provider=self._provider, **self._about)
        return self

    def sealed(self, calls: Iterable[RawCall]) -> None:
        for call in calls:
            if not self._ended and call.index not in self._announced:  # one left behind may still be fed
                self._announced.add(call.index)
                tell("toolfan_call_sealed", call=call, **self._about)

    def read(self, turn: Turn) -> None:
        self.sealed(turn.calls)
        self._ended = True
        tell("toolfan_after_turn", turn=_copied(turn), **self._about)

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if exc is not None and not self._ended:
            self._ended = True
            error = _copied(exc.error if isinstance(exc, NotSent) else exc)
            if getattr(error, "requests", 0) == NOT_BEGUN:
                error.requests = 0
            tell("toolfan_after_failure", error=error, **self._about)


def _copied(value: Any) -> Any:
    """A copy, so that no observer can change what is sent; `value` itself where something in it cannot be copied."""
    with contextlib.suppress(Exception):
        return copy.deepcopy(value)
    return value
