"""A job's row in the database: made, read, changed. Each function is a part of a transaction that its caller began."""

import json
import secrets
import sqlite3
from collections.abc import Mapping, Sequence

from mien_api.errors import IdempotencyKeyReused, UnknownBlob
from mien_daemon.jobs.job import Job, JobRequest, Priority
from mien_daemon.jobs.label import JobLabel
from mien_daemon.state.rows import find_fault

SELECT = "SELECT rowid AS rowid, * FROM jobs"


def add_row(
    db: sqlite3.Connection, owner: str, ask: JobRequest, key: str | None, digest: str, now: float
) -> tuple[Job, bool]:
    """A new job, the last of its priority; the second value is False where `key` made it before."""
    if key is not None and (before := find_known(db, owner, key, digest)):
        return before, False
    use_pictures(db, ask, now)
    job_id = secrets.token_hex(12)
    row = db.execute(
        """INSERT INTO jobs
               (id, owner, kind, state, priority, position, target, reference, options, attempts, created_at,
                group_name, label)
           SELECT ?, ?, ?, 'queued', ?, COALESCE(MAX(position), 0) + 1, ?, ?, ?, 0, ?, ?, ?
           FROM jobs WHERE ABS(position) < 1e12 RETURNING *""",
        (
            job_id,
            owner,
            ask.kind,
            int(ask.priority),
            ask.target,
            json.dumps([list(person) for person in ask.references]),
            json.dumps(dict(ask.options)),
            now,
            ask.group,
            _dumped(ask.label.describe() if ask.label else None),
        ),
    ).fetchone()
    pictures = [(job_id, digest) for digest in dict.fromkeys(ask.pictures)]
    db.executemany("INSERT INTO job_pictures (job, sha256) VALUES (?, ?)", pictures)
    if key is not None:
        db.execute("INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?)", (owner, key, digest, job_id))
    return read_job(row), True


def use_pictures(db: sqlite3.Connection, ask: JobRequest, now: float) -> None:
    """Note that a job names these pictures; a sweep between the job's inspection and now may have taken one."""
    for digest in dict.fromkeys(ask.pictures):
        if not db.execute("UPDATE blobs SET used_at = ? WHERE sha256 = ?", (now, digest)).rowcount:
            name = f"sha256:{digest}"
            field = "target" if ask.target == name else "faces" if name in ask.likes else "reference"
            raise UnknownBlob("there is no such picture here", field=field, blob=name)


def find_known(db: sqlite3.Connection, owner: str, key: str, digest: str) -> Job | None:
    """The job that an idempotency key made, if it made one.

    Raises:
        IdempotencyKeyReused: the key came with another body.
    """
    sql = "SELECT digest, jobs.* FROM idempotency JOIN jobs ON jobs.id = job WHERE idempotency.owner = ? AND key = ?"
    row = db.execute(sql, (owner, key)).fetchone()
    if row is None or find_fault("jobs", row):
        return None
    if row["digest"] != digest:
        raise IdempotencyKeyReused("this key came before with another body", field="Idempotency-Key", job=row["id"])
    return read_job(row)


def requeue(db: sqlite3.Connection) -> Sequence[sqlite3.Row]:
    """Let every running job wait again, first of its priority, and return the rows of all that wait, in order."""
    db.execute(
        """UPDATE jobs SET state = 'queued', started_at = NULL, attempts = MAX(attempts - 1, 0),
           position = (SELECT COALESCE(MIN(position), 0) - 1 FROM jobs WHERE ABS(position) < 1e12)
           WHERE state = 'running'"""
    )
    return db.execute(f"{SELECT} WHERE state = 'queued' ORDER BY priority, position").fetchall()


def update_row(db: sqlite3.Connection, job: Job, keep_s: float | None) -> None:
    """Write what may change of a job; `keep_s` was set by a person, perhaps after its `expires_at` was computed."""
    expires_at = job.expires_at if job.finished_at is None or keep_s is None else job.finished_at + keep_s
    db.execute(
        """UPDATE jobs SET state = ?, priority = ?, position = ?, attempts = ?, started_at = ?, finished_at = ?,
           expires_at = ?, result = ?, media_type = ?, result_sha256 = ?, problem = ? WHERE id = ?""",
        (
            job.state,
            int(job.ask.priority),
            job.position,
            job.attempts,
            job.started_at,
            job.finished_at,
            expires_at,
            _dumped(job.result),
            job.media_type,
            job.result_sha256,
            _dumped(job.problem),
            job.id,
        ),
    )


def read_job(row: sqlite3.Row) -> Job:
    """The job of a row that can be read."""
    ask = JobRequest(
        row["kind"],
        row["target"],
        json.loads(row["reference"]),
        json.loads(row["options"]),
        Priority(row["priority"]),
        row["group_name"],
        JobLabel.read(json.loads(row["label"])) if row["label"] else None,
    )
    return Job(
        number=row["number"],
        id=row["id"],
        owner=row["owner"],
        ask=ask,
        state=row["state"],
        position=row["position"],
        attempts=row["attempts"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        expires_at=row["expires_at"],
        result=json.loads(row["result"]) if row["result"] else None,
        media_type=row["media_type"],
        result_sha256=row["result_sha256"],
        problem=json.loads(row["problem"]) if row["problem"] else None,
        is_starred=bool(row["starred"]),
    )


def _dumped(document: Mapping[str, object] | None) -> str | None:
    return json.dumps(dict(document)) if document is not None else None
