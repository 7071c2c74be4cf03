"""Work that outlives the call that began it: tasks that are held, and threads that are waited for."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import ParamSpec, TypeVar

Answer = TypeVar("Answer")
Arguments = ParamSpec("Arguments")


class BackgroundTasks:
    """Holds every task until it ends; the event loop alone keeps only weak references."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()

    def start(self, work: Coroutine[object, object, Answer]) -> "asyncio.Task[Answer]":
        """Run `work` beside the caller."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def finish(self, work: Coroutine[object, object, Answer]) -> Answer:
        """Run `work` to its end, even when the caller is cancelled meanwhile, and return its answer."""
        return await asyncio.shield(self.start(work))

    async def wait(self) -> None:
        """Wait until every task has ended by itself."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def stop(self) -> None:
        """Cancel every task and wait until each has ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def run_in_thread(work: Callable[Arguments, Answer], *args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
    """As `asyncio.to_thread`, but a caller that is cancelled waits until the thread is done, and only then ends.

    What follows, such as deleting a file that the thread writes, cannot overtake it.
    """
    thread = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        await asyncio.wait([thread])
        raise
