"""What all tests share."""

from __future__ import annotations

import contextlib
import functools
import gc
import signal
import ssl
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

# The modules beside the tests are importable.
sys.path.insert(0, str(Path(__file__).resolve().parent))
import without_proxies  # noqa: F401 - takes the proxies away; found by the line above

# A machine that pauses for a second draws slowly; nothing here is timed.
with contextlib.suppress(ImportError):  # it is not everywhere where some of the tests run
    from hypothesis import HealthCheck, settings

    settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("untimed")

# Every HTTP client of the SDKs reads all certificates when it is made, 30 ms each; the servers here speak no TLS.
ssl.create_default_context = functools.cache(ssl.create_default_context)

# A shell that starts the tests in the background has Ctrl-C ignored, and a test of it would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thin", type=int, default=1, help="of a table of more than 3 cases, run each so many-th")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves every test, but only a part of the cases of long tables, where `--thin` asks for it."""
    thin = config.getoption("--thin")
    if thin < 2:
        return
    cases = [(item.path, getattr(item, "originalname", item.name)) for item in items]
    total, seen, kept = Counter(cases), Counter[tuple[Path, str]](), []
    for item, case in zip(items, cases, strict=True):
        if total[case] <= 3 or seen[case] % thin == 0:
            kept.append(item)
        seen[case] += 1
    left = set(kept)
    config.hook.pytest_deselected(items=[item for item in items if item not in left])
    items[:] = kept


def pytest_collection_finish() -> None:
    """Thousands of collected tests are not looked through again whenever garbage is collected."""
    _freeze()


def pytest_runtest_logfinish() -> None:
    """Nor are the SDKs that a test has loaded: a quarter of the time went into it."""
    if _looked_through:
        _freeze()


_looked_through: list[str] = []
_frozen: list[None] = []
_FROM_THE_BEGINNING = 100


def _note(phase: str, info: dict[str, int]) -> None:
    if info["generation"] == 2:
        _looked_through.append(phase)


gc.callbacks.append(_note)


def _freeze() -> None:
    """What is alive between two tests stays; each so many-th time it is looked whether some of it is garbage by now."""
    _frozen.append(None)
    if len(_frozen) % _FROM_THE_BEGINNING == 0:
        gc.unfreeze()
    gc.collect()
    gc.freeze()
    _looked_through.clear()


def pytest_make_parametrize_id(val: Any) -> str | None:
    """No address in the id of a test: it must be the same in every process that collects it."""
    return type(val).__name__ if " at 0x" in repr(val) else None
