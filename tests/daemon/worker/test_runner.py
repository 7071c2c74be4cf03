"""The worker's side of the pipe: work is done in order, errors become messages, and a cancelled job stops."""

import hashlib
import io
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import PIL.Image
import pytest

from mien_core.errors import Cancelled, MarkingFailed
from mien_daemon.worker import messages, runner
from mien_daemon.worker.clips import name_run
from mien_daemon.worker.messages import (
    PREVIEW,
    THUMBNAIL,
    CancelWork,
    Faces,
    Failed,
    FindFaces,
    Finished,
    Heartbeat,
    HoldWork,
    Message,
    Progressed,
    Ready,
    RunJob,
    SetUp,
)
from mien_daemon.worker.runner import Inbox, JobRunner, Pipe, is_broken_device, is_out_of_device_memory, send_heartbeat
from mien_daemon.worker.runtime import WorkerRuntime
from mien_daemon.worker.thumbnail import leave_thumbnail
from mien_pipeline.clips.journal import FinishedSegment
from mien_pipeline.clips.orders import SegmentOrder, lay_out_orders
from mien_pipeline.face import Face
from mien_testing.daemon import png
from mien_testing.runtime import FakeRuntime


class Said(io.BytesIO):
    """The pipe to the daemon, and what was sent through it."""

    def messages(self) -> list[Message]:
        read = io.BytesIO(self.getvalue())
        return list(iter(lambda: messages.read(read), None))


@pytest.fixture
def said() -> Said:
    return Said()


def work(folder: Path, orders: str = "", kind: str = "swap", **options: object) -> RunJob:
    (folder / "target").write_bytes(png())
    chosen = {"engine": "flux", "prompt": orders} if kind == "swap" else options
    target = str(folder / "target")
    references = [[target]] if kind == "swap" else []
    return RunJob("1", "swap" if kind == "swap" else "restore", target, references, chosen, str(folder / "result"))


def run(runtime: FakeRuntime, said: Said, job: RunJob | FindFaces, inbox: Inbox | None = None) -> Message:
    """Do a piece of work; its answer."""
    JobRunner(runtime, inbox or Inbox(), Pipe(said)).do(job)
    return said.messages()[-1]


def test_a_swap_is_told_with_its_digest_and_lies_at_its_place_for_the_user_alone(said: Said, tmp_path: Path) -> None:
    answer = run(FakeRuntime(tmp_path), said, work(tmp_path))
    assert isinstance(answer, Finished)
    assert (answer.id, answer.media_type) == ("1", "image/png")
    assert answer.sha256 == hashlib.sha256((tmp_path / "result").read_bytes()).hexdigest()
    assert answer.report["engine"] == "flux"
    assert (tmp_path / "result").stat().st_mode & 0o777 == 0o600
    assert said.messages()[:-1] == [Progressed("1", "generate", 0, 2), Progressed("1", "generate", 1, 2)]


def test_a_small_picture_of_the_result_lies_beside_it_for_the_user_alone(said: Said, tmp_path: Path) -> None:
    run(FakeRuntime(tmp_path), said, work(tmp_path))
    small = tmp_path / THUMBNAIL
    with PIL.Image.open(small) as picture:
        assert (picture.format, max(picture.size)) == ("JPEG", 4), "a preview of a result has half of its side"
    assert small.stat().st_mode & 0o777 == 0o600


def test_a_result_that_cannot_be_made_small_is_delivered_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "result").write_bytes(b"no picture")
    leave_thumbnail(tmp_path / "result")
    assert not (tmp_path / THUMBNAIL).exists()


def test_a_restore_needs_no_reference(said: Said, tmp_path: Path) -> None:
    answer = run(FakeRuntime(tmp_path), said, work(tmp_path, kind="restore", amount=0.5))
    assert isinstance(answer, Finished)
    assert answer.report["engine"] == "vivid"


def test_faces_are_told_where_they_are_and_how_they_are_turned(said: Said, tmp_path: Path) -> None:
    class Seeing(FakeRuntime):
        def find_faces(self, picture: bytes) -> Sequence[Face]:
            assert picture == png()
            return [TURNED]

    job = work(tmp_path)
    answer = run(Seeing(tmp_path), said, FindFaces("2", job.target))
    assert answer == Faces("2", [runner.describe_face(0, TURNED, prominent=True)])
    assert isinstance(answer, Faces)
    assert answer.faces[0]["index"] == 0
    assert answer.faces[0]["yaw_deg"] == 12.3


