"""Work in the background: it is finished when its caller goes away, and stopped, or waited for, when it must be."""

import asyncio
import threading

import pytest

from mien_daemon.background import BackgroundTasks, run_in_thread


async def test_what_was_begun_is_finished_when_the_caller_goes_away() -> None:
    tasks, begun, go_on, done = BackgroundTasks(), asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await go_on.wait()
        done.set()

    caller = asyncio.create_task(tasks.finish(work()))
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go_on.set()
    await asyncio.wait_for(done.wait(), 60)


async def test_the_answer_and_the_error_of_the_work_reach_its_caller() -> None:
    async def answer(value: int) -> int:
        if value < 0:
            raise ValueError("negative")
        return value

    tasks = BackgroundTasks()
    assert await tasks.finish(answer(3)) == 3
    assert await tasks.start(answer(4)) == 4
    with pytest.raises(ValueError, match="negative"):
        await tasks.finish(answer(-1))


async def test_stopping_cancels_each_task_and_waits_for_its_end() -> None:
    tasks, ended = BackgroundTasks(), list[str]()

    async def work(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(name)

    for name in ("a", "b"):
        tasks.start(work(name))
    await asyncio.sleep(0)
    await tasks.stop()
    assert sorted(ended) == ["a", "b"]
    await tasks.stop()


async def test_a_cancelled_caller_waits_for_the_thread_and_then_ends_as_cancelled() -> None:
    begun, go_on, order = asyncio.Event(), threading.Event(), list[str]()
    loop = asyncio.get_running_loop()

    def work() -> None:
        loop.call_soon_threadsafe(begun.set)
        go_on.wait(20)
        order.append("thread")

    async def call() -> None:
        try:
            await run_in_thread(work)
        finally:
            order.append("caller")

    caller = asyncio.create_task(call())
    await begun.wait()
    caller.cancel()
    await asyncio.sleep(0)
    assert order == []
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert order == ["thread", "caller"]


async def test_a_thread_answers_with_what_it_was_given() -> None:
    assert await run_in_thread(int, "ff", base=16) == 255
    with pytest.raises(ZeroDivisionError):
        await run_in_thread(lambda: 1 // 0)
