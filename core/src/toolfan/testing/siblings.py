"""Several clients of one adapter in one process: which key comes to which address, and what closing one does to others.

Knows: `connect`, `transport`, event loops, services on loopback.  Must not know: laws, the SDK.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .failing import request
from .listening import listening
from .sending import PLAIN
from .suite_keys import shows
from .ways import ADDRESSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from toolfan.adapter import ParallelToolsAdapter, WireRequest

    from .listening import Service

VARIABLES = ("TOOLFAN_SUITE_KEY_1", "TOOLFAN_SUITE_KEY_2")
_SECONDS = 5.0
# Which of the two keys each has, and which of the two addresses.
_PLAN = {
    "the first client": (0, 0),
    "the second client, with another key and address": (1, 1),
    "the third client, with the key of the second and the address of the first": (1, 0),
    "the fourth client, equal to the first": (0, 0),
}


@dataclass
class _Made:
    """A client, by the name that it is told of; `key` is which of the keys it was given."""

    name: str
    transport: Any
    key: int
    service: Service


@dataclass
class _Asking:
    """How clients of one kind are made and asked; `seen`: whether the key can be seen in what they send."""

    adapter: ParallelToolsAdapter
    settings: Mapping[str, Any]
    asked: WireRequest
    keys: Sequence[str]
    services: Sequence[Service]
    use_async: bool
    seen: bool = False

    def make(self, name: str, key: int, place: int) -> _Made:
        """Raises what `connect` and `transport` raise."""
        known, service = self.adapter.settings_model.model_fields, self.services[place]
        given = {**self.settings, next(name for name in ADDRESSES if name in known): service.address}
        given |= {"api_key_env": VARIABLES[key]} if "api_key_env" in known else {}
        client = self.adapter.connect(self.adapter.settings_model.model_validate(given), use_async=self.use_async)
        return _Made(name, self.adapter.transport(client, use_async=self.use_async), key, service)

    def wrong(self, one: _Made, done: Callable[[Any], object]) -> str:
        """What is wrong with a request of this client, in words; "" if nothing is."""
        for service in self.services:
            service.heard.clear()
        error = "no error"
        try:
            done(one.transport.send(self.asked, timeout=_SECONDS, headers={}, query={}))
        except Exception as exc:  # noqa: BLE001 - it is what is told
            error = f"{type(exc).__name__}: {exc}"[:300]
        came = [heard for heard in one.service.heard if heard.body]
        if not came:
            strays = any(heard.body for service in self.services for heard in service.heard)
            return "its request came to the address of another client" if strays else f"nothing was sent; {error}"
        if self.keys[0] == self.keys[1]:
            return ""
        own, other = self.keys[one.key], self.keys[1 - one.key]
        if any(shows(other, own, heard) for heard in came):
            return "it sent the key of another client"
        shown = any(shows(own, other, heard) for heard in came)
        return "it did not send its key" if self.seen and not shown else ""

    def sees(self, one: _Made) -> bool:
        """Whether what came last from the only client shows its key."""
        keys = self.keys[one.key], self.keys[1 - one.key]
        return keys[0] != keys[1] and any(shows(*keys, heard) for heard in one.service.heard)


def siblings(
    adapter: ParallelToolsAdapter, question: Mapping[str, Any], built: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """What became of the clients of each kind; nothing of one whose requests, `built`, did not come here.

    Two keys are used where a setting, `api_key_env`, says where each is; two addresses always.
    """
    reached = sorted({said["async"] for said in built if "asked" in said and not said["streams"]})
    if not reached:
        return []
    named = "api_key_env" in adapter.settings_model.model_fields
    keys = question["keys"] if named else [question["keys"][0]] * 2
    try:
        asked = request(adapter, question["model"])
    except Exception:  # noqa: BLE001 - laws of requests tell of it
        return []
    os.environ.update(zip(VARIABLES, question["keys"], strict=True))
    with listening(PLAIN, keeps=True) as here, listening(PLAIN, keeps=True) as there:
        kinds = [_Asking(adapter, question["settings"], asked, keys, (here, there), use_async) for use_async in reached]
        found = [said for kind in kinds for said in _of_kind(kind)]
    for name in VARIABLES:
        del os.environ[name]
    return found


def _of_kind(asking: _Asking) -> Iterator[dict[str, Any]]:
    """`mixed`, `closed` and `loops`: what is wrong with clients beside others, after one was closed, in a second loop.

    `telling`: whether it could be seen whose key was sent, where two are given.
    """
    said: dict[str, Any] = {"kind": "async" if asking.use_async else "sync", "mixed": [], "closed": [], "loops": []}
    try:
        first = asking.make("a client alone", 0, 0)
    except Exception:  # noqa: BLE001 - laws of their own tell of it
        return
    with asyncio.Runner() if asking.use_async else contextlib.nullcontext() as runner:
        done = runner.run if runner is not None else _itself
        if fault := asking.wrong(first, done):
            # The clients that were asked before this one were in another event loop, if they were async.
            said["loops" if asking.use_async else "mixed"].append(f"{first.name}: {fault}")
            yield said
            return
        asking.seen = asking.sees(first)
        said |= _beside(asking, first, done)
    if asking.use_async and (fault := _in_another_loop(asking)):
        said["loops"].append(fault)
    yield said | {"telling": asking.seen or asking.keys[0] == asking.keys[1]}


def _in_another_loop(asking: _Asking) -> str:
    name = "a client in a second event loop, made after others were closed"
    try:
        made = asking.make(name, 0, 0)
    except Exception as exc:  # noqa: BLE001 - it is what is told
        return f"{name}: it cannot be made; {type(exc).__name__}: {exc}"[:300]
    with asyncio.Runner() as runner:
        fault = asking.wrong(made, runner.run)
        _close(made, runner.run)
    return fault and f"{name}: {fault}"


def _beside(asking: _Asking, first: _Made, done: Callable[[Any], object]) -> dict[str, list[str]]:
    """What is wrong with clients that were all made before they are used, and with those that stay when one is closed.

    One has been used before, alone.
    """
    made: list[_Made] = []
    for name, (key, place) in _PLAN.items():
        if (key, place) == (1, 0) and asking.keys[0] == asking.keys[1]:  # it would be another fourth
            continue
        try:
            made.append(asking.make(name, key, place) if made else _Made(name, first.transport, 0, first.service))
        except Exception as exc:  # noqa: BLE001 - it is what is told
            return {"mixed": [f"{name}: it cannot be made beside another; {type(exc).__name__}: {exc}"[:300]]}
    mixed = {one.name: asking.wrong(one, done) for one in made}
    _close(made[0], done)
    closed = {one.name: asking.wrong(one, done) for one in made[1:] if not mixed[one.name]}
    for one in made[1:]:
        _close(one, done)
    lists = (("mixed", mixed), ("closed", closed))
    return {kind: [f"{name}: {fault}" for name, fault in faults.items() if fault] for kind, faults in lists}


def _close(one: _Made, done: Callable[[Any], object]) -> None:
    with contextlib.suppress(Exception):  # of which another law tells
        done(one.transport.close())


def _itself(given: object) -> object:
    """What a sync transport does is done."""
    return given
