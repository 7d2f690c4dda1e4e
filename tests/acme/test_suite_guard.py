"""What a conformance class cannot take from the suite, and what its author's slips are told as."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from acme_samples import AcmeSuite, events
from suite_runs import run
from toolfan.testing import AdapterConformance, ErrorSample, LawBroken, Sample, broken
from toolfan.testing.guarding import helpers_of, laws_of
from toolfan_acme import AcmeAdapter

if TYPE_CHECKING:
    from pathlib import Path

HELPERS = list(helpers_of(AcmeSuite))


def suite(*mixins: type, **members: Any) -> type[AcmeSuite]:
    """A class of an author's with these members."""
    return type("TestIt", (*mixins, AcmeSuite), members)


def always(*_: Any, **__: Any) -> Any:
    return None


def test_it_is_known_what_laws_are_written_with() -> None:
    """All methods of the suite, but laws and the two that authors write."""
    assert {"built", "asked", "refused", "answers", "streams", "read", "tools", "_sealed"} <= {*HELPERS}
    assert not {"decode", "events_of", "adapter", "broken_laws", *laws_of(AcmeSuite)} & {*HELPERS}


@pytest.mark.parametrize("name", HELPERS)
def test_what_laws_are_written_with_cannot_be_replaced(name: str) -> None:
    """In the class, by a mixin, later, or in the instance that a law is asked of."""
    message = f"TestIt has {name} of its own.*decode and events_of may be overridden"
    with pytest.raises(TypeError, match=message):
        suite(**{name: always})
    with pytest.raises(TypeError, match=message):
        suite(type("Mixin", (), {name: always}))
    later = suite()
    setattr(later, name, always)
    with pytest.raises(LawBroken, match=message):
        later().test_it_is_an_adapter()
    instance = suite()()
    vars(instance)[name] = always
    with pytest.raises(LawBroken, match=message):
        instance.test_it_is_an_adapter()


