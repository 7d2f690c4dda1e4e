"""What is said of samples whose arguments stand in a form that is not found, or that shows too little."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from acme_forms import FORMS
from acme_forms_of_arguments import KINDS, OTHER, SAMPLES, Typed, typed
from acme_mutants import suite_of
from toolfan.testing import LawBroken, Sample, broken
from toolfan.testing.argument_forms import arguments_in
from toolfan.testing.variations import with_arguments, with_many_calls

LARGE, MANY = "test_large_and_deep_arguments_come_out", "test_a_thousand_calls_come_out"


@pytest.mark.parametrize("as_lists", [False, True])
def test_records_with_a_type_are_found_and_written(as_lists: bool) -> None:
    body = typed(SAMPLES[-1].body, as_lists=as_lists)
    sample = Sample(name="typed", body=body, calls=[("f", KINDS), ("f", OTHER)], ids=["r1", "r2"])
    assert arguments_in(body, OTHER) == [("reply", "does", "r2", "with")]
    assert len(with_many_calls(sample, 5)["reply"]["does"]) == 5
    [made, _] = with_arguments(sample, {"z": None, "n": 7})["reply"]["does"].values()
    cells = [("z", "null", None), ("n", "int", 7)]
    assert made["with"] == [list(one) if as_lists else dict(zip(("k", "as", "v"), one, strict=True)) for one in cells]


def test_texts_beside_json_are_written_as_they_stood() -> None:
    body = {"with": [{"k": "a", "as": "text", "v": "Oslo"}, {"k": "b", "as": "int", "v": "7"}]}
    sample = Sample(name="typed", body=body, calls=[("f", {"a": "Oslo", "b": 7})])
    made = with_arguments(sample, {"n": 8, "t": "8"})
    assert made == {"with": [{"k": "n", "as": "int", "v": "8"}, {"k": "t", "as": "text", "v": "8"}]}


def test_a_kind_that_no_sample_shows_is_asked_for() -> None:
    """Samples of texts alone do not tell what the type of null is called; no call is said to be lost for it."""
    samples = [one for one in FORMS["Typed"].samples if one.name != "every kind"]
    suite = suite_of(Typed, **{**vars(FORMS["Typed"]), "samples": samples})
    with pytest.raises(LawBroken, match=r"no sample shows how .*null.* stand in arguments.*`broken_laws`"):
        getattr(suite(), LARGE)()
    getattr(suite(), MANY)()


def test_a_form_that_is_not_found_is_told_with_those_that_are() -> None:
    def unknown(body: Any) -> Any:
        """Arguments in words: a=1 b=2."""
        for one in (changed := typed(body))["reply"].get("does", {}).values():
            if isinstance(one["with"], list):
                one["with"] = " ".join(f"{record['k']}={record['v']}" for record in one["with"])
        return changed

    samples = [replace(one, body=unknown(one.body), stream_bytes=None) for one in SAMPLES]
    suite = suite_of(Typed, **{**vars(FORMS["Typed"]), "samples": samples})
    found = broken(suite)
    for law in (LARGE, MANY):
        assert "JSON text, or as a list of pairs or of objects, each with a name" in found[law]
        assert "name this law in `broken_laws`" in found[law]
