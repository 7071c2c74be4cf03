"""The reference library as the daemon uses it: off the event loop, and forgotten by the worker after a withdrawal."""

import asyncio
import logging

from mien_api.errors import JobUnfinished
from mien_core.errors import UnknownReference
from mien_daemon.events import Events
from mien_daemon.references.library import ReferenceLibrary
from mien_daemon.worker.supervisor import Worker

log = logging.getLogger(__name__)


class OpenLibrary:
    """The library of a running daemon."""

    def __init__(self, library: ReferenceLibrary, worker: Worker, events: Events) -> None:
        self.library = library
        self._worker = worker
        self._events = events
        self._unloading: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Remove what an interrupted change left. A library that cannot be read does not stop the daemon."""
        try:
            await asyncio.to_thread(self.library.remove_leftovers)
        except (UnknownReference, OSError) as error:
            log.warning("reference-leftovers-kept: %s", type(error).__name__)

    def forget_in_memory(self) -> None:
        """End the worker as soon as it is idle: it keeps the last few references prepared."""
        task = asyncio.create_task(self._unload())
        self._unloading.add(task)
        task.add_done_callback(self._unloading.discard)

    async def close(self) -> None:
        for task in list(self._unloading):
            task.cancel()
        await asyncio.gather(*self._unloading, return_exceptions=True)

    async def _unload(self) -> None:
        while True:
            since = self._events.last
            try:
                return await self._worker.unload()
            except JobUnfinished:
                await self._events.beyond(since)

    async def picture(self, reference_id: str) -> bytes:
        """The decrypted picture; raises `UnknownReference`."""
        return await asyncio.to_thread(self.library.picture, reference_id)

    async def require(self, reference_id: str) -> None:
        """Return if there is such a reference that may be used now; raises `UnknownReference`."""
        await asyncio.to_thread(self.library.usable, reference_id)
