"""The queue: who goes first, one at a time, what becomes of it, and who hears of it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

from mien_api.errors import JobExpired, JobFinished, JobUnfinished, QueueFull, UnknownJob, WorkerDied
from mien_api.problems import problem_for
from mien_core.errors import Cancelled, MienError
from mien_core.files import write_whole
from mien_daemon.access.clients import Client
from mien_daemon.config import DAY_S, LiveSettings
from mien_daemon.events import Events
from mien_daemon.jobs.estimate import Course, Pace
from mien_daemon.jobs.job import Ask, Job, Progress, State, describe
from mien_daemon.jobs.store import JobStore
from mien_daemon.jobs.waiting import Line
from mien_daemon.pictures.blobs import Blobs, digest_of, require_headroom
from mien_daemon.worker.messages import Finished, Progressed, RunJob
from mien_daemon.worker.process import Life, WorkerGone
from mien_daemon.worker.supervisor import Worker

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")

MAX_ATTEMPTS = 2  # a job that killed two workers is not given a third
SWEEP_S = 60.0
FORGET_S = 30.0 * DAY_S  # how long the list still shows a job whose result is gone
TELL_EVERY_S = 0.1  # progress within a stage is told no more often
TROUBLE_S = 5.0  # before trying again when the disk would not take a change of state


class References(Protocol):
    """The consented reference library, as the queue needs it."""

    async def picture(self, reference_id: str) -> bytes:
        """The decrypted picture; raises `UnknownReference`."""
        ...

    async def require(self, reference_id: str) -> None:
        """Return if there is such a reference that may be used now; raises `UnknownReference`."""
        ...


class JobQueue:
    """Every job that is not finished, in memory and on the disk; finished ones only on the disk."""

    def __init__(
        self,
        store: JobStore,
        blobs: Blobs,
        worker: Worker,
        events: Events,
        settings: LiveSettings,
        references: References,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._worker = worker
        self._events = events
        self._settings = settings
        self._references = references
        self._pace = Pace()
        self._waiting = Line()
        self._running: Job | None = None
        self._progress: dict[str, Progress] = {}
        self._stopping: set[str] = set()
        self._changing = asyncio.Lock()  # one change of the order at a time
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[object]] = set()
        self._standing: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take up what the last daemon left."""
        self._waiting.put(*await self._store.recover())
        await self._blobs.forget_used_faces()
        self._standing = [asyncio.create_task(self._serve()), asyncio.create_task(self._sweep())]

    async def stop(self) -> None:
        """Interrupt the running job; the next daemon begins it again."""
        unfinished = [*self._standing, *self._tasks]
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        self._store.leave()

    # ── what clients ask ─────────────────────────────────────────────────────────────────────────────────

    async def submit(self, client: Client, ask: Ask, key: str | None = None, digest: str = "") -> Job:
        """Take a job; it is on the disk when this returns.

        Raises:
            IdempotencyKeyReused: `key` came before with a body of another `digest`.
            QueueFull, DiskFull: not now.
            UnknownBlob, UnknownReference, InvalidImage, ImageTooLarge: `field` or `blob` says which picture.
        """
        if key is not None and (before := await self._store.known(client.id, key, digest)):
            return self._newest(before)
        self._require_room()
        await self._inspect(client, ask)
        require_headroom(self._store.results)
        return await self._whole(self._admit(client, ask, key, digest))

    async def get(self, client: Client, job_id: str) -> Job:
        """One job that this client may see.

        Raises:
            UnknownJob: there is none, or it is somebody else's, which is the same to a client.
        """
        job = self._unfinished(job_id) or await self._store.get(job_id)
        if not client.sees(job.owner):
            raise UnknownJob("there is no such job", job=job_id)
        return job

    async def page(self, client: Client, states: Sequence[State], before: int | None, size: int) -> Sequence[Job]:
        """Newest first, those this client may see."""
        owner = None if client.may("admin") else client.id
        return [self._newest(job) for job in await self._store.page(owner, states, before, size)]

    def show(self, job: Job) -> dict[str, object]:
        """The job as the API shows it, with its progress."""
        return describe(job, self._progress.get(job.id))

    async def change_of(self, job_id: str, since: int) -> None:
        """Return at the first event after `since` that concerns this job."""
        while True:
            await self._events.beyond(since)
            happened = self._events.since(since)
            if self._events.closed or happened is None or any(event.subject == job_id for event in happened):
                return
            since = happened[-1].number

    async def result(self, client: Client, job_id: str) -> tuple[Job, Path]:
        """A finished job and where its picture lies.

        Raises:
            UnknownJob
            JobUnfinished: nothing yet.
            JobFinished: never, it failed or was cancelled.
            JobExpired: no longer.
        """
        job = await self.get(client, job_id)
        if not job.is_finished:
            raise JobUnfinished(f"the job is {job.state}", job=job_id, state=job.state)
        if job.state != "done":
            raise JobFinished(f"the job is {job.state} and has no result", job=job_id, state=job.state)
        path = self._store.result(job_id)
        if job.result_sha256 is None or not path.exists():
            raise JobExpired("the result was kept for its time and is gone", job=job_id)
        return job, path

    async def cancel(self, client: Client, job_id: str) -> Job:
        """Stop a job; it has stopped when this returns.

        Raises:
            JobFinished: it was done or had failed before.
        """
        return await self._whole(self._cancel(await self.get(client, job_id)))

    async def retry(self, client: Client, job_id: str) -> Job:
        """Queue a failed or cancelled job again, with both its attempts.

        Raises:
            JobFinished: it is done. JobUnfinished: it has not finished yet.
            UnknownBlob: its pictures are gone.
        """
        job = await self.get(client, job_id)
        _require_repeatable(job)
        self._require_room()
        await self._inspect(client, job.ask)
        return await self._whole(self._requeue(job))

    async def delete(self, client: Client, job_id: str) -> None:
        """Forget a job and its result; one that has not finished is cancelled first."""
        await self._whole(self._delete(await self.get(client, job_id)))

    async def delete_finished(self, client: Client) -> int:
        """Forget every finished job that this client may see; returns how many there were."""
        owner, gone = (None if client.may("admin") else client.id), 0
        while jobs := await self._store.page(owner, ("done", "failed", "cancelled"), None, 100):
            for job in jobs:
                await self._whole(self._delete(job))
            gone += len(jobs)
        return gone

    async def move(self, client: Client, job_id: str, before: str | None) -> Job:
        """Put a waiting job before another one, whose priority it takes on, or at the very end.

        Raises:
            JobFinished, JobUnfinished: one of the two is not waiting.
        """
        for each in filter(None, (job_id, before)):
            job = await self.get(client, each)
            if job.state == "running":
                raise JobUnfinished("the job is running", job=each, state=job.state)
            if job.is_finished:
                raise JobFinished(f"the job is {job.state}", job=each, state=job.state)
        return await self._whole(self._move(job_id, before))

    def pause(self, paused: bool) -> None:
        """Start nothing new; what runs goes on."""
        if paused != self._settings.current.paused:
            self._settings.change({"paused": paused})
        self.settings_changed()

    def settings_changed(self) -> None:
        """Take note of what a person set."""
        self._wake.set()
        self._events.publish("queue", self.counts())

    async def keep_for(self, seconds: int) -> None:
        """Let finished jobs expire so long after they finished."""
        await self._store.keep_for(seconds)

    def counts(self) -> dict[str, object]:
        return {
            "queued": len(self._waiting),
            "running": 1 if self._running else 0,
            "paused": self._settings.current.paused,
        }

    # ── changes that must not stop half way ──────────────────────────────────────────────────────────────

    async def _whole(self, change: Coroutine[object, object, Answer]) -> Answer:
        """Finish a change even when the client that asked for it goes away in the middle."""
        task = asyncio.ensure_future(change)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def _admit(self, client: Client, ask: Ask, key: str | None, digest: str) -> Job:
        async with self._changing:
            self._require_room()
            job, is_new = await self._store.add(client.id, ask, key, digest)
            if is_new:
                self._line_up(job)
        return self._newest(job)

    async def _cancel(self, job: Job) -> Job:
        if self._waiting.take_out(job.id):
            return await self._close(job, "cancelled")
        self._stopping.add(job.id)
        try:
            while self._running and self._running.id == job.id:
                since = self._events.last
                await self._worker.cancel(job.id)
                await _at_most(0.1, self._events.beyond(since))
        finally:
            self._stopping.discard(job.id)
        job = self._unfinished(job.id) or await self._store.get(job.id)
        if not job.is_finished:
            return await self._cancel(job)  # its worker died just then, and it is waiting again
        if job.state != "cancelled":
            raise JobFinished(f"the job is {job.state}", job=job.id, state=job.state)
        return job

    async def _requeue(self, job: Job) -> Job:
        async with self._changing:
            _require_repeatable(self._unfinished(job.id) or await self._store.get(job.id))  # somebody may be quicker
            again = replace(
                job,
                state="queued",
                position=self._waiting.last_position(job),
                attempts=0,
                started_at=None,
                finished_at=None,
                expires_at=None,
                problem=None,
            )
            self._line_up(await self._store.change(again))
        return again

    async def _delete(self, job: Job) -> None:
        unfinished = None if job.is_finished else job
        while True:
            if unfinished:
                with suppress(JobFinished):
                    await self._cancel(unfinished)
            async with self._changing:  # nobody repeats it now
                unfinished = self._unfinished(job.id)
                if unfinished is None:
                    await self._store.delete(job.id)
                    break
        self._events.publish("job-deleted", {"id": job.id}, owner=job.owner, subject=job.id)

    async def _move(self, job_id: str, before: str | None) -> Job:
        async with self._changing:
            moving = self._waiting.find(job_id)
            if moving is None:
                raise JobUnfinished("the job is running", job=job_id, state="running")
            order = self._waiting.with_moved(moving, before)
            await self._store.change_all(order)
            self._waiting.reorder(order)  # meanwhile the first may have been started
        moved = next(job for job in order if job.id == job_id)
        self._tell(moved)
        self._events.publish("queue", self.counts())
        return moved

    # ── one job after the other ──────────────────────────────────────────────────────────────────────────

    async def _serve(self) -> None:
        while True:
            await self._something_to_do()
            life = await self._worker.available()
            job = self._next()
            if job is not None:
                await self._perform(job, life)

    async def _something_to_do(self) -> None:
        while self._settings.current.paused or not self._waiting:
            self._wake.clear()
            await self._wake.wait()

    def _next(self) -> Job | None:
        """The first in line, taken out of it; the order may have changed while the worker started."""
        if self._settings.current.paused or not self._waiting:
            return None
        job = self._waiting.take_first()
        self._running = replace(job, state="running", attempts=job.attempts + 1, started_at=time.time())
        self._progress[job.id] = Progress()
        return self._running

    async def _perform(self, job: Job, life: Life) -> None:
        """Run one job to whatever end. Nothing that goes wrong with it ends the queue."""
        began = time.monotonic()
        try:
            await self._store.change(job)
            self._tell(job)
            job = await self._outcome(job, life)
        except Exception:
            log.exception("job %s could not be written down; it waits", job.id)
            self._back(job, counted=False)
            await asyncio.sleep(TROUBLE_S)
        log.info("job %s is %s after %.0f ms", job.id, job.state, 1000 * (time.monotonic() - began))

    async def _outcome(self, job: Job, life: Life) -> Job:
        try:
            finished = await self._work(job, life)
        except WorkerGone:
            return await self._store.change(self._back(job, counted=False))
        except WorkerDied as error:
            if job.attempts < MAX_ATTEMPTS:
                return await self._store.change(self._back(job, counted=True))
            return await self._close(job, "failed", error)
        except Cancelled:
            return await self._close(job, "cancelled")
        except Exception as error:  # noqa: BLE001 whatever it is becomes this job's problem document
            return await self._close(job, "failed", error)
        return await self._close(job, "done", finished=finished)

    async def _work(self, job: Job, life: Life) -> Finished:
        """Lay out the files, have the worker do it, and clear away what was secret."""
        opened: list[Path] = []
        try:
            references = [str(await self._lay_out(name, job, opened)) for name in job.ask.references]
            work = RunJob(
                job.id,
                job.ask.kind,
                str(self._blobs.path(digest_of(job.ask.target))),
                references,
                job.ask.options,
                str(self._store.spool / job.id),
            )
            if job.id in self._stopping:
                raise Cancelled("the job was cancelled")
            return await self._worker.run(life, work, self._listener(job))
        finally:
            for path in opened:
                path.unlink(missing_ok=True)

    async def _lay_out(self, name: str, job: Job, opened: list[Path]) -> Path:
        """Where the worker finds a picture; one from the library is decrypted for just this job."""
        if not name.startswith("ref:"):
            return self._blobs.path(digest_of(name))
        path = self._store.opened / f"{job.id}.reference{len(opened)}"
        opened.append(path)
        write_whole(path, await self._references.picture(name.removeprefix("ref:")), 0o600)
        return path

    def _listener(self, job: Job) -> "_Listener":
        return _Listener(self, job, Course(self._pace, _pace_of(job)))

    async def _close(
        self, job: Job, state: State, error: Exception | None = None, finished: Finished | None = None
    ) -> Job:
        """Write down how a job ended, then tell."""
        now = time.time()
        job = replace(job, state=state, finished_at=now, expires_at=now + self._settings.current.keep_results_s)
        if finished is not None:
            job = replace(job, result=finished.report, media_type=finished.media_type, result_sha256=finished.sha256)
            await self._store.finish(job, self._store.spool / job.id)
            self._learn(job, finished)
        else:
            (self._store.spool / job.id).unlink(missing_ok=True)
            job = replace(job, problem=problem_for(error) if error else None)
            await self._store.change(job)
        if self._running and self._running.id == job.id:
            self._running = None
        self._progress.pop(job.id, None)
        self._tell(job)
        return job

    def _back(self, job: Job, *, counted: bool) -> Job:
        """First in its line again, after something that was not the job's own failure, or not yet."""
        again = replace(
            job,
            state="queued",
            started_at=None,
            attempts=job.attempts if counted else job.attempts - 1,
            position=self._waiting.first_position(job),
        )
        self._running = None
        self._progress.pop(job.id, None)
        self._line_up(again)
        return again

    def _learn(self, job: Job, finished: Finished) -> None:
        stages = finished.report.get("stages")
        if isinstance(stages, dict):
            known: dict[object, object] = stages
            self._pace.learn(
                _pace_of(job),
                {str(name): float(taken) for name, taken in known.items() if isinstance(taken, int | float)},
            )

    # ── the line ─────────────────────────────────────────────────────────────────────────────────────────

    def _line_up(self, job: Job) -> None:
        self._waiting.put(job)
        self._tell(job)
        self._wake.set()

    def _require_room(self) -> None:
        if len(self._waiting) >= self._settings.current.max_queued:
            typical = self._pace.typical_s(_pace_of(next(iter(self._waiting)))) or 10.0
            raise QueueFull(
                "the queue is full", queued=len(self._waiting), retry_after_s=int(min(max(typical, 1.0), 60.0))
            )

    async def _inspect(self, client: Client, ask: Ask) -> None:
        """Refuse now what could only fail later; a bomb is never handed to a decoder."""
        fields = ["target", *("reference" for _ in ask.references)]
        for name, field in zip((ask.target, *ask.references), fields, strict=True):
            if name.startswith("ref:"):
                await self._references.require(name.removeprefix("ref:"))
                continue
            digest = digest_of(name)
            await self._blobs.require(digest, client, field)
            try:
                await self._blobs.inspect(digest)
            except MienError as error:
                error.fields.setdefault("field", field)
                raise

    def _unfinished(self, job_id: str) -> Job | None:
        if self._running and self._running.id == job_id:
            return self._running
        return self._waiting.find(job_id)

    def _newest(self, job: Job) -> Job:
        return self._unfinished(job.id) or job

    def _tell(self, job: Job) -> None:
        self._events.publish("job", self.show(job), owner=job.owner, subject=job.id)

    def tell_progress(self, job: Job, course: Course) -> None:
        """Pass on where a running job is, not more often than anybody looks."""
        progress = self._progress.get(job.id)
        if progress is None:
            return
        now = time.monotonic()
        new_stage = progress.stage != course.stage
        progress.fraction, progress.stage, progress.eta_s = course.fraction, course.stage, course.eta_s
        if new_stage or now - progress.published_at >= TELL_EVERY_S:
            progress.published_at = now
            self._tell(job)

    async def _sweep(self) -> None:
        """Let go, once a minute, of what has been kept for its time."""
        while True:
            try:
                await self._store.expire(FORGET_S)
                await self._blobs.sweep()
            except Exception:
                log.exception("what has expired could not be deleted")
            await asyncio.sleep(SWEEP_S)


class _Listener:
    """Turns what the worker says of one job into progress that is told."""

    def __init__(self, jobs: JobQueue, job: Job, course: Course) -> None:
        self._jobs = jobs
        self._job = job
        self._course = course

    def __call__(self, message: Progressed) -> None:
        self._course.move(message.stage, message.done, message.total)
        self._jobs.tell_progress(self._job, self._course)


def _require_repeatable(job: Job) -> None:
    if job.state == "done":
        raise JobFinished("a job that is done is not repeated; post it again", job=job.id, state=job.state)
    if not job.is_finished:
        raise JobUnfinished(f"the job is {job.state}", job=job.id, state=job.state)


def _pace_of(job: Job) -> str:
    """Jobs of the same kind and engine take alike."""
    return f"{job.ask.kind} {job.ask.options.get('engine', '')}"


async def _at_most(seconds: float, waiting: Awaitable[object]) -> None:
    """Wait for something, but not for ever."""
    try:
        await asyncio.wait_for(waiting, seconds)
    except TimeoutError:
        return
