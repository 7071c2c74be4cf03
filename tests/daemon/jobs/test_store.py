"""Jobs on the disk: what was written is read back, a picture never outlives its row, and what is over goes."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from mien_api.errors import IdempotencyKeyReused, UnknownJob
from mien_daemon.jobs.job import Job, JobRequest, Priority
from mien_daemon.jobs.label import JobLabel
from mien_daemon.jobs.store import JobStore
from mien_daemon.state import personal_data
from mien_daemon.state.database import Database

PICTURES = [("0" * 64,), ("1" * 64,)]
ASK = JobRequest(
    "swap", "sha256:" + "0" * 64, [["sha256:" + "1" * 64, "ref:ada"]], {"engine": "flux", "seed": 7}, Priority.batch,
    label=JobLabel("holiday.jpg", ("ada.png",)),
)  # fmt: skip


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path)
    await database.write(lambda db: db.executemany("INSERT INTO blobs VALUES (?, 1, 1, NULL, 1, 1)", PICTURES))
    yield database
    database.close()


@pytest.fixture
def store(database: Database, tmp_path: Path) -> JobStore:
    return JobStore(database, tmp_path)


async def add(store: JobStore, owner: str = "ada", ask: JobRequest = ASK) -> Job:
    return (await store.add(owner, ask, None, ""))[0]


async def finish(store: JobStore, job: Job, tmp_path: Path, expires_at: float) -> Job:
    picture = tmp_path / "work"
    picture.write_bytes(b"picture")
    done = replace(
        job, state="done", finished_at=1.0, expires_at=expires_at, result_sha256="00", media_type="image/png"
    )
    return await store.finish(done, picture)


async def test_what_was_asked_comes_back_as_it_was(store: JobStore) -> None:
    job = await add(store)
    assert await store.get(job.id) == job
    assert (job.ask, job.owner, job.state, job.attempts) == (ASK, "ada", "queued", 0)
    assert job.created_at == pytest.approx(time.time(), abs=60)


async def test_every_column_of_a_change_comes_back(store: JobStore) -> None:
    job = await add(store)
    changed = replace(
        job,
        ask=replace(job.ask, priority=Priority.interactive),
        state="failed",
        position=-2.5,
        attempts=2,
        started_at=1.5,
        finished_at=2.5,
        expires_at=3.5,
        result={"faces": []},
        media_type="image/webp",
        result_sha256="ab",
        problem={"code": "worker-died"},
    )
    await store.change(changed)
    assert await store.get(job.id) == changed


async def test_each_job_is_numbered_and_placed_behind_the_last(store: JobStore) -> None:
    first, second = await add(store), await add(store)
    assert (second.number, second.position) == (first.number + 1, first.position + 1)
    assert first.id != second.id
    assert len(first.id) == 24


async def test_an_unknown_job_is_told_apart(store: JobStore) -> None:
    with pytest.raises(UnknownJob):
        await store.get("none")


async def test_a_key_makes_one_job_for_its_client_and_its_body(store: JobStore) -> None:
    job, is_new = await store.add("ada", ASK, "key", "digest")
    assert is_new
    assert await store.add("ada", ASK, "key", "digest") == (job, False)
    assert await store.known("ada", "key", "digest") == job
    assert await store.known("ben", "key", "digest") is None
    assert await store.known("ada", "other", "digest") is None
    for ask in (store.known("ada", "key", "another"), store.add("ada", ASK, "key", "another")):
        with pytest.raises(IdempotencyKeyReused):
            await ask


async def test_a_key_is_free_again_when_its_job_is_deleted(store: JobStore) -> None:
    job, _ = await store.add("ada", ASK, "key", "digest")
    await store.delete(job.id)
    assert await store.known("ada", "key", "another") is None


async def test_pages_are_newest_first_and_can_be_narrowed(store: JobStore) -> None:
    a, b, c = await add(store), await add(store, "ben"), await add(store)
    await store.change(replace(c, state="failed"))

    async def page(*arguments: object) -> list[str]:
        return [job.id for job in await store.page(*arguments)]  # type: ignore[arg-type]  # pyright: ignore

    assert await page(None, (), None, 10) == [c.id, b.id, a.id]
    assert await page(None, (), None, 2) == [c.id, b.id]
    assert await page(None, (), b.number, 10) == [a.id]
    assert await page("ada", (), None, 10) == [c.id, a.id]
    assert await page("ada", ("failed", "done"), None, 10) == [c.id]
    assert await page("ben", ("failed",), None, 10) == []


async def test_several_changes_are_all_written_or_none(store: JobStore) -> None:
    a, b = await add(store), await add(store)
    await store.change_all([replace(a, position=9.0), replace(b, position=8.0)])
    assert [job.id for job in await store.recover()] == [b.id, a.id]
    broken = replace(b, result={"a set cannot be kept": {1, 2}})
    with pytest.raises(TypeError):
        await store.change_all([replace(a, position=1.0), broken])
    assert (await store.get(a.id)).position == 9.0


async def test_after_a_crash_what_ran_waits_first_of_its_priority_and_the_lost_attempt_does_not_count(
    store: JobStore,
) -> None:
    interactive = replace(ASK, priority=Priority.interactive)
    waiting, running = await add(store, ask=interactive), await add(store, ask=interactive)
    batch, over = await add(store), await add(store)
    await store.change(replace(running, state="running", attempts=2, started_at=1.0))
    await store.change(replace(over, state="done"))
    recovered = await store.recover()
    assert [job.id for job in recovered] == [running.id, waiting.id, batch.id]
    assert (recovered[0].state, recovered[0].attempts, recovered[0].started_at) == ("queued", 1, None)
    assert recovered[0].position < waiting.position


async def test_a_picture_is_moved_to_the_results_and_is_the_users_alone(store: JobStore, tmp_path: Path) -> None:
    job = await finish(store, await add(store), tmp_path, 10.0)
    assert store.result(job.id).read_bytes() == b"picture"
    assert not (tmp_path / "work").exists()
    assert (await store.get(job.id)).state == "done"
    assert (tmp_path / "results").stat().st_mode & 0o777 == 0o700


async def test_a_job_whose_picture_cannot_be_kept_is_not_done(store: JobStore, tmp_path: Path) -> None:
    job = await add(store)
    with pytest.raises(FileNotFoundError):
        await store.finish(replace(job, state="done"), tmp_path / "missing")
    assert (await store.get(job.id)).state == "queued"


async def test_a_deleted_job_takes_its_picture_along(store: JobStore, tmp_path: Path) -> None:
    job = await finish(store, await add(store), tmp_path, 10.0)
    await store.delete(job.id)
    assert not store.result(job.id).exists()
    with pytest.raises(UnknownJob):
        await store.get(job.id)


async def test_a_picture_goes_when_its_time_is_over_and_the_row_later(store: JobStore, tmp_path: Path) -> None:
    now = time.time()
    over = await finish(store, await add(store), tmp_path, now - 10)
    kept = await finish(store, await add(store), tmp_path, now + 1000)
    await store.expire(forget_after_s=1000)
    assert not store.result(over.id).exists()
    assert (await store.get(over.id)).result_sha256 is None
    assert store.result(kept.id).exists()
    assert await store.get(kept.id) == kept
    await store.expire(forget_after_s=5)
    with pytest.raises(UnknownJob):
        await store.get(over.id)
    assert await store.get(kept.id) == kept


def leave_work(tmp_path: Path, job_id: str) -> Path:
    """What a clip has left of a job: a segment with a face."""
    segment = tmp_path / "spool" / job_id / "run" / "0.mp4"
    segment.parent.mkdir(parents=True)
    segment.write_bytes(b"face")
    return segment


async def test_work_goes_with_its_job_though_another_thread_is_deleting_it_too(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await add(store)
    work, remove, refusals = leave_work(tmp_path, job.id), personal_data.remove, [FileNotFoundError("gone meanwhile")]

    def remove_beside_another(path: Path) -> None:
        if refusals:
            raise refusals.pop()
        remove(path)

    monkeypatch.setattr(personal_data, "remove", remove_beside_another)
    await store.delete(job.id)
    assert (refusals, work.parent.parent.exists()) == ([], False)


async def test_work_that_could_not_be_deleted_is_logged_and_goes_in_the_next_sweep_and_no_other_does(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    deleted, kept = await add(store), await add(store)
    left, wanted = leave_work(tmp_path, deleted.id), leave_work(tmp_path, kept.id)

    def refuse(_: Path) -> None:
        raise PermissionError("busy")

    with monkeypatch.context() as busy:
        busy.setattr(personal_data, "remove", refuse)
        await store.delete(deleted.id)
    assert (left.exists(), "could not be deleted" in caplog.text) == (True, True)
    await store.expire(1e12)
    assert (left.parent.parent.exists(), wanted.exists()) == (False, True)


async def test_a_starred_result_stays_beyond_its_time(store: JobStore, tmp_path: Path) -> None:
    now = store.clock.now()
    job = await finish(store, await add(store), tmp_path, expires_at=now - 100)
    await store.star(replace(job, is_starred=True))
    await store.expire(1)
    kept = await store.get(job.id)
    assert (kept.is_starred, store.result(job.id).exists()) == (True, True)
    await store.star(replace(kept, is_starred=False))
    await store.expire(1)
    assert not store.result(job.id).exists()


async def test_how_long_results_are_kept_is_counted_from_their_end(store: JobStore, tmp_path: Path) -> None:
    done, waiting = await finish(store, await add(store), tmp_path, 10.0), await add(store)
    await store.keep_for(60, before=9)
    assert (await store.get(done.id)).expires_at == 61.0
    assert (await store.get(waiting.id)).expires_at is None


async def test_a_result_whose_star_was_taken_away_keeps_the_time_that_it_got_then(
    store: JobStore, tmp_path: Path
) -> None:
    plain = await finish(store, await add(store), tmp_path, 101.0)
    unstarred = await finish(store, await add(store), tmp_path, 101.0)
    await store.star(replace(unstarred, is_starred=False, expires_at=1100.0))
    for seconds, before in ((60, 100), (60, 60), (200, 60)):
        await store.keep_for(seconds, before)
        kept = [(await store.get(job.id)).expires_at for job in (plain, unstarred)]
        assert kept == [1.0 + seconds, 1000.0 + seconds]


async def test_pictures_of_a_new_job_were_used_now(store: JobStore, database: Database) -> None:
    digest = ASK.pictures[1]
    await database.write(
        lambda db: db.execute("INSERT OR REPLACE INTO blobs (sha256, size, used_at) VALUES (?, 1, 0)", (digest,))
    )
    job = await add(store)
    sql = "SELECT used_at FROM blobs WHERE sha256 = ?"
    used_at = (await database.read(lambda db: db.execute(sql, (digest,)).fetchone()))[0]
    assert used_at == job.created_at
    pictures = await database.read(lambda db: db.execute("SELECT sha256 FROM job_pictures").fetchall())
    assert sorted(row[0] for row in pictures) == sorted(ASK.pictures)
