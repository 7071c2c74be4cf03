"""A digest is the catalogue's, else the one that was locked on the first pull, and it stays that."""

import json
from pathlib import Path

import pytest

from mien_core.errors import InvalidCatalogue
from mien_models.catalogue.entries import Catalogue, HuggingFaceSource, ModelFile
from mien_models.local.digests import FileDigest, LockedDigests
from mien_testing.weights import local_catalogue, sha256_hex

ONE = FileDigest(sha256="1" * 64, size=1)
TWO = FileDigest(sha256="2" * 64, size=2)


@pytest.fixture
def unknown(tmp_path: Path) -> Catalogue:
    """A catalogue that says no digest."""
    return local_catalogue(tmp_path / "here", {"thing": {"a.dat": b"weights"}}, with_digests=False)


@pytest.fixture
def digests(tmp_path: Path, unknown: Catalogue) -> LockedDigests:
    return LockedDigests(tmp_path, unknown)


def file_of(catalogue: Catalogue) -> ModelFile:
    return catalogue.models["thing"].files[0]


def test_what_the_catalogue_says_needs_no_lock(tmp_path: Path) -> None:
    catalogue = local_catalogue(tmp_path / "here", {"thing": {"a.dat": b"weights"}})
    digests = LockedDigests(tmp_path, catalogue)
    digests.lock("thing", "folder", files={"a.dat": ONE})
    assert digests.of("thing", file_of(catalogue)) == FileDigest(sha256=sha256_hex(b"weights"), size=7)
    assert digests.installed("thing", file_of(catalogue)) == sha256_hex(b"weights")


def test_what_is_locked_stays_for_every_process(digests: LockedDigests, unknown: Catalogue, tmp_path: Path) -> None:
    assert digests.of("thing", file_of(unknown)) is None
    assert digests.installed("thing", file_of(unknown)) is None
    digests.lock("thing", "folder", files={"a.dat": ONE}, commits={"some/repository": "a" * 40})
    digests.lock("thing", "folder", files={"a.dat": TWO}, commits={"some/repository": "b" * 40})
    again = LockedDigests(tmp_path, unknown)
    assert again.of("thing", file_of(unknown)) == ONE
    assert again.installed("thing", file_of(unknown)) == ONE.sha256
    assert again.locked("thing").commits["some/repository"].commit == "a" * 40


def test_a_conversion_made_anew_replaces_the_one_before(digests: LockedDigests) -> None:
    digests.lock("thing", "folder", converted={"a.safetensors": ONE})
    digests.lock("thing", "folder", converted={"a.safetensors": TWO})
    assert digests.locked("thing").converted["a.safetensors"].sha256 == TWO.sha256


def test_a_converted_file_has_the_digest_of_what_is_kept(digests: LockedDigests) -> None:
    pickle = ModelFile(path="a.pth", format="pickle", converted="a.safetensors", sha256="0" * 64, size=3)
    assert digests.installed("thing", pickle) is None
    digests.lock("thing", "folder", converted={"a.safetensors": TWO})
    assert digests.installed("thing", pickle) == TWO.sha256


def test_models_are_locked_apart(digests: LockedDigests) -> None:
    digests.lock("thing", "folder", files={"a.dat": ONE})
    digests.lock("other", "folder", files={"a.dat": TWO})
    assert digests.locked("thing").files["a.dat"].sha256 == ONE.sha256
    assert digests.locked("other").files["a.dat"].sha256 == TWO.sha256


def test_a_commit_is_the_catalogues_or_the_locked_one(digests: LockedDigests) -> None:
    free = HuggingFaceSource(repository="some/repository")
    fixed = HuggingFaceSource(repository="some/repository", revision="c" * 40)
    assert digests.revision("thing", free) is None
    digests.lock("thing", "huggingface.co", commits={"some/repository": "a" * 40})
    assert digests.revision("thing", free) == "a" * 40
    assert digests.revision("thing", fixed) == "c" * 40


def test_locking_nothing_writes_nothing(digests: LockedDigests) -> None:
    digests.lock("thing", "folder")
    assert not digests.path.exists()
    digests.lock("thing", "folder", files={"a.dat": ONE})
    before = digests.path.stat().st_ino
    digests.lock("thing", "folder", files={"a.dat": ONE})
    assert digests.path.stat().st_ino == before


@pytest.mark.parametrize("content", ["", "{", '{"models": 3}'])
def test_a_damaged_lock_file_is_named_and_left_alone(digests: LockedDigests, content: str) -> None:
    digests.path.write_text(content)
    with pytest.raises(InvalidCatalogue, match=r"models\.lock is damaged") as refused:
        digests.lock("thing", "folder", files={"a.dat": ONE})
    assert refused.value.fields == {"file": str(digests.path)}
    assert digests.path.read_text() == content


def test_what_another_source_said_does_not_count_any_more(digests: LockedDigests, unknown: Catalogue) -> None:
    """The mirror that was asked once is not the source that the catalogue names today."""
    digests.lock("thing", "mirror 127.0.0.1", files={"a.dat": ONE})
    assert digests.of("thing", file_of(unknown)) is None
    digests.lock("thing", "folder", files={"a.dat": TWO})
    assert digests.of("thing", file_of(unknown)) == TWO


@pytest.mark.parametrize("edited", ["sha256", "size", "by"])
def test_an_entry_that_was_edited_by_hand_vouches_for_nothing(
    digests: LockedDigests, unknown: Catalogue, edited: str
) -> None:
    digests.lock("thing", "mirror 127.0.0.1" if edited == "by" else "folder", files={"a.dat": ONE})
    content = json.loads(digests.path.read_text())
    other = {"sha256": TWO.sha256, "size": 2, "by": "folder"}
    content["models"]["thing"]["files"]["a.dat"][edited] = other[edited]
    digests.path.write_text(json.dumps(content))
    assert digests.of("thing", file_of(unknown)) is None
    assert digests.installed("thing", file_of(unknown)) is None


def test_what_an_older_version_locked_vouches_for_nothing(digests: LockedDigests, unknown: Catalogue) -> None:
    """It may have come from a folder that was imported."""
    old = {"revisions": {"here": "a" * 40}, "files": {"a.dat": ONE.model_dump()}, "converted": {}}
    digests.path.write_text(json.dumps({"format": 1, "models": {"thing": old}}))
    assert digests.of("thing", file_of(unknown)) is None
    digests.lock("thing", "folder", files={"a.dat": TWO})
    assert digests.of("thing", file_of(unknown)) == TWO
