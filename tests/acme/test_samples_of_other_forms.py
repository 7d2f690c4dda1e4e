"""Samples of services whose answers are no JSON, or hold arguments in a form of their own, or count no tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from acme_forms_of_bodies import Tagged
from acme_mutants import suite_of
from acme_samples import AcmeSuite
from toolfan import Usage
from toolfan.testing import LawBroken, Sample
from toolfan.testing.argument_forms import arguments_in
from toolfan.testing.variations import with_arguments, with_many_calls


def test_what_is_sent_as_json_is_told() -> None:
    """The law says that the suite sent JSON, and what to give it."""
    suite = suite_of(Tagged)()
    with pytest.raises(LawBroken, match="sent as JSON: see `body_bytes` of `Sample`"):
        suite.test_whole_answers_come_as_they_were_sent()


GIVEN = {"location": "Toronto", "days": 3}
OTHER = {"location": "Oslo", "days": 3}


def fields(given: dict[str, Any], *, as_text: bool) -> Any:
    texts = {"location": f'"{given["location"]}"', "days": "3"}
    return [{"is": texts[key] if as_text else one, "param": key} for key, one in given.items()]


@pytest.mark.parametrize("as_text", [False, True])
def test_arguments_are_found_in_fields_of_their_own(as_text: bool) -> None:
    body = {"calls": [{"with": fields(one, as_text=as_text)} for one in (GIVEN, OTHER)]}
    sample = Sample(name="two", body=body, calls=[("f", GIVEN), ("f", OTHER)])
    assert arguments_in(body, GIVEN) == [("calls", 0, "with")]
    assert len(with_many_calls(sample, 5)["calls"]) == 5
    made = with_arguments(sample, {"a": [1, "x"], "b": "7"})["calls"][0]["with"]
    wanted = ['[1, "x"]', '"7"'] if as_text else [[1, "x"], "7"]
    assert made == [{"param": "a", "is": wanted[0]}, {"param": "b", "is": wanted[1]}]


def test_a_service_may_count_no_tokens() -> None:
    class Uncounted(AcmeSuite):
        samples = tuple(replace(one, usage=None) for one in AcmeSuite.samples)

    with pytest.raises(LawBroken, match=r"usage \(where it counts no tokens: `usage=Usage\(\)`\)"):
        Uncounted().test_the_samples_show_what_the_laws_need()

    class Said(AcmeSuite):
        samples = (replace(AcmeSuite.samples[0], usage=Usage()), *Uncounted.samples[1:])

    Said().test_the_samples_show_what_the_laws_need()
    with pytest.raises(LawBroken):
        Said().test_an_answer_says_what_its_sample_says()  # Acme counts
