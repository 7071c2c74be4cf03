"""A derived file is kept under what it is made of, and is gone with any of that, or when it is no longer as it was."""

import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest

from mien_core.errors import DiskFull, StoreNotWritable
from mien_core.locks import exclusively, is_held
from mien_models.local import derived
from mien_models.local.derived import DerivedFiles, Recipe
from mien_models.store import ModelStore
from mien_testing.stand_in import returning
from mien_testing.weights import local_catalogue

RECIPE = Recipe("sum", {"one": ["1" * 64], "two": ["2" * 64]}, "1.0")


@pytest.fixture
def files(tmp_path: Path) -> DerivedFiles:
    return DerivedFiles(tmp_path)


def keep(files: DerivedFiles, recipe: Recipe = RECIPE, data: bytes = b"made") -> Path:
    return files.keep(recipe, len(data), lambda path: void(path.write_bytes(data)))


def void(_written: int) -> None:
    """What `write` returns."""


def names(files: DerivedFiles) -> Sequence[str]:
    return sorted(path.name for path in files.folder.iterdir() if path.name != ".lock")


def test_what_was_kept_is_found_again_by_another_process(files: DerivedFiles, tmp_path: Path) -> None:
    assert files.find(RECIPE) is None
    path = keep(files)
    assert DerivedFiles(tmp_path).find(RECIPE) == path
    assert path.read_bytes() == b"made"
    assert keep(files, data=b"made by another process") == path, "it is there already"
    assert path.read_bytes() == b"made"


@pytest.mark.parametrize(
    "other",
    [
        Recipe("sum", {"one": ["3" * 64], "two": ["2" * 64]}, "1.0"),
        Recipe("sum", RECIPE.parents, "0.5"),
    ],
)
def test_other_parents_or_settings_make_another_file_which_takes_the_firsts_place(
    files: DerivedFiles, other: Recipe
) -> None:
    first = keep(files)
    assert files.find(other) is None
    second = keep(files, other)
    assert names(files) == sorted([second.name, second.with_suffix(".json").name])
    assert not first.exists()


def test_a_file_of_another_kind_stays(files: DerivedFiles) -> None:
    keep(files)
    keep(files, Recipe("product", RECIPE.parents, ""))
    assert files.find(RECIPE)


def test_one_that_changed_is_removed_and_not_found(files: DerivedFiles) -> None:
    path = keep(files)
    path.write_bytes(b"else")
    assert files.find(RECIPE) is None
    assert names(files) == []


def test_one_whose_times_alone_changed_is_found(files: DerivedFiles) -> None:
    path = keep(files)
    os.utime(path, ns=(1, 1))
    assert files.find(RECIPE) == path
    assert names(files) == sorted([path.name, path.with_suffix(".json").name])


def test_a_byte_that_changed_behind_the_times_is_seen_when_models_are_verified(files: DerivedFiles) -> None:
    path = keep(files)
    record = path.with_suffix(".json")
    path.write_bytes(b"else")
    found = path.stat()
    kept = record.read_text().replace(f'"mtime_ns": {_number(record, "mtime_ns")}', f'"mtime_ns": {found.st_mtime_ns}')
    record.write_text(kept.replace(f'"ctime_ns": {_number(record, "ctime_ns")}', f'"ctime_ns": {found.st_ctime_ns}'))
    assert files.find(RECIPE) == path, "size, times and number are as the record says"
    assert files.verify(["three"]) == []
    assert files.verify(["two"]) == ["sum"]
    assert names(files) == []


def test_one_that_is_gone_is_forgotten_when_models_are_verified(files: DerivedFiles) -> None:
    keep(files).unlink()
    assert files.verify(["one"]) == ["sum"]
    assert names(files) == []


def _number(record: Path, name: str) -> str:
    return record.read_text().split(f'"{name}": ')[1].split(",")[0].split("\n")[0]


def test_a_write_that_ends_half_way_leaves_nothing(files: DerivedFiles) -> None:
    def write(path: Path) -> None:
        path.write_bytes(b"ha")
        raise OSError(28, "no space left on device")

    with pytest.raises(DiskFull):
        files.keep(RECIPE, 4, write)
    assert names(files) == []
    assert files.find(RECIPE) is None


def test_the_lock_is_held_while_a_file_is_written(files: DerivedFiles) -> None:
    held: list[bool] = []

    def write(path: Path) -> None:
        path.write_bytes(b"made")
        held.append(is_held(files.folder / ".lock"))

    files.keep(RECIPE, 4, write)
    files.discard_of("one")
    files.keep(RECIPE, 4, write)
    assert held == [True, True]


