"""The scheduler: every executor gets the first job that waits, and what comes of a job is written before it is told."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from mien_api.errors import JobFinished, WorkerDied
from mien_core.errors import UnknownReference
from mien_daemon.access.clients import LOCAL
from mien_daemon.jobs import scheduler as module
from mien_daemon.jobs.job import Job, Priority
from mien_daemon.jobs.store import JobStore
from mien_daemon.jobs.work_folder import WorkFolder
from mien_daemon.state.personal_data import folder_for_references
from mien_daemon.worker.messages import Finished, RunJob
from mien_daemon.worker.process import OnProgressed
from mien_daemon.worker.readiness import Readiness
from mien_testing.daemon import png
from mien_testing.jobs import REPORT, SEALED, FakeExecutor, FakeReferences, JobRoom, open_jobs


async def test_a_job_is_told_as_queued_running_and_done_and_its_result_is_a_file(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, FakeExecutor()) as room:
        job = await room.finished(await room.submit())
        assert room.states_told(job) == ["queued", "running", "done"]
        assert (job.attempts, job.media_type, job.result) == (1, "image/png", dict(REPORT))
        assert room.store.result(job.id).read_bytes() == png()
        assert await room.store.get(job.id) == job


async def test_jobs_begin_in_order_and_a_person_before_a_batch(tmp_path: Path) -> None:
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor, paused=True) as room:
        batch = await room.submit(priority=Priority.batch)
        first, second = await room.submit(), await room.submit()
        await room.queue.pause(False)
        for job in (first, second, batch):
            await room.finished(job)
        assert [work.id for work in executor.ran] == [first.id, second.id, batch.id]


async def test_two_executors_run_two_jobs_at_once_and_a_third_waits(tmp_path: Path) -> None:
    executors = FakeExecutor(), FakeExecutor()
    async with open_jobs(tmp_path, *executors) as room:
        running = [await room.submit("gate=g"), await room.submit("gate=g")]
        for job in running:
            await room.until(job, "running")
        third = await room.submit()
        assert room.queue.counts() == {"queued": 1, "running": 2, "paused": False}
        assert (await room.queue.get(LOCAL, third.id)).state == "queued"
        for executor in executors:
            executor.gates["g"].set()
        for job in (*running, third):
            assert (await room.finished(job)).state == "done"
        assert sorted(len(executor.ran) for executor in executors) == [1, 2]


async def test_cancelling_one_of_two_running_jobs_leaves_the_other(tmp_path: Path) -> None:
    executors = FakeExecutor(), FakeExecutor()
    async with open_jobs(tmp_path, *executors) as room:
        one, other = await room.submit("gate=g"), await room.submit("gate=g")
        for job in (one, other):
            await room.until(job, "running")
        assert (await room.queue.cancel(LOCAL, one.id)).state == "cancelled"
        assert (await room.queue.get(LOCAL, other.id)).state == "running"


async def done_and_put_away(room: JobRoom, job: Job) -> None:
    """Return when the job is done and its folder gone: only then its executor is free again."""
    assert (await room.finished(job)).state == "done"
    async with asyncio.timeout(60):
        while room.scheduler._attempts:  # noqa: ASYNC110 it sends no event  # pyright: ignore[reportPrivateUsage]
            await asyncio.sleep(0.01)


async def test_no_more_executors_start_than_jobs_wait_and_a_ready_one_goes_first(tmp_path: Path) -> None:
    stopped, ready = FakeExecutor(), FakeExecutor()
    stopped.is_ready = Readiness.STARTS
    async with open_jobs(tmp_path, stopped, ready) as room:
        for _ in range(4):
            await done_and_put_away(room, await room.submit())
        assert (stopped.asked, len(ready.ran)) == (0, 4)
        running = [await room.submit("gate=g"), await room.submit("gate=g")]
        for job in running:
            await room.until(job, "running")
        for executor in (stopped, ready):
            executor.gates["g"].set()
        for job in running:
            await room.finished(job)
        assert (len(stopped.ran), len(ready.ran)) == (1, 5)


async def test_of_two_ready_executors_the_one_with_the_engine_in_memory_takes_the_job(tmp_path: Path) -> None:
    other, loaded = FakeExecutor(), FakeExecutor()
    other.engine, loaded.engine = "mesh", "flux"
    async with open_jobs(tmp_path, other, loaded) as room:
        for _ in range(3):
            await done_and_put_away(room, await room.submit())
        assert (len(other.ran), len(loaded.ran)) == (0, 3)


async def test_an_executor_that_waits_after_a_death_holds_no_job_up(tmp_path: Path) -> None:
    dead, alive = FakeExecutor(), FakeExecutor()
    dead.is_ready = Readiness.WAITS
    dead.free.clear()
    async with open_jobs(tmp_path, dead, alive) as room:
        jobs = [await room.submit() for _ in range(3)]
        for job in jobs:
            assert (await room.finished(job)).state == "done"
        assert (len(dead.ran), len(alive.ran)) == (0, 3)


async def test_a_slow_executor_delays_no_job_of_a_quick_one(tmp_path: Path) -> None:
    slow, quick = FakeExecutor(), FakeExecutor()
    async with open_jobs(tmp_path, slow, quick) as room:
        held = await room.submit("gate=g")
        await room.until(held, "running")
        for job in [await room.submit() for _ in range(5)]:
            assert (await room.finished(job)).state == "done"
        assert (await room.queue.get(LOCAL, held.id)).state == "running"
        assert sorted(len(each.ran) for each in (slow, quick)) == [1, 5]


async def test_an_executor_that_dies_costs_its_own_job_alone(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, FakeExecutor(), FakeExecutor()) as room:
        held = await room.submit("gate=g")
        await room.until(held, "running")
        assert (await room.finished(await room.submit("die"))).state == "failed"
        now = await room.queue.get(LOCAL, held.id)
        assert (now.state, now.attempts) == ("running", 1)


class Mortal(FakeExecutor):
    """Of those that share `deaths`, as many die of their job as it has items."""

    def __init__(self, deaths: list[str]) -> None:
        super().__init__()
        self._deaths = deaths

    async def run(self, work: RunJob, on_progressed: OnProgressed) -> Finished:
        if not self._deaths:
            return await super().run(work, on_progressed)
        self.ran.append(work)
        raise WorkerDied(self._deaths.pop())


def two_of_whom_one_dies() -> tuple[FakeExecutor, FakeExecutor]:
    deaths = ["the worker process died"]
    return Mortal(deaths), Mortal(deaths)


async def test_a_job_waits_again_only_after_the_folder_of_its_first_attempt_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the first attempt would take away the files of the second, which another executor begins at once."""
    remove, entered, go_on = WorkFolder.remove, asyncio.Event(), asyncio.Event()

    async def remove_slowly(self: WorkFolder) -> None:
        entered.set()
        await go_on.wait()
        await remove(self)

    monkeypatch.setattr(WorkFolder, "remove", remove_slowly)
    executors = two_of_whom_one_dies()
    async with open_jobs(tmp_path, *executors) as room:
        job = await room.submit()
        await entered.wait()
        for _ in range(20):
            await room.store.get(job.id)
        assert sum(len(executor.ran) for executor in executors) == 1
        go_on.set()
        done = await room.finished(job)
        assert (done.state, done.attempts) == ("done", 2)


