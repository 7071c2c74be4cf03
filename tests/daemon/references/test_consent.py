"""A consent says who agreed, on which basis, since when and until when; without a statement there is none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from mien_core.errors import ConsentRequired
from mien_daemon.references.consent import DEFAULT_PERIOD, STATEMENT_VERSION, STATEMENTS, Consent, to_iso

NOON = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def given(label: str = "Ann", expires_at: datetime | None = None) -> Consent:
    return Consent.given(label, "self", adult=True, expires_at=expires_at)


def test_a_consent_says_who_how_since_when_and_until_when() -> None:
    end = datetime.now(UTC) + timedelta(days=30)
    consent = Consent.given("Ann", "written-permission", adult=True, expires_at=end)
    assert (consent.label, consent.basis, consent.adult) == ("Ann", "written-permission", True)
    assert consent.statement == STATEMENT_VERSION
    assert timedelta(0) <= datetime.now(UTC) - datetime.fromisoformat(consent.given_at) < timedelta(minutes=1)
    assert consent.expires_at == to_iso(end)
    assert not consent.is_over


@pytest.mark.parametrize(
    ("basis", "adult", "field"), [("", True, "basis"), ("friendship", True, "basis"), ("self", False, "adult")]
)
def test_nothing_is_kept_without_a_basis_and_the_adult_attestation(basis: str, adult: bool, field: str) -> None:
    with pytest.raises(ConsentRequired) as refused:
        Consent.given("Ann", basis, adult=adult, expires_at=None)
    assert refused.value.fields["field"] == field


def test_whoever_names_no_basis_is_told_which_there_are() -> None:
    with pytest.raises(ConsentRequired) as refused:
        Consent.given("Ann", "", adult=True, expires_at=None)
    assert refused.value.fields["known"] == ["self", "written-permission"]


@pytest.mark.parametrize("age", [timedelta(days=1), timedelta(0)], ids=["yesterday", "this moment"])
def test_a_consent_cannot_begin_when_it_is_over(age: timedelta) -> None:
    with pytest.raises(ConsentRequired) as refused:
        given(expires_at=datetime.now(UTC) - age)
    assert refused.value.fields["field"] == "expires_at"


def test_a_consent_counts_until_the_second_of_its_end_and_not_in_it() -> None:
    consent = replace(given(), expires_at=to_iso(NOON))
    assert not consent.has_ended_at(NOON - timedelta(seconds=1))
    assert consent.has_ended_at(NOON)
    assert consent.has_ended_at(NOON + timedelta(seconds=1))
    assert replace(given(), expires_at="2020-01-01T00:00:00+00:00").is_over


def test_a_consent_without_an_end_never_ends() -> None:
    assert given().expires_at is None
    assert not given().has_ended_at(datetime.max.replace(tzinfo=UTC))


def test_an_end_in_another_time_zone_is_the_same_moment() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert to_iso(NOON.astimezone(tokyo)) == to_iso(NOON) == "2026-11-28T12:00:00+00:00"


def test_a_new_name_or_end_changes_nothing_else() -> None:
    first, end = given("Ann"), datetime.now(UTC) + DEFAULT_PERIOD
    changed = first.named("Ann B.").until(end)
    assert changed == replace(first, label="Ann B.", expires_at=to_iso(end))
    assert changed.until(None).expires_at is None


def test_a_label_has_no_half_characters() -> None:
    assert given("An\udce9").label == given().named("An\udce9").label == "An?"


def test_a_consent_can_be_read_back_and_equal_consents_have_equal_bytes() -> None:
    """The picture is sealed with the digest of these bytes."""
    consent = given("Ann Ärmel", datetime.now(UTC) + DEFAULT_PERIOD)
    assert Consent.decode(consent.encode()) == consent
    assert consent.encode() == Consent.decode(consent.encode()).encode()
    assert consent.encode() != consent.until(None).encode()


def test_the_bytes_of_a_consent_stay_these_so_that_pictures_of_earlier_versions_open() -> None:
    consent = Consent("Ann", "self", True, "2026-11", to_iso(NOON), None)
    assert consent.encode() == (
        b'{"adult": true, "basis": "self", "expires_at": null, "given_at": "2026-11-28T12:00:00+00:00", '
        b'"label": "Ann", "statement": "2026-11"}'
    )


def test_a_consent_counts_for_a_year_unless_the_person_says_otherwise() -> None:
    assert timedelta(days=365) == DEFAULT_PERIOD


@pytest.mark.parametrize("basis", STATEMENTS)
def test_every_statement_names_an_adult_and_this_machine(basis: str) -> None:
    assert "adult" in STATEMENTS[basis]
    assert "on this machine" in STATEMENTS[basis]
