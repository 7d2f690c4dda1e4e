"""Asking the fault server for streams, as `fault_asking` asks it for whole answers.

Fixture: `stream`, once for each client.  A conftest.py imports it where it is wanted.

Knows: the fault server, streams of outcomes as values.  Must not know: any row of the catalogue of faults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fault_asking import Asker

if TYPE_CHECKING:
    from collections.abc import Sequence

    import toolfan


class StreamAsker(Asker):
    """An `Asker` whose answers are streamed to their end; `delivered` is what the last one gave on the way."""

    delivered: list[Any]

    def create(self, client: Any, **options: Any) -> Any:
        """The calls after the stream; what holds of each stream is checked."""
        self.delivered = []

        async def awaited() -> Any:
            async with client.stream(**options) as stream:
                try:
                    async for outcome in stream:
                        self.delivered.append(outcome)
                finally:
                    check_delivered(self.delivered, stream)
                return stream.calls

        if self.runner:
            return self.runner.run(awaited())
        with client.stream(**options) as stream:
            try:
                for outcome in stream:
                    self.delivered.append(outcome)
            finally:
                check_delivered(self.delivered, stream)
            return stream.calls


def check_delivered(delivered: Sequence[Any], stream: Any) -> None:
    """Nothing is delivered twice, and the last that was said of each call is what there is in the end."""
    assert len({(outcome.index, outcome.attempt) for outcome in delivered}) == len(delivered)
    attempts = [outcome.attempt for outcome in delivered]
    assert attempts == sorted(attempts)
    latest = {outcome.index: outcome for outcome in delivered}
    final = {outcome.index: outcome for outcome in stream.calls.outcomes}
    assert latest.keys() <= final.keys()
    for index, outcome in latest.items():
        assert (final[index].id, final[index].raw) == (outcome.id, outcome.raw)


@pytest.fixture
def stream(ask: Asker) -> StreamAsker:
    return StreamAsker(ask.server, ask.sdk, ask.runner)


def kept(error: toolfan.ToolfanError) -> list[Any]:
    """The good values that an error carries."""
    return list(error.calls or ())
