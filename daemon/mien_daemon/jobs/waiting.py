"""The line: every job that waits, in the order in which they will be begun."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from mien_daemon.jobs.job import Job, Priority


class Line:
    """Jobs by priority, and by position among their own; only in memory, what it says is for the store to keep."""

    def __init__(self) -> None:
        self._jobs: list[Job] = []

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Job]:
        return iter(self._jobs)

    def put(self, *jobs: Job) -> None:
        """Line these up; a job that is there already is replaced."""
        newer = {job.id for job in jobs}
        self._jobs = sorted(
            [*jobs, *(job for job in self._jobs if job.id not in newer)],
            key=lambda job: (job.ask.priority, job.position),
        )

    def reorder(self, order: Iterable[Job]) -> None:
        """Put those that still wait where `order` has them; what else has become of them meanwhile stands."""
        placed = {job.id: job for job in order}
        waiting = [job for job in self._jobs if job.id in placed]
        self.put(*(replace(job, position=placed[job.id].position, ask=placed[job.id].ask) for job in waiting))

    def find(self, job_id: str) -> Job | None:
        return next((job for job in self._jobs if job.id == job_id), None)

    def take_first(self) -> Job:
        return self._jobs.pop(0)

    def take_out(self, job_id: str) -> bool:
        """Whether it was there."""
        found = self.find(job_id)
        if found:
            self._jobs.remove(found)
        return found is not None

    def first_position(self, of: Job) -> float:
        """A position before everybody's."""
        return min((job.position for job in self._jobs), default=of.position) - 1

    def last_position(self, of: Job) -> float:
        """A position behind everybody's, and behind its own before."""
        return max([of.position, *(job.position for job in self._jobs)]) + 1

    def with_moved(self, moved: Job, before: str | None) -> Sequence[Job]:
        """Everybody's new positions, with `moved` before another, whose priority it takes on, or at the very end."""
        order = [job for job in self._jobs if job.id != moved.id]
        place = next((at for at, job in enumerate(order) if job.id == before), len(order))
        priority = order[place].ask.priority if place < len(order) else max(job.ask.priority for job in self._jobs)
        order.insert(place, replace(moved, ask=replace(moved.ask, priority=Priority(priority))))
        return [replace(job, position=float(at)) for at, job in enumerate(order)]
