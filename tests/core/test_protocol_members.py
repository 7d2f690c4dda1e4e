"""What is asked of an adapter is told without loading the protocol: the two say the same."""

from __future__ import annotations

import inspect

from toolfan.adapter import ADAPTER_METHODS, ADAPTER_VALUES
from toolfan.protocols import ParallelToolsAdapter
from typing_extensions import get_protocol_members


def test_the_members_that_are_asked_for_are_those_of_the_protocol() -> None:
    assert get_protocol_members(ParallelToolsAdapter) == ADAPTER_VALUES | ADAPTER_METHODS
    methods = {name for name, it in vars(ParallelToolsAdapter).items() if inspect.isfunction(it) and name[0] != "_"}
    assert methods == ADAPTER_METHODS
