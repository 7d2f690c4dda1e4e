"""A law that takes longer and longer is given up, and says what to look for."""

from __future__ import annotations

import json
import time
from typing import Any, ClassVar

import pytest
from acme_samples import AcmeSuite
from toolfan.testing import LawBroken
from toolfan_acme import AcmeAdapter
from toolfan_acme.reading import AcmeParser


class Remembering(AcmeParser):
    """All that was ever read is kept, and looked through for each event; what is given is right."""

    kept: ClassVar[list[Any]] = []

    def feed(self, event: Any) -> Any:
        self.kept.append(event)
        json.dumps(self.kept, default=repr)
        return super().feed(event)


class Keeping(AcmeAdapter):
    def stream_parser(self) -> AcmeParser:
        return Remembering(self.name)


def test_a_law_that_takes_longer_and_longer_is_given_up() -> None:
    class TestIt(AcmeSuite):
        adapter = Keeping()
        law_seconds = 0.5

    began = time.process_time()
    with pytest.raises(
        LawBroken, match=r"test_odd_events_are_read_or_refused was given up after 0\.5 seconds .*`found=\[\]`"
    ):
        TestIt().test_odd_events_are_read_or_refused()
    assert time.process_time() - began < 10
    TestIt().saved([])  # what is no law has all the time of the world


def test_how_long_a_law_may_take_is_a_number() -> None:
    with pytest.raises(TypeError, match="law_seconds is '60', and should be a float or int"):
        type("TestIt", (AcmeSuite,), {"law_seconds": "60"})
