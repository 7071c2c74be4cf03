"""What has been kept for its time is deleted."""

import asyncio
import logging

from mien_core.errors import MienError
from mien_daemon.config import DAY_S
from mien_daemon.jobs.store import JobStore
from mien_daemon.pictures.blobs import PictureBlobs
from mien_daemon.state.check import StateCheck

log = logging.getLogger(__name__)

SWEEP_S = 60.0
FORGET_S = 30.0 * DAY_S  # how long the list still shows a job whose result is gone


async def expire(store: JobStore, blobs: PictureBlobs, check: StateCheck) -> None:
    """Delete, once a minute and for ever, what has been kept for its time."""
    while True:
        try:
            if check.is_due:
                await check.start()
            await store.expire(FORGET_S)
            await blobs.sweep()
        except MienError as error:
            log.warning("what has expired is deleted later: %s", error.code)
        except Exception:
            log.exception("what has expired could not be deleted")
        await asyncio.sleep(SWEEP_S)
