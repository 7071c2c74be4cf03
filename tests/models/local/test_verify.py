"""A verification hashes what is installed, and goes on where it was stopped."""

from pathlib import Path

import pytest

from mien_models.local.verify import verify
from mien_models.progress import PullProgress, ignore_pull
from mien_models.store import ModelStore
from mien_testing.weights import local_catalogue

MODELS = {"one": {"a.dat": b"aaa", "b.dat": b"bb"}, "two": {"c.dat": b"c"}}


class StopError(Exception):
    pass


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    store = ModelStore(tmp_path / "store", local_catalogue(tmp_path / "here", MODELS))
    store.pull(["one", "two"])
    return store


def spoil(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def test_every_file_is_told_with_what_became_of_it(store: ModelStore) -> None:
    spoil(store.folder.view("one", "a.dat"))
    store.folder.view("two", "c.dat").unlink()
    done = verify(store.folder, ["one", "two"], ignore_pull)
    assert [(one.model, one.file, one.ok, one.state) for one in done] == [
        ("one", "a.dat", False, "quarantined"),
        ("one", "b.dat", True, "ready"),
        ("two", "c.dat", False, "missing"),
    ]
    assert not (store.root / "verify.json").exists()


def stop_at_second(store: ModelStore) -> None:
    def listen(progress: PullProgress) -> None:
        if progress.model == "two":
            raise StopError

    with pytest.raises(StopError):
        verify(store.folder, ["one", "two"], listen)


def test_a_run_that_was_stopped_hashes_nothing_twice(store: ModelStore) -> None:
    stop_at_second(store)
    spoil(store.folder.view("one", "a.dat"))  # which the first run has found right
    done = verify(store.folder, ["one", "two"], ignore_pull)
    assert [(one.file, one.ok) for one in done] == [("a.dat", True), ("b.dat", True), ("c.dat", True)]


def test_a_run_of_other_names_begins_anew(store: ModelStore) -> None:
    stop_at_second(store)
    spoil(store.folder.view("one", "a.dat"))
    assert [one.ok for one in verify(store.folder, ["one"], ignore_pull)] == [False, True]


def test_a_damaged_note_of_a_run_begins_anew(store: ModelStore) -> None:
    (store.root / "verify.json").write_text("{")
    assert len(verify(store.folder, ["two"], ignore_pull)) == 1


def test_what_is_not_installed_is_not_hashed(store: ModelStore) -> None:
    store.remove("one")
    told: list[PullProgress] = []
    assert [one.model for one in verify(store.folder, ["one", "two"], told.append)] == ["two"]
    assert {progress.model for progress in told} == {"two"}
    assert told[-1].stage == "done"
