"""A machine that never sees a network is set up from another: exported, carried, imported, checked on the way."""

import errno
import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from mien_core.errors import BrokenWeights, ImportRefused, ModelNotInstalled
from mien_models.catalogue.entries import Catalogue
from mien_models.exchange.manifest import MANIFEST
from mien_models.store import ModelStore

FIRST, SECOND = b"first weights", b"second weights, longer"
TEXT = b"Read this.\n"
FORGED = b"home-made weights"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "sub").mkdir(parents=True)
    (folder / "first.dat").write_bytes(FIRST)
    (folder / "sub/second.dat").write_bytes(SECOND)
    (folder / "LICENCE").write_bytes(TEXT)
    return folder


@pytest.fixture
def catalogue(source: Path) -> Catalogue:
    def file(path: str, content: bytes) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        return {"path": path, "format": "dlib", "size": len(content), "sha256": digest}

    here = {"kind": "local", "folder": str(source)}
    free = {"name": "Free", "url": "https://example.org/free", "commercial": True}
    text = {"path": "LICENCE", "format": "text", "source": here}
    model = {"title": "A", "version": "1", "licence": "free", "source": here}
    return Catalogue.model_validate(
        {
            "licences": {"free": {**free, "text": text}},
            "models": {
                "thing": {**model, "files": [file("first.dat", FIRST), file("sub/second.dat", SECOND)]},
                "unlocked": {**model, "files": [{"path": "first.dat", "format": "dlib"}]},
            },
        }
    )


@pytest.fixture
def store(catalogue: Catalogue, tmp_path: Path) -> ModelStore:
    filled = ModelStore(tmp_path / "store", catalogue)
    filled.licence("thing")
    filled.pull(["thing"])
    return filled


@pytest.fixture
def bare(catalogue: Catalogue, tmp_path: Path) -> ModelStore:
    """The other machine: nothing installed, and no network."""
    return ModelStore(tmp_path / "bare", catalogue, offline=True)


@pytest.fixture
def stick(store: ModelStore, tmp_path: Path) -> Path:
    store.export_to(["thing"], tmp_path / "stick")
    return tmp_path / "stick"


def installed_nothing(store: ModelStore) -> bool:
    return not list(store.root.glob("installed/*")) and not list(store.root.glob("partial/*"))


def test_what_is_exported_is_imported_whole_with_its_licence(stick: Path, bare: ModelStore) -> None:
    assert bare.import_from(stick) == ["thing"]

    assert bare.path("thing", "sub/second.dat").read_bytes() == SECOND
    assert bare.licence("thing").text == TEXT.decode()


def test_an_export_can_be_checked_without_mien(stick: Path) -> None:
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=stick, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.count("OK")) == (0, 2), done.stderr


def test_a_second_export_adds_to_the_first(store: ModelStore, stick: Path, bare: ModelStore) -> None:
    store.pull(["unlocked"])
    assert store.export_to(["unlocked"], stick) == ["thing", "unlocked"]
    assert bare.import_from(stick) == ["thing", "unlocked"]


@pytest.fixture
def forged(store: ModelStore, tmp_path: Path) -> Path:
    """A stick whose maker wrote bytes of their own, their digest, and who is said to have vouched for it."""
    store.pull(["unlocked"])
    folder = tmp_path / "forged"
    store.export_to(["unlocked"], folder)
    (folder / "unlocked/first.dat").write_bytes(FORGED)
    claim = {"sha256": hashlib.sha256(FORGED).hexdigest(), "size": len(FORGED)}
    held = {**claim, "by": "folder", "check": "0" * 16, "verified_at": "2026-01-01T00:00:00Z", "state": "ready"}
    lock = {"files": {"first.dat": held}, "revisions": {str(tmp_path / "source"): "a" * 40}}
    model = {"version": "1", "files": {"first.dat": held}, "lock": lock, "vouched_by": "catalogue"}
    (folder / MANIFEST).write_text(json.dumps({"models": {"unlocked": model}, "format": 1}))
    (folder / "models.lock").write_text(json.dumps({"format": 2, "models": {"unlocked": lock}}))
    return folder


