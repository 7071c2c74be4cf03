"""A model is as good as its worst file."""

from pathlib import Path

import pytest

from mien_models.local import listing
from mien_models.local.folder import ModelsFolder
from mien_models.local.journal import Journal, Offer, journal_path
from mien_models.store import ModelStore
from mien_testing.weights import local_catalogue, sha256_hex

MODELS = {"one": {"a.dat": b"aaa", "deep/b.dat": b"bb"}, "two": {"c.dat": b"c"}}


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "store", local_catalogue(tmp_path / "here", MODELS))


def states(models: ModelsFolder) -> dict[str, str]:
    return {one.name: one.state for one in listing.list_models(models)}


def test_models_are_listed_in_the_catalogues_order_or_the_one_asked_for(store: ModelStore) -> None:
    assert list(states(store.folder)) == ["one", "two"]
    assert [one.name for one in listing.list_models(store.folder, ["two"])] == ["two"]
    assert listing.list_models(store.folder, []) == []


def test_a_model_is_missing_then_ready_then_quarantined(store: ModelStore) -> None:
    assert states(store.folder) == {"one": "missing", "two": "missing"}
    store.pull(["one"])
    assert states(store.folder) == {"one": "ready", "two": "missing"}
    view = store.folder.view("one", "a.dat")
    view.chmod(0o644)
    view.write_bytes(b"spoilt")
    (one,) = listing.list_models(store.folder, ["one"])
    assert (one.state, [file.state for file in one.files]) == ("quarantined", ["quarantined", "ready"])


def test_a_model_of_which_something_has_come_is_partial(store: ModelStore) -> None:
    part = store.folder.part("two", "c.dat", sha256_hex(b"c"))
    part.parent.mkdir(parents=True)
    part.write_bytes(b"c")
    journal = Journal.open(journal_path(part), Offer("https://a/c", 1, None, None), 1)
    assert states(store.folder)["two"] == "missing"
    journal.grow(0, 1)
    journal.close()
    assert states(store.folder)["two"] == "partial"


def test_a_size_is_told_once_every_file_has_one(tmp_path: Path, store: ModelStore) -> None:
    assert [one.size for one in listing.list_models(store.folder)] == [5, 1]
    unknown = ModelStore(tmp_path / "other", local_catalogue(tmp_path / "here", MODELS, with_digests=False))
    assert [one.size for one in listing.list_models(unknown.folder)] == [0, 0]
    unknown.pull(["two"])
    (two,) = listing.list_models(unknown.folder, ["two"])
    assert (two.size, two.files[0].sha256) == (1, sha256_hex(b"c"))


def test_only_files_that_are_as_they_were_are_told_to_third_parties(store: ModelStore) -> None:
    store.pull(["one", "two"])
    view = store.folder.view("one", "a.dat")
    view.chmod(0o644)
    view.write_bytes(b"spoilt")
    assert listing.checksums(store.folder) == (
        f"{sha256_hex(b'bb')}  models/one/deep/b.dat\n{sha256_hex(b'c')}  models/two/c.dat\n"
    )
    (told, _) = listing.verified_files(store.folder)
    assert (told.model, told.path, told.size, told.licence) == ("one", "deep/b.dat", 2, "Free")
