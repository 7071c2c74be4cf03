"""One worker process from its start to its end: give it work, listen to it, notice its end, kill it."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path

import psutil

from mien_api.errors import WorkerDied
from mien_api.problems import error_for
from mien_core.errors import Cancelled
from mien_daemon.running_time import timeout_while_running
from mien_daemon.worker import messages
from mien_daemon.worker.messages import (
    CancelWork,
    Faces,
    Failed,
    FindFaces,
    Finished,
    Heartbeat,
    HoldWork,
    Message,
    Progressed,
    Ready,
    RunJob,
)

log = logging.getLogger(__name__)

OnProgressed = Callable[[Progressed], None]
START_S = 60.0  # before the first heartbeat: a cold disk, a scanner that reads every file
LINGER_S = 2.0  # between closing its pipe and being gone
# The longest that the decoders take for what the limits let in, on a machine ten times slower than ours.
MOST_SILENT_S = 120.0
WORKING_SHARE = 0.05  # of one processor: a worker that waits takes far less, one that computes far more


Stamp = tuple[int, int]
"""Which file lies somewhere: its inode, and when it was written."""


def stamp_of(path: Path) -> Stamp | None:
    """Which file lies there now; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


class WorkerGone(Exception):
    """The process had ended before it was given the work: nothing was tried."""


class WorkerProcess:
    """One worker process from its start to its end."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        heartbeat_timeout_s: float,
        on_end: Callable[["WorkerProcess", int], None],
    ) -> None:
        self.process = process
        self.engine: str | None = None
        self.ready = asyncio.Event()
        # The certificate that it signs with, and the engines' environment that it runs in.
        self.stands_on: tuple[Stamp | None, Stamp | None] = None, None
        self.unwanted = False  # the daemon ends it itself; that is not a death
        self._heartbeat_timeout_s = heartbeat_timeout_s
        self._on_end = on_end
        self._answers: dict[str, asyncio.Future[Finished | Faces]] = {}
        self._listeners: dict[str, OnProgressed] = {}
        self._cancelling: set[str] = set()
        self._pipe_closed = False
        self.ended = asyncio.create_task(self._listen())

    @property
    def busy(self) -> bool:
        """Whether it has been given work that it has not answered."""
        return bool(self._answers)

    async def send(self, message: Message) -> None:
        """Send a message; `_listen` notices when the process is gone."""
        pipe = self.process.stdin
        if pipe is not None and not pipe.is_closing():
            with contextlib.suppress(ConnectionError):
                pipe.write(messages.encode(message))
                await pipe.drain()

    async def ask(self, work: RunJob | FindFaces, on_progressed: OnProgressed) -> Finished | Faces:
        """Have something done and wait for the answer.

        Raises:
            WorkerGone: the process had ended before.
            WorkerDied: it ended before it answered.
            Cancelled: it was cancelled, and stopped by itself or was killed for it.
            MienError: what the worker refused.
        """
        if self.ended.done():
            raise WorkerGone
        answer: asyncio.Future[Finished | Faces] = asyncio.get_running_loop().create_future()
        self._answers[work.id], self._listeners[work.id] = answer, on_progressed
        try:
            await self.send(work)
            return await answer
        finally:
            self._answers.pop(work.id, None)
            self._listeners.pop(work.id, None)
            self._cancelling.discard(work.id)

    async def cancel(self, work_id: str, grace_s: float) -> None:
        """Ask to stop, and kill the process when it has not within the grace."""
        answer = self._answers.get(work_id)
        if answer is None:
            return
        self._cancelling.add(work_id)
        await self.send(CancelWork(work_id))
        with contextlib.suppress(TimeoutError):
            async with timeout_while_running(grace_s):
                await asyncio.wait([answer])
        if not answer.done():
            log.warning("the worker did not stop job %s in %.0f s and is killed", work_id, grace_s)
            await self.kill()

    async def interrupt(self, work_id: str) -> None:
        """Ask to stop, and leave it at that."""
        if work_id in self._answers:
            await self.send(CancelWork(work_id))

    async def hold(self, work_id: str, *, hold: bool) -> bool:
        """Ask to wait at the next step, or to go on; whether it is at this work."""
        if work_id not in self._answers:
            return False
        await self.send(HoldWork(work_id, hold))
        return True

    async def kill(self) -> None:
        """End the process now, on purpose."""
        self.unwanted = True
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await asyncio.shield(self.ended)

    async def _listen(self) -> int:
        """Take messages until the process ends or falls silent; return its exit status."""
        pipe = self.process.stdout
        if pipe is None:
            raise RuntimeError("the worker has no pipe")
        silence_s = START_S
        try:
            while True:
                message = await self._hear(pipe, silence_s)
                silence_s = self._heartbeat_timeout_s
                if message is None:
                    self._pipe_closed = True
                    break
                self._take(message)
        except TimeoutError:
            log.error("the worker was silent for %.0f s and is killed", silence_s)
        except ValueError:
            log.exception("the worker sent something that is no message; it is killed")
        status = await self._end()
        self._on_end(self, status)  # first, so that a caller that fails now and asks again gets another process
        for work_id, answer in self._answers.items():
            if not answer.done():
                cancelled = work_id in self._cancelling
                answer.set_exception(
                    Cancelled("the job was cancelled") if cancelled else WorkerDied("the worker process died")
                )
        return status

    async def _hear(self, pipe: asyncio.StreamReader, silence_s: float) -> Message | None:
        """The next message.

        A parser may hold the worker's interpreter, and with it the thread that says that it lives. So a worker that
        computes is not silent before `MOST_SILENT_S`; one that waits for nothing is, after `silence_s`. Time in which
        this process itself was held does not count.

        Raises:
            TimeoutError: it is silent.
        """
        receiving = asyncio.ensure_future(messages.receive(pipe))
        silent_s = 0.0
        try:
            while True:
                computed_s = processor_s(self.process.pid)
                with contextlib.suppress(TimeoutError):
                    async with timeout_while_running(silence_s):
                        await asyncio.wait([receiving])
                if receiving.done():
                    return await receiving
                silent_s += silence_s
                is_at_work = processor_s(self.process.pid) - computed_s > WORKING_SHARE * silence_s
                if not is_at_work or silent_s >= MOST_SILENT_S:
                    raise TimeoutError
        finally:
            receiving.cancel()

    async def _end(self) -> int:
        """The exit status; a process that closed its pipe and has not ended after `LINGER_S` is killed.

        One that is ending is not killed: a kill would ask for its status, and so take it from the event loop.
        """
        try:
            return await asyncio.wait_for(asyncio.shield(self.process.wait()), LINGER_S if self._pipe_closed else 0)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            return await self.process.wait()

    def _take(self, message: messages.Message) -> None:
        match message:
            case Ready():
                self.ready.set()
            case Heartbeat():
                self.engine = message.engine
            case Progressed():
                if listener := self._listeners.get(message.id):
                    listener(message)
            case Finished() | Faces():
                if (answer := self._answers.get(message.id)) and not answer.done():
                    answer.set_result(message)
            case Failed():
                if (answer := self._answers.get(message.id)) and not answer.done():
                    answer.set_exception(failure(message))
            case _:
                raise ValueError(f"the worker sent {type(message).__name__}")


def processor_s(pid: int) -> float:
    """Seconds of processor time that a process has used; 0 when it is gone."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def failure(message: Failed) -> Exception:
    """The worker's error as one of ours; an unexpected one stays internal, and its traceback is in the log."""
    if message.code == "internal-error":
        return RuntimeError(f"the worker failed at {message.id}; its traceback is above")
    return error_for({"code": message.code, "detail": message.detail, **message.fields})
