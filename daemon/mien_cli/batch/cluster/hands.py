"""The run's side: the hands of a cluster, which take pictures as local workers do."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

from mien_api.errors import WorkerDied
from mien_api.problems import error_for
from mien_cli.batch.cluster.begin import Begin, encode_begin
from mien_cli.batch.workers import Workers
from mien_core.errors import MienError
from mien_core.program import command_for, windowless
from mien_daemon.state.run_folder import remove_dead_runs
from mien_daemon.worker.messages import Failed, Finished, Ready, RunJob, encode, receive
from mien_pipeline.clips.orders import read_orders

IN_FLIGHT = 8  # for every actor
SEGMENTS_IN_FLIGHT = 2
MOST_ACTORS = 8  # of a cluster of the person's own that are fed at once: how many it has is known later
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own inside, 0700
END_S = 60.0  # Ray takes some seconds to stop; then its processes are killed with ours


def make_short_folder() -> Path:
    """A folder of this user alone, in memory where the system has such a place."""
    return Path(tempfile.mkdtemp(prefix="mien-", dir=MEMORY if MEMORY.is_dir() else None))


class ClusterHands:
    """Hands out pictures to the process that talks to Ray, which is started with the first one."""

    def __init__(self, begin: Begin, home: Workers | None = None, log: IO[bytes] | None = None) -> None:
        """Nothing is started yet.

        Args:
            begin: what the cluster is told.
            home: a worker of this machine that looks at every result; None where all of them are made on this machine.
            log: where the process that talks to Ray writes what it has to say; None for standard error.
        """
        self._begin, self._home, self._log = begin, home, log
        self.folder: Path | None = None
        """Where a cluster of the run keeps its sockets and logs, once it was started."""
        self.count = IN_FLIGHT * (len(begin.devices) or MOST_ACTORS)
        self.segments = SEGMENTS_IN_FLIGHT * (len(begin.devices) or MOST_ACTORS)
        """How many segments of a clip it takes at once."""
        self._starting = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._waiting: dict[str, asyncio.Future[Finished]] = {}
        self._ready = asyncio.Event()
        self._end: MienError | None = None

    async def until_ready(self) -> None:
        """Return when the cluster takes work; raises as `run` does where it takes none."""
        await self._start()
        await self._ready.wait()
        if self._end is not None:
            raise self._end

    async def run(self, work: RunJob) -> Finished:
        """Have one picture swapped, or one segment of a clip made: see `Actors.render`.

        Raises:
            ClusterRefused: the cluster is not one that is given pictures, or cannot be started.
            WorkerDied: actor after actor was ended; `reason` "start": the process that talks to Ray is gone.
            MienError: what the worker refused, or the look at the result at home.
        """
        process = await self._start()
        if self._end is not None or process.stdin is None:
            raise self._end or WorkerDied("the cluster is gone", reason="start")
        answer: asyncio.Future[Finished] = asyncio.get_running_loop().create_future()
        self._waiting[work.id] = answer
        try:
            with suppress(ConnectionError):  # its end is what `_listen` tells
                process.stdin.write(encode(work))
                await process.stdin.drain()
            finished: Finished = await answer
        finally:
            self._waiting.pop(work.id, None)
        if self._home is not None:
            said = await asyncio.to_thread(describe_check, work, finished)
            await self._home.run(RunJob(f"{work.id}.check", "check", work.output, (), said, work.output))
        return finished

    @asynccontextmanager
    async def hold_back(self) -> AsyncGenerator[None]:
        """A cluster has nothing to hold back: what runs here takes nothing from it."""
        yield

    async def close(self) -> None:
        """End the process, and a cluster that it started; nothing of the run is left in memory."""
        if self._home is not None:
            await self._home.close()
        if self._process is not None and self._process.stdin is not None and self._listening is not None:
            self._process.stdin.close()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), END_S)
            if self._process.returncode is None:
                self._process.kill()
                await self._process.wait()
            await self._listening
        if self.folder is not None:  # where the process was killed
            shutil.rmtree(self.folder, ignore_errors=True)
        if self._begin.is_own:
            remove_dead_runs(Path(self._begin.state_dir))

    async def _start(self) -> asyncio.subprocess.Process:
        async with self._starting:
            if self._process is None:
                # A short name, as Ray's sockets need it. The process removes it when it ends.
                self.folder = make_short_folder()
                self._process = await asyncio.create_subprocess_exec(
                    *command_for("batch-ray"),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=self._log,
                    **windowless(),
                )
                if self._process.stdin is None or self._process.stdout is None:
                    raise RuntimeError("the process has no pipes")
                self._process.stdin.write(encode_begin(replace(self._begin, folder=str(self.folder))))
                self._listening = asyncio.create_task(self._listen(self._process.stdout))
        return self._process

    async def _listen(self, pipe: asyncio.StreamReader) -> None:
        """Hand each answer to who waits for it; the end of the process ends all of them."""
        end: MienError = WorkerDied("the process that talks to Ray is gone", reason="start")
        while (message := await receive(pipe)) is not None:
            if isinstance(message, Failed):
                error = error_for({"code": message.code, "detail": message.detail, **message.fields})
                if not message.id:
                    end = error
                elif (waiting := self._waiting.get(message.id)) and not waiting.done():
                    waiting.set_exception(error)
            elif isinstance(message, Ready):
                self._ready.set()
            elif isinstance(message, Finished) and (waiting := self._waiting.get(message.id)) and not waiting.done():
                waiting.set_result(message)
        self._end = end
        self._ready.set()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(end)


def describe_check(work: RunJob, finished: Finished) -> dict[str, object]:
    """What this machine is told to find in what a node made, when it looks at that as at its own."""
    if work.kind == "help":
        _, (order,) = read_orders(Path(work.run))
        return {"pictures": order.stop - order.first}
    provenance = finished.report.get("provenance")
    return {"watermark": str(provenance.get("watermark")) if isinstance(provenance, Mapping) else "unknown"}
