"""The daemon's side of the worker: start it, listen to it, end it, and start it again when it died."""

import asyncio
import contextlib
import logging
import secrets
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from mien_daemon.config import Config, LiveSettings
from mien_daemon.errors import JobUnfinished, WorkerDied
from mien_daemon.events import Events
from mien_daemon.problems import error_for
from mien_daemon.worker import messages
from mien_daemon.worker.messages import (
    Begin,
    Cancel,
    Faces,
    Failed,
    FindFaces,
    Finished,
    Heartbeat,
    Message,
    Progressed,
    Ready,
    RunJob,
)
from mien_pipeline.device import device_name
from mien_pipeline.errors import Cancelled

log = logging.getLogger(__name__)

State = Literal["stopped", "starting", "idle", "busy", "restarting", "degraded"]
OnProgressed = Callable[[Progressed], None]
START_S = 60.0  # before the first heartbeat: a cold disk, a scanner that reads every file
LINGER_S = 2.0  # between closing its pipe and being gone
Kept = TypeVar("Kept")


def command() -> list[str]:
    """How a worker is started; a frozen program is its own interpreter and knows the hidden command."""
    frozen: bool = getattr(sys, "frozen", False)
    return [sys.executable, "worker-process"] if frozen else [sys.executable, "-m", "mien_daemon.worker.process"]


class WorkerGone(Exception):
    """The process ended before it was given anything to do: nothing was tried, nothing is lost."""


@dataclass(frozen=True, slots=True)
class Status:
    """What health says of the worker."""

    state: State
    pid: int | None
    engine: str | None
    device: str
    deaths: int


class Life:
    """One worker process from its start to its end."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        heartbeat_timeout_s: float,
        on_end: Callable[["Life", int], None],
    ) -> None:
        self.process = process
        self.engine: str | None = None
        self.ready = asyncio.Event()
        self.unwanted = False  # we end it ourselves; that is not a death
        self._heartbeat_timeout_s = heartbeat_timeout_s
        self._on_end = on_end
        self._answers: dict[str, asyncio.Future[Finished | Faces]] = {}
        self._listeners: dict[str, OnProgressed] = {}
        self._cancelling: set[str] = set()
        self._pipe_closed = False
        self.ended = asyncio.create_task(self._listen())

    @property
    def busy(self) -> bool:
        return bool(self._answers)

    async def send(self, message: Message) -> None:
        """Hand a message over; a worker that is gone already is noticed elsewhere."""
        pipe = self.process.stdin
        if pipe is not None and not pipe.is_closing():
            with contextlib.suppress(ConnectionError):
                pipe.write(messages.encode(message))
                await pipe.drain()

    async def ask(self, work: RunJob | FindFaces, on_progressed: OnProgressed) -> Finished | Faces:
        """Have something done.

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
        await self.send(Cancel(work_id))
        await asyncio.wait([answer], timeout=grace_s)
        if not answer.done():
            log.warning("the worker did not stop job %s in %.0f s and is killed", work_id, grace_s)
            await self.kill()

    async def kill(self) -> None:
        """End it now, on purpose."""
        self.unwanted = True
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await asyncio.shield(self.ended)

    async def _listen(self) -> int:
        """Take messages until the process ends or falls silent; return its exit status."""
        pipe = self.process.stdout
        if pipe is None:
            raise RuntimeError("the worker has no pipe")
        patience_s = START_S
        try:
            while True:
                async with asyncio.timeout(patience_s):
                    message = await messages.receive(pipe)
                patience_s = self._heartbeat_timeout_s
                if message is None:
                    self._pipe_closed = True
                    break
                self._take(message)
        except TimeoutError:
            log.error("the worker was silent for %.0f s and is killed", patience_s)
        except ValueError:
            log.exception("the worker's pipe is out of step; it is killed")
        status = await self._end()
        self._on_end(self, status)  # before whoever waits hears of it and asks for another worker
        for work_id, answer in self._answers.items():
            if not answer.done():
                cancelled = work_id in self._cancelling
                answer.set_exception(
                    Cancelled("the job was cancelled") if cancelled else WorkerDied("the worker process died")
                )
        return status

    async def _end(self) -> int:
        """The exit status; a process that has closed its pipe and lingers is killed.

        One that is ending by itself is not: a kill would look for its status, and so take it from the loop.
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


def failure(message: Failed) -> Exception:
    """The worker's error as our own; one without a name stays internal, and its traceback is in the log."""
    if message.code == "internal-error":
        return RuntimeError(f"the worker failed at {message.id}; its traceback is above")
    return error_for({"code": message.code, "detail": message.detail, **message.fields})