async def test_no_job_is_taken_before_its_executor_is_available(tmp_path: Path) -> None:
    executor = FakeExecutor()
    executor.free.clear()
    async with open_jobs(tmp_path, executor) as room:
        batch = await room.submit(priority=Priority.batch)
        person = await room.submit()
        assert room.queue.counts()["queued"] == 2
        executor.free.set()
        for job in (person, batch):
            await room.finished(job)
        assert [work.id for work in executor.ran] == [person.id, batch.id]


async def test_a_job_that_is_cancelled_while_its_executor_starts_never_runs(tmp_path: Path) -> None:
    executor = FakeExecutor()
    executor.free.clear()
    async with open_jobs(tmp_path, executor) as room:
        job = await room.submit()
        assert (await room.queue.cancel(LOCAL, job.id)).state == "cancelled"
        executor.free.set()
        after = await room.finished(await room.submit())
        assert [work.id for work in executor.ran] == [after.id]


async def test_a_job_whose_worker_died_is_tried_once_more_and_no_third_time(tmp_path: Path) -> None:
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        once = await room.finished(await room.submit("die_once"))
        assert (once.state, once.attempts) == ("done", 2)
        always = await room.finished(await room.submit("die"))
        assert (always.state, always.attempts) == ("failed", 2)
        assert always.problem
        assert always.problem["code"] == "worker-died"
        assert [work.id for work in executor.ran] == [once.id, once.id, always.id, always.id]


