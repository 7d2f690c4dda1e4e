"""What all tests share."""

from __future__ import annotations

import functools
import ssl
import sys
from pathlib import Path
from typing import Any

# The modules beside the tests are importable.
sys.path.insert(0, str(Path(__file__).resolve().parent))

# Every HTTP client of the SDKs reads all certificates when it is made, 30 ms each; the servers here speak no TLS.
ssl.create_default_context = functools.cache(ssl.create_default_context)


def pytest_make_parametrize_id(val: Any) -> str | None:
    """No address in the id of a test: it must be the same in every process that collects it."""
    return type(val).__name__ if " at 0x" in repr(val) else None
