"""The queue as clients see it: ask for a job, look at it, stop it, repeat it, move it, fetch it, forget it."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from mien_api.errors import (
    JobExpired,
    JobFinished,
    JobUnfinished,
    ResultDamaged,
    StateBusy,
    UnknownJob,
)
from mien_core.errors import BadRequest
from mien_daemon.access.clients import Client
from mien_daemon.background import BackgroundTasks, run_in_thread
from mien_daemon.config import LiveSettings
from mien_daemon.events import Events
from mien_daemon.jobs.admission import Admission
from mien_daemon.jobs.job import Job, JobRequest, State
from mien_daemon.jobs.scheduler import Scheduler
from mien_daemon.jobs.store import JobStore
from mien_daemon.jobs.unfinished import UnfinishedJobs
from mien_daemon.jobs.work_folder import read_small
from mien_daemon.pictures.blobs import require_headroom
from mien_daemon.pictures.intact import IntactFiles

TOGETHER = 100


class JobQueue:
    """What clients ask of jobs. A change that a client asked for is finished even when the client goes away."""

    def __init__(
        self,
        jobs: UnfinishedJobs,
        store: JobStore,
        scheduler: Scheduler,
        admission: Admission,
        events: Events,
        settings: LiveSettings,
    ) -> None:
        self._jobs = jobs
        self._store = store
        self._scheduler = scheduler
        self._admission = admission
        self._events = events
        self._settings = settings
        self._changing = asyncio.Lock()  # one change of the order at a time
        self._changes = BackgroundTasks()
        self._intact = IntactFiles()

    async def stop(self) -> None:
        """Break off changes that are under way; what was acknowledged is on the disk."""
        await self._changes.stop()

    async def submit(self, client: Client, ask: JobRequest, key: str | None = None, digest: str = "") -> Job:
        """Take a job; it is on the disk when this returns.

        Raises:
            IdempotencyKeyReused: `key` came before with a body of another `digest`.
            QueueFull, DiskFull: not now.
            UnknownBlob, UnknownReference, InvalidImage, ImageTooLarge: `field` or `blob` says which picture.
        """
        if key is not None and (before := await self._store.known(client.id, key, digest)):
            return self._jobs.newest(before)
        self._admission.require_room(client)
        await self._admission.inspect(client, ask)
        require_headroom(self._store.results)
        return await self._changes.finish(self._admit(client, ask, key, digest))

    async def get(self, client: Client, job_id: str) -> Job:
        """One job that this client may see.

        Raises:
            UnknownJob: there is none, or it is another client's, which is the same to a client.
        """
        job = self._jobs.find(job_id) or await self._store.get(job_id)
        if not client.sees(job.owner):
            raise UnknownJob("there is no such job", job=job_id)
        return job

    async def page(
        self, client: Client, states: Sequence[State], before: int | None, size: int, group: str | None = None
    ) -> Sequence[Job]:
        """Newest first, those this client may see; of one group where it is given."""
        return [self._jobs.newest(job) for job in await self._store.page(owner_of(client), states, before, size, group)]

    def show(self, job: Job) -> dict[str, object]:
        """The job as the API shows it, with its progress."""
        return self._jobs.show(job)

    async def change_of(self, job_id: str, since: int, pace_s: float = 0.0) -> None:
        """Return at the first event after `since` that concerns this job; of progress alone not before `pace_s`."""
        if pace_s and (job := self._jobs.find(job_id)):
            with suppress(TimeoutError):
                async with asyncio.timeout(pace_s):
                    await self._end_of_state(job, since)
        await self._event_of(job_id, since)

    async def _end_of_state(self, job: Job, since: int) -> None:
        """Return when a job has another state, or is gone."""
        while (now := self._jobs.find(job.id)) and now.state == job.state and not self._events.closed:
            since = await self._event_of(job.id, since)

    async def _event_of(self, job_id: str, since: int) -> int:
        """The number of the last event, as soon as one after `since` concerns this job."""
        while True:
            await self._events.wait_beyond(since)
            happened = self._events.since(since)
            if self._events.closed or happened is None or any(event.subject == job_id for event in happened):
                return self._events.last
            since = happened[-1].number

    async def result(self, client: Client, job_id: str) -> tuple[Job, Path]:
        """A finished job and where its picture lies.

        Raises:
            UnknownJob
            JobUnfinished: nothing yet.
            JobFinished: never, it failed or was cancelled.
            JobExpired: no longer.
            ResultDamaged: its bytes are not those that were written.
        """
        job = await self.get(client, job_id)
        if not job.is_finished:
            raise JobUnfinished(f"the job is {job.state}", job=job_id, state=job.state)
        if job.state != "done":
            raise JobFinished(f"the job is {job.state} and has no result", job=job_id, state=job.state)
        path, is_intact = self._store.result(job_id), False
        try:
            is_intact = job.result_sha256 is not None and await self._intact.holds(path, job.result_sha256)
        except FileNotFoundError:
            job = replace(job, result_sha256=None)
        if job.result_sha256 is None:
            raise JobExpired("the result was kept for its time and is gone", job=job_id)
        if not is_intact:
            self._store.note_damage(job_id)
            raise ResultDamaged("the result was damaged on the disk", job=job_id)
        return job, path

    async def thumbnail(self, client: Client, job_id: str) -> bytes | None:
        """The small JPEG that was made with a result; None where there is none.

        Raises:
            UnknownJob
        """
        job = await self.get(client, job_id)
        is_there = job.state == "done" and job.result_sha256 is not None
        return await run_in_thread(read_small, self._store.thumbnail(job_id)) if is_there else None

    async def star(self, client: Client, job_id: str, starred: bool) -> Job:
        """Keep a result until it is deleted; without the star it is kept for its time again, from now on.

        Raises:
            UnknownJob, JobUnfinished, JobFinished, JobExpired, ResultDamaged: as `result`.
        """
        return await self._changes.finish(self._star((await self.result(client, job_id))[0], starred))

    async def step_preview(self, client: Client, job_id: str) -> bytes | None:
        """A small JPEG of the latest step of a running job; None where there is none.

        Raises:
            UnknownJob
        """
        job = await self.get(client, job_id)
        return await self._scheduler.step_preview(job_id) if job.state == "running" else None

    async def cancel(self, client: Client, job_id: str) -> Job:
        """Stop a job; it has stopped when this returns.

        Raises:
            JobFinished: it was done or had failed before.
        """
        return await self._changes.finish(self._scheduler.cancel(await self.get(client, job_id)))

    async def retry(self, client: Client, job_id: str) -> Job:
        """Queue a failed or cancelled job again, with both its attempts.

        Raises:
            JobFinished: it is done. JobUnfinished: it has not finished yet.
            UnknownBlob: its pictures are gone.
        """
        job = await self.get(client, job_id)
        _require_repeatable(job)
        self._admission.require_room(client)
        await self._admission.inspect(client, job.ask)
        return await self._changes.finish(self._repeat(client, job))

    async def delete(self, client: Client, job_id: str) -> None:
        """Forget a job and its result; one that has not finished is cancelled first."""
        try:
            job = await self.get(client, job_id)
        except UnknownJob as error:
            if error.fields.get("reason") != "broken":
                raise
            await self._changes.finish(self._store.delete_broken(owner_of(client), job_id))
        else:
            await self._changes.finish(self._delete(job))

    async def delete_named(self, client: Client, job_ids: Sequence[str]) -> int:
        """Forget these jobs as `delete` does; returns how many there still were for this client.

        All of them go, even where the browser that asked is closed meanwhile.
        """
        return await self._changes.finish(self._delete_named(client, job_ids))

    async def _delete_named(self, client: Client, job_ids: Sequence[str]) -> int:
        gone = 0
        for job_id in job_ids:
            with suppress(UnknownJob):
                await self.delete(client, job_id)
                gone += 1
        return gone

    async def delete_finished(self, client: Client) -> int:
        """Forget every finished job that this client may see; returns how many there were."""
        gone = 0
        while jobs := await self._store.page(owner_of(client), ("done", "failed", "cancelled"), None, TOGETHER):
            for job in jobs:
                await self._changes.finish(self._delete(job))
            gone += len(jobs)
        return gone

    async def move(self, client: Client, job_id: str, before: str | None) -> Job:
        """Put a waiting job before another one, whose priority it takes on, or at the very end.

        Raises:
            JobFinished, JobUnfinished: one of the two is not waiting.
        """
        for each in filter(None, (job_id, before)):
            await self._require_waiting(client, each)
        (moved,) = await self._changes.finish(self._move([job_id], before))
        return moved

    async def move_group(self, client: Client, name: str, before: str | None) -> None:
        """Put the waiting jobs of a group, in their order, before a job of none of them; else as `move`.

        Raises:
            BadRequest: `before` is one of the group.
            JobFinished, JobUnfinished: none of the group waits, or `before` does not.
        """
        if before is not None and (await self._require_waiting(client, before)).ask.group == name:
            raise BadRequest("a group does not go before a job of its own", field="before")
        moving = [job.id for job in self._jobs.waiting.of_group(name, owner_of(client))]
        if not moving:
            raise JobFinished("no job of this group waits", group=name)
        await self._changes.finish(self._move(moving, before))

    async def _require_waiting(self, client: Client, job_id: str) -> Job:
        job = await self.get(client, job_id)
        if job.state == "running":
            raise JobUnfinished("the job is running", job=job_id, state=job.state)
        if job.is_finished:
            raise JobFinished(f"the job is {job.state}", job=job_id, state=job.state)
        return job

    async def pause(self, paused: bool) -> None:
        """Start no further job, or start again. A running picture is finished; a running clip waits."""
        if paused != self._settings.current.paused:
            await self._settings.change({"paused": paused})
        self.settings_changed()
        if paused:
            await self._changes.finish(self._scheduler.pause_clips())

    def settings_changed(self) -> None:
        """Take note of what a person set."""
        self._jobs.tell_counts()

    async def change_settings(self, changes: Mapping[str, bool | int | str]) -> None:
        """Apply and keep settings, and let finished jobs expire by them; raises as `LiveSettings.change`."""
        await self._changes.finish(self._change_settings(changes))

    async def _change_settings(self, changes: Mapping[str, bool | int | str]) -> None:
        before = self._settings.current.keep_results_s
        await self._settings.change(changes)
        if "keep_results_s" in changes:
            try:
                await self._store.keep_for(self._settings.current.keep_results_s, before)
            except StateBusy:  # it is set; the jobs that have finished follow when the database is free
                self._changes.start(self._store.date_results(patient=True))
        self.settings_changed()

    def counts(self) -> dict[str, object]:
        """How many jobs wait and run, and whether the queue is paused."""
        return self._jobs.counts()

    async def _admit(self, client: Client, ask: JobRequest, key: str | None, digest: str) -> Job:
        async with self._changing:
            self._admission.require_room(client)
            job, is_new = await self._store.add(client.id, ask, key, digest)
            if is_new:
                self._jobs.add(job)
        return self._jobs.newest(job)

    async def _repeat(self, client: Client, job: Job) -> Job:
        async with self._changing:
            self._admission.require_room(client)
            # Another request may have repeated it meanwhile.
            _require_repeatable(self._jobs.find(job.id) or await self._store.get(job.id))
            again = await self._store.repeat(job.start_over(self._jobs.waiting.last_position(job)))
            self._jobs.add(again)
        return again

    async def _delete(self, job: Job) -> None:
        unfinished = None if job.is_finished else job
        while True:
            if unfinished:
                with suppress(JobFinished):
                    await self._scheduler.cancel(unfinished)
            async with self._changing:  # no other request repeats it now
                unfinished = self._jobs.find(job.id)
                if unfinished is None:
                    await self._store.delete(job.id)
                    break
        self._events.publish("job-deleted", {"id": job.id}, owner=job.owner, subject=job.id)

    async def _star(self, job: Job, starred: bool) -> Job:
        until = self._store.clock.now() + self._settings.current.keep_results_s
        starred_job = await self._store.star(replace(job, is_starred=starred, expires_at=until))
        self._jobs.tell(starred_job)
        return starred_job

    async def _move(self, job_ids: Sequence[str], before: str | None) -> Sequence[Job]:
        async with self._changing:
            wanted = set(job_ids)
            moving = [job for job in self._jobs.waiting if job.id in wanted]
            if not moving:
                raise JobUnfinished("the job is running", job=job_ids[0], state="running")
            placed = self._jobs.waiting.with_moved(moving, before)
            await self._store.change_all(placed)
            self._jobs.waiting.reorder(placed)  # meanwhile the first may have been started
        for job in filter(None, [self._jobs.waiting.find(job.id) for job in placed]):
            self._jobs.tell(job)
        self._jobs.tell_counts()
        return [job for job in placed if job.id in wanted]


def owner_of(client: Client) -> str | None:
    """The client whose jobs a list shows; None for the jobs of all clients."""
    return None if client.may("admin") else client.id


def _require_repeatable(job: Job) -> None:
    if job.state == "done":
        raise JobFinished("a job that is done is not repeated; post it again", job=job.id, state=job.state)
    if not job.is_finished:
        raise JobUnfinished(f"the job is {job.state}", job=job.id, state=job.state)
