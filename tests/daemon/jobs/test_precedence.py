"""A person's job goes before batch jobs that are at work already, and every batch job is done once all the same."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from mien_daemon.access.clients import LOCAL
from mien_daemon.jobs import precedence as module
from mien_daemon.jobs import scheduler
from mien_daemon.jobs.job import Job, Priority
from mien_daemon.jobs.precedence import Attempt, Precedence
from mien_testing.jobs import FakeExecutor, JobRoom, make_job, open_jobs


async def begin_batch(room: JobRoom, orders: str = "gate=b") -> Job:
    """A batch job that has told of its first steps."""
    return await until_at_work(room, await room.submit(orders, priority=Priority.batch))


async def until_at_work(room: JobRoom, job: Job) -> Job:
    async with asyncio.timeout(60):
        while True:
            since = room.events.last
            if room.queue.show(await room.queue.get(LOCAL, job.id))["stage"] is not None:
                return await room.queue.get(LOCAL, job.id)
            await room.events.wait_beyond(since)


async def waited_for(room: JobRoom, executor: FakeExecutor, batch: Job) -> None:
    """A person's job leaves this batch job at work, and is done after it."""
    attempts, person = len(executor.ran), await room.submit()
    for _ in range(20):
        await room.store.get(person.id)
    executor.gates["b"].set()
    assert (await room.finished(person)).state == "done"
    assert [work.id for work in executor.ran[attempts - 1 :]] == [batch.id, person.id]


async def test_a_batch_job_stops_for_a_person_and_begins_again_before_the_rest_of_its_batch(tmp_path: Path) -> None:
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        stopped = await begin_batch(room)
        later = await room.submit(priority=Priority.batch)
        person = await room.finished(await room.submit())
        executor.gates["b"].set()
        ended = [await room.finished(job) for job in (stopped, later)]
        assert [(job.state, job.attempts) for job in (person, *ended)] == [("done", 1)] * 3
        assert [work.id for work in executor.ran] == [stopped.id, person.id, stopped.id, later.id]
        assert room.states_told(stopped) == ["queued", "running", "queued", "running", "done"]


async def test_a_batch_job_stops_for_a_search_for_faces_and_another_one_does_not(tmp_path: Path) -> None:
    executors = FakeExecutor(), FakeExecutor()
    async with open_jobs(tmp_path, *executors) as room:
        jobs = [await begin_batch(room) for _ in executors]
        executors[0].is_wanted = True
        room.events.publish("worker", {})
        await executors[0].cancelled.wait()
        executors[0].is_wanted = False
        for executor in executors:
            executor.gates["b"].set()
        ended = [await room.finished(job) for job in jobs]
        assert [(job.state, job.attempts) for job in ended] == [("done", 1)] * 2
        assert not executors[1].cancelled.is_set()
        stopped, other = (executor.ran[0].id for executor in executors)
        told = [room.states_told(job).count("running") for job in sorted(jobs, key=lambda job: job.id == other)]
        assert (stopped != other, told) == (True, [2, 1])


async def test_a_persons_job_does_not_stop_for_a_search_for_faces(tmp_path: Path) -> None:
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        person = await until_at_work(room, await room.submit("gate=b"))
        executor.is_wanted = True
        room.events.publish("worker", {})
        for _ in range(20):
            await room.store.get(person.id)
        assert not executor.cancelled.is_set()
        executor.gates["b"].set()
        assert (await room.finished(person)).state == "done"


async def test_one_person_stops_one_of_two_batch_jobs_and_the_other_waits_in_its_executor(tmp_path: Path) -> None:
    executors = FakeExecutor(), FakeExecutor()
    async with open_jobs(tmp_path, *executors) as room:
        for _ in executors:
            await begin_batch(room)
        person = await until_at_work(room, await room.submit("gate=p"))
        serving = next(each for each in executors if each.ran[-1].id == person.id)
        other = next(each for each in executors if each is not serving)
        batch = other.ran[0].id
        assert await other.holds.get() == (batch, True)
        other.gates["b"].set()
        assert (await room.store.get(batch)).state == "running"
        serving.gates["p"].set()
        assert await other.holds.get() == (batch, False)
        serving.gates["b"].set()
        for work in (person, *[await room.store.get(each.ran[0].id) for each in executors]):
            assert (await room.finished(work)).state == "done"
        assert (len(serving.ran), len(other.ran)) in {(3, 1), (2, 2)}


async def test_two_persons_stop_two_batch_jobs(tmp_path: Path) -> None:
    executors = FakeExecutor(), FakeExecutor()
    async with open_jobs(tmp_path, *executors) as room:
        batch = [await begin_batch(room) for _ in executors]
        persons = [await room.submit("gate=p"), await room.submit("gate=p")]
        for person in persons:
            await room.until(person, "running")
        assert room.queue.counts() == {"queued": 2, "running": 2, "paused": False}
        for executor in executors:
            executor.gates["p"].set()
            executor.gates["b"].set()
        for job in (*persons, *batch):
            assert (await room.finished(job)).state == "done"


