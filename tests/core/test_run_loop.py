"""The loop of `run()` as the generator that it is, for what no client of ours can be brought to do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from toolfan import ConnectionFailed, Result
from toolfan.execution.running import Ask, Execute, key_of
from toolfan.testing import scripted


def paid(bill: int) -> str:
    return f"{bill} is paid"


def test_the_calls_of_an_error_stand_though_none_of_them_is_good() -> None:
    """A `Calls` without good ones is empty to `if`, and still says what the model called."""
    client = scripted([[("paid", {"bill": 1}), ("paid", {"bill": "none"})]])
    asked = client.create(messages=[{"role": "user", "content": "Pay."}], tools=[paid], on_invalid="keep")
    (ran,), (failed,) = asked.good, asked.failed
    limits = {"early": False, "max_concurrency": 1, "max_rounds": 2, "max_calls": None}
    loop = client._begin([{"role": "user", "content": "Pay."}], None, [paid], limits, {}).loop
    assert isinstance(next(loop), Ask)
    error = ConnectionFailed("gone")
    error.calls = replace(asked, outcomes=(failed,))
    assert loop.throw(error) == Execute()
    result = Result(ran, "1 is paid", started=0.0)
    with pytest.raises(ConnectionFailed) as caught:
        loop.send({key_of(ran): (result, "1 is paid")})
    assert caught.value.run is not None
    assert caught.value.run.calls == (failed,)
    assert caught.value.run.results == (Result(failed, error=failed.error), result)
