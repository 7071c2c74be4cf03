"""What a node promises, told without Ray: who it is, that it swaps as a worker does, and that nothing is left."""

import errno
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from mien_cli.batch.cluster import node as nodes
from mien_cli.batch.cluster.node import CLIP, Node, RayFacts, describe_models, find_dangers, require_equal
from mien_cli.batch.cluster.sealed import Job, seal
from mien_core.errors import ClusterRefused, ConsentRequired, ContentBlocked
from mien_core.version import product_version
from mien_daemon.references.consent import Consent
from mien_daemon.worker.clips import name_run
from mien_daemon.worker.messages import LENGTH, Failed, Finished, Message, RunJob, decode
from mien_models.store import ModelStore
from mien_pipeline.clips.guests import tell_of_segment
from mien_pipeline.clips.journal import FinishedSegment, segment_path
from mien_pipeline.clips.orders import ANALYSIS, SegmentOrder, read_orders
from mien_pipeline.clips.render import PersonTally
from mien_pipeline.trust.authority import Authority
from mien_testing.folder_run import write_picture
from mien_testing.stand_in import returning
from mien_testing.weights import local_catalogue

SAFE = RayFacts(asks_token=True, uses_tls=True, config={}, session="/memory")
STATED = asdict(Consent.given("Me", "self", adult=True, expires_at=None))
FOUND = {"host": "render-2", "version": "1", "models": {"face-mesh": ["ab"], "ghost-1": ["cd"]}}


def read(frame: bytes) -> Message:
    return decode(frame[LENGTH.size :])


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """A node with the fake pipeline and no models."""
    monkeypatch.setattr(nodes, "read_facts", returning(SAFE))
    monkeypatch.setattr(nodes, "file_system_of", returning("tmpfs"))
    folders = {"state_dir": str(tmp_path / "state"), "models_dir": str(tmp_path / "models")}
    return Node(folders, "mien_testing.folder_run:make_runtime", {})


@pytest.mark.slow
async def test_a_node_swaps_what_it_is_given_and_nothing_of_the_job_is_left(node: Node, tmp_path: Path) -> None:
    told = await node.describe()
    assert (told["version"], told["models"], told["dangers"]) == (product_version(), {}, [])
    picture, me = write_picture(tmp_path / "a.png", 1).read_bytes(), write_picture(tmp_path / "me.png", 2).read_bytes()
    sealed = seal(Job([[me]], [], [STATED]), told["key"], Authority(tmp_path / "home").signatory())
    await node.begin(sealed)
    frame, made = await node.swap("1", picture, {"engine": "mesh"})
    finished = read(frame)
    assert isinstance(finished, Finished)
    assert (finished.id, finished.sha256, made) == ("1", hashlib.sha256(made).hexdigest(), picture + b"\0")
    blocked = write_picture(tmp_path / "b.png", 3, "fail:content-blocked").read_bytes()
    frame, made = await node.swap("2", blocked, {"engine": "mesh"})
    refused = read(frame)
    assert isinstance(refused, Failed)
    assert (refused.id, refused.code, made) == ("2", "content-blocked", b"")
    await node.close()
    assert [
        path for path in (tmp_path / "state").rglob("*") if path.suffix in {".reference", ".target", ".result"}
    ] == []
    with pytest.raises(ConsentRequired):
        await node.begin(sealed)  # the key is gone


async def test_a_full_disk_of_a_node_is_said_by_its_name(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path, _data: bytes) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    told = await node.describe()
    await node.begin(seal(Job([[b"me"]], [], [STATED]), told["key"], Authority(tmp_path / "home").signatory()))
    monkeypatch.setattr(nodes, "write", refuse)
    frame, made = await node.swap("1", b"picture", {})
    await node.close()
    failed = read(frame)
    assert isinstance(failed, Failed)
    assert (failed.id, failed.code, made) == ("1", "disk-full", b"")


def read_all(pictures: Sequence[str]) -> list[bytes]:
    return [Path(picture).read_bytes() for picture in pictures]


