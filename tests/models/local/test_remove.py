"""Removing a model leaves nothing of it, and everything that another model has or is about to have."""

from pathlib import Path

import pytest

from mien_models.local.remove import remove_model
from mien_models.store import ModelStore
from mien_testing.weights import local_catalogue


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    files = {"a.dat": b"shared"}
    return ModelStore(tmp_path / "store", local_catalogue(tmp_path / "here", {"one": files, "two": files}))


def test_what_another_model_has_installed_stays(store: ModelStore) -> None:
    store.pull(["one", "two"])
    remove_model(store.folder, "one")
    assert store.missing(["one", "two"]) == ("one",)
    assert store.read("two") == b"shared"


def test_what_arrived_and_was_never_installed_goes_too(store: ModelStore) -> None:
    store.pull(["one"])
    store.folder.records.remove("one")
    remove_model(store.folder, "one")
    assert [path for path in store.root.rglob("*") if path.is_file() and "locks" not in path.parts] == []


def test_what_a_person_put_beside_it_stays(store: ModelStore) -> None:
    store.pull(["one"])
    note = store.folder.view("one", "notes.txt")
    note.write_text("mine")
    remove_model(store.folder, "one")
    assert note.exists()
