"""Jobs on the disk: every change of state is one transaction, and an acknowledged one survives `kill -9`."""

import logging
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from mien_api.errors import UnknownJob
from mien_core.files import move_into_place
from mien_daemon.config import DAY_S
from mien_daemon.jobs.job import Job, JobGroup, JobRequest, State
from mien_daemon.jobs.rows import SELECT, add_row, find_known, read_job, requeue, update_row, use_pictures
from mien_daemon.state.database import Database
from mien_daemon.state.personal_data import remove_at_last
from mien_daemon.state.rows import JOB_ID

log = logging.getLogger(__name__)

UNDATED = """
    UPDATE jobs SET finished_at = COALESCE(finished_at, ?), expires_at = COALESCE(expires_at, ?)
    WHERE state IN ('done', 'failed', 'cancelled') AND (finished_at IS NULL OR expires_at IS NULL)
"""
"""Finished jobs without a date, which would be kept for ever; no daemon writes such a row."""
WITH_WORK = """
    SELECT id, expires_at FROM jobs
    WHERE expires_at IS NOT NULL AND (state = 'cancelled' OR (state = 'done' AND kind = 'analyse'))
"""
"""The jobs of which `Job.leaves_work` is true."""


class JobStore:
    """The table of jobs and the folder of results. It keeps; `JobQueue` and `Scheduler` decide.

    What `Job.leaves_work` speaks of lies in the job's work folder, for as long as a result is kept.
    """

    def __init__(self, database: Database, state: Path) -> None:
        self._database = database
        self.clock = database.clock
        self._keep_s: float | None = None  # what a person has set meanwhile
        self._before_s = 0.0  # and what held before
        self.results = state / "results"
        self.thumbnails = state / "thumbnails"
        self._work = state / "spool"
        for folder in (self.results, self.thumbnails, self._work):
            folder.mkdir(mode=0o700, exist_ok=True)

    async def recover(self) -> Sequence[Job]:
        """Every unfinished job of the last daemon, waiting again, in order.

        A job that was running goes first of its priority, and the attempt that was cut off does not count.
        """
        rows = await self._database.write(requeue, patient=True)
        return [read_job(row) for row in rows if self._database.is_readable("jobs", row)]

    async def list_with_work(self) -> set[str]:
        """The finished jobs whose work is still wanted, by id. Waits for a locked database."""
        rows = await self._database.write(lambda db: db.execute(WITH_WORK).fetchall(), patient=True)
        return {row["id"] for row in rows if row["expires_at"] > self.clock.now()}

    async def add(self, owner: str, ask: JobRequest, key: str | None, digest: str) -> tuple[Job, bool]:
        """Keep a job; the second value is False when an idempotency key is repeated and the job is the earlier one.

        Raises:
            IdempotencyKeyReused: the key came before with another body.
            UnknownBlob: a picture was deleted meanwhile.
        """
        return await self._database.write(lambda db: add_row(db, owner, ask, key, digest, self.clock.now()))

    async def known(self, owner: str, key: str, digest: str) -> Job | None:
        """The job that an idempotency key made, if it made one; raises as `add` does."""
        return await self._database.read(lambda db: find_known(db, owner, key, digest))

    async def get(self, job_id: str) -> Job:
        """One job.

        Raises:
            UnknownJob
        """
        row = await self._database.read(lambda db: db.execute(f"{SELECT} WHERE id = ?", (job_id,)).fetchone())
        if row is None:
            raise UnknownJob("there is no such job", job=job_id)
        if not self._database.is_readable("jobs", row):
            raise UnknownJob("this job's row cannot be read", job=job_id, reason="broken")
        return read_job(row)

    async def delete_broken(self, owner: str | None, job_id: str) -> None:
        """Delete a job whose row cannot be read; raises `UnknownJob` where it is not this owner's."""
        sql = f"{SELECT} WHERE id = ?"
        row = await self._database.read(lambda db: db.execute(sql, (job_id,)).fetchone())
        if row is None or (owner is not None and row["owner"] != owner):
            raise UnknownJob("there is no such job", job=job_id)
        await self.delete(job_id)
        self._database.broken_rows = {
            each for each in self._database.broken_rows if (each.table, each.rowid) != ("jobs", row["rowid"])
        }

    async def page(
        self, owner: str | None, states: Sequence[State], before: int | None, size: int, group: str | None = None
    ) -> Sequence[Job]:
        """Newest first; `owner` None means all clients', `before` the number of the last job of the page before."""
        where: list[str] = ["1"]
        values: list[object] = []
        if owner is not None:
            where.append("owner = ?")
            values.append(owner)
        if states:
            where.append(f"state IN ({', '.join('?' * len(states))})")
            values.extend(states)
        if group is not None:
            where.append("group_name = ?")
            values.append(group)
        found: list[Job] = []
        while len(found) < size:
            rows = await self._page(where, values, before, size)
            found += [read_job(row) for row in rows if self._database.is_readable("jobs", row)]
            if len(rows) < size:
                break
            before = rows[-1]["number"]
        return found[:size]

    async def _page(
        self, where: Sequence[str], values: Sequence[object], before: int | None, size: int
    ) -> Sequence[sqlite3.Row]:
        beyond = ["number < ?"] if before is not None else []
        sql = f"{SELECT} WHERE {' AND '.join([*where, *beyond])} ORDER BY number DESC LIMIT ?"
        given = (*values, *([before] if before is not None else []), size)
        return await self._database.read(lambda db: db.execute(sql, given).fetchall())

    async def groups(self, owner: str | None, name: str | None = None) -> Sequence[JobGroup]:
        """The groups that this owner has jobs of, the latest first; `owner` None means all clients'."""
        sql = """SELECT group_name, state, COUNT(*) AS jobs, MIN(created_at) AS begun_at, MIN(number) AS first FROM jobs
                 WHERE group_name IS NOT NULL AND (?1 IS NULL OR owner = ?1) AND (?2 IS NULL OR group_name = ?2)
                 GROUP BY group_name, state ORDER BY first DESC"""
        rows = await self._database.read(lambda db: db.execute(sql, (owner, name)).fetchall())
        by_name: dict[str, list[sqlite3.Row]] = {}
        for row in rows:
            by_name.setdefault(row["group_name"], []).append(row)
        found = [
            (min(row["first"] for row in states), JobGroup(
                each, {row["state"]: row["jobs"] for row in states}, min(row["begun_at"] for row in states)
            ))
            for each, states in by_name.items()
        ]  # fmt: skip
        return [group for _, group in sorted(found, key=lambda pair: -pair[0])]

    async def change(self, job: Job, *, patient: bool = False) -> Job:
        """Put a job's new state on the disk; `patient` waits as long as another program locks the database."""
        await self._database.write(lambda db: update_row(db, job, self._keep_s), patient=patient)
        return job

    async def repeat(self, job: Job) -> Job:
        """Let a finished job wait again; raises `UnknownBlob` when one of its pictures was deleted meanwhile."""

        def queue(db: sqlite3.Connection) -> None:
            use_pictures(db, job.ask, self.clock.now())
            update_row(db, job, self._keep_s)

        await self._database.write(queue)
        return job

    async def change_all(self, jobs: Sequence[Job]) -> None:
        """Put the new states of several on the disk, all or none."""

        def update(db: sqlite3.Connection) -> None:
            for job in jobs:
                update_row(db, job, self._keep_s)

        await self._database.write(update)

    async def keep_for(self, seconds: int, before: int) -> None:
        """Set when finished jobs expire: this many seconds after they finished; a job that is finishing, too.

        `before` is the number until now. A job that expires later than that, because its star was taken away, goes on
        expiring as much later.
        """
        self._before_s = before if self._keep_s is None else self._keep_s
        self._keep_s = seconds
        await self.date_results(patient=False)

    async def date_results(self, *, patient: bool) -> None:
        """Let every finished job expire by what was set last."""
        sql = """UPDATE jobs SET expires_at = finished_at + ? + MAX(0, COALESCE(expires_at, 0) - finished_at - ?)
                 WHERE finished_at IS NOT NULL"""
        await self._database.write(lambda db: db.execute(sql, (self._keep_s, self._before_s)), patient=patient)

    async def finish(self, job: Job, picture: Path, thumbnail: Path | None = None) -> Job:
        """Keep the picture, then say that the job is done: never the other way round. Waits for a locked database.

        The thumbnail is kept where there is one: without it a small picture is made when one is asked for.
        """
        await self._database.write(lambda db: self._settle(db, job, picture, thumbnail), patient=True)
        return job

    async def star(self, job: Job) -> Job:
        """Keep a result until it is deleted, or let it expire again when `job.expires_at` says."""

        def mark(db: sqlite3.Connection) -> None:
            sql = "UPDATE jobs SET starred = ?, expires_at = ? WHERE id = ?"
            db.execute(sql, (int(job.is_starred), job.expires_at, job.id))

        await self._database.write(mark)
        return job

    async def delete(self, job_id: str) -> None:
        """Forget a job and its picture; the picture goes first, so that no crash leaves one without a row."""

        def forget(db: sqlite3.Connection) -> None:
            if JOB_ID.fullmatch(job_id):
                self._unlink(job_id)
                self._remove_work(job_id)
            db.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

        await self._database.forget(forget)

    async def expire(self, forget_after_s: float) -> None:
        """Delete expired pictures and work, and the rows of jobs that expired `forget_after_s` ago."""

        def sweep(db: sqlite3.Connection) -> None:
            self.clock.write_down(db)
            now = self.clock.now()
            db.execute(UNDATED, (now, now + (self._keep_s or DAY_S)))
            sql = "SELECT id FROM jobs WHERE result_sha256 IS NOT NULL AND expires_at <= ? AND NOT starred"
            for row in db.execute(sql, (now,)).fetchall():
                if not JOB_ID.fullmatch(row["id"]):
                    continue  # it could name any file; a repair sets the row aside
                self._unlink(row["id"])
                db.execute("UPDATE jobs SET result_sha256 = NULL WHERE id = ?", (row["id"],))
            self._sweep_work(db, now)
            db.execute("DELETE FROM jobs WHERE expires_at <= ? AND NOT starred", (now - forget_after_s,))

        await self._database.forget(sweep)

    def note_damage(self, job_id: str) -> None:
        """Let health say that the bytes of this job's result are not those that were written."""
        self._database.damaged_results.add(job_id)

    def result(self, job_id: str) -> Path:
        """Where the picture of a job lies, or would."""
        return self.results / job_id

    def thumbnail(self, job_id: str) -> Path:
        """Where the small picture of a result lies, or would."""
        return self.thumbnails / job_id

    def _unlink(self, job_id: str) -> None:
        self.thumbnail(job_id).unlink(missing_ok=True)
        self.result(job_id).unlink(missing_ok=True)

    def _remove_work(self, job_id: str) -> None:
        """Delete what is kept of a job that will not run again; what cannot be deleted now goes in a later sweep."""
        try:
            remove_at_last(self._work / job_id)
        except OSError:
            log.exception("the folder of a job could not be deleted")

    def _sweep_work(self, db: sqlite3.Connection, now: float) -> None:
        """Delete work that has expired, or whose job is gone because it could not be deleted with it."""
        left = {path.name for path in self._work.iterdir() if path.is_dir() and JOB_ID.fullmatch(path.name)}
        if not left:
            return
        over = {row["id"] for row in db.execute(WITH_WORK) if row["expires_at"] <= now}
        known = {row["id"] for row in db.execute("SELECT id FROM jobs")}
        for job_id in left & over | left - known:
            self._remove_work(job_id)

    def _settle(self, db: sqlite3.Connection, job: Job, picture: Path, thumbnail: Path | None) -> None:
        if db.execute("SELECT 1 FROM jobs WHERE id = ?", (job.id,)).fetchone() is not None:
            if thumbnail is not None:
                with suppress(OSError):
                    thumbnail.replace(self.thumbnail(job.id))
            move_into_place(picture, self.result(job.id))
            update_row(db, job, self._keep_s)
