"""The certificate authority of one install: made once, private, without a name, rotatable."""

import datetime
import logging
import stat
import sys
import threading
from pathlib import Path
from typing import cast

import keyring.backend
import keyring.backends.chainer
import keyring.backends.fail
import keyring.errors
import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from mien_core.errors import MarkingFailed
from mien_core.key_store import SERVICE, KeyStore, trusted_secret_store
from mien_models.store import ModelStore
from mien_pipeline.media.decode import decode
from mien_pipeline.report import Edit
from mien_pipeline.trust import authority as authority_module
from mien_pipeline.trust import credentials
from mien_pipeline.trust.authority import Authority
from mien_pipeline.trust.marking import ResultMarker


class MemoryStore:
    """A secret store that holds what it is given, as a desktop's does.

    No subclass of the library's: those register themselves and would become the whole process's secret store.
    """

    priority = 5.0

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.held.pop((service, username), None) is None:
            raise keyring.errors.PasswordDeleteError("absent")


class LockedStore(MemoryStore):
    def set_password(self, service: str, username: str, password: str) -> None:
        raise keyring.errors.KeyringLocked("locked")


class WeakStore(MemoryStore):
    priority = 0.5


def no_store() -> object:
    """What the library answers on a machine without any."""
    return keyring.backends.fail.Keyring()  # type: ignore[no-untyped-call]


def stored_in(state: Path, backend: object) -> KeyStore:
    return KeyStore(state, cast("keyring.backend.KeyringBackend", backend))


def usable_of(backend: object) -> object:
    return trusted_secret_store(cast("keyring.backend.KeyringBackend", backend))


def leaf(chain: str) -> x509.Certificate:
    return x509.load_pem_x509_certificates(chain.encode())[0]


def key_files(state: Path) -> list[Path]:
    return sorted((state / "keys").glob("*.key"))


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_secret_store_a_key_lies_in_a_private_file_and_a_warning_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys = stored_in(tmp_path, no_store())
    with caplog.at_level(logging.WARNING):
        assert keys.save("master", b"\x01\x02") == "file"
    assert "key-in-file" in caplog.text
    assert str(tmp_path) not in caplog.text
    assert keys.load("master") == b"\x01\x02"
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
        assert stat.S_IMODE(key_files(tmp_path)[0].stat().st_mode) == 0o600


def test_with_a_secret_store_no_key_touches_the_disk(tmp_path: Path) -> None:
    store = MemoryStore()
    keys = stored_in(tmp_path, store)
    assert keys.place == "secret-store"
    assert keys.save("master", b"\xfe\x02") == "secret-store"
    assert keys.load("master") == b"\xfe\x02"
    assert key_files(tmp_path) == []
    assert keys.names == ["master"]
    keys.delete("master")
    assert keys.load("master") is None
    assert store.held == {}
    assert keys.names == []


class StubbornStore(MemoryStore):
    def delete_password(self, service: str, username: str) -> None:
        """It says yes and does nothing."""


class ShutStore(MemoryStore):
    def delete_password(self, service: str, username: str) -> None:
        raise keyring.errors.KeyringLocked("locked")


@pytest.mark.parametrize("kind", [StubbornStore, ShutStore])
def test_a_key_that_stays_in_the_secret_store_is_not_called_deleted(tmp_path: Path, kind: type[MemoryStore]) -> None:
    keys = stored_in(tmp_path, kind())
    keys.save("master", b"x")
    with pytest.raises(PermissionError):
        keys.delete("master")
    assert keys.names == ["master"]


def test_two_installs_of_one_user_share_a_secret_store_and_no_key(tmp_path: Path) -> None:
    store = MemoryStore()
    stored_in(tmp_path / "one", store).save("master", b"1")
    assert stored_in(tmp_path / "two", store).load("master") is None
    stored_in(tmp_path / "two", store).save("master", b"2")
    assert stored_in(tmp_path / "one", store).load("master") == b"1"
    assert {service for service, _ in store.held} == {SERVICE}


def test_a_secret_store_that_is_locked_is_no_secret_store(tmp_path: Path) -> None:
    keys = stored_in(tmp_path, LockedStore())
    assert keys.save("master", b"x") == "file"
    assert keys.load("master") == b"x"


def test_weak_secret_stores_are_refused() -> None:
    """Such as files whose password stands in the program that reads them."""
    assert usable_of(WeakStore()) is None
    assert usable_of(no_store()) is None
    assert isinstance(usable_of(MemoryStore()), MemoryStore)


def test_a_chain_of_stores_is_only_as_good_as_the_store_that_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = keyring.backends.chainer.ChainerBackend()  # type: ignore[no-untyped-call]
    weak, good = WeakStore(), MemoryStore()
    monkeypatch.setattr(keyring.backends.chainer.ChainerBackend, "backends", [weak, good])
    assert usable_of(chain) is good
    monkeypatch.setattr(keyring.backends.chainer.ChainerBackend, "backends", [weak])
    assert usable_of(chain) is None


def test_a_keys_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name"):
        stored_in(tmp_path, no_store()).save("../evil", b"x")


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
    marker = ResultMarker(models.path("watermark"), tmp_path)

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