async def test_a_job_that_comes_back_goes_before_those_that_wait(tmp_path: Path) -> None:
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor, paused=True) as room:
        dying, other = await room.submit("die_once"), await room.submit()
        await room.queue.pause(False)
        for job in (dying, other):
            await room.finished(job)
        assert [work.id for work in executor.ran] == [dying.id, dying.id, other.id]
        assert room.states_told(dying) == ["queued", "running", "queued", "running", "done"]


async def test_a_worker_that_was_gone_before_it_began_costs_no_attempt(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, FakeExecutor()) as room:
        job = await room.finished(await room.submit("gone"))
        assert (job.state, job.attempts) == ("done", 1)


async def test_a_refusal_becomes_the_jobs_problem_and_the_next_job_runs(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, FakeExecutor()) as room:
        failed = await room.finished(await room.submit("fail"))
        assert failed.state == "failed"
        assert failed.problem
        assert (failed.problem["code"], failed.problem["role"]) == ("no-face-found", "target")
        assert failed.attempts == 1
        assert (await room.finished(await room.submit())).state == "done"


@pytest.mark.parametrize("orders", ["crash", "lie"])
async def test_an_unexpected_error_and_a_result_that_is_not_the_file_fail_the_job(tmp_path: Path, orders: str) -> None:
    async with open_jobs(tmp_path, FakeExecutor()) as room:
        failed = await room.finished(await room.submit(orders))
        assert failed.problem
        assert failed.problem["code"] == "internal-error"
        assert "secret" not in str(failed.problem)
        assert not room.store.result(failed.id).exists()


async def test_cancelling_a_running_job_returns_when_it_has_stopped(tmp_path: Path) -> None:
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        job = await room.until(await room.submit("gate=never"), "running")
        cancelled = await room.scheduler.cancel(job)
        assert cancelled.state == "cancelled"
        assert cancelled.finished_at is not None
        assert cancelled.expires_at == cancelled.finished_at + room.settings.current.keep_results_s
        assert room.queue.counts()["running"] == 0
        assert (await room.store.get(job.id)).state == "cancelled"


async def test_a_job_that_was_done_in_the_meantime_cannot_be_cancelled(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, FakeExecutor()) as room:
        job = await room.finished(await room.submit())
        with pytest.raises(JobFinished):
            await room.scheduler.cancel(job)


async def test_a_cancel_between_begin_and_run_reaches_no_executor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor, opened, go_on = FakeExecutor(), asyncio.Event(), asyncio.Event()

    async def open_slowly(_self: FakeReferences, _reference: str) -> Mapping[str, bytes]:
        opened.set()
        await go_on.wait()
        return {"p0": SEALED}

    monkeypatch.setattr(FakeReferences, "pictures", open_slowly)
    async with open_jobs(tmp_path, executor) as room:
        job = await room.submit(reference="ref:ada")
        await opened.wait()
        cancelling = asyncio.create_task(room.queue.cancel(LOCAL, job.id))
        await executor.cancelled.wait()
        go_on.set()
        assert (await cancelling).state == "cancelled"
        assert not executor.ran


async def test_a_cancel_while_the_worker_dies_takes_the_job_out_of_the_line_again(tmp_path: Path) -> None:
    executor = DyingWhenCancelled()
    async with open_jobs(tmp_path, executor) as room:
        job = await room.until(await room.submit("gate=g die"), "running")
        assert (await room.queue.cancel(LOCAL, job.id)).state == "cancelled"


class DyingWhenCancelled(FakeExecutor):
    """Its process dies of the first cancel; it does not come back until the test ends."""

    async def cancel(self, work_id: str) -> None:
        self.free.clear()
        self.gates["g"].set()


async def test_a_disk_that_takes_no_change_lets_the_job_wait_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TROUBLE_S", 0.0)
    change, refusals = JobStore.change, [OSError("full"), OSError("full")]

    async def refuse_twice(self: JobStore, job: Job, *, patient: bool = False) -> Job:
        if job.state == "running" and refusals:
            raise refusals.pop()
        return await change(self, job, patient=patient)

    monkeypatch.setattr(JobStore, "change", refuse_twice)
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        job = await room.finished(await room.submit())
        assert (job.state, job.attempts, len(executor.ran)) == ("done", 1, 1)


