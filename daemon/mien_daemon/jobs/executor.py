"""What runs jobs, as the scheduler sees it: one worker a device."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from mien_daemon.worker.messages import Finished, RunJob
from mien_daemon.worker.process import OnProgressed
from mien_daemon.worker.readiness import Readiness


class Executor(Protocol):
    """Runs one job at a time. Every implementation keeps `tests/daemon/jobs/test_executor.py`."""

    @property
    def engine(self) -> str | None:
        """The engine in its memory; jobs of the same engine begin there without loading another."""
        ...

    @property
    def is_wanted(self) -> bool:
        """Whether a search for faces waits for what it does; there is an event when that begins."""
        ...

    def readiness(self) -> Readiness:
        """How soon work would begin."""
        ...

    async def available(self) -> None:
        """Return when work would begin at once; wait as long as that takes.

        Raises:
            WorkerDied: it is shut down and will take nothing more.
        """
        ...

    async def run(self, work: RunJob, on_progressed: OnProgressed) -> Finished:
        """Do `work`; the result lies at `work.output` when this returns.

        Raises:
            WorkerGone: nothing was begun; ask `available` again.
            WorkerDied: it ended in the middle.
            Cancelled: `cancel` was called.
            MienError: what was refused.
        """
        ...

    async def cancel(self, work_id: str) -> None:
        """Stop this work if it runs; for work that it does not know, do nothing."""
        ...

    async def interrupt(self, work_id: str) -> None:
        """As `cancel`, but only ask: it stops at its next step, however long that takes."""
        ...

    async def hold(self, work_id: str, *, hold: bool) -> bool:
        """Let this work wait at its next step, or go on; whether it does so.

        It does nothing for work that does not run, or that takes nothing from what others compute on.
        """
        ...

    async def find_faces(self, picture: str) -> Sequence[Mapping[str, object]]:
        """The faces of a picture file, as the API shows them; raises as `run` does."""
        ...
