"""How a worker process begins: which interpreter starts it, what it is told first, and what it stands on."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from mien_core.program import command_for, windowless
from mien_core.threads import THREADS
from mien_daemon.config import Config, LiveSettings
from mien_daemon.worker.messages import SetUp
from mien_daemon.worker.process import Stamp, WorkerProcess, stamp_of
from mien_models.environments.environment import EngineEnvironment, find_engine_python

log = logging.getLogger(__name__)

# What signs results, below the state folder: `mien_pipeline.trust.authority` writes it, last when it makes a new key.
CERTIFICATE = "credentials/chain.pem"


class WorkerLauncher:
    """Starts worker processes of one kind: for these folders, with these variables."""

    def __init__(
        self,
        config: Config,
        settings: LiveSettings,
        folders: Sequence[Path],
        log: IO[bytes] | None,
        variables: Mapping[str, str],
    ) -> None:
        """Nothing is started yet.

        Args:
            config, settings: the daemon's.
            folders: as `SetUp` says.
            log: where a worker writes what it has to say; None for this process's standard error.
            variables: what its environment has beside this process's own.
        """
        self._config = config
        self._settings = settings
        self._folders = [str(folder) for folder in folders]
        self._log = log
        self._variables = variables

    async def launch(self, on_end: Callable[[WorkerProcess, int], None]) -> WorkerProcess:
        """Start a process; it is not ready yet.

        Args:
            on_end: told of the process and its status when it ends.

        Raises:
            OSError: the system starts none.
        """
        environment = self._environment()
        started = await asyncio.create_subprocess_exec(
            *command_for("worker", interpreter=find_engine_python(self._config.folders.models)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._log,
            env={**THREADS, **os.environ, **self._variables},
            **windowless(),
        )
        process = WorkerProcess(started, self._config.heartbeat_timeout_s, on_end)
        process.stands_on = None, environment
        return process

    async def make_ready(self, process: WorkerProcess) -> bool:
        """Tell the process what it works with, and wait; returns whether it is ready, and has not died of it."""
        began = time.monotonic()
        folders = self._config.folders
        await process.send(
            SetUp(
                runtime=self._config.worker,
                state=str(folders.state),
                models=str(folders.models),
                offline=self._settings.current.offline,
                folders=self._folders,
            )
        )
        ready = asyncio.create_task(process.ready.wait())
        await asyncio.wait([ready, process.ended], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if not process.ready.is_set():
            return False
        log.info("worker %d is ready after %.0f ms", process.process.pid, 1000 * (time.monotonic() - began))
        process.stands_on = self._certificate(), process.stands_on[1]  # the first worker makes the certificate
        return True

    def is_current(self, process: WorkerProcess) -> bool:
        """Whether it signs with the certificate of now, and runs in the engines' environment of now."""
        return process.stands_on == (self._certificate(), self._environment())

    def _certificate(self) -> Stamp | None:
        """Which certificate signs now, by its file; None before the first."""
        return stamp_of(self._config.folders.state / CERTIFICATE)

    def _environment(self) -> Stamp | None:
        """Which environment engines run in now; None where there is none."""
        return stamp_of(EngineEnvironment(self._config.folders.models).note)
