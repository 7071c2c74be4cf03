"""Models from a Hugging Face repository: digests taken from its metadata once, and held to ever after."""

import hashlib
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from mien_core.errors import ChecksumMismatch, DownloadFailed, GatedModel, LicenceNotAccepted
from mien_models.catalogue.entries import Catalogue, HuggingFaceSource, ModelFile
from mien_models.local.digests import FileDigest
from mien_models.progress import PullProgress
from mien_models.remote.addresses import hub_file
from mien_models.remote.network import Network, RetryPolicy
from mien_models.store import ModelStore
from mien_testing.network import Misbehaviour, Shop, fall_silent, redirect, serve, status

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LATER = "fedcba9876543210fedcba9876543210fedcba98"
CONFIG = b'{"hidden": 8}\n'


def safetensors(payload: bytes) -> bytes:
    header = json.dumps({"w": {"dtype": "U8", "shape": [len(payload)], "data_offsets": [0, len(payload)]}}).encode()
    return struct.pack("<Q", len(header)) + header + payload


WEIGHTS = safetensors(os.urandom(69_999) + b"?")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def git_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def publish(shop: Shop, weights: bytes = WEIGHTS, commit: str = COMMIT) -> None:
    """The repository as the hub answers for it: a HEAD says digests, a GET leads to the bytes."""
    contents = {"model.safetensors": weights, "config.json": CONFIG}
    for revision in {"main", commit}:
        shop.files.update({f"/some/thing/resolve/{revision}/{name}": content for name, content in contents.items()})

    def hub(handler: Misbehaviour) -> None:
        name = handler.path.rsplit("/", 1)[-1]
        if handler.command != "HEAD" or handler.path not in shop.files:
            return serve(handler)
        large = name.endswith(".safetensors")
        handler.send_response(302 if large else 200)
        handler.send_header("X-Repo-Commit", commit)
        handler.send_header("ETag", f'"{git_sha1(contents[name])}"')
        handler.send_header("Content-Length", str(0 if large else len(contents[name])))
        if large:
            handler.send_header("X-Linked-Etag", f'"{sha256(weights)}"')
            handler.send_header("X-Linked-Size", str(len(weights)))
            handler.send_header("Location", "https://cdn.example/elsewhere")
        handler.end_headers()
        return None

    shop.always = hub


def catalogue(shop: Shop, *, revision: str | None = COMMIT, digest: str | None = None, **model: object) -> Catalogue:
    source: dict[str, object] = {"kind": "huggingface", "repository": "some/thing"}
    weights: dict[str, object] = {"path": "model.safetensors", "format": "safetensors"}
    return Catalogue.model_validate(
        {
            "mirrors": {"hf:": shop.url},
            "licences": {"free": {"name": "Free", "url": "https://example.org/free", "commercial": True}},
            "models": {
                "thing": {
                    "title": "Thing",
                    "version": "1",
                    "licence": "free",
                    "source": {**source, "revision": revision} if revision else source,
                    "files": [
                        {**weights, "sha256": digest, "size": len(WEIGHTS)} if digest else weights,
                        {"path": "config.json", "format": "text"},
                    ],
                    **model,
                }
            },
        }
    )


OpenStore = Callable[..., ModelStore]


@pytest.fixture
def open_store(shop: Shop, tmp_path: Path) -> OpenStore:
    def opened(
        folder: str = "store", token: str | None = None, caches: tuple[Path, ...] = (), **how: object
    ) -> ModelStore:
        policy = RetryPolicy(attempts=2, first_s=0.01, stall_s=5)
        network = Network(policy=policy, token=lambda: token)
        return ModelStore(tmp_path / folder, catalogue(shop, **how), network=network, caches=caches)  # type: ignore[arg-type]

    return opened


