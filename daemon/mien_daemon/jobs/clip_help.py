"""Executors that have no job help with the clips that others swap: they render segments of them."""

import asyncio
import logging
import secrets
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mien_core.errors import Cancelled
from mien_daemon.jobs.executor import Executor
from mien_daemon.worker.messages import RunJob
from mien_daemon.worker.process import WorkerGone
from mien_daemon.worker.readiness import Readiness

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0  # until an executor that was not well is looked at again
AGAIN_S = 0.1  # until an executor that was told to stop is told again: it may not have begun when it was told


@dataclass(eq=False, slots=True)
class Offer:
    """A clip at work with which others may help."""

    work: RunJob
    is_open: bool = True
    over: asyncio.Event = field(default_factory=asyncio.Event)
    guests: set["asyncio.Task[None]"] = field(default_factory=set["asyncio.Task[None]"])


class ClipHelp:
    """Lends executors to clips at work until a job needs them. The clip's worker makes what is left half done."""

    def __init__(self) -> None:
        self._offers: dict[str, Offer] = {}
        self._changed = asyncio.Event()

    def offer(self, work: RunJob) -> None:
        """Let others help with this work from now on."""
        if work.id not in self._offers:
            self._offers[work.id] = Offer(work)
            self._changed.set()

    async def withdraw(self, job_id: str) -> None:
        """Stop all help with this job. Every guest has stopped when this returns."""
        if offer := self._offers.pop(job_id, None):
            offer.over.set()
            if offer.guests:
                await asyncio.wait(offer.guests)

    async def lend(self, executor: Executor, until: Coroutine[Any, Any, None]) -> None:
        """Have an executor help where it can until `until` returns."""
        needed = asyncio.ensure_future(until)
        try:
            while not needed.done():
                offer = next((each for each in self._offers.values() if each.is_open), None)
                if offer is None or executor.readiness() is Readiness.WAITS:
                    await self._until_offered(needed)
                else:
                    await self._help(executor, offer, needed)
            await needed
        finally:
            needed.cancel()

    async def _until_offered(self, needed: "asyncio.Future[None]") -> None:
        """Return when there is another offer, or the executor is needed, or it may be well again."""
        self._changed.clear()
        changed = asyncio.ensure_future(self._changed.wait())
        waits: list[asyncio.Future[Any]] = [needed, changed]
        try:
            timeout = LOOK_EVERY_S if self._offers else None
            await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()

    async def _help(self, executor: Executor, offer: Offer, needed: "asyncio.Future[None]") -> None:
        """Help with a clip until nothing is left to do, it is over, or the executor is needed elsewhere."""
        over, available = asyncio.ensure_future(offer.over.wait()), asyncio.ensure_future(executor.available())
        waits: list[asyncio.Future[Any]] = [needed, over, available]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if available.done():
                await available
            if needed.done() or offer.over.is_set() or not available.done():
                return
            await _render_until(executor, offer, [needed, over])
        finally:
            over.cancel()
            available.cancel()


async def _render_until(executor: Executor, offer: Offer, ends: Sequence["asyncio.Future[Any]"]) -> None:
    """Have segments rendered until nothing is left, or one of `ends` is done; then this has stopped."""
    guest_id = secrets.token_hex(8)
    guest = asyncio.create_task(_render(executor, offer, guest_id))
    offer.guests.add(guest)
    guest.add_done_callback(offer.guests.discard)
    try:
        await asyncio.wait([guest, *ends], return_when=asyncio.FIRST_COMPLETED)
        while not guest.done():
            await executor.cancel(guest_id)
            await asyncio.wait([guest], timeout=AGAIN_S)
    finally:
        guest.cancel()  # the daemon stops


async def _render(executor: Executor, offer: Offer, guest_id: str) -> None:
    """Have segments rendered. No error of it is the job's: its own worker meets it too, or makes the segment."""
    try:
        await executor.run(replace(offer.work, id=guest_id, kind="help"), lambda _: None)
    except (Cancelled, WorkerGone):
        return
    except Exception as error:  # noqa: BLE001 said above
        log.warning("no more help with clip %s: %r", offer.work.id, error)
    offer.is_open = False
