"""Several changes of one job at once, in many orders: memory and disk agree, and nothing that ended begins again."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mien_api.errors import JobFinished, UnknownBlob, UnknownJob
from mien_core.errors import MienError
from mien_daemon.access.clients import LOCAL
from mien_daemon.jobs.job import Job
from mien_testing import jobs as module
from mien_testing.interleaving import SEEDS, Interleaved
from mien_testing.jobs import FakeExecutor, JobRoom, open_jobs

ORDERS = list(SEEDS)[::3]


@asynccontextmanager
async def room_of(
    state: Path, seed: int, monkeypatch: pytest.MonkeyPatch, **settings: object
) -> AsyncGenerator[JobRoom]:
    def seeded(folder: Path) -> Interleaved:
        database = Interleaved(folder)
        database.be_seeded(seed)
        return database

    monkeypatch.setattr(module, "Database", seeded)
    async with open_jobs(state, FakeExecutor(), **settings) as room:
        yield room


async def agree(room: JobRoom, job: Job) -> Job | None:
    """The job in memory, where it is there, is the one on the disk."""
    try:
        kept = await room.store.get(job.id)
    except UnknownJob:
        assert room.jobs.find(job.id) is None
        return None
    live = room.jobs.find(job.id)
    assert (live is None) == kept.is_finished
    assert live is None or live.state == kept.state
    return kept


@pytest.mark.parametrize("seed", ORDERS)
async def test_a_waiting_job_that_is_cancelled_deleted_moved_and_retried_at_once_ends_in_one_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    async with room_of(tmp_path, seed, monkeypatch, paused=True) as room:
        for number in range(4):
            job, other = await room.submit(), await room.submit()
            changes: list[Coroutine[Any, Any, object]] = [
                room.queue.cancel(LOCAL, job.id),
                room.queue.retry(LOCAL, job.id),
                room.queue.move(LOCAL, job.id, other.id),
                room.queue.cancel(LOCAL, job.id),
                room.queue.cancel(LOCAL, other.id),
            ]
            if number % 2:
                changes.append(room.queue.delete(LOCAL, job.id))
            answers = await asyncio.gather(*changes, return_exceptions=True)
            assert all(not isinstance(each, Exception) or isinstance(each, MienError) for each in answers), answers
            kept = await agree(room, job)
            assert (kept is None) == bool(number % 2)
            assert (await room.store.get(other.id)).state == "cancelled"


@pytest.mark.parametrize("seed", ORDERS)
async def test_a_job_that_finishes_while_it_is_cancelled_ends_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    async with room_of(tmp_path, seed, monkeypatch) as room:
        job = await room.submit()
        answers = await asyncio.gather(
            room.queue.cancel(LOCAL, job.id), room.queue.cancel(LOCAL, job.id), return_exceptions=True
        )
        kept = await room.finished(job)
        assert all(isinstance(each, Job | JobFinished) for each in answers)
        assert kept.state in {"done", "cancelled"}
        assert (kept.state == "done") == room.store.result(job.id).exists()
        assert await agree(room, job)


@pytest.mark.parametrize("seed", ORDERS)
async def test_a_new_time_to_keep_results_counts_for_a_job_that_is_just_finishing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    async with room_of(tmp_path, seed, monkeypatch, keep_results_s=1000) as room:
        job = await room.submit()
        await asyncio.gather(room.queue.change_settings({"keep_results_s": 70}), room.finished(job))
        kept = await room.store.get(job.id)
        assert kept.finished_at is not None
        assert kept.expires_at == pytest.approx(kept.finished_at + 70, abs=0.01)


async def test_of_many_changes_of_the_settings_at_once_none_is_lost(tmp_path: Path) -> None:
    async with open_jobs(tmp_path) as room:
        changes = {"keep_results_s": 90, "max_queued": 7, "idle_unload_s": 11, "notify_failed": False, "offline": True}
        await asyncio.gather(*(room.queue.change_settings({name: value}) for name, value in changes.items()))
        assert {name: getattr(room.settings.current, name) for name in changes} == changes


async def test_a_picture_that_is_swept_while_its_job_is_admitted_refuses_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_jobs(tmp_path) as room:
        inspect = room.admission.inspect

        async def inspect_then_sweep(*asked: Any) -> None:
            await inspect(*asked)
            await room.database.write(lambda db: db.execute("DELETE FROM blobs"))

        monkeypatch.setattr(room.admission, "inspect", inspect_then_sweep)
        with pytest.raises(UnknownBlob):
            await room.submit()
        assert list(await room.store.page(None, (), None, 10)) == []
