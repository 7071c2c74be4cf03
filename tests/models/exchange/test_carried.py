"""Models that a package brings are installed once, without a network, and never against a person's will."""

import hashlib
import sys
from pathlib import Path

import pytest

from mien_core.errors import Offline
from mien_models import open_store as module
from mien_models.catalogue.entries import Catalogue
from mien_models.exchange.carried import FOLDER, carried_folder
from mien_models.open_store import open_store
from mien_models.store import ModelStore

WORDS = b"the words of a licence"


def catalogue(version: str = "1", source: Path | None = None) -> Catalogue:
    """Two models of one wheel, or of a folder; `free` has its words there, too."""
    wheel = {"kind": "wheel", "package": "nowhere", "version": "1", "size": 10**9}
    here = {"kind": "local", "folder": str(source)} if source else wheel

    def file(path: str) -> dict[str, object]:
        content = path.encode()
        return {"path": path, "format": "dlib", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    text = {"path": "LICENSE", "format": "text", "size": len(WORDS), "sha256": hashlib.sha256(WORDS).hexdigest()}
    free = {"name": "Free", "url": "https://example.org/free", "commercial": True, "text": {**text, "source": here}}
    models = {
        name: {"title": name, "version": version, "licence": "free", "source": here, "files": [file(f"{name}.dat")]}
        for name in ("one", "two")
    }
    return Catalogue.model_validate({"licences": {"free": free}, "models": models})


@pytest.fixture
def carried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An export of both models inside a frozen program, as the bundle has it."""
    source = tmp_path / "source"
    source.mkdir()
    for name in ("one.dat", "two.dat"):
        (source / name).write_bytes(name.encode())
    (source / "LICENSE").write_bytes(WORDS)
    maker = ModelStore(tmp_path / "maker", catalogue(source=source))
    maker.pull(["one", "two"])
    maker.licence("one")
    folder = tmp_path / "program" / FOLDER
    maker.export_to(["one", "two"], folder)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "_MEIPASS", str(folder.parent), raising=False)
    monkeypatch.setattr(module, "load_catalogue", catalogue)
    return folder


def test_what_came_with_the_program_is_there_when_the_store_is_opened(carried: Path, tmp_path: Path) -> None:
    store = open_store(tmp_path / "models", offline=True)
    assert store.missing(["one", "two"]) == ()
    assert store.path("one").read_bytes() == b"one.dat"
    assert store.licence("one").text == WORDS.decode()
    assert {file.state for model in store.states() for file in model.files} == {"ready"}
    assert store.connections() == []


def test_a_removed_model_stays_removed_until_it_is_asked_for(carried: Path, tmp_path: Path) -> None:
    open_store(tmp_path / "models", offline=True).remove("one")
    again = open_store(tmp_path / "models", offline=True)
    assert again.missing(["one", "two"]) == ("one",)
    again.pull(["one"])
    assert again.missing(["one", "two"]) == ()


def test_an_upgrade_brings_a_new_version_and_leaves_what_is_there(
    carried: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_store(tmp_path / "models", offline=True).remove("one")
    manifest = carried / "mien-models.json"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('"version": "1"', '"version": "2"', 1), encoding="utf-8")
    assert open_store(tmp_path / "models", offline=True).missing(["one", "two"]) == ()


def test_a_changed_file_of_the_package_is_not_used(carried: Path, tmp_path: Path) -> None:
    (carried / "one/one.dat").write_bytes(b"0ne.dat")
    store = open_store(tmp_path / "models", offline=True)
    with pytest.raises(Offline) as refused:
        store.pull(["one"])
    assert refused.value.fields["model"] == "one"
    assert not (store.root / "models/one").exists()


def test_a_models_folder_that_takes_nothing_still_opens(carried: Path, tmp_path: Path) -> None:
    (tmp_path / "models/offered.json").mkdir(parents=True)
    assert open_store(tmp_path / "models", offline=True).missing(["one"]) == ("one",)


def test_a_pull_needs_no_room_for_a_wheel_that_it_does_not_fetch(carried: Path, tmp_path: Path) -> None:
    """The wheel is said to have a gigabyte."""
    store = ModelStore(tmp_path / "models", catalogue(), offline=False, carried=carried)
    store.pull(["one", "two"])
    assert store.missing(["one", "two"]) == ()
    assert store.connections() == []


def test_a_program_that_brings_no_models_has_no_folder_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert carried_folder() is None
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    assert carried_folder() is None
