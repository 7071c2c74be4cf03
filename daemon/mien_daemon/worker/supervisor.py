"""The worker of the daemon: started when there is work, ended when it idles, started again when it died."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from mien_api.errors import JobUnfinished, WorkerDied
from mien_core.errors import LibraryMissing, MarkingFailed
from mien_daemon.background import BackgroundTasks
from mien_daemon.config import Config, LiveSettings
from mien_daemon.events import Events
from mien_daemon.worker.deaths import Deaths
from mien_daemon.worker.devices import WorkerDevice
from mien_daemon.worker.launch import WorkerLauncher
from mien_daemon.worker.messages import Faces, FindFaces, Finished, RunJob
from mien_daemon.worker.process import OnProgressed, WorkerGone, WorkerProcess
from mien_daemon.worker.readiness import Readiness
from mien_pipeline.device import device_name

log = logging.getLogger(__name__)

State = Literal["stopped", "starting", "idle", "busy", "restarting", "degraded"]


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """What health says of the worker."""

    state: State
    pid: int | None
    engine: str | None
    device: str
    deaths: int


class WorkerSupervisor:
    """The first `Executor`: one worker process at a time, which may hang or die at any moment."""

    def __init__(
        self,
        config: Config,
        settings: LiveSettings,
        events: Events,
        folders: Sequence[Path] = (),
        log: IO[bytes] | None = None,
        device: WorkerDevice | None = None,
    ) -> None:
        """Nothing is started yet.

        Args:
            config, settings, events: the daemon's.
            folders: as `SetUp` says.
            log: where the worker writes what it has to say; None for this process's standard error.
            device: where it computes; None leaves that to it.
        """
        self._config = config
        self._settings = settings
        self._events = events
        self._process: WorkerProcess | None = None
        self._state: State = "stopped"
        self._device = device.name if device else device_name()
        self._launcher = WorkerLauncher(config, settings, folders, log, device.environment if device else {})
        self._deaths = Deaths(config.restart_delays_s, config.deaths_window_s, config.max_deaths)
        self._starting = asyncio.Lock()
        self._deaths_reset = asyncio.Event()
        self._idle: asyncio.TimerHandle | None = None
        self._shut = False
        self.is_lent = False
        """Whether it helps with another worker's clip, which it leaves at once for other work."""
        self.is_held = False
        """Whether its work waits until a person's is done elsewhere; see `hold`."""
        self._searches = 0
        self._tasks = BackgroundTasks()

    def status(self) -> WorkerStatus:
        """How the worker is now."""
        process = self._process
        return WorkerStatus(
            self._state,
            process.process.pid if process else None,
            process.engine if process else None,
            self._device,
            self._deaths.recent,
        )

    @property
    def engine(self) -> str | None:
        """The engine in its memory."""
        return self._process.engine if self._process else None

    @property
    def is_wanted(self) -> bool:
        """See `Executor`."""
        return self._searches > 0

    def readiness(self) -> Readiness:
        """See `Executor`."""
        if self._state in ("restarting", "degraded"):
            return Readiness.WAITS
        return Readiness.READY if self._ready_process() else Readiness.STARTS

    async def available(self) -> None:
        """Return when a worker takes work; start one, after a pause if it died lately, when there is none.

        Waits as long as the worker is degraded. A caller that stops waiting does not stop the start.

        Raises:
            WorkerDied: the daemon is shutting down.
        """
        await self._tasks.finish(self._start_if_needed())

    def warm(self) -> None:
        """Start a worker that loads what every swap needs, so that the first one does not wait for it."""
        self._tasks.start(self._warm())

    async def _warm(self) -> None:
        with contextlib.suppress(WorkerDied):  # the daemon is shutting down
            await self._start_if_needed()

    async def _start_if_needed(self) -> None:
        async with self._starting:
            while not self._shut:
                if process := self._ready_process():
                    if process.busy or self._launcher.is_current(process):
                        self._start_idle_timer()
                        return
                    log.info("the worker ends: there is another key to sign with, or another environment to run in")
                    await self.close()
                await self._recover()
                if not self._shut:
                    await self._start()
        raise WorkerDied("the daemon is shutting down")

    def _ready_process(self) -> WorkerProcess | None:
        process = self._process
        return process if process and process.ready.is_set() and not process.ended.done() else None

    async def run(self, work: RunJob, on_progressed: OnProgressed) -> Finished:
        """Have a job done; raises as `WorkerProcess.ask` does."""
        self.is_lent = work.kind == "help"
        try:
            answer = await self._ask(work, on_progressed)
        finally:
            self.is_lent = self.is_held = False
        if not isinstance(answer, Finished):
            raise RuntimeError("the worker answered something else")
        return answer

    async def find_faces(self, picture: str) -> Sequence[Mapping[str, object]]:
        """The faces of a picture, after what runs now; raises as `WorkerProcess.ask` does."""
        await self.available()
        self._searches += 1
        self._tell_state()  # what runs may stop for it
        try:
            answer = await self._ask(FindFaces(secrets.token_hex(8), picture), lambda _: None)
        finally:
            self._searches -= 1
        if not isinstance(answer, Faces):
            raise RuntimeError("the worker answered something else")
        return answer.faces

    async def cancel(self, work_id: str) -> None:
        """Stop this work, by killing the process if need be; for work that it does not do, do nothing."""
        if self._process:
            await self._process.cancel(work_id, self._config.cancel_grace_s)

    async def interrupt(self, work_id: str) -> None:
        """See `Executor`."""
        if self._process:
            await self._process.interrupt(work_id)

    async def hold(self, work_id: str, *, hold: bool) -> bool:
        """See `Executor`. Work on a card of its own is not held: it takes few of the processors."""
        if self._process is None or self._device != "cpu":
            return False
        is_told = await self._process.hold(work_id, hold=hold)
        if is_told:
            self.is_held = hold
        return is_told

    async def unload(self) -> None:
        """End the process and give its memory back.

        Raises:
            JobUnfinished: it is at work.
        """
        if self._process and self._process.busy:
            raise JobUnfinished("the worker is at work; cancel the job first")
        await self.close()

    def reset_deaths(self) -> None:
        """Forget the deaths and start again now: a person asked for it."""
        self._deaths.reset()
        self._deaths_reset.set()

    async def shut(self) -> None:
        """End the process for good."""
        self._shut = True
        self._deaths_reset.set()
        await self.close()
        await self._tasks.wait()  # one that is just being started or ended, too

    async def close(self) -> None:
        """End the process, at work or not; the next job starts another."""
        self._stop_idle_timer()
        process, self._process = self._process, None
        if process:
            await self._tasks.finish(process.kill())  # `shut` waits for an end that another caller began
        self._set_state("stopped")

    async def _ask(self, work: RunJob | FindFaces, on_progressed: OnProgressed) -> Finished | Faces:
        process = self._ready_process()
        if process is None:
            raise WorkerGone
        self._stop_idle_timer()
        self._set_state("busy")
        try:
            answer = await process.ask(work, on_progressed)
        except (LibraryMissing, MarkingFailed, RuntimeError):
            # It began without a library or a key, or its cage closed around folders that are no more: a new one
            # looks again.
            if not process.busy:
                await self.close()
            raise
        finally:
            if not process.ended.done() and not process.busy:
                self._set_state("idle")
                self._start_idle_timer()
        self._deaths.end_row()
        return answer

    async def _start(self) -> None:
        """Start a process and wait until it is ready, or has died of it."""
        self._set_state("starting")
        try:
            process = self._process = await self._launcher.launch(self._note_end)
        except OSError:
            log.exception("the worker could not be started")
            self._count_death()
            return
        if self._shut:
            await self.close()
        elif await self._launcher.make_ready(process):
            self._set_state("idle")

    def _note_end(self, process: WorkerProcess, status: int) -> None:
        """Let go of a process that ended; an end that the daemon did not cause is a death."""
        if self._process is process:
            self._process = None
            self._set_state("stopped")
        if not process.unwanted:
            log.error("worker %d died with status %d", process.process.pid, status)
            self._count_death()

    def _count_death(self) -> None:
        self._deaths.add()
        self._set_state("degraded" if self._deaths.is_degraded else "restarting")

    async def _recover(self) -> None:
        """Wait until another start makes sense: the delay after a death, and longer while degraded."""
        if self._deaths.in_a_row == 0:
            return
        await self._pause("restarting", self._deaths.delay_s)
        while self._deaths.is_degraded and not self._shut:
            await self._pause("degraded", self._deaths.degraded_for_s)

    async def _pause(self, state: State, seconds: float) -> None:
        """Wait so long, or until a person asks for a start at once."""
        self._set_state("degraded" if self._deaths.is_degraded else state)
        if not self._shut:
            self._deaths_reset.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._deaths_reset.wait(), max(seconds, 0.0))

    def _start_idle_timer(self) -> None:
        """Begin to count the idle time."""
        self._stop_idle_timer()
        self._idle = asyncio.get_running_loop().call_later(self._settings.current.idle_unload_s, self._end_if_idle)

    def _stop_idle_timer(self) -> None:
        if self._idle:
            self._idle.cancel()
            self._idle = None

    def _end_if_idle(self) -> None:
        """End the process when the idle time is over."""
        if self._process and not self._process.busy:
            log.info("the worker had nothing to do for %d s and ends", self._settings.current.idle_unload_s)
            self._tasks.start(self.close())

    def _set_state(self, state: State) -> None:
        if state != self._state:
            self._state = state
            self._tell_state()

    def _tell_state(self) -> None:
        status = self.status()
        self._events.publish("worker", {"state": status.state, "pid": status.pid, "engine": status.engine})
