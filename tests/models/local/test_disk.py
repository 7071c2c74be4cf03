"""A disk keeps five gigabytes or a twentieth free, whichever is more."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from mien_core.errors import DiskFull
from mien_models.local.disk import HEADROOM_BYTES, check_disk
from mien_testing.stand_in import returning


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def has(monkeypatch: pytest.MonkeyPatch, total: int, free: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", returning(Usage(total, total - free, free)))


@pytest.mark.parametrize(("total", "headroom"), [(50 << 30, HEADROOM_BYTES), (1000 << 30, (1000 << 30) // 20)])
def test_what_leaves_the_headroom_fits_and_a_byte_more_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, total: int, headroom: int
) -> None:
    has(monkeypatch, total, headroom + 7)
    check_disk(tmp_path, 7)
    with pytest.raises(DiskFull) as refused:
        check_disk(tmp_path, 8)
    assert refused.value.fields == {
        "folder": str(tmp_path),
        "needed_bytes": headroom + 8,
        "free_bytes": headroom + 7,
    }


def test_a_folder_that_is_not_there_yet_is_made(tmp_path: Path) -> None:
    check_disk(tmp_path / "new" / "store", 0)
    assert (tmp_path / "new" / "store").is_dir()
