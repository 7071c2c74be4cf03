"""The store keeps each file once, says what it has, finds what changed, and is never left half-way."""

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from mien_core.errors import ChecksumMismatch, DiskFull, DownloadFailed, InvalidCatalogue, ModelNotInstalled
from mien_models.catalogue.entries import Catalogue, load_catalogue
from mien_models.progress import PullProgress
from mien_models.remote.network import Network
from mien_models.store import ModelStore
from mien_testing.network import Shop, fall_silent, serve, status

SHARED, OWN = b"a tokenizer that two models share", b"weights of one"


def catalogue(folder: Path) -> Catalogue:
    """Two models in a folder of this machine; `shared.dat` is the same file in both."""

    def file(path: str, content: bytes) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        return {"path": path, "format": "dlib", "size": len(content), "sha256": digest}

    def model(*files: dict[str, object]) -> dict[str, object]:
        source = {"kind": "local", "folder": str(folder)}
        return {"title": "A", "version": "1", "licence": "free", "source": source, "files": files}

    return Catalogue.model_validate(
        {
            "licences": {"free": {"name": "Free", "url": "https://example.org/free", "commercial": True}},
            "models": {
                "one": model(file("deep/own.dat", OWN), file("shared.dat", SHARED)),
                "two": model(file("shared.dat", SHARED)),
            },
        }
    )


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    (tmp_path / "here/deep").mkdir(parents=True)
    (tmp_path / "here/deep/own.dat").write_bytes(OWN)
    (tmp_path / "here/shared.dat").write_bytes(SHARED)
    return ModelStore(tmp_path / "store", catalogue(tmp_path / "here"))


