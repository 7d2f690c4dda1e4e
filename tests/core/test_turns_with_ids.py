"""The calls of a turn that goes back have the ids by which they are answered."""

from __future__ import annotations

from typing import Any

import pytest
from toolfan.assembly.assembler import seal
from toolfan.results.answering import with_ids


@pytest.mark.parametrize(
    ("came", "back"),
    [
        (["a", "b"], ["a", "b"]),
        (["", "b"], ["call_0", "b"]),
        ([None, "call_0"], ["call_0_", "call_0"]),
        (["same", "same"], ["same", "call_1"]),
    ],
)
def test_each_has_its_own(came: list[Any], back: list[str]) -> None:
    listed = [{"name": "f", "ref": one, "more": [1]} for one in came]
    calls = seal((one, "f", "{}") for one in came)
    assert with_ids(listed, calls, "ref") == [{"name": "f", "ref": one, "more": [1]} for one in back]
    assert [one["ref"] for one in listed] == came
    assert list(with_ids(listed, calls, "ref")[0]) == ["name", "ref", "more"]


def test_what_is_no_object_becomes_one_and_what_does_not_fit_stays() -> None:
    calls = seal([(None, "", "7")])
    assert with_ids([7], calls, "ref") == [{"ref": "call_0"}]
    assert with_ids([7, 8], calls, "ref") == [7, 8]
