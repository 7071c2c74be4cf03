"""A blob is there once, read-only, under its own digest, and shown where it is used."""

import errno
import os
from pathlib import Path

import pytest

from mien_models.local.blobs import Blobs, link, sha256_of
from mien_testing.weights import sha256_hex

CONTENT = b"weights" * 1000
SHA256 = sha256_hex(CONTENT)


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "store")


@pytest.fixture
def arrived(tmp_path: Path) -> Path:
    path = tmp_path / "arrived"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path, __: Path) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(Path, "hardlink_to", refuse)


def test_a_digest_is_of_every_byte_and_counts_them(arrived: Path) -> None:
    counts: list[int] = []
    assert sha256_of(arrived, counts.append) == SHA256
    assert sum(counts) == len(CONTENT)
    large = arrived.with_name("large")
    large.write_bytes(bytes((1 << 20) + 1))
    assert sha256_of(large) == sha256_hex(bytes((1 << 20) + 1))


def test_what_is_adopted_is_gone_from_where_it_was_and_read_only(blobs: Blobs, arrived: Path) -> None:
    assert SHA256 not in blobs
    blobs.adopt(arrived, SHA256)
    assert SHA256 in blobs
    assert not arrived.exists()
    assert blobs.path(SHA256).read_bytes() == CONTENT
    assert blobs.path(SHA256).stat().st_mode & 0o222 == 0


def test_a_file_of_another_program_stays_where_it_is(blobs: Blobs, arrived: Path) -> None:
    assert blobs.adopt_link(arrived, SHA256)
    assert arrived.samefile(blobs.path(SHA256))


@pytest.mark.usefixtures("no_links")
def test_a_file_on_another_disk_is_not_linked(blobs: Blobs, arrived: Path) -> None:
    assert not blobs.adopt_link(arrived, SHA256)
    assert SHA256 not in blobs


def test_what_was_just_hashed_counts_as_checked_until_it_changes(blobs: Blobs, arrived: Path, tmp_path: Path) -> None:
    view = tmp_path / "views" / "file"
    blobs.adopt(arrived, SHA256)
    blobs.view(SHA256, view)
    assert blobs.is_as_checked(SHA256, view)
    os.utime(view, ns=(0, 0))
    assert not blobs.is_as_checked(SHA256, view)
    assert not Blobs(tmp_path / "store").is_as_checked(SHA256, view), "another process has hashed nothing"


def test_a_view_is_a_link_and_replaces_what_was_there(blobs: Blobs, arrived: Path, tmp_path: Path) -> None:
    view = tmp_path / "views" / "file"
    view.parent.mkdir()
    view.write_bytes(b"old")
    blobs.adopt(arrived, SHA256)
    for _ in range(2):  # also where it is the same file already
        blobs.view(SHA256, view)
        assert view.samefile(blobs.path(SHA256))
        assert list(view.parent.iterdir()) == [view]


@pytest.mark.usefixtures("no_links")
def test_without_links_a_view_is_a_read_only_copy(blobs: Blobs, arrived: Path, tmp_path: Path) -> None:
    view = tmp_path / "views" / "file"
    blobs.adopt(arrived, SHA256)
    blobs.view(SHA256, view)
    assert not view.samefile(blobs.path(SHA256))
    assert view.read_bytes() == CONTENT
    assert view.stat().st_mode & 0o222 == 0


def test_a_link_that_fails_for_another_reason_says_so(
    arrived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path, __: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        link(arrived, tmp_path / "new")


def test_a_link_that_cannot_be_put_in_its_place_leaves_nothing_beside_it(
    arrived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path, __: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        link(arrived, tmp_path / "views/new")
    assert list((tmp_path / "views").iterdir()) == []


def test_what_is_discarded_is_gone_and_may_be_discarded_again(blobs: Blobs, arrived: Path) -> None:
    blobs.adopt(arrived, SHA256)
    blobs.discard(SHA256)
    blobs.discard(SHA256)
    assert SHA256 not in blobs