async def test_a_result_that_cannot_be_kept_lets_the_job_wait_with_its_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TROUBLE_S", 0.0)
    finish, refusals = JobStore.finish, [OSError("full")]

    async def refuse_once(self: JobStore, job: Job, picture: Path, thumbnail: Path | None = None) -> Job:
        if refusals:
            raise refusals.pop()
        return await finish(self, job, picture, thumbnail)

    monkeypatch.setattr(JobStore, "finish", refuse_once)
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        job = await room.finished(await room.submit())
        assert (job.state, job.attempts, len(executor.ran)) == ("done", 1, 2)
        assert room.states_told(job) == ["queued", "running", "queued", "running", "done"]


async def test_what_an_earlier_daemon_left_is_begun_again_first_and_its_files_are_gone(tmp_path: Path) -> None:
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        left = await room.until(await room.submit("gate=never"), "running")
        waiting = await room.submit()
        spool = room.state / "spool"
    (spool / "half a job").mkdir()
    (spool / "half a job" / "result").write_bytes(b"half")
    (spool / "a file of an older version").write_bytes(b"half")
    after = FakeExecutor()
    after.gates["never"].set()
    async with open_jobs(tmp_path, after) as room:
        for job in (left, waiting):
            done = await room.finished(job)
            assert (done.state, done.attempts) == ("done", 1)
        assert [work.id for work in after.ran] == [left.id, waiting.id]
    assert list(spool.iterdir()) == []


async def test_the_folder_of_a_job_is_gone_whatever_came_of_it(tmp_path: Path) -> None:
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        for orders in ("", "fail", "crash", "die", "lie", "gone"):
            await room.finished(await room.submit(orders, reference="ref:ada"))
        await room.queue.cancel(LOCAL, (await room.until(await room.submit("gate=g"), "running")).id)
        opened = folder_for_references(tmp_path)
    left = [*(tmp_path / "spool").iterdir(), *(opened.iterdir() if opened.exists() else ())]
    assert left == []


async def test_progress_is_told_by_stage_and_only_while_the_job_runs(tmp_path: Path) -> None:
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        job = await room.until(await room.submit("gate=g"), "running")
        async with asyncio.timeout(60):
            while (shown := room.queue.show(job))["stage"] is None:
                await room.events.wait_beyond(room.events.last)
        assert shown["stage"] == "generate"
        assert isinstance(shown["progress"], float)
        assert 0.0 < shown["progress"] < 1.0
        executor.gates["g"].set()
        done = room.queue.show(await room.finished(job))
        assert (done["progress"], done["stage"], done["eta_s"]) == (1.0, None, None)


async def test_the_second_job_of_a_kind_has_an_estimate_from_the_first(tmp_path: Path) -> None:
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        first = await room.finished(await room.submit())
        assert room.jobs.durations.typical_s("swap flux") == 4.0
        second = await room.until(await room.submit("gate=g"), "running")
        async with asyncio.timeout(60):
            while room.queue.show(second)["eta_s"] is None:
                await room.events.wait_beyond(room.events.last)
        assert first.id != second.id


async def test_a_job_is_told_as_running_before_its_executor_says_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_self: FakeReferences, _reference: str) -> Mapping[str, bytes]:
        raise UnknownReference("withdrawn meanwhile")

    monkeypatch.setattr(FakeReferences, "pictures", refuse)
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        job = await room.finished(await room.submit(reference="ref:ada"))
        assert room.states_told(job) == ["queued", "running", "failed"]
        assert not executor.ran


async def test_a_job_that_was_cancelled_at_work_can_be_repeated(tmp_path: Path) -> None:
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        job = await room.until(await room.submit("gate=g"), "running")
        await room.queue.cancel(LOCAL, job.id)
        executor.gates["g"].set()
        assert (await room.finished(await room.queue.retry(LOCAL, job.id))).state == "done"


async def test_after_trouble_with_the_disk_a_job_is_not_tried_again_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, refusals = JobStore.change, [OSError("full")]

    async def refuse_once(self: JobStore, job: Job, *, patient: bool = False) -> Job:
        if job.state == "running" and refusals:
            raise refusals.pop()
        return await change(self, job, patient=patient)

    monkeypatch.setattr(JobStore, "change", refuse_once)
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        job = await room.submit()
        async with asyncio.timeout(60):
            while refusals:
                await room.store.get(job.id)
        for _ in range(20):
            await room.store.get(job.id)
        assert (await room.queue.get(LOCAL, job.id)).state == "queued"
        assert not executor.ran


# ── clips ──


