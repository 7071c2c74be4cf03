"""This install's keys: in the platform's secret store, or in files that only this user reads."""

import logging
import stat
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import cast

import keyring
import keyring.backend
import keyring.backends.chainer
import keyring.errors
import pytest

from mien_core.errors import KeyUnavailable
from mien_core.key_store import LEAST_PRIORITY, SERVICE, has_secret_store, trusted_secret_store
from mien_testing.secret_store import MemoryStore, no_store, stored_in


class LockedStore(MemoryStore):
    def set_password(self, service: str, username: str, password: str) -> None:
        raise keyring.errors.KeyringLocked("locked")


class WeakStore(MemoryStore):
    priority = 0.5


def trusted(backend: object) -> object:
    return trusted_secret_store(cast("keyring.backend.KeyringBackend", backend))


def key_files(state: Path) -> list[Path]:
    return sorted((state / "keys").glob("*.key"))


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
    with pytest.raises(KeyUnavailable):
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
    assert trusted(WeakStore()) is None
    assert trusted(no_store()) is None
    assert isinstance(trusted(MemoryStore()), MemoryStore)


def test_a_chain_of_stores_is_only_as_good_as_the_store_that_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = keyring.backends.chainer.ChainerBackend()  # type: ignore[no-untyped-call]
    weak, good = WeakStore(), MemoryStore()
    monkeypatch.setattr(keyring.backends.chainer.ChainerBackend, "backends", [weak, good])
    assert trusted(chain) is good
    monkeypatch.setattr(keyring.backends.chainer.ChainerBackend, "backends", [weak])
    assert trusted(chain) is None


def test_a_keys_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name"):
        stored_in(tmp_path, no_store()).save("../evil", b"x")


def test_a_store_of_just_enough_priority_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    class JustEnough(MemoryStore):
        priority = LEAST_PRIORITY

    store = JustEnough()
    assert trusted(store) is store
    chain = keyring.backends.chainer.ChainerBackend()  # type: ignore[no-untyped-call]
    monkeypatch.setattr(keyring.backends.chainer.ChainerBackend, "backends", [store])
    assert trusted(chain) is store


def test_of_a_chain_the_best_store_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    class Better(MemoryStore):
        priority = 6.0

    chain, better = keyring.backends.chainer.ChainerBackend(), Better()  # type: ignore[no-untyped-call]
    monkeypatch.setattr(keyring.backends.chainer.ChainerBackend, "backends", [MemoryStore(), better, MemoryStore()])
    assert trusted(chain) is better


class LockableStore(MemoryStore):
    """A store that is locked after a key was put into it."""

    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.KeyringLocked("locked")


def test_a_locked_store_is_not_taken_for_one_without_the_key(tmp_path: Path) -> None:
    stored_in(tmp_path, MemoryStore()).save("master", b"x")
    with pytest.raises(KeyUnavailable, match="locked"):
        stored_in(tmp_path, LockableStore()).load("master")


def test_what_was_never_kept_is_not_missed_where_the_store_is_locked(tmp_path: Path) -> None:
    assert stored_in(tmp_path, LockableStore()).load("master") is None


@pytest.mark.parametrize("place", ["no store", "another kind of store"])
def test_a_key_in_another_store_is_not_taken_for_no_key(tmp_path: Path, place: str) -> None:
    class Other(MemoryStore):
        pass

    stored_in(tmp_path, MemoryStore()).save("master", b"x")
    with pytest.raises(KeyUnavailable) as refused:
        stored_in(tmp_path, no_store() if place == "no store" else Other()).load("master")
    assert refused.value.fields["reason"] == "absent"


def test_a_key_that_the_same_store_has_lost_is_no_more(tmp_path: Path) -> None:
    store = MemoryStore()
    stored_in(tmp_path, store).save("master", b"x")
    store.held.clear()
    assert stored_in(tmp_path, store).load("master") is None


class BrokenStore(MemoryStore):
    """Another program's code: what it raises is its own business."""

    def get_password(self, service: str, username: str) -> str | None:
        raise RuntimeError("no session bus")


def test_whatever_a_secret_store_raises_is_one_named_refusal(tmp_path: Path) -> None:
    stored_in(tmp_path, MemoryStore()).save("master", b"x")
    with pytest.raises(KeyUnavailable):
        stored_in(tmp_path, BrokenStore()).load("master")


class ForgetfulStore(MemoryStore):
    """A store that says yes and keeps nothing."""

    def set_password(self, service: str, username: str, password: str) -> None:
        return


