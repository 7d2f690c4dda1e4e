"""The conformance suite itself: of adapters with one fault each, each breaks exactly the law that forbids the fault."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import acme_forms_of_arguments  # noqa: F401 - it adds to FORMS
import acme_forms_of_bodies  # noqa: F401
import acme_forms_of_logins  # noqa: F401
import acme_forms_of_merging  # noqa: F401
import acme_forms_of_places  # noqa: F401
import acme_forms_of_refusals  # noqa: F401
import acme_forms_of_transports  # noqa: F401
import acme_forms_over_http  # noqa: F401
import acme_mutants_of_answers  # noqa: F401 - it adds to MUTANTS
import acme_mutants_of_bodies  # noqa: F401
import acme_mutants_of_calls  # noqa: F401
import acme_mutants_of_clients  # noqa: F401
import acme_mutants_of_contents  # noqa: F401
import acme_mutants_of_failures  # noqa: F401
import acme_mutants_of_histories  # noqa: F401
import acme_mutants_of_keys  # noqa: F401
import acme_mutants_of_letters  # noqa: F401
import acme_mutants_of_names  # noqa: F401
import acme_mutants_of_options  # noqa: F401
import acme_mutants_of_order  # noqa: F401
import acme_mutants_of_pieces  # noqa: F401
import acme_mutants_of_places  # noqa: F401
import acme_mutants_of_replies  # noqa: F401
import acme_mutants_of_requests  # noqa: F401
import acme_mutants_of_schemas
import acme_mutants_of_sharing  # noqa: F401
import acme_mutants_of_sizes  # noqa: F401
import acme_mutants_of_strangers  # noqa: F401
import acme_mutants_of_transports  # noqa: F401
import acme_mutants_of_values  # noqa: F401
import acme_mutants_of_what_comes_back  # noqa: F401
import pytest
from acme_forms import FORMS
from acme_mutants import MUTANTS
from acme_samples import AcmeSuite
from toolfan.testing import broken, lawbook, laws_of_packages, outside
from toolfan.testing.guarding import laws_of

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow


IN_ANOTHER_PROCESS = {
    name
    for name, law in laws_of(AcmeSuite).items()
    if law.__module__.rpartition(".")[2]
    in ("laws_of_packages", "laws_of_transports", "laws_of_failures", "laws_of_clients")
}
# These take most of the time of all.
LONG = {
    "test_odd_events_are_read_or_refused",
    "test_every_call_is_answered_once_in_order",
    "test_messages_go_out",
    "test_a_thousand_calls_come_out",
    "test_answers_of_every_kind_can_be_given",
    "test_the_number_of_tools_is_bounded_as_told",
}
ALL_ASKED_OF_EACH = 48
SHARE_OF_THE_REST = 12
# What parsers share may show in another process, too, where several streams are read at once.
ALL_ASKED_OF_THESE = {"test_parsers_share_nothing"}


@pytest.fixture
def one_process(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """What another process tells of the right adapter stands for what it would tell of all."""

    def stand_in() -> None:
        facts = outside.ask(AcmeSuite())
        monkeypatch.setattr(outside, "_asked", lambda question: json.dumps(facts))
        monkeypatch.setattr(laws_of_packages, "fingerprint", lambda adapter, model: facts["fingerprint"])

    return stand_in


@pytest.mark.parametrize("name", MUTANTS)
def test_a_fault_breaks_the_law_that_forbids_it_and_no_other(
    name: str, one_process: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    suite, law = MUTANTS[name]
    laws = laws_of(AcmeSuite)
    # Each so many-th, and each of some laws, is held to all laws, also where a process is started for them; the others
    # to those that stand beside the law, and to a share of the rest but the long ones, in turn.
    at = list(MUTANTS).index(name)
    if at % ALL_ASKED_OF_EACH and law not in ALL_ASKED_OF_THESE:
        if law not in IN_ANOTHER_PROCESS:
            one_process()
        some = {one for place, one in enumerate(laws, at) if place % SHARE_OF_THE_REST == 0 and one not in LONG}
        near = {one for one in laws if one in some or laws[one].__module__ == laws[law].__module__}
        monkeypatch.setattr(lawbook, "laws_of", lambda cls: {one: laws_of(cls)[one] for one in near})
    found = broken(suite)
    assert set(found) == {law}, "\n\n".join(f"{one}:\n{text}" for one, text in found.items())


def test_the_long_laws_are_laws() -> None:
    assert set(laws_of(AcmeSuite)) >= LONG


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