async def begin_clip(room: JobRoom) -> Job:
    """A clip that is at work, of which something is finished."""
    job = await room.submit("clip gate=go")
    async with asyncio.timeout(60):
        while room.queue.show(await room.queue.get(LOCAL, job.id))["segments"] is None:
            await room.events.wait_beyond(room.events.last)
    return await room.queue.get(LOCAL, job.id)


async def test_a_clip_that_is_at_work_waits_while_the_queue_is_paused_and_goes_on_where_it_stood(
    tmp_path: Path,
) -> None:
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        clip = await begin_clip(room)
        await room.queue.pause(True)
        waiting = await room.until(clip, "queued")
        run = tmp_path / "spool" / clip.id / "run"
        assert (waiting.attempts, [path.name for path in run.iterdir()]) == (0, ["attempt1"])
        executor.gates["go"].set()
        await room.queue.pause(False)
        done = await room.finished(clip)
        assert (done.state, done.attempts, len(executor.ran)) == ("done", 1, 2)
        async with asyncio.timeout(60):
            while run.parent.exists():  # noqa: ASYNC110 a folder that goes sends no event
                await asyncio.sleep(0.01)


async def test_a_pause_reaches_a_clip_whose_first_attempt_is_still_being_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, slow, go_on = JobStore.change, ["queued"], asyncio.Event()

    async def change_slowly(self: JobStore, job: Job, *, patient: bool = False) -> Job:
        changed = await change(self, job, patient=patient)
        if job.attempts and job.state in slow:
            slow.clear()
            await go_on.wait()
        return changed

    monkeypatch.setattr(JobStore, "change", change_slowly)
    async with open_jobs(tmp_path, *two_of_whom_one_dies()) as room:
        clip = await begin_clip(room)
        go_on.set()
        await room.put(png(shade=9))  # meanwhile the first attempt ends
        await room.queue.pause(True)
        assert (await room.until(clip, "queued")).attempts == 1


async def test_a_pause_lets_a_picture_finish(tmp_path: Path) -> None:
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        picture = await room.until(await room.submit("gate=go"), "running")
        await room.queue.pause(True)
        executor.gates["go"].set()
        assert (await room.finished(picture)).state == "done"


async def test_what_is_finished_of_a_clip_outlives_its_daemon_and_goes_with_its_job(tmp_path: Path) -> None:
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        clip = await begin_clip(room)
    run = tmp_path / "spool" / clip.id / "run"
    assert [path.name for path in run.iterdir()] == ["attempt1"]
    (tmp_path / "spool" / "a-job-that-was" / "run").mkdir(parents=True)
    async with open_jobs(tmp_path, executor, paused=True) as room:
        assert [path.name for path in (tmp_path / "spool").iterdir()] == [clip.id]
        await room.queue.delete(LOCAL, clip.id)
        assert not run.parent.exists()


async def test_a_cancelled_clip_that_is_tried_again_goes_on_from_what_is_finished(tmp_path: Path) -> None:
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        clip = await begin_clip(room)
        await room.queue.cancel(LOCAL, clip.id)
    run = tmp_path / "spool" / clip.id / "run"
    async with open_jobs(tmp_path, executor) as room:
        assert [path.name for path in run.iterdir()] == ["attempt1"], "another start of the daemon keeps it"
        executor.gates["go"].set()
        await room.queue.retry(LOCAL, clip.id)
        assert (await room.finished(clip)).state == "done"
        assert executor.ran[-1].run == str(run)
    assert not run.parent.exists()


async def test_what_is_finished_of_a_cancelled_clip_goes_with_its_job_or_when_a_result_would(tmp_path: Path) -> None:
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor, paused=True) as room:
        kept, deleted, over = [await room.submit("clip") for _ in range(3)]
        for job in (kept, deleted, over):
            (tmp_path / "spool" / job.id / "run").mkdir(parents=True)
            await room.queue.cancel(LOCAL, job.id)
        await room.queue.delete(LOCAL, deleted.id)
        await room.store.change(replace(await room.store.get(over.id), expires_at=1.0))
        await room.store.expire(1e12)
        assert [path.name for path in (tmp_path / "spool").iterdir()] == [kept.id]


async def test_a_clip_whose_executor_died_is_tried_again_with_what_is_finished(tmp_path: Path) -> None:
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        done = await room.finished(await room.submit("clip die_once"))
        assert (done.state, done.attempts) == ("done", 2)
        assert [work.run for work in executor.ran] == [str(tmp_path / "spool" / done.id / "run")] * 2
