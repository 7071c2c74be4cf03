"""A pull brings what is missing, counts what it will write, and refuses what it cannot have before the first byte."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from mien_core.errors import ChecksumMismatch, DownloadFailed, EngineUnavailable, Offline
from mien_models import install
from mien_models.catalogue.entries import Catalogue
from mien_models.fetch import Places
from mien_models.install import Pull
from mien_models.local.folder import ModelsFolder
from mien_models.progress import PullProgress, Reporter
from mien_models.remote.network import Network
from mien_testing.network import Shop
from mien_testing.stand_in import returning
from mien_testing.weights import local_catalogue, sha256_hex

MODELS = {"thing": {"a.dat": b"aaa", "deep/b.dat": b"bb"}}


@pytest.fixture
def told() -> list[PullProgress]:
    return []


def pull_of(catalogue: Catalogue, root: Path, told: list[PullProgress], network: Network | None = None) -> Pull:
    report = Reporter("thing", 0, told.append)
    return Pull(ModelsFolder(root, catalogue), network, "thing", Places(), report)


def served(shop: Shop, files: Sequence[Mapping[str, object]]) -> Catalogue:
    return Catalogue.model_validate(
        {
            "licences": {"free": {"name": "Free", "url": "https://example.org/", "commercial": True}},
            "models": {
                "thing": {
                    "title": "A",
                    "version": "1",
                    "licence": "free",
                    "source": {"kind": "url", "bases": [shop.url]},
                    "files": files,
                }
            },
        }
    )


def test_files_of_this_machine_need_no_network(tmp_path: Path, told: list[PullProgress]) -> None:
    pull = pull_of(local_catalogue(tmp_path / "here", MODELS), tmp_path / "store", told)
    assert pull.room() == 5
    pull.run(["thing"])
    assert pull.room() == 0
    assert (tmp_path / "store/models/thing/deep/b.dat").read_bytes() == b"bb"
    assert [one.stage for one in told][-2:] == ["installing", "done"]
    assert (tmp_path / "here/a.dat").exists(), "copied, not moved"


def test_a_folder_without_the_file_is_named(tmp_path: Path, told: list[PullProgress]) -> None:
    pull = pull_of(local_catalogue(tmp_path / "here", MODELS), tmp_path / "store", told)
    (tmp_path / "here/deep/b.dat").unlink()
    with pytest.raises(DownloadFailed) as refused:
        pull.run(["thing"])
    assert refused.value.fields["reason"] == "not-found"


def test_a_folder_with_another_file_is_refused(tmp_path: Path, told: list[PullProgress]) -> None:
    pull = pull_of(local_catalogue(tmp_path / "here", MODELS), tmp_path / "store", told)
    (tmp_path / "here/a.dat").write_bytes(b"zzz")
    with pytest.raises(ChecksumMismatch) as refused:
        pull.run(["thing"])
    assert (refused.value.fields["expected"], refused.value.fields["found"]) == (sha256_hex(b"aaa"), sha256_hex(b"zzz"))
    assert not (tmp_path / "store/installed").exists()


def test_without_a_network_what_is_missing_is_named(shop: Shop, tmp_path: Path, told: list[PullProgress]) -> None:
    file = {"path": "w.dat", "format": "dlib", "size": 7, "sha256": sha256_hex(b"weights")}
    with pytest.raises(Offline) as refused:
        pull_of(served(shop, [file]), tmp_path, told).run(["thing"])
    assert refused.value.fields == {"files": ["w.dat"], "command": "mien models pull thing"}
    assert shop.asked == []


def test_a_file_is_fetched_and_counted(shop: Shop, tmp_path: Path, told: list[PullProgress]) -> None:
    shop.files["/w.dat"] = b"weights"
    file = {"path": "w.dat", "format": "dlib", "size": 7, "sha256": sha256_hex(b"weights")}
    pull = pull_of(served(shop, [file]), tmp_path, told, Network(token=lambda: None))
    assert pull.room() == 7
    pull.run(["thing"])
    assert (tmp_path / "models/thing/w.dat").read_bytes() == b"weights"
    assert (told[-1].done_bytes, told[-1].total_bytes) == (7, 7)


def test_a_pickle_needs_room_twice_and_torch(
    shop: Shop, tmp_path: Path, told: list[PullProgress], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = {"path": "w.pth", "format": "pickle", "converted": "w.safetensors", "size": 7, "sha256": "0" * 64}
    pull = pull_of(served(shop, [file]), tmp_path, told, Network(token=lambda: None))
    assert pull.room() == 14
    monkeypatch.setattr(install, "find_spec", returning(None))
    with pytest.raises(EngineUnavailable) as refused:
        pull.run(["thing"])
    assert refused.value.fields == {"needs": "torch"}
    assert shop.bodies() == []


def test_one_who_waits_hears_how_far_the_other_has_come(
    shop: Shop, tmp_path: Path, told: list[PullProgress], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = {"path": "w.dat", "format": "dlib", "size": 7, "sha256": sha256_hex(b"weights")}
    pull = pull_of(served(shop, [file]), tmp_path, told)
    monkeypatch.setattr(ModelsFolder, "arrived", returning((3, 7)))
    pull.wait()
    assert (told[-1].done_bytes, told[-1].total_bytes) == (3, 7)