def test_who_keeps_while_another_process_does_waits_for_its_file(
    files: DerivedFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_second_here = Event()

    def come_second(path: Path, *_: object) -> object:
        is_second_here.set()
        return exclusively(path)

    def write(path: Path) -> None:
        path.write_bytes(b"made")
        monkeypatch.setattr(derived, "exclusively", come_second)
        second.append(others.submit(keep, DerivedFiles(tmp_path), RECIPE, b"else"))
        assert is_second_here.wait(60)

    with ThreadPoolExecutor(1) as others:
        second: list[Future[Path]] = []
        path = files.keep(RECIPE, 4, write)
        assert second[0].result(60) == path
    assert path.read_bytes() == b"made"


def test_what_a_killed_process_left_goes_with_the_next_one(files: DerivedFiles) -> None:
    files.folder.mkdir()
    (files.folder / ".half.0123").write_bytes(b"ha")
    (files.folder / f"{RECIPE.digest}.safetensors").write_bytes(b"without its record")
    path = keep(files)
    assert path.read_bytes() == b"made"
    assert names(files) == sorted([path.name, path.with_suffix(".json").name])


def test_a_disk_without_room_is_refused_before_a_byte_is_written(
    files: DerivedFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", returning(SimpleNamespace(total=1 << 40, free=1 << 20, used=0)))
    with pytest.raises(DiskFull) as refused:
        files.keep(RECIPE, 1 << 30, lambda path: pytest.fail(f"{path} is written"))
    assert refused.value.fields["free_bytes"] == 1 << 20


def test_a_folder_that_is_only_read_is_told(files: DerivedFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "permission denied")

    monkeypatch.setattr(derived, "exclusively", refuse)
    with pytest.raises(StoreNotWritable):
        keep(files)


def test_it_goes_with_any_of_its_parents(tmp_path: Path) -> None:
    models = {name: {f"{name}.dat": name.encode()} for name in ("one", "two", "three")}
    store = ModelStore(tmp_path / "store", local_catalogue(tmp_path / "here", models))
    store.pull(models)
    keep(store.folder.derived)
    store.remove("three")
    assert store.folder.derived.find(RECIPE)
    store.remove("two")
    assert store.folder.derived.find(RECIPE) is None
    assert names(store.folder.derived) == []


def make_folder(path: Path, _outside: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()
    (path / "more").write_bytes(b"more")


def make_link(path: Path, outside: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(outside)


ODD = pytest.mark.parametrize("make", [make_folder, make_link])


@ODD
@pytest.mark.parametrize("name", ["x.json", "x", ".lock", "own.json", "own.safetensors"])
def test_a_folder_or_a_link_that_a_worker_left_is_removed_and_not_followed(
    files: DerivedFiles, tmp_path: Path, name: str, make: Callable[[Path, Path], None]
) -> None:
    path, outside = keep(files), tmp_path / "outside"
    outside.write_bytes(b"mine")
    make(files.folder / name.replace("own", path.stem), outside)
    files.discard_of("one")
    assert names(files) == []
    assert not (files.folder / ".lock").is_symlink()
    assert keep(files).read_bytes() == b"made"
    assert outside.read_bytes() == b"mine"


@ODD
@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
def test_a_folder_or_a_link_in_a_files_place_is_not_found(
    files: DerivedFiles, tmp_path: Path, suffix: str, make: Callable[[Path, Path], None]
) -> None:
    path = keep(files)
    outside = shutil.copyfile(path.with_suffix(suffix), tmp_path / "outside")
    make(path.with_suffix(suffix), outside)
    assert files.find(RECIPE) is None
    assert outside.exists()
    assert keep(files).read_bytes() == b"made"


@ODD
def test_folders_and_links_among_the_files_are_verified_as_changed_or_not_at_all(
    files: DerivedFiles, tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    path = keep(files)
    outside = shutil.copyfile(path, tmp_path / "outside")
    make(files.folder / "x.json", outside)
    assert files.verify(["one"]) == []
    make(path, outside)
    assert files.verify(["one"]) == ["sum"]
    assert names(files) == ["x.json"]
    assert outside.read_bytes() == b"made"


def test_what_is_too_large_for_a_record_is_none(files: DerivedFiles) -> None:
    record = keep(files).with_suffix(".json")
    record.write_bytes(record.read_bytes() + b" " * (1 << 16))
    assert files.find(RECIPE) is None


def test_a_model_is_removed_though_what_is_derived_from_it_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "permission denied", str(path))

    models = {name: {f"{name}.dat": name.encode()} for name in ("one", "two")}
    store = ModelStore(tmp_path / "store", local_catalogue(tmp_path / "here", models))
    store.pull(models)
    path = keep(store.folder.derived)
    with monkeypatch.context() as patched:
        patched.setattr(derived, "remove_file", refuse)
        store.remove("two")
    assert store.folder.records.read("two") is None
    assert path.name in caplog.text
    store.remove("one")
    assert not path.exists(), "its record stayed with it"
