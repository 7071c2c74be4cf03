"""A file that was found right becomes part of the folder, stays checked, and leaves when it changes."""

import os
from pathlib import Path

import pytest

from mien_core.errors import ChecksumMismatch
from mien_models.catalogue.entries import ModelFile
from mien_models.local.blobs import Blobs
from mien_models.local.folder import ModelsFolder
from mien_testing.stand_in import returning
from mien_testing.weights import local_catalogue, sha256_hex

CONTENT = b"weights of a thing"
SHA256 = sha256_hex(CONTENT)


@pytest.fixture
def models(tmp_path: Path) -> ModelsFolder:
    return ModelsFolder(tmp_path / "store", local_catalogue(tmp_path / "here", {"thing": {"a.dat": CONTENT}}))


@pytest.fixture
def unlocked(tmp_path: Path) -> ModelsFolder:
    """Of a catalogue that says no digests."""
    catalogue = local_catalogue(tmp_path / "here", {"thing": {"a.dat": CONTENT}}, with_digests=False)
    return ModelsFolder(tmp_path / "store", catalogue)


@pytest.fixture
def arrived(tmp_path: Path) -> Path:
    path = tmp_path / "arrived"
    path.write_bytes(CONTENT)
    return path


def file_of(models: ModelsFolder) -> ModelFile:
    return models.catalogue.models["thing"].files[0]


def install(models: ModelsFolder, arrived: Path) -> Path:
    models.take_in("thing", file_of(models), arrived, SHA256)
    models.install("thing")
    return models.view("thing", "a.dat")


def test_a_file_that_is_taken_in_is_gone_from_where_it_was(models: ModelsFolder, arrived: Path) -> None:
    view = install(models, arrived)
    assert not arrived.exists()
    assert view.read_bytes() == CONTENT
    assert models.is_ready("thing", file_of(models))


def test_another_programs_file_stays_and_is_linked(models: ModelsFolder, arrived: Path) -> None:
    models.take_in("thing", file_of(models), arrived, SHA256, stays=True)
    assert arrived.samefile(models.blobs.path(SHA256))


def test_another_programs_file_on_another_disk_is_copied_and_checked(
    models: ModelsFolder, arrived: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Blobs, "adopt_link", returning(False))
    ticks: list[None] = []
    models.take_in("thing", file_of(models), arrived, SHA256, stays=True, tick=lambda: ticks.append(None))
    assert models.blobs.path(SHA256).read_bytes() == CONTENT
    assert not arrived.samefile(models.blobs.path(SHA256))
    assert arrived.read_bytes() == CONTENT
    assert ticks


def test_a_file_that_changes_while_it_is_copied_is_not_taken(
    models: ModelsFolder, arrived: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Blobs, "adopt_link", returning(False))
    arrived.write_bytes(b"something else")
    with pytest.raises(ChecksumMismatch, match="changed while it was copied"):
        models.take_in("thing", file_of(models), arrived, SHA256, stays=True)
    assert SHA256 not in models.blobs


def test_what_the_catalogue_does_not_know_is_locked(unlocked: ModelsFolder, arrived: Path) -> None:
    install(unlocked, arrived)
    assert unlocked.digests.locked("thing").files["a.dat"].sha256 == SHA256


def test_what_the_catalogue_knows_is_not_locked(models: ModelsFolder, arrived: Path) -> None:
    install(models, arrived)
    assert models.digests.locked("thing").files == {}


def test_a_touched_file_is_hashed_again_and_stays(models: ModelsFolder, arrived: Path) -> None:
    view = install(models, arrived)
    os.utime(view, ns=(1, 1))
    assert models.is_ready("thing", file_of(models))
    record = models.record_of("thing", file_of(models))
    assert record is not None
    assert record.mtime_ns == 1, "so that it is hashed once"


@pytest.mark.parametrize("content", [CONTENT[:-1] + b"!", CONTENT[:-1]])
def test_a_changed_file_is_moved_to_quarantine_with_its_blob(
    models: ModelsFolder, arrived: Path, content: bytes
) -> None:
    view = install(models, arrived)
    view.chmod(0o644)
    view.write_bytes(content)
    os.utime(view, ns=(1, 1))
    assert not models.is_ready("thing", file_of(models))
    assert not view.exists()
    assert SHA256 not in models.blobs, "it is the same file"
    (kept,) = models.quarantine("thing").iterdir()
    assert kept.read_bytes() == content
    record = models.record_of("thing", file_of(models))
    assert record is not None
    assert record.state == "quarantined"
    assert not models.is_ready("thing", file_of(models)), "and stays so"


def test_a_file_that_is_gone_is_missing(models: ModelsFolder, arrived: Path) -> None:
    view = install(models, arrived)
    record = models.record_of("thing", file_of(models))
    assert record is not None
    view.unlink()
    assert not models.is_ready("thing", file_of(models))
    assert models.verify_file("thing", file_of(models), record) == "missing"


def test_a_record_of_another_digest_than_todays_counts_for_nothing(
    models: ModelsFolder, arrived: Path, tmp_path: Path
) -> None:
    install(models, arrived)
    newer = local_catalogue(tmp_path / "here", {"thing": {"a.dat": b"new weights"}})
    later = ModelsFolder(models.root, newer)
    assert later.record_of("thing", file_of(later)) is None
    assert not later.is_ready("thing", file_of(later))


def test_parts_are_found_by_model_and_by_file(models: ModelsFolder) -> None:
    part = models.part("thing", "a.dat", "0" * 64)
    part.parent.mkdir(parents=True)
    for path in (part, models.part("thing", "b.dat", "0" * 64), models.part("other", "a.dat", "0" * 64)):
        path.touch()
    assert models.parts("thing", "a.dat") == [part]
    assert len(models.parts("thing")) == 2
    assert models.arrived("thing") == (0, 0)
