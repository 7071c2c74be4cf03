"""A queue, its scheduler and fake executors on a real database: everything of a job but the worker process."""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mien_api.errors import WorkerDied
from mien_core.errors import Cancelled, NoFaceFound, UnknownReference
from mien_daemon.access.clients import LOCAL, Client
from mien_daemon.config import LiveSettings
from mien_daemon.events import Events
from mien_daemon.jobs.admission import Admission
from mien_daemon.jobs.job import Job, JobRequest, Kind, Priority, State
from mien_daemon.jobs.queue import JobQueue
from mien_daemon.jobs.scheduler import Scheduler
from mien_daemon.jobs.store import JobStore
from mien_daemon.jobs.unfinished import UnfinishedJobs
from mien_daemon.jobs.work_folder import WorkFolders
from mien_daemon.pictures.blobs import PictureBlobs
from mien_daemon.state.database import Database
from mien_daemon.worker.messages import ClipRead, Finished, HeaderRead, Progressed, ReadClip, RunJob
from mien_daemon.worker.process import OnProgressed, WorkerGone
from mien_daemon.worker.readiness import Readiness
from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.media.clip.probe import probe_part
from mien_pipeline.media.probe import probe
from mien_testing.daemon import config_for, name_of, png
from mien_testing.runtime import ORDER

REPORT: Mapping[str, object] = {"engine": "flux", "stages": {"generate": 4.0}}
SEALED = b"a face of the library"
MOST_SEGMENTS = 100  # of a clip; no test goes so far


class FakeExecutor:
    """Runs no process and takes its orders from the prompt, as `FakeRuntime` does.

    `gate=NAME` waits until that gate is set; `fail` refuses; `crash` raises what was not expected; `die` ends the
    executor, `die_once` the first time; `gone` the first time takes nothing; `lie` returns another digest; `clip` has
    segments: each attempt goes on from those in the run's folder and finishes one; a `stuck` one only the first time.
    A clip that is `joined` has none left to make. The result is the target. Work that is held waits before its end;
    `holds` tells what was held and let go.
    """

    def __init__(self) -> None:
        self.engine: str | None = None
        self.is_ready = Readiness.READY
        self.is_wanted = False
        self.asked = 0  # how often it was asked to be available
        self.free = asyncio.Event()
        self.free.set()
        self.ran: list[RunJob] = []
        self.gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.cancelled = asyncio.Event()
        self.holds: asyncio.Queue[tuple[str, bool]] = asyncio.Queue()
        self._let_go: dict[str, asyncio.Event] = {}
        self._stops: dict[str, asyncio.Event] = {}

    def readiness(self) -> Readiness:
        return self.is_ready

    async def available(self) -> None:
        self.asked += 1
        await self.free.wait()

    async def run(self, work: RunJob, on_progressed: OnProgressed) -> Finished:
        orders = dict(ORDER.findall(str(work.options.get("prompt", ""))))
        is_first = all(before.id != work.id for before in self.ran)
        self.ran.append(work)
        if "gone" in orders and is_first:
            raise WorkerGone
        stop = self._stops[work.id] = asyncio.Event()
        self._let_go[work.id] = asyncio.Event()
        self._let_go[work.id].set()
        made = _count_segments(Path(work.run)) if "clip" in orders else 0
        finishes = "clip" in orders and (is_first or "stuck" not in orders)
        total = made + 1 if "joined" in orders else MOST_SEGMENTS
        if "clip" in orders:
            on_progressed(Progressed(work.id, "detect", 0, 1, (0, 0)))  # as the worker, before it has looked
        for done in (0, 1):
            segments = (made + done * finishes, total) if "clip" in orders else None
            on_progressed(Progressed(work.id, "generate", done, 2, segments))
        if finishes:
            _leave_mark(Path(work.run), f"attempt{len(self.ran)}")
        if "gate" in orders:
            await _until_either(stop, self.gates[orders["gate"]])
        await _until_either(stop, self._let_go[work.id])
        del self._let_go[work.id]
        if stop.is_set():
            raise Cancelled("the job was cancelled")
        return self._obey(orders, work, is_first)

    def _obey(self, orders: Mapping[str, str], work: RunJob, is_first: bool) -> Finished:
        if "die" in orders or ("die_once" in orders and is_first):
            raise WorkerDied("the worker process died")
        if "fail" in orders:
            raise NoFaceFound("as the test wants it", role="target")
        if "crash" in orders:
            raise ZeroDivisionError("a secret")
        result = Path(work.target).read_bytes()
        Path(work.output).write_bytes(result)
        digest = hashlib.sha256(b"" if "lie" in orders else result).hexdigest()
        return Finished(work.id, REPORT, "image/png", digest)

    async def cancel(self, work_id: str) -> None:
        self.cancelled.set()
        if stop := self._stops.get(work_id):
            stop.set()

    async def interrupt(self, work_id: str) -> None:
        await self.cancel(work_id)

    async def hold(self, work_id: str, *, hold: bool) -> bool:
        if work_id not in self._let_go:
            return False
        (self._let_go[work_id].clear if hold else self._let_go[work_id].set)()
        self.holds.put_nowait((work_id, hold))
        return True

    async def find_faces(self, picture: str) -> Sequence[Mapping[str, object]]:
        return []