def test_what_nobody_wrote_down_is_shown_and_locked_on_the_first_pull(shop: Shop, open_store: OpenStore) -> None:
    publish(shop)
    told: list[PullProgress] = []
    store = open_store()
    store.pull(["thing"], told.append)

    assert store.path("thing", "model.safetensors").read_bytes() == WEIGHTS
    assert store.path("thing", "config.json").read_bytes() == CONFIG
    assert any(sha256(WEIGHTS) in one.note and "locked" in one.note for one in told)
    locked = json.loads((store.root / "models.lock").read_text())["models"]["thing"]["files"]
    held = {name: locked["model.safetensors"][name] for name in ("sha256", "size", "by")}
    assert held == {"sha256": sha256(WEIGHTS), "size": len(WEIGHTS), "by": "mirror 127.0.0.1"}
    assert (locked["config.json"]["sha256"], locked["config.json"]["size"]) == (sha256(CONFIG), len(CONFIG))


def test_a_size_is_told_once_every_file_has_one(open_store: OpenStore, shop: Shop) -> None:
    publish(shop)
    store = open_store(digest=sha256(WEIGHTS))
    assert store.states(["thing"])[0].size == 0

    store.pull(["thing"])
    assert store.states(["thing"])[0].size == len(WEIGHTS) + len(CONFIG)


def test_a_source_that_offers_another_file_later_is_refused_and_the_error_says_so(
    shop: Shop, open_store: OpenStore
) -> None:
    publish(shop)
    store = open_store()
    store.pull(["thing"])
    store.remove("thing")
    publish(shop, safetensors(b"other weights"))

    with pytest.raises(ChecksumMismatch, match=r"models\.lock"):
        store.pull(["thing"])
    assert store.missing(["thing"]) == ("thing",)


def test_metadata_that_contradicts_the_lock_is_refused_before_anything_is_fetched(
    shop: Shop, open_store: OpenStore
) -> None:
    publish(shop)
    store = open_store(revision=None)
    store.pull(["thing"])
    store.remove("thing")
    lock = store.root / "models.lock"
    locked = json.loads(lock.read_text())
    locked["models"]["thing"]["commits"].clear()
    lock.write_text(json.dumps(locked))
    publish(shop, safetensors(b"other weights"), LATER)
    shop.asked.clear()

    with pytest.raises(ChecksumMismatch, match=r"models\.lock") as refused:
        store.pull(["thing"])
    assert refused.value.fields["model"] == "thing"
    assert all(one.method == "HEAD" for one in shop.asked)


def test_metadata_that_contradicts_the_catalogue_is_refused(shop: Shop, open_store: OpenStore) -> None:
    publish(shop, safetensors(b"other weights"))

    with pytest.raises(ChecksumMismatch, match="catalogue"):
        open_store(revision=None, digest=sha256(WEIGHTS)).pull(["thing"])


def test_what_is_locked_stays_locked(open_store: OpenStore) -> None:
    digests = open_store().folder.digests
    first, second = FileDigest(sha256="a" * 64, size=1), FileDigest(sha256="b" * 64, size=2)
    digests.lock("thing", "mirror 127.0.0.1", commits={"some/thing": COMMIT}, files={"model.safetensors": first})
    digests.lock("thing", "mirror 127.0.0.1", commits={"some/thing": LATER}, files={"model.safetensors": second})

    assert digests.locked("thing").files["model.safetensors"].sha256 == first.sha256
    assert digests.locked("thing").commits["some/thing"].commit == COMMIT


def test_a_repository_without_a_revision_is_locked_to_the_commit_it_was_at(shop: Shop, open_store: OpenStore) -> None:
    publish(shop)
    store = open_store(revision=None)
    store.pull(["thing"])
    assert store.states(["thing"])[0].files[0].revision == COMMIT

    store.remove("thing")
    shop.asked.clear()
    store.pull(["thing"])
    assert {one.path.split("/")[4] for one in shop.asked} == {COMMIT}


