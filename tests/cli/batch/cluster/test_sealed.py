"""What travels to a node opens there alone, and only with a consent that was signed as it is."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mien_cli.batch.cluster.sealed import Job, open_sealed, public_bytes, seal
from mien_core.errors import ConsentRequired
from mien_daemon.references.consent import Consent
from mien_pipeline.trust.authority import Authority, Signatory

STATED = asdict(Consent.given("Me", "self", adult=True, expires_at=None))
JOB = Job([[b"first", b"second"], [b"other"]], [b"like"], [STATED, STATED])


@pytest.fixture(scope="module")
def signatory(tmp_path_factory: pytest.TempPathFactory) -> Signatory:
    return Authority(tmp_path_factory.mktemp("state")).signatory()


def test_a_job_opens_with_the_key_that_it_was_sealed_to(signatory: Signatory) -> None:
    key = X25519PrivateKey.generate()
    sealed = seal(JOB, public_bytes(key), signatory)
    assert open_sealed(sealed, key) == JOB
    assert not any(word in sealed for word in (b"first", b"second", b"other", b"like", b"basis"))


@pytest.mark.parametrize("change", ["key", "byte", "cut", "empty"])
def test_with_another_key_or_other_bytes_it_stays_shut(change: str, signatory: Signatory) -> None:
    key = X25519PrivateKey.generate()
    sealed = seal(JOB, public_bytes(key), signatory)
    changed = {"byte": sealed[:-1] + bytes([sealed[-1] ^ 1]), "cut": sealed[:50], "empty": b""}.get(change, sealed)
    with pytest.raises(ConsentRequired):
        open_sealed(changed, X25519PrivateKey.generate() if change == "key" else key)


@pytest.mark.parametrize(
    "consent", [{**STATED, "adult": False}, {**STATED, "basis": "found-it"}, {}, {**STATED, "adult": "yes"}]
)
def test_a_record_that_confirms_nothing_is_refused(consent: dict[str, object], signatory: Signatory) -> None:
    key = X25519PrivateKey.generate()
    with pytest.raises(ConsentRequired):
        open_sealed(seal(replace(JOB, consents=[STATED, consent]), public_bytes(key), signatory), key)


def test_every_person_has_a_consent(signatory: Signatory) -> None:
    key = X25519PrivateKey.generate()
    with pytest.raises(ConsentRequired):
        open_sealed(seal(replace(JOB, consents=[STATED]), public_bytes(key), signatory), key)


def test_a_record_that_another_key_signed_is_refused(tmp_path: Path, signatory: Signatory) -> None:
    key, other = X25519PrivateKey.generate(), Authority(tmp_path).signatory()
    forged = replace(signatory, key=other.key)
    with pytest.raises(ConsentRequired, match="signed"):
        open_sealed(seal(JOB, public_bytes(key), forged), key)
