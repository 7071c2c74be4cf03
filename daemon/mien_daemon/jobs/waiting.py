"""Every job that waits, in the order in which they will begin."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from mien_daemon.jobs.job import Job, Priority

AHEAD = 16  # so many jobs are looked through for one of an engine that is in memory
MOST_OVERTAKEN = 4  # a job that so many later ones went before goes next


class WaitingJobs:
    """Jobs by priority, then by position. In memory; `JobStore` persists it."""

    def __init__(self) -> None:
        self._jobs: list[Job] = []
        self._overtaken: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Job]:
        return iter(self._jobs)

    def put(self, *jobs: Job) -> None:
        """Add jobs in their place; one with a known id replaces the older one.

        Of two with the same priority and position, the one that was put last is first.
        """
        newer = {job.id for job in jobs}
        self._jobs = sorted(
            [*jobs, *(job for job in self._jobs if job.id not in newer)],
            key=lambda job: (job.ask.priority, job.position),
        )

    def reorder(self, order: Iterable[Job]) -> None:
        """Take over positions and priorities from `order`, for the jobs that still wait; nothing else of them."""
        placed = {job.id: job for job in order}
        waiting = [job for job in self._jobs if job.id in placed]
        self.put(*(replace(job, position=placed[job.id].position, ask=placed[job.id].ask) for job in waiting))

    def find(self, job_id: str) -> Job | None:
        """The waiting job of this id; None when there is none."""
        return next((job for job in self._jobs if job.id == job_id), None)

    def next_engine(self) -> str | None:
        """The engine of the job that is next; None when none waits."""
        return _engine_of(self._jobs[0]) if self._jobs else None

    def take_next(self, engine: str | None = None) -> Job:
        """Remove and return the job that is next.

        Where `engine` is in memory, a job of it may go before others of the same priority: loading FLUX anew takes
        longer than most jobs. No job is overtaken more than `MOST_OVERTAKEN` times.
        """
        first = self._jobs[0]
        near = [job for job in self._jobs[:AHEAD] if job.ask.priority == first.ask.priority]
        chosen = next((job for job in near if engine is not None and _engine_of(job) == engine), first)
        passed = near[: near.index(chosen)]
        if any(self._overtaken[job.id] >= MOST_OVERTAKEN for job in passed):
            chosen, passed = first, []
        self._overtaken.update(job.id for job in passed)
        self._overtaken.pop(chosen.id, None)
        self._jobs.remove(chosen)
        return chosen

    def take_out(self, job_id: str) -> bool:
        """Remove one job; whether it was waiting."""
        found = self.find(job_id)
        if found:
            self._jobs.remove(found)
            self._overtaken.pop(job_id, None)
        return found is not None

    def first_position(self, of: Job) -> float:
        """A position before every waiting job's; `of`'s own minus one when none waits."""
        return min((job.position for job in self._jobs), default=of.position) - 1

    def last_position(self, of: Job) -> float:
        """A position behind every waiting job's and behind `of`'s own."""
        return max([of.position, *(job.position for job in self._jobs)]) + 1

    def of_group(self, name: str, owner: str | None) -> Sequence[Job]:
        """The waiting jobs of a group, as they will begin; of all clients where `owner` is None."""
        return [job for job in self._jobs if job.ask.group == name and owner in {None, job.owner}]

    def with_moved(self, moved: Sequence[Job], before: str | None) -> Sequence[Job]:
        """The jobs that get another place, as they will be: `moved` before `before`, or last when that does not wait.

        `moved` take on the priority of the job behind them; at the very end, the last one's. Every other job keeps its
        position, unless there is no number left between two: then all waiting jobs are counted anew.
        """
        going = {job.id for job in moved}
        order = [job for job in self._jobs if job.id not in going]
        place = next((at for at, job in enumerate(order) if job.id == before), len(order))
        lowest = max(job.ask.priority for job in self._jobs)
        priority = Priority(order[place].ask.priority if place < len(order) else lowest)
        moved = [replace(job, ask=replace(job.ask, priority=priority)) for job in moved]
        ahead, behind = order[:place], order[place:]
        positions = _between(_last(ahead, priority), _first(behind, priority), len(moved))
        if positions is None:
            return [replace(job, position=float(at)) for at, job in enumerate([*ahead, *moved, *behind])]
        return [replace(job, position=position) for job, position in zip(moved, positions, strict=True)]


def _last(jobs: Sequence[Job], priority: Priority) -> float | None:
    """The position of the last job, where it has this priority."""
    return jobs[-1].position if jobs and jobs[-1].ask.priority == priority else None


def _first(jobs: Sequence[Job], priority: Priority) -> float | None:
    """The position of the first job, where it has this priority."""
    return jobs[0].position if jobs and jobs[0].ask.priority == priority else None


def _between(low: float | None, high: float | None, count: int) -> Sequence[float] | None:
    """`count` growing numbers above `low` and below `high`, where there are such; None where so many do not fit."""
    if low is None:
        low = 0.0 if high is None else high - count - 1
    if high is None:
        high = low + count + 1
    numbers = [low + (high - low) * turn / (count + 1) for turn in range(1, count + 1)]
    return numbers if all(one < other for one, other in pairwise([low, *numbers, high])) else None


def _engine_of(job: Job) -> str | None:
    engine = job.ask.options.get("engine")
    return engine if isinstance(engine, str) else None