def test_what_no_source_has_vouched_for_is_unverified_and_says_so_everywhere(bare: ModelStore, forged: Path) -> None:
    bare.import_from(forged)

    assert bare.path("unlocked").read_bytes() == FORGED
    (model,) = bare.states(["unlocked"])
    (file,) = model.files
    assert (model.state, file.state) == ("unverified", "unverified")
    assert (file.repository, file.revision, file.verified_at, file.vouched_by) == ("import", None, None, None)
    (used,) = bare.verified_files()
    assert (used.state, used.repository, used.verified_at, used.vouched_by) == ("unverified", "import", None, None)
    assert used.sha256 == file.sha256 == hashlib.sha256(FORGED).hexdigest()
    assert [(one.state, one.ok) for one in bare.verify()] == [("unverified", False)]
    assert bare.unverified() == ("unlocked",)
    assert bare.missing(["unlocked"]) == (), "it is used, as a machine without a network needs"
    assert not (bare.root / "models.lock").exists()


def test_where_the_source_is_asked_it_wins_and_the_forgery_is_set_aside(
    catalogue: Catalogue, bare: ModelStore, forged: Path
) -> None:
    bare.import_from(forged)
    told: list[str] = []
    online = ModelStore(bare.root, catalogue)
    online.pull(["unlocked"], lambda progress: told.append(progress.note))

    assert online.path("unlocked").read_bytes() == FIRST
    assert online.states(["unlocked"])[0].state == "ready"
    assert online.unverified() == ()
    assert any("quarantine" in note for note in told)
    (aside,) = (path for path in (online.root / "quarantine").rglob("*") if path.is_file())
    assert aside.read_bytes() == FORGED


def test_what_the_source_has_too_becomes_ready_and_nothing_is_set_aside(
    catalogue: Catalogue, store: ModelStore, bare: ModelStore, tmp_path: Path
) -> None:
    store.pull(["unlocked"])
    store.export_to(["unlocked"], tmp_path / "other-stick")
    bare.import_from(tmp_path / "other-stick")
    assert bare.states(["unlocked"])[0].state == "unverified"
    bare.pull(["unlocked"])
    assert bare.states(["unlocked"])[0].state == "unverified", "without a network no source can be asked"

    online = ModelStore(bare.root, catalogue)
    online.pull(["unlocked"])
    (file,) = online.states(["unlocked"])[0].files
    assert (file.state, file.vouched_by) == ("ready", "folder")
    assert not (online.root / "quarantine").exists()


def test_a_forgery_of_what_a_source_has_vouched_for_is_refused(store: ModelStore, forged: Path) -> None:
    with pytest.raises(ImportRefused) as refused:
        store.import_from(forged)
    assert refused.value.fields["reason"] == "wrong-bytes"
    assert store.path("unlocked").read_bytes() == FIRST


def test_an_unverified_file_that_changes_afterwards_goes_to_quarantine(bare: ModelStore, forged: Path) -> None:
    bare.import_from(forged)
    path = bare.path("unlocked")
    path.chmod(0o644)
    path.write_bytes(FORGED[::-1])
    assert bare.states(["unlocked"])[0].state == "quarantined"


def test_a_file_that_is_put_into_the_models_folder_by_hand_is_not_installed(bare: ModelStore) -> None:
    bare.folder.view("unlocked").mkdir(parents=True)
    bare.folder.view("unlocked", "first.dat").write_bytes(FORGED)
    assert bare.states(["unlocked"])[0].state == "missing"
    assert bare.missing(["unlocked"]) == ("unlocked",)


