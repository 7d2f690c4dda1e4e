"""Answers in which calls, id and model stand side by side: what the suite asks of the rest, and what it cannot ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from acme_forms import FORMS
from acme_forms_of_places import FLAT, NOTICE, FlatWithMore, thoughtful
from acme_mutants import suite_of
from acme_samples import AcmeSuite
from suite_runs import run
from toolfan.testing import LawBroken
from toolfan.testing.lawbook import LawNotAsked

if TYPE_CHECKING:
    from pathlib import Path


def test_what_may_be_the_services_own_is_told_as_not_asked() -> None:
    with pytest.raises(LawNotAsked, match=f"two calls: '{NOTICE}' is not sent back, and no name of a field says"):
        FORMS["FlatWithMore"]().test_the_turn_is_sent_back_untouched()
    FORMS["Flat"]().test_the_turn_is_sent_back_untouched()


@pytest.mark.parametrize("name", ["Reasoning", "thinking_blocks", "thoughtSummary"])
def test_a_name_says_what_is_the_models(name: str) -> None:
    class Forgetting(FlatWithMore):
        def kept(self, reply: object) -> object:
            return {key: value for key, value in super().kept(reply).items() if key != name}

    samples = [thoughtful(one, **{name: [{"says": "They want it."}]}) for one in AcmeSuite.samples]
    with pytest.raises(LawBroken, match=r"'They want it\.', which came with the calls, is not sent back"):
        suite_of(Forgetting, **{**FLAT, "samples": samples})().test_the_turn_is_sent_back_untouched()


def test_the_report_says_so(tmp_path: Path) -> None:
    source = "import acme_forms_of_places\nfrom acme_forms import FORMS\nclass TestIt(FORMS['FlatWithMore']): pass\n"
    done = run(tmp_path, source, "-k", "sent_back_untouched")
    assert f"two calls: '{NOTICE}' is not sent back" in done.stdout
    assert "1 skipped" in done.stdout
    assert done.returncode == 0, done.stdout
