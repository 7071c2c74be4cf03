"""What a run gives to its actors, and what it takes back, told with a stand-in for Ray."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mien_cli.batch.cluster.begin import Begin
from mien_cli.batch.cluster.node import describe_video
from mien_cli.batch.cluster.sealed import Job, public_bytes
from mien_core.errors import ClusterRefused, ConsentRequired, UnsupportedClip
from mien_core.version import product_version
from mien_daemon.worker.messages import Failed, Finished, RunJob, encode
from mien_pipeline.clips.orders import ANALYSIS, SegmentOrder, lay_out_orders
from mien_pipeline.trust.authority import Authority
from mien_testing.stand_in import returning


class StandInNode:
    """A node without pictures: it notes what it was asked."""

    def __init__(self, version: str = "", *, lost: str = "", video: str | None = None, **faults: Exception) -> None:
        """
        Args:
            version: another one than this machine's.
            lost: the calls that are never answered.
            video: what it encodes with, if that is not what this machine does.
            faults: what calls come to, by their names.
        """
        self.version, self.lost, self.faults = version or product_version(), lost, faults
        self.video = describe_video() if video is None else video
        self.asked: list[str] = []
        self.held = b""

    async def note(self, call: str) -> None:
        self.asked.append(call)
        if call in self.lost.split():
            await asyncio.Event().wait()
        if call in self.faults:
            raise self.faults[call]

    async def describe(self) -> dict[str, Any]:
        await self.note("describe")
        key = public_bytes(X25519PrivateKey.generate())
        found: dict[str, Any] = {"version": self.version, "host": "render-1", "models": {}, "key": key, "dangers": []}
        return {**found, "video": self.video}

    async def begin(self, _sealed: bytes) -> None:
        await self.note("begin")

    async def swap(self, work_id: str, picture: bytes, _options: object) -> tuple[bytes, bytes]:
        await self.note("swap")
        return encode(Finished(work_id, {}, "image/png", hashlib.sha256(picture).hexdigest())), picture

    async def hold(self, at: int, part: bytes) -> None:
        await self.note("hold")
        self.held = self.held[:at] + part

    async def render(self, work_id: str, order: Any, analysis: bytes, _options: object) -> tuple[bytes, bytes]:
        await self.note("render")
        made = b"%d of %s with %s" % (order["number"], self.held, analysis)
        return encode(Finished(work_id, {}, "video/mp4", "")), made

    async def is_there(self) -> None:
        await self.note("is_there")

    async def close(self) -> None:
        await self.note("close")


@pytest.fixture
def open_actors(actors: ModuleType, ray: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Actors on these nodes; what takes their place comes after `count`."""
    monkeypatch.setattr(actors, "needed_models", returning(()))
    signatory = Authority(tmp_path / "state").signatory()

    def make(*nodes: StandInNode, count: int) -> Any:
        ray.waiting = list(nodes)
        begin = Begin("", str(tmp_path / "models"), str(tmp_path), "", "mesh", [{}] * count, [], [], [])
        return actors.Actors(begin, Job([], [], []), signatory)

    return make


def work(folder: Path) -> RunJob:
    (folder / "a.target").write_bytes(b"picture")
    return RunJob("1", "swap", str(folder / "a.target"), [], {}, str(folder / "a.result"))


async def test_no_node_is_given_the_job_where_one_is_refused(open_actors: Any) -> None:
    good, other = StandInNode(), StandInNode("0.0.1")
    under_test = open_actors(good, other, count=2)
    with pytest.raises(ClusterRefused) as refused:
        await under_test.open()
    await under_test.close()
    assert refused.value.fields["reason"] == "versions"
    assert (good.asked, other.asked) == (["describe"], ["describe"])


async def test_a_node_that_may_have_the_job_is_told_to_forget_it(open_actors: Any, actors: ModuleType) -> None:
    """Of two nodes one refuses the job after the other has it."""
    good, bad = StandInNode(), StandInNode(begin=actors.RayTaskError(ConsentRequired("it does not", field="basis")))
    under_test = open_actors(good, bad, count=2)
    with pytest.raises(ConsentRequired, match="it does not"):
        await under_test.open()
    await under_test.close()
    assert (good.asked, bad.asked) == (["describe", "begin", "close"], ["describe", "begin", "close"])