class Worker:
    """The worker as the daemon knows it: there when there is work, gone when there is none."""

    def __init__(self, config: Config, settings: LiveSettings, events: Events) -> None:
        self._config = config
        self._settings = settings
        self._events = events
        self._life: Life | None = None
        self._state: State = "stopped"
        self._device = device_name()
        self._deaths: deque[float] = deque()
        self._in_a_row = 0
        self._starting = asyncio.Lock()
        self._forgiven = asyncio.Event()
        self._idle: asyncio.TimerHandle | None = None
        self._shut = False
        self._tasks: set[asyncio.Task[object]] = set()

    def status(self) -> Status:
        life = self._life
        return Status(
            self._state,
            life.process.pid if life else None,
            life.engine if life else None,
            self._device,
            len(self._recent_deaths()),
        )

    async def available(self) -> Life:
        """A worker that takes work; started, after a pause if it died lately, when there is none.

        Waits as long as the worker is degraded. Whoever stops waiting does not stop the start.

        Raises:
            WorkerDied: the daemon is shutting down.
        """
        return await asyncio.shield(self._keep(asyncio.create_task(self._available())))

    async def _available(self) -> Life:
        async with self._starting:
            while not self._shut:
                if self._life and self._life.ready.is_set() and not self._life.ended.done():
                    self._stay()
                    return self._life
                await self._recover()
                if not self._shut:
                    await self._start()
        raise WorkerDied("the daemon is shutting down")

    async def run(self, life: Life, job: RunJob, on_progressed: OnProgressed) -> Finished:
        """Have a job done by the worker that `available` gave; raises as `Life.ask` does."""
        answer = await self._ask(life, job, on_progressed)
        if not isinstance(answer, Finished):
            raise RuntimeError("the worker answered something else")
        return answer

    async def find_faces(self, picture: str) -> Sequence[Mapping[str, object]]:
        """The faces of a picture, after whatever runs now; raises as `Life.ask` does."""
        answer = await self._ask(await self.available(), FindFaces(secrets.token_hex(8), picture), lambda _: None)
        if not isinstance(answer, Faces):
            raise RuntimeError("the worker answered something else")
        return answer.faces

    async def cancel(self, work_id: str) -> None:
        if self._life:
            await self._life.cancel(work_id, self._config.cancel_grace_s)

    async def unload(self) -> None:
        """End the process and give its memory back.

        Raises:
            JobUnfinished: it is at work.
        """
        if self._life and self._life.busy:
            raise JobUnfinished("the worker is at work; cancel the job first")
        await self.close()

    def forgive(self) -> None:
        """Forget the deaths: a person wants it tried again now."""
        self._deaths.clear()
        self._in_a_row = 0
        self._forgiven.set()

    async def shut(self) -> None:
        """End the process for good."""
        self._shut = True
        self._forgiven.set()
        await self.close()

    async def close(self) -> None:
        """End the process, at work or not; the next job starts another."""
        self._stop_idling()
        life, self._life = self._life, None
        if life:
            await life.kill()
        self._be("stopped")

    async def _ask(self, life: Life, work: RunJob | FindFaces, on_progressed: OnProgressed) -> Finished | Faces:
        self._stop_idling()
        self._be("busy")
        try:
            answer = await life.ask(work, on_progressed)
        finally:
            if not life.ended.done() and not life.busy:
                self._be("idle")
                self._stay()
        self._in_a_row = 0
        return answer

    async def _start(self) -> None:
        """Start a process and wait until it is ready, or has died of it."""
        self._be("starting")
        began = time.monotonic()
        try:
            process = await asyncio.create_subprocess_exec(
                *command(), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
            )
        except OSError:
            log.exception("the worker could not be started")
            self._count_death()
            return
        life = self._life = Life(process, self._config.heartbeat_timeout_s, self._note_end)
        folders = self._config.folders
        await life.send(
            Begin(
                runtime=self._config.worker,
                state=str(folders.state),
                models=str(folders.models),
                offline=self._settings.current.offline,
            )
        )
        ready = asyncio.create_task(life.ready.wait())
        await asyncio.wait([ready, life.ended], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if life.ready.is_set():
            log.info("worker %d is ready after %.0f ms", process.pid, 1000 * (time.monotonic() - began))
            self._be("idle")

    def _note_end(self, life: Life, status: int) -> None:
        """Count a death that nobody wanted."""
        if self._life is life:
            self._life = None
            self._be("stopped")
        if not life.unwanted:
            log.error("worker %d died with status %d", life.process.pid, status)
            self._count_death()

    def _count_death(self) -> None:
        self._deaths.append(time.monotonic())
        self._in_a_row += 1
        self._be("degraded" if self._is_degraded() else "restarting")

    async def _recover(self) -> None:
        """Wait as long as it takes before another start makes sense."""
        if self._in_a_row == 0:
            return
        delays = self._config.restart_delays_s
        await self._pause("restarting", delays[min(self._in_a_row, len(delays)) - 1])
        while self._is_degraded() and not self._shut:
            oldest = self._recent_deaths()[-self._config.max_deaths]
            await self._pause("degraded", oldest + self._config.deaths_window_s - time.monotonic())

    async def _pause(self, state: State, seconds: float) -> None:
        """Wait, unless a person wants it tried again at once."""
        self._be("degraded" if self._is_degraded() else state)
        if not self._shut:
            self._forgiven.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._forgiven.wait(), max(seconds, 0.0))

    def _recent_deaths(self) -> Sequence[float]:
        since = time.monotonic() - self._config.deaths_window_s
        while self._deaths and self._deaths[0] <= since:
            self._deaths.popleft()
        return self._deaths

    def _is_degraded(self) -> bool:
        return len(self._recent_deaths()) >= self._config.max_deaths

    def _stay(self) -> None:
        """Begin to count the idle time."""
        self._stop_idling()
        self._idle = asyncio.get_running_loop().call_later(self._settings.current.idle_unload_s, self._leave)

    def _stop_idling(self) -> None:
        if self._idle:
            self._idle.cancel()
            self._idle = None

    def _leave(self) -> None:
        """The idle time is over."""
        if self._life and not self._life.busy:
            log.info("the worker had nothing to do for %d s and ends", self._settings.current.idle_unload_s)
            self._keep(asyncio.create_task(self.close()))

    def _keep(self, task: "asyncio.Task[Kept]") -> "asyncio.Task[Kept]":
        """Hold on to a task that nobody else may hold on to."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _be(self, state: State) -> None:
        if state != self._state:
            self._state = state
            status = self.status()
            self._events.publish("worker", {"state": state, "pid": status.pid, "engine": status.engine})
