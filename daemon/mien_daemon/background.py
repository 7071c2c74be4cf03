"""Tasks that outlive the call that began them, held so that they are neither lost nor forgotten at shutdown."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

Answer = TypeVar("Answer")


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

    async def stop(self) -> None:
        """Cancel every task and wait until each has ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
