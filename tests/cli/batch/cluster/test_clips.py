"""Clips on a cluster: it makes what it can of a run that a process of this machine leads, and that makes the rest."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from mien_api.errors import WorkerDied
from mien_cli.batch.clips import list_words, turn_into_swap
from mien_cli.batch.cluster.clips import ClipRun, ClusterClips, find_run
from mien_cli.main import parse
from mien_core.errors import ClusterRefused, ContentBlocked
from mien_daemon.worker.messages import Finished, RunJob
from mien_pipeline.clips.analysis import Analysis
from mien_pipeline.clips.guests import read_guests_segment
from mien_pipeline.clips.journal import Journal, segment_path
from mien_pipeline.clips.orders import ANALYSIS, ORDERS, SegmentOrder, lay_out_orders, read_orders
from mien_pipeline.clips.render import PersonTally
from mien_pipeline.media.clip.join import Span

ORDERED = [SegmentOrder(number, 10 * number, 10 * number + 10, {0: 0}, "libsvtav1", 70) for number in range(4)]
COUNTED = {"0": asdict(PersonTally(frames=10, swapped=10))}


class StandInHands:
    """A cluster that makes every segment; `refuses` are the numbers of those that it does not make."""

    segments = 2

    def __init__(self, refuses: Mapping[int, Exception], counted: Mapping[str, Any] = COUNTED) -> None:
        self.refuses, self.counted, self.is_ready = refuses, counted, False
        self.refused = {number: asyncio.Event() for number in refuses}

    async def until_ready(self) -> None:
        self.is_ready = True

    async def run(self, work: RunJob) -> Finished:
        run, output = Path(work.run), Path(work.output)
        _, (order,) = read_orders(run)
        if error := self.refuses.get(order.number):
            self.refused[order.number].set()
            raise error
        await asyncio.to_thread(output.write_bytes, b"segment %d" % order.number)
        return Finished(work.id, self.counted, "video/mp4", "")


class Leader:
    """`mien swap` of one clip: it lays out its orders and ends when `until` does."""

    def __init__(self, folder: Path, until: Callable[[], Awaitable[object]]) -> None:
        self.folder, self.until = folder, until
        self.found_before: list[str] = []

    async def swap(self, clip: Path, _made: Path) -> Mapping[str, Any]:
        self.found_before = [path.name for path in self.folder.iterdir()]
        whole = Analysis(Span(tuple(range(40)), 40), (0,), (), (), np.zeros((1, 3, 2, 2), np.int8), "dlib")
        whole.save(self.folder / ANALYSIS)
        lay_out_orders(self.folder, clip, ORDERED)
        await self.until()
        return {"people": []}


async def until_there(*paths: Path) -> None:
    while not all(path.exists() for path in paths):  # noqa: ASYNC110 a thread makes them
        await asyncio.sleep(0.005)


def lead(tmp_path: Path, hands: StandInHands, until: Callable[[], Awaitable[object]]) -> tuple[ClusterClips, Leader]:
    folder = Journal(tmp_path / "run").folder
    (tmp_path / "spool").mkdir()
    leader = Leader(folder, until)

    def find_run(*_: object) -> ClipRun:
        return ClipRun(folder, {"engine": "mesh"})

    return ClusterClips(cast("Any", leader), cast("Any", hands), find_run, tmp_path / "spool"), leader


def records(tmp_path: Path, *numbers: int) -> list[Path]:
    return [segment_path(tmp_path / "run", number).with_suffix(".json") for number in numbers]


async def test_the_cluster_makes_segments_and_what_it_refuses_is_left(tmp_path: Path) -> None:
    hands = StandInHands({1: ContentBlocked("no", stage="result"), 2: WorkerDied("five actors were ended")})

    async def until_done() -> None:
        await asyncio.gather(*(refused.wait() for refused in hands.refused.values()))
        await until_there(*records(tmp_path, 0, 3))

    clips, leader = lead(tmp_path, hands, until_done)
    (leader.folder / ORDERS).write_text("of a run that died")
    assert await clips.swap(tmp_path / "clip.mp4", tmp_path / "made.mp4") == {"people": []}
    assert hands.is_ready
    assert ORDERS not in leader.found_before
    made = read_guests_segment(leader.folder, 3)
    assert made is not None
    assert (made.first, made.count, made.tallies[0].swapped) == (30, 10, 10)
    assert segment_path(leader.folder, 3).read_bytes() == b"segment 3"
    assert [read_guests_segment(leader.folder, number) for number in (1, 2)] == [None, None]
    assert list((tmp_path / "spool").iterdir()) == []


@pytest.mark.parametrize(
    ("error", "counted"),
    [
        (ClusterRefused("other files", reason="digests"), COUNTED),
        (WorkerDied("the process that talks to Ray is gone", reason="start"), COUNTED),
        (None, {"0": {"frames": "many"}}),
        (None, {"5": asdict(PersonTally())}),
    ],
)
async def test_a_cluster_that_is_refused_ends_the_clip_at_once(
    error: Exception | None, counted: Mapping[str, Any], tmp_path: Path
) -> None:
    """Also one of which a node counts what is in no segment, or people whom nobody asked for."""
    hands = StandInHands(dict.fromkeys(range(4), error) if error else {}, counted)
    clips, _ = lead(tmp_path, hands, asyncio.Event().wait)
    with pytest.raises(type(error) if error else ClusterRefused):
        await clips.swap(tmp_path / "clip.mp4", tmp_path / "made.mp4")


async def test_a_leader_that_ends_early_ends_the_help(tmp_path: Path) -> None:
    async def nothing() -> None:
        return

    clips, leader = lead(tmp_path, StandInHands({}), nothing)
    report = await clips.swap(tmp_path / "clip.mp4", tmp_path / "made.mp4")
    assert json.dumps(report) == '{"people": []}'
    assert {path.suffix for path in leader.folder.glob("segment-*")} <= {".mp4", ".json", ".lock"}


@pytest.mark.parametrize(
    "said",
    [
        (),
        ("--set", "format=png", "--from", "0:01", "--quality", "60"),
        ("--set", "format=gif", "--faces", "0,1", "--seed", "4", "--restore", "0.5"),
    ],
)
def test_the_run_that_is_helped_is_the_one_that_mien_swap_leads(said: Sequence[str], folders: Path) -> None:
    (folders / "clip.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(40))
    run = parse(["batch", "in", "-o", "out", "--face", "me.jpg", "--engine", "mesh", *said])
    made = folders / ("made.gif" if "format=gif" in said else "made.mp4")
    words = [str(folders / "clip.mp4"), *list_words(run), "-o", str(made), "--local", "--json"]
    swap = parse(["swap", *words])
    helped = find_run(turn_into_swap(run, folders / "clip.mp4", made), [[b"me"]], [])
    led = find_run(swap, [[b"me"]], [])
    assert helped == led
    assert helped.folder.parent == folders / "state" / "clips"
    assert find_run(swap, [[b"another"]], []).folder != helped.folder
