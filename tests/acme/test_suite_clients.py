"""What the suite does with SDKs whose clients want a key of their own form, or cannot be asked at all."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from acme_samples import AcmeSuite
from pydantic import BaseModel, ConfigDict
from suite_runs import run
from toolfan.errors import ConfigError, ConnectionFailed, Unsupported
from toolfan.testing import LawBroken, suite_keys
from toolfan.testing.lawbook import LawNotAsked
from toolfan.testing.listening import Heard
from toolfan_acme import AcmeAdapter
from toolfan_acme.sending import AcmeAsyncTransport

if TYPE_CHECKING:
    from pathlib import Path

OF_REQUESTS = {
    "test_a_client_works_in_a_second_event_loop",
    "test_a_rejected_request_is_told_as_one",
    "test_a_request_has_all_its_time",
    "test_a_request_is_sent_once",
    "test_closing_a_client_leaves_the_others_open",
    "test_closing_closes_the_connections",
    "test_each_client_has_its_own_key_and_address",
    "test_errors_have_the_words_and_the_status",
    "test_errors_inside_answers_come_through",
    "test_events_come_while_the_stream_runs",
    "test_no_error_shows_the_key",
    "test_nothing_shows_the_key",
    "test_redirects_are_not_followed",
    "test_requests_are_served_at_once",
    "test_streams_come_as_they_were_sent",
    "test_the_deadline_ends_a_request",
    "test_the_head_of_an_answer_comes",
    "test_the_path_of_an_address_is_kept",
    "test_what_fails_is_an_error_of_the_provider",
    "test_what_the_user_adds_is_sent",
    "test_what_was_built_is_sent",
    "test_who_stops_a_request_stops_it",
    "test_whole_answers_come_as_they_were_sent",
}


class OfTwoParts(AcmeAdapter):
    """Its SDK wants keys that are an id and a secret; nothing ever comes of other ones."""

    def connect(self, settings: Any, *, use_async: bool) -> object:
        made: Any = super().connect(settings, use_async=use_async)
        if not re.fullmatch(r"\w+\.\w+", made.key):
            raise ValueError("invalid api_key")
        return made


class Without(AcmeAdapter):
    """Its async client cannot be made."""

    def connect(self, settings: Any, *, use_async: bool) -> object:
        made = super().connect(settings, use_async=use_async)
        if use_async:
            raise RuntimeError("no running event loop")
        return made


class SyncAlone(AcmeAdapter):
    """It has no async client, and says so."""

    def connect(self, settings: Any, *, use_async: bool) -> object:
        if use_async:
            raise Unsupported("no async client", adapter=self.name)
        return super().connect(settings, use_async=use_async)


class Refusing(AcmeAsyncTransport):
    async def send(self, request: Any, **given: Any) -> Any:
        raise ConnectionFailed("only https goes out", adapter="acme")


class RefusesToSend(AcmeAdapter):
    """Its async client is made, and sends no whole requests."""

    def transport(self, client: object, *, use_async: bool) -> Any:
        made = super().transport(client, use_async=use_async)
        return Refusing(made.inner) if use_async else made


def of(adapter: AcmeAdapter, **attributes: Any) -> AcmeSuite:
    return type("SuiteOfClients", (AcmeSuite,), {"adapter": adapter, **attributes})()  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", sorted({*OF_REQUESTS, "test_the_key_of_a_client_is_known"}))
def test_a_law_that_could_ask_nothing_does_not_hold(name: str) -> None:
    """It says what was raised, and what to do."""
    with pytest.raises(LawBroken, match=r"(?s)nothing can be asked; sync.*ValueError: invalid api_key.*`key`"):
        getattr(of(OfTwoParts()), name)()


def test_what_could_not_be_asked_anyway_is_no_excuse() -> None:
    """The samples have no streams that could be sent."""
    samples = [replace(one, stream_bytes=None) for one in AcmeSuite.samples]
    with pytest.raises(LawBroken, match=r"nothing can be asked; sync.*ValueError: invalid api_key"):
        of(OfTwoParts(), samples=samples).test_streams_come_as_they_were_sent()
    with pytest.raises(LawNotAsked, match="no sample has stream_bytes"):
        of(AcmeAdapter(), samples=samples).test_streams_come_as_they_were_sent()


class NoFields(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NeverConnects(AcmeAdapter):
    """It says that the key is missing, whether or not it is, and has no setting that a law could ask for."""

    def connect(self, settings: Any, *, use_async: bool) -> object:
        raise ConfigError("the environment variable ACME_KEY is not set", adapter=self.name)


def test_a_client_that_cannot_be_made_with_the_key_is_told() -> None:
    with pytest.raises(LawBroken, match="sync: connect raises ConfigError: the environment variable ACME_KEY"):
        of(NeverConnects(settings_model=NoFields)).test_clients_are_of_the_kind_that_was_asked_for()


@pytest.mark.parametrize(
    ("adapter", "found", "said"),
    [
        (
            Without(),
            {"test_clients_are_of_the_kind_that_was_asked_for"},
            r"async: .*RuntimeError: no running event loop.*`key`, `settings` or `environment`",
        ),
        (
            RefusesToSend(),
            {"test_what_was_built_is_sent", "test_what_fails_is_an_error_of_the_provider"},
            r"async send: nothing came to the service; ConnectionFailed: only https goes out.*`key`",
        ),
    ],
)
def test_a_law_that_could_not_ask_in_some_way_is_told_as_not_asked(
    adapter: AcmeAdapter, found: set[str], said: str
) -> None:
    """Though it holds in those that it was asked in; laws that find something tell of that."""
    suite = of(adapter)
    outcome: dict[str, tuple[type[Exception], str]] = {}
    for name in {*OF_REQUESTS, "test_the_key_of_a_client_is_known", "test_clients_are_of_the_kind_that_was_asked_for"}:
        try:
            getattr(suite, name)()
        except (LawNotAsked, LawBroken) as exc:
            outcome[name] = type(exc), str(exc)
    others = {"test_the_key_of_a_client_is_known"} if isinstance(adapter, Without) else set()
    assert {name for name, (kind, _) in outcome.items() if kind is LawBroken} == found
    assert {*outcome} == OF_REQUESTS | others | found
    assert all(re.search(said, why) for kind, why in outcome.values() if kind is LawNotAsked)


def test_an_adapter_without_async_clients_is_asked_for_the_sync_one() -> None:
    for name in sorted({*OF_REQUESTS, "test_clients_are_of_the_kind_that_was_asked_for"}):
        getattr(of(SyncAlone()), name)()


KEYED = """\
from test_suite_clients import OfTwoParts

