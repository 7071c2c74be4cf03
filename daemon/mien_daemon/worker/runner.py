"""The worker process: the only one that loads engines. It does what the daemon sends and reports progress.

Run as `python -m mien_daemon.worker.runner`. Frames come on standard input and go to what was standard output;
what libraries print goes to standard error. When the daemon is gone the worker ends at once.

The cage closes after the first frame, which says where models and pictures are, and before any library that decodes,
computes or starts threads is loaded.
"""

import hashlib
import logging
import os
import queue
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mien_core.errors import Cancelled, CheckUnavailable, GpuOutOfMemory, MarkingFailed, MienError
from mien_core.files import name_system_error, write_whole
from mien_core.redaction import log_to
from mien_daemon.worker import messages
from mien_daemon.worker.clips import check_segment, is_about_a_clip, run_clip
from mien_daemon.worker.isolation import isolate, worker_cage
from mien_daemon.worker.messages import (
    PREVIEW,
    CancelWork,
    Faces,
    Failed,
    FindFaces,
    Finished,
    Heartbeat,
    HoldWork,
    Progressed,
    Ready,
    RunJob,
    SetUp,
)
from mien_daemon.worker.runtime import ChecksResults, ShowsPreviews, WorkerRuntime, make_runtime
from mien_daemon.worker.thumbnail import leave_thumbnail
from mien_pipeline.engines.registry import parse_options
from mien_pipeline.options import parse_restore_options
from mien_pipeline.progress import Progress
from mien_pipeline.report import Swapped, describe
from mien_pipeline.trust.authority import Authority
from mien_pipeline.trust.time_stamp import time_stamp_url

if TYPE_CHECKING:
    from mien_pipeline.face import Face  # NumPy starts threads

log = logging.getLogger("mien_daemon.worker")

HEARTBEAT_S = 1.0
BROKEN_DEVICE = 70  # exit status: the accelerator's context is poisoned, only a new process helps


@dataclass(slots=True)
class Pipe:
    """The pipe to the daemon. Several threads send; one frame at a time is written."""

    file: BinaryIO
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, message: messages.Message) -> None:
        frame = messages.encode(message)
        with self.lock:
            self.file.write(frame)
            self.file.flush()


class Inbox:
    """What the daemon sent: work in order, and the work that it cancelled or holds."""

    def __init__(self) -> None:
        self.work: queue.SimpleQueue[RunJob | FindFaces] = queue.SimpleQueue()
        self._cancelled: set[str] = set()
        self._held: set[str] = set()
        self._changed = threading.Condition()

    def listen(self, pipe: BinaryIO, on_end: Callable[[], object] = lambda: os._exit(0)) -> None:
        """Read messages until the daemon is gone, then end the process at once, in the middle of its work."""
        while (message := messages.read(pipe)) is not None:
            if isinstance(message, CancelWork):
                self.cancel(message.id)
            elif isinstance(message, HoldWork):
                self.hold(message.id, hold=message.hold)
            elif isinstance(message, RunJob | FindFaces):
                self._begin_anew(message.id)
                self.work.put(message)
        on_end()

    def cancel(self, work_id: str) -> None:
        """Note that this work is no longer wanted."""
        with self._changed:
            self._cancelled.add(work_id)
            self._changed.notify_all()

    def hold(self, work_id: str, *, hold: bool) -> None:
        """Note that this work is to wait, or to go on."""
        with self._changed:
            (self._held.add if hold else self._held.discard)(work_id)
            self._changed.notify_all()

    def _begin_anew(self, work_id: str) -> None:
        """Forget what came too late for an earlier attempt at this work."""
        with self._changed:
            self._cancelled.discard(work_id)
            self._held.discard(work_id)

    def stop_if_cancelled(self, job: str) -> None:
        """Raise `Cancelled` when the daemon has cancelled this job; while it is held, wait."""
        with self._changed:
            self._changed.wait_for(lambda: job in self._cancelled or job not in self._held)
            if job in self._cancelled:
                self._cancelled.discard(job)
                raise Cancelled("the job was cancelled")