async def test_a_batch_job_goes_on_where_another_executor_is_free_for_the_person(tmp_path: Path) -> None:
    executors = FakeExecutor(), FakeExecutor()
    async with open_jobs(tmp_path, *executors) as room:
        batch = await begin_batch(room)
        assert (await room.finished(await room.submit())).state == "done"
        for executor in executors:
            executor.gates["b"].set()
        assert (await room.finished(batch)).state == "done"
        assert sorted(len(executor.ran) for executor in executors) == [1, 1]


async def test_a_batch_job_that_has_given_way_often_runs_through(tmp_path: Path) -> None:
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        batch = await begin_batch(room)
        for _ in range(module.MOST_GIVEN_WAY):
            assert (await room.finished(await room.submit())).state == "done"
            await until_at_work(room, batch)
        await waited_for(room, executor, batch)
        assert (await room.finished(batch)).attempts == 1
        assert len(executor.ran) == 2 * module.MOST_GIVEN_WAY + 2


async def test_a_batch_job_is_held_for_so_many_persons_and_no_more(tmp_path: Path) -> None:
    executors = FakeExecutor(), FakeExecutor()
    async with open_jobs(tmp_path, *executors) as room:
        batch = await begin_batch(room)
        at = next(each for each in executors if each.ran)
        for number in range(module.MOST_GIVEN_WAY + 1):
            person = await until_at_work(room, await room.submit(f"gate=p{number}"))
            if number < module.MOST_GIVEN_WAY:
                assert await at.holds.get() == (batch.id, True)
            else:
                at.gates["b"].set()
                assert (await room.finished(batch)).state == "done"
            for executor in executors:
                executor.gates[f"p{number}"].set()
            assert (await room.finished(person)).state == "done"
            if number < module.MOST_GIVEN_WAY:
                assert await at.holds.get() == (batch.id, False)


async def test_a_clip_that_finishes_segments_gives_way_as_often_as_persons_come(tmp_path: Path) -> None:
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        clip = await begin_batch(room, "clip gate=b")
        for _ in range(module.MOST_GIVEN_WAY + 2):
            assert (await room.finished(await room.submit())).state == "done"
            await until_at_work(room, clip)
        executor.gates["b"].set()
        done = await room.finished(clip)
        assert (done.state, done.attempts) == ("done", 1)


async def test_a_clip_that_goes_on_without_finishing_more_runs_through_once_it_has_given_way_often(
    tmp_path: Path,
) -> None:
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        clip = await begin_batch(room, "clip stuck gate=b")
        for _ in range(module.MOST_GIVEN_WAY):
            assert (await room.finished(await room.submit())).state == "done"
            await until_at_work(room, clip)
        await waited_for(room, executor, clip)


async def test_a_clip_whose_segments_are_all_made_is_waited_for(tmp_path: Path) -> None:
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        await waited_for(room, executor, await begin_batch(room, "clip joined gate=b"))


async def test_no_batch_job_is_held_for_the_length_of_a_persons_clip(tmp_path: Path) -> None:
    executors = FakeExecutor(), FakeExecutor()
    async with open_jobs(tmp_path, *executors) as room:
        batch = await begin_batch(room)
        clip = await until_at_work(room, await room.submit("clip gate=c"))
        for executor in executors:
            executor.gates["b"].set()
        assert (await room.finished(batch)).state == "done"
        assert (await room.queue.get(LOCAL, clip.id)).state == "running"


async def test_a_batch_job_that_is_almost_done_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ALMOST_DONE", 0.0)
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        await waited_for(room, executor, await begin_batch(room))


async def test_nothing_stops_for_a_person_while_the_queue_is_paused(tmp_path: Path) -> None:
    executor = FakeExecutor()
    async with open_jobs(tmp_path, executor) as room:
        batch = await begin_batch(room)
        await room.queue.pause(True)
        person = await room.submit()
        executor.gates["b"].set()
        assert (await room.finished(batch)).state == "done"
        assert (await room.queue.get(LOCAL, person.id)).state == "queued"
        assert len(executor.ran) == 1