def test_all_files_of_a_pull_are_of_one_commit_though_the_repository_may_move_on(
    shop: Shop, open_store: OpenStore
) -> None:
    publish(shop)
    store = open_store(revision=None)
    store.pull(["thing"])

    assert sum("/main/" in one.path for one in shop.asked) == 1
    assert {file.revision for file in store.states(["thing"])[0].files} == {COMMIT}


def test_two_repositories_of_one_model_are_locked_each_to_its_own_commit(shop: Shop, open_store: OpenStore) -> None:
    publish(shop)
    other = {"kind": "huggingface", "repository": "some/other"}
    shop.files["/some/other/resolve/main/extra.dat"] = shop.files[f"/some/other/resolve/{LATER}/extra.dat"] = b"extra"
    honest = shop.always

    def hub(handler: Misbehaviour) -> None:
        if handler.command == "HEAD" and "/some/other/" in handler.path:
            status(200, X_Repo_Commit=LATER, ETag=f'"{sha256(b"extra")}"', X_Linked_Size="5")(handler)
        else:
            honest(handler)

    shop.always = hub
    extra = {"path": "extra.dat", "format": "dlib", "source": other}
    store = open_store(revision=None, files=[{"path": "model.safetensors", "format": "safetensors"}, extra])
    store.pull(["thing"])
    assert [file.revision for file in store.states(["thing"])[0].files] == [COMMIT, LATER]

    store.remove("thing")
    store.pull(["thing"])
    assert store.is_installed("thing")


def test_what_has_come_of_a_file_with_no_digest_yet_is_told_and_can_be_freed(
    shop: Shop, open_store: OpenStore, content: bytes
) -> None:
    class Stopped(Exception):
        pass

    def stop(progress: PullProgress) -> None:
        if progress.done_bytes > 4 << 20:
            raise Stopped

    publish(shop, safetensors(content))
    # The weights are looked up and then the configuration; of the weights, six megabytes come.
    shop.next = [shop.always, shop.always, serve, *[fall_silent(2 << 20)] * 3]
    store = open_store()
    with pytest.raises(Stopped):
        store.pull(["thing"], stop)
    assert store.states(["thing"])[0].state == "partial"
    assert not (store.root / "models.lock").exists(), "nothing is locked before it is verified"

    store.remove("thing")
    assert not list((store.root / "partial").iterdir())


def test_a_small_file_is_held_to_gits_own_digest(shop: Shop, open_store: OpenStore) -> None:
    publish(shop)
    path = f"/some/thing/resolve/{COMMIT}/config.json"
    shop.files[path] = CONFIG.replace(b"8", b"9")

    with pytest.raises(ChecksumMismatch):
        open_store().pull(["thing"])


def test_a_mirror_that_knows_no_digests_is_enough_where_they_are_written_down(
    shop: Shop, open_store: OpenStore
) -> None:
    publish(shop)
    shop.always, shop.etag = serve, None
    store = open_store(digest=sha256(WEIGHTS), files=[_pinned("model.safetensors", "safetensors", WEIGHTS)])

    store.pull(["thing"])
    assert store.path("thing").read_bytes() == WEIGHTS
    assert all(one.method == "GET" for one in shop.asked)


def test_without_any_digest_nothing_is_fetched(shop: Shop, open_store: OpenStore) -> None:
    publish(shop)
    shop.always, shop.etag = serve, None

    with pytest.raises(DownloadFailed) as refused:
        open_store().pull(["thing"])
    assert refused.value.fields["reason"] == "no-digest"
    assert all(one.method == "HEAD" for one in shop.asked)


def test_a_gated_repository_names_its_page_and_takes_the_token(shop: Shop, open_store: OpenStore) -> None:
    publish(shop)
    honest = shop.always

    def gate(handler: Misbehaviour) -> None:
        (honest if handler.headers.get("Authorization") == "Bearer hf_secret" else status(401))(handler)

    shop.always = gate
    with pytest.raises(GatedModel) as refused:
        open_store().pull(["thing"])
    assert refused.value.fields["page"] == "https://huggingface.co/some/thing"

    store = open_store(token="hf_secret")
    store.pull(["thing"])
    assert store.path("thing", "model.safetensors").read_bytes() == WEIGHTS


