"""One worker process: what it says reaches the one who asked, and garbage, silence and death end in a clear error.

The process is a script of a few lines that speaks the protocol, well or badly.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from mien_api.errors import WorkerDied
from mien_core.errors import Cancelled, NoFaceFound
from mien_daemon.worker import process as module
from mien_daemon.worker.messages import Faces, FindFaces, Finished, Progressed, RunJob
from mien_daemon.worker.process import WorkerGone, WorkerProcess

pytestmark = pytest.mark.slow

PRELUDE = """
import os, sys, time
from mien_daemon.worker import messages
from mien_daemon.worker.messages import *
hear = lambda: messages.read(sys.stdin.buffer)
def say(*said):
    for each in said:
        sys.stdout.buffer.write(each if isinstance(each, bytes) else messages.encode(each))
    sys.stdout.buffer.flush()
def frame(body):
    return messages.LENGTH.pack(len(body)) + body
say(messages.Ready())
"""
JOB = RunJob("1", "swap", "/target", [], {}, "/output")


@asynccontextmanager
async def speaking(script: str, heartbeat_timeout_s: float = 30.0) -> AsyncGenerator[tuple[WorkerProcess, list[int]]]:
    """A process that runs the script, and the exit statuses that were told of it."""
    pipe, told = asyncio.subprocess.PIPE, list[int]()
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", PRELUDE + script, stdin=pipe, stdout=pipe)
    process = WorkerProcess(child, heartbeat_timeout_s, lambda _, status: told.append(status))
    try:
        async with asyncio.timeout(120):
            await process.ready.wait()
            yield process, told
    finally:
        await process.kill()


async def ask(process: WorkerProcess) -> Finished | Faces:
    return await process.ask(JOB, lambda _: None)


async def test_an_answer_and_the_progress_before_it_reach_the_one_who_asked() -> None:
    progress: list[Progressed] = []
    script = """