def test_a_link_to_another_file_of_the_same_disk_is_copied(bare: ModelStore, forged: Path) -> None:
    """What changes behind the other name afterwards does not change what is installed."""
    other = forged / "other"
    (forged / "unlocked/first.dat").rename(other)
    os.link(other, forged / "unlocked/first.dat")
    bare.import_from(forged)
    other.write_bytes(b"changed later")
    assert bare.path("unlocked").read_bytes() == FORGED


def test_only_what_is_installed_is_exported(bare: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(ModelNotInstalled):
        bare.export_to(["thing"], tmp_path / "stick")
    assert not (tmp_path / "stick").exists()


def test_a_file_that_changed_since_it_was_verified_is_not_exported(store: ModelStore, tmp_path: Path) -> None:
    path = store.path("thing", "first.dat")
    stamp = path.stat()
    path.chmod(0o644)
    path.write_bytes(FIRST[::-1])
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))

    with pytest.raises((BrokenWeights, ModelNotInstalled)):
        store.export_to(["thing"], tmp_path / "stick")


def test_wrong_bytes_are_refused_and_nothing_of_the_model_is_installed(stick: Path, bare: ModelStore) -> None:
    (stick / "thing/sub/second.dat").write_bytes(SECOND[:-1] + b"!")

    with pytest.raises(ImportRefused) as refused:
        bare.import_from(stick)
    assert (refused.value.fields["reason"], refused.value.fields["path"]) == ("wrong-bytes", "thing/sub/second.dat")
    assert installed_nothing(bare)
    assert bare.missing(["thing"]) == ("thing",)


def test_a_manifest_that_lies_about_a_digest_convinces_nobody(stick: Path, bare: ModelStore) -> None:
    """The catalogue's digest counts, whatever the stick says."""
    other = b"other weights"
    (stick / "thing/first.dat").write_bytes(other)
    manifest = stick / MANIFEST
    manifest.write_text(
        manifest.read_text().replace(hashlib.sha256(FIRST).hexdigest(), hashlib.sha256(other).hexdigest())
    )

    with pytest.raises(ImportRefused) as refused:
        bare.import_from(stick)
    assert refused.value.fields["reason"] == "wrong-bytes"


@pytest.mark.parametrize("what", ["thing/first.dat", "thing/sub", "thing", MANIFEST])
def test_a_link_on_the_stick_is_refused(stick: Path, bare: ModelStore, tmp_path: Path, what: str) -> None:
    outside = tmp_path / "outside"
    (stick / what).rename(outside)
    (stick / what).symlink_to(outside)

    with pytest.raises(ImportRefused) as refused:
        bare.import_from(stick)
    assert refused.value.fields["reason"] == "symlink"
    assert installed_nothing(bare)


@pytest.mark.parametrize("path", ["../../outside.dat", "/etc/passwd", "sub/../../x"])
def test_a_manifest_that_points_outside_is_refused(stick: Path, bare: ModelStore, path: str) -> None:
    manifest = json.loads((stick / MANIFEST).read_text())
    manifest["models"]["thing"]["files"][path] = manifest["models"]["thing"]["files"]["first.dat"]
    (stick / MANIFEST).write_text(json.dumps(manifest))

    with pytest.raises(ImportRefused) as refused:
        bare.import_from(stick)
    assert refused.value.fields["reason"] == "traversal"


@pytest.mark.parametrize("damage", ["{", "[]", '{"models": {"../x": {}}}'])
def test_a_damaged_manifest_is_refused(stick: Path, bare: ModelStore, damage: str) -> None:
    (stick / MANIFEST).write_text(damage)

    with pytest.raises(ImportRefused):
        bare.import_from(stick)


def test_a_file_missing_from_the_stick_is_named(stick: Path, bare: ModelStore) -> None:
    (stick / "thing/first.dat").unlink()

    with pytest.raises(ImportRefused) as refused:
        bare.import_from(stick)
    assert refused.value.fields["path"] == "thing/first.dat"