class _Turned:
    bbox = (1.04, 2.0, 30.0, 40.06)
    det_score = 0.98765
    area = 1.0
    yaw_deg, pitch_deg, roll_deg = 12.34, -5.0, 0.04
    cautions = ("reference-mouth",)


TURNED = cast("Face", _Turned())


def test_a_face_is_described_in_rounded_numbers_that_json_can_say() -> None:
    assert runner.describe_face(3, TURNED, prominent=False) == {
        "index": 3,
        "bbox": [1.0, 2.0, 30.0, 40.1],
        "det_score": 0.988,
        "yaw_deg": 12.3,
        "pitch_deg": -5.0,
        "roll_deg": 0.0,
        "prominent": False,
        "cautions": ["reference-mouth"],
    }


def test_a_picture_may_be_of_its_largest_faces_and_not_of_those_behind(said: Said, tmp_path: Path) -> None:
    sides = (30.0, 40.0, 10.0)

    class Crowd(FakeRuntime):
        def find_faces(self, picture: bytes) -> Sequence[Face]:
            return [Face(np.array([0, 0, side, side], np.float32), 0.9, np.zeros((5, 2), np.float32)) for side in sides]

    answer = run(Crowd(tmp_path), said, FindFaces("2", work(tmp_path).target))
    assert isinstance(answer, Faces)
    assert [face["prominent"] for face in answer.faces] == [True, True, False]


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (Cancelled("stop"), "cancelled"),
        (MemoryError(), "not-enough-memory"),
        (OSError(28, "No space left on device", "a secret"), "disk-full"),
        (OSError(5, "Input/output error", "a secret"), "disk-failed"),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"), "gpu-out-of-memory"),
        (ZeroDivisionError("a secret"), "internal-error"),
    ],
)
def test_an_error_becomes_a_message_with_its_code(said: Said, tmp_path: Path, raised: Exception, code: str) -> None:
    class Failing(FakeRuntime):
        def find_faces(self, picture: bytes) -> Sequence[Face]:
            raise raised

    answer = run(Failing(tmp_path), said, FindFaces("1", work(tmp_path).target))
    assert isinstance(answer, Failed)
    assert (answer.id, answer.code) == ("1", code)
    assert "secret" not in answer.detail


def test_a_refusal_keeps_its_fields(said: Said, tmp_path: Path) -> None:
    answer = run(FakeRuntime(tmp_path), said, work(tmp_path, "fail=no-face-found"))
    assert answer == Failed("1", "no-face-found", "as the test wants it", {"role": "target"})
    assert not (tmp_path / "result").exists()


def test_a_job_that_was_cancelled_before_its_turn_is_not_begun(said: Said, tmp_path: Path) -> None:
    inbox = inbox_of(CancelWork("1"))
    runtime = FakeRuntime(tmp_path)
    answer = run(runtime, said, work(tmp_path), inbox)
    assert isinstance(answer, Failed)
    assert (answer.code, runtime.engine_name) == ("cancelled", None)
    assert isinstance(run(runtime, said, work(tmp_path), inbox), Finished), "a cancel counts once"


def test_a_job_that_is_cancelled_at_its_last_step_leaves_no_result(said: Said, tmp_path: Path) -> None:
    inbox = Inbox()

    class CancelledAtTheEnd(FakeRuntime):
        def swap(self, *arguments: object, **more: object) -> object:  # type: ignore[override]
            swapped = super().swap(*arguments, **more)  # type: ignore[arg-type]  # pyright: ignore
            inbox.cancel("1")
            return swapped

    answer = run(CancelledAtTheEnd(tmp_path), said, work(tmp_path), inbox)
    assert isinstance(answer, Failed)
    assert answer.code == "cancelled"
    assert not (tmp_path / "result").exists()


class Guest(FakeRuntime):
    """A runtime that renders segments of nothing; `before` is called after the first picture of each."""

    def __init__(self, folder: Path, before: Callable[[], object]) -> None:
        super().__init__(folder)
        self.before = before

    def open_segments(self, *_: object) -> "Guest":
        return self

    def make(self, _number: int, _first: int, _stop: int, on_picture: Callable[[], None]) -> FinishedSegment:
        on_picture()
        self.before()
        on_picture()
        raise AssertionError("it goes on though other work waits")

    swap_clip = analyse_clip = open_segments