def test_the_token_stays_behind_when_the_hub_sends_us_on(shop: Shop, other_shop: Shop, open_store: OpenStore) -> None:
    publish(shop)
    honest = shop.always
    other_shop.files["/blob"] = WEIGHTS

    def send_on(handler: Misbehaviour) -> None:
        large = handler.command == "GET" and handler.path.endswith(".safetensors")
        (redirect(other_shop.url + "blob") if large else honest)(handler)

    shop.always = send_on
    open_store(token="hf_secret").pull(["thing"])
    assert other_shop.asked
    assert not any("Authorization" in one.headers for one in other_shop.asked)


def test_a_stranger_among_mirrors_gets_no_token() -> None:
    source = HuggingFaceSource(repository="some/thing", revision=COMMIT)
    file = ModelFile(path="model.safetensors", format="safetensors")
    mirrored = Catalogue(mirrors={"hf:": "https://mirror.example/"})
    direct = Catalogue()

    assert hub_file(mirrored, source, file, COMMIT, "hf_secret").authorization is None
    remote = hub_file(direct, source, file, COMMIT, "hf_secret")
    assert remote.authorization == "Bearer hf_secret"
    assert remote.url == f"https://huggingface.co/some/thing/resolve/{COMMIT}/model.safetensors"
    assert remote.allows("cas-bridge.xethub.hf.co")
    assert not remote.allows("hf.co.evil.example")
    assert not remote.allows("evilhf.co")


def test_what_hugging_faces_own_library_has_fetched_is_linked_and_not_fetched(
    shop: Shop, open_store: OpenStore, tmp_path: Path
) -> None:
    """Its cache keeps large files under their sha256, and links to them from a folder named for the commit."""
    cache = tmp_path / "hub"
    blob = cache / "models--some--thing/blobs" / sha256(WEIGHTS)
    snapshot = cache / f"models--some--thing/snapshots/{COMMIT}/config.json"
    blob.parent.mkdir(parents=True)
    snapshot.parent.mkdir(parents=True)
    blob.write_bytes(WEIGHTS)
    snapshot.write_bytes(CONFIG)
    files = [_pinned("model.safetensors", "safetensors", WEIGHTS), _pinned("config.json", "text", CONFIG)]
    store = open_store(caches=(cache,), files=files)

    store.pull(["thing"])
    assert shop.asked == []
    assert store.path("thing", "model.safetensors").samefile(blob)
    assert blob.stat().st_mode & 0o200, "their file keeps its own permissions"


def test_a_cached_file_whose_digest_only_the_hub_knows_is_linked_too(
    shop: Shop, open_store: OpenStore, tmp_path: Path
) -> None:
    """Tens of gigabytes that another program has fetched are not fetched again for want of a digest."""
    publish(shop)
    blob = tmp_path / "hub/models--some--thing/blobs" / sha256(WEIGHTS)
    blob.parent.mkdir(parents=True)
    blob.write_bytes(WEIGHTS)
    store = open_store(revision=None, caches=(tmp_path / "hub",))
    store.pull(["thing"])

    assert store.path("thing", "model.safetensors").samefile(blob)
    assert not any(one.path.endswith("model.safetensors") for one in shop.bodies())
    locked = json.loads((store.root / "models.lock").read_text())["models"]["thing"]
    assert locked["files"]["model.safetensors"]["sha256"] == sha256(WEIGHTS)
    assert locked["commits"]["some/thing"]["commit"] == COMMIT