class StandInWorkers:
    """A worker that renders what lies in the run of its job, as a guest, or refuses it."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.refuses = refuses

    async def run(self, job: RunJob) -> Finished:
        if self.refuses:
            raise ContentBlocked("no", stage="result")
        run = name_run(job, [*map(read_all, job.references), read_all(job.likes)])
        clip, (order,) = read_orders(run)
        made = clip.read_bytes() + (run / ANALYSIS).read_bytes()
        segment_path(run, order.number).write_bytes(made)
        tally = PersonTally(frames=order.stop - order.first)
        tell_of_segment(run, FinishedSegment(order.number, order.first, 3, len(made), "ab", {0: tally}))
        return Finished(job.id, {}, "", "")

    async def close(self) -> None:
        """There is no process."""


async def test_a_node_renders_a_segment_of_the_clip_that_it_holds_and_keeps_nothing_of_it(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = await node.describe()
    await node.begin(seal(Job([[b"me"]], [], [STATED]), told["key"], Authority(tmp_path / "home").signatory()))
    order = asdict(SegmentOrder(7, 10, 13, {0: 0}, "libsvtav1", 70))
    for at, part in ((0, b"an older clip"), (0, b"the "), (4, b"clip, ")):
        await node.hold(at, part)
    monkeypatch.setattr(node, "_workers", StandInWorkers())
    frame, made = await node.render("1", order, b"its tracks", {"engine": "mesh"})
    finished = read(frame)
    assert isinstance(finished, Finished)
    assert (made, finished.report["0"]) == (b"the clip, its tracks", asdict(PersonTally(frames=3)))
    monkeypatch.setattr(node, "_workers", StandInWorkers(refuses=True))
    frame, made = await node.render("2", order, b"its tracks", {"engine": "mesh"})
    refused = read(frame)
    assert isinstance(refused, Failed)
    assert (refused.code, made) == ("content-blocked", b"")
    pictures = [path for path in (tmp_path / "state" / "batch").iterdir() if path.is_dir()]
    assert [path.name for folder in pictures for path in folder.iterdir() if "reference" not in path.name] == [CLIP]
    await node.close()
    assert list((tmp_path / "state").rglob(CLIP)) == []


async def test_a_job_for_another_node_is_not_begun(node: Node, tmp_path: Path) -> None:
    with pytest.raises(ConsentRequired):
        await node.begin(seal(Job([], [], []), bytes(range(32)), Authority(tmp_path / "home").signatory()))


def test_an_equal_node_passes_whatever_else_it_has() -> None:
    require_equal(FOUND, "1", {"face-mesh": ["ab"], "only-here": ["ef"]}, ["face-mesh"])


@pytest.mark.parametrize(
    ("version", "models", "reason"),
    [
        ("2", {"face-mesh": ["ab"]}, "versions"),
        ("1", {"face-mesh": ["other"]}, "digests"),
        ("1", {"face-mesh": ["ab"], "ghost-1": ["other"]}, "digests"),
        ("1", {"face-mesh": ["ab"], "not-there": ["ab"]}, "digests"),
    ],
)
def test_a_node_with_other_files_or_another_version_is_refused_by_name(
    version: str, models: Mapping[str, list[str | None]], reason: str
) -> None:
    with pytest.raises(ClusterRefused) as refused:
        require_equal(FOUND, version, models, ["face-mesh", "not-there"])
    assert (refused.value.fields["reason"], refused.value.fields["node"]) == (reason, "render-2")


def test_a_node_does_not_tell_of_a_model_that_has_changed_since_its_download(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "store", local_catalogue(tmp_path / "here", {"one": {"a": b"1"}, "two": {"b": b"2"}}))
    store.pull(["one", "two"])
    assert set(describe_models(store)) == {"one", "two"}
    changed = store.path("two", "b")
    changed.unlink()
    changed.write_bytes(b"3")
    assert set(describe_models(store)) == {"one"}


def spilling(where: str) -> dict[str, Any]:
    return {"object_spilling_config": json.dumps({"type": "filesystem", "params": {"directory_path": where}})}


@pytest.mark.parametrize(
    ("facts", "dangers"),
    [
        (SAFE, []),
        (replace(SAFE, asks_token=False, uses_tls=False), ["token", "tls"]),
        (replace(SAFE, session="/disk"), ["spilling"]),
        (replace(SAFE, config=spilling("/memory"), session="/disk"), []),
        (replace(SAFE, config=spilling("/disk")), ["spilling"]),
        (replace(SAFE, dashboard="127.0.0.1:8265"), []),
        (replace(SAFE, dashboard="192.0.2.7:8265"), ["dashboard"]),
    ],
)
def test_what_lets_strangers_in_or_writes_pictures_to_a_disk_is_a_danger(
    facts: RayFacts, dangers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "file_system_of", {Path("/memory"): "tmpfs", Path("/disk"): "ext4"}.__getitem__)
    assert find_dangers(facts) == dangers
