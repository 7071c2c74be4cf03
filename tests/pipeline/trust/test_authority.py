"""The certificate authority of one install: made once, private, without a name, rotatable."""

import datetime
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from mien_core.errors import MarkingFailed
from mien_models.store import ModelStore
from mien_pipeline.media.decode import decode
from mien_pipeline.report import Edit
from mien_pipeline.trust import authority as authority_module
from mien_pipeline.trust import credentials
from mien_pipeline.trust.authority import Authority
from mien_pipeline.trust.marking import ResultMarker
from mien_testing.secret_store import MemoryStore, stored_in


def leaf(chain: str) -> x509.Certificate:
    return x509.load_pem_x509_certificates(chain.encode())[0]


def key_files(state: Path) -> list[Path]:
    return sorted((state / "keys").glob("*.key"))


# ── certificates ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_certificate_is_what_the_specification_asks_for(tmp_path: Path) -> None:
    certificate = leaf(Authority(tmp_path).signatory().chain)
    extension = certificate.extensions.get_extension_for_class
    assert certificate.version is x509.Version.v3
    assert extension(x509.KeyUsage).critical
    assert extension(x509.KeyUsage).value.digital_signature
    assert list(extension(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.EMAIL_PROTECTION]
    assert extension(x509.AuthorityKeyIdentifier).value.key_identifier
    assert not extension(x509.BasicConstraints).value.ca


def test_it_lasts_ten_years_from_midnight_and_names_nobody(tmp_path: Path) -> None:
    certificate = leaf(Authority(tmp_path).signatory().chain)
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc > datetime.timedelta(days=3650)
    assert certificate.not_valid_before_utc.hour == certificate.not_valid_before_utc.minute == 0
    assert certificate.subject.rfc4514_string() == "CN=Mien local signer,O=Mien"


def test_the_same_certificate_signs_after_a_restart(tmp_path: Path) -> None:
    first, second = Authority(tmp_path).signatory(), Authority(tmp_path).signatory()
    assert first.chain == second.chain
    assert second.key.public_key() == leaf(first.chain).public_key()


def test_two_that_start_at_once_sign_with_one_certificate(tmp_path: Path) -> None:
    chains: list[str] = []
    threads = [threading.Thread(target=lambda: chains.append(Authority(tmp_path).signatory().chain)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(chains)) == 1


def test_the_roots_own_key_is_nowhere(tmp_path: Path) -> None:
    """One key file for one leaf: nothing else can ever be signed under this root."""
    Authority(tmp_path).signatory()
    assert len(key_files(tmp_path)) == 1


def test_rotation_breaks_the_link_and_keeps_the_old_pictures_ones_own(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    old, new = authority.signatory(), authority.rotate()
    assert leaf(old.chain).serial_number != leaf(new.chain).serial_number
    assert new.roots.startswith(old.roots)
    assert Authority(tmp_path).signatory().chain == new.chain
    assert len(key_files(tmp_path)) == 1, "the old key is gone"


def test_a_rotation_counts_from_the_next_picture_on_in_every_process(
    tmp_path: Path, models: ModelStore, portrait: bytes
) -> None:
    """A worker that has signed already does not go on under the old name."""
    marker = ResultMarker(models.path("watermark"), Authority(tmp_path))

    def serial() -> str:
        marked = marker.mark(decode(portrait), portrait, Edit("swap", "mesh", None))
        return credentials.read(marked.data, marked.media_type).signer["cert_serial_number"]

    before = serial()
    assert serial() == before
    Authority(tmp_path).rotate()
    assert serial() != before


def test_no_certificate_leaves_its_key_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when it ran out, and not in the secret store."""
    store = MemoryStore()
    authority = Authority(tmp_path, stored_in(tmp_path, store))
    monkeypatch.setattr(authority_module, "LIFETIME", datetime.timedelta(days=300))
    authority.signatory()
    monkeypatch.undo()
    authority.signatory()
    authority.rotate()
    assert len(store.held) == 1
    assert stored_in(tmp_path, store).names == [name.split()[0] for _, name in store.held]


def test_a_lost_key_is_replaced_and_not_missed_in_silence(tmp_path: Path) -> None:
    old = Authority(tmp_path).signatory()
    key_files(tmp_path)[0].unlink()
    new = Authority(tmp_path).signatory()
    assert new.chain != old.chain
    assert old.roots in new.roots


def test_somebody_elses_key_is_refused(tmp_path: Path) -> None:
    Authority(tmp_path / "a").signatory()
    Authority(tmp_path / "b").signatory()
    key_files(tmp_path / "a")[0].write_bytes(key_files(tmp_path / "b")[0].read_bytes())
    with pytest.raises(MarkingFailed):
        Authority(tmp_path / "a").signatory()


def test_a_certificate_is_replaced_before_it_runs_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials without a time marker are invalid after that day."""
    monkeypatch.setattr(authority_module, "LIFETIME", datetime.timedelta(days=300))
    old = Authority(tmp_path).signatory()
    monkeypatch.undo()
    assert Authority(tmp_path).signatory().chain != old.chain


def test_a_folder_that_cannot_be_written_is_a_named_refusal(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("a file where the folder should be")
    with pytest.raises(MarkingFailed):
        Authority(tmp_path).signatory()
