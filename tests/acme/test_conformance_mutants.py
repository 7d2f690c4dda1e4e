"""The conformance suite itself: of adapters with one fault each, each breaks exactly the law that forbids the fault."""

from __future__ import annotations

import acme_mutants_of_answers  # noqa: F401 - it adds to MUTANTS
import acme_mutants_of_histories  # noqa: F401
import acme_mutants_of_replies  # noqa: F401
import acme_mutants_of_requests  # noqa: F401
import acme_mutants_of_schemas
import acme_mutants_of_transports  # noqa: F401
import pytest
from acme_forms import FORMS
from acme_mutants import MUTANTS
from acme_samples import AcmeSuite
from toolfan.testing import broken
from toolfan.testing.guarding import laws_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", MUTANTS)
def test_a_fault_breaks_the_law_that_forbids_it_and_no_other(name: str) -> None:
    suite, law = MUTANTS[name]
    found = broken(suite)
    assert set(found) == {law}, "\n\n".join(f"{one}:\n{text}" for one, text in found.items())


def test_the_adapter_that_they_are_made_of_breaks_none() -> None:
    assert broken(AcmeSuite) == {}


@pytest.mark.parametrize("form", FORMS)
def test_a_right_adapter_of_another_form_breaks_none(form: str) -> None:
    assert broken(FORMS[form]) == {}


def test_an_adapter_that_says_what_its_provider_cannot_carry_breaks_none() -> None:
    assert broken(acme_mutants_of_schemas.SAID) == {}


def test_nearly_every_law_has_a_fault_that_breaks_it() -> None:
    caught = {law for _, law in MUTANTS.values()}
    assert set(laws_of(AcmeSuite)) - caught == set()
