"""What travels to a node opens there alone, and only with a consent that was signed as it is."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mien_cli.batch.cluster import sealed as jobs
from mien_cli.batch.cluster.sealed import Job, open_sealed, public_bytes, seal
from mien_core.errors import ConsentRequired
from mien_daemon.references.consent import ELSEWHERE_VERSION, Consent
from mien_pipeline.trust.authority import Authority, Signatory
from mien_testing.stand_in import returning

STATED = asdict(Consent.given("Me", "self", adult=True, expires_at=None))
FAR = "9999-01-01T00:00:00+00:00"
JOB = Job([[b"first", b"second"], [b"other"]], [b"like"], [STATED, STATED])


@pytest.fixture(scope="module")
def signatory(tmp_path_factory: pytest.TempPathFactory) -> Signatory:
    return Authority(tmp_path_factory.mktemp("state")).signatory()


def test_a_job_opens_with_the_key_that_it_was_sealed_to(signatory: Signatory) -> None:
    key = X25519PrivateKey.generate()
    sealed = seal(JOB, public_bytes(key), signatory)
    assert open_sealed(sealed, key, elsewhere=False) == JOB
    assert not any(word in sealed for word in (b"first", b"second", b"other", b"like", b"basis"))


@pytest.mark.parametrize("change", ["key", "byte", "cut", "empty"])
def test_with_another_key_or_other_bytes_it_stays_shut(change: str, signatory: Signatory) -> None:
    key = X25519PrivateKey.generate()
    sealed = seal(JOB, public_bytes(key), signatory)
    changed = {"byte": sealed[:-1] + bytes([sealed[-1] ^ 1]), "cut": sealed[:50], "empty": b""}.get(change, sealed)
    with pytest.raises(ConsentRequired):
        open_sealed(changed, X25519PrivateKey.generate() if change == "key" else key, elsewhere=False)


@pytest.mark.parametrize(
    "consent", [{**STATED, "adult": False}, {**STATED, "basis": "found-it"}, {}, {**STATED, "adult": "yes"}]
)
def test_a_record_that_confirms_nothing_is_refused(consent: dict[str, object], signatory: Signatory) -> None:
    key = X25519PrivateKey.generate()
    with pytest.raises(ConsentRequired):
        open_sealed(seal(replace(JOB, consents=[STATED, consent]), public_bytes(key), signatory), key, elsewhere=False)


def test_on_another_machine_every_consent_says_that_it_holds_there(signatory: Signatory) -> None:
    key = X25519PrivateKey.generate()
    there = {**STATED, "elsewhere": ELSEWHERE_VERSION}
    job = replace(JOB, consents=[there, there])
    assert open_sealed(seal(job, public_bytes(key), signatory), key, elsewhere=True) == job
    for other in (STATED, {**STATED, "elsewhere": "2020-01"}):
        sealed = seal(replace(JOB, consents=[there, other]), public_bytes(key), signatory)
        with pytest.raises(ConsentRequired) as refused:
            open_sealed(sealed, key, elsewhere=True)
        assert refused.value.fields["field"] == "elsewhere"


def test_every_person_has_a_consent(signatory: Signatory) -> None:
    key = X25519PrivateKey.generate()
    with pytest.raises(ConsentRequired):
        open_sealed(seal(replace(JOB, consents=[STATED]), public_bytes(key), signatory), key, elsewhere=False)


def test_a_record_that_another_key_signed_is_refused(tmp_path: Path, signatory: Signatory) -> None:
    key, other = X25519PrivateKey.generate(), Authority(tmp_path).signatory()
    forged = replace(signatory, key=other.key)
    with pytest.raises(ConsentRequired, match="signed"):
        open_sealed(seal(JOB, public_bytes(key), forged), key, elsewhere=False)


@pytest.mark.parametrize("end", ["2020-01-01T00:00:00+00:00", "someday", 7])
def test_a_consent_that_has_ended_or_has_no_readable_end_is_refused(end: object, signatory: Signatory) -> None:
    key = X25519PrivateKey.generate()
    sealed = seal(replace(JOB, consents=[STATED, {**STATED, "expires_at": end}]), public_bytes(key), signatory)
    with pytest.raises(ConsentRequired) as refused:
        open_sealed(sealed, key, elsewhere=False)
    assert refused.value.fields["field"] == ("expires_at" if str(end).startswith("2020") else "basis")


def test_a_consent_that_has_not_ended_opens(signatory: Signatory) -> None:
    key, job = X25519PrivateKey.generate(), replace(JOB, consents=[{**STATED, "expires_at": FAR}] * 2)
    assert open_sealed(seal(job, public_bytes(key), signatory), key, elsewhere=False) == job


@pytest.mark.parametrize("signed", [replace(JOB, likes=[b"another"]), replace(JOB, people=[[b"first"], [b"other"]])])
def test_a_record_about_other_pictures_is_refused(
    signed: Job, signatory: Signatory, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = X25519PrivateKey.generate()
    record = jobs.write_record(signed, public_bytes(key))
    monkeypatch.setattr(jobs, "write_record", returning(record))
    with pytest.raises(ConsentRequired, match="other pictures"):
        open_sealed(seal(JOB, public_bytes(key), signatory), key, elsewhere=False)


def test_whoever_signs_is_believed_for_the_record_says_what_and_not_who(tmp_path: Path) -> None:
    """Another install's certificate opens as well: who may send jobs, the cluster's token decides."""
    key = X25519PrivateKey.generate()
    assert open_sealed(seal(JOB, public_bytes(key), Authority(tmp_path).signatory()), key, elsewhere=False) == JOB