def spoil(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def test_a_file_that_two_models_share_is_on_the_disk_once(store: ModelStore) -> None:
    store.pull(["one", "two"])

    assert store.path("one", "shared.dat").samefile(store.path("two"))
    assert store.path("two").stat().st_nlink == 3  # the blob and two views
    assert store.path("two").stat().st_mode & 0o222 == 0


def test_removing_a_model_leaves_what_another_one_shares(store: ModelStore) -> None:
    store.pull(["one", "two"])
    store.remove("one")

    assert store.path("two").read_bytes() == SHARED
    assert store.path("two").samefile(store.folder.blobs.path(store.sha256("two")))
    assert store.missing(["one", "two"]) == ("one",)
    assert not (store.root / "models/one").exists()
    store.remove("two")
    assert not list((store.root / "blobs/sha256").iterdir())


def test_without_hard_links_files_are_copied(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """exFAT sticks and some network drives have none."""

    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    store.pull(["two"])
    assert store.path("two").read_bytes() == SHARED
    assert store.path("two").stat().st_nlink == 1


def test_verify_quarantines_what_changed_and_a_pull_mends_it(store: ModelStore) -> None:
    store.pull(["one"])
    spoil(store.path("one", "deep/own.dat"))

    checked = {one.file: one.ok for one in store.verify()}
    assert checked == {"deep/own.dat": False, "shared.dat": True}
    assert {file.name: file.state for file in store.states(["one"])[0].files} == {
        "deep/own.dat": "quarantined",
        "shared.dat": "ready",
    }
    assert len(list((store.root / "quarantine").iterdir())) == 1

    store.pull(["one"])
    assert store.path("one", "deep/own.dat").read_bytes() == OWN
    assert store.states(["one"])[0].state == "ready"


def test_a_changed_file_may_be_found_by_two_at_once(store: ModelStore) -> None:
    """A console that lists models looks at them while they are being verified."""
    store.pull(["one"])
    spoil(store.path("one", "shared.dat"))
    file, record = store.catalogue.file("one", "shared.dat"), store.folder.records.read("one")
    assert record is not None

    def look(count: int) -> None:
        assert store.states(["one"])[0].state == "quarantined"

    assert store.folder.verify_file("one", file, record.files["shared.dat"], look) == "quarantined"
    assert store.folder.verify_file("one", file, record.files["shared.dat"]) == "quarantined"
    assert {file.name: file.state for file in store.states(["one"])[0].files} == {
        "deep/own.dat": "ready",
        "shared.dat": "quarantined",
    }
    assert len(list((store.root / "quarantine").iterdir())) == 1


def test_verify_tells_a_file_that_is_gone_from_one_that_changed(store: ModelStore) -> None:
    store.pull(["one"])
    store.path("one", "shared.dat").unlink()
    spoil(store.path("one", "deep/own.dat"))

    assert {one.file: one.state for one in store.verify()} == {"deep/own.dat": "quarantined", "shared.dat": "missing"}


def test_verify_notes_when_each_file_was_last_found_right(store: ModelStore) -> None:
    store.pull(["two"])
    before = store.states(["two"])[0].files[0].verified_at
    store.verify(["two"])
    after = store.states(["two"])[0].files[0].verified_at

    assert before is not None
    assert after is not None
    assert after > before


def test_an_interrupted_verification_goes_on_where_it_stopped(store: ModelStore) -> None:
    class Stopped(Exception):
        pass

    store.pull(["one", "two"])
    read: list[str] = []

    def stop_at_two(progress: PullProgress) -> None:
        if progress.model == "two":
            raise Stopped

    with pytest.raises(Stopped):
        store.verify(["one", "two"], stop_at_two)
    checked = store.verify(["one", "two"], lambda progress: read.append(progress.model))

    assert [(one.model, one.file) for one in checked] == [
        ("one", "deep/own.dat"),
        ("one", "shared.dat"),
        ("two", "shared.dat"),
    ]
    assert set(read) == {"two"}


def test_a_deleted_view_is_missing_and_pulled_without_fetching(store: ModelStore, tmp_path: Path) -> None:
    store.pull(["two"])
    path = store.path("two")
    path.unlink()
    shutil.rmtree(tmp_path / "here")

    assert store.missing(["two"]) == ("two",)
    store.pull(["two"])
    assert path.read_bytes() == SHARED


def test_what_was_hashed_as_it_arrived_is_not_hashed_again_to_be_installed(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tens of gigabytes are read once."""

    def refuse(path: Path) -> str:
        raise AssertionError(f"{path} was hashed again")

    shop.files["/weights.dat"] = b"weights"
    store = behind(shop, b"weights", tmp_path)
    monkeypatch.setattr("mien_models.local.folder.sha256_of", refuse)
    store.pull(["thing"])
    assert store.path("thing").read_bytes() == b"weights"


def test_a_blob_that_rotted_unseen_is_not_adopted_again(store: ModelStore) -> None:
    store.pull(["two"])
    store.path("two").unlink()
    (blob,) = (store.root / "blobs/sha256").iterdir()
    spoil(blob)

    with pytest.raises(ChecksumMismatch):
        store.pull(["two"])
    store.pull(["two"])
    assert store.path("two").read_bytes() == SHARED


def test_a_damaged_record_means_installing_again_and_nothing_worse(store: ModelStore) -> None:
    store.pull(["two"])
    (store.root / "installed/two.json").write_text("{")

    assert store.missing(["two"]) == ("two",)
    store.pull(["two"])
    assert store.path("two").read_bytes() == SHARED


def test_a_damaged_lock_file_is_named_and_not_overwritten(store: ModelStore) -> None:
    store.root.mkdir()
    (store.root / "models.lock").write_text("{")
    unpinned = catalogue(store.root).model_dump()
    del unpinned["models"]["two"]["files"][0]["sha256"]

    with pytest.raises(InvalidCatalogue, match=r"models\.lock"):
        ModelStore(store.root, Catalogue.model_validate(unpinned)).pull(["two"])
    assert (store.root / "models.lock").read_text() == "{"


def test_a_local_source_is_held_to_its_digest(store: ModelStore, tmp_path: Path) -> None:
    spoil(tmp_path / "here/shared.dat")
    with pytest.raises(ChecksumMismatch):
        store.pull(["two"])
    (tmp_path / "here/shared.dat").unlink()
    with pytest.raises(DownloadFailed):
        store.pull(["two"])
    assert not list((store.root / "partial").iterdir())


def test_the_text_for_third_parties_is_understood_by_sha256sum(store: ModelStore) -> None:
    store.pull(["one", "two"])

    done = subprocess.run(
        ["sha256sum", "-c"], cwd=store.root, input=store.checksums(), text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("OK") == 3


def test_every_file_in_use_says_where_it_is_from_and_under_which_licence(store: ModelStore, tmp_path: Path) -> None:
    store.pull(["two"])

    (file,) = store.verified_files()
    assert (file.model, file.path, file.size, file.licence) == ("two", "shared.dat", len(SHARED), "Free")
    assert file.repository == (tmp_path / "here").as_posix()


# ── the disk ─────────────────────────────────────────────────────────────────────────────────────────────────


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def has(free: int, total: int = 10**12) -> Callable[[Path], Usage]:
    """A disk with so much left."""

    def disk_usage(folder: Path) -> Usage:
        return Usage(total, total - free, free)

    return disk_usage


@pytest.mark.parametrize(("total", "headroom"), [(10**12, 50 * 10**9), (20 * 10**9, 5 << 30)])
def test_a_disk_without_headroom_is_refused_before_the_first_byte(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, total: int, headroom: int
) -> None:
    """What is needed, and five gigabytes or a twentieth of the disk on top, whichever is more."""
    shop.files["/weights.dat"] = b"weights"
    store = behind(shop, b"weights", tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", has(headroom + 6, total))

    with pytest.raises(DiskFull) as refused:
        store.pull(["thing"])
    assert refused.value.fields["needed_bytes"] == headroom + 7
    assert shop.bodies() == []

    monkeypatch.setattr(shutil, "disk_usage", has(headroom + 7, total))
    store.pull(["thing"])


def test_a_file_is_on_the_disk_before_it_has_its_name(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    store.pull(["two"])
    blobs = str(store.root / "blobs/sha256")
    assert blobs in synced
    assert any(path.startswith(str(store.root / "partial")) for path in synced[: synced.index(blobs)])
    assert synced[-1] == str(store.root / "installed"), "what says that it is installed comes last"


def test_models_that_do_not_fit_together_are_refused_before_the_first_byte_of_one(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.files["/weights.dat"] = b"weights"
    store = behind(shop, b"weights", tmp_path, "thing", "twin")
    monkeypatch.setattr(shutil, "disk_usage", has(50 * 10**9 + 13))

    with pytest.raises(DiskFull) as refused:
        store.pull(["thing", "twin"])
    assert refused.value.fields["needed_bytes"] == 50 * 10**9 + 14
    assert shop.bodies() == []
    store.pull(["thing"])
    store.pull(["twin"])


def behind(shop: Shop, content: bytes, tmp_path: Path, *names: str) -> ModelStore:
    source = {"kind": "url", "bases": [shop.url]}
    digest = hashlib.sha256(content).hexdigest()
    file = {"path": "weights.dat", "format": "dlib", "size": len(content), "sha256": digest}
    model = {"title": "A", "version": "1", "licence": "free", "source": source, "files": [file]}
    entries = catalogue(tmp_path).model_dump()
    return ModelStore(
        tmp_path / "store",
        Catalogue.model_validate({**entries, "models": dict.fromkeys(names or ["thing"], model)}),
        network=Network(token=lambda: None),
    )


LIMITED = """
import json, os, resource, signal, sys
from pathlib import Path
from mien_core.errors import MienError
from mien_models.catalogue.entries import Catalogue
import mien_models.install  # another user may not be able to read the interpreter's folders
from mien_models.remote.network import Network
from mien_models.store import ModelStore

root, catalogue, how = Path(sys.argv[1]), Catalogue.model_validate_json(sys.argv[2]), sys.argv[3]
store = ModelStore(root, catalogue, network=Network(token=lambda: None))
if how == "full":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5 << 20, resource.RLIM_INFINITY))
elif how == "read-only" and os.geteuid() == 0:
    os.seteuid(65534)
try:
    store.pull(["thing"])
except MienError as error:
    print(json.dumps([error.code, error.fields]))
"""


def limited(store: ModelStore, how: str) -> str:
    """A pull in a process whose system refuses it disk space, or write access; what it said."""
    document = store.catalogue.model_dump_json()
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(store.root), document, how], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_disk_that_fills_up_on_the_way_is_named_and_the_pull_goes_on_later(
    shop: Shop, content: bytes, tmp_path: Path
) -> None:
    shop.files["/weights.dat"] = content
    store = behind(shop, content, tmp_path)
    said = limited(store, "full")
    assert said.startswith('["disk-full"')
    assert store.missing(["thing"]) == ("thing",)

    store.pull(["thing"])
    assert store.path("thing").read_bytes() == content


def test_a_folder_that_cannot_be_written_is_named(shop: Shop, tmp_path: Path) -> None:
    shop.files["/weights.dat"] = b"weights"
    store = behind(shop, b"weights", tmp_path)
    store.root.mkdir(mode=0o555)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)

    assert limited(store, "read-only").startswith('["store-not-writable"')
    assert list(store.root.iterdir()) == []


def test_an_egress_log_that_cannot_be_written_is_not_taken_for_the_network(shop: Shop, tmp_path: Path) -> None:
    """Nothing is asked that could not be noted, and the disk is what has to be mended."""
    store = behind(shop, b"weights", tmp_path)
    store.root.mkdir()
    store.folder.egress_log.path.symlink_to("/dev/full")

    with pytest.raises(DiskFull):
        store.pull(["thing"])
    assert shop.asked == []


def test_two_processes_that_want_one_model_fetch_it_once(shop: Shop, content: bytes, tmp_path: Path) -> None:
    shop.files["/weights.dat"] = content
    store = behind(shop, content, tmp_path)
    document = store.catalogue.model_dump_json()
    children = [
        subprocess.Popen([sys.executable, "-c", LIMITED, str(store.root), document, "as-it-is"]) for _ in range(2)
    ]

    assert [child.wait(180) for child in children] == [0, 0]
    assert len(shop.bodies()) == 3
    assert store.path("thing").read_bytes() == content


def held_back(shop: Shop, content: bytes, tmp_path: Path) -> ModelStore:
    """A store whose model comes as far as six megabytes and then waits for the line."""
    shop.files["/weights.dat"] = content
    shop.next = [serve, *[fall_silent(2 << 20)] * 3]
    return behind(shop, content, tmp_path)


@contextmanager
def pulled_elsewhere(store: ModelStore) -> Generator[subprocess.Popen[str]]:
    """Another process has come some way with the model."""
    command = [sys.executable, "-c", LIMITED, str(store.root), store.catalogue.model_dump_json(), "as-it-is"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            deadline = time.monotonic() + 120
            while not store.folder.arrived("thing")[0]:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield child
        finally:
            child.kill()


def test_a_pull_is_paused_from_another_process_and_goes_on_with_what_has_come(
    shop: Shop, content: bytes, tmp_path: Path
) -> None:
    store = held_back(shop, content, tmp_path)
    with pulled_elsewhere(store) as child:
        store.pause("thing")
        assert child.communicate(timeout=120)[0].startswith('["cancelled"')
    assert store.states(["thing"])[0].state == "partial"

    before = shop.sent
    store.pull(["thing"])
    assert store.path("thing").read_bytes() == content
    assert shop.sent - before < len(content)


def test_removing_a_model_ends_the_pull_of_another_process_and_frees_what_had_come(
    shop: Shop, content: bytes, tmp_path: Path
) -> None:
    store = held_back(shop, content, tmp_path)
    with pulled_elsewhere(store) as child:
        store.remove("thing")
        assert child.communicate(timeout=120)[0].startswith('["cancelled"')
    assert not list((store.root / "partial").iterdir())


def test_whoever_joins_a_pull_sees_how_far_it_has_come(shop: Shop, content: bytes, tmp_path: Path) -> None:
    class Seen(Exception):
        pass

    def look(progress: PullProgress) -> None:
        if progress.stage == "downloading" and progress.done_bytes:
            assert 0 < progress.done_bytes < progress.total_bytes == len(content)
            raise Seen

    store = held_back(shop, content, tmp_path)
    with pulled_elsewhere(store), pytest.raises(Seen):
        store.pull(["thing"], look)
    assert sum(one.headers["Range"] == "bytes=0-0" for one in shop.asked) == 1, "one of the two asks"


def test_a_pull_cut_short_is_told_as_partial_and_removing_frees_it(shop: Shop, content: bytes, tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    store = held_back(shop, content, tmp_path)

    def stop(progress: PullProgress) -> None:
        if progress.done_bytes > 4 << 20:
            raise Stopped

    with pytest.raises(Stopped):
        store.pull(["thing"], stop)
    assert store.states(["thing"])[0].state == "partial"
    with pytest.raises(ModelNotInstalled):
        store.path("thing")

    store.remove("thing")
    assert store.states(["thing"])[0].state == "missing"
    assert not list((store.root / "partial").iterdir())


def test_progress_counts_from_what_was_there_and_knows_its_rate(shop: Shop, content: bytes, tmp_path: Path) -> None:
    shop.files["/weights.dat"] = content
    told: list[PullProgress] = []
    behind(shop, content, tmp_path).pull(["thing"], told.append)

    assert told[-1].stage == "done"
    assert told[-1].done_bytes == told[-1].total_bytes == len(content)
    assert told[-1].bytes_per_s > 0
    assert told[-1].eta_s == 0
    assert [one.done_bytes for one in told] == sorted(one.done_bytes for one in told)


def test_a_mirror_of_the_persons_own_stands_in_for_a_source(shop: Shop, tmp_path: Path) -> None:
    """`MIEN_CATALOGUE` may add entries and rewrite sources; the longest matching prefix wins."""
    shop.files["/company/weights.dat"] = b"weights"
    shop.always = serve
    digest = hashlib.sha256(b"weights").hexdigest()
    own = tmp_path / "own.toml"
    own.write_text(f"""
        [mirrors]
        "https://weights.example/" = "{shop.url}wrong/"
        "https://weights.example/v1/" = "{shop.url}company/"
        [models.own]
        title = "Own"
        version = "1"
        licence = "mit"
        source = {{ kind = "url", bases = ["https://weights.example/v1/"] }}
        files = [{{ path = "weights.dat", format = "dlib", size = 7, sha256 = "{digest}" }}]
    """)
    merged = load_catalogue({"MIEN_CATALOGUE": str(own)})
    assert "face-detection" in merged.models
    store = ModelStore(tmp_path / "store", merged, network=Network(token=lambda: None))

    store.pull(["own"])
    assert store.path("own").read_bytes() == b"weights"


def test_what_a_killed_process_left_behind_is_cleared_and_what_a_living_one_uses_is_not(store: ModelStore) -> None:
    left = store.root / "partial/work-0badcafe"
    left.mkdir(parents=True)
    (left / "half").write_bytes(bytes(1000))

    with store.folder.workspace() as in_use:
        (in_use / "half").write_bytes(b"mine")
        store.pull(["two"])
        assert (in_use / "half").read_bytes() == b"mine"
    assert not list((store.root / "partial").iterdir())
    assert [path.name for path in (store.root / "locks").iterdir()] == ["two"]


def test_a_source_that_is_gone_leaves_nothing_behind(shop: Shop, tmp_path: Path) -> None:
    shop.always = status(404)
    store = behind(shop, b"weights", tmp_path)
    with pytest.raises(DownloadFailed):
        store.pull(["thing"])
    assert not list((store.root / "partial").iterdir())
    assert store.states(["thing"])[0].state == "missing"


# ── changed in secret, removed without a trace ───────────────────────────────────────────────────────────────


def flip_in_secret(path: Path) -> None:
    """Change a byte and set the times back, as a program may that does not want to be noticed."""
    before = path.stat()
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)
    path.chmod(before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # the clock of some kernels moves every few milliseconds
        path.chmod(before.st_mode)


def test_a_flipped_byte_is_noticed_whatever_the_time_of_the_file_says(store: ModelStore) -> None:
    store.pull(["two"])
    flip_in_secret(store.path("two"))
    assert store.missing(["two"]) == ("two",)
    assert store.states(["two"])[0].state == "quarantined"


def test_another_file_of_the_same_size_and_time_is_noticed(store: ModelStore, tmp_path: Path) -> None:
    store.pull(["two"])
    path = store.path("two")
    other = tmp_path / "other"
    other.write_bytes(path.read_bytes()[::-1])
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)
    assert store.missing(["two"]) == ("two",)


def test_what_is_read_to_be_loaded_was_hashed_even_where_nothing_else_tells(store: ModelStore) -> None:
    """Such as on a disk that was changed from another system, or beside a record of an older version."""
    store.pull(["two"])
    assert store.read("two") == SHARED
    record = store.root / "installed/two.json"
    kept = json.loads(record.read_bytes())
    for file in kept["files"].values():
        del file["ctime_ns"], file["inode"]
    record.write_text(json.dumps(kept))
    path = store.path("two")
    flip_in_secret(path)
    assert store.path("two") == path, "the times tell nothing"
    with pytest.raises(ModelNotInstalled) as refused:
        store.read("two")
    assert refused.value.fields["command"] == "mien models pull two"
    assert store.states(["two"])[0].state == "quarantined"
    store.pull(["two"])
    assert store.read("two") == SHARED


def test_nothing_of_a_removed_model_stays_on_the_disk(store: ModelStore) -> None:
    """Neither what failed its check, nor what a killed process left, nor blobs that were never installed."""
    store.pull(["one", "two"])
    flip_in_secret(store.path("one", "deep/own.dat"))
    assert store.states(["one"])[0].state == "quarantined"
    view = store.folder.view("one", "deep/own.dat")
    view.with_name(f".{view.name}.123.new").write_bytes(b"half")
    (store.root / "partial" / "work-dead").mkdir(parents=True)
    (store.root / "partial" / "work-dead" / "copy").write_bytes(b"half")
    old = store.root / "quarantine" / f"{store.sha256('two')}-20250101T000000"
    old.write_bytes(b"of another model")
    store.remove("one")

    kept = [path.relative_to(store.root) for path in store.root.rglob("*") if path.is_file()]
    whose = {path.parts[0] for path in kept}
    assert whose <= {"blobs", "models", "installed", "locks", "quarantine", "models.lock"}
    assert {path for path in kept if path.parts[0] == "quarantine"} == {old.relative_to(store.root)}
    assert {path.parts[1] for path in kept if path.parts[0] == "models"} == {"two"}
    assert len([path for path in kept if path.parts[0] == "blobs"]) == 1
    assert store.read("two") == SHARED
    store.remove("two")
    assert not old.exists()
    assert not list((store.root / "blobs").rglob("*.*"))
