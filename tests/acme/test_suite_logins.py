"""What the suite says of a login before the first request, and of `logins` that cannot be right."""

from __future__ import annotations

import re
from typing import Any

import pytest
from acme_forms_of_logins import LOGINS, LOGS_IN
from acme_mutants import suite_of
from acme_samples import AcmeSuite
from toolfan.testing import LawBroken
from toolfan_acme import AcmeAdapter


def said(adapter: type[AcmeAdapter], **attributes: Any) -> str:
    with pytest.raises(LawBroken) as caught:
        suite_of(adapter, **attributes)().test_what_was_built_is_sent()
    return str(caught.value)


@pytest.mark.slow
def test_a_login_that_is_not_told_is_taken_for_one() -> None:
    where = "send: what came, at /oauth/token, has nothing of what was built"
    assert f"- {where}: if that is a login, put it into the attribute `logins`" in said(LOGS_IN).splitlines()


def test_no_request_passes_for_a_login() -> None:
    assert (
        "- send: `logins` names the path of requests themselves" in said(AcmeAdapter, logins={"/act": {}}).splitlines()
    )


@pytest.mark.slow
def test_a_login_of_another_path_is_none() -> None:
    assert "at /oauth/token" in said(LOGS_IN, logins={"/oauth": LOGINS["/oauth/token"]})


@pytest.mark.parametrize(
    ("logins", "why"),
    [
        (("/oauth/token",), "TestIt.logins is ('/oauth/token',), and should be a Mapping"),
        ({"oauth": {}}, "TestIt.logins names 'oauth', and should name paths: \"/oauth/token\""),
        ({"/": {}}, "TestIt.logins names '/', and should name paths"),
        ({"/oauth/token": "t"}, "TestIt.logins['/oauth/token'] is 't', and should be the decoded answer"),
    ],
    ids=str,
)
def test_what_cannot_be_a_login_is_refused(logins: Any, why: str) -> None:
    with pytest.raises(TypeError, match=re.escape(why)):
        type("TestIt", (AcmeSuite,), {"logins": logins})
