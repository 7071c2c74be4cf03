"""An address is built from the catalogue, mirrors taken into account; what the hub says is read strictly."""

from email.message import Message

import pytest

from mien_core.errors import DownloadFailed
from mien_models.catalogue.entries import Catalogue, HuggingFaceSource, ModelFile, UrlSource
from mien_models.remote.addresses import hub_file, hub_metadata, url_files

COMMIT = "a" * 40
FILE = ModelFile(path="model.safetensors", format="safetensors", at="deep folder/model.safetensors")
HUB = HuggingFaceSource(repository="some/thing", revision=COMMIT)


def headers(**values: str) -> Message:
    message = Message()
    for name, value in values.items():
        message[name.replace("_", "-")] = value
    return message


def test_a_stranger_among_mirrors_gets_no_token() -> None:
    mirrored = Catalogue(mirrors={"hf:": "https://mirror.example/"})
    assert hub_file(mirrored, HUB, FILE, COMMIT, "hf_secret").authorization is None
    here = Catalogue(mirrors={"hf:": "http://127.0.0.1:8000/"})
    assert hub_file(here, HUB, FILE, COMMIT, "hf_secret").authorization == "Bearer hf_secret"
    assert hub_file(Catalogue(), HUB, FILE, COMMIT, "hf_secret").authorization == "Bearer hf_secret"
    assert hub_file(Catalogue(), HUB, FILE, COMMIT, None).authorization is None


def test_a_file_of_the_hub_is_at_its_commit_and_may_be_sent_on_within_the_hub() -> None:
    remote = hub_file(Catalogue(), HUB, FILE, COMMIT, None)
    assert remote.url == f"https://huggingface.co/some/thing/resolve/{COMMIT}/deep%20folder/model.safetensors"
    assert remote.page == "https://huggingface.co/some/thing"
    assert remote.allows("cas-bridge.xethub.hf.co")
    assert not remote.allows("hf.co.evil.example")
    assert not remote.allows("evilhf.co")


def test_a_mirror_of_the_hub_sends_nowhere_else() -> None:
    remote = hub_file(Catalogue(mirrors={"hf:": "https://mirror.example/"}), HUB, FILE, "a/b", None)
    assert remote.url == "https://mirror.example/some/thing/resolve/a%2Fb/deep%20folder/model.safetensors"
    assert remote.hosts == ()


def test_a_file_of_a_folder_is_at_each_address_in_order() -> None:
    source = UrlSource(bases=("https://a/v1/", "https://b/"), redirect_hosts=("cdn.example",))
    remotes = url_files(Catalogue(mirrors={"https://a/": "https://m/"}), source, FILE)
    assert [remote.url for remote in remotes] == [
        "https://m/v1/deep%20folder/model.safetensors",
        "https://b/deep%20folder/model.safetensors",
    ]
    assert {remote.hosts for remote in remotes} == {("cdn.example",)}


def test_a_large_file_has_the_digest_of_git_lfs_and_a_small_one_gits_own() -> None:
    large = hub_metadata(headers(X_Linked_Etag=f'"{"B" * 64}"', X_Linked_Size="7", X_Repo_Commit=COMMIT, ETag="x"), "h")
    assert (large.sha256, large.git_sha1, large.size, large.commit) == ("b" * 64, None, 7, COMMIT)
    small = hub_metadata(headers(ETag=f'W/"{"c" * 40}"', Content_Length="3"), "h")
    assert (small.sha256, small.git_sha1, small.size, small.commit) == (None, "c" * 40, 3, None)


@pytest.mark.parametrize("commit", ["main", "a" * 39, "G" * 40])
def test_what_is_no_commit_is_none(commit: str) -> None:
    assert hub_metadata(headers(ETag="c" * 40, X_Repo_Commit=commit), "h").commit is None


@pytest.mark.parametrize("tag", ["", "g" * 64, "a" * 39, "a" * 63])
def test_what_is_no_digest_is_refused(tag: str) -> None:
    with pytest.raises(DownloadFailed) as refused:
        hub_metadata(headers(ETag=tag), "h")
    assert refused.value.fields == {"reason": "no-digest", "host": "h"}
