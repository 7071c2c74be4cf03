"""Groups of jobs, such as those of a folder: how far they are; stop them all, repeat what failed."""

from collections.abc import Sequence
from contextlib import suppress

from mien_api.errors import JobFinished, JobUnfinished, UnknownBlob, UnknownJob
from mien_core.errors import TooManyPictures, UnknownReference
from mien_daemon.access.clients import Client
from mien_daemon.jobs.job import Job, JobGroup, State
from mien_daemon.jobs.queue import TOGETHER, JobQueue, owner_of
from mien_daemon.jobs.store import JobStore
from mien_daemon.jobs.unfinished import UnfinishedJobs


class JobGroups:
    """What clients ask of groups; every change is one of the queue's."""

    def __init__(self, queue: JobQueue, store: JobStore, jobs: UnfinishedJobs) -> None:
        self._queue = queue
        self._store = store
        self._jobs = jobs

    async def list_all(self, client: Client) -> Sequence[dict[str, object]]:
        """Every group that this client may see, the latest first, as the API shows it."""
        return [self._show(client, group) for group in await self._store.groups(owner_of(client))]

    async def get(self, client: Client, name: str) -> dict[str, object]:
        """One group as the API shows it.

        Raises:
            UnknownJob: it has no job that this client may see.
        """
        found = await self._store.groups(owner_of(client), name)
        if not found:
            raise UnknownJob("there is no job of this group", group=name)
        return self._show(client, found[0])

    async def cancel(self, client: Client, name: str) -> dict[str, object]:
        """Stop every job of a group that has not finished; they have stopped when this returns.

        Those that wait are stopped first, so that none of them begins meanwhile.

        Raises:
            UnknownJob: as `get`.
        """
        await self.get(client, name)
        steps: Sequence[Sequence[State]] = (("queued",), ("running", "queued"))
        for states in steps:
            for job in await self._list_jobs(client, name, states):
                with suppress(JobFinished, UnknownJob):
                    await self._queue.cancel(client, job.id)
        return await self.get(client, name)

    async def retry(self, client: Client, name: str) -> dict[str, object]:
        """Queue every job of a group again that has failed or was cancelled, in the order in which they were posted.

        A job whose pictures are gone stays as it is.

        Raises:
            UnknownJob: as `get`.
            QueueFull: for some there is no room; those before them wait.
        """
        await self.get(client, name)
        for job in reversed(await self._list_jobs(client, name, ("failed", "cancelled"))):
            with suppress(JobFinished, JobUnfinished, UnknownJob, UnknownBlob, UnknownReference, TooManyPictures):
                await self._queue.retry(client, job.id)
        return await self.get(client, name)

    async def move(self, client: Client, name: str, before: str | None) -> dict[str, object]:
        """Put what waits of a group before another job, or at the very end; raises as `JobQueue.move_group`."""
        await self.get(client, name)
        await self._queue.move_group(client, name, before)
        return await self.get(client, name)

    async def _list_jobs(self, client: Client, name: str, states: Sequence[State]) -> Sequence[Job]:
        """Every job of a group in these states, newest first."""
        found: list[Job] = []
        before: int | None = None
        while jobs := await self._queue.page(client, states, before, TOGETHER, name):
            found += jobs
            before = jobs[-1].number
        return found

    def _show(self, client: Client, group: JobGroup) -> dict[str, object]:
        owner = owner_of(client)
        first = next(iter(self._jobs.waiting.of_group(group.name, owner)), None)
        return group.describe(self._jobs.sum_progress(group.name, owner), first)