hear()
say(Heartbeat("mesh"), Progressed("1", "generate", 1, 2), Progressed("another", "generate", 2, 2))
say(Finished("another", {}, "image/png", "ff"), Finished("1", {"seconds": 1}, "image/png", "00"))
hear()
"""
    async with speaking(script) as (process, _):
        assert await process.ask(JOB, progress.append) == Finished("1", {"seconds": 1}, "image/png", "00")
        assert progress == [Progressed("1", "generate", 1, 2)]
        assert process.engine == "mesh"
        assert not process.busy


async def test_two_questions_are_answered_each_by_its_id() -> None:
    async with speaking("hear(); hear(); say(Faces('b', []), Finished('1', {}, 'image/png', '00')); hear()") as (
        process,
        _,
    ):
        job = asyncio.create_task(ask(process))
        faces = asyncio.create_task(process.ask(FindFaces("b", "/picture"), lambda _: None))
        assert await faces == Faces("b", [])
        assert isinstance(await job, Finished)


async def test_a_refusal_is_the_error_it_was_in_the_worker() -> None:
    async with speaking("hear(); say(Failed('1', 'no-face-found', 'none', {'role': 'target'})); hear()") as (
        process,
        _,
    ):
        with pytest.raises(NoFaceFound, match="none") as refused:
            await ask(process)
        assert refused.value.fields["role"] == "target"


async def test_an_unexpected_error_stays_internal_and_says_nothing_of_itself() -> None:
    async with speaking("hear(); say(Failed('1', 'internal-error', 'a secret')); hear()") as (process, _):
        with pytest.raises(RuntimeError) as failed:
            await ask(process)
        assert "secret" not in str(failed.value)


@pytest.mark.parametrize(
    "garbage",
    [
        "b'\\xff\\xff\\xff\\xff'",
        "frame(b'not json')",
        "frame(b'[]')",
        "frame(b'{}')",
        'frame(b\'{"type": "of-tomorrow"}\')',
        'frame(b\'{"type": "progressed", "id": "1", "stage": "generate", "done": "1", "total": 2}\')',
        'frame(b\'{"type": "finished", "id": "1"}\')',
        "CancelWork('1')",
    ],
    ids=["too long", "no JSON", "no object", "empty", "unknown", "wrong type", "member missing", "a daemon's message"],
)
async def test_a_worker_that_sends_garbage_is_broken_and_killed(garbage: str) -> None:
    async with speaking(f"hear(); say({garbage}); time.sleep(60)") as (process, told):
        with pytest.raises(WorkerDied):
            await ask(process)
        assert told == [-9]
        assert process.ended.done()
        assert not process.unwanted, "the daemon did not want this end"


async def test_a_worker_that_dies_at_work_is_told_to_have_died_and_takes_nothing_more() -> None:
    async with speaking("hear(); os._exit(9)") as (process, told):
        with pytest.raises(WorkerDied):
            await ask(process)
        assert told == [9]
        with pytest.raises(WorkerGone):
            await ask(process)


SPIN = """
def spin(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until: pass
"""


async def test_a_worker_that_computes_is_not_silent_though_it_cannot_say_that_it_lives() -> None:
    script = SPIN + "say(Heartbeat(None)); hear(); spin(2.5); say(Finished('1', {}, 'image/png', '00')); hear()"
    async with speaking(script, heartbeat_timeout_s=1.0) as (process, told):
        assert isinstance(await ask(process), Finished)
        assert not told


async def test_a_worker_that_computes_for_ever_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SILENT_S", 1.0)
    async with speaking(SPIN + "say(Heartbeat(None)); hear(); spin(1e6)", heartbeat_timeout_s=0.4) as (process, told):
        with pytest.raises(WorkerDied):
            await ask(process)
        assert len(told) == 1


BEATING = """
import threading
def beat():
    while True: say(Heartbeat("mesh")); time.sleep(0.05)
threading.Thread(target=beat, daemon=True).start()
hear(); hear(); say(Finished('1', {}, 'image/png', '00')); hear()
"""


async def until_it_beats(process: WorkerProcess) -> None:
    while process.engine is None:  # noqa: ASYNC110 a heartbeat sends no event
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("held_s", [2.1, 3.5])
async def test_a_worker_that_was_stopped_together_with_the_daemon_is_not_called_silent(held_s: float) -> None:
    """A suspended laptop, a paused virtual machine, a terminal that was stopped: just over the limit, and far over."""
    async with speaking(BEATING, heartbeat_timeout_s=2.0) as (process, told):
        asked = asyncio.create_task(ask(process))
        await until_it_beats(process)
        os.kill(process.process.pid, signal.SIGSTOP)
        time.sleep(held_s)  # noqa: ASYNC251 the daemon's own loop does not run either
        os.kill(process.process.pid, signal.SIGCONT)
        await process.send(FindFaces("go on", "/picture"))
        assert isinstance(await asked, Finished)
        assert not told


async def test_a_daemon_that_was_held_alone_blames_nobody() -> None:
    async with speaking(BEATING, heartbeat_timeout_s=2.0) as (process, told):
        asked = asyncio.create_task(ask(process))
        await until_it_beats(process)
        time.sleep(2.5)  # noqa: ASYNC251 that is what holds it
        await process.send(FindFaces("go on", "/picture"))
        assert isinstance(await asked, Finished)
        assert not told


async def test_a_worker_that_stays_stopped_after_the_daemon_woke_is_killed() -> None:
    async with speaking(BEATING, heartbeat_timeout_s=2.0) as (process, told):
        asked = asyncio.create_task(ask(process))
        await until_it_beats(process)
        os.kill(process.process.pid, signal.SIGSTOP)
        with pytest.raises(WorkerDied):
            await asked
        assert told == [-9]


async def test_a_worker_that_falls_silent_is_killed() -> None:
    async with speaking("hear(); time.sleep(60)", heartbeat_timeout_s=0.2) as (process, told):
        with pytest.raises(WorkerDied):
            await ask(process)
        assert told == [-9]


async def test_a_worker_that_closes_its_pipe_and_lingers_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINGER_S", 0.1)
    async with speaking("hear(); os.close(1); time.sleep(60)") as (process, told):
        with pytest.raises(WorkerDied):
            await ask(process)
        assert told == [-9]


async def test_a_cancel_that_is_obeyed_leaves_the_process_alive() -> None:
    script = "hear(); assert hear() == CancelWork('1'); say(Failed('1', 'cancelled', 'as asked')); hear()"
    async with speaking(script) as (process, _):
        asking = asyncio.create_task(ask(process))
        await until_busy(process)
        await process.cancel("1", 30)
        with pytest.raises(Cancelled):
            await asking
        assert not process.ended.done()


async def test_a_cancel_that_is_not_obeyed_kills_and_that_is_no_death() -> None:
    async with speaking("time.sleep(60)") as (process, told):
        asking = asyncio.create_task(ask(process))
        await until_busy(process)
        await process.cancel("1", 0.05)
        with pytest.raises(Cancelled):
            await asking
        assert (told, process.unwanted) == ([-9], True)


async def test_work_that_it_has_is_held_and_asked_to_stop_and_no_other() -> None:
    script = """
hear()
assert [hear(), hear(), hear()] == [HoldWork('1', True), HoldWork('1', False), CancelWork('1')]
say(Failed('1', 'cancelled', 'as asked'))
hear()
"""
    async with speaking(script) as (process, _):
        asking = asyncio.create_task(ask(process))
        await until_busy(process)
        await process.interrupt("another")
        assert [await process.hold(name, hold=True) for name in ("another", "1")] == [False, True]
        assert await process.hold("1", hold=False)
        await process.interrupt("1")
        with pytest.raises(Cancelled):
            await asking
        assert not process.ended.done()


async def test_cancelling_what_it_was_never_given_does_nothing() -> None:
    async with speaking("hear()") as (process, told):
        await process.cancel("another", 0.0)
        assert not told
        assert not process.ended.done()


async def until_busy(process: WorkerProcess) -> None:
    while not process.busy:  # noqa: ASYNC110 the next step of the loop makes it so
        await asyncio.sleep(0)
