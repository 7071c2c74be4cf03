"""A person's job before batch work that is at work already.

Where a person's job needs the executor of a batch job, or a search for faces waits for it, the batch job stops at its
next step. It waits again, before all other batch jobs. A batch job that would take processor time from a person's
picture waits at its next step while that is made.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mien_daemon.jobs.executor import Executor
from mien_daemon.jobs.job import Job, Priority
from mien_daemon.jobs.unfinished import RunningJob, UnfinishedJobs
from mien_daemon.worker.readiness import Readiness

# A batch job that gave way so often runs through. Of a clip a finished segment is not lost: it counts anew from there.
MOST_GIVEN_WAY = 4
ALMOST_DONE = 0.9  # of a job: to wait for the rest costs a person less than the batch would lose
LATE_S = 5.0  # what has not stopped so long after it was told may hang in native code: the next is stopped


@dataclass(eq=False)
class Attempt:
    """A job on an executor. Another attempt at the same job may begin before this one is put away.

    Attributes:
        is_clip: as its executor tells.
        pauses: it was told to stop, and waits again then.
        told_at: when a person's job had it told so, as `time.monotonic`.
        held_for: the person's job for which it waits in its executor.
        was_held: it has waited so, and what its stages took says nothing of the next job.
    """

    executor: Executor
    running: RunningJob
    is_clip: bool = False
    pauses: bool = False
    told_at: float | None = None
    held_for: str | None = None
    was_held: bool = False

    @property
    def job(self) -> Job:
        return self.running.job

    @property
    def is_batch(self) -> bool:
        return self.job.ask.priority == Priority.batch

    @property
    def is_about_to_stop(self) -> bool:
        """Whether it was told to stop, and not so long ago that it may never."""
        is_late = self.told_at is not None and time.monotonic() - self.told_at >= LATE_S
        return self.pauses and not is_late

    @property
    def is_almost_done(self) -> bool:
        """Whether little is left; of a clip whose segments are all made, to join, mark and sign it."""
        progress = self.running.progress
        if not self.is_clip:
            return progress.fraction >= ALMOST_DONE
        finished, total = progress.segments or (0, 1)
        # Before it is known how many there are, "detect" tells of as many as an earlier attempt left.
        return progress.stage == "mark" or (progress.stage == "generate" and finished >= total)


class Precedence:
    """Stops and holds batch jobs for a person's, and knows how often each has given way."""

    def __init__(self, jobs: UnfinishedJobs, executors: Sequence[Executor]) -> None:
        self._jobs = jobs
        self._executors = executors
        self._stopped: Counter[str] = Counter()
        self._held: Counter[str] = Counter()
        self._segments: dict[str, int] = {}
        """How many segments of a clip were finished at most; the next attempt begins with them."""

    async def settle(self, attempts: Sequence[Attempt]) -> None:
        """Stop, hold and let go as it is right now. It does nothing twice.

        Call it after every event, and now and then without one: what is late to stop tells nothing.

        Args:
            attempts: the newest at each job.
        """
        self._forget_finished()
        await self._stop_for_searches([each for each in attempts if self._jobs.holds(each.running)])
        await self._stop_for_waiting([each for each in attempts if self._jobs.holds(each.running)])
        await self._hold_beside([each for each in attempts if self._jobs.holds(each.running)])

    def note_segments(self, attempt: Attempt, finished: int) -> None:
        """So many segments of a clip are finished."""
        job_id = attempt.job.id
        if finished > self._segments.setdefault(job_id, finished):
            self._segments[job_id] = finished
            self._stopped.pop(job_id, None)
            self._held.pop(job_id, None)

    async def _stop_for_searches(self, at_work: Sequence[Attempt]) -> None:
        """Stop the batch jobs behind which a search for faces waits: a person chooses among them."""
        for attempt in at_work:
            if attempt.executor.is_wanted and self._may_stop(attempt) and self._jobs.holds(attempt.running):
                await self._stop(attempt)

    async def _stop(self, attempt: Attempt) -> None:
        attempt.pauses, attempt.told_at = True, time.monotonic()
        self._stopped[attempt.job.id] += 1
        await attempt.executor.interrupt(attempt.job.id)

    async def _stop_for_waiting(self, at_work: Sequence[Attempt]) -> None:
        """Stop as many batch jobs as a person's jobs wait for an executor."""
        busy = [each.executor for each in at_work]
        free = sum(each not in busy and each.readiness() is Readiness.READY for each in self._executors)
        short = len(self._persons_waiting()) - free - sum(each.is_about_to_stop for each in at_work)
        engine = self._jobs.waiting.next_engine()
        able = [each for each in at_work if self._may_stop(each)]
        able.sort(key=lambda each: (each.executor.engine != engine, each.running.progress.fraction))
        for attempt in able[: max(0, short)]:
            if self._jobs.holds(attempt.running):  # it may have ended while another was told
                await self._stop(attempt)

    async def _hold_beside(self, at_work: Sequence[Attempt]) -> None:
        """Hold batch jobs beside a person's picture, and let go of those that are held for none."""
        pictures = (each.job.id for each in at_work if not each.is_batch and not each.is_clip)
        person = next(pictures, None)
        for attempt in at_work:
            wanted = person if person and self._may_hold(attempt, person) else None
            # It may have ended while another was told, and its next attempt would be held in its place.
            if wanted == attempt.held_for or not self._jobs.holds(attempt.running):
                continue
            if (wanted is None) == (attempt.held_for is None) or await self._tell(attempt, hold=wanted is not None):
                attempt.held_for = wanted
                attempt.was_held |= wanted is not None
                self._held[attempt.job.id] += wanted is not None and self._jobs.holds(attempt.running)

    async def _tell(self, attempt: Attempt, *, hold: bool) -> bool:
        """Whether the executor does as it is told; what it lets go of, or does no more, is never held."""
        return await attempt.executor.hold(attempt.job.id, hold=hold) or not hold

    def _may_hold(self, attempt: Attempt, person: str) -> bool:
        is_counted = attempt.held_for == person
        return self._may_stop(attempt) and (is_counted or self._held[attempt.job.id] < MOST_GIVEN_WAY)

    def _may_stop(self, attempt: Attempt) -> bool:
        """Whether a job may be stopped. Only such a job is held: else a person could wait for one that is."""
        if not attempt.is_batch or attempt.pauses or attempt.is_almost_done:
            return False
        return self._stopped[attempt.job.id] < MOST_GIVEN_WAY

    def _persons_waiting(self) -> list[str]:
        if self._jobs.is_paused:
            return []
        return [job.id for job in self._jobs.waiting if job.ask.priority == Priority.interactive]

    def _forget_finished(self) -> None:
        for known in (self._stopped, self._held, self._segments):
            for job_id in [each for each in known if self._jobs.find(each) is None]:
                del known[job_id]