def test_a_model_the_catalogue_does_not_know_is_refused(stick: Path, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused) as refused:
        ModelStore(tmp_path / "empty", Catalogue()).import_from(stick)
    assert refused.value.fields["reason"] == "unknown-model"


def test_files_a_person_downloaded_by_hand_are_known_by_their_bytes(bare: ModelStore, tmp_path: Path) -> None:
    """Whatever they are called, wherever they lie."""
    downloads = tmp_path / "Downloads"
    (downloads / "deeper").mkdir(parents=True)
    (downloads / "model (1).dat").write_bytes(FIRST)
    (downloads / "deeper/second.dat").write_bytes(SECOND)
    (downloads / "holiday.jpg").write_bytes(b"not a model")

    assert bare.import_from(downloads) == ["thing"]
    assert bare.path("thing", "first.dat").read_bytes() == FIRST
    assert (downloads / "model (1).dat").exists()


def test_one_file_may_be_imported_alone(bare: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(FIRST)
    (tmp_path / "b").write_bytes(SECOND)

    assert bare.import_from(tmp_path / "a") == []
    assert bare.import_from(tmp_path / "b") == ["thing"]


def test_a_folder_with_nothing_of_ours_says_so(bare: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/cat.jpg").write_bytes(b"meow")

    with pytest.raises(ImportRefused) as refused:
        bare.import_from(tmp_path / "photos")
    assert refused.value.fields["reason"] == "nothing-recognised"


def test_a_file_with_the_right_name_and_other_bytes_is_called_wrong(bare: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "first.dat").write_bytes(FIRST[:-1] + b"!")

    with pytest.raises(ImportRefused) as refused:
        bare.import_from(tmp_path / "first.dat")
    assert refused.value.fields["reason"] == "wrong-bytes"


@pytest.mark.parametrize("path", ["nowhere", "link"])
def test_a_path_that_is_no_folder_is_refused(bare: ModelStore, tmp_path: Path, source: Path, path: str) -> None:
    (tmp_path / "link").symlink_to(source)

    with pytest.raises(ImportRefused) as refused:
        bare.import_from(tmp_path / path)
    assert refused.value.fields["reason"] == "not-a-folder"


def test_another_programs_folder_is_linked_not_copied(bare: ModelStore, tmp_path: Path) -> None:
    """ComfyUI's and A1111's folders hold the files; a hub's cache holds links to them."""
    comfy = tmp_path / "ComfyUI/models/unet"
    comfy.mkdir(parents=True)
    (comfy / "renamed.dat").write_bytes(FIRST)
    blob = tmp_path / "elsewhere"
    blob.write_bytes(SECOND)
    (comfy / "linked.dat").symlink_to(blob)

    assert bare.adopt(tmp_path / "ComfyUI/models") == ["thing"]
    assert bare.path("thing", "first.dat").samefile(comfy / "renamed.dat")
    assert bare.path("thing", "sub/second.dat").samefile(blob)
    bare.remove("thing")
    assert (comfy / "renamed.dat").read_bytes() == FIRST


def test_another_programs_folder_on_another_disk_is_copied(
    bare: ModelStore, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = Path.hardlink_to

    def refuse(self: Path, target: Path) -> None:
        if Path(target).is_relative_to(source):
            raise OSError(errno.EXDEV, "another disk")
        link(self, target)

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    assert bare.adopt(source) == ["thing"]
    path = bare.path("thing", "first.dat")
    assert path.read_bytes() == FIRST
    assert not path.samefile(source / "first.dat")
    assert path.stat().st_mode & 0o222 == 0


def test_files_of_the_right_size_and_other_bytes_are_not_adopted(bare: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "comfy").mkdir()
    (tmp_path / "comfy/first.dat").write_bytes(FIRST[:-1] + b"!")

    assert bare.adopt(tmp_path / "comfy") == []
    assert installed_nothing(bare)
