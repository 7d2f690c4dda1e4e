"""Which connection is ended, and which no more: what no server can play at will."""

from __future__ import annotations

import contextvars
import gc
import http.client
import os
import socket
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from toolfan.drivers.pooled_sockets import Served, note_connections, noted
from toolfan.drivers.sockets import Limit, limit

if TYPE_CHECKING:
    from collections.abc import Iterator


class Pool:
    """Three methods of urllib3's pools, over one connection."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self.kept = [connection]

    def _get_conn(self, timeout: float | None = None) -> Any:
        return self.kept.pop()

    def _validate_conn(self, connection: Any) -> None:
        del connection

    def _put_conn(self, connection: Any) -> None:
        self.kept.append(connection)


class Manager:
    def __init__(self, kind: Any) -> None:
        self.pool_classes_by_scheme = {"http": kind}


Pair = tuple[http.client.HTTPConnection, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(0.1)
    connection = http.client.HTTPConnection("localhost")
    connection.sock = ours
    with ours, theirs:
        yield connection, theirs


def noting(kind: Any) -> Any:
    manager = Manager(kind)
    note_connections([manager])
    return manager.pool_classes_by_scheme["http"]


def is_open(theirs: socket.socket) -> bool:
    try:
        return theirs.recv(1) != b""
    except TimeoutError:
        return True


def test_a_connection_is_ended_while_it_serves_and_not_when_it_is_back(pair: Pair) -> None:
    connection, theirs = pair
    pool, first, second = noting(Pool)(connection), Served(), Served()
    with noted(first, None):
        pool._validate_conn(pool._get_conn())
        pool._put_conn(connection)
    assert first.leave(), "its connection was known"
    assert is_open(theirs)
    with noted(second, None):
        pool._get_conn()
    first.leave()
    assert is_open(theirs)
    second.leave()
    assert not is_open(theirs)
    pool._put_conn(connection)
    assert connection.sock is None, "it was shut down, and must connect anew"


def test_one_that_another_way_brought_back_serves_nobody(pair: Pair) -> None:
    connection, theirs = pair
    pool, served = noting(Pool)(connection), Served()
    with noted(served, None):
        pool.kept.append(pool._get_conn())
    pool._validate_conn(pool._get_conn())
    served.leave()
    assert is_open(theirs)


def test_what_is_not_ours_is_not_noted(pair: Pair) -> None:
    connection, theirs = pair
    pool, served = noting(Pool)(connection), Served()
    with noted(served, None):
        pass
    pool._validate_conn(pool._get_conn())
    assert not served.leave()
    assert is_open(theirs)


@pytest.mark.parametrize("step", ["before it begins", "while it connects"])
def test_nothing_is_sent_once_nobody_waits(pair: Pair, step: str) -> None:
    connection, theirs = pair
    pool, served, within = noting(Pool)(connection), Served(), Limit(time.monotonic() + 60)

    def send() -> None:
        pool._get_conn()
        within.pass_by()
        pool._validate_conn(connection)

    if step == "before it begins":
        within.pass_by()
    token = limit.set(within)
    try:
        with noted(served, None), pytest.raises(ConnectionAbortedError, match="nobody waits"):
            send()
    finally:
        limit.reset(token)
        served.over()
    assert connection.sock is None
    assert not is_open(theirs)


@pytest.mark.parametrize(
    ("own", "least", "most"),
    [(60, 20, 30), (None, 20, 30), (5, 5, 5), (object(), 20, 30)],
    ids=["longer", "none", "shorter", "unset"],
)
def test_connecting_has_no_more_time_than_is_left(pair: Pair, own: Any, least: float, most: float) -> None:
    connection, _ = pair
    pool = noting(Pool)(connection)
    served = Served()
    with noted(served, 30):
        pool._get_conn()
        connection.timeout = own  # urllib3 sets it between these two
        pool._validate_conn(connection)
    had: Any = connection.timeout
    assert least <= had <= most
    served.over()


def test_the_number_of_a_closed_socket_is_not_free_while_it_may_be_shut_down(pair: Pair) -> None:
    connection, theirs = pair
    pool, served, ours = noting(Pool)(connection), Served(), connection.sock
    with noted(served, None):
        pool._get_conn()
    number = ours.fileno()
    connection.close()
    with socket.socket() as other:
        assert other.fileno() != number
        assert is_open(theirs)
        served.over()
        assert not is_open(theirs)
        assert ours.fileno() == -1


def test_pools_of_another_form_stay_as_they_are() -> None:
    class Other:
        def _get_conn(self) -> None: ...

    assert noting(Other) is Other
    assert noting("no class") == "no class"
    note_connections([None, object()])
    once = noting(Pool)
    assert noting(once) is once
    assert noting(Pool) is once
    assert (once.__name__, once.__module__) == (Pool.__name__, Pool.__module__)


def test_what_a_hook_hands_to_another_thread_or_task_is_not_noted(pair: Pair) -> None:
    """A copy of the context goes along, as with asyncio.to_thread: the request keeps its own connection."""
    connection, theirs = pair
    other, far = socket.socketpair()
    far.settimeout(0.1)
    with other, far:
        second = http.client.HTTPConnection("localhost")
        second.sock = other
        pool, theirs_too, served = noting(Pool)(connection), noting(Pool)(second), Served()

        def send() -> None:
            theirs_too._validate_conn(theirs_too._get_conn())

        with noted(served, None):
            pool._get_conn()
            context = contextvars.copy_context()
            thread = threading.Thread(target=context.run, args=(send,))
            thread.start()
            thread.join()
        assert served.leave()
        assert is_open(far), "the request of another thread was ended"
        assert not is_open(theirs)
        theirs_too._put_conn(second)
        context.run(send)  # later, in the same thread: a task that the hook started
        assert is_open(far)
        served.over()


def test_a_child_process_ends_nothing_of_its_parent(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    connection, theirs = pair
    pool, served = noting(Pool)(connection), Served()
    with noted(served, None):
        pool._get_conn()
    with monkeypatch.context() as child:
        child.setattr(os, "getpid", lambda: -1)
        served.leave()
    assert is_open(theirs)
    served.leave()
    assert not is_open(theirs)
    served.over()


def test_a_tunnel_through_a_proxy_has_no_more_time_than_is_left(pair: Pair) -> None:
    connection, _ = pair
    had: list[Any] = []

    class Tunnelling(Pool):
        def _prepare_proxy(self, connection: Any) -> None:
            had.append(connection.timeout)

    pool, served = noting(Tunnelling)(connection), Served()
    with noted(served, 30):
        pool._get_conn()
        connection.timeout = 60
        pool._prepare_proxy(connection)
    pool._put_conn(connection)
    connection.timeout = 60
    pool._prepare_proxy(pool._get_conn())  # the program's own
    assert 20 <= had[0] <= 30
    assert had[1] == 60


def test_classes_that_a_program_makes_without_end_are_forgotten() -> None:
    def made() -> weakref.ref[Any]:
        class Own(Pool): ...

        assert noting(Own) is not Own
        return weakref.ref(Own)

    first = made()
    for _ in range(100):
        made()
    gc.collect()
    assert first() is None
