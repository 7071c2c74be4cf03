"""The worker as the daemon has it: started when there is work, ended when there is none, started again when it died."""

import asyncio
import contextlib
import logging
import secrets
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from mien_api.errors import JobUnfinished, WorkerDied
from mien_daemon.config import Config, LiveSettings
from mien_daemon.events import Events
from mien_daemon.worker.messages import Begin, Faces, FindFaces, Finished, RunJob
from mien_daemon.worker.process import Life, OnProgressed, command
from mien_pipeline.device import device_name

log = logging.getLogger(__name__)

State = Literal["stopped", "starting", "idle", "busy", "restarting", "degraded"]
Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class Status:
    """What health says of the worker."""

    state: State
    pid: int | None
    engine: str | None
    device: str
    deaths: int


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