async def test_a_job_that_was_held_says_nothing_of_how_long_the_next_takes(tmp_path: Path) -> None:
    executors = FakeExecutor(), FakeExecutor()
    async with open_jobs(tmp_path, *executors) as room:
        batch = await begin_batch(room)
        person = await until_at_work(room, await room.submit("gate=p"))
        at = next(each for each in executors if each.ran[0].id == batch.id)
        assert await at.holds.get() == (batch.id, True)
        await room.queue.cancel(LOCAL, person.id)
        assert await at.holds.get() == (batch.id, False)
        at.gates["b"].set()
        assert (await room.finished(batch)).state == "done"
        assert not room.jobs.durations.is_known("swap flux")
        await room.finished(await room.submit(priority=Priority.batch))
        assert room.jobs.durations.is_known("swap flux")


async def test_a_job_that_is_held_can_be_cancelled(tmp_path: Path) -> None:
    executors = FakeExecutor(), FakeExecutor()
    async with open_jobs(tmp_path, *executors) as room:
        batch = await begin_batch(room)
        person = await until_at_work(room, await room.submit("gate=p"))
        await next(each for each in executors if each.ran[0].id == batch.id).holds.get()
        assert (await room.queue.cancel(LOCAL, batch.id)).state == "cancelled"
        assert (await room.queue.get(LOCAL, person.id)).state == "running"


class Hanging(FakeExecutor):
    """The first of all that is asked to stop does not."""

    def __init__(self, interrupted: list[str]) -> None:
        super().__init__()
        self.interrupted = interrupted

    async def interrupt(self, work_id: str) -> None:
        self.interrupted.append(work_id)
        if self.interrupted[0] != work_id:
            await super().interrupt(work_id)


async def test_a_person_whose_worker_does_not_stop_is_served_by_the_next_which_was_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LATE_S", 0.0)
    monkeypatch.setattr(scheduler, "SETTLE_EVERY_S", 0.01)
    asked: list[str] = []
    executors = Hanging(asked), Hanging(asked)
    async with open_jobs(tmp_path, *executors) as room:
        batch = [await begin_batch(room) for _ in executors]
        person = await room.finished(await room.submit())
        assert person.state == "done"
        hanging, serving = sorted(executors, key=lambda each: len(each.ran))
        assert [work.id for work in hanging.ran] == asked[:1]
        assert serving.holds.empty()
        for executor in executors:
            executor.gates["b"].set()
        for job in batch:
            assert (await room.finished(job)).state == "done"


async def test_what_was_told_to_stop_is_waited_for_until_it_is_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    executors = Hanging(asked), Hanging(asked)
    async with open_jobs(tmp_path) as room:
        room.jobs.recover([make_job(name, 1, Priority.batch) for name in "ab"])
        attempts = [Attempt(executor, running) for executor in executors if (running := room.jobs.begin())]
        room.jobs.recover([make_job("p")])
        precedence = Precedence(room.jobs, executors)
        for late_s, expected in ((1e9, ["a"]), (1e9, ["a"]), (0.0, ["a", "b"]), (0.0, ["a", "b"])):
            monkeypatch.setattr(module, "LATE_S", late_s)
            await precedence.settle(attempts)
            assert asked == expected


class Telling(FakeExecutor):
    """Notes what it is told to hold; `meanwhile` is what happens until it does."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []
        self.meanwhile: Callable[[], object] = lambda: None

    async def hold(self, work_id: str, *, hold: bool) -> bool:
        self.told.append(work_id)
        self.meanwhile()
        return hold


async def test_a_job_that_ended_while_another_was_told_to_wait_is_not_told_itself(tmp_path: Path) -> None:
    async with open_jobs(tmp_path) as room:
        room.jobs.recover([make_job("p", 1), *[make_job(name, 2, Priority.batch) for name in "ab"]])
        executors = [Telling(), Telling(), Telling()]
        attempts = [Attempt(executor, running) for executor in executors if (running := room.jobs.begin())]
        executors[1].meanwhile = lambda: room.jobs.close(attempts[2].job)
        await Precedence(room.jobs, executors).settle(attempts)
        assert [executor.told for executor in executors] == [[], ["a"], []]


class DyingWhenInterrupted(FakeExecutor):
    """It does not stop when it is asked to; its process dies first."""

    async def interrupt(self, work_id: str) -> None:
        self.gates["b"].set()


async def test_a_worker_that_dies_instead_of_giving_way_costs_an_attempt(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, DyingWhenInterrupted()) as room:
        batch = await begin_batch(room, "gate=b die_once")
        assert (await room.finished(await room.submit())).state == "done"
        done = await room.finished(batch)
        assert (done.state, done.attempts) == ("done", 2)


async def test_a_job_that_ends_before_it_can_give_way_is_done_once(tmp_path: Path) -> None:
    executor = DyingWhenInterrupted()
    async with open_jobs(tmp_path, executor) as room:
        batch = await begin_batch(room)
        assert (await room.finished(await room.submit())).state == "done"
        assert (await room.finished(batch)).state == "done"
        assert len(executor.ran) == 2