async def _until_either(one: asyncio.Event, other: asyncio.Event) -> None:
    waits = [asyncio.create_task(event.wait()) for event in (one, other)]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def _count_segments(run: Path) -> int:
    return len(list(run.iterdir())) if run.is_dir() else 0


def _leave_mark(run: Path, name: str) -> None:
    run.mkdir(exist_ok=True)
    (run / name).touch()


async def read_header(path: Path, _: Client) -> HeaderRead:
    """What a header says, without a process of its own."""
    info = probe(path)
    return HeaderRead(info.format, info.width, info.height)


async def read_clip(wanted: ReadClip, _: Client) -> ClipRead:
    """What a clip is, without a process of its own."""
    clip = probe_part(Path(wanted.clip), wanted.begin_s, wanted.end_s)
    return ClipRead(clip.codec, *clip.seen_size, clip.frames, clip.duration_s)


class FakeReferences:
    """A library with "ada", of whom it has one picture, and "cy", of whom it has 19."""

    async def pictures(self, reference_id: str) -> Mapping[str, bytes]:
        return {f"p{number}": SEALED for number in range(await self.count(reference_id))}

    async def count(self, reference_id: str) -> int:
        counts = {"ada": 1, "cy": 19}
        if reference_id in counts:
            return counts[reference_id]
        raise UnknownReference("there is no such reference", reference=reference_id)


@dataclass(frozen=True)
class JobRoom:
    """Every part of the jobs, as `create_app` puts them together."""

    state: Path
    settings: LiveSettings
    events: Events
    blobs: PictureBlobs
    jobs: UnfinishedJobs
    store: JobStore
    folders: WorkFolders
    scheduler: Scheduler
    admission: Admission
    queue: JobQueue
    database: Database

    async def put(self, picture: bytes | None = None, client: Client = LOCAL) -> str:
        """Send a picture; its name."""
        data = png() if picture is None else picture

        async def chunks() -> AsyncGenerator[bytes]:
            yield data

        await self.blobs.put(name_of(data).removeprefix("sha256:"), client, chunks(), len(data))
        return name_of(data)

    async def submit(
        self,
        orders: str = "",
        *,
        client: Client = LOCAL,
        priority: Priority = Priority.interactive,
        reference: str | None = None,
        key: str | None = None,
        digest: str = "",
    ) -> Job:
        """Ask for a swap that a fake executor does as ordered."""
        target = await self.put(client=client)
        ask = JobRequest("swap", target, ((reference or target,),), {"engine": "flux", "prompt": orders}, priority)
        return await self.queue.submit(client, ask, key, digest)

    async def until(self, job: Job, *states: State) -> Job:
        """The job, as soon as it is in one of these states."""
        async with asyncio.timeout(60):
            while True:
                since = self.events.last
                now = await self.queue.get(LOCAL, job.id)
                if now.state in states:
                    return now
                assert not now.is_finished, now
                await self.events.wait_beyond(since)

    async def finished(self, job: Job) -> Job:
        """The job, as soon as it ended."""
        return await self.until(job, "done", "failed", "cancelled")

    def states_told(self, job: Job) -> list[object]:
        """The states that events told of a job, without repetitions."""
        told = [event.data["state"] for event in self.events.since(0) or () if event.subject == job.id]
        return [state for at, state in enumerate(told) if at == 0 or told[at - 1] != state]


@asynccontextmanager
async def open_jobs(state: Path, *executors: FakeExecutor, **settings: object) -> AsyncGenerator[JobRoom]:
    """The jobs of a state folder, with these executors; leave the block and they stop."""
    config = config_for(state, **settings)
    live, events, database = LiveSettings(config), Events(), Database(state)
    blobs, references = PictureBlobs(state, database, live, read_header), FakeReferences()
    jobs, store = UnfinishedJobs(events, live, database.clock), JobStore(database, state)
    folders = WorkFolders(state, blobs, references)
    scheduler = Scheduler(jobs, store, folders, executors, events)
    admission = Admission(jobs, blobs, references, live, read_clip, ModelStore(state / "models", load_catalogue({})))
    queue = JobQueue(jobs, store, scheduler, admission, events, live)
    try:
        await scheduler.start()
        yield JobRoom(state, live, events, blobs, jobs, store, folders, scheduler, admission, queue, database)
    finally:
        await scheduler.stop()
        await queue.stop()
        database.close()


def make_job(
    name: str = "a", position: float = 1.0, priority: Priority = Priority.interactive, *, kind: Kind = "swap"
) -> Job:
    """A waiting job, as the store would return it."""
    ask = JobRequest(kind, "sha256:" + "0" * 64, (("sha256:" + "1" * 64,),), {"engine": "flux"}, priority)
    return Job(1, name, LOCAL.id, ask, "queued", position, 0, 100.0)