def test_a_cached_file_with_wrong_bytes_is_left_alone_and_fetched_instead(
    shop: Shop, open_store: OpenStore, tmp_path: Path
) -> None:
    publish(shop)
    blob = tmp_path / "hub/models--some--thing/blobs" / sha256(WEIGHTS)
    blob.parent.mkdir(parents=True)
    blob.write_bytes(WEIGHTS[:-1] + b"!")
    store = open_store(caches=(tmp_path / "hub",), files=[_pinned("model.safetensors", "safetensors", WEIGHTS)])

    store.pull(["thing"])
    assert store.path("thing").read_bytes() == WEIGHTS
    assert blob.read_bytes() != WEIGHTS


def test_a_linked_file_that_its_owner_changes_in_place_is_no_longer_ours(
    shop: Shop, open_store: OpenStore, tmp_path: Path
) -> None:
    publish(shop)
    blob = tmp_path / "hub/models--some--thing/blobs" / sha256(WEIGHTS)
    blob.parent.mkdir(parents=True)
    blob.write_bytes(WEIGHTS)
    store = open_store(caches=(tmp_path / "hub",), files=[_pinned("model.safetensors", "safetensors", WEIGHTS)])
    store.pull(["thing"])

    blob.write_bytes(WEIGHTS[:-1] + b"!")
    assert store.missing(["thing"]) == ("thing",)
    assert blob.exists(), "it is theirs to keep"
    store_again = open_store(files=[_pinned("model.safetensors", "safetensors", WEIGHTS)])
    store_again.pull(["thing"])
    assert store_again.path("thing").read_bytes() == WEIGHTS


def test_a_licence_is_read_accepted_and_only_then_are_weights_fetched_or_used(
    shop: Shop, open_store: OpenStore, tmp_path: Path
) -> None:
    publish(shop)
    text = b"Be kind.\n"
    shop.files[f"/some/thing/resolve/{COMMIT}/LICENSE.md"] = text
    honest = shop.always

    def hub(handler: Misbehaviour) -> None:
        if handler.command == "HEAD" and handler.path.endswith("LICENSE.md"):
            handler.send_response(200)
            handler.send_header("ETag", f'"{git_sha1(text)}"')
            handler.send_header("Content-Length", str(len(text)))
            handler.end_headers()
        else:
            honest(handler)

    shop.always = hub
    source = {"kind": "huggingface", "repository": "some/thing", "revision": COMMIT}
    entry = catalogue(shop, files=[_pinned("model.safetensors", "safetensors", WEIGHTS)]).model_dump()
    entry["licences"]["free"] |= {
        "must_accept": True,
        "commercial": False,
        "text": {"path": "LICENSE.md", "format": "text", "source": source},
    }
    store = ModelStore(tmp_path / "store", Catalogue.model_validate(entry), network=Network(token=lambda: None))

    with pytest.raises(LicenceNotAccepted):
        store.pull(["thing"])
    assert shop.asked == []
    shown = store.licence("thing")
    assert (shown.text, shown.accepted_at) == ("Be kind.\n", None)
    assert not (store.root / "licences/accepted.json").exists(), "reading is not accepting"

    store.accept_licence("thing", shown.sha256 or "")
    store.pull(["thing"])
    assert store.path("thing").read_bytes() == WEIGHTS
    (store.root / "licences/accepted.json").unlink()
    with pytest.raises(LicenceNotAccepted):
        store.path("thing")


def test_an_acceptance_of_other_words_does_not_hold(shop: Shop, open_store: OpenStore, tmp_path: Path) -> None:
    """A later catalogue may mean a later version of the licence."""

    def store_under(text: bytes) -> ModelStore:
        shop.files["/LICENCE"] = text
        entry = catalogue(shop).model_dump()
        words = {"path": "LICENCE", "format": "text", "size": len(text), "sha256": sha256(text)}
        source = {"kind": "url", "bases": [shop.url]}
        entry["licences"]["free"] |= {"must_accept": True, "commercial": False, "text": {**words, "source": source}}
        return ModelStore(tmp_path / "store", Catalogue.model_validate(entry), network=Network(token=lambda: None))

    first = store_under(b"Be kind.\n")
    first.accept_licence("thing", first.licence("thing").sha256 or "")
    assert first.licence("thing").accepted_at is not None

    second = store_under(b"Be kinder.\n")
    assert second.licence("thing").text == "Be kinder.\n"
    assert second.licence("thing").accepted_at is None
    with pytest.raises(LicenceNotAccepted):
        second.pull(["thing"])