def test_nor_where_the_suite_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is compared with what was written."""
    [home] = [base for base in AcmeSuite.__mro__ if "built" in vars(base)]
    monkeypatch.setattr(home, "built", always)
    with pytest.raises(LawBroken, match="AcmeSuite has built of its own"):
        AcmeSuite().test_it_is_an_adapter()
    monkeypatch.undo()
    [home] = [base for base in AcmeSuite.__mro__ if "test_it_can_be_pickled" in vars(base)]
    monkeypatch.delattr(home, "test_it_can_be_pickled")
    assert "test_it_can_be_pickled" in laws_of(AcmeSuite)
    with pytest.raises(LawBroken, match="AcmeSuite replaces test_it_can_be_pickled"):
        AcmeSuite().test_it_is_an_adapter()


@pytest.mark.parametrize(
    "body",
    [
        "TestIt.built = lambda self, *a, **k: None",
        "@pytest.fixture(autouse=True)\ndef f(monkeypatch): monkeypatch.setattr(TestIt, 'built', lambda *a, **k: None)",
        "@pytest.fixture(autouse=True)\ndef f(request): request.instance.built = lambda *a, **k: None",
    ],
)
def test_a_run_of_a_hollow_suite_fails(tmp_path: Path, body: str) -> None:
    """Whenever it was made hollow."""
    done = run(tmp_path, f"class TestIt(AcmeSuite): ...\n{body}\n", "-k", "tool_choice_goes_out")
    assert done.returncode in (1, 4)
    assert "TestIt has built of its own" in done.stdout + done.stderr


def test_authors_have_methods_and_attributes_of_their_own() -> None:
    """What the suite does not know is theirs; so are the two methods, also from a mixin, and fixtures."""

    class Streams:
        def events_of(self, body: Any) -> Any:
            return events(body)

    @pytest.fixture
    def option(self: Any) -> None: ...

    made = suite(Streams, recordings="somewhere", load=always, _sample=always, option=option, test_option=always)
    assert broken(made) == {}


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("sdks", "sdk"),
        ("key_varible", "key_variable"),
        ("event_of", "events_of"),
        ("sample", "samples"),
        ("broken_law", "broken_laws"),
        ("enviroment", "environment"),
        ("adaptor", "adapter"),
    ],
)
def test_a_misspelt_attribute_is_told(name: str, near: str) -> None:
    """With the name that was meant; also of a mixin."""
    message = f"TestIt sets {name}, which the suite does not know: did you mean {near}"
    with pytest.raises(TypeError, match=message):
        suite(**{name: ("acme_sdk",)})
    with pytest.raises(TypeError, match=message):
        suite(type("Mixin", (), {name: ()}))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("adapter", AcmeAdapter, r"is the class AcmeAdapter.*adapter = AcmeAdapter\(\)"),
        ("adapter", always, "is a function, and no adapter"),
        ("adapter", "acme", "is a str, and no adapter"),
        ("samples", AcmeSuite.samples[0], r"is one Sample.*samples = \(\.\.\.,\)"),
        ("samples", [*AcmeSuite.samples, {}], r"samples\[4\] is a dict, and should be a Sample"),
        ("samples", 5, "is a int, and should be a tuple"),
        ("errors", [Sample(name="x", body={})], r"errors\[0\] is a Sample, and should be a ErrorSample"),
        ("sdk", "acme_sdk", r"is one str.*sdk = \(\.\.\.,\)"),
        ("always_sent", ("heat", 1), r"always_sent\[1\] is a int"),
        ("key_variable", ("ACME_KEY",), "should be a str or None"),
        ("key_variable", "", "is empty"),
        ("settings", None, "should be a Mapping"),
        ("error_field", "no", "should be a bool"),
        ("events_of", None, "should be a method"),
        ("broken_laws", ["test_messages_go_out"], "no mapping of laws to reasons"),
    ],
)
def test_a_value_of_another_kind_is_told(name: str, value: Any, message: str) -> None:
    """When the class is made."""
    with pytest.raises(TypeError, match=f"TestIt.{message}|TestIt.{name}.*{message}"):
        suite(**{name: value})


def test_generators_are_read_once() -> None:
    """Each law has all of what they give."""
    made = suite(
        samples=(one for one in AcmeSuite.samples), errors=iter(AcmeSuite.errors), sdk=(one for one in ("acme_sdk",))
    )
    assert made.samples == AcmeSuite.samples
    assert (made.errors, made.sdk) == (AcmeSuite.errors, ("acme_sdk",))
    assert broken(made) == {}


def test_samples_that_are_used_up_are_none() -> None:
    """Where a generator was put in later."""
    later = suite()
    later.samples = (one for one in AcmeSuite.samples)  # type: ignore[assignment]
    later().test_a_turn_is_well_formed()
    with pytest.raises(LawBroken, match="TestIt has no samples"):
        later().test_a_turn_is_well_formed()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("class TestIt(AdapterConformance): ...\n", "TestIt has no adapter"),
        ("class TestIt(AcmeSuite): ...\nTestIt.adapter = type(AcmeSuite.adapter)\n", "is the class AcmeAdapter"),
        ("class TestIt(AcmeSuite):\n    adapter = type(AcmeSuite.adapter)\n", "is the class AcmeAdapter"),
        ("class TestIt(AcmeSuite):\n    sdks = ()\n", "did you mean sdk?"),
    ],
)
def test_a_slip_is_told_once(tmp_path: Path, source: str, message: str) -> None:
    """Not by every law."""
    done = run(tmp_path, f"from toolfan.testing import AdapterConformance\n{source}")
    assert done.returncode in (2, 4)
    said = done.stdout + done.stderr
    assert said.count(message) <= 2, said  # the error, and pytest's short summary of it
    assert message in said


def test_a_class_to_derive_from_needs_no_adapter() -> None:
    """Only what is collected does."""

    class Ours(AdapterConformance):
        errors = AcmeSuite.errors

    class TestOurs(Ours):
        adapter = AcmeAdapter()
        samples = AcmeSuite.samples

    TestOurs().test_a_turn_is_well_formed()
    assert isinstance(TestOurs.errors[0], ErrorSample)
