"""Several processes make the clip that one makes, to the byte, and a death costs each of them one segment at most."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from mien_daemon.worker.messages import SetUpSegments
from mien_daemon.worker.segment_helpers import SegmentProcess, set_up_helpers, start_helpers
from mien_models.store import ModelStore
from mien_pipeline.clips.journal import FinishedSegment, Journal
from mien_pipeline.clips.orders import ANALYSIS, SegmentOrder
from mien_pipeline.media.decode import decode
from mien_pipeline.progress import Progress
from mien_testing.clip_run import SEGMENT, swap_shortly
from mien_testing.clips import Recipe, list_packets, make_clip, move_portrait

COUNT = 12
Packets = list[tuple[float, bytes]]


@dataclass(frozen=True)
class Plain:
    """A clip, the reference, and what one process alone made of it."""

    clip: Path
    reference: Path
    analysis: Path
    packets: Packets


@pytest.fixture(scope="module")
def plain(models: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> Plain:
    folder = tmp_path_factory.mktemp("plain")
    portrait = decode(models.path("demo-portraits", "astronaut.png").read_bytes()).pixels[:400]
    recipe = Recipe(size=(192, 144), times=tuple(range(COUNT)))
    clip = make_clip(folder / "a.mp4", recipe, move_portrait(portrait))
    reference = models.path("demo-portraits", "mona_lisa.jpg")

    def keep_analysis(at: Progress) -> None:
        if at.stage == "generate":
            shutil.copyfile(folder / "run" / ANALYSIS, folder / ANALYSIS)

    swap_shortly(models, clip, reference.read_bytes(), folder / "run", folder / "out.mp4", keep_analysis)
    return Plain(clip, reference, folder / ANALYSIS, list_packets(folder / "out.mp4", "video"))


@pytest.fixture
def run(plain: Plain, tmp_path: Path) -> Path:
    """The folder of a run that has looked at the clip already."""
    (tmp_path / "run").mkdir(mode=0o700, exist_ok=True)
    shutil.copyfile(plain.analysis, tmp_path / "run" / ANALYSIS)
    return tmp_path / "run"


@pytest.fixture
def helpers(models: ModelStore, plain: Plain, tmp_path: Path) -> Generator[list[SegmentProcess]]:
    """Two, set up for a run of which nothing is there yet."""
    run = tmp_path / "run"
    with start_helpers(2) as started:
        set_up_helpers(
            started, (models.root, run.parent), plain.clip, run, [[plain.reference.read_bytes()]], {"engine": "mesh"}
        )
        yield started


class Watched:
    """A helper that is killed at a picture of its first segment, or that is only listened to."""

    def __init__(self, helper: SegmentProcess, killed_at: int | None = None) -> None:
        self.helper, self.killed_at = helper, killed_at
        self.made: list[int] = []

    def render(self, order: SegmentOrder, on_picture: Callable[[], None]) -> FinishedSegment:
        pictures = 0

        def count() -> None:
            nonlocal pictures
            pictures += 1
            if pictures == self.killed_at:
                self.helper.process.kill()
            on_picture()

        finished = self.helper.render(order, count)
        self.made.append(finished.number)
        return finished


@pytest.mark.slow
def test_three_processes_of_which_one_dies_make_what_one_makes(
    models: ModelStore, plain: Plain, helpers: list[SegmentProcess], run: Path
) -> None:
    dying, other = Watched(helpers[0], killed_at=2), Watched(helpers[1])
    told: list[int] = []

    def note(at: Progress) -> None:
        told.append(at.done)

    out = run.parent / "out.mp4"
    made = swap_shortly(models, plain.clip, plain.reference.read_bytes(), run, out, note, [dying, other])
    assert (dying.made, helpers[0].process.wait()) == ([], -signal.SIGKILL)
    assert other.made
    assert (made.video.segments, made.people[0].swapped, max(told)) == (COUNT // SEGMENT, COUNT, COUNT)
    assert list_packets(out, "video") == plain.packets


@pytest.mark.slow
def test_a_command_killed_with_its_processes_loses_a_segment_each_and_makes_the_same_clip(
    models: ModelStore, plain: Plain, run: Path
) -> None:
    out = run.parent / "out.mp4"
    words = [models.root, plain.clip, plain.reference, run, out, 1, "step by step"]
    command = [sys.executable, "-m", "mien_testing.clip_run", *map(str, words)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as lead:
        assert lead.stdin is not None
        assert lead.stdout is not None
        (helper,) = (psutil.Process(pid) for pid in json.loads(lead.stdout.readline()))
        seen = 0
        while seen < COUNT // 2:
            seen = int(lead.stdout.readline())
            if seen < COUNT // 2:
                lead.stdin.write("\n")
                lead.stdin.flush()
        lead.kill()
    assert psutil.wait_procs([helper], timeout=30)[1] == []
    done = Journal(run).begin(_encoding(run))
    assert len(done) * SEGMENT >= seen - 2 * SEGMENT
    told: list[int] = []

    def note(at: Progress) -> None:
        if at.stage == "generate" and at.done:
            told.append(at.done)

    made = swap_shortly(models, plain.clip, plain.reference.read_bytes(), run, out, note)
    assert (made.video.resumed, min(told)) == (True, len(done) * SEGMENT + 1)
    assert list_packets(out, "video") == plain.packets


def _encoding(run: Path) -> str:
    """How the segments of a run are encoded, as its journal says."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(run / "journal.sqlite")) as journal:
        ((encoding,),) = journal.execute("SELECT value FROM settings WHERE name = 'encoding'").fetchall()
    return str(encoding)


def test_a_process_that_nothing_is_asked_of_ends_with_the_block() -> None:
    with start_helpers(1) as (idle,):
        assert idle.process.poll() is None
    assert idle.process.returncode == 0


def test_a_process_that_is_gone_is_not_missed_before_its_first_segment(tmp_path: Path) -> None:
    with start_helpers(1) as (gone,):
        gone.process.kill()
        gone.process.wait()
        path = str(tmp_path)
        gone.set_up(SetUpSegments(path, path, path, path, {}, [[1 << 20]]), [[bytes(1 << 20)]])
