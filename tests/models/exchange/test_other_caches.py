"""Other programs' caches are looked through as they keep them, and nothing there is believed."""

from pathlib import Path

import pytest

from mien_models.catalogue.entries import HuggingFaceSource, ModelFile
from mien_models.exchange.other_caches import files_of_size, find_in_hub_cache, hub_cache
from mien_models.local.digests import FileDigest

SOURCE = HuggingFaceSource(repository="some/thing")
FILE = ModelFile(path="model.safetensors", format="safetensors", at="deep/model.safetensors")
DIGEST = FileDigest(sha256="1" * 64, size=3)
COMMIT = "a" * 40


def test_the_cache_is_where_its_own_variables_say() -> None:
    assert hub_cache({"HF_HUB_CACHE": "/cache", "HF_HOME": "/home"}) == Path("/cache")
    assert hub_cache({"HF_HOME": "/home"}) == Path("/home/hub")
    assert hub_cache({}) == Path.home() / ".cache/huggingface/hub"


@pytest.mark.parametrize("where", [f"blobs/{DIGEST.sha256}", f"snapshots/{COMMIT}/deep/model.safetensors"])
def test_a_file_is_found_under_its_digest_or_its_commit(tmp_path: Path, where: str) -> None:
    found = tmp_path / "models--some--thing" / where
    found.parent.mkdir(parents=True)
    found.write_bytes(b"123")
    assert find_in_hub_cache(tmp_path, SOURCE, COMMIT, FILE, DIGEST) == found
    found.write_bytes(b"half")
    assert find_in_hub_cache(tmp_path, SOURCE, COMMIT, FILE, DIGEST) is None, "of another size"


def test_without_a_commit_no_snapshot_is_looked_into(tmp_path: Path) -> None:
    found = tmp_path / "models--some--thing/snapshots" / COMMIT / "deep/model.safetensors"
    found.parent.mkdir(parents=True)
    found.write_bytes(b"123")
    assert find_in_hub_cache(tmp_path, SOURCE, None, FILE, DIGEST) is None


def test_files_of_a_size_are_found_once_however_they_are_linked(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a").write_bytes(b"123")
    (tmp_path / "b").hardlink_to(tmp_path / "deep" / "a")
    (tmp_path / "c").symlink_to(tmp_path / "b")
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    (tmp_path / "other").write_bytes(b"1234")
    assert list(files_of_size(tmp_path, [3])) == [tmp_path / "b"]
    assert len(list(files_of_size(tmp_path, [3, 4]))) == 2
    assert list(files_of_size(tmp_path, [])) == []
