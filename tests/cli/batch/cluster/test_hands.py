"""The hands of a cluster take pictures as local workers do, and end with the process that talks to Ray."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mien_api.errors import WorkerDied
from mien_cli.batch.cluster import hands as cluster_hands
from mien_cli.batch.cluster.begin import Begin
from mien_cli.batch.cluster.hands import ClusterHands, describe_check
from mien_cli.batch.workers import Workers
from mien_core.errors import CheckUnavailable, ClusterRefused
from mien_daemon.worker.messages import Finished, RunJob
from mien_pipeline.clips.orders import SegmentOrder, lay_out_orders
from mien_testing.daemon import config_for
from mien_testing.ray_process import DIE, ORDER, REFUSE, STAY
from mien_testing.stand_in import returning

OpenHands = Callable[..., ClusterHands]


@pytest.fixture
async def open_hands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OpenHands]:
    """Hands whose process is a fake."""
    command = [sys.executable, "-m", "mien_testing.ray_process"]
    monkeypatch.setattr(cluster_hands, "command_for", returning(command))
    config, opened = config_for(tmp_path / "state"), list[ClusterHands]()
    (tmp_path / "shared").mkdir()
    begin = Begin("", str(tmp_path), str(config.folders.state), "", "mesh", [{}, {}], [], [], [])

    def make(*, checks: bool = False) -> ClusterHands:
        home = Workers(config, 1, [tmp_path / "shared"]) if checks else None
        opened.append(ClusterHands(begin, home))
        return opened[-1]

    yield make
    for each in opened:
        await each.close()


def work(folder: Path, name: str, order: int = 0) -> RunJob:
    target = folder / f"{name}.target"
    target.write_bytes(name.encode())
    return RunJob(name, "swap", str(target), [], {ORDER: order}, str(folder / f"{name}.result"))


async def test_pictures_are_swapped_at_once_and_nothing_lies_in_memory_afterwards(
    open_hands: OpenHands, tmp_path: Path
) -> None:
    hands = open_hands()
    assert hands.count == 16
    done = await asyncio.gather(*(hands.run(work(tmp_path, str(number))) for number in range(3)))
    assert [finished.id for finished in done] == ["0", "1", "2"]
    assert (tmp_path / "2.result").read_bytes() == b"2made"
    folder = hands.folder
    assert folder is not None
    assert folder.is_dir()
    await hands.close()
    assert not folder.exists()


async def test_when_the_process_dies_every_picture_says_that_the_cluster_is_gone(
    open_hands: OpenHands, tmp_path: Path
) -> None:
    hands = open_hands()
    several = [hands.run(work(tmp_path, "waits", STAY)), hands.run(work(tmp_path, "dies", DIE))]
    ends = await asyncio.gather(*several, return_exceptions=True)
    ends += await asyncio.gather(hands.run(work(tmp_path, "late")), return_exceptions=True)
    assert [(type(end), end.fields) for end in ends if isinstance(end, WorkerDied)] == [
        (WorkerDied, {"reason": "start"})
    ] * 3


async def test_a_cluster_that_is_refused_ends_all_with_the_reason(open_hands: OpenHands, tmp_path: Path) -> None:
    hands = open_hands()
    several = [hands.run(work(tmp_path, "waits", STAY)), hands.run(work(tmp_path, "refused", REFUSE))]
    ends = await asyncio.gather(*several, return_exceptions=True)
    assert [isinstance(end, ClusterRefused) and end.fields["reason"] for end in ends] == ["digests"] * 2


async def test_a_result_from_elsewhere_is_looked_at_here_before_it_is_taken(
    open_hands: OpenHands, tmp_path: Path
) -> None:
    """The fake pipeline looks at no results, so none is taken."""
    hands = open_hands(checks=True)
    with pytest.raises(CheckUnavailable):
        await hands.run(work(tmp_path / "shared", "picture"))


async def test_a_segment_from_elsewhere_is_looked_at_here_before_it_is_taken(
    open_hands: OpenHands, tmp_path: Path
) -> None:
    """The fake pipeline looks at no segments, so none is taken."""
    segment = replace(work(tmp_path / "shared", "clip"), kind="help", run=str(tmp_path / "shared"))
    lay_out_orders(tmp_path / "shared", tmp_path / "clip.mp4", [SegmentOrder(2, 10, 13, {0: 0}, "libsvtav1", 70)])
    assert describe_check(segment, Finished("", {}, "", "")) == {"pictures": 3}
    with pytest.raises(CheckUnavailable):
        await open_hands(checks=True).run(segment)


async def test_a_cluster_that_is_ready_says_so_and_one_that_is_gone_why(open_hands: OpenHands, tmp_path: Path) -> None:
    hands = open_hands()
    await hands.until_ready()
    with pytest.raises(ClusterRefused):
        await hands.run(work(tmp_path, "refused", REFUSE))
    with pytest.raises(ClusterRefused):
        await hands.until_ready()
