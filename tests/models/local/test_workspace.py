"""A workspace is gone afterwards, and with it what killed processes left."""

from pathlib import Path

import pytest

from mien_models.local.workspace import open_workspace


def test_a_workspace_is_empty_and_gone_afterwards_whatever_happened(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), open_workspace(tmp_path) as folder:  # noqa: PT012
        assert list(folder.iterdir()) == []
        (folder / "copy").touch()
        raise RuntimeError
    assert list((tmp_path / "partial").iterdir()) == []
    assert list((tmp_path / "locks").iterdir()) == []


def test_two_workspaces_are_two_folders(tmp_path: Path) -> None:
    with open_workspace(tmp_path) as one, open_workspace(tmp_path) as two:
        assert one != two
        assert one.is_dir()
        assert two.is_dir()


def test_what_a_killed_process_left_is_cleared_and_what_a_living_one_uses_is_not(tmp_path: Path) -> None:
    left = tmp_path / "partial" / "work-dead"
    left.mkdir(parents=True)
    (left / "copy").touch()
    part = tmp_path / "partial" / "model.part"
    part.touch()
    with open_workspace(tmp_path) as in_use, open_workspace(tmp_path):
        assert in_use.is_dir()
        assert not left.exists()
        assert part.exists(), "a download that goes on is no workspace"


def test_a_lock_whose_folder_was_never_made_goes_too(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks/.work-dead").touch()
    with open_workspace(tmp_path) as folder:
        assert [lock.name for lock in (tmp_path / "locks").iterdir()] == [f".{folder.name}"]


def test_a_folder_that_cannot_be_made_leaves_no_lock(tmp_path: Path) -> None:
    (tmp_path / "partial").write_text("a file where the folder should be")
    with pytest.raises(OSError), open_workspace(tmp_path):  # noqa: PT011 which one is the system's business
        pass
    assert list((tmp_path / "locks").iterdir()) == []