@pytest.mark.parametrize("lost", ["describe", "begin"])
async def test_a_run_goes_on_without_a_node_that_does_not_answer(
    lost: str, open_actors: Any, actors: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, silent = StandInNode(), StandInNode(lost=lost)
    under_test = open_actors(silent, good, count=2)
    monkeypatch.setattr(actors, "ANSWER_S", 0.01)
    await under_test.open()
    message, made = await under_test.swap(work(tmp_path))
    await under_test.close()
    assert (message.id, made) == ("1", b"picture")
    assert good.asked == ["describe", "begin", "swap", "close"]


async def test_a_cluster_of_which_no_node_answers_is_refused(
    open_actors: Any, actors: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actors, "ANSWER_S", 0.01)
    with pytest.raises(ClusterRefused) as refused:
        await open_actors(StandInNode(lost="describe"), count=1).open()
    assert refused.value.fields["reason"] == "node"


async def test_a_place_that_cannot_be_filled_again_is_left_while_there_are_others(
    open_actors: Any, actors: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies, good, never = StandInNode(swap=actors.RayActorError()), StandInNode(), StandInNode(lost="describe")
    under_test = open_actors(dies, good, never, count=2)
    await under_test.open()
    monkeypatch.setattr(actors, "ANSWER_S", 0.01)
    message, _ = await under_test.swap(work(tmp_path))
    assert isinstance(message, Finished)
    assert (never.asked, good.asked) == (["describe"], ["describe", "begin", "swap"])


async def test_a_run_of_which_no_node_is_left_is_refused(
    open_actors: Any, actors: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_test = open_actors(StandInNode(swap=actors.RayActorError()), StandInNode(lost="describe"), count=1)
    await under_test.open()
    monkeypatch.setattr(actors, "ANSWER_S", 0.01)
    several = [under_test.swap(work(tmp_path)) for _ in range(3)]
    ends = await asyncio.gather(*several, return_exceptions=True)
    assert [isinstance(end, ClusterRefused) and end.fields["reason"] for end in ends] == ["node"] * 3


@pytest.fixture
def _probed(actors: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Actors are asked at once whether they are there."""
    monkeypatch.setattr(actors, "PROBE_S", 0.01)


@pytest.mark.usefixtures("_probed")
async def test_a_picture_of_a_lost_node_is_made_on_another(
    open_actors: Any, actors: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, good = StandInNode(lost="swap is_there"), StandInNode()
    under_test = open_actors(lost, good, count=2)
    await under_test.open()
    monkeypatch.setattr(actors, "LOST_S", 0.01)
    message, made = await under_test.swap(work(tmp_path))
    assert (message.id, made) == ("1", b"picture")
    assert lost.asked == ["describe", "begin", "swap", "is_there"]
    assert good.asked[:3] == ["describe", "begin", "swap"]


@pytest.mark.usefixtures("_probed")
async def test_a_run_whose_only_node_is_lost_is_refused(
    open_actors: Any, actors: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_test = open_actors(StandInNode(lost="swap is_there"), count=1)
    await under_test.open()
    monkeypatch.setattr(actors, "LOST_S", 0.01)
    with pytest.raises(ClusterRefused) as refused:
        await under_test.swap(work(tmp_path))
    assert refused.value.fields["reason"] == "node"


class SlowNode(StandInNode):
    """It needs so long for a picture that it is asked three times whether it is there."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_often = asyncio.Event()

    async def swap(self, work_id: str, picture: bytes, options: object) -> tuple[bytes, bytes]:
        await self.asked_often.wait()
        return await super().swap(work_id, picture, options)

    async def is_there(self) -> None:
        await super().is_there()
        if self.asked.count("is_there") == 3:
            self.asked_often.set()


@pytest.mark.usefixtures("_probed")
async def test_a_node_that_is_there_may_take_as_long_as_it_needs(open_actors: Any, tmp_path: Path) -> None:
    slow = SlowNode()
    under_test = open_actors(slow, count=1)
    await under_test.open()
    message, _ = await under_test.swap(work(tmp_path))
    assert isinstance(message, Finished)


async def test_a_dead_actor_is_made_again_and_given_the_job(
    open_actors: Any, actors: ModuleType, tmp_path: Path
) -> None:
    again = StandInNode()
    under_test = open_actors(StandInNode(swap=actors.RayActorError()), again, count=1)
    await under_test.open()
    message, _ = await under_test.swap(work(tmp_path))
    assert not isinstance(message, Failed)
    await under_test.close()
    assert again.asked == ["describe", "begin", "swap", "close"]


async def test_a_picture_of_a_dead_actor_does_not_wait_for_the_one_that_takes_its_place(
    open_actors: Any, actors: ModuleType, tmp_path: Path
) -> None:
    """The third node never answers, and nothing here ends its five minutes."""
    dies, good = StandInNode(swap=actors.RayActorError()), StandInNode()
    under_test = open_actors(dies, good, StandInNode(lost="describe"), count=2)
    await under_test.open()
    message, _ = await under_test.swap(work(tmp_path))
    await under_test.close()
    assert isinstance(message, Finished)
    assert good.asked == ["describe", "begin", "swap", "close"]


async def test_an_actor_that_comes_later_and_is_refused_ends_the_run(
    open_actors: Any, actors: ModuleType, tmp_path: Path
) -> None:
    under_test = open_actors(StandInNode(swap=actors.RayActorError()), StandInNode("0.0.1"), count=1)
    await under_test.open()
    with pytest.raises(ClusterRefused) as refused:
        await under_test.swap(work(tmp_path))
    assert refused.value.fields["reason"] == "versions"


def segment(folder: Path, number: int) -> RunJob:
    """A run of one segment of the clip in `folder`."""
    own = folder / f"segment {number}"
    own.mkdir()
    (folder / "clip.mp4").write_bytes(b"a clip")
    (own / ANALYSIS).write_bytes(b"its tracks")
    lay_out_orders(own, folder / "clip.mp4", [SegmentOrder(number, 0, 3, {0: 0}, "libsvtav1", 70)])
    return RunJob(str(number), "help", str(folder / "clip.mp4"), (), {}, str(own / "made"), run=str(own))


async def test_a_clip_is_brought_to_a_node_once_and_its_segments_follow(
    open_actors: Any, actors: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actors, "PART_BYTES", 4)
    node = StandInNode()
    under_test = open_actors(node, count=1)
    await under_test.open()
    made = await asyncio.gather(*(under_test.render(segment(tmp_path, number)) for number in range(3)))
    assert [each for _, each in made] == [b"%d of a clip with its tracks" % number for number in range(3)]
    assert node.asked == ["describe", "begin", "hold", "hold", "render", "render", "render"]


async def test_a_segment_of_a_dead_actor_is_made_on_another_that_gets_the_clip(
    open_actors: Any, actors: ModuleType, tmp_path: Path
) -> None:
    dies, again = StandInNode(render=actors.RayActorError()), StandInNode()
    under_test = open_actors(dies, again, count=1)
    await under_test.open()
    _, made = await under_test.render(segment(tmp_path, 1))
    assert made == b"1 of a clip with its tracks"
    assert (dies.asked, again.asked) == (["describe", "begin", "hold", "render"],) * 2


async def test_a_node_that_encodes_in_another_way_gets_pictures_and_no_segments(
    open_actors: Any, tmp_path: Path
) -> None:
    other, same = StandInNode(video="another"), StandInNode()
    under_test = open_actors(other, same, count=2)
    await under_test.open()
    await asyncio.gather(*(under_test.render(segment(tmp_path, number)) for number in range(2)))
    assert (other.asked, same.asked.count("render")) == (["describe", "begin"], 2)


@pytest.mark.parametrize("video", ["another", ""])
async def test_where_no_node_encodes_as_this_machine_does_segments_are_refused_and_pictures_are_not(
    video: str, open_actors: Any, tmp_path: Path
) -> None:
    under_test = open_actors(StandInNode(video=video), count=1)
    await under_test.open()
    with pytest.raises(UnsupportedClip):
        await under_test.render(segment(tmp_path, 1))
    assert isinstance((await under_test.swap(work(tmp_path)))[0], Finished)
