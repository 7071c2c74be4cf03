"""The reference library as the daemon uses it: off the event loop, and forgotten by the workers after a withdrawal."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from mien_api.errors import JobUnfinished
from mien_core.errors import KeyUnavailable, UnknownReference
from mien_daemon.background import BackgroundTasks
from mien_daemon.events import Events
from mien_daemon.references.library import ReferenceLibrary
from mien_daemon.worker.supervisor import WorkerSupervisor

log = logging.getLogger(__name__)


class OpenLibrary:
    """The library of a running daemon."""

    def __init__(self, library: ReferenceLibrary, workers: Sequence[WorkerSupervisor], events: Events) -> None:
        self.library = library
        self._workers = workers
        self._events = events
        self._unloading = BackgroundTasks()

    async def start(self) -> None:
        """Remove what an interrupted change left. A library that cannot be read does not stop the daemon."""
        try:
            await asyncio.to_thread(self.library.remove_leftovers)
        except (KeyUnavailable, UnknownReference, OSError) as error:
            log.warning("reference-leftovers-kept: %s", type(error).__name__)

    def forget_in_memory(self) -> None:
        """End each worker as soon as it is idle: it keeps the last few references prepared."""
        for worker in self._workers:
            self._unloading.start(self._unload(worker))

    async def close(self) -> None:
        await self._unloading.stop()

    async def _unload(self, worker: WorkerSupervisor) -> None:
        while True:
            since = self._events.last
            try:
                return await worker.unload()
            except JobUnfinished:
                await self._events.wait_beyond(since)

    async def pictures(self, reference_id: str) -> Mapping[str, bytes]:
        """The decrypted pictures of a person, by id; raises `UnknownReference`."""
        return await asyncio.to_thread(self.library.pictures, reference_id)

    async def names(self, people: Iterable[str]) -> dict[str, str]:
        """What the library calls those of `people` ("ref:ID", or a picture) who are in it, as far as it can be read."""
        return await asyncio.to_thread(self._read_names, [one for one in people if one.startswith("ref:")])

    def _read_names(self, people: Iterable[str]) -> dict[str, str]:
        names: dict[str, str] = {}
        for person in people:
            with suppress(KeyUnavailable, UnknownReference, OSError):
                names[person] = self.library.record(person.removeprefix("ref:")).consent.label
        return names

    async def count(self, reference_id: str) -> int:
        """How many pictures there are of a person whose face may be used now; raises `UnknownReference`."""
        return len((await asyncio.to_thread(self.library.usable, reference_id)).pictures)
