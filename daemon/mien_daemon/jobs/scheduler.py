"""Which executor runs which job: a free executor takes the next waiting job.

No more executors are started than jobs wait. Of several free ones the soonest goes first, then one that has the next
job's engine in memory.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import replace

from mien_api.errors import JobFinished, StateBusy, WorkerDied
from mien_core.errors import Cancelled, MienError
from mien_daemon.background import BackgroundTasks
from mien_daemon.events import Events
from mien_daemon.jobs.clip_help import ClipHelp
from mien_daemon.jobs.estimate import ProgressEstimate, find_clip_shares
from mien_daemon.jobs.executor import Executor
from mien_daemon.jobs.job import Job, State
from mien_daemon.jobs.precedence import Attempt, Precedence
from mien_daemon.jobs.store import JobStore
from mien_daemon.jobs.unfinished import RunningJob, UnfinishedJobs, duration_kind
from mien_daemon.jobs.work_folder import WorkFolder, WorkFolders
from mien_daemon.state.database import BUSY_S
from mien_daemon.worker.messages import Finished, Progressed, RunJob
from mien_daemon.worker.process import WorkerGone

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 2  # a job that killed two workers is not given a third
TROUBLE_S = 5.0  # before trying again when the disk would not take a change of state
START_S = 2.0  # how long the start waits for a locked database; then the daemon answers, and jobs begin later
LOST_S = 10.0  # after so long a job that is in no list and has not ended is ended
LOOK_EVERY_S = 0.1  # a cancelled job is looked at so often, beside every event
SETTLE_EVERY_S = 5.0  # between looks, without an event, whether batch work gives way to a person
NEEDED_EVERY_S = 0.25  # between looks of a free executor whether it is needed


class Scheduler:
    """Gives waiting jobs to free executors, and writes down what becomes of them."""

    def __init__(
        self,
        jobs: UnfinishedJobs,
        store: JobStore,
        folders: WorkFolders,
        executors: Sequence[Executor],
        events: Events,
    ) -> None:
        self._jobs = jobs
        self._store = store
        self._folders = folders
        self._executors = executors
        self._events = events
        self._attempts: dict[str, Attempt] = {}
        """The newest attempt at each job that is at work."""
        self._help = ClipHelp()
        self._precedence = Precedence(jobs, executors)
        self._stopping: set[str] = set()
        self._loops = BackgroundTasks()
        self._recovered = asyncio.Event()

    async def start(self) -> None:
        """Take up what the last daemon left, and begin; where another program locks the database, once it is free."""
        await self._folders.sweep()
        starting = self._loops.start(self._begin())
        await asyncio.wait([starting], timeout=START_S)
        if starting.done():
            starting.result()

    async def _begin(self) -> None:
        left = await self._store.recover()
        self._jobs.recover(left)
        await self._folders.sweep_runs({job.id for job in left} | await self._store.list_with_work())
        self._recovered.set()
        for place in range(len(self._executors)):
            self._loops.start(self._serve(place))
        self._loops.start(self._give_way())

    async def stop(self) -> None:
        """Interrupt the running jobs; the next daemon begins them again."""
        await self._loops.stop()
        self._folders.close()

    async def cancel(self, job: Job) -> Job:
        """Stop a job; it has stopped when this returns.

        Raises:
            JobFinished: it was done or had failed before.
        """
        await self._until_recovered()
        self._stopping.add(job.id)
        patience = LOST_S / LOOK_EVERY_S
        try:
            while True:
                waiting = self._jobs.waiting.find(job.id)
                if waiting is not None:
                    return await self._cancel_waiting(waiting)
                if not self._jobs.is_running(job.id):
                    job = await self._store.get(job.id)
                    if job.is_finished:
                        break
                    # Its end is just being written down; or it was lost from memory, and then it ends here.
                    patience -= 1
                    if patience < 0:
                        return await self._close(job, "cancelled")
                since = self._events.last
                if attempt := self._attempts.get(job.id):
                    await attempt.executor.cancel(job.id)
                await _at_most(LOOK_EVERY_S, self._events.wait_beyond(since))
        finally:
            self._stopping.discard(job.id)
        if job.state != "cancelled":
            raise JobFinished(f"the job is {job.state}", job=job.id, state=job.state)
        return job

    async def step_preview(self, job_id: str) -> bytes | None:
        """See `WorkFolders.step_preview`."""
        return await self._folders.step_preview(job_id)

    async def _cancel_waiting(self, job: Job) -> Job:
        """End a waiting job. Where the database does not take its end, the job keeps waiting."""
        self._jobs.waiting.take_out(job.id)
        try:
            return await self._close(job, "cancelled")
        except Exception:
            self._jobs.add(job)
            raise

    async def pause_clips(self) -> None:
        """Interrupt every running clip. It continues after its last finished segment when the queue is resumed."""
        for job_id, attempt in list(self._attempts.items()):
            if attempt.is_clip and job_id not in self._stopping:
                attempt.pauses = True
                await attempt.executor.cancel(job_id)

    async def _until_recovered(self) -> None:
        """Wait until the jobs of the last daemon are known.

        Raises:
            StateBusy: another program locks the database, so they are not yet.
        """
        try:
            async with asyncio.timeout(BUSY_S):
                await self._recovered.wait()
        except TimeoutError:
            raise StateBusy("another program has locked the database", retry_after_s=2) from None

    async def _give_way(self) -> None:
        """Keep batch work out of a person's way until the daemon stops."""
        while not self._events.closed:
            since = self._events.last  # every change of what waits and what runs is an event
            try:
                await self._precedence.settle(list(self._attempts.values()))
            except Exception:
                log.exception("batch work could not be kept out of a person's way")
            await _at_most(SETTLE_EVERY_S, self._events.wait_beyond(since))

    async def _serve(self, place: int) -> None:
        """Run one job after the other on the executor at this place, for ever."""
        executor = self._executors[place]
        while True:
            await self._help.lend(executor, self._until_needed(place))
            await executor.available()
            # The order may have changed while the executor started.
            running = self._jobs.begin(executor.engine if len(self._executors) > 1 else None)
            if running is not None:
                await self._perform(running, executor)

    async def _until_needed(self, place: int) -> None:
        """Return when more jobs wait than free executors stand before this one."""
        while True:
            await self._jobs.until_one_can_begin()
            if self._count_before(place) < len(self._jobs.waiting):
                return
            await _at_most(NEEDED_EVERY_S, self._jobs.until_changed())

    def _count_before(self, place: int) -> int:
        """How many free executors would take the next job before the one at `place`."""
        engine = self._jobs.waiting.next_engine()

        def rank(at: int) -> tuple[int, bool, int]:
            executor = self._executors[at]
            return executor.readiness(), executor.engine != engine, at

        at_work = [attempt.executor for attempt in self._attempts.values()]
        free = [at for at, executor in enumerate(self._executors) if executor not in at_work]
        return sum(rank(at) < rank(place) for at in free)

    async def _perform(self, running: RunningJob, executor: Executor) -> None:
        """Run one job to its end. No error of it ends the loop."""
        began, job = time.monotonic(), running.job
        attempt = self._attempts[job.id] = Attempt(executor, running)
        try:
            await self._store.change(job, patient=True)
            self._jobs.tell(job)
            job = await self._try(running, attempt)
        except Exception as error:
            if isinstance(error, MienError):
                log.error("job %s could not be written down; it waits: %s", job.id, error.code)
            else:
                log.exception("job %s could not be written down; it waits", job.id)
            if self._jobs.holds(running):
                job = self._jobs.requeue_first(job, counted=False)
            await asyncio.sleep(TROUBLE_S)
        finally:
            if self._attempts.get(job.id) is attempt:
                del self._attempts[job.id]
        log.info("job %s is %s after %.0f ms", job.id, job.state, 1000 * (time.monotonic() - began))

    async def _try(self, running: RunningJob, attempt: Attempt) -> Job:
        """The job as one attempt leaves it. It waits again only when its folder is gone: the next attempt makes it."""
        job = running.job
        async with self._folders.open(job.id) as folder:
            try:
                outcome = await self._run(running, attempt, folder)
            finally:
                await self._help.withdraw(job.id)
            if not self._waits_again(job, outcome, attempt):
                ended = await self._end(job, outcome, folder)
                if ended.state == "done" and not attempt.was_held:
                    self._jobs.learn(ended)
                folder.keeps_run = ended.leaves_work  # until the job is deleted, or expires
                return ended
        again = self._jobs.requeue_first(job, counted=isinstance(outcome, WorkerDied))
        return await self._store.change(again, patient=True)

    async def _run(self, running: RunningJob, attempt: Attempt, folder: WorkFolder) -> Finished | Exception:
        """What the executor made of a job: a checked result, or the error it ended with."""
        job = running.job
        shares = find_clip_shares(job.ask.options)
        estimate = ProgressEstimate(self._jobs.durations, duration_kind(job), clip_shares=shares)

        def on_progressed(message: Progressed) -> None:
            if message.segments is not None:
                self._watch_clip(attempt, work, message.segments)
            estimate.move(message.stage, message.done, message.total, message.segments)
            self._jobs.tell_progress(running, estimate)

        try:
            work = await folder.prepare(job)
            if attempt.pauses or job.id in self._stopping:
                raise Cancelled("the job was cancelled")
            finished = await attempt.executor.run(work, on_progressed)
            await folder.check(finished)
        except Exception as error:  # noqa: BLE001 every error becomes this job's problem document
            return error
        return finished

    def _watch_clip(self, attempt: Attempt, work: RunJob, segments: tuple[int, int]) -> None:
        """So many of so many segments of a clip are finished."""
        finished, total = segments
        self._precedence.note_segments(attempt, finished)
        if not attempt.is_clip:
            attempt.is_clip = True
            if self._jobs.is_paused:  # before it was known to be a clip
                self._loops.start(self.pause_clips())
        if total - finished > 1:
            self._help.offer(work)

    def _waits_again(self, job: Job, outcome: Finished | Exception, attempt: Attempt) -> bool:
        match outcome:
            case WorkerGone():
                return True
            case WorkerDied():
                return job.attempts < MAX_ATTEMPTS
            case Cancelled():
                return attempt.pauses and job.id not in self._stopping
            case _:
                return False

    async def _end(self, job: Job, outcome: Finished | Exception, folder: WorkFolder) -> Job:
        """Write down what became of a job."""
        match outcome:
            case Finished():
                return await self._keep(job, outcome, folder)
            case Cancelled():
                return await self._close(job, "cancelled", patient=True)
            case error:
                return await self._close(job, "failed", error, patient=True)

    async def _keep(self, job: Job, finished: Finished, folder: WorkFolder) -> Job:
        """The job is done: its picture, then its row, then the event."""
        done = replace(
            self._jobs.end(job, "done"),
            result=folder.name_left_out(finished.report),
            media_type=finished.media_type,
            result_sha256=finished.sha256,
        )
        await self._store.finish(done, folder.result, folder.thumbnail)
        self._jobs.close(done)
        return done

    async def _close(self, job: Job, state: State, error: Exception | None = None, *, patient: bool = False) -> Job:
        """The job ends without a picture: its row, then the event."""
        closed = await self._store.change(self._jobs.end(job, state, error), patient=patient)
        self._jobs.close(closed)
        return closed


async def _at_most(seconds: float, waiting: Awaitable[object]) -> None:
    """Wait for something, but no longer than this.

    `asyncio.wait_for` of Python 3.11 loses a cancel that comes in the moment in which it is done.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await waiting