class TestIt(AcmeSuite):
    adapter = OfTwoParts()
    plugin = "toolfan_acme"
    key = ("one1234.secret1234", "two5678.secret5678")
"""
CLIENTS = "clients or client or settings_are or key or built or once or closing or event_loop or were_sent"


@pytest.mark.slow
def test_a_key_of_the_vendors_form_can_be_given(tmp_path: Path) -> None:
    done = run(tmp_path, KEYED, "-k", CLIENTS)
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout


SHOWN = """\
from test_suite_clients import Showing

class TestIt(AcmeSuite):
    adapter = Showing()
    plugin = "toolfan_acme"
    key = "one1234.secret1234"
"""


class Showing(OfTwoParts):
    """The key stands in the repr of a client, and in errors."""

    def connect(self, settings: Any, *, use_async: bool) -> object:
        client: Any = super().connect(settings, use_async=use_async)
        shows = {"__repr__": lambda self: f"AcmeClient({self.key})", "__module__": "acme_sdk"}
        client.__class__ = type("AcmeClient", (type(client),), shows)
        return client

    def transport(self, client: object, *, use_async: bool) -> Any:
        made = super().transport(client, use_async=use_async)
        inner = made.inner if use_async else made

        def refusal(status: int, text: str, headers: Any) -> ConnectionFailed:
            error: Any = ConnectionFailed(f"{status}: {text}", adapter="acme")
            error.said = text
            return error

        inner.refusal = refusal
        return made


@pytest.mark.slow
def test_the_key_that_is_given_is_looked_for(tmp_path: Path) -> None:
    done = run(tmp_path, SHOWN, "-k", "shows_the_key")
    assert done.returncode == 1
    assert "the key is in the repr of a client" in done.stdout
    assert "ConnectionFailed shows the key: its attributes" in done.stdout


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (7, "7, and should be a text, or a tuple of two"),
        (("a-key-of-one",), "should be a text, or a tuple of two"),
        ({"a-key-of-one", "a-key-of-two"}, "should be a text, or a tuple of two"),
        ("short", "should be of texts of 8 characters or more"),
        (("a-key-of-one", "short"), "should be of texts of 8 characters or more"),
        ("a-key-of\nlines", "which can stand in a header"),
        ("schlüssel", "which can stand in a header"),
        ("--------", "should have a letter or a digit"),
        (("a-key-of-one", "a-key-of-one"), "should be two different keys"),
    ],
)
def test_a_key_that_cannot_be_is_told(key: Any, said: str) -> None:
    with pytest.raises(TypeError, match=rf"SuiteOfClients\.key is .*{said}"):
        of(AcmeAdapter(), key=key)


@pytest.mark.parametrize(
    ("given", "two"),
    [
        (None, suite_keys.KEYS),
        ("id.secret9", ("id.secret9", "id.secret0")),
        ("sk-abcxyz--", ("sk-abcxyz--", "sk-abcxya--")),
        (["first-key", "other-key"], ("first-key", "other-key")),
    ],
)
def test_there_is_a_second_key_of_the_same_form(given: Any, two: Any) -> None:
    assert suite_keys.two_keys(given) == two


def heard(value: str, path: str = "/act", body: bytes = b"{}") -> Heard:
    return Heard(path, {"content-type": "application/json", "authorization": value}, body)


@pytest.mark.parametrize(
    "one",
    [
        heard("Bearer one1234.secret1234"),
        heard("", path="/act?key=one1234.secret1234"),
        heard("", body=b'{"key": "one1234.secret1234"}'),
        heard("Basic b25lMTIzNDpzZWNyZXQxMjM0"),  # id and secret, with a colon between
        heard("Bearer eyJhbGciOiJIUzI1NiJ9.eyJhcGlfa2V5Ijoib25lMTIzNCJ9.c2lnbmVk"),  # a token that names the id
    ],
)
def test_a_key_is_found_in_what_is_sent(one: Heard) -> None:
    first, other = "one1234.secret1234", "two5678.secret5678"
    assert suite_keys.shows(first, other, one)
    assert not suite_keys.shows(other, first, one)


def test_what_two_keys_have_in_common_shows_neither() -> None:
    """Nor does a signature that was made with one."""
    first, other = "client-alike.secret1234", "client-alike.secret5678"
    assert not suite_keys.shows(first, other, heard("client-alike"))
    assert not suite_keys.shows(first, other, heard("Bearer 0f343b0931126a20f133d67c2b018a3b"))
