"""Every job that waits or runs, in memory, and what is told of it."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from mien_api.problems import problem_for
from mien_daemon.config import LiveSettings
from mien_daemon.events import Events
from mien_daemon.jobs.estimate import ProgressEstimate, StageDurations
from mien_daemon.jobs.job import Job, JobProgress, State, describe
from mien_daemon.jobs.waiting import WaitingJobs
from mien_daemon.state.clock import StateClock

TELL_EVERY_S = 0.1  # progress within a stage is told no more often


@dataclass(slots=True)
class RunningJob:
    """One job at work, and how far it is."""

    job: Job
    progress: JobProgress = field(default_factory=JobProgress)


class UnfinishedJobs:
    """The jobs that wait and the jobs that run; every change of one is an event."""

    def __init__(self, events: Events, settings: LiveSettings, clock: StateClock) -> None:
        self.waiting = WaitingJobs()
        self.durations = StageDurations()
        self.finished: Counter[State] = Counter()
        self._events = events
        self._settings = settings
        self._clock = clock
        self._running: dict[str, RunningJob] = {}
        self._changed = asyncio.Event()

    @property
    def is_paused(self) -> bool:
        """Whether no further job begins."""
        return self._settings.current.paused

    def find(self, job_id: str) -> Job | None:
        """A waiting or running job; None when it has finished or never was."""
        running = self._running.get(job_id)
        return running.job if running else self.waiting.find(job_id)

    def newest(self, job: Job) -> Job:
        """The job as it is now, where the disk may be a moment behind."""
        return self.find(job.id) or job

    def is_running(self, job_id: str) -> bool:
        """Whether this job is at work now."""
        return job_id in self._running

    def holds(self, running: RunningJob) -> bool:
        """Whether this very attempt is still at work: not ended, and not begun again elsewhere."""
        return self._running.get(running.job.id) is running

    def show(self, job: Job) -> dict[str, object]:
        """The job as the API shows it, with its progress."""
        running = self._running.get(job.id)
        return describe(job, running.progress if running else None, self._clock.show)

    def sum_progress(self, group: str, owner: str | None) -> float:
        """What the running jobs of a group have behind them, each 0..1; `owner` None means all clients'."""
        running = [each for each in self._running.values() if each.job.ask.group == group]
        return sum(each.progress.fraction for each in running if owner is None or each.job.owner == owner)

    def counts(self) -> dict[str, object]:
        """How many wait and run, and whether the queue is paused."""
        return {
            "queued": len(self.waiting),
            "running": len(self._running),
            "paused": self._settings.current.paused,
        }

    def recover(self, jobs: Iterable[Job]) -> None:
        """Take up what an earlier daemon left; no event tells of it."""
        self.waiting.put(*jobs)

    def add(self, job: Job) -> None:
        """Let a job wait, and tell."""
        self.waiting.put(job)
        self.tell(job)
        self._changed.set()

    async def until_one_can_begin(self) -> None:
        """Return when a job waits and the queue is not paused."""
        while self._settings.current.paused or not self.waiting:
            self._changed.clear()
            await self._changed.wait()

    async def until_changed(self) -> None:
        """Return when a job was added, or the queue was paused or resumed."""
        self._changed.clear()
        await self._changed.wait()

    def begin(self, engine: str | None = None) -> RunningJob | None:
        """Take the next waiting job as running; None when none waits any more or the queue was paused.

        `engine` is the one that its executor has in memory: see `WaitingJobs.take_next`.
        """
        if self._settings.current.paused or not self.waiting:
            return None
        job = self.waiting.take_next(engine)
        running = RunningJob(replace(job, state="running", attempts=job.attempts + 1, started_at=self._clock.now()))
        self._running[job.id] = running
        return running

    def requeue_first(self, job: Job, *, counted: bool) -> Job:
        """Let a running job wait again, before all others of its priority; `counted`: the attempt was its own fault."""
        again = replace(
            job,
            state="queued",
            started_at=None,
            attempts=job.attempts if counted else job.attempts - 1,
            position=self.waiting.first_position(job),
        )
        self._running.pop(job.id, None)
        self.add(again)
        return again

    def end(self, job: Job, state: State, error: Exception | None = None) -> Job:
        """The row of a job that ends now in this state."""
        now = self._clock.now()
        return replace(
            job,
            state=state,
            finished_at=now,
            expires_at=now + self._settings.current.keep_results_s,
            problem=problem_for(error) if error else None,
        )

    def close(self, job: Job) -> None:
        """Forget a finished job, and tell how it ended."""
        self._running.pop(job.id, None)
        self.finished[job.state] += 1
        self.tell(job)

    def learn(self, job: Job) -> None:
        """Take the stages in a finished job's report for the next estimate."""
        stages = job.result.get("stages") if job.result else None
        if isinstance(stages, dict):
            known: dict[object, object] = stages
            self.durations.learn(
                duration_kind(job),
                {str(name): float(taken) for name, taken in known.items() if isinstance(taken, int | float)},
            )

    def tell(self, job: Job) -> None:
        """Publish the job as it is."""
        self._events.publish("job", self.show(job), owner=job.owner, subject=job.id)

    def tell_counts(self) -> None:
        """Publish the counts, and let free executors look for a job again."""
        self._changed.set()
        self._events.publish("queue", self.counts())

    def tell_progress(self, running: RunningJob, estimate: ProgressEstimate) -> None:
        """Publish where a running job is: every new stage, and within a stage every `TELL_EVERY_S`."""
        if not self.holds(running):
            return
        progress, now = running.progress, time.monotonic()
        new_stage = progress.stage != estimate.stage
        progress.fraction, progress.stage, progress.eta_s = estimate.fraction, estimate.stage, estimate.eta_s
        progress.frames, progress.segments = estimate.frames, estimate.segments
        if new_stage or now - progress.published_at >= TELL_EVERY_S:
            progress.published_at = now
            self.tell(running.job)


def duration_kind(job: Job) -> str:
    """The key of `StageDurations`: jobs of the same kind and engine take alike."""
    return f"{job.ask.kind} {job.ask.options.get('engine', '')}"
