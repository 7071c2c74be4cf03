"""An export never writes into the store, and over nothing that no export wrote."""

import errno
import os
from pathlib import Path

import pytest

from mien_core.errors import DiskFull, OutputExists, OutputIsInput
from mien_models.exchange.manifest import MANIFEST
from mien_models.store import ModelStore
from mien_testing.weights import local_catalogue

MODEL = "face-detection"


@pytest.fixture
def models(tmp_path: Path) -> ModelStore:
    """A store of the test's own: others write their records into the one of the checkout meanwhile."""
    files = {"a.dat": b"weights", "deep/b.dat": b"more weights"}
    store = ModelStore(tmp_path / "store", local_catalogue(tmp_path / "here", {MODEL: files}))
    store.pull([MODEL])
    return store


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("way", ["the store", "a folder of it", "a link", "a link below"])
def test_the_store_is_no_place_for_an_export(way: str, models: ModelStore, tmp_path: Path) -> None:
    before = contents(models.root)
    (tmp_path / "link").symlink_to(models.root)
    (tmp_path / "stick").mkdir()
    (tmp_path / "stick" / MODEL).symlink_to(models.root / "models")
    folder = {
        "the store": models.root,
        "a folder of it": models.root / "export",
        "a link": tmp_path / "link",
        "a link below": tmp_path / "stick",
    }[way]
    with pytest.raises(OutputIsInput) as refused:
        models.export_to([MODEL], folder, replace=True)
    assert refused.value.fields == {"file": str(folder)}
    assert contents(models.root) == before


def test_a_file_that_no_export_wrote_stays_unless_it_may_be_replaced(models: ModelStore, tmp_path: Path) -> None:
    models.export_to([MODEL], tmp_path / "first")
    name = next(name for name in contents(tmp_path / "first") if name.startswith(MODEL))
    theirs = tmp_path / "second" / name
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"a person's own")
    with pytest.raises(OutputExists) as refused:
        models.export_to([MODEL], tmp_path / "second")
    assert refused.value.fields == {"file": str(theirs)}
    assert contents(tmp_path / "second") == {name: b"a person's own"}
    models.export_to([MODEL], tmp_path / "second", replace=True)
    assert contents(tmp_path / "second") == contents(tmp_path / "first")


def test_an_export_that_was_cut_short_goes_on(models: ModelStore, tmp_path: Path) -> None:
    models.export_to([MODEL], tmp_path / "stick")
    whole = contents(tmp_path / "stick")
    for cut in (MANIFEST, "SHA256SUMS"):
        (tmp_path / "stick" / cut).unlink()
    models.export_to([MODEL], tmp_path / "stick")
    models.export_to([MODEL], tmp_path / "stick")
    assert contents(tmp_path / "stick") == whole


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))])
def test_an_export_that_is_stopped_leaves_no_half_a_file(
    stop: BaseException | type[BaseException], models: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def halt(_: object) -> None:
        raise stop

    monkeypatch.setattr(os, "fsync", halt)
    with pytest.raises((KeyboardInterrupt, DiskFull)):
        models.export_to([MODEL], tmp_path / "stick")
    assert contents(tmp_path / "stick") == {}
