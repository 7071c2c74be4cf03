"""Folders are found from flags, the environment or the platform, in this order, and are this user's alone."""

import errno
from pathlib import Path

import pytest

from mien_api.folders import Folders, make_private
from mien_core.errors import DiskFull, OutputNotWritable


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIEN_STATE_DIR", raising=False)
    monkeypatch.delenv("MIEN_MODELS_DIR", raising=False)


def test_a_flag_goes_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_STATE_DIR", str(tmp_path / "set"))
    monkeypatch.setenv("MIEN_MODELS_DIR", str(tmp_path / "set models"))
    found = Folders.find(tmp_path / "flag", tmp_path / "flag models")
    assert (found.state, found.models) == (tmp_path / "flag", tmp_path / "flag models")
    found = Folders.find()
    assert (found.state, found.models) == (tmp_path / "set", tmp_path / "set models")


def test_a_state_folder_of_ones_own_holds_everything_but_the_models(tmp_path: Path) -> None:
    found, usual = Folders.find(tmp_path), Folders.find()
    assert (found.cache, found.logs) == (tmp_path / "cache", tmp_path / "logs")
    assert found.models == usual.models


def test_without_a_word_the_platforms_own_folders_are_used() -> None:
    found = Folders.find()
    assert all("mien" in str(path).lower() for path in (found.state, found.cache, found.logs, found.models))
    assert found.models.name == "models"


def test_folders_do_not_move_with_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = Folders.find("state", "models")
    assert (found.state, found.logs, found.models) == (
        tmp_path / "state",
        tmp_path / "state" / "logs",
        tmp_path / "models",
    )


def test_a_new_folder_is_private_and_an_old_one_stays_as_it_is(tmp_path: Path) -> None:
    make_private(tmp_path / "a" / "new")
    assert (tmp_path / "a" / "new").stat().st_mode & 0o777 == 0o700
    old = tmp_path / "old"
    old.mkdir()
    old.chmod(0o755)
    make_private(old)
    assert old.stat().st_mode & 0o777 == 0o755


def test_a_folder_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputNotWritable) as refused:
        make_private(tmp_path / "file" / "state")
    assert refused.value.fields == {"file": str(tmp_path / "file" / "state")}


def test_no_room_for_a_folder_is_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(DiskFull):
        make_private(tmp_path / "state")