class JobRunner:
    """One runtime and the pipe it reports on."""

    def __init__(self, runtime: WorkerRuntime, inbox: Inbox, pipe: Pipe) -> None:
        self._runtime = runtime
        self._inbox = inbox
        self._pipe = pipe

    def do(self, work: RunJob | FindFaces) -> None:
        """Do one piece of work and send its answer."""
        try:
            self._pipe.send(self._finish(work) if isinstance(work, RunJob) else self._find(work))
        except MienError as error:
            self._pipe.send(Failed(work.id, error.code, str(error), error.fields))
        except Exception as error:
            refusal: MienError | None = name_system_error(error)
            if is_out_of_device_memory(error):
                refusal = GpuOutOfMemory("the accelerator has too little free memory")
            if refusal is not None:
                log.error("job %s: the system refused", work.id, exc_info=error)
                self._pipe.send(Failed(work.id, refusal.code, str(refusal), refusal.fields))
                return
            log.exception("job %s failed", work.id)
            if is_broken_device(error):
                os._exit(BROKEN_DEVICE)
            self._pipe.send(Failed(work.id, "internal-error", ""))

    def _finish(self, job: RunJob) -> Finished:
        if job.kind == "help":  # the result is another worker's to make
            self._inbox.stop_if_cancelled(job.id)
            return run_clip(self._runtime, job, partial(self._tell_unless_needed, job.id))
        if job.kind == "check":
            return self._check(job)
        finished = self._run(job)
        leave_thumbnail(Path(job.output))
        return finished

    def _check(self, job: RunJob) -> Finished:
        if "pictures" in job.options:
            return check_segment(self._runtime, job)
        if not isinstance(self._runtime, ChecksResults):
            raise CheckUnavailable("this runtime looks at no results")
        picture = Path(job.target).read_bytes()
        self._runtime.check_made(picture, str(job.options["watermark"]))
        return Finished(job.id, {}, "", hashlib.sha256(picture).hexdigest())

    def _run(self, job: RunJob) -> Finished:
        self._inbox.stop_if_cancelled(job.id)
        if is_about_a_clip(job):
            finished = run_clip(self._runtime, job, partial(self._tell, job.id))
            self._inbox.stop_if_cancelled(job.id)
            return finished
        swapped = self._make(job)
        self._inbox.stop_if_cancelled(job.id)
        write_whole(Path(job.output), swapped.data, 0o600)
        return Finished(job.id, describe(swapped), swapped.media_type, hashlib.sha256(swapped.data).hexdigest())

    def _make(self, job: RunJob) -> Swapped:
        on_progress = partial(self._tell, job.id)
        target = Path(job.target).read_bytes()
        if job.kind == "restore":
            return self._runtime.restore(target, parse_restore_options(job.options), on_progress)
        people = [[Path(picture).read_bytes() for picture in person] for person in job.references]
        likes = [Path(picture).read_bytes() for picture in job.likes]
        if isinstance(self._runtime, ShowsPreviews):
            beside = Path(job.output).with_name(PREVIEW)
            self._runtime.show_previews(lambda picture: write_whole(beside, picture, 0o600))
        return self._runtime.swap(target, people, parse_options(job.options), on_progress, likes)

    def _tell(self, job: str, progress: Progress, segments: tuple[int, int] | None = None) -> None:
        self._inbox.stop_if_cancelled(job)
        self._pipe.send(Progressed(job, progress.stage, progress.done, progress.total, segments))

    def _tell_unless_needed(self, job: str, progress: Progress, segments: tuple[int, int]) -> None:
        """As `_tell`; help that is lent ends where other work waits."""
        if not self._inbox.work.empty():
            raise Cancelled("other work waits")
        self._tell(job, progress, segments)

    def _find(self, work: FindFaces) -> Faces:
        from mien_pipeline.faces.person import RIVAL_AREA

        found = self._runtime.find_faces(Path(work.picture).read_bytes())
        least = RIVAL_AREA * max((face.area for face in found), default=0.0)
        return Faces(work.id, [describe_face(at, face, prominent=face.area > least) for at, face in enumerate(found)])


def describe_face(index: int, face: "Face", *, prominent: bool) -> dict[str, object]:
    """A face as the API shows it: where it is, how it is turned, and whether the picture may be of it."""
    return {
        "index": index,
        "bbox": [round(float(edge), 1) for edge in face.bbox],
        "det_score": round(float(face.det_score), 3),
        "yaw_deg": round(float(face.yaw_deg), 1),
        "pitch_deg": round(float(face.pitch_deg), 1),
        "roll_deg": round(float(face.roll_deg), 1),
        "prominent": bool(prominent),
        "cautions": list(face.cautions),
    }


def is_out_of_device_memory(error: Exception) -> bool:
    """torch's own error, named rather than imported: most machines have no torch."""
    return type(error).__name__ == "OutOfMemoryError"


def is_broken_device(error: Exception) -> bool:
    """After any other CUDA error every later call fails too: one poisoned context served errors for 22 hours."""
    return type(error).__name__ == "AcceleratorError" or "CUDA error" in str(error)


def send_heartbeat(pipe: Pipe, runtime: list[WorkerRuntime]) -> None:
    """Tell the daemon every second that the process lives, until the pipe is closed.

    `runtime` is empty while it is being made.
    """
    pause = threading.Event()
    with suppress(OSError):
        while not pause.wait(HEARTBEAT_S):
            pipe.send(Heartbeat(runtime[0].engine_name if runtime else None))


def take_standard_streams() -> tuple[BinaryIO, Pipe]:
    """Keep the two pipes for frames and leave standard output to libraries that print."""
    incoming = os.fdopen(os.dup(0), "rb")
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return incoming, Pipe(outgoing)


def load_authority(state: Path) -> Authority:
    """What signs results, with its key: the cage has no way to where keys are kept.

    Where there is no key now, the first job is refused for it, and the daemon starts another worker.
    """
    authority = Authority(state)
    try:
        authority.hold()
    except MarkingFailed:
        log.exception("no key that signs could be had")
    return authority


def close_cage(set_up: SetUp) -> None:
    try:
        web = not set_up.offline and time_stamp_url() is not None
    except MarkingFailed:
        web = False  # it is said where it matters, with the first job
    isolate(worker_cage(set_up, web=web))


def main() -> None:
    log_to(logging.StreamHandler(sys.stderr))
    incoming, pipe = take_standard_streams()
    set_up = messages.read(incoming)
    if not isinstance(set_up, SetUp):
        sys.exit("the worker is started by the daemon")
    authority = load_authority(Path(set_up.state))
    close_cage(set_up)
    inbox = Inbox()
    loaded: list[WorkerRuntime] = []
    for target, arguments in ((inbox.listen, (incoming,)), (send_heartbeat, (pipe, loaded))):
        threading.Thread(target=target, args=arguments, daemon=True).start()
    runtime = make_runtime(set_up, authority)
    loaded.append(runtime)
    pipe.send(Ready())
    runtime.warm()
    runner = JobRunner(runtime, inbox, pipe)
    while True:
        runner.do(inbox.work.get())


if __name__ == "__main__":
    main()
