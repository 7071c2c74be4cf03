"""What the scheduler may rely on, kept alike by the fake executor of the tests and by the real worker."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mien_api.errors import WorkerDied
from mien_core.errors import Cancelled, NoFaceFound
from mien_daemon.config import LiveSettings
from mien_daemon.events import Events
from mien_daemon.jobs.executor import Executor
from mien_daemon.worker.devices import list_devices
from mien_daemon.worker.messages import Finished, Progressed, RunJob
from mien_daemon.worker.process import WorkerGone
from mien_daemon.worker.supervisor import WorkerSupervisor
from mien_testing.daemon import config_for, png
from mien_testing.jobs import FakeExecutor

Open = Callable[[Path], AbstractAsyncContextManager[Executor]]


@asynccontextmanager
async def open_fake(_state: Path) -> AsyncGenerator[Executor]:
    yield FakeExecutor()


@asynccontextmanager
async def open_real(state: Path) -> AsyncGenerator[Executor]:
    config = replace(config_for(state), restart_delays_s=(0.0,))
    (processors,) = list_devices("cpu")  # a worker on a card holds nothing
    worker = WorkerSupervisor(config, LiveSettings(config), Events(), device=processors)
    try:
        yield worker
    finally:
        await worker.shut()


@pytest.fixture(
    params=[
        pytest.param(open_fake, id="fake"),
        pytest.param(open_real, id="real", marks=pytest.mark.slow),
    ]
)
async def executor(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Executor]:
    spool(tmp_path).mkdir(mode=0o700, parents=True)
    (spool(tmp_path) / "target").write_bytes(png())
    async with request.param(tmp_path / "state") as opened:
        yield opened


def spool(folder: Path) -> Path:
    """Where the worker may write."""
    return folder / "state" / "spool"


def work(folder: Path, orders: str = "", name: str = "job") -> RunJob:
    target, result = str(spool(folder) / "target"), str(spool(folder) / f"{name}.result")
    return RunJob(name, "swap", target, [[target]], {"engine": "flux", "prompt": orders}, result)


async def run(executor: Executor, job: RunJob, told: list[Progressed] | None = None) -> Finished:
    """Run a job as the scheduler does, and again when the executor was gone before it began."""
    messages: list[Progressed] = [] if told is None else told
    while True:
        await executor.available()
        try:
            return await executor.run(job, messages.append)
        except WorkerGone:
            continue


async def begin(executor: Executor, job: RunJob) -> asyncio.Task[Finished]:
    """A job that is at work."""
    begun = asyncio.Event()
    await executor.available()
    running = asyncio.create_task(executor.run(job, lambda _: begun.set()))
    await begun.wait()
    return running


async def test_the_result_lies_where_it_was_wanted_and_has_the_digest_that_is_told(
    executor: Executor, tmp_path: Path
) -> None:
    finished = await run(executor, work(tmp_path))
    result = (spool(tmp_path) / "job.result").read_bytes()
    assert finished.id == "job"
    assert finished.sha256 == hashlib.sha256(result).hexdigest()
    assert finished.media_type == "image/png"
    assert isinstance(finished.report["stages"], dict)


async def test_progress_is_told_of_the_job_in_order(executor: Executor, tmp_path: Path) -> None:
    told: list[Progressed] = []
    await run(executor, work(tmp_path), told)
    assert {message.id for message in told} == {"job"}
    assert [message.done for message in told] == sorted(message.done for message in told)
    assert all(message.done <= message.total for message in told)


async def test_a_refusal_comes_as_the_error_it_is_and_the_next_job_runs(executor: Executor, tmp_path: Path) -> None:
    with pytest.raises(NoFaceFound) as refused:
        await run(executor, work(tmp_path, "fail=no-face-found"))
    assert refused.value.fields["role"] == "target"
    assert (await run(executor, work(tmp_path, name="next"))).id == "next"


async def test_a_death_in_the_middle_is_told_as_one_and_the_next_job_runs(executor: Executor, tmp_path: Path) -> None:
    with pytest.raises(WorkerDied):
        await run(executor, work(tmp_path, "die"))
    assert (await run(executor, work(tmp_path, name="next"))).id == "next"


async def test_a_cancelled_job_ends_as_cancelled_and_the_next_one_runs(executor: Executor, tmp_path: Path) -> None:
    running = await begin(executor, work(tmp_path, "gate=never"))
    await executor.cancel("job")
    with pytest.raises(Cancelled):
        await running
    assert not (spool(tmp_path) / "job.result").exists()
    assert (await run(executor, work(tmp_path, name="next"))).id == "next"


async def test_cancelling_what_it_does_not_know_changes_nothing(executor: Executor, tmp_path: Path) -> None:
    await executor.cancel("another")
    assert (await run(executor, work(tmp_path))).id == "job"
    await executor.cancel("job")


async def test_work_that_is_asked_to_stop_ends_as_cancelled_and_can_be_begun_again(
    executor: Executor, tmp_path: Path
) -> None:
    running = await begin(executor, work(tmp_path, "gate=never"))
    await executor.interrupt("job")
    with pytest.raises(Cancelled):
        await running
    await executor.interrupt("job")
    assert (await run(executor, work(tmp_path))).id == "job"


async def test_work_that_is_held_ends_only_when_it_is_let_go(executor: Executor, tmp_path: Path) -> None:
    running = await begin(executor, work(tmp_path, "gate=go"))
    assert await executor.hold("job", hold=True)
    if isinstance(executor, FakeExecutor):  # a real worker may pass the gate before it reads that it is held
        open_gate(executor, tmp_path)
        assert await asyncio.wait([running], timeout=0.05) == (set(), {running})
    assert await executor.hold("job", hold=False)
    open_gate(executor, tmp_path)
    assert (await running).id == "job"
    assert not await executor.hold("job", hold=True), "it does this work no more"


async def test_work_that_is_held_can_be_stopped_and_is_not_held_when_it_is_begun_again(
    executor: Executor, tmp_path: Path
) -> None:
    running = await begin(executor, work(tmp_path, "gate=never"))
    await executor.hold("job", hold=True)
    await executor.interrupt("job")
    with pytest.raises(Cancelled):
        await running
    assert (await run(executor, work(tmp_path))).id == "job"


def open_gate(executor: Executor, folder: Path) -> None:
    """Let work go on that waits for the gate "go"."""
    (folder / "state" / "go").touch()
    if isinstance(executor, FakeExecutor):
        executor.gates["go"].set()


async def test_it_finds_the_faces_of_a_picture(executor: Executor, tmp_path: Path) -> None:
    assert list(await executor.find_faces(str(spool(tmp_path) / "target"))) == []