def help_with(folder: Path, *orders: SegmentOrder) -> RunJob:
    """Help with a clip of which these segments are to be made."""
    job = replace(work(folder), kind="help", run=str(folder / "runs"))
    run_folder = name_run(job, [[png()], []])
    run_folder.mkdir(parents=True)
    lay_out_orders(run_folder, folder / "target", orders)
    return job


def test_help_with_a_clip_ends_where_other_work_waits(said: Said, tmp_path: Path) -> None:
    job, inbox = help_with(tmp_path, SegmentOrder(0, 0, 48, {0: 0}, "libsvtav1", 70)), Inbox()
    answer = run(Guest(tmp_path, lambda: inbox.work.put(FindFaces("2", job.target))), said, job, inbox)
    assert isinstance(answer, Failed)
    assert answer.code == "cancelled"


def test_help_that_has_ended_leaves_the_result_and_its_thumbnail_to_the_clips_own_worker(
    said: Said, tmp_path: Path
) -> None:
    job = help_with(tmp_path)
    Path(job.output).write_bytes(png())
    before = sorted(tmp_path.iterdir())
    assert isinstance(run(Guest(tmp_path, lambda: None), said, job), Finished)
    assert sorted(tmp_path.iterdir()) == before


class Looks(FakeRuntime):
    """A runtime that takes results from elsewhere whose watermark is said to be strong."""

    def check_made(self, picture: bytes, watermark: str) -> None:
        if watermark != "strong":
            raise MarkingFailed("a result came without its watermark")


def test_a_result_from_elsewhere_is_looked_at_and_nothing_is_written(said: Said, tmp_path: Path) -> None:
    made = tmp_path / "made.png"
    made.write_bytes(png())
    job = RunJob("1", "check", str(made), (), {"watermark": "strong"}, "")
    finished = run(Looks(tmp_path), said, job)
    assert isinstance(finished, Finished)
    assert finished.sha256 == hashlib.sha256(made.read_bytes()).hexdigest()
    for runtime, code in ((Looks(tmp_path), "marking-failed"), (FakeRuntime(tmp_path), "check-unavailable")):
        failed = run(runtime, said, replace(job, options={"watermark": "weak"}))
        assert isinstance(failed, Failed)
        assert failed.code == code
    assert list(tmp_path.iterdir()) == [made]


class LooksAtSegments(FakeRuntime):
    """A runtime that takes segments of three pictures."""

    def check_segment(self, segment: Path, pictures: int) -> None:
        if (segment.read_bytes(), pictures) != (b"segment", 3):
            raise MarkingFailed("a segment came with other pictures")


def test_a_segment_from_elsewhere_is_looked_at_as_one_whatever_its_bytes_are(said: Said, tmp_path: Path) -> None:
    (tmp_path / "made.mp4").write_bytes(b"segment")
    job = RunJob("1", "check", str(tmp_path / "made.mp4"), (), {"pictures": 3}, "")
    assert isinstance(run(LooksAtSegments(tmp_path), said, job), Finished)
    refused = (LooksAtSegments(tmp_path), 2, "marking-failed"), (Looks(tmp_path), 3, "check-unavailable")
    for runtime, pictures, code in refused:
        failed = run(runtime, said, replace(job, options={"pictures": pictures}))
        assert isinstance(failed, Failed)
        assert failed.code == code


def test_work_is_taken_in_the_order_it_was_sent() -> None:
    inbox = inbox_of(FindFaces("a", "/a"), CancelWork("c"), FindFaces("b", "/b"))
    assert [inbox.work.get().id, inbox.work.get().id] == ["a", "b"]
    assert inbox.work.empty()
    inbox.stop_if_cancelled("a")
    with pytest.raises(Cancelled):
        inbox.stop_if_cancelled("c")


def test_what_came_too_late_for_an_earlier_attempt_neither_stops_nor_holds_the_next(tmp_path: Path) -> None:
    job = work(tmp_path)
    inbox = inbox_of(CancelWork(job.id), HoldWork(job.id, True), job)
    inbox.stop_if_cancelled(job.id)


