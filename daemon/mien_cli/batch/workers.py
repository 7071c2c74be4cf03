"""The processes that swap: as many workers as were asked for, each in its cage, each of which may die at any time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Protocol

from mien_api.errors import WorkerDied
from mien_daemon.config import DAY_S, Config, LiveSettings
from mien_daemon.events import Events
from mien_daemon.worker.messages import Finished, Progressed, RunJob
from mien_daemon.worker.process import WorkerGone
from mien_daemon.worker.supervisor import WorkerSupervisor

MAX_ATTEMPTS = 2  # as in the daemon: a picture that killed two workers is not given a third
MAX_FAILED_STARTS = 3


class Hands(Protocol):
    """What a run has its pictures swapped by: workers of this machine, or a cluster."""

    count: int
    """How many pictures it takes at once."""

    async def run(self, work: RunJob) -> Finished:
        """Have one picture swapped; raises as `Workers.run` does."""
        ...

    def hold_back(self) -> AbstractAsyncContextManager[None]:
        """Leave room for a process of another kind that does as much as one worker."""
        ...

    async def close(self) -> None:
        """End every process, at work or not."""
        ...


class Workers:
    """A pool of supervised worker processes. A worker that dies is started again; the others do not notice."""

    def __init__(self, config: Config, count: int, folders: Sequence[Path], log: IO[bytes] | None = None) -> None:
        """Nothing is started yet.

        Args:
            config: as the daemon's, for its folders and its worker.
            count: how many processes there may be at once.
            folders: where the workers read pictures and write results.
            log: where they write what they have to say; None for this process's standard error.
        """
        settings = config.settings.model_copy(update={"idle_unload_s": 30 * DAY_S})
        # Deaths are counted a picture, and not a time: a run goes on whatever its pictures do to workers.
        patient = replace(config, settings=settings, restart_delays_s=(0.1, 0.5), max_deaths=1 << 30)
        self.count = count
        self._free: asyncio.LifoQueue[tuple[WorkerSupervisor, Events]] = asyncio.LifoQueue()
        self._all: list[WorkerSupervisor] = []
        for _ in range(count):
            events = Events()
            worker = WorkerSupervisor(patient, LiveSettings(patient), events, folders, log)
            self._all.append(worker)
            self._free.put_nowait((worker, events))

    async def run(self, work: RunJob) -> Finished:
        """Have one picture swapped by the next free worker.

        Raises:
            WorkerDied: the picture killed `MAX_ATTEMPTS` workers, or none can be started.
            MienError: what the worker refused.
        """
        attempts = 0
        async with self._take() as (worker, events):
            while True:
                await _until_available(worker, events)
                try:
                    return await worker.run(work, ignore_progress)
                except WorkerGone:
                    continue
                except WorkerDied:
                    attempts += 1
                    if attempts >= MAX_ATTEMPTS:
                        raise

    @asynccontextmanager
    async def hold_back(self) -> AsyncGenerator[None]:
        """Keep one worker without work, for a process of another kind that does as much."""
        async with self._take():
            yield

    async def close(self) -> None:
        """End every process, at work or not."""
        await asyncio.gather(*(worker.shut() for worker in self._all))

    @asynccontextmanager
    async def _take(self) -> AsyncGenerator[tuple[WorkerSupervisor, Events]]:
        taken = await self._free.get()
        try:
            yield taken
        finally:
            self._free.put_nowait(taken)


async def _until_available(worker: WorkerSupervisor, events: Events) -> None:
    """Return when the worker takes work.

    Raises:
        WorkerDied: it died `MAX_FAILED_STARTS` times while it started; `reason` is "start".
    """
    before = worker.status().deaths
    starting = asyncio.ensure_future(worker.available())
    try:
        while not starting.done():
            happening = asyncio.ensure_future(events.wait_beyond(events.last))
            await asyncio.wait([starting, happening], return_when=asyncio.FIRST_COMPLETED)
            happening.cancel()
            if worker.status().deaths - before >= MAX_FAILED_STARTS:
                raise WorkerDied("the worker process cannot be started", reason="start")
        starting.result()
    finally:
        starting.cancel()


def ignore_progress(_message: Progressed) -> None:
    """A picture takes a second or so: what it is at is not told."""
