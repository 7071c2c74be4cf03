"""An executor without a job helps with a clip that another one swaps, and leaves it as soon as a job needs it."""

import asyncio
from pathlib import Path

from mien_core.errors import ContentBlocked
from mien_daemon.access.clients import LOCAL
from mien_daemon.jobs.job import Job
from mien_daemon.worker.messages import Finished, RunJob
from mien_daemon.worker.process import OnProgressed
from mien_testing.jobs import FakeExecutor, JobRoom, open_jobs


class Helping(FakeExecutor):
    """Says when it is asked to help with a clip, and helps until it is stopped, or until `refuses` or `ends`."""

    def __init__(self, *, refuses: bool = False, ends: bool = False) -> None:
        super().__init__()
        self.refuses, self.ends = refuses, ends
        self.helped: list[RunJob] = []
        self.helps = asyncio.Event()

    async def run(self, work: RunJob, on_progressed: OnProgressed) -> Finished:
        if work.kind != "help":
            return await super().run(work, on_progressed)
        self.helped.append(work)
        self.helps.set()
        if self.refuses:
            raise ContentBlocked("no")
        if self.ends:
            return Finished(work.id, {}, "", "")
        return await super().run(work, on_progressed)

    @property
    def jobs(self) -> list[RunJob]:
        """What it ran beside its help."""
        return [work for work in self.ran if work.kind != "help"]


async def begin(room: JobRoom, *executors: Helping) -> tuple[Job, Helping, Helping]:
    """A clip at work, who swaps it, and who helps."""
    clip = await room.until(await room.submit("clip gate=go"), "running")
    leader, other = executors
    async with asyncio.timeout(60):
        await asyncio.wait(
            [asyncio.create_task(each.helps.wait()) for each in executors], return_when=asyncio.FIRST_COMPLETED
        )
    return (clip, other, leader) if leader.helps.is_set() else (clip, leader, other)


async def test_a_free_executor_is_given_the_clips_own_work_as_help(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, *(executors := (Helping(), Helping()))) as room:
        _, leader, helper = await begin(room, *executors)
        (led,), (helped,) = leader.jobs, helper.helped
        assert (helped.target, helped.references, helped.options, helped.run) == (
            led.target,
            led.references,
            led.options,
            led.run,
        )
        assert helped.id != led.id


async def test_a_job_that_waits_takes_the_helper_and_the_clip_goes_on(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, *(executors := (Helping(), Helping()))) as room:
        clip, leader, helper = await begin(room, *executors)
        helper.helps.clear()
        picture = await room.finished(await room.submit())
        assert (picture.state, [work.id for work in helper.jobs]) == ("done", [picture.id])
        async with asyncio.timeout(60):
            await helper.helps.wait()
        leader.gates["go"].set()
        assert (await room.finished(clip)).state == "done"


async def test_help_has_ended_before_the_clips_folder_goes(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, *(executors := (Helping(), Helping()))) as room:
        clip, leader, helper = await begin(room, *executors)
        leader.gates["go"].set()
        await room.finished(clip)
        assert helper.cancelled.is_set()


async def test_a_helper_that_refuses_or_finds_nothing_left_is_not_asked_again(tmp_path: Path) -> None:
    for at, kind in enumerate(({"refuses": True}, {"ends": True})):
        async with open_jobs(tmp_path / str(at), *(executors := (Helping(**kind), Helping(**kind)))) as room:
            clip, leader, helper = await begin(room, *executors)
            await room.finished(await room.submit())
            leader.gates["go"].set()
            assert (await room.finished(clip)).state == "done"
            assert len(helper.helped) == 1


async def test_cancelling_a_clip_stops_its_helper_too(tmp_path: Path) -> None:
    async with open_jobs(tmp_path, *(executors := (Helping(), Helping()))) as room:
        clip, _, helper = await begin(room, *executors)
        assert (await room.queue.cancel(LOCAL, clip.id)).state == "cancelled"
        assert helper.cancelled.is_set()