def test_held_work_waits_at_its_next_step_until_it_is_let_go(said: Said, tmp_path: Path) -> None:
    job = work(tmp_path)
    inbox, answers = inbox_of(job, HoldWork(job.id, True)), list[Message]()
    runner = threading.Thread(target=lambda: answers.append(run(FakeRuntime(tmp_path), said, job, inbox)), daemon=True)
    runner.start()
    runner.join(0.05)
    assert (runner.is_alive(), said.messages()) == (True, [])
    inbox.hold(job.id, hold=False)
    runner.join(30)
    assert isinstance(answers[0], Finished)


def inbox_of(*sent: Message) -> Inbox:
    inbox = Inbox()
    inbox.listen(io.BytesIO(b"".join(map(messages.encode, sent))), on_end=lambda: None)
    return inbox


def test_a_broken_accelerator_ends_the_process_and_one_without_memory_does_not() -> None:
    class AcceleratorError(RuntimeError):
        pass

    class OutOfMemoryError(RuntimeError):
        pass

    assert is_broken_device(AcceleratorError("launch failed"))
    assert is_broken_device(RuntimeError("CUDA error: an illegal memory access was encountered"))
    assert not is_broken_device(RuntimeError("shapes do not match"))
    assert is_out_of_device_memory(OutOfMemoryError("CUDA out of memory"))
    assert not is_out_of_device_memory(RuntimeError("CUDA out of memory"))


def test_the_heart_beats_with_the_engine_in_memory_until_the_daemon_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "HEARTBEAT_S", 0.001)
    loaded: list[WorkerRuntime] = []

    class Pipes(Said):
        def flush(self) -> None:
            if len(self.messages()) == 2:
                runtime = FakeRuntime(tmp_path)
                runtime.engine_name = "mesh"
                loaded.append(runtime)
            elif len(self.messages()) == 3:
                raise BrokenPipeError

    pipe = Pipes()
    beating = threading.Thread(target=send_heartbeat, args=(Pipe(pipe), loaded))
    beating.start()
    beating.join(20)
    assert not beating.is_alive()
    assert pipe.messages() == [Heartbeat(None), Heartbeat(None), Heartbeat("mesh")]


# ── the process ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_worker_whose_daemon_is_gone_ends(tmp_path: Path) -> None:
    with start_worker(tmp_path) as worker:
        assert worker.stdin
        worker.stdin.close()
        assert worker.wait(60) == 0


def test_a_process_that_no_daemon_started_ends_and_says_so() -> None:
    command = [sys.executable, "-m", "mien_daemon.worker.runner"]
    done = subprocess.run(command, input=messages.encode(Ready()), capture_output=True, check=False)
    assert done.returncode == 1
    assert b"started by the daemon" in done.stderr
    assert done.stdout == b""


def test_what_a_library_prints_does_not_disturb_the_pipe() -> None:
    code = (
        "import os; from mien_daemon.worker.runner import take_standard_streams; "
        "from mien_daemon.worker.messages import Ready; pipe = take_standard_streams()[1]; "
        "print('noise', flush=True); os.write(1, b'noise'); pipe.send(Ready())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert messages.decode(done.stdout[messages.LENGTH.size :]) == Ready()
    assert done.stderr.count(b"noise") == 2


def start_worker(state: Path) -> subprocess.Popen[bytes]:
    worker = subprocess.Popen(
        [sys.executable, "-m", "mien_daemon.worker.runner"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert worker.stdin
    assert worker.stdout
    worker.stdin.write(messages.encode(SetUp("mien_testing.runtime:fake_runtime", str(state), "/nowhere", False)))
    worker.stdin.flush()
    said = iter(lambda: messages.read(cast("BinaryIO", worker.stdout)), None)
    assert next(each for each in said if not isinstance(each, Heartbeat)) == Ready()  # a slow start has heartbeats
    return worker


def test_pictures_of_steps_lie_beside_the_result_for_the_user_alone(said: Said, tmp_path: Path) -> None:
    class Showing(FakeRuntime):
        def show_previews(self, on_preview: Callable[[bytes], None] | None, /) -> None:
            assert on_preview is not None
            on_preview(b"an earlier step")
            on_preview(b"a step")

    job = work(tmp_path)
    assert isinstance(run(Showing(tmp_path), said, job), Finished)
    beside = Path(job.output).with_name(PREVIEW)
    assert beside.read_bytes() == b"a step"
    assert stat.S_IMODE(beside.stat().st_mode) == 0o600