def _pinned(path: str, format: str, content: bytes) -> dict[str, object]:
    return {"path": path, "format": format, "sha256": sha256(content), "size": len(content)}


# ── imported before it was asked ─────────────────────────────────────────────────────────────────────────────


def carry(open_store: OpenStore, folder: Path, weights: bytes) -> ModelStore:
    """A store that imported these weights from a stick, which claims them to be the repository's."""
    contents = {"model.safetensors": weights, "config.json": CONFIG}
    for name, content in contents.items():
        (folder / "thing").mkdir(parents=True, exist_ok=True)
        (folder / "thing" / name).write_bytes(content)
    files = {name: {"sha256": sha256(content), "size": len(content)} for name, content in contents.items()}
    lock = {"revisions": {"some/thing": LATER}, "files": files}
    manifest = {"models": {"thing": {"version": "1", "files": files, "lock": lock}}}
    (folder / "mien-models.json").write_text(json.dumps(manifest))
    store = open_store("carried", revision=None)
    store.import_from(folder)
    assert store.states(["thing"])[0].state == "unverified"
    return store


def test_a_forged_file_is_replaced_by_what_the_hub_has(shop: Shop, open_store: OpenStore, tmp_path: Path) -> None:
    """From the commit that the hub is at, not from the one that the stick names."""
    publish(shop)
    store = carry(open_store, tmp_path / "stick", safetensors(b"home-made"))
    store.pull(["thing"])

    assert store.path("thing", "model.safetensors").read_bytes() == WEIGHTS
    (model,) = store.states(["thing"])
    assert [(file.state, file.revision, file.vouched_by) for file in model.files] == [
        ("ready", COMMIT, "mirror 127.0.0.1")
    ] * 2
    assert not any(LATER in one.path for one in shop.asked)
    aside = [path for path in (store.root / "quarantine").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in aside] == [safetensors(b"home-made")], "the configuration was the hub's"


def test_what_the_hub_has_too_is_not_fetched_again(shop: Shop, open_store: OpenStore, tmp_path: Path) -> None:
    publish(shop)
    store = carry(open_store, tmp_path / "stick", WEIGHTS)
    store.pull(["thing"])
    assert store.states(["thing"])[0].state == "ready"
    assert list(shop.bodies()) == []


def test_a_forged_file_is_set_aside_even_where_the_right_one_does_not_come(
    shop: Shop, open_store: OpenStore, tmp_path: Path
) -> None:
    publish(shop)
    store = carry(open_store, tmp_path / "stick", safetensors(b"home-made"))
    del shop.files[f"/some/thing/resolve/{COMMIT}/model.safetensors"]
    with pytest.raises(DownloadFailed):
        store.pull(["thing"])
    assert store.states(["thing"])[0].state == "quarantined"
    assert store.missing(["thing"]) == ("thing",)


def test_what_a_mirror_has_vouched_for_is_unverified_without_that_mirror(shop: Shop, open_store: OpenStore) -> None:
    """Any program of this machine can be a mirror on the loopback; the person's catalogue says which one is."""
    publish(shop)
    store = open_store(revision=None)
    store.pull(["thing"])
    assert store.states(["thing"])[0].state == "ready"
    without = ModelStore(store.root, store.catalogue.model_copy(update={"mirrors": {}}), offline=True)
    assert without.states(["thing"])[0].state == "unverified"
    assert {file.repository for file in without.states(["thing"])[0].files} == {"import"}