@pytest.mark.parametrize("kind", [ForgetfulStore, BrokenStore])
def test_a_key_that_the_store_does_not_give_back_goes_into_a_file(tmp_path: Path, kind: type[MemoryStore]) -> None:
    keys = stored_in(tmp_path, kind())
    assert keys.save("master", b"x") == "file"
    assert keys.load("master") == b"x"


def test_a_key_that_moved_into_the_secret_store_leaves_no_older_one_in_a_file(tmp_path: Path) -> None:
    stored_in(tmp_path, no_store()).save("master", b"old")
    keys = stored_in(tmp_path, MemoryStore())
    assert keys.save("master", b"new") == "secret-store"
    assert keys.load("master") == b"new"
    assert key_files(tmp_path) == []


def test_a_store_that_cannot_even_be_found_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one that the environment names and that is not installed here."""

    def fail() -> None:
        raise ModuleNotFoundError("no such backend")

    class Unreachable(MemoryStore):
        @property
        def priority(self) -> float:  # type: ignore[override]
            raise RuntimeError("no session bus")

    assert trusted(Unreachable()) is None
    monkeypatch.setattr(keyring, "get_keyring", fail)
    assert trusted_secret_store() is None


def test_a_session_a_choice_and_a_package_are_looked_at_and_a_server_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bring(*values: str) -> None:
        found = [EntryPoint("store", value, "keyring.backends") for value in values]

        def entry_points(*, group: str) -> list[EntryPoint]:
            return found if group else []

        monkeypatch.setattr("importlib.metadata.entry_points", entry_points)

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("os.getuid", lambda: 0, raising=False)
    real = Path.exists

    def exists_but_for_the_bus(path: Path) -> bool:
        return real(path) and path.name != "bus"

    monkeypatch.setattr(Path, "exists", exists_but_for_the_bus)
    server = {"XDG_CONFIG_HOME": str(tmp_path)}
    bring("keyring.backends.SecretService")
    assert not has_secret_store(server)
    assert has_secret_store({**server, "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/0/bus"})
    assert has_secret_store({**server, "PYTHON_KEYRING_BACKEND": "a.store"})
    bring("keyring.backends.SecretService", "a_package.store")
    assert has_secret_store(server)
    bring()
    (tmp_path / "python_keyring").mkdir()
    (tmp_path / "python_keyring" / "keyringrc.cfg").touch()
    assert has_secret_store(server)


def test_a_key_in_a_file_is_read_where_a_secret_store_came_later(tmp_path: Path) -> None:
    stored_in(tmp_path, no_store()).save("master", b"old")
    later = stored_in(tmp_path, MemoryStore())
    assert later.load("master") == b"old"
    assert later.names == ["master"]
    later.delete("master")
    assert later.names == []
    assert later.load("master") is None


def test_a_key_whose_secret_store_is_gone_cannot_be_deleted(tmp_path: Path) -> None:
    stored_in(tmp_path, MemoryStore()).save("master", b"x")
    with pytest.raises(KeyUnavailable, match="not there"):
        stored_in(tmp_path, no_store()).delete("master")


def test_a_key_that_the_secret_store_has_lost_is_deleted(tmp_path: Path) -> None:
    store = MemoryStore()
    keys = stored_in(tmp_path, store)
    keys.save("master", b"x")
    store.held.clear()
    keys.delete("master")
    assert keys.names == []


def test_a_key_that_the_secret_store_refuses_is_listed_once(tmp_path: Path) -> None:
    keys = stored_in(tmp_path, LockedStore())
    keys.save("master", b"x")
    assert keys.names == ["master"]
    assert keys.place == "secret-store", "the next key is tried there again"
    assert stored_in(tmp_path / "other", no_store()).place == "file"


def test_what_is_in_the_secret_store_is_written_down_before_it_is_put_there(tmp_path: Path) -> None:
    """A crash between the two leaves no entry that is never deleted."""

    class Crashing(MemoryStore):
        def set_password(self, service: str, username: str, password: str) -> None:
            raise KeyboardInterrupt

    keys = stored_in(tmp_path, Crashing())
    with pytest.raises(KeyboardInterrupt):
        keys.save("master", b"x")
    assert keys.names == ["master"]


@pytest.mark.parametrize("name", ["", "UPPER", "dot.dot", "a" * 81, "a/b"])
def test_a_name_that_is_no_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        stored_in(tmp_path, no_store()).load(name)
