"""The workers of the daemon, one a device; the scheduler gives each its own job."""

import asyncio
from collections.abc import Mapping, Sequence

from mien_api.errors import JobUnfinished
from mien_daemon.config import Config, LiveSettings
from mien_daemon.events import Events
from mien_daemon.worker.devices import list_devices
from mien_daemon.worker.supervisor import State, WorkerStatus, WorkerSupervisor

# Which worker looks at a picture: one that waits, else one that has to start, else one that works.
_QUICKEST: tuple[State, ...] = ("idle", "starting", "stopped", "busy", "restarting", "degraded")
# Which worker speaks for all where a single one is shown.
_TELLING: tuple[State, ...] = ("busy", "starting", "idle", "restarting", "stopped", "degraded")


def _wait_for(worker: WorkerSupervisor) -> tuple[int, bool, bool]:
    """The smaller, the sooner it looks at a picture. One that only helps with a clip is as good as one that waits.

    Of those at work, one whose batch job is held for a person's begins first: that job stops at once.
    """
    state: State = "idle" if worker.is_lent else worker.status().state
    return _QUICKEST.index(state), not worker.is_held, worker.is_lent


class WorkerPool:
    """All workers; each keeps its own process, and dies and starts again alone."""

    def __init__(self, workers: Sequence[WorkerSupervisor]) -> None:
        """`workers` are one or more."""
        self.workers = workers

    @classmethod
    def open(cls, config: Config, settings: LiveSettings, events: Events) -> "WorkerPool":
        """A worker for every device of the setting; none is started."""
        devices = list_devices(config.settings.devices)
        return cls([WorkerSupervisor(config, settings, events, device=device) for device in devices])

    def statuses(self) -> list[WorkerStatus]:
        """How each worker is."""
        return [worker.status() for worker in self.workers]

    def status(self) -> WorkerStatus:
        """How the one is that a person would ask about; degraded only when all are."""
        return min(self.statuses(), key=lambda status: _TELLING.index(status.state))

    def warm(self) -> None:
        """Start the first worker with what every swap needs; the others start when they are needed."""
        self.workers[0].warm()

    async def find_faces(self, picture: str) -> Sequence[Mapping[str, object]]:
        """The faces of a picture file, by the worker that can look soonest; raises as `Executor.run` does."""
        return await min(self.workers, key=_wait_for).find_faces(picture)

    async def unload(self, device: str | None = None) -> None:
        """End the processes of a device, or all, and give their memory back.

        Raises:
            JobUnfinished: one of them is at work; none is ended then.
        """
        chosen = [worker for worker in self.workers if device in (None, worker.status().device)]
        if any(worker.status().state == "busy" for worker in chosen):
            raise JobUnfinished("the worker is at work; cancel the job first")
        for worker in chosen:
            await worker.unload()

    def reset_deaths(self) -> None:
        """Forget the deaths and start again now: a person asked for it."""
        for worker in self.workers:
            worker.reset_deaths()

    async def shut(self) -> None:
        """End the processes for good."""
        await asyncio.gather(*(worker.shut() for worker in self.workers))
