"""The queue: what a client may ask of its jobs, what it is refused, and that a change is finished once it was begun."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from mien_api.errors import (
    IdempotencyKeyReused,
    JobExpired,
    JobFinished,
    JobUnfinished,
    QueueFull,
    UnknownBlob,
    UnknownJob,
)
from mien_core.errors import DiskFull, UnknownReference
from mien_daemon.access.clients import LOCAL, Client, Scope
from mien_daemon.jobs.expiry import expire
from mien_daemon.jobs.job import Job, JobRequest, Priority
from mien_daemon.jobs.store import JobStore
from mien_testing.daemon import name_of
from mien_testing.jobs import FakeExecutor, open_jobs

ADA = Client("ada", "Ada's browser", frozenset[Scope]({"swap"}))
BEN = Client("ben", "Ben's browser", frozenset[Scope]({"swap"}))


async def test_a_submitted_job_is_on_the_disk_and_waits(tmp_path: Path) -> None:
    async with open_jobs(tmp_path) as room:
        job = await room.submit()
        assert await room.store.get(job.id) == job
        assert job.state == "queued"
        assert room.queue.counts() == {"queued": 1, "running": 0, "paused": False}


async def test_a_repeated_key_gives_the_same_job_as_it_is_now(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, FakeExecutor()) as room:
        first = await room.until(await room.submit("gate=g", key="k", digest="d"), "running")
        again = await room.submit("gate=g", key="k", digest="d")
        assert again == first
        with pytest.raises(IdempotencyKeyReused):
            await room.submit("gate=g", key="k", digest="another")


async def test_two_requests_with_one_key_at_once_make_one_job(tmp_path: Path) -> None:
    async with open_jobs(tmp_path) as room:
        made = await asyncio.gather(*(room.submit(key="k", digest="d") for _ in range(4)))
        assert len({job.id for job in made}) == 1
        assert room.queue.counts()["queued"] == 1


async def test_a_full_queue_refuses_and_a_key_that_came_before_is_answered_all_the_same(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, max_queued=2) as room:
        first = await room.submit(key="k")
        await room.submit()
        with pytest.raises(QueueFull):
            await room.submit()
        with pytest.raises(QueueFull):  # before it looks at any picture
            await room.queue.submit(LOCAL, JobRequest("restore", name_of(b"never sent"), (), {}))
        assert (await room.submit(key="k")).id == first.id


async def test_of_many_requests_at_once_only_as_many_are_taken_as_may_wait(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, max_queued=2) as room:
        await room.put()
        answers = await asyncio.gather(*(room.submit() for _ in range(5)), return_exceptions=True)
        assert [type(answer) for answer in answers].count(QueueFull) == 3
        assert room.queue.counts()["queued"] == 2


async def test_a_picture_of_another_client_and_an_unknown_reference_are_refused(tmp_path: Path) -> None:
    async with open_jobs(tmp_path) as room:
        name = await room.put(client=BEN)
        with pytest.raises(UnknownBlob):
            await room.queue.submit(ADA, JobRequest("restore", name, (), {}))
        with pytest.raises(UnknownReference):
            await room.submit(reference="ref:nobody")


async def test_a_disk_without_headroom_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_jobs(tmp_path) as room:
        name = await room.put()
        monkeypatch.setattr("mien_daemon.pictures.blobs.HEADROOM_SHARE", 1.0)
        with pytest.raises(DiskFull):
            await room.queue.submit(LOCAL, JobRequest("restore", name, (), {}))
        assert room.queue.counts()["queued"] == 0


async def test_a_client_sees_its_own_jobs_and_an_administrator_all(tmp_path: Path) -> None:
    async with open_jobs(tmp_path) as room:
        ada, ben = await room.submit(client=ADA), await room.submit(client=BEN)
        assert await room.queue.get(ADA, ada.id) == ada
        for job_id in (ben.id, "none"):
            with pytest.raises(UnknownJob):
                await room.queue.get(ADA, job_id)
        assert [job.id for job in await room.queue.page(ADA, (), None, 10)] == [ada.id]
        assert [job.id for job in await room.queue.page(LOCAL, (), None, 10)] == [ben.id, ada.id]


async def test_a_page_shows_a_running_job_as_running(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, FakeExecutor()) as room:
        running = await room.until(await room.submit("gate=g"), "running")
        assert list(await room.queue.page(LOCAL, (), None, 10)) == [running]


@pytest.mark.parametrize(("orders", "error"), [("gate=g", JobUnfinished), ("fail", JobFinished)])
async def test_there_is_no_result_of_a_job_that_is_not_done(
    tmp_path: Path, orders: str, error: type[Exception]
) -> None:
    async with open_jobs(tmp_path, FakeExecutor()) as room:
        job = await room.until(await room.submit(orders), "running" if error is JobUnfinished else "failed")
        with pytest.raises(error):
            await room.queue.result(LOCAL, job.id)


async def test_a_result_is_a_file_until_its_time_is_over(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, FakeExecutor()) as room:
        job = await room.finished(await room.submit())
        found, path = await room.queue.result(LOCAL, job.id)
        assert (found, path) == (job, room.store.result(job.id))
        await room.store.keep_for(0, before=room.settings.current.keep_results_s)
        await room.store.expire(forget_after_s=3600)
        with pytest.raises(JobExpired):
            await room.queue.result(LOCAL, job.id)


async def test_a_result_whose_file_was_deleted_is_expired(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, FakeExecutor()) as room:
        job = await room.finished(await room.submit())
        room.store.result(job.id).unlink()
        with pytest.raises(JobExpired):
            await room.queue.result(LOCAL, job.id)


async def test_a_failed_job_is_repeated_at_the_end_as_if_it_had_never_begun(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, FakeExecutor()) as room:
        failed = await room.finished(await room.submit("fail"))
        await room.queue.pause(True)
        waiting = await room.submit()
        again = await room.queue.retry(LOCAL, failed.id)
        assert again == replace(
            failed,
            state="queued",
            attempts=0,
            position=waiting.position + 1,
            started_at=None,
            finished_at=None,
            expires_at=None,
            problem=None,
        )
        assert await room.store.get(failed.id) == again
        assert [job.id for job in room.jobs.waiting] == [waiting.id, failed.id]


async def test_only_what_failed_or_was_cancelled_is_repeated_and_only_once(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, FakeExecutor()) as room:
        done = await room.finished(await room.submit())
        with pytest.raises(JobFinished):
            await room.queue.retry(LOCAL, done.id)
        failed = await room.finished(await room.submit("fail"))
        await room.queue.pause(True)
        asked = [room.queue.retry(LOCAL, failed.id) for _ in range(3)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(answer) for answer in answers].count(JobUnfinished) == 2
        assert room.queue.counts()["queued"] == 1


async def test_a_repeated_job_needs_room_and_its_pictures(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, FakeExecutor(), max_queued=1) as room:
        failed = await room.finished(await room.submit("fail"))
        await room.queue.pause(True)
        await room.submit()
        with pytest.raises(QueueFull):
            await room.queue.retry(LOCAL, failed.id)
        await room.queue.delete_finished(ADA)
        room.blobs.path(failed.ask.pictures[0]).unlink()
        (waiting,) = room.jobs.waiting
        await room.queue.cancel(LOCAL, waiting.id)
        with pytest.raises(UnknownBlob):
            await room.queue.retry(LOCAL, failed.id)


async def test_a_deleted_job_is_gone_with_its_picture_and_that_is_told(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, FakeExecutor()) as room:
        job = await room.finished(await room.submit())
        await room.queue.delete(LOCAL, job.id)
        assert not room.store.result(job.id).exists()
        with pytest.raises(UnknownJob):
            await room.queue.get(LOCAL, job.id)
        last = list(room.events.since(room.events.last - 1) or [])[-1]
        assert (last.kind, last.data, last.subject, last.owner) == ("job-deleted", {"id": job.id}, job.id, job.owner)


async def test_a_running_job_is_stopped_before_it_is_deleted(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, FakeExecutor()) as room:
        job = await room.until(await room.submit("gate=never"), "running")
        await room.queue.delete(LOCAL, job.id)
        assert room.queue.counts() == {"queued": 0, "running": 0, "paused": False}


async def test_all_finished_jobs_that_a_client_may_see_are_deleted_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien_daemon.jobs.queue.TOGETHER", 2)
    async with open_jobs(tmp_path, FakeExecutor()) as room:
        for orders in ("", "fail", ""):
            await room.finished(await room.submit(orders, client=ADA))
        bens = await room.finished(await room.submit(client=BEN))
        await room.queue.pause(True)
        waiting = await room.submit(client=ADA)
        assert await room.queue.delete_finished(ADA) == 3
        assert {job.id for job in await room.queue.page(LOCAL, (), None, 10)} == {bens.id, waiting.id}


async def test_of_jobs_that_are_named_a_clients_own_are_deleted_and_no_others(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, FakeExecutor()) as room:
        hers = [await room.finished(await room.submit(client=ADA)) for _ in range(2)]
        bens = await room.finished(await room.submit(client=BEN))
        named = [hers[0].id, bens.id, "gone-long-ago", hers[0].id]
        assert await room.queue.delete_named(ADA, named) == 1
        assert {job.id for job in await room.queue.page(LOCAL, (), None, 10)} == {hers[1].id, bens.id}
        assert not room.store.result(hers[0].id).exists()


async def test_a_moved_job_is_before_the_other_and_both_are_on_the_disk_so(tmp_path: Path) -> None:
    async with open_jobs(tmp_path) as room:
        a, b = await room.submit(), await room.submit()
        batch = await room.submit(priority=Priority.batch)
        moved = await room.queue.move(LOCAL, batch.id, a.id)
        assert (moved.id, moved.ask.priority) == (batch.id, Priority.interactive)
        assert [job.id for job in room.jobs.waiting] == [batch.id, a.id, b.id]
        assert [job.id for job in await room.store.recover()] == [batch.id, a.id, b.id]
        kinds = [event.kind for event in room.events.since(0) or ()]
        assert kinds[-2:] == ["job", "queue"]


async def test_every_job_that_gets_another_place_is_told_with_it_and_no_other(tmp_path: Path) -> None:
    async with open_jobs(tmp_path) as room:
        a, b, c = [await room.submit() for _ in "abc"]

        async def told_of_a_move() -> dict[object, object]:
            """The last job goes before the one before it."""
            last = room.events.last
            *_, behind, moved = room.jobs.waiting
            await room.queue.move(LOCAL, moved.id, behind.id)
            events = [event.data for event in room.events.since(last) or () if event.kind == "job"]
            return {data["id"]: data["position"] for data in events}

        assert (await told_of_a_move()).keys() == {c.id}
        room.jobs.waiting.put(replace(c, position=a.position))  # no number is left between these two
        told = await told_of_a_move()
        assert told == {job.id: job.position for job in room.jobs.waiting}
        assert told.keys() == {a.id, b.id, c.id}


async def test_only_waiting_jobs_are_moved_and_only_before_waiting_ones(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, FakeExecutor()) as room:
        done = await room.finished(await room.submit())
        running = await room.until(await room.submit("gate=g"), "running")
        waiting = await room.submit()
        for which, before, error in (
            (done, None, JobFinished),
            (running, None, JobUnfinished),
            (waiting, done, JobFinished),
            (waiting, running, JobUnfinished),
        ):
            with pytest.raises(error):
                await room.queue.move(LOCAL, which.id, before.id if before else None)
        with pytest.raises(UnknownJob):
            await room.queue.move(ADA, waiting.id, None)


async def test_a_pause_is_told_kept_and_ended(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, FakeExecutor()) as room:
        await room.queue.pause(True)
        assert room.settings.current.paused is True
        job = await room.submit()
        assert next(iter(room.events.since(0) or [])).data == {"queued": 0, "running": 0, "paused": True}
        assert room.queue.counts()["queued"] == 1
        await room.queue.pause(False)
        assert (await room.finished(job)).state == "done"


async def test_waiting_for_a_change_ends_at_the_first_event_of_that_job(tmp_path: Path) -> None:
    async with open_jobs(tmp_path) as room:
        job = await room.submit()
        waiting = asyncio.create_task(room.queue.change_of(job.id, room.events.last))
        other = await room.submit()
        room.events.publish("job", {}, subject=other.id)
        await asyncio.sleep(0)
        assert not waiting.done()
        await room.queue.cancel(LOCAL, job.id)
        await asyncio.wait_for(waiting, 60)


async def test_progress_is_told_at_its_pace_and_another_state_at_once(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, FakeExecutor()) as room:
        job = await room.until(await room.submit("gate=g"), "running")
        since = room.events.last
        patient = asyncio.create_task(room.queue.change_of(job.id, since, 3600))
        room.events.publish("job", {}, subject=job.id)
        await asyncio.wait_for(room.queue.change_of(job.id, since, 0.001), 60)
        assert not patient.done()
        await room.queue.cancel(LOCAL, job.id)
        await asyncio.wait_for(patient, 60)


async def test_waiting_at_a_pace_ends_with_the_daemon(tmp_path: Path) -> None:
    async with open_jobs(tmp_path) as room:
        job = await room.submit()
        waiting = asyncio.create_task(room.queue.change_of(job.id, room.events.last, 3600))
        await asyncio.sleep(0)
        room.events.close()
        await asyncio.wait_for(waiting, 60)


async def test_waiting_for_a_change_ends_with_the_daemon(tmp_path: Path) -> None:
    async with open_jobs(tmp_path) as room:
        waiting = asyncio.create_task(room.queue.change_of("any", room.events.last))
        await asyncio.sleep(0)
        room.events.close()
        await asyncio.wait_for(waiting, 60)


async def test_a_change_is_finished_when_the_client_goes_away_in_the_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, change = asyncio.Event(), asyncio.Event(), JobStore.change

    async def change_slowly(self: JobStore, job: Job, *, patient: bool = False) -> Job:
        begun.set()
        await go_on.wait()
        return await change(self, job, patient=patient)

    async with open_jobs(tmp_path) as room:
        job = await room.submit()
        monkeypatch.setattr(JobStore, "change", change_slowly)
        asking = asyncio.create_task(room.queue.cancel(LOCAL, job.id))
        await begun.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        go_on.set()
        async with asyncio.timeout(60):
            while (await room.store.get(job.id)).state != "cancelled":
                await room.events.wait_beyond(room.events.last - 1)


class Checked:
    """A state folder that was looked at."""

    is_due = False


async def test_what_is_over_is_deleted_again_and_again_and_a_failure_is_logged_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("mien_daemon.jobs.expiry.SWEEP_S", 0.0)
    swept = asyncio.Event()
    failures = [OSError("busy")]

    class Store:
        async def expire(self, forget_after_s: float) -> None:
            assert forget_after_s == 30 * 86_400
            if failures:
                raise failures.pop()

    class Blobs:
        async def sweep(self) -> None:
            swept.set()

    expiring = asyncio.create_task(expire(Store(), Blobs(), Checked()))  # type: ignore[arg-type]  # pyright: ignore
    await asyncio.wait_for(swept.wait(), 60)
    expiring.cancel()
    assert "could not be deleted" in caplog.text


async def test_what_is_over_is_looked_for_once_a_minute_and_not_without_pause() -> None:
    looked = list[float]()

    class Store:
        async def expire(self, forget_after_s: float) -> None:
            looked.append(forget_after_s)

    class Blobs:
        async def sweep(self) -> None:
            pass

    expiring = asyncio.create_task(expire(Store(), Blobs(), Checked()))  # type: ignore[arg-type]  # pyright: ignore
    for _ in range(50):
        await asyncio.sleep(0)
    expiring.cancel()
    assert len(looked) == 1
